// What happens between the parts: the selected line, saving, the answers of the server, and what each key does.

import { el, later } from "./dom.js";
import { Drafts } from "./outbox.js";

// How often the page looks at what workers and other people have done.
const BUSY_MS = 2000;
const IDLE_MS = 8000;

export class Session {
  constructor(review, say) {
    this.review = review;
    this.say = say;
    this.lines = [];
    this.selected = null;
    this.commanded = 0;
    this.tellSelection = later((id) => this.put("select", { line: id }), 120);
  }

  get line() {
    return this.byId(this.selected);
  }

  byId(id) {
    return this.lines.find((line) => line.id === id);
  }

  put(kind, fields) {
    return this.review.outbox.put(kind, fields);
  }

  // from the server -----------------------------------------------------------------------------------------------

  update(data) {
    const { review } = this;
    this.data = data;
    this.lines = data.lines;
    for (const [action, result] of review.outbox.take(data.results)) this.answered(action, result);
    review.player.setMedia(data.media);
    review.timeline.setMedia({ duration: data.duration, source: data.media.source_peaks, dub: data.media.dub_peaks });
    review.list.show(data.lines, review.drafts, data.empty);
    if (data.command && data.command.n !== this.commanded) {
      this.commanded = data.command.n;
      this.obey(data.command);
    }
    if (!this.line) this.open(this.stay() ?? data.lines[0]?.id ?? null, false);
    else this.show();
    this.showElsewhere();
    this.onTime(review.player.time);
    review.measure();
    this.watchLater();
    if (!this.begun) this.saveAll(); // what another visit to the page left unsaved
    this.begun = true;
  }

  /** Ask for news after a while, unless something else does, or nobody looks. */
  watchLater() {
    clearTimeout(this.watching);
    this.watching = setTimeout(() => {
      if (document.visibilityState === "visible" && !this.review.outbox.pending.length) this.put("watch");
      else this.watchLater();
    }, this.data.busy ? BUSY_MS : IDLE_MS);
  }

  /** The line after the one that left the page. */
  stay() {
    const place = this.place ?? 0;
    return this.lines[Math.min(place, this.lines.length - 1)]?.id;
  }

  obey({ line, edit, seek }) {
    if (line && this.byId(line)) {
      this.open(line, true);
      if (edit) this.review.editor.focus();
      else this.review.list.focus(line);
    }
    if (seek !== undefined && seek !== null) this.review.player.seek(seek);
  }

  answered(action, result) {
    const { drafts } = this.review;
    if (action.kind === "save") this.saved(action, result, drafts);
    else if (!result.ok) this.tell(`${result.message ?? ""} ${result.hint ?? ""}`, true);
    else if (result.note) this.tell(result.note, false, result.undo);
    if (result.ok && result.select) {
      this.editing ||= action.kind === "split" || action.kind === "insert";
      this.commandLater(result.select, action.kind !== "delete");
    }
  }

  commandLater(line, edit) {
    queueMicrotask(() => {
      if (!this.byId(line)) return;
      this.open(line, true);
      if (edit) this.review.editor.focus();
      else this.review.list.focus(line);
    });
  }

  saved(action, result, drafts) {
    const draft = drafts.get(action.line);
    if (!draft) return;
    draft.saving = null;
    if (result.ok) {
      draft.seen = result.seen;
      delete draft.conflict;
      delete draft.error;
      for (const name of Drafts.fields(draft)) if (draft[name] === action.fields[name]) delete draft[name];
      if (!Drafts.fields(draft).length) drafts.drop(action.line);
      else drafts.keep();
      if (action.line === this.selected) this.review.editor.savedId = action.line;
      if (draft.again) { draft.again = false; this.save(action.line); }
    } else if (result.conflict) {
      draft.conflict = result.conflict;
      draft.seen = [result.conflict.revision, result.conflict.translation_revision];
      drafts.keep();
      this.tell(this.say("conflict"), true);
    } else {
      draft.error = { message: result.message ?? "", hint: result.hint ?? "" };
      drafts.keep();
    }
    const line = this.byId(action.line);
    if (line) this.updateRow(line);
  }

  // the selected line ---------------------------------------------------------------------------------------------

  select(id) {
    if (id === this.selected) { this.review.list.focus(id); return; }
    this.open(id, true);
    this.review.list.focus(id);
    const { player } = this.review;
    if (!player.isPlaying) player.seek(this.line.start);
  }

  edit(id) {
    this.select(id);
    this.review.editor.focus();
  }

  open(id, tells) {
    if (this.selected && this.selected !== id) this.save(this.selected);
    this.selected = id;
    this.place = this.lines.findIndex((line) => line.id === id);
    this.show();
    if (id) this.review.list.reveal(id);
    if (tells && id) this.tellSelection(id);
  }

  show() {
    const { review, line, data } = this;
    review.list.select(this.selected, review.editor.element);
    if (!line) { review.editor.element.remove(); review.timeline.setLines(this.lines, null); review.player.setLine(null); return; }
    this.place = this.lines.indexOf(line);
    review.editor.show(line, { speakers: data.speakers, source_name: data.source_name, target_name: data.target_name,
      source_language: data.source_language, target_language: data.language, layer: data.layer,
      source_pace: data.source_pace, pace: { ...data.pace, ...data.paces[review.drafts.over(line).speaker] } });
    this.showTimes();
    review.player.setLine({ start: line.start, end: line.end, number: line.n, clip: line.clip, side: line.side, clipStart: line.clip_start });
  }

  showTimes() {
    const { drafts, timeline } = this.review;
    const shown = this.lines.map((line) => drafts.over(line));
    const chosen = shown.find((line) => line.id === this.selected);
    timeline.setLines(shown, chosen ? { ...chosen, can_retime: !chosen.can.source } : null);
  }

  step(by, edits) {
    const place = this.lines.findIndex((line) => line.id === this.selected) + by;
    if (place < 0 || place >= this.lines.length) {
      this.save(this.selected);
      if (by > 0 ? this.data.has_more : this.data.offset > 0) this.put("page", { by, edit: edits });
      else this.tell(this.say(by > 0 ? "last_line" : "first_line"));
      return;
    }
    const { id } = this.lines[place];
    if (edits) { this.open(id, true); this.review.editor.focus(); if (!this.review.player.isPlaying) this.review.player.seek(this.line.start); }
    else this.select(id);
  }

  // saving --------------------------------------------------------------------------------------------------------

  changed(id) {
    const line = this.byId(id);
    if (line) this.updateRow(line);
    if (id === this.selected) this.showTimes();
  }

  /** A line's row as it stands; while its text is being typed with the fit of what is typed. */
  updateRow(line) {
    const { drafts, list, editor } = this.review;
    const draft = drafts.get(line.id);
    const typed = draft && line.id === this.selected && ["target", "start", "end"].some((name) => name in draft);
    list.update(typed ? { ...drafts.over(line), fit: editor.live } : drafts.over(line), draft);
  }

  save(id) {
    const { drafts, editor } = this.review;
    const draft = drafts.get(id);
    if (!draft || draft.conflict) return null;
    if (draft.saving) { draft.again = true; return draft.saving; }
    const fields = {};
    for (const name of Drafts.fields(draft)) fields[name] = draft[name];
    if (!Object.keys(fields).length) { drafts.drop(id); return null; }
    delete draft.error;
    draft.saving = this.put("save", { line: id, fields, seen: draft.seen });
    if (id === this.selected) editor.showState();
    return draft.saving;
  }

  saveAll() {
    for (const [id, draft] of this.review.drafts.all) if (!draft.error) this.save(id);
  }

  /** What to do about a conflict: keep mine, take theirs, or write both into the field for the person to merge. */
  settle(id, how, fields) {
    const { drafts, editor } = this.review;
    const draft = drafts.get(id);
    const saved = draft.conflict;
    delete draft.conflict;
    if (how === "theirs") drafts.drop(id);
    else if (how === "both") for (const name of fields) draft[name] = `${saved[name]} ${draft[name]}`;
    drafts.keep();
    if (how === "mine") this.save(id);
    this.changed(id);
    editor.refresh();
    if (how === "both") editor.focus(fields.at(-1));
    else this.review.list.focus(id);
  }

  retime(id, start, end, final) {
    const line = this.byId(id);
    if (!line) return;
    this.review.drafts.change(line, { start, end });
    this.review.editor.savedId = null;
    this.review.editor.refresh();
    this.updateRow(line);
    if (final) this.save(id);
  }

  markTime(name) {
    if (!this.line || this.line.can.source) return false;
    this.review.editor.change({ [name]: Math.round(this.review.player.time) }, true);
    return true;
  }

  // playing -------------------------------------------------------------------------------------------------------

  playLine(loop = this.review.player.loop) {
    if (!this.line) return false;
    const { start, end, target_ms: target } = this.review.drafts.over(this.line);
    const tail = this.review.player.mode === "source" ? end : Math.max(end, start + (target || 0));
    this.review.player.playRange(start, tail, loop);
    return true;
  }

  playOn() {
    this.review.player.playRange(this.review.player.isPlaying || !this.line ? this.review.player.time : this.line.start, null, false);
    return true;
  }

  loopLine() {
    if (!this.line) return;
    this.playLine(true);
  }

  onTime(ms) {
    const { timeline, list, player } = this.review;
    timeline.setTime(ms, player.isPlaying);
    const heard = this.lines.find((line) => ms >= line.start && ms < line.end);
    list.hear(heard?.id ?? null);
    const spoken = heard ? this.review.drafts.over(heard) : null;
    player.setCaption(spoken ? (player.mode === "source" ? spoken.source : spoken.target) : "");
  }

  onPlaying(runs) {
    if (!runs) this.onTime(this.review.player.time);
  }

  onMode() {
    this.onTime(this.review.player.time);
  }

  // telling -------------------------------------------------------------------------------------------------------

  tell(text, bad = false, undo = null) {
    const { notice } = this.review;
    notice.className = `notice shown ${bad ? "bad" : ""}`;
    notice.replaceChildren(el("span", { text: text.trim() }));
    if (undo) notice.append(el("button", { type: "button", text: this.say("undo"), on: { click: () => { this.put(undo.kind, undo); notice.className = "notice"; } } }));
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => { notice.className = "notice"; notice.replaceChildren(); }, undo ? 10000 : 5000);
  }

  /** Unsaved texts of lines that are not on this page. */
  showElsewhere() {
    const { elsewhere, drafts } = this.review;
    const away = [...drafts.all].filter(([id, draft]) => !this.byId(id) && !draft.saving);
    elsewhere.hidden = !away.length;
    elsewhere.replaceChildren();
    if (!away.length) return;
    elsewhere.append(el("span", { text: this.say("elsewhere", { n: away.length }) }),
      el("button", { type: "button", text: this.say("elsewhere_show"), on: { click: () => this.put("open", { line: away[0][0] }) } }));
  }
}
