"""Speech as the pipeline knows it: words, turns, utterances, phonemes."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Word:
    """A recognized word. ``confidence`` is in [0, 1]; times are in the source video's clock."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A recognizer's raw unit; never edited."""

    text: str
    start_ms: int
    end_ms: int
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recognizer heard. ``language`` is an ISO 639-1 code."""

    language: str
    language_confidence: float
    segments: tuple[Segment, ...]

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)


@dataclass(frozen=True, slots=True)
class SpeakerTurn:
    """One speaker is heard from ``start_ms`` to ``end_ms``; turns of two speakers may overlap."""

    speaker: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Diarization:
    """Who is heard when, and each speaker's voice print (a unit vector)."""

    turns: tuple[SpeakerTurn, ...]
    embeddings: dict[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Phoneme:
    """One IPA symbol of a take with its time from the take's start; pauses are ``symbol == " "``."""

    symbol: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """What one speaker says without a break, before it has a place in a project."""

    speaker: str
    text: str
    start_ms: int
    end_ms: int
    words: tuple[Word, ...] = ()
    confidence: float = 1.0
