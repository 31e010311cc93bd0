"""Lines in bulk: what a list of them needs to be filtered and timed without reading every word of a project."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dubbing.domain.isochrony import Fit, Slot, colour, slot_for
from dubbing.domain.project import Utterance
from dubbing.domain.review import Layer, ReviewState, is_protected
from dubbing.domain.speech import Word
from dubbing.domain.workspace import LineFilter, LineQuery

#: A recognizer's mean confidence below which a person should listen.
LOW_CONFIDENCE = 0.6
#: A recognized word below this is shown as doubtful.
DOUBTFUL_WORD = 0.5


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What is known of a line in one language, without its words. ``target`` is None where there is no translation,
    ``take_tempo`` where there is no take; ``open_comments`` counts those of the line in this language."""

    id: str
    speaker: str
    start_ms: int
    end_ms: int
    text: str
    confidence: float
    edited_by_person: bool
    target: str | None
    translation_is_stale: bool
    take_is_stale: bool
    take_tempo: float | None
    states: Mapping[Layer, ReviewState]
    open_comments: int = 0

    def state(self, layer: Layer) -> ReviewState:
        return self.states.get(layer, ReviewState.DRAFT)


def doubtful_words(utterance: Utterance) -> list[Word]:
    """Words that were recognized with little confidence and still stand in the line's text, in order."""
    left = utterance.text.split()
    found = []
    for word in utterance.words:
        if word.text in left:
            del left[:left.index(word.text) + 1]
            if word.confidence < DOUBTFUL_WORD:
                found.append(word)
    return found


def has_low_confidence(confidence: float, edited_by_person: bool) -> bool:
    """Whether the recognizer doubted a line, and no person has been there since."""
    return confidence < LOW_CONFIDENCE and not edited_by_person


class TimedLine(NamedTuple):
    """Who speaks when."""

    id: str
    speaker: str
    start_ms: int
    end_ms: int


def slots_of(lines: Iterable[TimedLine | LineFacts | Utterance], video_end_ms: int) -> dict[str, Slot]:
    """Where the take of each line may be heard: never in the next line of the same speaker, and away from the next
    line of anybody."""
    rows = list(lines)
    starts = sorted({row.start_ms for row in rows})
    own: dict[str, list[int]] = {}
    for row in rows:
        own.setdefault(row.speaker, []).append(row.start_ms)
    for mine in own.values():
        mine.sort()
    slots = {}
    for row in rows:
        following, same = _after(starts, row.start_ms), _after(own[row.speaker], row.start_ms)
        end = row.end_ms if same is None else min(row.end_ms, same)
        slots[row.id] = slot_for(row.start_ms, end, following, video_end_ms)
    return slots


def _after(starts: Sequence[int], start_ms: int) -> int | None:
    place = bisect_right(starts, start_ms)
    return starts[place] if place < len(starts) else None


def matcher(query: LineQuery, expected_fit: Callable[[LineFacts], Fit | None]) -> Callable[[LineFacts], bool]:
    """Whether a line is wanted. ``expected_fit`` is asked only where no fresh take says how the line fits."""
    wanted = query.search.strip().casefold()
    layers = tuple(Layer) if query.layer is None else (query.layer,)

    def has_state(line: LineFacts, states: Iterable[ReviewState]) -> bool:
        return any(line.state(layer) in states for layer in layers)

    def is_stale(line: LineFacts) -> bool:
        return ((query.layer is not Layer.DUB and line.translation_is_stale)
                or (query.layer is not Layer.TRANSLATION and line.take_is_stale))

    checks: dict[LineFilter, Callable[[LineFacts], bool]] = {
        LineFilter.NEEDS_REVIEW: lambda line: has_state(line, (ReviewState.NEEDS_REVIEW,)),
        LineFilter.CHANGES_REQUESTED: lambda line: has_state(line, (ReviewState.CHANGES_REQUESTED,)),
        LineFilter.STALE: is_stale,
        LineFilter.DOES_NOT_FIT: lambda line: fit_of(line, expected_fit) is Fit.RED,
        LineFilter.LOW_CONFIDENCE: lambda line: has_low_confidence(line.confidence, line.edited_by_person),
        LineFilter.NOT_APPROVED: lambda line: not all(is_protected(line.state(layer)) for layer in layers),
        LineFilter.COMMENTED: lambda line: line.open_comments > 0,
        LineFilter.NO_TRANSLATION: lambda line: not (line.target or "").strip(),
    }
    asked = [checks[one] for one in query.filters]

    def is_wanted(line: LineFacts) -> bool:
        if query.speaker is not None and line.speaker != query.speaker:
            return False
        if wanted and not (wanted in line.text.casefold() or wanted in (line.target or "").casefold()
                           or wanted == line.id):
            return False
        if query.states and not has_state(line, query.states):
            return False
        return all(check(line) for check in asked)

    return is_wanted


def fit_of(line: LineFacts, expected_fit: Callable[[LineFacts], Fit | None]) -> Fit | None:
    """How the line's take fits, or is expected to where there is none that is fresh; None without a text."""
    if line.take_tempo is not None and not line.take_is_stale and not line.translation_is_stale:
        return colour(line.take_tempo)
    return expected_fit(line)
