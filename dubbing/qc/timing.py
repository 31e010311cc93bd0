"""When lines are said: how they fit, whether they begin on time, overlap, leave silence, or are missing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from dubbing.domain.isochrony import COMFORT, TOLERABLE, Fit, colour
from dubbing.domain.quality import Finding, Severity
from dubbing.qc.values import QcDub, QcLine

FIT, ONSET, OVERLAP, SILENCE, LEFT_OVER = "fit", "onset", "overlap", "silence", "left_over"
NO_TRANSLATION, NO_TAKE, OLD_TAKE, REPEATED = "no_translation", "no_take", "old_take", "repeated_text"
#: When sound that is late, or early, against the picture is seen, and when it is no longer accepted (ITU-R BT.1359).
LATE_MS, EARLY_MS = (125.0, 185.0), (45.0, 90.0)
#: Where the mouth is not repainted a line may begin a little before the original's; so small a lead is no finding.
MEASURED_WITHIN_MS = 40.0
#: Takes may share so much by rounding, and two speakers so much more than they did in the original.
TOUCH_MS, CROSSTALK_MS = 20, 150
#: Silence while the original speaks: seen from here on, and not accepted from there on.
SILENT_MS = (800, 1500)
#: Of the original's own words, right beside a line: heard from here on, a syllable from there on.
LEFT_OVER_MS = (60, 180)


def fit(dub: QcDub) -> Iterator[Finding]:
    """Takes spoken faster or slower than the comfortable window."""
    for line in dub.lines:
        if line.tempo is None or colour(line.tempo) is Fit.GREEN:
            continue
        is_red = colour(line.tempo) is Fit.RED
        low, high = TOLERABLE if is_red else COMFORT
        is_fast = line.tempo > 1
        yield Finding(
            FIT, Severity.ERROR if is_red else Severity.WARNING, line.id,
            f"Spoken {line.tempo:.2f} times as fast as is natural; shorten the text." if is_fast else
            f"Spoken {line.tempo:.2f} times as fast as is natural; lengthen the text.",
            round(line.tempo, 4), high if is_fast else low, at_ms=line.start_ms)


def onset(dub: QcDub) -> Iterator[Finding]:
    """Lines that begin later or earlier than a viewer forgives."""
    for line in dub.lines:
        if line.onset_ms is None:
            continue
        late = line.onset_ms > 0
        seen, refused = LATE_MS if late else (limit + MEASURED_WITHIN_MS for limit in EARLY_MS)
        off = abs(line.onset_ms)
        if off <= seen:
            continue
        is_refused = off > refused
        yield Finding(
            ONSET, Severity.ERROR if is_refused else Severity.WARNING, line.id,
            f"Begins {off:.0f} ms later than the original." if late else
            f"Begins {off:.0f} ms earlier than the original.",
            round(line.onset_ms, 1), (refused if is_refused else seen) * (1 if late else -1), "ms", line.start_ms)


def overlap(dub: QcDub) -> Iterator[Finding]:
    """Takes that run into a later line: of the same speaker at all, of another more than the original did."""
    last: dict[str, QcLine] = {}
    spoken = [line for line in dub.lines if line.take_ms]
    for line in spoken:
        before = last.get(line.speaker)
        if before is not None and before.take_end_ms - line.start_ms > TOUCH_MS:
            yield _overlap(before, line, before.take_end_ms - line.start_ms, TOUCH_MS, Severity.ERROR)
        last[line.speaker] = line
    for before, line in pairwise(spoken):
        if before.speaker == line.speaker:
            continue
        shared = min(before.take_end_ms, line.take_end_ms) - line.start_ms
        was = max(0, min(before.end_ms, line.end_ms) - line.start_ms)
        if shared > was + CROSSTALK_MS:
            yield _overlap(before, line, shared, was + CROSSTALK_MS, Severity.WARNING)


def _overlap(before: QcLine, line: QcLine, shared_ms: int, limit_ms: int, severity: Severity) -> Finding:
    return Finding(OVERLAP, severity, before.id, f"Runs {shared_ms} ms into line {line.id}.", float(shared_ms),
                   float(limit_ms), "ms", line.start_ms, line.id)


def silence(dub: QcDub) -> Iterator[Finding]:
    """Lines in which the original still speaks while the dub is silent."""
    for line in dub.lines:
        if not line.take_ms or line.silent_ms < SILENT_MS[0]:
            continue
        is_refused = line.silent_ms >= SILENT_MS[1]
        yield Finding(
            SILENCE, Severity.ERROR if is_refused else Severity.WARNING, line.id,
            f"Silent for {line.silent_ms} ms while the original speaks.", float(line.silent_ms),
            float(SILENT_MS[is_refused]), "ms", line.start_ms)


def left_over(dub: QcDub) -> Iterator[Finding]:
    """Lines beside which the original is still heard: its words begin earlier or end later than the line."""
    for line in dub.lines:
        if not line.take_ms or line.left_over_ms < LEFT_OVER_MS[0]:
            continue
        is_refused = line.left_over_ms >= LEFT_OVER_MS[1]
        yield Finding(
            LEFT_OVER, Severity.ERROR if is_refused else Severity.WARNING, line.id,
            f"{line.left_over_ms} ms of the original are heard beside this line; move its start or its end.",
            float(line.left_over_ms), float(LEFT_OVER_MS[is_refused]), "ms", line.start_ms)


def missing(dub: QcDub) -> Iterator[Finding]:
    """Lines without a text, without a take, or whose take says an older text."""
    for line in dub.lines:
        if not line.target.strip():
            yield Finding(NO_TRANSLATION, Severity.ERROR, line.id, "Not translated: the original is heard here.",
                          at_ms=line.start_ms)
        elif not line.take_ms:
            yield Finding(NO_TAKE, Severity.ERROR, line.id, "Not spoken: the original is heard here.",
                          at_ms=line.start_ms)
        elif line.take_is_stale:
            yield Finding(OLD_TAKE, Severity.WARNING, line.id, "The text was changed after it was spoken.",
                          at_ms=line.start_ms)


def repeated(dub: QcDub) -> Iterator[Finding]:
    """Two neighbouring lines of different source texts that say the same."""
    for before, line in pairwise(dub.lines):
        same = _plain(line.target) == _plain(before.target) and len(_plain(line.target)) > 3
        if same and _plain(line.source) != _plain(before.source):
            yield Finding(REPEATED, Severity.WARNING, line.id, f"Says the same as line {before.id}.",
                          at_ms=line.start_ms, subject=before.id)


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
