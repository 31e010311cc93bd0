// How long a text takes to say, while it is typed: what dubbing/domain/estimate.py and isochrony.py do, with the same
// pace. tests/golden/estimate.json holds both to the same numbers.

const COMFORT = [0.9, 1.2];
const TOLERABLE = [0.85, 1.3];
const TEMPO_CEILING = 2;
const LETTER = /[\p{L}\p{N}]/u;
const NEEDS_BLANK = ".,:;!?";
const CLOSERS = "\"'”’»)]";

const compiled = new Map();

function matches(text, pattern) {
  if (!pattern) return 0;
  if (!compiled.has(pattern)) compiled.set(pattern, new RegExp(pattern, "giu"));
  let count = 0;
  for (const match of text.matchAll(compiled.get(pattern))) if (match[0]) count += 1;
  return count;
}

export function syllablesOf(text, pace) {
  const lowered = text.toLowerCase();
  return matches(lowered, pace.syllable_pattern) + matches(lowered, pace.extra_pattern);
}

/** The pauses inside a text: the longest of each run of marks, but for the run that ends the text. */
export function pausesMs(text, pace) {
  const signs = Array.from(text);
  const last = signs.findLastIndex((sign) => LETTER.test(sign));
  let total = 0;
  let longest = 0;
  for (let place = 0; place < last; place += 1) {
    const sign = signs[place];
    if (Object.hasOwn(pace.pause_ms, sign) && pauses(signs, place)) longest = Math.max(longest, pace.pause_ms[sign]);
    else if (longest && LETTER.test(sign)) { total += longest; longest = 0; }
  }
  return total + longest;
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
  const characters = Array.from(text.trim()).length;
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
