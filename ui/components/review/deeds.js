// What a line can be made to do, by button or by key.

import { Session } from "./session.js";

const SEEK_MS = { back: -1000, forth: 1000, back_little: -100, forth_little: 100 };

/** A session with hands: splitting, merging, moving through review, and what each key does. */
export class Deeds extends Session {
  // what a line can be made to do ---------------------------------------------------------------------------------

  /** An action that follows the saving of the line's unsaved text: the server does it only when that worked. */
  follow(kind, fields) {
    const draft = this.review.drafts.get(this.selected);
    if (draft?.conflict) { this.tell(this.say("conflict"), true); return true; }
    const after = this.save(this.selected);
    this.put(kind, { line: this.selected, revision: this.line.revision, after, ...fields });
    return true;
  }

  refused(reason) {
    if (reason) this.tell(reason, true);
    return Boolean(reason);
  }

  take() {
    return this.refused(this.line?.can.take) || this.follow("take", {});
  }

  split(cursor) {
    if (this.refused(this.line?.can.structure)) return true;
    const { player } = this.review;
    const inside = player.time > this.line.start + 50 && player.time < this.line.end - 50;
    if (!cursor && !inside) { this.tell(this.say("split_where"), true); return true; }
    return this.follow("split", cursor ? { side: cursor.side, at: cursor.at } : { ms: Math.round(player.time) });
  }

  merge(step) {
    if (this.refused(this.line?.can.structure)) return true;
    if (!this.line[step < 0 ? "has_previous" : "has_next"]) return this.refused(this.say(step < 0 ? "no_previous" : "no_next"));
    return this.follow("merge", { step });
  }

  insert() {
    return this.refused(this.line?.can.insert) || this.follow("insert", { at: Math.round(this.review.player.time) });
  }

  remove() {
    if (this.refused(this.line?.can.structure)) return true;
    this.review.drafts.drop(this.selected);
    this.put("delete", { line: this.selected, revision: this.line.revision });
    return true;
  }

  move(layer, to) {
    return this.follow("move", { layer, to });
  }

  /** The move of the chosen layer that a key stands for, where this person may make it. */
  moveBy(to) {
    const { layer } = this.data;
    if (!this.line) return false;
    if (this.line.moves[layer].includes(to)) return this.move(layer, to);
    this.tell(this.say("cannot_move", { layer: this.say(`layer_${layer}`), state: this.say(`state_${this.line.states[layer]}`) }), true);
    return true;
  }

  // keys ----------------------------------------------------------------------------------------------------------

  /** Do what a key stands for; false leaves the key to the browser. */
  key(what, { text, index, event }) {
    const { review } = this;
    const { player, timeline } = review;
    if (what in SEEK_MS) { player.seek(player.time + SEEK_MS[what]); return true; }
    const edits = Boolean(text);
    switch (what) {
      case "save_next": this.save(this.selected); this.step(1, true); return true;
      case "new_line": return false;
      case "save": if (this.selected) this.save(this.selected); return true;
      case "leave": this.save(this.selected); review.list.focus(this.selected); return true;
      case "split": return this.split({ side: text.dataset.side, at: text.selectionStart });
      case "merge_previous":
        return text.selectionStart === 0 && text.selectionEnd === 0 && !event.repeat && !text.readOnly ? this.merge(-1) : false;
      case "approve_next": if (this.moveBy("approved")) this.step(1, edits); return true;
      case "memory": this.put("memory", { line: this.selected, index }); return true;
      case "play_line": return this.playLine();
      case "loop": player.setLoop(!player.loop); return true;
      case "play_on": return this.playOn();
      case "play": player.toggle(); return true;
      case "original_dub": player.setMode(player.mode === "source" ? "dub" : "source"); return true;
      case "side": player.setMode("side"); return true;
      case "mark_in": return this.markTime("start");
      case "mark_out": return this.markTime("end");
      case "previous": this.step(-1, edits); return true;
      case "next": this.step(1, edits); return true;
      case "edit": if (this.line) review.editor.focus(); return true;
      case "take": return this.take();
      case "approve": return this.moveBy("approved");
      case "request_changes": return this.moveBy("changes_requested");
      case "hand_in": return this.moveBy("needs_review");
      case "comment": this.put("comment", { line: this.selected, at: Math.round(player.time) }); return true;
      case "insert": return this.insert();
      case "delete": return this.remove();
      case "find": this.put("find", {}); return true;
      case "zoom_in": timeline.zoom(1.6); return true;
      case "zoom_out": timeline.zoom(1 / 1.6); return true;
      case "zoom_line": timeline.fit(); return true;
      case "previous_page": if (this.data.offset > 0) this.put("page", { by: -1 }); return true;
      case "next_page": if (this.data.has_more) this.put("page", { by: 1 }); return true;
      case "sheet": review.keys.show(); return true;
      default: return false;
    }
  }
}
