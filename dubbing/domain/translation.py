"""What translators are given beside a text, and what they give back: budgets, candidates, briefs."""

from __future__ import annotations

from dataclasses import dataclass

from dubbing.domain.isochrony import Fit


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a translation may be said: from ``syllables_low`` to ``syllables_high`` it fits its place green.

    ``slot_ms`` is the original line's length, ``room_ms`` that with the silence after it that may be borrowed.
    """

    syllables_low: int
    syllables_high: int
    slot_ms: int
    room_ms: int


@dataclass(frozen=True, slots=True)
class TermRule:
    """A glossary entry that holds for a line; ``target`` None: the source's word stays as it is."""

    source: str
    target: str | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Brief:
    """What holds for every line of a job.

    style: notes of the team in their own words. forbidden: words that must not be written, with what to write
    instead ("" where nothing was named).
    """

    source: str
    target: str
    style: str = ""
    forbidden: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible translation of a line.

    meaning: how sure its maker is that it says what the source says, in [0, 1]. engine: who made it. how: in a few
    words, what was done ("2nd of the beam", "contractions"); "" for an engine's first answer.
    """

    text: str
    meaning: float
    engine: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class JudgedCandidate:
    """A candidate weighed: its time and fit in the line's place, its agreement with the rest and with the mouth.

    agreement: mean likeness to the other candidates, in [0, 1]. mouth: share of the original's closures on which its
    own closures fall (None off camera). terms: broken glossary entries and forbidden words. total: what it is ranked
    by, larger is better.
    """

    candidate: Candidate
    natural_ms: int
    tempo: float
    fit: Fit
    agreement: float
    mouth: float | None
    terms: int
    total: float
