// Small helpers: elements, icons, time codes, texts. Texts of people are only ever set as textContent.

const SVG = "http://www.w3.org/2000/svg";

// One path each, drawn in a box of 24 by 24 with round strokes of 2.
const ICONS = {
  play: "M7 4.5v15l12-7.5z",
  pause: "M8 5v14M16 5v14",
  line: "M4 5v14M20 5v14M9 8.5v7l6-3.5z",
  loop: "M17 2l3 3-3 3M4 11V9a4 4 0 0 1 4-4h12M7 22l-3-3 3-3M20 13v2a4 4 0 0 1-4 4H4",
  on: "M4 5v14M8 7v10l8-5zM20 8v8",
  split: "M12 3v18M3 8h5M3 12h5M3 16h5M16 8h5M16 12h5M16 16h5",
  up: "M4 4h16M12 20V9M7 13l5-5 5 5",
  down: "M4 20h16M12 4v11M7 11l5 5 5-5",
  insert: "M12 5v14M5 12h14",
  remove: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  check: "M5 13l4 4L19 7",
  back: "M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  hand: "M12 19V6M6 11l6-6 6 6",
  lock: "M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3",
  draft: "M4 20h4L19 9l-4-4L4 16z",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  stale: "M12 7v5l3 3M12 3a9 9 0 1 0 9 9",
  comment: "M4 5h16v11H10l-5 4v-4H4z",
  mouth: "M3 12c3-4 6-5 7-4l2 1 2-1c1-1 4 0 7 4-3 4-6 6-9 6s-6-2-9-6zM3 12h18",
  no_mouth: "M3 12c3-4 6-5 7-4l2 1 2-1c1-1 4 0 7 4-3 4-6 6-9 6s-6-2-9-6zM4 4l16 16",
  voice: "M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5 11a7 7 0 0 0 14 0M12 18v3",
  doubt: "M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 18v.1",
  fast: "M4 6l7 6-7 6zM13 6l7 6-7 6z",
  warn: "M12 4L2.5 20h19zM12 10v4M12 17v.1",
  stop: "M8 3h8l5 5v8l-5 5H8l-5-5V8zM12 8v5M12 16v.1",
  keys: "M3 6h18v12H3zM7 10h.1M11 10h.1M15 10h.1M17.5 10h.1M7 14h10",
  plus: "M12 6v12M6 12h12",
  minus: "M6 12h12",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  text: "M4 6h16v12H4zM8 14h4M14 14h2",
  save: "M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6",
  busy: "M12 3a9 9 0 1 1-9 9",
};

/** An element. `set` holds attributes; `text`, `on` (listeners) and `style` are special; false leaves one out. */
export function el(tag, set = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(set)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "text") node.textContent = value;
    else if (name === "on") for (const [kind, call] of Object.entries(value)) node.addEventListener(kind, call);
    else if (name === "style") for (const [key, one] of Object.entries(value)) node.style.setProperty(key, one);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon ${extra}`.trim());
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button with an icon and a label; the label is shown unless `quiet`, and always read. `keys` goes to its hint. */
export function button(name, label, press, { quiet = false, keys = "", extra = "" } = {}) {
  const node = el("button", { type: "button", class: `act ${quiet ? "quiet" : ""} ${extra}`.trim(), on: { click: press } },
    icon(name), el("span", { class: "label", text: label }));
  describe(node, label, keys);
  return node;
}

/** Set the name and the hint of a button, with its key where it has one. */
export function describe(node, label, keys = "", reason = "") {
  node.title = [keys ? `${label} (${keys})` : label, reason].filter(Boolean).join(" – ");
  node.querySelector(".label").textContent = label;
  node.setAttribute("aria-label", reason ? `${label} – ${reason}` : label);
  if (keys) node.setAttribute("aria-keyshortcuts", keys.split(",")[0].replaceAll("Ctrl", "Control"));
}

/** Forbid a button and say why; it stays reachable, so that the reason can be read. */
export function forbid(node, reason) {
  node.setAttribute("aria-disabled", reason ? "true" : "false");
  const label = node.querySelector(".label").textContent;
  node.title = reason ? `${label} – ${reason}` : node.dataset.hint || node.title.split(" – ")[0];
  node.setAttribute("aria-label", reason ? `${label} – ${reason}` : label);
}

export function forbidden(node) {
  return node.getAttribute("aria-disabled") === "true";
}

/** "1:02.345", with hours from one hour on; `digits` after the point. */
export function timecode(ms, digits = 3) {
  const whole = Math.max(0, Math.round(ms / 10 ** (3 - digits)) * 10 ** (3 - digits));
  const hours = Math.floor(whole / 3600000);
  const minutes = Math.floor(whole / 60000) % 60;
  const seconds = (whole % 60000) / 1000;
  const tail = seconds.toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** Milliseconds of what somebody typed ("62.5", "1:02.5", "00:01:02,500"), or null. */
export function parseTime(text) {
  const match = /^\s*(?:(?:(\d+):)?(\d{1,3}):)?(\d{1,5}(?:[.,]\d{1,3})?)\s*$/.exec(text);
  if (!match) return null;
  const seconds = Number(match[3].replace(",", "."));
  return Math.round(((Number(match[1] || 0) * 60 + Number(match[2] || 0)) * 60 + seconds) * 1000);
}

/** A function that says texts of the catalogue: `{name}` is replaced, and a missing key is shown as itself. */
export function speaker(texts) {
  return (key, values = {}) =>
    (texts[values.n === 1 && `${key}_one` in texts ? `${key}_one` : key] ?? key)
      .replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** `call` after `ms` of quiet; `.now()` does it at once where it waits, `.drop()` forgets it. */
export function later(call, ms) {
  let timer = null;
  let waiting = [];
  const run = () => { timer = null; call(...waiting); };
  const wait = (...values) => { waiting = values; clearTimeout(timer); timer = setTimeout(run, ms); };
  wait.now = () => { if (timer !== null) { clearTimeout(timer); run(); } };
  wait.drop = () => { clearTimeout(timer); timer = null; };
  return wait;
}

export const isMac = /Mac|iPhone|iPad/.test(navigator.platform || "");
