// How long a text takes to say, while it is typed: what dubbing/domain/estimate.py and isochrony.py do, with the same
// pace. tests/golden/estimate.json holds both to the same numbers.

const COMFORT = [0.9, 1.2];
const TOLERABLE = [0.85, 1.3];
const TEMPO_CEILING = 2;
const LETTER = /[\p{L}\p{N}]/u;
const NEEDS_BLANK = ".,:;!?";
const CLOSERS = "\"'”’»)]";
const EMPHASIS = /(?<![a-zà-ÿœ0-9*])\*(?=[^\s*])([^*]{1,200}?[^\s*]|[^\s*])\*(?![a-zà-ÿœ0-9*])/giu;
const PAUSE_MS = 400;
const MOST_PAUSE_MS = 10000;
const SECONDS_BELOW = 20;

const compiled = new Map();

function compile(pattern) {
  if (!compiled.has(pattern)) compiled.set(pattern, new RegExp(pattern, "giu"));
  return compiled.get(pattern);
}

function matches(text, pattern) {
  if (!pattern) return 0;
  let count = 0;
  for (const match of text.matchAll(compile(pattern))) if (match[0]) count += 1;
  return count;
}

function markMs([, length, unit]) {
  if (length === undefined) return PAUSE_MS;
  const value = Number(length.replace(",", "."));
  const named = (unit ?? "").toLowerCase();
  const isMs = named === "ms" || (!named && value >= SECONDS_BELOW);
  return Math.min(Math.floor((isMs ? value : value * 1000) + 0.5), MOST_PAUSE_MS);
}

/** What is said of a text, and the silence in ms that the marks between its words ask for ("[pause 400]", "*so*"). */
function said(text, pace) {
  if (!pace.mark_pattern || !/[[(（［【*]/.test(text)) return [text, 0];
  const found = Array.from(text.matchAll(compile(pace.mark_pattern)));
  if (!found.length && !text.includes("*")) return [text, 0];
  const ends = [0, ...found.map((match) => match.index + match[0].length)];
  const parts = ends.map((end, index) => text.slice(end, found[index]?.index));
  const hasWords = parts.map((part) => LETTER.test(part));
  const silence = found.reduce((sum, match, index) => {
    const isInside = hasWords.slice(0, index + 1).includes(true) && hasWords.slice(index + 1).includes(true);
    return sum + (isInside ? markMs(match) : 0);
  }, 0);
  const whole = parts.join(" ").replace(EMPHASIS, "$1").replace(/\s+([.,;:!?…])/g, "$1");
  return [whole.split(/\s+/).filter(Boolean).join(" "), silence];
}

export function syllablesOf(text, pace) {
  const lowered = said(text, pace)[0].toLowerCase();
  return matches(lowered, pace.syllable_pattern) + matches(lowered, pace.extra_pattern);
}

/** The pauses inside a text: the longest of each run of punctuation, but for the last run; and those of its marks. */
export function pausesMs(text, pace) {
  const [plain, silence] = said(text, pace);
  const signs = Array.from(plain);
  const last = signs.findLastIndex((sign) => LETTER.test(sign));
  let total = 0;
  let longest = 0;
  for (let place = 0; place < last; place += 1) {
    const sign = signs[place];
    if (Object.hasOwn(pace.pause_ms, sign) && pauses(signs, place)) longest = Math.max(longest, pace.pause_ms[sign]);
    else if (longest && LETTER.test(sign)) { total += longest; longest = 0; }
  }
  return silence + total + longest;
}

function pauses(signs, place) {
  if (!NEEDS_BLANK.includes(signs[place])) return true;
  let following = place + 1;
  while (following < signs.length && (NEEDS_BLANK.includes(signs[following]) || CLOSERS.includes(signs[following]))) following += 1;
  return following === signs.length || /\s/.test(signs[following]);
}

export function naturalMs(text, pace) {
  const syllables = syllablesOf(text, pace);
  if (!syllables) return 0;
  return Math.floor(pace.lead_ms + syllables * pace.ms_per_syllable + pausesMs(text, pace) + 0.5);
}

export function colourOf(tempo) {
  const within = ([low, high]) => tempo >= low - 1e-6 && tempo <= high + 1e-6;
  if (within(COMFORT)) return "green";
  return within(TOLERABLE) ? "amber" : "red";
}

/** The duration to aim at: the original's own if that sounds natural, else the least evil (see plan_fit). */
export function planFit(natural, slot) {
  const duration = slot.end - slot.start;
  const room = slot.limit - slot.start;
  let target = Math.min(Math.max(duration, Math.ceil(natural / COMFORT[1])), Math.trunc(natural / COMFORT[0]));
  if (target > room) target = Math.max(room, Math.ceil(natural / TEMPO_CEILING));
  const tempo = natural / target;
  return { target_ms: target, tempo, borrowed_ms: Math.max(0, target - duration), fit: colourOf(tempo) };
}

/** What `text` would take in `slot` {start, end, limit} in ms; the names are those of FitEstimate. */
export function estimate(text, pace, slot, sourceSyllables = 0) {
  const characters = Array.from(said(text, pace)[0].trim()).length;
  const syllables = syllablesOf(text, pace);
  const natural = naturalMs(text, pace);
  const spare = COMFORT[1] * (slot.limit - slot.start) - pace.lead_ms - pausesMs(text, pace);
  const found = {
    characters, syllables, source_syllables: sourceSyllables, natural_ms: natural, target_ms: 0, tempo: 0,
    borrowed_ms: 0, fit: "green", characters_per_second: (characters * 1000) / (slot.end - slot.start),
    syllable_budget: Math.max(0, Math.floor(spare / pace.ms_per_syllable)),
  };
  return natural === 0 ? found : { ...found, ...planFit(natural, slot) };
}
