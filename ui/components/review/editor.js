// The selected line, open for editing: texts side by side, who, when, on camera, review; counts and fit while typing.

import { button, el, forbid, forbidden, icon, later, parseTime, timecode } from "./dom.js";
import { estimate, syllablesOf } from "./estimate.js";
import { Conflict } from "./conflict.js";
import { keysOf } from "./keys.js";

export const STATE_ICON = { draft: "draft", needs_review: "eye", changes_requested: "back", approved: "check", locked: "lock" };
export const FIT_ICON = { green: "check", amber: "warn", red: "stop" };
const MOVE_ICON = { draft: "down", needs_review: "hand", changes_requested: "back", approved: "check", locked: "lock" };
// Steps that are shown by their word; the rarer ones by their icon.
const VERDICTS = new Set(["approved", "changes_requested", "needs_review"]);
export const LAYERS = ["transcript", "translation", "dub"];

export class Editor {
  constructor(say, drafts, tell) {
    this.say = say;
    this.drafts = drafts;
    this.tell = tell;
    this.line = null;
    this.build();
  }

  // building ------------------------------------------------------------------------------------------------------

  build() {
    const { say } = this;
    this.who = el("select", { "aria-label": say("speaker") });
    this.who.addEventListener("change", () => this.change({ speaker: this.who.value }, true));
    this.mark = el("select", { "aria-label": say("camera") });
    for (const value of ["auto", "on", "off"]) this.mark.append(el("option", { value, text: say(`camera_${value}`) }));
    this.mark.addEventListener("change", () =>
      this.change({ mark: { auto: null, on: true, off: false }[this.mark.value] }, true));
    this.times = { start: this.timeField("start", "mark_in"), end: this.timeField("end", "mark_out") };
    this.length = el("span", { class: "length" });
    this.lips = el("span", { class: "lips" });
    this.sides = { source: this.side("source"), target: this.side("target") };
    this.fit = el("div", { class: "fit" });
    this.meter = el("div", { class: "meter", "aria-hidden": "true" }, el("i", { class: "fill" }), el("i", { class: "slot" }));
    this.fitText = el("span", { class: "fit-text" });
    this.fitMore = el("span", { class: "fit-more" });
    this.fit.append(this.fitText, this.meter, this.fitMore);
    this.sides.target.box.append(this.fit);
    this.doubts = el("p", { class: "doubts" });
    this.sides.source.box.append(this.doubts);
    this.conflict = new Conflict(say, (how, fields) => this.tell.settle(this.line.id, how, fields));
    this.state = el("span", { class: "save-state", role: "status" });
    this.reason = el("p", { class: "reason" });
    this.review = el("div", { class: "review" });
    this.does = this.actions();
    this.element = el("section", { class: "editor", "aria-label": say("editor") },
      this.conflict.element, this.reason,
      el("div", { class: "facts" }, this.field("speaker", this.who), this.times.start.box, this.times.end.box, this.length,
        this.field("camera", this.mark), this.lips),
      el("div", { class: "texts" }, this.sides.source.box, this.sides.target.box),
      this.review,
      el("div", { class: "actions" }, ...Object.values(this.does), this.state));
  }

  field(name, control) {
    return el("label", { class: "field" }, el("span", { text: this.say(name) }), control);
  }

  timeField(name, key) {
    const input = el("input", { type: "text", inputmode: "decimal", "aria-label": this.say(name), class: "time", spellcheck: "false", autocomplete: "off" });
    const commit = () => {
      const ms = parseTime(input.value);
      input.classList.toggle("wrong", ms === null);
      input.setAttribute("aria-invalid", String(ms === null));
      if (ms !== null && ms !== this.shown[name]) this.change({ [name]: ms }, true);
      else if (ms !== null) input.value = timecode(ms);
    };
    input.addEventListener("change", commit);
    input.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 10, ArrowDown: -10 }[event.key];
      if (!step || event.altKey || event.ctrlKey || input.readOnly) return;
      event.preventDefault();
      event.stopPropagation();
      this.change({ [name]: Math.max(0, this.shown[name] + step * (event.shiftKey ? 10 : 1)) });
      this.saveSoon();
    });
    const here = button("down", this.say(key), () => this.tell.mark(name), { quiet: true, keys: keysOf(key) });
    here.dataset.hint = here.title;
    return { input, here, box: el("div", { class: "field" }, el("span", { text: this.say(name), "aria-hidden": "true" }), el("div", { class: "with" }, input, here)) };
  }

  side(name) {
    const area = el("textarea", { "data-side": name, rows: "2", dir: "auto", spellcheck: "true" });
    const title = el("span", { class: "title" });
    const counts = el("span", { class: "counts" });
    area.addEventListener("input", () => {
      grow(area);
      this.change({ [name]: area.value });
    });
    area.addEventListener("blur", () => { this.lastArea = area; });
    return { area, title, counts, box: el("div", { class: `side ${name}` }, el("div", { class: "above" }, title, counts), area) };
  }

  actions() {
    const { say, tell } = this;
    this.saveSoon = later(() => tell.save(this.line?.id), 700);
    const make = (what, name, call, extra = "") => {
      const node = button(name, say(what), () => !forbidden(node) && call(), { keys: keysOf(this.keyOf(what)), extra });
      node.dataset.hint = node.title;
      return node;
    };
    return {
      save: make("save", "save", () => tell.save(this.line.id), "primary"),
      take: make("take", "voice", () => tell.take()),
      split: make("split", "split", () => tell.split(this.cursor()), "rare"),
      up: make("merge_up", "up", () => tell.merge(-1), "rare"),
      down: make("merge_down", "down", () => tell.merge(1), "rare"),
      insert: make("insert", "insert", () => tell.insert(), "rare"),
      remove: make("delete", "remove", () => tell.remove(), "rare danger"),
    };
  }

  keyOf(what) {
    return { merge_up: "merge_previous" }[what] ?? what;
  }

  // showing -------------------------------------------------------------------------------------------------------

  /** Show a line; fields with unsaved text keep it. `context`: speakers, names of languages, pace, layer. */
  show(line, context) {
    const changed = this.line?.id !== line.id;
    if (changed) { this.saveSoon.now(); this.lastArea = null; }
    this.line = line;
    this.context = context;
    this.fillSpeakers(context.speakers);
    this.refresh();
  }

  refresh() {
    const { line, say } = this;
    if (!line) return;
    this.shown = this.drafts.over(line);
    for (const [name, side] of Object.entries(this.sides)) {
      const language = this.context[`${name}_language`];
      side.title.textContent = `${say(name)} · ${this.context[`${name}_name`]}`;
      side.area.lang = language;
      side.area.setAttribute("aria-label", side.title.textContent);
      setValue(side.area, this.shown[name]);
      side.area.readOnly = Boolean(line.can[name]);
      side.area.title = line.can[name];
      grow(side.area);
    }
    this.sides.target.area.placeholder = say("no_translation");
    this.showDoubts();
    this.who.value = this.shown.speaker;
    this.mark.value = this.shown.mark === null ? "auto" : this.shown.mark ? "on" : "off";
    for (const control of [this.who, this.mark]) { control.disabled = Boolean(line.can.source); control.title = line.can.source; }
    this.mark.disabled = Boolean(line.can.camera);
    for (const [name, { input, here }] of Object.entries(this.times)) {
      setValue(input, timecode(this.shown[name]));
      input.readOnly = Boolean(line.can.source);
      forbid(here, line.can.source);
    }
    this.lips.replaceChildren(icon(line.lip ? "mouth" : "no_mouth"),
      line.lip ? say("lip_yes") : say("lip_no", { why: say(`lip_${line.lip_reason || "disabled"}`) }));
    this.lips.classList.toggle("no", !line.lip);
    this.reason.textContent = line.can.target && line.can.source ? line.can.target : "";
    this.reason.hidden = !this.reason.textContent;
    this.refreshActions();
    this.showReview();
    this.count();
    this.showState();
  }

  /** Words of the source that were recognized with little confidence, as long as they stand in its text. */
  showDoubts() {
    const words = this.shown.source.split(/\s+/);
    const doubts = (this.line.doubts ?? []).filter(([word]) => words.includes(word));
    this.doubts.hidden = doubts.length === 0;
    this.doubts.replaceChildren(icon("doubt"), el("span", { text: this.say("doubts") }), ...doubts.flatMap(([word, confidence]) =>
      [" ", el("mark", { class: "doubt", text: word }), ` ${Math.round(100 * confidence)} %`]));
  }

  refreshActions() {
    const { line, say, does } = this;
    forbid(does.save, line.can.source && line.can.target ? line.can.target : "");
    forbid(does.take, line.can.take || (line.target || this.shown.target ? "" : say("no_translation")));
    forbid(does.split, line.can.structure);
    forbid(does.up, line.can.structure || (line.has_previous ? "" : say("no_previous")));
    forbid(does.down, line.can.structure || (line.has_next ? "" : say("no_next")));
    forbid(does.insert, line.can.insert);
    forbid(does.remove, line.can.structure);
    const busy = line.job && !line.job.over;
    does.take.classList.toggle("busy", Boolean(busy));
    does.take.querySelector(".label").textContent = busy ? say("take_busy") : say("take");
  }

  fillSpeakers(speakers) {
    const now = JSON.stringify(speakers);
    if (now === this.knownSpeakers) return;
    this.knownSpeakers = now;
    this.who.replaceChildren(...speakers.map(({ id, name }) => el("option", { value: id, text: name })));
  }

  /** The states of the three layers, each with the moves that this person may make. */
  showReview() {
    const { line, say } = this;
    const now = JSON.stringify([line.id, line.states, line.moves, line.stale_translation, line.stale_take, this.context.layer]);
    if (now === this.reviewed) return;
    const focused = this.review.contains(this.review.getRootNode().activeElement) ? this.review.getRootNode().activeElement.dataset.move : "";
    this.reviewed = now;
    this.review.replaceChildren(...LAYERS.map((layer) => {
      const state = line.states[layer];
      const moves = line.moves[layer].map((to) => {
        const name = say(`move_${moveName(state, to)}`);
        const quiet = !VERDICTS.has(moveName(state, to)) || (to === "needs_review" && line.moves[layer].includes("approved"));
        const node = button(MOVE_ICON[to], name, () => this.tell.move(layer, to), { extra: `move ${to}`, quiet });
        node.setAttribute("aria-label", `${name}: ${say(`layer_${layer}`)}`);
        node.dataset.move = `${layer}-${to}`;
        return node;
      });
      const stale = (layer === "translation" && line.stale_translation) || (layer === "dub" && line.stale_take);
      return el("div", { class: `layer ${layer === this.context.layer ? "chosen" : ""}`, role: "group", "aria-label": say(`layer_${layer}`) },
        el("span", { class: "layer-name", text: say(`layer_${layer}`) }),
        el("span", { class: `state ${state}` }, icon(STATE_ICON[state]), say(`state_${state}`)),
        stale ? el("span", { class: "state stale", title: say("stale_help") }, icon("stale"), say("stale")) : null, ...moves);
    }));
    if (focused) (this.review.querySelector(`[data-move="${focused}"]`) ?? this.review.querySelector("button") ?? this.sides.target.area).focus({ preventScroll: true });
  }

  /** Counts and the fit of what stands there now, saved or not. */
  count() {
    const { say, shown } = this;
    const { pace, source_pace: sourcePace } = this.context;
    const sourceSyllables = syllablesOf(shown.source, sourcePace);
    const slot = { start: shown.start, end: Math.max(shown.end, shown.start + 1), limit: Math.max(shown.limit + (shown.end > shown.limit ? shown.end - shown.limit : 0), shown.start + 1) };
    const found = estimate(shown.target, pace, slot, sourceSyllables);
    this.length.textContent = say("seconds", { n: ((slot.end - slot.start) / 1000).toFixed(2) });
    this.sides.source.counts.textContent = say("counts_source", { chars: Array.from(shown.source.trim()).length, syllables: sourceSyllables });
    this.sides.target.counts.textContent = say("counts_target", { chars: found.characters, syllables: found.syllables,
      budget: found.syllable_budget, cps: found.characters_per_second.toFixed(1) });
    this.fit.className = `fit ${found.natural_ms ? found.fit : "none"}`;
    this.live = found.natural_ms ? { word: found.fit, tempo: found.tempo, predicted: true } : null;
    if (!found.natural_ms) { this.fitText.replaceChildren(say("nothing_to_say")); this.fitMore.textContent = ""; this.meter.hidden = true; return; }
    this.meter.hidden = false;
    const word = say(`fit_${found.fit}`);
    this.fitText.replaceChildren(icon(FIT_ICON[found.fit]), `${word} · ${found.tempo.toFixed(2)}×`);
    const over = found.fit === "green" ? 0 : Math.max(0, found.syllables - found.syllable_budget);
    this.fitMore.textContent = [say("predicted", { natural: (found.natural_ms / 1000).toFixed(2), slot: ((slot.end - slot.start) / 1000).toFixed(2) }),
      found.borrowed_ms ? say("borrows", { n: (found.borrowed_ms / 1000).toFixed(2) }) : "",
      over ? say("over", { n: over }) : ""].filter(Boolean).join(" · ");
    const whole = Math.max(found.natural_ms, slot.limit - slot.start);
    this.meter.style.setProperty("--fill", `${(found.natural_ms / whole) * 100}%`);
    this.meter.style.setProperty("--slot", `${((slot.end - slot.start) / whole) * 100}%`);
  }

  showState() {
    const { line, say } = this;
    const draft = this.drafts.get(line.id);
    const [key, name] = draft?.conflict ? ["conflict", "warn"] : draft?.error ? ["not_saved", "warn"] : draft?.saving ? ["saving", "busy"]
      : draft ? ["unsaved", "draft"] : this.savedId === line.id ? ["saved", "check"] : ["", ""];
    const text = key === "not_saved" ? `${say(key)} ${draft.error.message} ${draft.error.hint}` : key ? say(key) : "";
    if (this.state.dataset.key !== key || this.state.dataset.text !== text) {
      this.state.dataset.key = key;
      this.state.dataset.text = text;
      this.state.replaceChildren(...(key ? [icon(name), text] : []));
    }
    this.conflict.show(draft?.conflict ? { saved: draft.conflict, mine: this.shown } : null, this.context);
  }

  // typing --------------------------------------------------------------------------------------------------------

  change(fields, saves = false) {
    this.savedId = null;
    this.drafts.change(this.line, fields);
    this.shown = this.drafts.over(this.line);
    const draft = this.drafts.get(this.line.id);
    if (draft) delete draft.error;
    this.count();
    this.showState();
    for (const [name, { input }] of Object.entries(this.times)) if (name in fields) input.value = timecode(this.shown[name]);
    this.tell.changed(this.line.id);
    if (saves) this.tell.save(this.line.id);
  }

  /** Where the text cursor stands, or stood: {side, at} or null. */
  cursor() {
    const active = this.element.getRootNode().activeElement;
    const area = active?.dataset?.side ? active : this.lastArea;
    return area ? { side: area.dataset.side, at: area.selectionStart } : null;
  }

  focus(side = "target") {
    const { area } = this.sides[this.line?.can[side] && side === "target" && !this.line.can.source ? "source" : side];
    area.focus({ preventScroll: true });
    area.setSelectionRange(area.value.length, area.value.length);
  }
}

/** What a step is called: coming back from "approved" and from "locked" have names of their own. */
function moveName(from, to) {
  if (from === "locked") return "unlock";
  return from === "approved" && to === "needs_review" ? "reopen" : to;
}

function setValue(control, value) {
  if (control.value !== value) control.value = value;
}

function grow(area) {
  area.style.height = "auto";
  if (area.scrollHeight) area.style.height = `${area.scrollHeight + 2}px`;
}
