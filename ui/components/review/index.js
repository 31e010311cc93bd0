// The review component: builds the parts once, hands them what the server sends, and sends back what a person does.

import { el, later, speaker } from "./dom.js";
import { Drafts, Outbox } from "./outbox.js";
import { Keys, keysOf } from "./keys.js";
import { Player } from "./player.js";
import { Timeline } from "./timeline.js";
import { Editor } from "./editor.js";
import { LineList } from "./lines.js";
import { Deeds } from "./deeds.js";

const mounted = new WeakMap();

class Review {
  constructor(root, data) {
    const say = speaker(data.texts);
    this.root = root;
    this.outbox = new Outbox();
    this.drafts = new Drafts(data.project, data.language);
    this.element = el("div", { class: "review-root" });
    root.append(this.element);
    const session = new Deeds(this, say);
    this.session = session;
    this.player = new Player(say, { play: keysOf("play"), line: keysOf("play_line"), on: keysOf("play_on"), loop: keysOf("loop") }, {
      time: (ms) => session.onTime(ms), playing: (runs) => session.onPlaying(runs), mode: () => session.onMode(),
      line: () => session.playLine(), on: () => session.playOn(), range: () => session.loopLine(),
    });
    this.timeline = new Timeline(say, {
      seek: (ms) => this.player.seek(ms), select: (id) => session.select(id), retime: (...edit) => session.retime(...edit),
    });
    this.editor = new Editor(say, this.drafts, {
      save: (id) => session.save(id), changed: (id) => session.changed(id), move: (layer, to) => session.move(layer, to),
      mark: (name) => session.markTime(name), take: () => session.take(), split: (cursor) => session.split(cursor),
      merge: (step) => session.merge(step), insert: () => session.insert(), remove: () => session.remove(),
      settle: (id, how, fields) => session.settle(id, how, fields),
    });
    this.list = new LineList(say, { select: (id) => session.select(id), edit: (id) => session.edit(id) });
    this.keys = new Keys(this.element, say, (what, from) => session.key(what, from));
    this.notice = el("div", { class: "notice", role: "status", "aria-live": "polite" });
    this.elsewhere = el("div", { class: "elsewhere", hidden: true });
    this.help = el("button", { type: "button", class: "help", title: `${say("keys")} (?)`, "aria-label": say("keys"), text: "?",
      on: { click: () => this.keys.show() } });
    this.timeline.element.querySelector(".zoom").append(this.help);
    this.element.append(el("div", { class: "top" }, this.player.element, this.timeline.element), this.elsewhere, this.list.element, this.notice);
    this.measure = later(() => this.fitHeight(), 60);
    window.addEventListener("resize", this.measure);
    this.leaving = (event) => { if (this.drafts.all.size) { session.saveAll(); event.preventDefault(); } };
    window.addEventListener("beforeunload", this.leaving);
    requestAnimationFrame(() => this.fitHeight());
  }

  /** The list takes what the window leaves below the player. */
  fitHeight() {
    const top = this.element.getBoundingClientRect().top + (this.scroller()?.scrollTop ?? 0);
    this.element.style.setProperty("--above", `${Math.round(Math.min(Math.max(0, top), innerHeight / 2))}px`);
    const ground = getComputedStyle(this.element).getPropertyValue("--st-background-color");
    this.element.classList.toggle("dark", isDark(ground));
  }

  scroller() {
    return this.root.host?.closest("[data-testid=stMain]");
  }

  stop() {
    window.removeEventListener("resize", this.measure);
    window.removeEventListener("beforeunload", this.leaving);
    this.session.saveAll();
    clearTimeout(this.session.watching);
    this.measure.drop();
    this.keys.stop();
    this.timeline.stop();
    this.player.stop();
    this.outbox.stop();
    this.element.remove();
  }
}

function isDark(colour) {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(colour.trim());
  const parts = hex ? hex.slice(1).map((part) => parseInt(part, 16)) : (colour.match(/\d+(\.\d+)?/g) ?? [255, 255, 255]).map(Number);
  return parts[0] * 0.299 + parts[1] * 0.587 + parts[2] * 0.114 < 128;
}

export default function mount({ data: bytes, parentElement, setTriggerValue }) {
  const data = JSON.parse(new TextDecoder().decode(bytes));
  let review = mounted.get(parentElement);
  const frame = `${data.project}:${data.language}:${data.locale}`;
  if (review && review.frame !== frame) { review.stop(); review = null; }
  if (!review) {
    review = new Review(parentElement, data);
    review.frame = frame;
    mounted.set(parentElement, review);
  }
  review.outbox.send = (actions) => setTriggerValue("actions", actions);
  review.session.update(data);
  const held = review;
  return () => { mounted.delete(parentElement); held.stop(); };
}
