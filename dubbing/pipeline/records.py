"""Speech as JSON, and back: what transcripts, turns and phonemes look like inside an artifact."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dubbing.domain.speech import Diarization, Phoneme, Segment, SpeakerTurn, Transcript, Word


def dump(value: Any, path: Path) -> None:
    """Write a dataclass (or a list of them) as JSON."""
    plain = [asdict(v) for v in value] if isinstance(value, (list, tuple)) else asdict(value)
    path.write_text(json.dumps(plain, ensure_ascii=False, indent=1))


def words_from(rows: Iterable[dict[str, Any]]) -> tuple[Word, ...]:
    return tuple(Word(**row) for row in rows)


def load_transcript(path: Path) -> Transcript:
    data = json.loads(path.read_text())
    segments = tuple(Segment(s["text"], s["start_ms"], s["end_ms"], words_from(s["words"])) for s in data["segments"])
    return Transcript(data["language"], data["language_confidence"], segments)


def load_diarization(path: Path) -> Diarization:
    data = json.loads(path.read_text())
    turns = tuple(SpeakerTurn(**turn) for turn in data["turns"])
    return Diarization(turns, {name: tuple(v) for name, v in data["embeddings"].items()})


def load_phonemes(path: Path) -> tuple[Phoneme, ...]:
    return tuple(Phoneme(**row) for row in json.loads(path.read_text()))
