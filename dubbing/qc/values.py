"""What checks are given: a dub as it was meant and as it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from dubbing.domain.loudness import PRESETS, SOURCE, Loudness, Preset
from dubbing.domain.workspace import ForbiddenTerm, Term

#: Why a check could not be made, in a sentence; "" where it could.
Reason = NewType("Reason", str)
NO_REASON = Reason("")


class Audience(StrEnum):
    """Who reads the subtitles."""

    ADULTS = "adults"
    CHILDREN = "children"


@dataclass(frozen=True, slots=True)
class QcLine:
    """A line: what was meant, and what the finished dub has in its place. Texts are without marks.

    start_ms, end_ms: of the original line. take_ms, tempo: of its take (None: there is none). heard: what a recognizer
    heard there (None: nobody listened); words, wrong_words: of the target text, and how many of them it heard otherwise
    (in letters where words are not spaced); letter_errors: share of letters heard otherwise. onset_ms: how much later
    than the original the dub begins to speak (negative: earlier). silent_ms: the longest stretch in which the original
    speaks and the dub is silent. left_over_ms: how much of the original is heard right before and after.
    clipped_samples: samples at full scale. voice: who speaks it, voice_print: how that sounds (a unit vector; () where
    it was not measured).
    """

    id: str
    speaker: str
    start_ms: int
    end_ms: int
    source: str
    target: str
    speaker_name: str = ""
    take_ms: int | None = None
    tempo: float | None = None
    take_is_stale: bool = False
    heard: str | None = None
    words: int = 0
    wrong_words: int = 0
    letter_errors: float = 0.0
    onset_ms: float | None = None
    silent_ms: int = 0
    left_over_ms: int = 0
    clipped_samples: int = 0
    voice: str = ""
    voice_print: tuple[float, ...] = ()

    @property
    def duration_ms(self) -> int:
        return self.end_ms - self.start_ms

    @property
    def take_end_ms(self) -> int:
        """When the take ends, or the original where there is none."""
        return self.start_ms + self.take_ms if self.take_ms else self.end_ms


@dataclass(frozen=True, slots=True)
class QcCue:
    """A subtitle as it is exported: ``text`` is broken into the lines that are shown."""

    utterance_id: str
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class QcDub:
    """One language's dub. ``lines`` and ``cues`` are in order of time.

    loudness, source_loudness: of the finished mix and of the original (None: not measured). lip_sync: figures of the
    repainted mouths by name (see :mod:`dubbing.qc.lip_sync`). unheard, unprinted: why nobody listened or compared
    voices, "" where that was done.
    """

    language: str
    source_language: str
    lines: tuple[QcLine, ...]
    cues: tuple[QcCue, ...] = ()
    terms: tuple[Term, ...] = ()
    forbidden: tuple[ForbiddenTerm, ...] = ()
    frame_ms: float = 40.0
    audience: Audience = Audience.ADULTS
    preset: Preset = PRESETS[SOURCE]
    loudness: Loudness | None = None
    source_loudness: Loudness | None = None
    lip_sync: Mapping[str, float] = field(default_factory=dict)
    unheard: Reason = NO_REASON
    unprinted: Reason = NO_REASON
