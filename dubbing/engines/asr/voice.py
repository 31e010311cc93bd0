"""Voice activity: where somebody speaks, from the pyannote segmentation network that WhisperX carries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound

_ONSET, _OFFSET = 0.5, 0.363
_SHORTEST_S = 0.1
_SAMPLE_RATE = 16000

Scores = npt.NDArray[np.float32]


class VoiceActivity:
    """Voice activity in frames of about 17 ms."""

    def __init__(self, folder: Path, device: str) -> None:
        from dubbing.weights.segmentation import load_segmentation

        model = load_segmentation(folder, device)
        import torch
        from whisperx.vads.pyannote import VoiceActivitySegmentation

        self._pipeline: Any = VoiceActivitySegmentation(segmentation=model, device=torch.device(device))
        self._pipeline.instantiate({"onset": _ONSET, "offset": _OFFSET, "min_duration_on": _SHORTEST_S,
                                    "min_duration_off": _SHORTEST_S})

    def scores(self, sound_16k: Sound) -> tuple[Scores, float]:
        """Activity in [0, 1] as ``[frames]`` and the seconds from one frame to the next."""
        import torch

        found = self._pipeline({"waveform": torch.from_numpy(sound_16k)[None], "sample_rate": _SAMPLE_RATE})
        return np.nan_to_num(found.data[:, 0]), float(found.sliding_window.step)


def stretches(scores: Scores, step_s: float, total_s: float, *, edge_s: float,
              join_s: float = 0.0) -> list[tuple[float, float]]:
    """Where somebody speaks, in seconds: by hysteresis, with ``edge_s`` of air on both ends.

    Stretches that touch, or are less than ``join_s`` apart, become one.
    """
    found: list[list[float]] = []
    active = False
    for index, score in enumerate(scores):
        if not active and score > _ONSET:
            active = True
            found.append([index * step_s, total_s])
        elif active and score < _OFFSET:
            active = False
            found[-1][1] = index * step_s
    padded = [(max(0.0, a - edge_s), min(total_s, b + edge_s)) for a, b in found if b - a >= _SHORTEST_S]
    merged: list[tuple[float, float]] = []
    for start, end in padded:
        if merged and start <= merged[-1][1] + join_s:
            merged[-1] = (merged[-1][0], end)
        elif end > start:
            merged.append((start, end))
    return merged
