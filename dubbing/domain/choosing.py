"""Which of several translations is spoken: the one that means the same, fits its place, and agrees with the mouth.

Agreement among candidates is minimum Bayes risk decoding (Kumar and Byrne, "Minimum Bayes-Risk Decoding for
Statistical Machine Translation", NAACL 2004; Eikema and Aziz, "Sampling-Based Approximations to Minimum Bayes Risk
Decoding", EMNLP 2022): the text that is most like everything the translators find likely is rarely far off. Likeness
is an F-score over character n-grams, as in chrF (Popović, WMT 2015).
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from dubbing.domain import closures, fidelity
from dubbing.domain.estimate import natural_ms
from dubbing.domain.isochrony import COMFORT, TEMPO_CEILING, TOLERABLE, Fit, Slot, plan_fit
from dubbing.domain.translation import Candidate, JudgedCandidate
from dubbing.domain.workspace import Pace

#: What a candidate is ranked by. Meaning counts most: from the worst fit to the best is 0.6, which pays for a
#: paraphrase (agreement down by a quarter, meaning by a tenth), and not for a doubtful text (meaning down by a half).
#: The mouth decides among what is as good otherwise: estimated closures are good to a tenth of a second at best.
MEANING, AGREEMENT, FIT, MOUTH, TERM = 1.0, 0.5, 0.6, 0.1, 1.0
#: What a slip takes from a candidate's meaning.
SLIP = {fidelity.NUMBERS: 0.4, fidelity.NEGATION: 0.4, fidelity.QUESTION: 0.15}
#: From this likeness to its source on, a text of another family of languages is no translation of it (a listener wrote
#: down what it heard); and what that takes from its meaning.
ECHO, ECHO_COST = 0.45, 0.25
_FAMILIES = ("es pt it fr ca gl ro la oc", "de nl af lb", "sv da no nb nn is", "ru uk be bg sr mk",
             "cs sk pl", "hr sr bs sl", "zh ja", "id ms")
#: A candidate that is so much less sure than the surest, or so much less like the rest than the likest, is no choice
#: while another is, however well it fits: what says something else fits by chance.
DOUBT, STRANGE = 0.25, 0.3
_ORDERS = range(1, 7)
_NOTHING: Mapping[str, str] = {}
#: The fit of a text just outside the window; of one that needs as much silence as its line is long, of one that is
#: pressed to the tolerable edge, and of one that leaves half of its line silent.
_OUTSIDE, _BORROWED, _PRESSED, _HALF_SILENT = 0.85, 0.5, 0.4, 0.4


@dataclass(frozen=True, slots=True)
class Place:
    """Where a translation is to be said, and what it is measured against.

    closures: of the original, from its start; None off camera. breaches: how many glossary entries and forbidden
    words a text breaks.
    """

    source: str
    source_language: str
    language: str
    slot: Slot
    pace: Pace
    closures: Sequence[closures.Closure] | None = None
    breaches: Callable[[str], int] = lambda _text: 0


def tempo_of(natural: float, slot: Slot) -> float:
    """How much faster than naturally a text must be said to take the time of the original: no silence borrowed."""
    return natural / slot.duration_ms if slot.duration_ms > 0 else math.inf


def in_window(tempo: float) -> bool:
    """Whether listeners find ``tempo`` comfortable."""
    return COMFORT[0] <= tempo <= COMFORT[1]


def fit_score(natural: float, slot: Slot) -> float:
    """How well a text of this natural duration sits in its place, in [0, 1].

    1 at the original's own length and hardly less inside the window; too long costs what must be done about it
    (silence borrowed, speech pressed), too short the silence that is left of the line.
    """
    tempo = tempo_of(natural, slot)
    if natural <= 0:
        return 0.0
    off = abs(math.log(tempo)) / math.log(COMFORT[1])
    if in_window(tempo):
        return 1.0 - 0.1 * off
    if tempo < COMFORT[0]:
        share = (tempo - 0.5) / (COMFORT[0] - 0.5)
        return max(0.0, _HALF_SILENT + (_OUTSIDE - _HALF_SILENT) * share)
    plan = plan_fit(natural, slot)
    if plan.fit is Fit.GREEN:
        return _OUTSIDE - (_OUTSIDE - _BORROWED) * min(1.0, plan.borrowed_ms / slot.duration_ms)
    if plan.fit is Fit.AMBER:
        return _PRESSED
    return max(0.0, 0.3 * (TEMPO_CEILING - plan.tempo) / (TEMPO_CEILING - TOLERABLE[1]))


@lru_cache(maxsize=65_536)
def likeness(first: str, second: str) -> float:
    """How alike two texts are, in [0, 1]: the mean F1 of their character n-grams of order 1 to 6, case and
    punctuation set aside."""
    scores = []
    for order, (mine, theirs) in enumerate(zip(_grams(first), _grams(second), strict=True), 1):
        count, other = sum(mine.values()), sum(theirs.values())
        if count == 0 or other == 0:
            # Texts shorter than this n-gram say nothing about it; one that is longer than the other does.
            if order == 1 or count != other:
                scores.append(0.0)
            continue
        scores.append(2 * sum((mine & theirs).values()) / (count + other))
    return sum(scores) / len(scores) if scores else 0.0


@lru_cache(maxsize=4096)
def _grams(text: str) -> tuple[Counter[str], ...]:
    kept = "".join(char if unicodedata.category(char)[0] in "LMN" or char == "'" else " " for char in text.casefold())
    plain = " ".join(kept.split())
    return tuple(Counter(plain[at:at + order] for at in range(len(plain) - order + 1)) for order in _ORDERS)


def judge(candidates: Sequence[Candidate], place: Place, support: Sequence[Candidate] = (),
          made_from: Mapping[str, str] = _NOTHING) -> list[JudgedCandidate]:
    """``candidates`` weighed, the best first; of two equal ones, that which was given first.

    support: what the translators themselves found likely, which agreement is measured against (all when empty):
    texts that were made from a candidate by rules are no evidence for it. Each translator has one voice, as loud as
    it is sure, shared by its texts. made_from: by text, the text that rules made it from, which it agrees as much as:
    what a rule costs is in its meaning already. Texts without anything to say are left out.
    """
    alive = [one for one in candidates if natural_ms(one.text, place.pace) > 0]
    evidence = [one for one in support if one.text.strip()] or alive
    weights = _voices(evidence)
    judged = [_judged(one, place, made_from.get(one.text, one.text), evidence, weights) for one in alive]
    surest = max((one.candidate.meaning for one in judged), default=0.0)
    likest = max((one.agreement for one in judged), default=0.0)
    eligible = [one.candidate.meaning >= surest - DOUBT and one.agreement >= likest - STRANGE for one in judged]
    order = sorted(range(len(judged)), key=lambda i: (not eligible[i], -judged[i].total, i))
    return [judged[i] for i in order]


def _voices(evidence: Sequence[Candidate]) -> list[float]:
    """The weight of each text as evidence."""
    total: dict[str, float] = {}
    surest: dict[str, float] = {}
    for one in evidence:
        meaning = max(one.meaning, 0.01)
        total[one.engine] = total.get(one.engine, 0.0) + meaning
        surest[one.engine] = max(surest.get(one.engine, 0.0), meaning)
    return [max(one.meaning, 0.01) * surest[one.engine] / total[one.engine] for one in evidence]


def _echoes(text: str, place: Place) -> bool:
    """Whether ``text`` is the source over again, where the languages are not alike."""
    pair = {place.source_language, place.language}
    return not any(pair <= set(family.split()) for family in _FAMILIES) and likeness(text, place.source) > ECHO


def _judged(candidate: Candidate, place: Place, like: str, evidence: Sequence[Candidate], weights: Sequence[float],
            ) -> JudgedCandidate:
    natural = natural_ms(candidate.text, place.pace)
    lost = sum(SLIP[slip] for slip in fidelity.slips(place.source, candidate.text, place.source_language,
                                                     place.language))
    lost += ECHO_COST * _echoes(candidate.text, place)
    meaning = max(0.0, candidate.meaning - lost)
    agreement = sum(weight * likeness(like, one.text)
                    for weight, one in zip(weights, evidence, strict=True)) / sum(weights)
    plan = plan_fit(natural, place.slot)
    mouth = None
    if place.closures is not None:
        mouth = closures.agreement(place.closures, closures.of_text(candidate.text, place.pace, plan.target_ms))
    terms = place.breaches(candidate.text)
    total = (MEANING * meaning + AGREEMENT * agreement + FIT * fit_score(natural, place.slot)
             + MOUTH * (mouth or 0.0) - TERM * terms)
    return JudgedCandidate(replace(candidate, meaning=round(meaning, 4)), natural, tempo_of(natural, place.slot),
                           plan.fit, agreement, mouth, terms, total)
