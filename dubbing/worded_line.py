"""A line on its way to a text: its candidates, how they rank, and what is told of the choice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dubbing.domain import choosing, marks, terms
from dubbing.domain.project import Utterance
from dubbing.domain.rewording import Rewording
from dubbing.domain.translation import Candidate, JudgedCandidate, TermRule
from dubbing.engines.base import Translator
from dubbing.pipeline.stages import translate

#: Under these names texts stand that no engine made.
MEMORY, MARKS = "memory", "marks"
#: Candidates that are kept to be looked at.
KEPT = 6
#: Below this the best candidate is doubted, and every other engine is asked too.
DOUBTED = 0.6
#: What a rule takes from a candidate's meaning: that much is lost in a rewording at most.
RULE_COST = 0.03


@dataclass(slots=True, eq=False)
class WordedLine:
    """A line on its way to a text. ``plain`` is its source without marks, ``first`` the first text that was offered."""

    utterance: Utterance
    plain: str
    tokens: tuple[marks.Token, ...]
    place: choosing.Place
    held: tuple[TermRule, ...]
    asked: translate.TextLine
    recipe: str
    candidates: list[Candidate] = field(default_factory=list)
    evidence: list[Candidate] = field(default_factory=list)
    made_from: dict[str, str] = field(default_factory=dict)
    first: str = ""
    is_settled: bool = False

    def add(self, found: Iterable[Candidate], *, is_evidence: bool = True) -> None:
        """One more maker's candidates; evidence is what says something about the meaning of the others."""
        known = {one.text for one in self.candidates}
        for one in found:
            self.first = self.first or one.text
            if one.text not in known:
                known.add(one.text)
                self.candidates.append(one)
            if is_evidence:
                self.evidence.append(one)

    def ranked(self) -> list[JudgedCandidate]:
        """The candidates, best first."""
        return choosing.judge(self.candidates, self.place, self.evidence, self.made_from)

    @property
    def is_in_window(self) -> bool:
        """Whether the best candidate can be said in comfort."""
        ranked = self.ranked()
        return bool(ranked) and choosing.in_window(ranked[0].tempo)

    def details(self, ranked: Sequence[JudgedCandidate]) -> dict[str, Any]:
        """How a text was come to, for the people who look at it.

        chosen: "memory", "only" (there was no other), "first" (the translator's own favourite), "terms", "fit" or
        "meaning" (what was better than in the favourite). first: what would have been taken without choosing.
        """
        best = ranked[0]
        favourite = next((one for one in ranked if one.candidate.text == self.candidates[0].text), best)
        natural = choosing.natural_ms(self.first, self.place.pace)
        kept = list(ranked[:KEPT])
        return {
            "candidates": [self._told(one) for one in (kept if favourite in kept else [*kept[:-1], favourite])],
            "chosen": _reason(best, favourite, self),
            "first": {"text": self.first, "tempo": round(choosing.tempo_of(natural, self.place.slot), 3)},
            "terms_missed": [rule.source for rule in terms.missed(best.candidate.text, self.held)],
        }

    def _told(self, one: JudgedCandidate) -> dict[str, Any]:
        candidate, text = one.candidate, marks.restore(one.candidate.text, self.tokens, self.place.language)
        return {"text": text, "engine": candidate.engine, "how": candidate.how, "tempo": round(one.tempo, 3),
                "fit": one.fit.value, "meaning": round(candidate.meaning, 3), "agreement": round(one.agreement, 3),
                "mouth": None if one.mouth is None else round(one.mouth, 3), "total": round(one.total, 4)}


def wants_more(line: WordedLine, engine: Translator, *, is_unread: bool) -> bool:
    """Whether another engine is worth asking: the best text so far is doubted, none fits, or nobody read the line."""
    ranked = line.ranked()
    if any(one.engine == engine.id for one in line.candidates):
        return False
    return is_unread or not ranked or ranked[0].candidate.meaning < DOUBTED or not choosing.in_window(ranked[0].tempo)


def tidied(text: str, source: str) -> str:
    """``text`` with the first capital and the last full stop that its source has: some listeners write neither."""
    text = text.strip()
    if source[:1].isupper():
        text = text[:1].upper() + text[1:]
    return f"{text}." if source.endswith(".") and text[-1:].isalnum() else text


def reworded(made_from: Candidate, made: Rewording) -> Candidate:
    """What a rule made of a candidate."""
    how = f"{made_from.how}, {made.how}" if made_from.how else made.how
    return Candidate(made.text, round(made_from.meaning * (1 - RULE_COST) ** made.steps, 4), made_from.engine, how)


def _reason(best: JudgedCandidate, first: JudgedCandidate, line: WordedLine) -> str:
    if best.candidate.engine == MEMORY:
        return "memory"
    if len(line.candidates) == 1:
        return "only"
    if best is first:
        return "first"
    if best.terms < first.terms:
        return "terms"
    fit = choosing.fit_score(best.natural_ms, line.place.slot) - choosing.fit_score(first.natural_ms, line.place.slot)
    meaning = (choosing.MEANING * (best.candidate.meaning - first.candidate.meaning)
               + choosing.AGREEMENT * (best.agreement - first.agreement))
    return "fit" if choosing.FIT * fit >= meaning else "meaning"
