// Keys that hands know, and the sheet that shows them. Nothing is taken from typing or from a screen reader.

import { button, el, isMac } from "./dom.js";

// [what, keys, where]: where "text" is while typing in a line, "any" both, "rows" outside of text.
const TABLE = [
  ["save_next", ["Enter"], "text"],
  ["new_line", ["Shift+Enter"], "text"],
  ["split", ["Ctrl+Enter"], "text"],
  ["merge_previous", ["Backspace"], "text"],
  ["leave", ["Escape"], "text"],
  ["save", ["Ctrl+S"], "any"],
  ["approve_next", ["Ctrl+Shift+Enter"], "any"],
  ["memory", ["Alt+1", "Alt+2", "Alt+3"], "any"],
  ["play_line", ["F2", "p"], "any"],
  ["loop", ["Shift+F2", "l"], "any"],
  ["play_on", ["Shift+F8"], "any"],
  ["play", ["F8", "Space"], "any"],
  ["original_dub", ["F4", "o"], "any"],
  ["mark_in", ["F9", "["], "any"],
  ["mark_out", ["F11", "]"], "any"],
  ["previous", ["Alt+ArrowUp", "ArrowUp", "k"], "any"],
  ["next", ["Alt+ArrowDown", "ArrowDown", "j"], "any"],
  ["edit", ["Enter", "e"], "rows"],
  ["back", ["Ctrl+ArrowLeft"], "rows"],
  ["forth", ["Ctrl+ArrowRight"], "rows"],
  ["back_little", ["ArrowLeft"], "rows"],
  ["forth_little", ["ArrowRight"], "rows"],
  ["side", ["b"], "rows"],
  ["take", ["Ctrl+Shift+F2", "t"], "any"],
  ["approve", ["a"], "rows"],
  ["request_changes", ["r"], "rows"],
  ["hand_in", ["h"], "rows"],
  ["comment", ["c"], "rows"],
  ["insert", ["Insert"], "rows"],
  ["delete", ["Delete"], "rows"],
  ["find", ["Ctrl+Shift+F", "f"], "any"],
  ["zoom_in", ["+"], "rows"],
  ["zoom_out", ["-"], "rows"],
  ["zoom_line", ["0"], "rows"],
  ["previous_page", ["PageUp"], "rows"],
  ["next_page", ["PageDown"], "rows"],
  ["sheet", ["?", "F1"], "rows"],
];

const STORE = "dubbing-single-keys";
const NAMES = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", " ": "Space" };

/** How a person names a chord here: ⌘ on a Mac. */
export function chordName(chord) {
  return chord.split(/\+(?=.)/).map((part) => (part === "Ctrl" ? (isMac ? "⌘" : "Ctrl") : NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part))).join(isMac ? " " : "+");
}

export function keysOf(what) {
  const row = TABLE.find(([name]) => name === what);
  return row ? row[1].map(chordName).join(", ") : "";
}

function chordOf(event) {
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  const name = event.key === " " ? "Space" : event.key;
  const single = name.length === 1;
  const digit = event.altKey && /^Digit(\d)$/.exec(event.code); // Option+1 is "¡" on a Mac
  if (event.shiftKey && (!single || parts.length)) parts.push("Shift");
  const letter = single && !event.shiftKey ? name.toLowerCase() : name; // Caps Lock changes no key
  parts.push(digit ? digit[1] : single && parts.length ? name.toUpperCase() : letter);
  return parts.join("+");
}

const TYPING = "input:not([type=radio]):not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]:not([contenteditable=false])";
const PRESSABLE = "button, a[href], summary, input, [role=slider], [role=tab], [role=option], [role=menuitem], [role=combobox]";

export class Keys {
  constructor(root, say, act) {
    this.root = root;
    this.say = say;
    this.act = act;
    this.single = localStorage.getItem(STORE) !== "off";
    this.listener = (event) => this.press(event);
    document.addEventListener("keydown", this.listener);
    this.sheet = this.build();
    root.append(this.sheet);
  }

  press(event) {
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
    const path = event.composedPath();
    const target = path[0];
    const inside = path.includes(this.root);
    // A dialog or a field elsewhere on the page keeps all of its keys.
    if (path.some((node) => node.matches?.("dialog, [role=dialog], [role=listbox], [role=menu]"))) return;
    if (document.querySelector("[role=dialog][aria-modal=true]")) return;
    // Elsewhere on the page only what is no control at all hands its keys on.
    if (!inside && target !== document.body && !target.matches?.(":is(h1, main, section, div):not([role], [contenteditable])")) return;
    const text = inside && target.matches?.("textarea[data-side]");
    const field = target.matches?.(TYPING) && !text;
    const chord = chordOf(event);
    for (const [what, chords, where] of TABLE) {
      const index = chords.indexOf(chord);
      if (index < 0) continue;
      if (where === "text" && !text) continue;
      if (where === "rows" && (text || field)) continue;
      // While typing, only chords that type nothing and move no cursor.
      if ((text || field) && where === "any" && !/^(Ctrl|Alt|F\d|Shift\+F)/.test(chord)) continue;
      const plain = chord.length === 1;
      if (plain && chord !== "?" && !this.single) continue;
      if ((chord === "Space" || chord === "Enter") && target.matches?.(PRESSABLE) && !target.matches("[data-row]")) continue;
      if (chord === "Space" && target.matches?.("[data-row]") && !this.single) continue;
      if (chord.startsWith("Arrow") && target.matches?.("input, [role=slider]")) continue;
      if (this.act(what, { text: text ? target : null, index, event })) {
        event.preventDefault();
        event.stopPropagation();
      }
      return;
    }
  }

  build() {
    const { say } = this;
    const groups = { text: [], any: [], rows: [] };
    for (const [what, chords, where] of TABLE) {
      const cells = el("dd", {});
      chords.forEach((chord) => cells.append(el("kbd", { text: chordName(chord) }), " "));
      groups[where].push(el("div", {}, el("dt", { text: say(`key_${what}`) }), cells));
    }
    const box = el("input", { type: "checkbox", id: "single-keys", checked: this.single });
    box.addEventListener("change", () => {
      this.single = box.checked;
      localStorage.setItem(STORE, this.single ? "on" : "off");
    });
    const close = button("check", say("close"), () => this.sheet.close());
    return el("dialog", { class: "sheet", "aria-labelledby": "sheet-title" },
      el("h2", { id: "sheet-title", text: say("keys") }),
      el("div", { class: "groups" }, ...Object.entries(groups).map(([where, rows]) =>
        el("section", {}, el("h3", { text: say(`keys_${where}`) }), el("dl", {}, ...rows)))),
      el("p", { class: "option" }, box, el("label", { for: "single-keys", text: say("single_keys") })),
      el("footer", {}, close));
  }

  show() {
    if (!this.sheet.open) this.sheet.showModal();
  }

  stop() {
    document.removeEventListener("keydown", this.listener);
  }
}
