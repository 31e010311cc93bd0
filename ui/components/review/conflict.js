// Somebody else saved first: both texts, and the person chooses or merges.

import { button, el } from "./dom.js";

const TEXTS = ["source", "target"];

export class Conflict {
  constructor(say, settle) {
    this.say = say;
    this.settle = settle;
    this.element = el("div", { class: "conflict", role: "alertdialog", "aria-label": say("conflict"), hidden: true });
  }

  /** `pair` {saved, mine}: the line as the server has it, and as it stands here; null hides the panel. */
  show(pair, context) {
    const now = pair ? JSON.stringify([pair.saved.id, pair.saved.revision, pair.saved.translation_revision]) : "";
    if (now === this.now) {
      if (pair) this.compare(pair);
      return;
    }
    this.now = now;
    this.element.hidden = !pair;
    if (!pair) { this.element.replaceChildren(); return; }
    const { say } = this;
    this.mine = {};
    const rows = TEXTS.filter((name) => pair.saved[name] !== pair.mine[name]).map((name) => {
      this.mine[name] = el("p", { class: "text", lang: context[`${name}_language`], dir: "auto" });
      return el("div", { class: "pair" },
        el("div", {}, el("h4", { text: `${say("theirs")} · ${say(name)}` }), el("p", { class: "text", lang: context[`${name}_language`], dir: "auto", text: pair.saved[name] })),
        el("div", {}, el("h4", { text: `${say("mine")} · ${say(name)}` }), this.mine[name]));
    });
    this.element.replaceChildren(
      el("p", { class: "lead", text: say("conflict_help") }), ...rows,
      el("div", { class: "row" },
        button("check", say("keep_mine"), () => this.settle("mine")),
        button("back", say("take_theirs"), () => this.settle("theirs")),
        rows.length ? button("plus", say("join_both"), () => this.settle("both", Object.keys(this.mine))) : null));
    this.compare(pair);
  }

  compare(pair) {
    for (const [name, node] of Object.entries(this.mine ?? {})) node.textContent = pair.mine[name];
  }
}
