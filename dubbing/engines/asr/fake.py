"""A deterministic recognizer for tests: it hears loudness, and calls what it hears word1, word2 …"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from dubbing.domain.speech import Segment, Transcript, Word
from dubbing.engines.base import Report, Sound, silent

_FRAME = 320
_FRAME_MS = 20
_WORD_MS = 400
_JOIN_MS = 300


class FakeRecognizer:
    """One segment for each stretch of sound above −45 dB, one numbered word for every 0.4 s of it."""

    id: ClassVar[str] = "fake"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "Apache-2.0"
    is_fake: ClassVar[bool] = True

    def why_unavailable(self) -> str | None:
        return None

    def load(self) -> None:
        """Nothing to load."""

    def release(self) -> None:
        """Nothing to release."""

    def transcribe(self, sound_16k: Sound, *, language: str | None, names: Sequence[str] = (),
                   report: Report = silent) -> Transcript:
        segments, number = [], 0
        for start, end in loud_stretches(sound_16k):
            count = max(1, round((end - start) / _WORD_MS))
            edges = [start + (end - start) * index // count for index in range(count + 1)]
            words = tuple(Word(f"word{number + index + 1}" + ("." if index == count - 1 else ""), left, right)
                          for index, (left, right) in enumerate(zip(edges, edges[1:], strict=False)))
            number += count
            segments.append(Segment(" ".join(word.text for word in words), start, end, words))
        report(1, 1, "recognizing speech")
        return Transcript(language or "en", 1.0, tuple(segments))


def loud_stretches(sound_16k: Sound) -> list[tuple[int, int]]:
    """Stretches above −45 dB in milliseconds, those less than 0.3 s apart joined."""
    frames = sound_16k[:len(sound_16k) // _FRAME * _FRAME].reshape(-1, _FRAME)
    loud = np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1)) > 10 ** (-45 / 20) if len(frames) else np.zeros(0)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(np.int8), [0])))) * _FRAME_MS
    stretches: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if stretches and start - stretches[-1][1] < _JOIN_MS:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((start, end))
    return stretches
