// What a person did and the server has not confirmed yet, and texts that are typed but not saved.

const RESEND_MS = 6000;

/** Actions in the order they were made. Each is sent until its result comes back, and done once (the server knows ids). */
export class Outbox {
  constructor() {
    this.pending = [];
    this.count = 0;
    this.stem = Math.random().toString(36).slice(2, 8);
    this.sent = 0;
    this.timer = null;
    this.send = () => {};
  }

  put(kind, fields = {}) {
    this.count += 1;
    const action = { id: `${this.stem}-${this.count}`, kind, ...fields };
    this.pending.push(action);
    this.flush();
    return action.id;
  }

  flush() {
    if (this.queued) return;
    this.queued = true;
    queueMicrotask(() => {
      this.queued = false;
      if (!this.pending.length) return;
      this.send(this.pending.map((action) => ({ ...action })));
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.flush(), RESEND_MS);
    });
  }

  /** Actions that `results` (by id) answers, each with its result, in their order. */
  take(results) {
    const answered = this.pending.filter((action) => action.id in results);
    this.pending = this.pending.filter((action) => !(action.id in results));
    if (!this.pending.length) clearTimeout(this.timer);
    return answered.map((action) => [action, results[action.id]]);
  }

  stop() {
    clearTimeout(this.timer);
  }
}

/** Unsaved changes by line: `{source, target, speaker, start, end, mark}` and the revisions they were made on. */
export class Drafts {
  constructor(project, language) {
    this.key = `dubbing-drafts:${project}:${language}`;
    this.all = new Map();
    try {
      this.all = new Map(Object.entries(JSON.parse(sessionStorage.getItem(this.key) || "{}")));
    } catch { /* a store that cannot be read holds nothing */ }
    for (const draft of this.all.values()) { draft.saving = null; draft.again = false; }
  }

  get(id) {
    return this.all.get(id);
  }

  /** Change fields of a line's draft; it begins with the revisions that the person has before the eyes. */
  change(line, fields) {
    const draft = this.all.get(line.id) ?? { seen: [line.revision, line.translation_revision], saving: null };
    const before = { source: line.source, target: line.target, speaker: line.speaker, start: line.start,
      end: line.end, mark: line.mark };
    for (const [name, value] of Object.entries(fields)) {
      if (value === before[name] && !draft.saving && !draft.conflict) delete draft[name];
      else draft[name] = value;
    }
    if (Drafts.fields(draft).length || draft.saving || draft.conflict) this.all.set(line.id, draft);
    else this.all.delete(line.id);
    this.keep();
  }

  drop(id) {
    this.all.delete(id);
    this.keep();
  }

  keep() {
    const plain = {};
    for (const [id, draft] of this.all) plain[id] = { ...draft, saving: null };
    try {
      if (this.all.size) sessionStorage.setItem(this.key, JSON.stringify(plain));
      else sessionStorage.removeItem(this.key);
    } catch { /* private windows may forbid it; the drafts live on in memory */ }
  }

  /** The line as the person sees it: saved fields with the unsaved ones over them. */
  over(line) {
    const draft = this.all.get(line.id);
    if (!draft) return line;
    const shown = { ...line };
    for (const name of Drafts.fields(draft)) shown[name] = draft[name];
    return shown;
  }

  static fields(draft) {
    return ["source", "target", "speaker", "start", "end", "mark"].filter((name) => name in draft);
  }
}
