// The list of the page's lines; the selected one holds the editor.

import { el, icon, timecode } from "./dom.js";
import { FIT_ICON, LAYERS, STATE_ICON } from "./editor.js";

export class LineList {
  constructor(say, tell) {
    this.say = say;
    this.tell = tell;
    this.rows = new Map();
    this.list = el("ol", { class: "rows", "aria-label": say("lines") });
    this.empty = el("p", { class: "empty" });
    this.element = el("div", { class: "list" }, this.empty, this.list);
  }

  /** Show `lines` (drafts already over them); rows that did not change stay untouched. */
  show(lines, drafts, emptyText) {
    this.empty.textContent = lines.length ? "" : emptyText;
    this.empty.hidden = lines.length > 0;
    const kept = new Set(lines.map((line) => line.id));
    for (const [id, row] of this.rows) if (!kept.has(id)) { row.item.remove(); this.rows.delete(id); }
    let before = this.list.firstChild;
    for (const line of lines) {
      const row = this.rows.get(line.id) ?? this.row(line.id);
      this.fill(row, drafts.over(line), drafts.get(line.id));
      if (row.item === before) before = before.nextSibling;
      else this.list.insertBefore(row.item, before);
    }
  }

  row(id) {
    const button = el("button", { type: "button", class: "row", "data-row": id, tabindex: "-1", on: {
      click: () => this.tell.select(id),
      dblclick: () => this.tell.edit(id),
    } });
    const item = el("li", {}, button);
    const row = { id, item, button, print: "" };
    this.rows.set(id, row);
    if (id === this.selected) this.mark(row);
    return row;
  }

  update(line, draft) {
    const row = this.rows.get(line.id);
    if (row) this.fill(row, line, draft);
  }

  fill(row, line, draft) {
    const unsaved = draft ? (draft.conflict ? "conflict" : draft.error ? "not_saved" : "unsaved") : "";
    const print = JSON.stringify([line, unsaved]);
    if (row.print === print) return;
    row.print = print;
    const { say } = this;
    const speaker = el("span", { class: "who", text: line.speaker_name });
    speaker.style.setProperty("--hue", String(line.hue));
    row.button.replaceChildren(
      el("span", { class: "number", text: String(line.n) }),
      el("span", { class: "when" }, el("span", { text: timecode(line.start, 1) }), el("small", { text: say("seconds", { n: ((line.end - line.start) / 1000).toFixed(1) }) })),
      speaker,
      el("span", { class: "both" },
        el("span", { class: "words source", lang: line.source_language, dir: "auto" }, ...this.source(line)),
        el("span", { class: `words target ${line.target ? "" : "missing"}`, lang: line.target_language, dir: "auto", text: line.target || say("no_translation") })),
      this.fit(line),
      el("span", { class: "states" }, ...LAYERS.map((layer) => this.layer(line, layer))),
      el("span", { class: "marks" }, ...this.marks(line, unsaved)));
  }

  /** The source text, words that were recognized with little confidence marked in it. */
  source(line) {
    const doubts = [...(line.doubts ?? [])];
    if (!doubts.length) return [line.source];
    return line.source.split(/(\s+)/).map((word) => {
      if (!doubts.length || doubts[0][0] !== word) return word;
      const [, confidence] = doubts.shift();
      return el("mark", { class: "doubt", title: this.say("doubt", { share: `${Math.round(100 * confidence)} %` }), text: word });
    });
  }

  fit(line) {
    if (!line.fit) return el("span", { class: "fit-badge none" });
    const { word, tempo, predicted } = line.fit;
    const text = this.say(`fit_${word}`);
    const hint = this.say(predicted ? "fit_predicted" : "fit_spoken");
    return el("span", { class: `fit-badge ${word}`, title: `${text} – ${hint}` }, icon(FIT_ICON[word]), el("span", { text }),
      el("small", { text: `${predicted ? "≈" : ""}${tempo.toFixed(2)}×` }));
  }

  layer(line, layer) {
    const state = line.states[layer];
    const title = `${this.say(`layer_${layer}`)}: ${this.say(`state_${state}`)}`;
    return el("span", { class: `ring ${state}`, title }, el("span", { "aria-hidden": "true", text: this.say(`short_${layer}`) }),
      icon(STATE_ICON[state]), el("span", { class: "read", text: title }));
  }

  marks(line, unsaved) {
    const { say } = this;
    const mark = (name, text, extra = "", shown = "") => el("span", { class: `mark ${extra}`, title: text }, icon(name),
      el("span", { class: shown ? "" : "read", text: shown || text }), shown ? el("span", { class: "read", text }) : null);
    const found = [];
    if (unsaved) found.push(mark("draft", say(unsaved), `is-${unsaved}`, say(`${unsaved}_short`)));
    if (line.job && !line.job.over) found.push(mark("busy", say("take_busy"), "busy", line.job.share === null ? say("take_waits") : `${Math.round(line.job.share * 100)} %`));
    if (line.job?.error) found.push(mark("warn", `${say("take_failed")} ${line.job.error}`, "bad", say("failed")));
    if (line.stale_translation) found.push(mark("stale", `${say("layer_translation")}: ${say("stale_help")}`, "stale", say("stale")));
    else if (line.stale_take) found.push(mark("stale", `${say("layer_dub")}: ${say("stale_help")}`, "stale", say("stale")));
    if (line.low) found.push(mark("doubt", say("low_confidence"), "stale", ""));
    if (line.comments) found.push(mark("comment", say("comments", { n: line.comments }), "", String(line.comments)));
    found.push(mark(line.lip ? "mouth" : "no_mouth", line.lip ? say("lip_yes") : say("lip_no", { why: say(`lip_${line.lip_reason || "disabled"}`) }), line.lip ? "" : "dim"));
    return found;
  }

  /** Put the editor below a row and bring it into view. */
  select(id, editor) {
    const old = this.rows.get(this.selected);
    if (old && this.selected !== id) {
      old.item.classList.remove("selected");
      old.button.removeAttribute("aria-current");
      old.button.tabIndex = -1;
    }
    this.selected = id;
    const row = this.rows.get(id);
    if (!row) { editor.remove(); return; }
    this.mark(row);
    if (editor.parentNode !== row.item) row.item.append(editor);
  }

  mark(row) {
    row.item.classList.add("selected");
    row.button.setAttribute("aria-current", "true");
    row.button.tabIndex = 0;
  }

  reveal(id) {
    const row = this.rows.get(id);
    if (!row) return;
    const box = this.element.getBoundingClientRect();
    const inner = this.element.scrollHeight > this.element.clientHeight + 1;
    const at = row.item.getBoundingClientRect();
    if (!inner) { row.item.scrollIntoView({ block: "nearest" }); return; }
    if (at.top < box.top) this.element.scrollTop += at.top - box.top - 8;
    else if (at.bottom > box.bottom) this.element.scrollTop += Math.min(at.bottom - box.bottom + 8, at.top - box.top - 8);
  }

  focus(id) {
    this.rows.get(id)?.button.focus({ preventScroll: true });
  }

  /** Which line is heard now. */
  hear(id) {
    if (this.heard === id) return;
    this.rows.get(this.heard)?.item.classList.remove("heard");
    this.rows.get(id)?.item.classList.add("heard");
    this.heard = id;
  }
}
