"""The phone network: which sound is being made, every 10 ms, from the log-mel spectrogram.

A stack of dilated convolutions (the time-delay idea of Waibel et al., 1989, with the residual dilations of WaveNet) of
about 330,000 weights, trained on synthesized speech with exactly known phoneme times; ``weights/README.md`` is
its model card. It runs in NumPy, many times faster than real time, and in blocks, so that a long sound needs little
memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipsync_core.speech.features import BANDS, HOP_MS, Float, at_16k, mel_db, normalised
from lipsync_core.speech.phones import CLASSES

WEIGHTS = Path(__file__).with_name("weights") / "phones.safetensors"
WIDTH = 96
DILATIONS = (1, 2, 4, 8, 1, 2, 4, 8)
#: Frames that the network sees on either side of the one it judges.
REACH = 2 + sum(DILATIONS)
_BLOCK = 2000


class WeightsError(ValueError):
    """The file is not the phone network's weights."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the network hears, a row every 10 ms (row i is about the time ``(i + 0.5) * 10`` ms).

    logp: float32 [T, len(CLASSES)], log probability of each class. lips: float32 [T, 2], the opening and width (as in
    ``Articulation``) that the sound suggests. bottleneck: float32 [T, WIDTH], the last layer.
    """

    logp: Float
    lips: Float
    bottleneck: Float

    @property
    def times_ms(self) -> npt.NDArray[np.float64]:
        return (np.arange(len(self.logp)) + 0.5) * HOP_MS


class PhoneNetwork:
    """Weights by name: ``in``, ``wide.i``, ``point.i``, ``out``, ``lips`` with ``.weight`` [out, taps * in] and
    ``.bias``, and ``prior``, the log share of each class in the training labels."""

    def __init__(self, weights: dict[str, Any]) -> None:
        self._weights = {name: np.asarray(value, np.float32) for name, value in weights.items()}
        expected = {"in.weight": (WIDTH, 5 * BANDS), "out.weight": (len(CLASSES), WIDTH), "lips.weight": (2, WIDTH),
                    "prior": (len(CLASSES),)}
        expected |= {f"wide.{i}.weight": (WIDTH, 3 * WIDTH) for i in range(len(DILATIONS))}
        for name, shape in expected.items():
            if name not in self._weights or self._weights[name].shape != shape:
                found = self._weights[name].shape if name in self._weights else "missing"
                raise WeightsError(f"{name} should have the shape {shape} and is {found}")

    @property
    def log_prior(self) -> Float:
        return self._weights["prior"]

    def hear(self, sound: npt.NDArray[np.floating], sample_rate: int) -> Heard:
        """Listen to mono ``sound`` of any length, at 8 kHz or more. Raises ValueError for other sound."""
        features = normalised(mel_db(at_16k(sound, sample_rate)))
        parts = []
        for begin in range(0, len(features), _BLOCK):
            left, right = max(begin - REACH, 0), min(begin + _BLOCK + REACH, len(features))
            done = self._run(features[left:right])
            parts.append(done[begin - left: begin - left + _BLOCK])
        bottleneck = np.concatenate(parts) if parts else np.zeros((0, WIDTH), np.float32)
        logits = self._point(bottleneck, "out")
        logits -= logits.max(1, keepdims=True, initial=-np.inf)
        logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        return Heard(logp, self._point(bottleneck, "lips"), bottleneck)

    def _run(self, features: Float) -> Float:
        hidden = np.maximum(self._point(_taps(features, 5, 1), "in"), 0)
        for i, dilation in enumerate(DILATIONS):
            inner = np.maximum(self._point(_taps(hidden, 3, dilation), f"wide.{i}"), 0)
            hidden = hidden + self._point(inner, f"point.{i}")
        return np.maximum(hidden, 0)

    def _point(self, rows: Float, name: str) -> Float:
        return rows @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]


def _taps(rows: Float, taps: int, dilation: int) -> Float:
    """Each row beside its neighbours, ``[T, taps * columns]``, zeros outside."""
    reach = taps // 2 * dilation
    padded = np.pad(rows, ((reach, reach), (0, 0)))
    return np.concatenate([padded[i * dilation: i * dilation + len(rows)] for i in range(taps)], axis=1)


def load(path: Path = WEIGHTS) -> PhoneNetwork:
    """Read weights; raises WeightsError for a file that is missing, broken or another network's."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return PhoneNetwork(load_file(path))
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path.name} cannot be read as the phone network's weights: {error}") from error


@cache
def shipped() -> PhoneNetwork:
    """The network that comes with the library, loaded once."""
    return load()
