"""Which line of a new transcription is which utterance that we already have."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from dubbing.domain.project import Utterance
from dubbing.domain.speech import SpokenLine


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What to do with each line and each utterance; ids where an utterance exists, lines where not."""

    added: tuple[SpokenLine, ...]
    updated: tuple[tuple[str, SpokenLine], ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    skipped: tuple[SpokenLine, ...]


def match_lines(existing: Sequence[Utterance], kept: AbstractSet[str], lines: Sequence[SpokenLine]) -> ImportPlan:
    """Pair ``lines`` with ``existing`` utterances by the time that they share.

    A line is skipped when a kept utterance shares at least half of the shorter of the two: recognizers
    cut speech differently each time, and a line beside the edited one would be said twice. Otherwise it
    goes to the free utterance that shares most, at least half of the longer, same speaker first.
    """
    ordered = sorted(existing, key=lambda one: one.start_ms)
    starts = [one.start_ms for one in ordered]
    longest_ms = max((one.duration_ms for one in ordered), default=0)
    free = {one.id for one in ordered if one.id not in kept}
    added: list[SpokenLine] = []
    updated: list[tuple[str, SpokenLine]] = []
    unchanged: list[str] = []
    skipped: list[SpokenLine] = []
    for line in lines:
        length = line.end_ms - line.start_ms
        first = bisect_right(starts, line.start_ms - longest_ms)
        near = [one for one in ordered[first:bisect_left(starts, line.end_ms)] if one.end_ms > line.start_ms]
        if any(one.id in kept and 2 * _shared_ms(line, one) >= min(length, one.duration_ms) for one in near):
            skipped.append(line)
            continue
        partners = [one for one in near
                    if one.id in free and 2 * _shared_ms(line, one) >= max(length, one.duration_ms)]
        if not partners:
            added.append(line)
            continue
        best = max(partners, key=lambda one: (one.speaker == line.speaker, _shared_ms(line, one), -one.duration_ms))
        free.remove(best.id)
        if (best.text, best.speaker, best.start_ms, best.end_ms, best.words) == (
            line.text, line.speaker, line.start_ms, line.end_ms, line.words
        ):
            unchanged.append(best.id)
        else:
            updated.append((best.id, line))
    return ImportPlan(tuple(added), tuple(updated), tuple(unchanged),
                      tuple(one.id for one in ordered if one.id in free), tuple(skipped))


def _shared_ms(line: SpokenLine, utterance: Utterance) -> int:
    return min(line.end_ms, utterance.end_ms) - max(line.start_ms, utterance.start_ms)
