"""Whether a speaker sounds like one person from line to line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from dubbing.domain.quality import Finding, Severity
from dubbing.qc.values import QcDub, QcLine

DRIFT, OTHER_VOICE = "voice_drift", "other_voice"
#: (takes shorter than this, looked at below, another person below): cosine between a line's voice print and the mean of
#: its speaker's other lines; short prints scatter. Measured with the embedded voices and Resemblyzer: one voice's lines
#: are at least 0.76, 0.81 and 0.92 alike by these lengths, those of another voice of the same sex 0.60, 0.64 and 0.71
#: in the median.
LIMITS = ((1200, 0.70, 0.60), (2500, 0.76, 0.66), (10**9, 0.83, 0.73))
#: Prints of less than this say nothing.
SHORTEST_MS = 700


def drift(dub: QcDub) -> Iterator[Finding]:
    """Lines that do not sound like the speaker's others (at least two of them)."""
    for lines in _by_speaker(dub).values():
        told = [line for line in lines if line.voice_print and (line.take_ms or 0) >= SHORTEST_MS]
        # The oddest goes first: it does not count when the others are compared.
        while len(told) > 2:
            margins = {line.id: _likeness(line, told) - _limits(line)[0] for line in told}
            line = min(told, key=lambda one: margins[one.id])
            if margins[line.id] >= 0:
                break
            yield _drifting(line, told)
            told.remove(line)


def _likeness(line: QcLine, lines: Sequence[QcLine]) -> float:
    return cosine(line.voice_print, _mean([(other.voice_print, other.take_ms or 0) for other in lines
                                           if other is not line]))


def _limits(line: QcLine) -> tuple[float, float]:
    """Below which likeness a line is looked at, and below which it is another person's."""
    return next((seen, refused) for longest, seen, refused in LIMITS if (line.take_ms or 0) < longest)


def _drifting(line: QcLine, lines: Sequence[QcLine]) -> Finding:
    likeness, (seen, refused) = _likeness(line, lines), _limits(line)
    is_other = likeness < refused
    return Finding(
        DRIFT, Severity.ERROR if is_other else Severity.WARNING, line.id,
        f"Does not sound like this speaker's other lines (likeness {likeness:.2f}).", round(likeness, 4),
        refused if is_other else seen, at_ms=line.start_ms)


def other_voice(dub: QcDub) -> Iterator[Finding]:
    """Lines that another voice speaks than most of the speaker's."""
    for lines in _by_speaker(dub).values():
        voices = [line.voice for line in lines if line.voice]
        if len(set(voices)) < 2:
            continue
        usual = max(dict.fromkeys(voices), key=voices.count)
        for line in lines:
            if line.voice and line.voice != usual:
                yield Finding(OTHER_VOICE, Severity.WARNING, line.id,
                              f"Spoken by the voice {line.voice}; the speaker's other lines by {usual}.",
                              at_ms=line.start_ms)


def likeness_within(dub: QcDub) -> float | None:
    """The median cosine of lines to their speakers' other lines; None where there is nothing to compare."""
    found = []
    for lines in _by_speaker(dub).values():
        told = [line for line in lines if line.voice_print]
        if len(told) > 1:
            found += [_likeness(line, told) for line in told]
    return round(sorted(found)[len(found) // 2], 4) if found else None


def cosine(first: Sequence[float], second: Sequence[float]) -> float:
    """Of two prints of equal length; 0.0 when one is all zeros."""
    norm = math.sqrt(sum(a * a for a in first) * sum(b * b for b in second))
    return sum(a * b for a, b in zip(first, second, strict=True)) / norm if norm else 0.0


def _mean(prints: Sequence[tuple[Sequence[float], int]]) -> list[float]:
    """The mean print, longer takes counting more."""
    return [sum(value * weight for value, weight in column)
            for column in zip(*([(v, max(1, w)) for v in p] for p, w in prints), strict=True)]


def _by_speaker(dub: QcDub) -> dict[str, list[QcLine]]:
    found: dict[str, list[QcLine]] = {}
    for line in dub.lines:
        if line.take_ms:
            found.setdefault(line.speaker, []).append(line)
    return found
