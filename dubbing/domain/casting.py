"""Who a heard voice belongs to, where people know better than the machine: speakers merged and split.

Decisions are kept in the order in which they were made, and applied anew to whatever is heard: the machine's voices
are told apart by its own names, which stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dubbing.domain.speech import SpokenLine

#: Where a project's settings keep the decisions.
CAST = "cast"


def merged(cast: Sequence[Mapping[str, Any]], other: str, into: str) -> list[dict[str, Any]]:
    """The decisions with one more: whatever ``other`` says is said by ``into``."""
    return [*map(dict, cast), {"from": other, "to": into}]


def parted(cast: Sequence[Mapping[str, Any]], speaker: str, new: str,
           spans: Iterable[tuple[int, int]]) -> list[dict[str, Any]]:
    """The decisions with one more: what ``speaker`` says within ``spans`` (ms) is said by ``new``."""
    return [*map(dict, cast), {"from": speaker, "to": new, "spans": [list(span) for span in spans]}]


def recast(lines: Sequence[SpokenLine], cast: Sequence[Mapping[str, Any]]) -> list[SpokenLine]:
    """Heard lines under the speakers whom people decided on."""
    return [replace(line, speaker=_speaker(line, cast)) for line in lines] if cast else list(lines)


def _speaker(line: SpokenLine, cast: Sequence[Mapping[str, Any]]) -> str:
    speaker = line.speaker
    for decision in cast:
        if speaker == decision["from"] and _is_meant(line, decision.get("spans")):
            speaker = str(decision["to"])
    return speaker


def _is_meant(line: SpokenLine, spans: Sequence[Sequence[int]] | None) -> bool:
    """Whether at least half of a line lies in one of the spans; without spans every line is meant."""
    if spans is None:
        return True
    length = line.end_ms - line.start_ms
    return any(2 * (min(line.end_ms, end) - max(line.start_ms, start)) >= length for start, end in spans)
