"""How long a text takes to say, before anybody says it: syllables, pauses, and the pace of a voice.

Natural duration = lead + syllables * ms a syllable + pauses at punctuation and marks inside the text. Marks
(``[pause 400]``, ``(laughs)``, ``*so*``: see ``dubbing.domain.marks``) are no text. Syllables are counted by regular
expressions, so that a page can count them while a person types: the player's JavaScript does what is done
here with the same ``Pace``, and ``tests/golden/estimate.json`` holds both to the same numbers. The defaults by
language were fitted to the voices that come with the product; takes that a voice has made correct them.

Syllables predict duration better than characters: Pellegrino, Coupé and Marsico, "A Cross-Language Perspective on
Speech Information Rate" (Language 2011), whose rates are the defaults of languages that we have no voice for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from dubbing.domain import marks
from dubbing.domain.isochrony import COMFORT, Fit, Slot, plan_fit
from dubbing.domain.translation import Budget
from dubbing.domain.workspace import FitEstimate, Pace

#: A voice is never taken to be faster or slower than this times the usual one: beyond it the takes are odd.
SCALE_LIMITS = (0.6, 1.7)
#: As many takes as the default is worth: with so many of its own, a voice is believed half.
_PRIOR_TAKES = 2.0
#: What text says after its last word makes no pause in it.
_LETTER = re.compile(r"[^\W_]")
#: Marks that pause only where a blank follows: "3.5", "10:30" and "U.S.A" are said without one.
_NEEDS_BLANK = ".,:;!?"
_CLOSERS = "\"'”’»)]"
_EMPHASIS = re.compile(marks.EMPHASIS, re.IGNORECASE)

# Not followed, not preceded by a letter: \b means other things in Python and in JavaScript.
_END, _BEGIN = "(?![a-zà-ÿœ'’])", "(?<![a-zà-ÿœ'’])"

_ENGLISH = "|".join((
    f"{_BEGIN}[b-df-hj-np-tv-z]{{1,3}}e[ds]?{_END}",          # the, she, yes, red
    f"(?<=[bcdfgkpstz])le[ds]?{_END}",                      # lit-tle, peo-ple, puz-zled
    "(?<![tcsgx])i(?=[ao])|(?<![qg])u(?=a(?!y))",           # me-di-a, u-su-al, but na-tion, quar-ter
    f"[eoyu](?=ing{_END})",                                 # be-ing, try-ing
    f"(?:[aiou]|y(?![aeiou])|e(?![ds]?{_END})"              # a nucleus; a silent e ends no word
    f"|(?<=[td])e(?=d{_END})|(?<=[sxzcg])e(?=s{_END})|(?<=[sc]h)e(?=s{_END}))+",   # want-ed, hous-es, wish-es
))
_SPANISH = "[iuü]{0,2}[aeoáéóíú](?:[iuüy](?![aeiouáéóíú]))?|[iuü]+y?(?![aeoáéóíú])|y(?![aeiouáéíóú])"
_ITALIAN = "[iu]{0,2}[aeoàèéìîòóù](?:[iu](?![aeoàèéìòóù]))?|[iuyj]+"
_PORTUGUESE = "[iu]?[ãõ][oei]?|[iu]{0,2}[aeoáéóâêôàíú](?:[iu](?![aeoáéóâêôàíúãõ]))?|[iuy]+"
_FRENCH = "|".join((
    f"{_BEGIN}(?:[cdjlmnst]|qu)es?{_END}",                  # je, le, les, que
    "é(?=[aou])",                                           # ré-el, thé-âtre
    f"(?:[aiouyàâäéèêëîïôöùûüœæ]|e(?!(?:s|nt)?{_END}))+",   # a nucleus; a final e is silent
))
_GERMAN = "ie(?!r[et])|ei|ai|au|eu|äu|aa|ee|oo|ey|ay|[aeiouyäöü]"
# One mora a match; small vowels and ya, yu, yo belong to the kana before them.
_JAPANESE = "[ぁ-ゖァ-ヺー々〆一-鿿](?:[ぁぃぅぇぉゃゅょゎァィゥェォャュョヮ])?"
# Nuclei of Latin, Greek, Cyrillic; letters of scripts that write syllables; consonants of those that write none.
_GENERIC = ("[aeiouyàáâãäåæāăąèéêëēĕėęěìíîïĩīĭįıòóôõöøōŏőœùúûüũūŭůűųýÿŷαεηιουωάέήίόύώϊϋаеёиоуыэюяіїє]+"
            "|[가-힣ぁ-ゖァ-ヺー一-鿿]|[\u0e01-\u0e2e\u0905-\u0939]|[\u0620-\u064a\u05d0-\u05ea]{1,2}")

_DIGIT = "[0-9](?![0-9])"          # "25" is three syllables: one more than digits
_LONG_DIGIT = "[0-9]"              # "veinticinco": nearly two a digit
_PAUSES = {",": 1.0, ";": 1.2, ":": 1.2, ".": 1.5, "!": 1.5, "?": 1.5, "…": 1.5, "—": 1.2, "–": 1.2,
           "、": 1.0, "，": 1.0, "。": 1.5, "！": 1.5, "？": 1.5, "；": 1.2, "：": 1.2}
#: Of a comma; and what a text takes beside its syllables, as the first and the last of them are longer.
_COMMA_MS, _LEAD_MS = 110.0, 250.0


@dataclass(frozen=True, slots=True)
class _Habit:
    """How a language is said: its syllables, and the time of one."""

    pattern: str
    ms_per_syllable: float
    extra: str = _DIGIT


#: Fitted (least absolute deviations) to 100 takes of the embedded voices; French and Chinese, for which there is no
#: embedded voice, from Spanish by the ratio of the languages' rates in Pellegrino et al.
_HABITS: Mapping[str, _Habit] = {
    "en": _Habit(_ENGLISH, 188.0),
    "es": _Habit(_SPANISH, 195.0, _LONG_DIGIT),
    "it": _Habit(_ITALIAN, 197.0, _LONG_DIGIT),
    "pt": _Habit(_PORTUGUESE, 196.0, _LONG_DIGIT),
    "fr": _Habit(_FRENCH, 212.0),
    "de": _Habit(_GERMAN, 232.0),
    # A kanji stands for nearly two morae.
    "ja": _Habit(_JAPANESE, 143.0, _LONG_DIGIT + "|[一-鿿]"),
    "zh": _Habit(_GENERIC, 294.0),
}
_GENERIC_HABIT = _Habit(_GENERIC, 200.0)


@dataclass(frozen=True, slots=True)
class SpokenText:
    """What a take teaches: a text, and how long the voice took for it at its own tempo."""

    text: str
    natural_ms: float


def pace_of(language: str) -> Pace:
    """The usual pace of a language (ISO 639-1); of one that is not known, something in the middle."""
    habit = _HABITS.get(language, _GENERIC_HABIT)
    return Pace(language=language, syllable_pattern=f"{habit.pattern}|[0-9]", ms_per_syllable=habit.ms_per_syllable,
                pause_ms={mark: weight * _COMMA_MS for mark, weight in _PAUSES.items()}, lead_ms=_LEAD_MS,
                extra_pattern=habit.extra, mark_pattern=marks.PATTERN)


def count_syllables(text: str, language: str) -> int:
    """Syllables (in Japanese, morae) of ``text``, as nearly as its spelling tells."""
    return syllables_of(text, pace_of(language))


@lru_cache(maxsize=16_384)
def _count(text: str, pattern: str, extra: str) -> int:
    lowered = text.lower()
    more = sum(1 for _ in _compiled(extra).finditer(lowered)) if extra else 0
    return more + sum(1 for _ in _compiled(pattern).finditer(lowered))


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def syllables_of(text: str, pace: Pace) -> int:
    """Matches of the pace's two patterns in what is said of ``text``, lower-cased."""
    return _count(said(text, pace)[0], pace.syllable_pattern, pace.extra_pattern)


def said(text: str, pace: Pace) -> tuple[str, int]:
    """(what is said of ``text``, the time in ms that the marks between its words ask for)."""
    return _without_marks(text, pace.mark_pattern) if pace.mark_pattern else (text, 0)


@lru_cache(maxsize=16_384)
def _without_marks(text: str, pattern: str) -> tuple[str, int]:
    found = list(_compiled(pattern).finditer(text))
    if not found and "*" not in text:
        return text, 0
    ends = [0, *(match.end() for match in found)]
    parts = [text[end:match.start()] for end, match in zip(ends, found, strict=False)] + [text[ends[-1]:]]
    has_words = [_LETTER.search(part) is not None for part in parts]
    silence = sum(marks.duration_ms(match[1], match[2]) for index, match in enumerate(found)
                  if any(has_words[:index + 1]) and any(has_words[index + 1:]))
    whole = re.sub(r"\s+([.,;:!?…])", r"\1", _EMPHASIS.sub(r"\1", " ".join(parts)))
    return " ".join(whole.split()), silence


def pauses_ms(text: str, pace: Pace) -> float:
    """The pauses inside ``text``: the longest of each run of punctuation, but for the run that ends the text, and
    what its marks ask for."""
    plain, silence = said(text, pace)
    return silence + _pauses_at_punctuation(plain, pace)


def _pauses_at_punctuation(text: str, pace: Pace) -> float:
    total, longest = 0.0, 0.0
    last = max((match.start() for match in _LETTER.finditer(text)), default=0)
    for place, char in enumerate(text[:last]):
        if char in pace.pause_ms and _pauses(text, place):
            longest = max(longest, pace.pause_ms[char])
        elif longest and _LETTER.match(char):
            total, longest = total + longest, 0.0
    return total + longest


def _pauses(text: str, place: int) -> bool:
    """Whether the mark at ``place`` is one that is heard: some pause only before a blank."""
    if text[place] not in _NEEDS_BLANK:
        return True
    following = place + 1
    while following < len(text) and (text[following] in _NEEDS_BLANK or text[following] in _CLOSERS):
        following += 1
    return following == len(text) or text[following].isspace()


def natural_ms(text: str, pace: Pace) -> int:
    """How long ``text`` takes at the pace's own tempo, in ms; 0 for a text without anything to say."""
    syllables = syllables_of(text, pace)
    if syllables == 0:
        return 0
    return math.floor(pace.lead_ms + syllables * pace.ms_per_syllable + pauses_ms(text, pace) + 0.5)


def calibrated(pace: Pace, takes: Iterable[SpokenText]) -> Pace:
    """``pace`` as a voice showed it to be in ``takes``: syllables and pauses scaled by one robust factor.

    The factor is the median of what each take says, weighted by its length, so that one odd take in four does no
    harm; a few takes only move the default part of the way.
    """
    ratios: list[tuple[float, float]] = []
    for take in takes:
        plain, silence = said(take.text, pace)
        expected = syllables_of(plain, pace) * pace.ms_per_syllable + pauses_ms(plain, pace)
        spoken = take.natural_ms - pace.lead_ms - silence
        if expected > 0 and spoken > 0:
            ratios.append((spoken / expected, expected))
    if not ratios:
        return pace
    belief = len(ratios) / (len(ratios) + _PRIOR_TAKES)
    scale = min(max(_weighted_median(ratios), SCALE_LIMITS[0]), SCALE_LIMITS[1]) ** belief
    return replace(pace, ms_per_syllable=pace.ms_per_syllable * scale, takes=len(ratios),
                   pause_ms={mark: value * scale for mark, value in pace.pause_ms.items()})


def scaled(pace: Pace, scale: float) -> Pace:
    """A pace at which everything takes ``scale`` times as long."""
    return replace(pace, ms_per_syllable=pace.ms_per_syllable * scale, lead_ms=pace.lead_ms * scale,
                   pause_ms={mark: value * scale for mark, value in pace.pause_ms.items()})


def _weighted_median(values: Sequence[tuple[float, float]]) -> float:
    """The middle of (value, weight) pairs."""
    half, seen = sum(weight for _, weight in values) / 2, 0.0
    for value, weight in sorted(values):
        seen += weight
        if seen >= half:
            return value
    raise ValueError("nothing to take the median of")


def estimate(text: str, pace: Pace, slot: Slot, source_syllables: int = 0) -> FitEstimate:
    """What ``text`` would take in ``slot`` and how it would fit.

    ``syllable_budget`` is the number of syllables up to which the line stays green, its pauses being what they are.
    A text without anything to say takes no time and fits.
    """
    characters, syllables = len(said(text, pace)[0].strip()), syllables_of(text, pace)
    natural = natural_ms(text, pace)
    spare = COMFORT[1] * slot.room_ms - pace.lead_ms - pauses_ms(text, pace)
    budget = max(0, math.floor(spare / pace.ms_per_syllable))
    speed = characters * 1000 / slot.duration_ms
    if natural == 0:
        return FitEstimate(characters, syllables, source_syllables, 0, 0, 0.0, 0, Fit.GREEN, speed, budget)
    plan = plan_fit(natural, slot)
    return FitEstimate(characters, syllables, source_syllables, natural, plan.target_ms, plan.tempo,
                       plan.borrowed_ms, plan.fit, speed, budget)


def budget_for(pace: Pace, slot: Slot) -> Budget:
    """How many syllables take the time of the original line at a comfortable tempo, no silence being borrowed.

    Never none: even the shortest line can be answered by a syllable.
    """
    low = math.ceil((COMFORT[0] * slot.duration_ms - pace.lead_ms) / pace.ms_per_syllable)
    high = math.floor((COMFORT[1] * slot.duration_ms - pace.lead_ms) / pace.ms_per_syllable)
    return Budget(max(1, low), max(1, low, high), slot.duration_ms, slot.room_ms)
