"""Who speaks when: pyannote.audio's diarization pipeline on embedded weights."""

from __future__ import annotations

import gc
import warnings
from typing import Any, ClassVar

import numpy as np

from dubbing.domain.speech import Diarization, SpeakerTurn
from dubbing.engines.base import Report, Sound, silent
from dubbing.weights.store import Store

SAMPLE_RATE = 16000
_SHARE = {"segmentation": 0.4, "embeddings": 0.6}
_SHORTEST_TURN_MS = 120


class PyannoteDiarizer:
    """pyannote.audio 4 ``SpeakerDiarization``: local speakers in windows of 5 s, a voice print for each, and
    agglomerative clustering of the prints.

    Source: Bredin, "pyannote.audio 2.1 speaker diarization pipeline", 2023.

    ``threshold`` is the cosine distance beyond which two groups of prints are two people.
    """

    id: ClassVar[str] = "pyannote"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "MIT (pyannote.audio), Apache-2.0 (Resemblyzer)"
    is_fake: ClassVar[bool] = False

    def __init__(self, threshold: float = 0.3, step: float = 0.1, device: str | None = None,
                 store: Store | None = None) -> None:
        self._threshold = threshold
        self._step = step
        self._device = device
        self._store = store or Store()
        self._pipeline: Any = None

    def why_unavailable(self) -> str | None:
        return self._store.why_unavailable("pyannote-segmentation") or self._store.why_unavailable("resemblyzer")

    def load(self) -> None:
        if self._pipeline is not None:
            return
        from dubbing.weights.segmentation import load_segmentation

        segmentation = load_segmentation(self._store.fetch("pyannote-segmentation"))
        prints = self._store.fetch("resemblyzer")
        import torch
        from pyannote.audio.core.plda import PLDA
        from pyannote.audio.pipelines import SpeakerDiarization

        from dubbing.engines.diarize.voiceprint import VoicePrint

        class NoPlda(PLDA):
            """The pipeline demands one; agglomerative clustering does not use it."""

            def __init__(self) -> None:
                self.lda_dimension = 0

        pipeline = SpeakerDiarization(
            segmentation=segmentation, segmentation_step=self._step, embedding=VoicePrint(prints), plda=NoPlda(),
            clustering="AgglomerativeClustering", embedding_batch_size=16, segmentation_batch_size=16,
            embedding_exclude_overlap=True)
        pipeline.instantiate({
            "segmentation": {"threshold": 0.5, "min_duration_off": 0.3},
            "clustering": {"method": "average", "threshold": self._threshold, "min_cluster_size": 3}})
        device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._pipeline = pipeline.to(torch.device(device))

    def release(self) -> None:
        self._pipeline = None
        gc.collect()

    def diarize(self, sound_16k: Sound, *, speakers: int | None, report: Report = silent) -> Diarization:
        """Turns in order of their start, speakers called S1, S2 … in order of appearance."""
        self.load()
        import torch

        if len(sound_16k) < SAMPLE_RATE // 4:
            return Diarization(())
        waveform = torch.from_numpy(np.ascontiguousarray(sound_16k, dtype=np.float32))[None]

        def hook(name: str, _: Any, completed: int | None = None, total: int | None = None, **__: Any) -> None:
            if completed is not None and total and name in _SHARE:
                before = 0.0 if name == "segmentation" else _SHARE["segmentation"]
                report(before + _SHARE[name] * completed / total, 1.0, "telling speakers apart")

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = self._pipeline({"waveform": waveform, "sample_rate": SAMPLE_RATE, "uri": "sound"},
                                    num_speakers=speakers, hook=hook)
        report(1.0, 1.0, "telling speakers apart")
        return _diarization(output, round(len(sound_16k) / SAMPLE_RATE * 1000))


def _diarization(output: Any, total_ms: int) -> Diarization:
    annotation = output.speaker_diarization
    prints = dict(zip(annotation.labels(), output.speaker_embeddings, strict=True))
    names: dict[str, str] = {}
    turns = []
    for segment, _, label in sorted(annotation.itertracks(yield_label=True), key=lambda item: item[0].start):
        start, end = max(0, round(segment.start * 1000)), min(total_ms, round(segment.end * 1000))
        if end - start >= _SHORTEST_TURN_MS:
            turns.append(SpeakerTurn(names.setdefault(label, f"S{len(names) + 1}"), start, end))
    embeddings = {}
    for label, name in names.items():
        vector = np.nan_to_num(np.asarray(prints[label], dtype=np.float64))
        length = float(np.linalg.norm(vector))
        if length > 0:
            embeddings[name] = tuple(float(value) for value in vector / length)
    return Diarization(tuple(turns), embeddings)
