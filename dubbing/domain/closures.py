"""When lips close: p, b, m (and half as visibly f, v) as the spelling of a text tells, against those of the original.

A viewer who sees a mouth close expects to hear it: bilabials are what dubbing adapters match first (Chaume,
"Audiovisual Translation: Dubbing", 2012, on phonetic synchrony). Where nothing has been spoken yet, letters stand for
sounds and syllables for time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dubbing.domain.speech import Word
from dubbing.domain.workspace import Pace

#: Two closures fall together when they are no further apart than this: three pictures at 25 a second.
NEAR_MS = 120.0
_FULL, _HALF = 1.0, 0.5

#: Per language: (lips meet, lip meets teeth). Digraphs first: "ph" is f, a silent "b" is nothing.
_LETTERS: Mapping[str, tuple[str, str]] = {
    "en": (r"(?<![a-z])p(?=[sn])()|(?<=m)b(?![a-z])()|b(?=t(?![a-z]))()|p(?!h)p?|bb?|mm?(?!m)", r"ph|ff?|v"),
    # Spanish v is a b, and its n before p, b and v closes with them.
    "es": (r"(?<![a-záéíóúüñ])p(?=s)()|p|b|v|m", r"f"),
    "it": (r"pp?|bb?|mm?", r"ff?|vv?"),
    # A final m makes the vowel nasal and closes nothing.
    "pt": (r"p|b|m(?=[aeiouáéíóúâêôãõpb])", r"f|v"),
    # Final p and b are silent; m after a vowel and before a consonant other than m, p, b is a nasal vowel.
    "fr": (r"p(?!h)p?(?=[a-zàâçéèêëîïôûùü])(?!s(?![a-z]))|bb?(?=[a-zàâçéèêëîïôûùü])|mm?(?=[aeiouyàâéèêëîïôûùüh])",
           r"ph|ff?|v"),
    # v is f; w is v; pf is both at once.
    "de": (r"pp?(?!h)f?|bb?|mm?", r"ph|ff?|v|w"),
    "ja": (r"[ぱぴぷぺぽばびぶべぼまみむめもパピプペポバビブベボマミムメモ]", r"[ふフ]"),
}
_OTHERS = (r"[pbmпбмπμ]|μπ", r"[fvфвφβ]")


@dataclass(frozen=True, slots=True)
class Closure:
    """A closing ``at_ms`` after the line starts; ``weight``: 1 where the lips meet, 0.5 where one meets the teeth."""

    at_ms: float
    weight: float


def of_text(text: str, pace: Pace, duration_ms: float) -> tuple[Closure, ...]:
    """The closures of ``text`` when it is said in ``duration_ms``, every syllable taking the same time.

    The language is the pace's, and so is what counts as a syllable.
    """
    lowered = text.lower()
    nuclei = [match.start() for match in _compiled(pace.syllable_pattern).finditer(lowered)]
    if not nuclei:
        return ()
    found = []
    for pattern, weight in zip(_LETTERS.get(pace.language, _OTHERS), (_FULL, _HALF), strict=True):
        for match in _compiled(pattern).finditer(lowered):
            # An empty group marks letters that are written and not said.
            if match.lastindex is None:
                before = sum(1 for nucleus in nuclei if nucleus < match.start())
                found.append(Closure(before / len(nuclei) * duration_ms, weight))
    return tuple(sorted(found, key=lambda closure: closure.at_ms))


def of_words(words: Sequence[Word], start_ms: int, pace: Pace) -> tuple[Closure, ...]:
    """The closures of a line whose words have times, from the line's start."""
    return tuple(Closure(word.start_ms - start_ms + closure.at_ms, closure.weight)
                 for word in words for closure in of_text(word.text, pace, word.end_ms - word.start_ms))


def agreement(original: Sequence[Closure], spoken: Sequence[Closure]) -> float:
    """The share of the original's closures, by weight, on which one of ``spoken`` falls; each serves one at most.

    1.0 where the original has none.
    """
    total = sum(closure.weight for closure in original)
    if total == 0:
        return 1.0
    free, met = list(spoken), 0.0
    for closure in original:
        near = [one for one in free if abs(one.at_ms - closure.at_ms) <= NEAR_MS]
        if near:
            best = min(near, key=lambda one: (abs(one.weight - closure.weight), abs(one.at_ms - closure.at_ms)))
            free.remove(best)
            met += min(best.weight, closure.weight)
    return met / total


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
