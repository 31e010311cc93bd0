"""Subtitles as they are exported, against the rules that Netflix publishes for each language.

Sources: Netflix Timed Text Style Guide, General Requirements and the guides of the languages (characters a line,
reading speed of adults' and children's programmes, 5/6 s to 7 s on screen, two frames between subtitles, two lines).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from dubbing.domain.quality import Finding, Severity
from dubbing.qc.values import Audience, QcCue, QcDub

SPEED, LENGTH, LINES, DURATION, GAP = ("reading_speed", "subtitle_length", "subtitle_lines", "subtitle_duration",
                                       "subtitle_gap")
#: Characters a second by audience; the general figures first.
_SPEEDS = {
    Audience.ADULTS: (17.0, {"en": 20.0, "ar": 20.0, "hi": 22.0, "ja": 4.0, "ko": 12.0, "zh": 9.0}),
    Audience.CHILDREN: (13.0, {"en": 17.0, "ar": 17.0, "hi": 18.0, "ja": 4.0, "ko": 9.0, "zh": 7.0}),
}
#: Characters a line.
_LENGTHS = {"ja": 23, "ko": 16, "zh": 16, "th": 35}
_LENGTH, MOST_LINES = 42, 2
SHORTEST_MS, LONGEST_MS = 5000 / 6, 7000.0
GAP_FRAMES = 2
#: Over a reading speed by more than this, nobody can read it.
_FAR_OVER = 1.25


def speed_limit(language: str, audience: Audience = Audience.ADULTS) -> float:
    """Characters a second that readers of a language follow."""
    general, own = _SPEEDS[audience]
    return own.get(language, general)


def length_limit(language: str) -> int:
    """Characters that a line may have."""
    return _LENGTHS.get(language, _LENGTH)


def reading_speed(dub: QcDub) -> Iterator[Finding]:
    """Subtitles that are not long enough on screen to be read. Letters of ideographic scripts count one each, as
    Netflix counts; blanks count, line breaks do not."""
    limit = speed_limit(dub.language, dub.audience)
    for number, cue in enumerate(dub.cues):
        shown_ms = cue.end_ms - cue.start_ms
        speed = 1000 * len(_counted(cue)) / shown_ms if shown_ms > 0 else float("inf")
        if speed > limit:
            yield Finding(
                SPEED, Severity.ERROR if speed > _FAR_OVER * limit else Severity.WARNING, cue.utterance_id,
                f"{speed:.1f} characters a second are to be read; {limit:.0f} are the most.", round(speed, 2), limit,
                "characters/s", cue.start_ms, _subject(dub, number))


def length(dub: QcDub) -> Iterator[Finding]:
    """Lines of subtitles that are too long."""
    limit = length_limit(dub.language)
    for number, cue in enumerate(dub.cues):
        longest = max((len(row) for row in cue.text.splitlines()), default=0)
        if longest > limit:
            yield Finding(LENGTH, Severity.WARNING, cue.utterance_id,
                          f"A line of the subtitle has {longest} characters; {limit} are the most.", float(longest),
                          float(limit), "characters", cue.start_ms, _subject(dub, number))


def lines(dub: QcDub) -> Iterator[Finding]:
    """Subtitles of more than two lines."""
    for number, cue in enumerate(dub.cues):
        count = len(cue.text.splitlines())
        if count > MOST_LINES:
            yield Finding(LINES, Severity.WARNING, cue.utterance_id,
                          f"The subtitle has {count} lines; {MOST_LINES} are the most.", float(count),
                          float(MOST_LINES), "lines", cue.start_ms, _subject(dub, number))


def duration(dub: QcDub) -> Iterator[Finding]:
    """Subtitles shown for less than 5/6 s or more than 7 s."""
    for number, cue in enumerate(dub.cues):
        shown_ms = cue.end_ms - cue.start_ms
        if shown_ms < SHORTEST_MS - 1:
            yield Finding(DURATION, Severity.WARNING, cue.utterance_id,
                          f"The subtitle is shown for {shown_ms} ms; {SHORTEST_MS:.0f} ms are the least.",
                          float(shown_ms), SHORTEST_MS, "ms", cue.start_ms, _subject(dub, number))
        elif shown_ms > LONGEST_MS:
            yield Finding(DURATION, Severity.WARNING, cue.utterance_id,
                          f"The subtitle is shown for {shown_ms} ms; {LONGEST_MS:.0f} ms are the most.",
                          float(shown_ms), LONGEST_MS, "ms", cue.start_ms, _subject(dub, number))


def gap(dub: QcDub) -> Iterator[Finding]:
    """Subtitles of different lines that follow each other with less than two frames between them."""
    least = GAP_FRAMES * dub.frame_ms
    for number, (before, cue) in enumerate(pairwise(dub.cues), 1):
        between = cue.start_ms - before.end_ms
        # Less than half a frame short is rounding; the parts of one long line change at a cut of its text.
        if before.utterance_id != cue.utterance_id and between < least - dub.frame_ms / 2:
            yield Finding(
                GAP, Severity.INFO, cue.utterance_id,
                f"{between} ms lie between this subtitle and the one before; two frames are {least:.0f} ms."
                if between >= 0 else f"This subtitle begins {-between} ms before the one before it ends.",
                float(between), round(least, 2), "ms", cue.start_ms, _subject(dub, number))


def _counted(cue: QcCue) -> str:
    return " ".join(cue.text.split())


def _subject(dub: QcDub, number: int) -> str:
    """Which part of a line that is shown in several subtitles; "" for the first."""
    own = dub.cues[number].utterance_id
    before = sum(cue.utterance_id == own for cue in dub.cues[max(0, number - 20):number])
    return str(before + 1) if before else ""
