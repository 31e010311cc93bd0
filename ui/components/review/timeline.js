// Waveforms of source and dub on a canvas, the lines as regions over them, and edges that can be dragged or keyed.

import { button, el, timecode } from "./dom.js";
import { PEAK_MS, Peaks, paintWave } from "./waveform.js";

const RULER = 18;
const STEPS = [100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000];
const FIT_MARK = { green: "✓", amber: "!", red: "✕" };
const SNAP_PX = 6;

export class Timeline {
  constructor(say, tell) {
    this.say = say;
    this.tell = tell;
    this.lines = [];
    this.selected = null;
    this.duration = 1000;
    this.time = 0;
    this.scale = 0.06; // pixels per millisecond
    this.urls = {};
    this.peaks = new Peaks(() => this.draw());
    this.build();
  }

  build() {
    const { say } = this;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.head = el("div", { class: "playhead" });
    this.edges = { start: this.edge("start"), end: this.edge("end") };
    this.room = el("div", { class: "room" }, this.canvas, this.head, this.edges.start, this.edges.end);
    this.scroller = el("div", { class: "scroller", tabindex: "0", role: "group", "aria-label": say("timeline") }, this.room);
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    this.scroller.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.canvas.addEventListener("click", (event) => this.click(event));
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    const names = el("div", { class: "lanes", "aria-hidden": "true" },
      el("span", { class: "source", text: say("lane_source") }), el("span", { class: "dub", text: say("lane_dub") }));
    const zoom = el("div", { class: "zoom" },
      button("minus", say("zoom_out"), () => this.zoom(1 / 1.6), { quiet: true, keys: "-" }),
      button("plus", say("zoom_in"), () => this.zoom(1.6), { quiet: true, keys: "+" }),
      button("fit", say("zoom_line"), () => this.fit(), { quiet: true, keys: "0" }));
    this.element = el("section", { class: "timeline", "aria-label": say("timeline") },
      el("div", { class: "bar" }, names, zoom), el("div", { class: "frame" }, this.scroller));
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(this.scroller);
  }

  edge(side) {
    const node = el("div", { class: `edge ${side}`, role: "slider", tabindex: "0", hidden: true,
      "aria-label": this.say(`edge_${side}`), "aria-orientation": "horizontal", title: this.say(`edge_${side}`) });
    node.addEventListener("pointerdown", (event) => this.grab(event, side));
    node.addEventListener("keydown", (event) => this.nudge(event, side));
    node.addEventListener("blur", () => this.finish());
    return node;
  }

  // what is shown -------------------------------------------------------------------------------------------------

  setMedia({ duration, source, dub }) {
    this.duration = Math.max(1000, duration);
    this.urls = { source, dub };
    this.stretch();
  }

  setLines(lines, selected) {
    const moved = this.selected?.id !== selected?.id;
    this.lines = lines;
    if (!this.drag) this.selected = selected;
    this.place();
    if (moved && selected) this.reveal(selected);
    this.draw();
  }

  setTime(ms, follows) {
    this.time = ms;
    this.head.style.transform = `translateX(${ms * this.scale}px)`;
    const [from, to] = this.seen();
    if (follows && (ms < from || ms > to - (to - from) * 0.06)) this.scroller.scrollLeft = (ms - (to - from) * 0.1) * this.scale;
  }

  seen() {
    const from = this.scroller.scrollLeft / this.scale;
    return [from, from + this.scroller.clientWidth / this.scale];
  }

  reveal(line) {
    const [from, to] = this.seen();
    if (line.start >= from && line.end <= to) return;
    const spare = Math.max(0, (to - from) - (line.end - line.start));
    this.scroller.scrollLeft = (line.start - Math.min(spare / 2, (to - from) * 0.25)) * this.scale;
  }

  // zoom and size -------------------------------------------------------------------------------------------------

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.scroller.clientWidth;
    this.height = Math.max(80, this.scroller.clientHeight);
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.stretch();
  }

  stretch() {
    if (!this.width) return;
    this.scale = Math.min(0.6, Math.max(this.scale, (this.width - 2) / this.duration));
    this.room.style.width = `${Math.ceil(this.duration * this.scale)}px`;
    this.place();
    this.setTime(this.time, false);
    this.draw();
  }

  zoom(factor, at = null) {
    const [from, to] = this.seen();
    const anchor = at ?? (this.time >= from && this.time <= to ? this.time : (from + to) / 2);
    const offset = (anchor - from) * this.scale;
    this.scale *= factor;
    this.stretch();
    this.scroller.scrollLeft = anchor * this.scale - offset;
    this.draw();
  }

  /** Zoom so that the selected line fills two thirds. */
  fit() {
    if (!this.selected) return;
    const { start, end } = this.selected;
    this.scale = this.width / 1.5 / Math.max(300, end - start);
    this.stretch();
    this.scroller.scrollLeft = (start - (end - start) * 0.25) * this.scale;
    this.draw();
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? 1.25 : 0.8, this.at(event));
  }

  at(event) {
    const box = this.scroller.getBoundingClientRect();
    return (event.clientX - box.left + this.scroller.scrollLeft) / this.scale;
  }

  click(event) {
    const ms = Math.max(0, Math.min(this.at(event), this.duration));
    const hit = this.hit(ms);
    if (hit && hit.id !== this.selected?.id) this.tell.select(hit.id);
    this.tell.seek(ms);
  }

  hover(event) {
    const hit = this.hit(this.at(event));
    this.canvas.title = hit ? `${hit.n}  ${timecode(hit.start, 1)}  ${hit.speaker_name}` : "";
  }

  hit(ms) {
    const { selected } = this;
    if (selected && ms >= selected.start && ms <= selected.end) return selected;
    return this.lines.find((line) => ms >= line.start && ms <= line.end);
  }

  // edges ---------------------------------------------------------------------------------------------------------

  place() {
    const { selected } = this;
    for (const side of ["start", "end"]) {
      const node = this.edges[side];
      node.hidden = !selected || !selected.can_retime;
      if (node.hidden) continue;
      node.style.transform = `translateX(${selected[side] * this.scale}px)`;
      node.setAttribute("aria-valuemin", "0");
      node.setAttribute("aria-valuemax", String(this.duration));
      node.setAttribute("aria-valuenow", String(selected[side]));
      node.setAttribute("aria-valuetext", timecode(selected[side]));
    }
  }

  grab(event, side) {
    if (event.button) return;
    event.preventDefault();
    const node = this.edges[side];
    node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    this.drag = { side, moved: false };
    const move = (next) => {
      this.drag.moved = true;
      this.move(side, next.altKey ? this.at(next) : this.snapped(this.at(next)));
    };
    const drop = () => {
      node.removeEventListener("pointermove", move);
      node.removeEventListener("lostpointercapture", drop);
      const { moved } = this.drag;
      this.drag = null;
      if (moved) this.finish();
    };
    node.addEventListener("pointermove", move);
    node.addEventListener("lostpointercapture", drop);
  }

  /** The playhead or a neighbour's edge, where one is near. */
  snapped(ms) {
    const marks = [this.time];
    for (const line of this.lines) if (line.id !== this.selected.id) marks.push(line.start, line.end);
    const near = marks.reduce((best, mark) => (Math.abs(mark - ms) < Math.abs(best - ms) ? mark : best), Infinity);
    return Math.abs(near - ms) * this.scale <= SNAP_PX ? near : ms;
  }

  move(side, ms) {
    const line = this.selected;
    const wanted = side === "start" ? Math.max(0, Math.min(ms, line.end - 50)) : Math.min(this.duration, Math.max(ms, line.start + 50));
    this.selected = { ...line, [side]: Math.round(wanted) };
    this.changed = true;
    this.place();
    this.draw();
    this.tell.retime(this.selected.id, this.selected.start, this.selected.end, false);
  }

  nudge(event, side) {
    const step = { ArrowLeft: -10, ArrowRight: 10, ArrowDown: -10, ArrowUp: 10, PageDown: -100, PageUp: 100 }[event.key];
    if (step && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      event.stopPropagation();
      this.move(side, this.selected[side] + step * (event.shiftKey ? 10 : 1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      event.stopPropagation();
      this.finish();
    }
  }

  finish() {
    if (!this.changed || this.drag) return;
    this.changed = false;
    this.tell.retime(this.selected.id, this.selected.start, this.selected.end, true);
  }

  // drawing -------------------------------------------------------------------------------------------------------

  draw() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => { this.asked = null; this.paint(); });
  }

  colours() {
    const style = getComputedStyle(this.element);
    const of = (name) => style.getPropertyValue(name).trim();
    return { ink: of("--ink"), dim: of("--dim"), rule: of("--rule"), accent: of("--accent"), ground: of("--ground"),
      source: of("--wave-source"), dub: of("--wave-dub"), region: of("--region"), chosen: of("--region-chosen"),
      green: of("--green"), amber: of("--amber"), red: of("--red"), font: style.fontFamily };
  }

  paint() {
    if (!this.width) return;
    const ratio = window.devicePixelRatio || 1;
    const pen = this.canvas.getContext("2d");
    const colour = this.colours();
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    const [from, to] = this.seen();
    const lane = (this.height - RULER) / 2;
    const view = { from, scale: this.scale, width: this.width, ratio };
    this.paintRegions(pen, colour, from, to);
    paintWave(pen, this.peaks.of(this.urls.source), { start: 0, top: RULER, height: lane, colour: colour.source, ...view });
    paintWave(pen, this.peaks.of(this.urls.dub), { start: 0, top: RULER + lane, height: lane, colour: colour.dub, ...view });
    if (this.selected?.take_peaks) this.paintTake(pen, colour, lane, view);
    pen.fillStyle = colour.rule;
    pen.fillRect(0, Math.round(RULER + lane), this.width, 1);
    this.paintRuler(pen, colour, from, to);
  }

  /** The newest take of the selected line where it will be heard, over the mix that may be older. */
  paintTake(pen, colour, lane, view) {
    const line = this.selected;
    const peaks = this.peaks.of(line.take_peaks);
    if (!peaks) return;
    const left = (line.start - view.from) * this.scale;
    pen.save();
    pen.beginPath();
    pen.rect(left, RULER + lane, peaks.length * PEAK_MS * this.scale, lane);
    pen.clip();
    pen.fillStyle = colour.ground;
    pen.fillRect(left, RULER + lane, this.width, lane);
    pen.fillStyle = colour.chosen;
    pen.fillRect(left, RULER + lane, this.width, lane);
    paintWave(pen, peaks, { start: line.start, top: RULER + lane, height: lane, colour: colour.accent, ...view });
    pen.restore();
  }

  paintRegions(pen, colour, from, to) {
    pen.font = `600 11px ${colour.font}`;
    pen.textBaseline = "top";
    for (const saved of this.lines) {
      const chosen = saved.id === this.selected?.id;
      const line = chosen ? this.selected : saved;
      if (line.end < from || line.start > to) continue;
      const left = (line.start - from) * this.scale;
      const wide = Math.max(2, (line.end - line.start) * this.scale);
      pen.fillStyle = chosen ? colour.chosen : colour.region;
      pen.fillRect(left, RULER, wide, this.height - RULER);
      pen.fillStyle = chosen ? colour.accent : colour.rule;
      pen.fillRect(left, RULER, 1, this.height - RULER);
      pen.fillRect(left + wide - 1, RULER, 1, this.height - RULER);
      if (wide > 26) {
        pen.fillStyle = colour.ink;
        pen.fillText(String(line.n), left + 5, RULER + 4);
        if (line.fit && wide > 56) {
          const at = left + 9 + pen.measureText(String(line.n)).width;
          pen.fillStyle = colour[line.fit.word];
          pen.fillText(`${FIT_MARK[line.fit.word]} ${line.fit.tempo.toFixed(2)}×`, at, RULER + 4);
        }
      }
    }
  }

  paintRuler(pen, colour, from, to) {
    const step = STEPS.find((one) => one * this.scale >= 76) ?? STEPS.at(-1);
    pen.font = `11px ${colour.font}`;
    pen.textBaseline = "middle";
    for (let ms = Math.floor(from / step) * step; ms <= to; ms += step) {
      const x = Math.round((ms - from) * this.scale);
      pen.fillStyle = colour.rule;
      pen.fillRect(x, RULER - 6, 1, 6);
      pen.fillStyle = colour.dim;
      pen.fillText(timecode(ms, step < 1000 ? 1 : 0), x + 4, RULER / 2 - 1);
    }
    pen.fillStyle = colour.rule;
    pen.fillRect(0, RULER - 1, this.width, 1);
  }

  stop() {
    this.watcher.disconnect();
    cancelAnimationFrame(this.asked);
  }
}
