"""Who speaks when, from pyannote's community-1 pipeline, run from a local folder."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dubbing.domain.speech import Diarization
from dubbing.engines.base import Report, Sound, silent
from dubbing.engines.diarize.speakers import Prints, named
from dubbing.errors import UnavailableError
from dubbing.weights.store import Store

MODEL = "pyannote-community-1"
SAMPLE_RATE = 16000
_CONFIG = "config.yaml"
#: What the pipeline's file may set; models come from beside it, and nothing else is taken from it.
_SETTABLE = frozenset({"clustering", "embedding_exclude_overlap", "segmentation_step"})
_BATCH = 16
_SHORTEST_PRINT_SAMPLES = SAMPLE_RATE // 5
_SHORTEST_S = 0.25
#: Parts of the work by pyannote's own names: (share of the time before, share of it).
_PARTS = {"segmentation": (0.0, 0.4), "embeddings": (0.4, 0.55)}
_PRINTS_FROM = 0.96


class CommunityDiarizer:
    """pyannote.audio's community-1: local speakers in windows of 10 s, WeSpeaker's voice prints, and VBx clustering.

    Source: Bredin, "pyannote.audio 2.1 speaker diarization pipeline", 2023; Landini et al., "Bayesian HMM clustering
    of x-vector sequences (VBx)", 2022. Where two talk at once, the turn is the one's who is likelier transcribed. The
    voice prints handed out are Resemblyzer's, as those of the embedded diarizer, so that speakers compare across
    projects whichever of the two heard them.
    """

    id: ClassVar[str] = "community-1"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "MIT (pyannote.audio), CC-BY-4.0 (community-1), Apache-2.0 (Resemblyzer)"
    is_fake: ClassVar[bool] = False
    memory_mb: ClassVar[int] = 900

    def __init__(self, device: str | None = None, store: Store | None = None) -> None:
        self._device = device
        self._store = store or Store()
        self._pipeline: Any = None
        self._prints: Any = None

    def why_unavailable(self) -> str | None:
        return self._store.why_unavailable(MODEL) or self._store.why_unavailable("resemblyzer")

    def load(self) -> None:
        if self._pipeline is not None:
            return
        folder, resemblyzer = self._store.fetch(MODEL), self._store.fetch("resemblyzer")
        import torch

        from dubbing.engines.diarize.voiceprint import VoicePrint

        device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
        pipeline = load_pipeline(folder, device)
        self._prints = VoicePrint(resemblyzer).to(device)
        self._pipeline = pipeline

    def release(self) -> None:
        self._pipeline = self._prints = None
        gc.collect()

    def diarize(self, sound_16k: Sound, *, speakers: int | None, report: Report = silent) -> Diarization:
        """Turns in order of their start, speakers called S1, S2 … in order of appearance."""
        self.load()
        sound = np.ascontiguousarray(sound_16k, dtype=np.float32)
        total = len(sound) / SAMPLE_RATE
        if total < _SHORTEST_S:
            return Diarization(())
        import torch

        report(0, total, "telling speakers apart")
        file = {"waveform": torch.from_numpy(sound)[None], "sample_rate": SAMPLE_RATE}
        found = self._pipeline(file, num_speakers=speakers, hook=_progress(total, report))
        turns = _turns(found.exclusive_speaker_diarization)
        report(total * _PRINTS_FROM, total, "telling speakers apart")
        prints = self._prints_of(sound, turns)
        report(total, total, "telling speakers apart")
        return named(turns, prints, round(total * 1000))

    def _prints_of(self, sound: Sound, turns: Sequence[tuple[int, float, float]]) -> Prints:
        """One unit print a speaker, ``[speakers, 256]``, from all of their turns."""
        from dubbing.engines.diarize.voiceprint import WINDOW_S

        count = 1 + max((speaker for speaker, _, _ in turns), default=-1)
        sums = np.zeros((count, 256), np.float32)
        for speaker, start, end in turns:
            piece = sound[int(start * SAMPLE_RATE):int(end * SAMPLE_RATE)]
            if len(piece) >= _SHORTEST_PRINT_SAMPLES:
                # A piece shorter than a window is repeated to fill it: it counts for what it is.
                share = min(1.0, (end - start) / WINDOW_S)
                sums[speaker] += share * self._prints.sliding(piece).sum(axis=0)
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9), np.float32)


def load_pipeline(folder: Path, device: str) -> Any:
    """The pipeline in ``folder``: its ``config.yaml`` with ``segmentation``, ``embedding`` and ``plda`` beside it.

    Raises UnavailableError when the folder is of another kind.
    """
    from dubbing.weights.segmentation import load_embedding, load_segmentation, quiet_pyannote

    quiet_pyannote()
    import torch
    import yaml
    from pyannote.audio.core.plda import PLDA
    from pyannote.audio.pipelines import SpeakerDiarization

    try:
        config = yaml.safe_load((folder / _CONFIG).read_text(encoding="utf-8"))
        given = {name: value for name, value in config["pipeline"].get("params", {}).items() if name in _SETTABLE}
        plda = PLDA(folder / "plda" / "xvec_transform.npz", folder / "plda" / "plda.npz")
        pipeline = SpeakerDiarization(
            segmentation=load_segmentation(folder / "segmentation", device),
            embedding=load_embedding(folder / "embedding", device), plda=plda, segmentation_batch_size=_BATCH,
            embedding_batch_size=_BATCH, **given)
        pipeline.instantiate(config.get("params") or pipeline.default_parameters())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise UnavailableError(f"The diarization pipeline cannot be loaded: {error}",
                               "Fetch pyannote-community-1 again.") from error
    return pipeline.to(torch.device(device))


def _turns(annotation: Any) -> list[tuple[int, float, float]]:
    """(speaker, start, end) in seconds, in order of their start."""
    labels = {label: index for index, label in enumerate(annotation.labels())}
    found = [(labels[label], float(turn.start), float(turn.end))
             for turn, _, label in annotation.itertracks(yield_label=True)]
    return sorted(found, key=lambda turn: turn[1])


def _progress(total: float, report: Report) -> Any:
    """pyannote's hook: tells of parts of the work by name."""

    def hook(name: str, _result: Any, *, file: Any = None, total: int | None = None, completed: int | None = None,
             whole: float = total) -> None:
        if name not in _PARTS:
            return
        before, share = _PARTS[name]
        done = 1.0 if not total or completed is None else completed / total
        report(whole * (before + share * done), whole, "telling speakers apart")

    return hook
