// The picture: source, dub and clips of takes, all at one time of the project; ranges, loops, and the switch between.

import { button, describe, el, forbid, icon, timecode } from "./dom.js";

const RATES = [0.5, 0.75, 1, 1.25, 1.5];
const PAIR_LAG_S = 0.06;

/** Video elements that stand over each other; one is seen and heard. Times are milliseconds of the project. */
export class Player {
  constructor(say, keys, tell) {
    this.say = say;
    this.tell = tell;
    this.mode = "source";
    this.range = null;
    this.loop = false;
    this.rate = 1;
    this.captions = true;
    this.tracks = {};
    this.wanted = null;
    for (const name of ["source", "dub", "clip", "side"]) this.tracks[name] = this.track(name);
    this.build(keys);
    this.show();
  }

  track(name) {
    const video = el("video", { preload: name === "source" ? "auto" : "metadata", playsinline: true, tabindex: "-1" });
    video.addEventListener("play", () => this.current === track && this.playing(true));
    video.addEventListener("pause", () => this.current === track && this.playing(false));
    video.addEventListener("seeked", () => this.current === track && this.tick());
    video.addEventListener("error", () => this.failed(track));
    video.addEventListener("loadedmetadata", () => this.current === track && this.place());
    const track = { name, video, url: "", offset: 0 };
    return track;
  }

  build(keys) {
    const { say } = this;
    this.caption = el("p", { class: "caption empty", "aria-hidden": "true" });
    this.badge = el("p", { class: "what" });
    this.message = el("p", { class: "trouble", role: "status" });
    this.stage = el("div", { class: "stage" }, ...Object.values(this.tracks).map((t) => t.video),
      this.badge, this.caption, this.message);
    this.stage.addEventListener("click", () => this.toggle());
    this.buttons = {
      toggle: button("play", say("play"), () => this.toggle(), { quiet: true, keys: keys.play, extra: "main" }),
      line: button("line", say("play_line"), () => this.tell.line(), { quiet: true, keys: keys.line }),
      on: button("on", say("play_on"), () => this.tell.on(), { quiet: true, keys: keys.on }),
      loop: button("loop", say("loop"), () => this.setLoop(!this.loop), { quiet: true, keys: keys.loop }),
      captions: button("text", say("captions"), () => this.setCaptions(!this.captions), { quiet: true }),
    };
    this.keys = keys;
    this.buttons.loop.setAttribute("aria-pressed", "false");
    this.buttons.captions.setAttribute("aria-pressed", "true");
    this.clock = el("span", { class: "clock", role: "timer", "aria-label": say("time"), text: timecode(0) });
    this.speed = el("select", { class: "speed", "aria-label": say("speed"), title: say("speed") },
      ...RATES.map((rate) => el("option", { value: rate, text: `${rate}×`, selected: rate === 1 })));
    this.speed.addEventListener("change", () => this.setRate(Number(this.speed.value)));
    this.choice = el("div", { class: "choice", role: "radiogroup", "aria-label": say("hear") });
    this.radios = {};
    for (const mode of ["source", "dub", "side"]) {
      const input = el("input", { type: "radio", name: "mode", value: mode, checked: mode === "source" });
      input.addEventListener("change", () => this.setMode(mode));
      const label = el("label", { title: say(`mode_${mode}_help`) }, input, el("span", { text: say(`mode_${mode}`) }));
      this.radios[mode] = { input, label };
      this.choice.append(label);
    }
    this.element = el("section", { class: "player", "aria-label": say("player") }, this.stage,
      el("div", { class: "transport" }, ...Object.values(this.buttons), this.clock, this.speed), this.choice);
  }

  /** URLs of the whole source and dub ("" where there is none), and the poster. */
  setMedia({ source, dub, poster }) {
    this.load(this.tracks.source, source, 0);
    this.load(this.tracks.dub, dub, 0);
    if (poster) this.tracks.source.video.poster = poster;
    this.offer();
  }

  /** Clips of the selected line's take: the line with a second around it. `line` {start, end, number, clip, side}. */
  setLine(line) {
    this.line = line;
    this.load(this.tracks.side, line?.side ?? "", line?.clipStart ?? 0);
    this.load(this.tracks.clip, line?.clip ?? "", line?.clipStart ?? 0);
    this.offer();
    this.show();
  }

  load(track, url, offset) {
    track.offset = offset;
    if (track.url === url) return;
    const time = this.time;
    const running = this.current === track && this.isPlaying;
    track.url = url;
    track.broken = false;
    if (url) track.video.src = url;
    else track.video.removeAttribute("src");
    if (this.current === track && url) { this.wanted = time; if (running) track.video.play().catch(() => {}); }
  }

  /** Say which choices there are; a missing one says why. */
  offer() {
    const missing = { source: "", dub: this.tracks.dub.url || this.tracks.clip.url ? "" : this.say("no_dub"),
      side: this.tracks.side.url || this.hasPair ? "" : this.say("no_side") };
    for (const [mode, { input, label }] of Object.entries(this.radios)) {
      input.disabled = Boolean(missing[mode]);
      label.title = missing[mode] || this.say(`mode_${mode}_help`);
      label.classList.toggle("off", input.disabled);
    }
    if (this.radios[this.mode].input.disabled) this.setMode("source");
  }

  /** Source and dub can stand beside each other where the selected line has no clip of its own that does. */
  get hasPair() {
    return Boolean(this.tracks.source.url && this.tracks.dub.url);
  }

  get isPair() {
    return this.mode === "side" && !this.tracks.side.url && this.hasPair;
  }

  /** What is seen now: in dub mode a fresh clip of the selected line stands in for the dub around it. */
  get current() {
    if (this.isPair) return this.tracks.dub;
    if (this.mode === "dub" && this.tracks.clip.url && (this.onClip || !this.tracks.dub.url)) return this.tracks.clip;
    return this.tracks[this.mode];
  }

  get isPlaying() {
    return !this.current.video.paused;
  }

  get time() {
    if (this.wanted !== null) return this.wanted;
    return Math.round(this.current.video.currentTime * 1000 + this.current.offset);
  }

  /** Change what is seen and heard; time and playing stay as they are. */
  setMode(mode) {
    if (this.radios[mode].input.disabled) return;
    const [time, running, range, loop] = [this.time, this.isPlaying, this.range, this.loop];
    this.current.video.pause();
    this.mode = mode;
    this.onClip = mode === "dub" && Boolean(range && this.tracks.clip.url);
    this.radios[mode].input.checked = true;
    this.show();
    this.seek(time, true);
    this.range = range;
    this.loop = loop;
    if (running) this.current.video.play().catch(() => {});
    this.tell.mode(mode);
  }

  show() {
    this.stage.classList.toggle("pair", this.isPair);
    for (const track of Object.values(this.tracks)) {
      const seen = track === this.current;
      track.video.classList.toggle("seen", seen);
      track.video.muted = !seen;
      if (!seen && !track.video.paused) track.video.pause();
    }
    const name = this.current.name;
    this.badge.textContent = this.isPair ? this.say("mode_side") : name === "clip" || name === "side"
      ? this.say(`what_${name}`, { n: this.line?.number ?? "" }) : this.say(`mode_${name}`);
    this.message.textContent = this.current.broken ? this.say("cannot_play") : "";
  }

  failed(track) {
    if (!track.url) return;
    track.broken = true;
    this.show();
  }

  seek(ms, keepRange = false) {
    if (!keepRange) {
      this.range = null;
      if (this.onClip) { const running = this.isPlaying; this.onClip = false; this.show(); if (running) this.current.video.play().catch(() => {}); }
    }
    this.wanted = Math.max(0, ms);
    this.place();
    this.tell.time(this.time);
    this.clock.textContent = timecode(this.time);
  }

  place() {
    const { video, offset } = this.current;
    if (this.wanted === null || video.readyState < 1) return;
    const inside = Math.max(0, Math.min((this.wanted - offset) / 1000, (video.duration || 1e9) - 0.001));
    this.wanted = null;
    video.playbackRate = this.rate;
    if (Math.abs(video.currentTime - inside) > 0.0005) video.currentTime = inside;
    this.follow();
  }

  /** The muted source beside the dub goes where the dub is; while both run, only a visible lag is mended. */
  follow() {
    if (!this.isPair) return;
    const [{ video: before }, { video: after }] = [this.tracks.source, this.current];
    before.playbackRate = this.rate;
    if (Math.abs(before.currentTime - after.currentTime) > (after.paused ? 0.0005 : PAIR_LAG_S)) before.currentTime = after.currentTime;
    if (before.paused !== after.paused) after.paused ? before.pause() : before.play().catch(() => {});
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  play() {
    if (this.range && this.time >= this.range[1] - 20) this.seek(this.range[0], true);
    this.current.video.playbackRate = this.rate;
    this.current.video.play().catch(() => {});
  }

  pause() {
    this.current.video.pause();
  }

  /** Play from `start` and stop (or begin again) at `end`; `end` null plays on. */
  playRange(start, end, loop = this.loop) {
    this.pause();
    this.onClip = this.mode === "dub" && end !== null && Boolean(this.tracks.clip.url);
    this.show();
    this.seek(start, true);
    this.range = end === null ? null : [start, end];
    this.setLoop(loop);
    this.play();
  }

  setLoop(loop) {
    this.loop = loop;
    this.buttons.loop.setAttribute("aria-pressed", String(loop));
    if (loop && !this.range) this.tell.range();
  }

  setCaptions(shown) {
    this.captions = shown;
    this.buttons.captions.setAttribute("aria-pressed", String(shown));
    this.caption.hidden = !shown;
  }

  setRate(rate) {
    this.rate = rate;
    this.speed.value = String(rate);
    this.current.video.playbackRate = rate;
  }

  setCaption(text) {
    if (this.caption.textContent !== text) this.caption.textContent = text;
    this.caption.classList.toggle("empty", !text);
  }

  playing(runs) {
    const label = this.say(runs ? "pause" : "play");
    this.buttons.toggle.firstChild.replaceWith(icon(runs ? "pause" : "play"));
    describe(this.buttons.toggle, label, this.keys.play);
    this.follow();
    this.tell.playing(runs);
    cancelAnimationFrame(this.frame);
    if (runs) this.frame = requestAnimationFrame(() => this.run());
  }

  run() {
    this.tick();
    if (this.isPlaying) this.frame = requestAnimationFrame(() => this.run());
  }

  tick() {
    if (this.wanted !== null && this.current.video.readyState >= 1) this.place();
    this.follow();
    const time = this.time;
    if (this.range && time >= this.range[1] && this.isPlaying) {
      if (this.loop) this.seek(this.range[0], true);
      else this.pause();
    }
    this.clock.textContent = timecode(this.time);
    this.tell.time(this.time);
  }

  stop() {
    cancelAnimationFrame(this.frame);
    for (const { video } of Object.values(this.tracks)) { video.pause(); video.removeAttribute("src"); video.load(); }
  }
}
