"""Which line of a new transcription is which utterance that we already have."""

from __future__ import annotations

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
    guarded = [utterance for utterance in existing if utterance.id in kept]
    free = {utterance.id: utterance for utterance in existing if utterance.id not in kept}
    added: list[SpokenLine] = []
    updated: list[tuple[str, SpokenLine]] = []
    unchanged: list[str] = []
    skipped: list[SpokenLine] = []
    for line in lines:
        length = line.end_ms - line.start_ms
        if any(2 * _shared_ms(line, one) >= min(length, one.duration_ms) for one in guarded if _touches(line, one)):
            skipped.append(line)
            continue
        partners = [one for one in free.values()
                    if _touches(line, one) and 2 * _shared_ms(line, one) >= max(length, one.duration_ms)]
        if not partners:
            added.append(line)
            continue
        best = max(partners, key=lambda one: (one.speaker == line.speaker, _shared_ms(line, one)))
        del free[best.id]
        if (best.text, best.speaker, best.start_ms, best.end_ms, best.words) == (
            line.text, line.speaker, line.start_ms, line.end_ms, line.words
        ):
            unchanged.append(best.id)
        else:
            updated.append((best.id, line))
    return ImportPlan(tuple(added), tuple(updated), tuple(unchanged), tuple(free), tuple(skipped))


def _touches(line: SpokenLine, utterance: Utterance) -> bool:
    return line.start_ms < utterance.end_ms and utterance.start_ms < line.end_ms


def _shared_ms(line: SpokenLine, utterance: Utterance) -> int:
    return min(line.end_ms, utterance.end_ms) - max(line.start_ms, utterance.start_ms)
