"""Who speaks when, from pyannote's segmentation network and Resemblyzer's voice prints."""

from __future__ import annotations

import gc
from typing import Any, ClassVar

import numpy as np

from dubbing.domain.speech import Diarization
from dubbing.engines.asr.voice import VoiceActivity, stretches
from dubbing.engines.base import Report, Sound, silent
from dubbing.engines.diarize.speakers import Stretch, find_speakers, follow, named
from dubbing.weights.store import Store

SAMPLE_RATE = 16000
_AIR_S = 0.05
_JOIN_S = 0.4
_SHORTEST_PRINT_SAMPLES = SAMPLE_RATE // 5


class PyannoteDiarizer:
    """Voice activity by pyannote.audio, a voice print every 0.2 s, groups of the prints, and the cheapest path of
    speakers through each stretch of speech.

    ``alike`` is the cosine above which two groups of prints are one person. One speaker is told at a time: where
    two talk at once, the turn is the one's who is heard better. Turns shorter than 2 s can go to a neighbour.
    """

    id: ClassVar[str] = "pyannote"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "MIT (pyannote.audio), Apache-2.0 (Resemblyzer)"
    is_fake: ClassVar[bool] = False

    def __init__(self, alike: float = 0.72, device: str | None = None, store: Store | None = None) -> None:
        self._alike = alike
        self._device = device
        self._store = store or Store()
        self._voice: Any = None
        self._prints: Any = None

    def why_unavailable(self) -> str | None:
        return self._store.why_unavailable("pyannote-segmentation") or self._store.why_unavailable("resemblyzer")

    def load(self) -> None:
        if self._voice is not None:
            return
        segmentation, resemblyzer = self._store.fetch("pyannote-segmentation"), self._store.fetch("resemblyzer")
        import torch

        from dubbing.engines.diarize.voiceprint import VoicePrint

        device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._prints = VoicePrint(resemblyzer).to(device)
        self._voice = VoiceActivity(segmentation, device)

    def release(self) -> None:
        self._voice = self._prints = None
        gc.collect()

    def diarize(self, sound_16k: Sound, *, speakers: int | None, report: Report = silent) -> Diarization:
        """Turns in order of their start, speakers called S1, S2 … in order of appearance."""
        self.load()
        sound = np.ascontiguousarray(sound_16k, dtype=np.float32)
        total = len(sound) / SAMPLE_RATE
        if total < 0.25:
            return Diarization(())
        report(0, total, "telling speakers apart")
        found = self._listen(sound, total, report)
        if not found:
            return Diarization(())
        from dubbing.engines.diarize.voiceprint import HOP_S, WINDOW_S

        prints = find_speakers(found, self._alike, HOP_S, speakers)
        turns = [turn for stretch in found for turn in follow(stretch, prints, HOP_S, WINDOW_S)]
        report(total, total, "telling speakers apart")
        return named(turns, prints, round(total * 1000))

    def _listen(self, sound: Sound, total: float, report: Report) -> list[Stretch]:
        scores, step = self._voice.scores(sound)
        found = []
        for start, end in stretches(scores, step, total, edge_s=_AIR_S, join_s=_JOIN_S):
            piece = sound[int(start * SAMPLE_RATE):int(end * SAMPLE_RATE)]
            if len(piece) >= _SHORTEST_PRINT_SAMPLES:
                found.append(Stretch(start, end, self._prints.sliding(piece)))
            report(end, total, "telling speakers apart")
        return found
