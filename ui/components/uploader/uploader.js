// Sends one file in pieces to /uploads and tells the page its id when all of it has arrived.
//
// A Job belongs to the browser tab, not to the drawn element: it goes on while another page of the workspace is
// shown, and is drawn again when its own page is. After a reload the person chooses the same file again; its
// fingerprint (name, size, time of change) leads to the upload that was begun, and the server says where it goes on.

const jobs = new Map(); // by the component's key
const views = new WeakMap(); // by the element that it is drawn in
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15000];

class Refusal extends Error {
  constructor(status, body) {
    super((body && body.error) || "");
    this.status = status;
    this.hint = (body && body.hint) || "";
    this.received = body && body.received;
  }
}

function send(method, url, { body = null, headers = {}, onProgress = null, job = null } = {}) {
  // XMLHttpRequest, because fetch tells nothing about how much has been sent.
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.responseType = "json";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (onProgress) request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () =>
      request.status < 300 ? resolve(request.response) : reject(new Refusal(request.status, request.response));
    request.onerror = request.ontimeout = () => reject(new Refusal(0, null));
    request.onabort = () => reject(new Refusal(-1, null));
    if (job) job.request = request;
    request.send(body);
  });
}

const storage = {
  key: (purpose, file) => `dubbing.upload.${purpose}.${file.name}.${file.size}.${file.lastModified}`,
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, id) { try { localStorage.setItem(key, id); } catch { /* private windows may refuse: no resuming there */ } },
  remove(key) { try { localStorage.removeItem(key); } catch { /* nothing was kept */ } },
};

class Job {
  constructor(file, data, changed) {
    Object.assign(this, { file, changed, id: null, sent: 0, state: "starting", problem: "", request: null, rate: 0 });
    this.purpose = data.purpose;
    this.piece = data.piece;
    this.headers = { [data.header]: "1" };
    this.memory = storage.key(data.purpose, file);
  }

  get percent() { return Math.floor((100 * this.sent) / this.file.size); }

  tell(state, problem = "") { this.state = state; this.problem = problem; this.changed(this); }

  async run() {
    // Paused and resumed at once, an older turn may still wait for an answer: it must not go on beside the new one.
    const turn = (this.turn = (this.turn || 0) + 1);
    const isMine = () => turn === this.turn && ["starting", "running", "lost"].includes(this.state);
    let failures = 0;
    while (isMine()) {
      try {
        if (this.id === null || this.state === "lost") {
          await this.find();
          // Speed is measured from here: a pause is no slowness.
          [this.from, this.since] = [this.sent, performance.now()];
        }
        if (!isMine()) return;
        this.tell("running");
        if (this.sent < this.file.size) await this.sendPiece();
        failures = 0;
        if (!isMine()) return;
        if (this.sent >= this.file.size) return await this.finish();
      } catch (refusal) {
        if (!(refusal instanceof Refusal)) return this.tell("failed", "unreadable");
        if (refusal.status === -1 || turn !== this.turn) return; // paused or cancelled: whoever did it has said so
        if (refusal.status === 409) { this.sent = refusal.received; continue; }
        if (refusal.status === 404 && this.id) { this.forget(); continue; }
        if (refusal.status === 401) return this.tell("paused", "signed_out");
        if (refusal.status && refusal.status < 500) return this.fail(refusal);
        if (refusal.status === 507) return this.fail(refusal);
        this.tell("lost");
        await this.rest(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
      }
    }
  }

  // The upload of this file that was begun before, or a new one.
  async find() {
    const known = this.id || storage.get(this.memory);
    if (known) {
      try {
        const upload = await send("GET", `/uploads/${encodeURIComponent(known)}`);
        if (upload.size === this.file.size) {
          this.id = upload.id;
          this.sent = upload.received;
          return;
        }
      } catch (refusal) {
        if (refusal.status !== 404) throw refusal;
      }
      this.forget();
    }
    const body = JSON.stringify({ name: this.file.name, size: this.file.size, purpose: this.purpose });
    const upload = await send("POST", "/uploads", { body, headers: { ...this.headers, "Content-Type": "application/json" } });
    this.id = upload.id;
    this.sent = upload.received;
    storage.set(this.memory, this.id);
  }

  async sendPiece() {
    const begin = this.sent;
    const piece = await this.file.slice(begin, begin + this.piece).arrayBuffer();
    if (this.state !== "running") throw new Refusal(-1, null);
    const upload = await send("PATCH", `/uploads/${encodeURIComponent(this.id)}`, {
      body: piece,
      headers: { ...this.headers, "Upload-Offset": String(begin), "Content-Type": "application/offset+octet-stream" },
      job: this,
      onProgress: (bytes) => {
        this.sent = begin + bytes;
        this.rate = (this.sent - this.from) / Math.max(1e-3, (performance.now() - this.since) / 1000);
        this.changed(this);
      },
    });
    this.sent = upload.received;
  }

  async finish() {
    this.tell("checking");
    const upload = await send("POST", `/uploads/${encodeURIComponent(this.id)}/finish`, { headers: this.headers });
    storage.remove(this.memory);
    this.id = upload.id;
    this.tell("done");
  }

  fail(refusal) {
    storage.remove(this.memory);
    this.said = [refusal.message, refusal.hint].filter(Boolean).join(" ");
    this.tell("failed", "refused");
  }

  forget() { storage.remove(this.memory); this.id = null; this.sent = 0; }

  rest(ms) {
    return new Promise((resolve) => {
      const wake = () => { clearTimeout(timer); window.removeEventListener("online", wake); resolve(); };
      const timer = setTimeout(wake, ms);
      window.addEventListener("online", wake);
      this.wake = wake;
    });
  }

  pause() {
    this.tell("paused");
    if (this.request) this.request.abort();
  }

  resume() {
    this.state = "lost"; // asks the server how far it is
    this.run();
  }

  async cancel() {
    const id = this.id;
    this.tell("cancelled");
    if (this.request) this.request.abort();
    if (this.wake) this.wake();
    storage.remove(this.memory);
    if (id) await send("DELETE", `/uploads/${encodeURIComponent(id)}`, { headers: this.headers }).catch(() => {});
  }

  // A file that arrived in an earlier visit, as if it had been sent now.
  static arrived(one, data, changed) {
    const job = new Job({ name: one.name, size: one.size, lastModified: 0 }, data, changed);
    return Object.assign(job, { id: one.id, sent: one.size, state: "done" });
  }

  get isBusy() { return ["starting", "running", "lost", "checking"].includes(this.state); }
}

window.addEventListener("beforeunload", (event) => {
  if ([...jobs.values()].some((job) => job.isBusy)) event.preventDefault();
});

function size(bytes) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (bytes >= 1000 && at < units.length - 1) { bytes /= 1000; at += 1; }
  return `${at ? bytes.toFixed(bytes < 10 ? 1 : 0) : bytes} ${units[at]}`;
}

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made[name] = value;
    else if (typeof value === "boolean") made.toggleAttribute(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

class View {
  constructor(root) {
    this.input = element("input", { type: "file", hidden: true, onchange: () => this.take(this.input.files[0]) });
    this.label = element("div", { class: "label" });
    this.hint = element("div", { class: "quiet" });
    this.body = element("div", { class: "row" });
    this.fill = element("div");
    this.bar = element("div", { class: "bar", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100", hidden: true }, this.fill);
    this.problem = element("div", { class: "problem", role: "alert" });
    this.said = element("div", { class: "unseen", "aria-live": "polite" });
    this.earlier = element("ul");
    this.zone = element("div", { class: "zone", role: "group", "data-testid": "uploader" },
      this.label, this.hint, this.body, this.bar, this.problem, this.earlier, this.said, this.input);
    this.zone.ondragover = (event) => { event.preventDefault(); this.zone.classList.add("over"); };
    this.zone.ondragleave = () => this.zone.classList.remove("over");
    this.zone.ondrop = (event) => {
      event.preventDefault();
      this.zone.classList.remove("over");
      if (!this.job || !this.job.isBusy) this.take(event.dataTransfer.files[0]);
    };
    root.append(this.zone);
  }

  update(component) {
    this.data = component.data;
    this.tellPage = component.setStateValue;
    const { label, hint, accept, texts } = this.data;
    this.label.textContent = label;
    this.zone.setAttribute("aria-label", label);
    this.hint.textContent = [hint, accept.length ? filled(texts.types, { types: accept.join(", ") }) : ""].filter(Boolean).join(" ");
    this.input.accept = accept.join(",");
    this.job = jobs.get(this.data.name) || null;
    // The page knows of it no more: a project has taken it, or it was removed.
    if (this.job && this.job.isTold && !this.data.known.includes(this.job.id)) this.drop();
    // Drawn anew after another page was shown: the page has forgotten the file since.
    if (this.job && this.job !== this.followed) this.job.isTold = false;
    this.followed = this.job;
    if (this.job) this.job.changed = () => this.draw();
    this.draw();
  }

  take(file) {
    if (!file) return;
    const { accept, texts, name } = this.data;
    this.mistake = "";
    if (accept.length && !accept.some((suffix) => file.name.toLowerCase().endsWith(suffix.toLowerCase())))
      this.mistake = filled(texts.wrong_type, { name: file.name, types: accept.join(", ") });
    else if (!file.size) this.mistake = filled(texts.empty, { name: file.name });
    this.input.value = "";
    if (this.mistake) return this.draw();
    this.job = this.followed = new Job(file, this.data, () => this.draw());
    jobs.set(name, this.job);
    this.job.run().catch(() => this.job.tell("failed", "refused"));
  }

  draw() {
    const job = this.job && this.job.state !== "cancelled" ? this.job : null;
    const state = job ? job.state : "empty";
    const { texts } = this.data;
    if (state === "done" && !job.isTold) {
      job.isTold = true;
      this.tellPage("file", { id: job.id, name: job.file.name, size: job.file.size });
    }
    // The buttons are made anew only when the state changes: a focused button must not vanish under the hand.
    if (this.drawn !== `${state}${job ? job.file.name : ""}`) {
      const hadFocus = this.body.contains(this.zone.getRootNode().activeElement);
      this.drawn = `${state}${job ? job.file.name : ""}`;
      this.body.replaceChildren(...this.controls(state, job));
      if (hadFocus) (this.body.querySelector("button") || this.zone).focus();
      this.said.textContent = this.text ? this.text.textContent : "";
    }
    if (this.text && job) this.text.textContent = this.line(job);
    this.bar.hidden = !job || ["done", "failed"].includes(state);
    if (job) {
      this.bar.setAttribute("aria-label", filled(texts.progress, { name: job.file.name }));
      this.bar.setAttribute("aria-valuenow", String(job.percent));
      this.fill.style.width = `${job.percent}%`;
      const quarter = Math.floor(job.percent / 25);
      if (quarter !== job.quarter && state === "running") this.said.textContent = filled(texts.said, { percent: job.percent });
      job.quarter = quarter;
    }
    const problem = job && job.problem ? job.said || texts[job.problem] : this.mistake || "";
    if (this.problem.textContent !== problem) this.problem.textContent = problem;
    this.drawEarlier(job);
  }

  line(job) {
    const { texts } = this.data;
    const values = { name: job.file.name, percent: job.percent, size: size(job.file.size), done: size(job.sent), speed: size(job.rate), left: this.left(job) };
    if (job.state === "running") return job.rate ? filled(texts.running, values) : texts.starting;
    return filled(texts[job.state] || "", values);
  }

  left(job) {
    const seconds = job.rate ? (job.file.size - job.sent) / job.rate : 0;
    const { texts } = this.data;
    return seconds < 90 ? filled(texts.seconds, { n: Math.ceil(seconds) }) : filled(texts.minutes, { n: Math.round(seconds / 60) });
  }

  controls(state, job) {
    const { texts } = this.data;
    const button = (text, onclick, first = false) => element("button", { type: "button", class: first ? "first" : "", onclick }, text);
    this.text = element("span", { class: "grow" });
    if (job) this.text.textContent = this.line(job);
    const cancel = () => button(texts.cancel, () => { job.cancel(); this.drop(); });
    if (state === "empty") return [button(texts.choose, () => this.input.click(), true), element("span", { class: "quiet" }, texts.drop)];
    if (state === "failed") return [this.text, button(texts.choose, () => this.input.click(), true)];
    if (state === "done") return [this.text, button(texts.another, () => { this.drop(); this.tellPage("file", null); this.draw(); })];
    if (state === "checking") return [this.text];
    if (state === "paused") return [this.text, button(texts.resume, () => job.resume(), true), cancel()];
    return [this.text, button(texts.pause, () => job.pause()), cancel()];
  }

  use(one) {
    this.job = this.followed = Job.arrived(one, this.data, () => this.draw());
    jobs.set(this.data.name, this.job);
    this.draw();
  }

  drop() {
    jobs.delete(this.data.name);
    this.job = null;
    this.draw();
  }

  drawEarlier(job) {
    const { earlier, texts, header } = this.data;
    const shown = job ? [] : earlier;
    const key = shown.map((one) => `${one.id}${one.received}`).join();
    if (key === this.earlierKey) return;
    this.earlierKey = key;
    const remove = (one, item) => {
      item.remove();
      send("DELETE", `/uploads/${encodeURIComponent(one.id)}`, { headers: { [header]: "1" } }).catch(() => {});
    };
    this.earlier.replaceChildren(...shown.map((one) => {
      const item = element("li", { class: "row" });
      const name = { name: one.name, percent: Math.floor((100 * one.received) / one.size), size: size(one.size) };
      const text = one.finished ? filled(texts.done, name) : filled(texts.unfinished, name);
      item.append(element("span", { class: "grow" }, text));
      if (one.finished)
        item.append(element("button", { type: "button", onclick: () => this.use(one) }, filled(texts.use, name)));
      item.append(element("button", { type: "button", onclick: () => remove(one, item) }, filled(texts.remove, name)));
      return item;
    }));
  }
}

export default function (component) {
  const root = component.parentElement;
  let view = views.get(root);
  if (!view) {
    view = new View(root);
    views.set(root, view);
  }
  view.update(component);
}
