"""The phone network: which sound is being made, every 10 ms.

A stack of dilated convolutions (the time-delay idea of Waibel et al., 1989, with the residual dilations of WaveNet)
over what an ear gives: the log-mel spectrogram, which needs nothing else, or the states of Whisper's encoder, which
hold better on noisy and unusual voices (``whisper_ears``). Both were trained on synthesized speech with exactly known
phoneme times; ``weights/README.md`` is their model card. The network runs in NumPy, many times faster than real time,
and in blocks, so that a long sound needs little memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipsync_core.speech.features import BANDS, HOP_MS, Float, at_16k, mel_db, normalised
from lipsync_core.speech.phones import CLASSES

WEIGHTS = Path(__file__).with_name("weights") / "phones_mel.safetensors"
_BLOCK = 2000
_SILENT_DBFS, _SILENT_FRAMES = -65.0, 20
_SILENCE = np.log(np.array([0.98] + [0.02 / (len(CLASSES) - 1)] * (len(CLASSES) - 1), np.float32))

#: What a network listens with: mono sound at 16 kHz -> features [rows, columns], rows at equal steps.
Ear = Callable[[Float], Float]


class WeightsError(ValueError):
    """The file is not the phone network's weights."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A network's form. inputs: columns of the features; taps: of the first layer; width: of all layers; steps: rows
    of 10 ms that one row of features gives."""

    inputs: int
    taps: int
    width: int
    dilations: tuple[int, ...]
    steps: int

    @property
    def reach(self) -> int:
        """Rows of features that the network sees on either side of the one it judges."""
        return self.taps // 2 + sum(self.dilations)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every weight's name and shape (biases are the first number long)."""
        found = {"in.weight": (self.width, self.taps * self.inputs), "prior": (len(CLASSES),),
                 "out.weight": (self.steps * len(CLASSES), self.width), "lips.weight": (self.steps * 2, self.width)}
        for i in range(len(self.dilations)):
            found |= {f"wide.{i}.weight": (self.width, 3 * self.width), f"point.{i}.weight": (self.width, self.width)}
        return found | {name.replace("weight", "bias"): shape[:1] for name, shape in found.items() if "weight" in name}


MEL = Layout(BANDS, 5, 96, (1, 2, 4, 8, 1, 2, 4, 8), 1)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the network hears, a row every 10 ms (row i is about the time ``(i + 0.5) * 10`` ms).

    logp: float32 [T, len(CLASSES)], log probability of each class. lips: float32 [T, 2], the opening and width (as in
    ``Articulation``) that the sound suggests.
    """

    logp: Float
    lips: Float

    @property
    def times_ms(self) -> npt.NDArray[np.float64]:
        return (np.arange(len(self.logp)) + 0.5) * HOP_MS


class PhoneNetwork:
    """Weights of a layout (``prior``: the log share of each class in the training labels) and its ear."""

    def __init__(self, weights: dict[str, Any], layout: Layout, ear: Ear) -> None:
        self._weights = {name: np.asarray(value, np.float32) for name, value in weights.items()}
        self._layout, self._ear = layout, ear
        for name, shape in layout.shapes().items():
            found = self._weights[name].shape if name in self._weights else "missing"
            if found != shape:
                raise WeightsError(f"{name} should have the shape {shape} and is {found}")

    @property
    def log_prior(self) -> Float:
        return self._weights["prior"]

    def hear(self, sound: npt.NDArray[np.floating], sample_rate: int) -> Heard:
        """Listen to mono ``sound`` of any length, at 8 kHz or more. Raises ValueError for other sound."""
        sound_16k = at_16k(sound, sample_rate)
        rows = -(-len(sound_16k) * 1000 // int(16_000 * HOP_MS))
        logits, lips = self.judge(self._ear(sound_16k))
        logits -= logits.max(1, keepdims=True, initial=-1e9)
        logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        heard = Heard(logp[:rows], lips[:rows])
        silent = _silent(sound_16k)[: len(heard.logp)]
        heard.logp[silent], heard.lips[silent] = _SILENCE, 0.0
        return heard

    def judge(self, features: Float) -> tuple[Float, Float]:
        """Class scores ``[rows * steps, classes]`` and lips ``[rows * steps, 2]`` of features from the ear."""
        last = self.last_layer(features)
        return self._point(last, "out").reshape(-1, len(CLASSES)), self._point(last, "lips").reshape(-1, 2)

    def last_layer(self, features: Float) -> Float:
        """What both heads look at, ``[rows, width]``."""
        reach, parts = self._layout.reach, []
        for begin in range(0, len(features), _BLOCK):
            left, right = max(begin - reach, 0), min(begin + _BLOCK + reach, len(features))
            parts.append(self._run(features[left:right])[begin - left: begin - left + _BLOCK])
        return np.concatenate(parts) if parts else np.zeros((0, self._layout.width), np.float32)

    def _run(self, features: Float) -> Float:
        hidden = np.maximum(self._point(_taps(features, self._layout.taps, 1), "in"), 0)
        for i, dilation in enumerate(self._layout.dilations):
            inner = np.maximum(self._point(_taps(hidden, 3, dilation), f"wide.{i}"), 0)
            hidden = hidden + self._point(inner, f"point.{i}")
        return np.maximum(hidden, 0)

    def _point(self, rows: Float, name: str) -> Float:
        return rows @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]


def _silent(sound_16k: Float) -> npt.NDArray[np.bool_]:
    """Every 10 ms: in a fifth of a second or more in which nothing at all is heard. A stop's closure is shorter."""
    hop = int(16 * HOP_MS)
    padded = np.pad(sound_16k, (0, -len(sound_16k) % hop)).reshape(-1, hop)
    quiet = np.square(padded).mean(1) < 10 ** (_SILENT_DBFS / 10)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.view(np.int8), [0]])))
    for begin, stop in edges.reshape(-1, 2):
        if stop - begin < _SILENT_FRAMES:
            quiet[begin:stop] = False
    return quiet


def _taps(rows: Float, taps: int, dilation: int) -> Float:
    """Each row beside its neighbours, ``[T, taps * columns]``, zeros outside."""
    reach = taps // 2 * dilation
    padded = np.pad(rows, ((reach, reach), (0, 0)))
    return np.concatenate([padded[i * dilation: i * dilation + len(rows)] for i in range(taps)], axis=1)


def mel_ear(sound_16k: Float) -> Float:
    """The log-mel spectrogram of ``features``."""
    return normalised(mel_db(sound_16k))


def load(path: Path = WEIGHTS, layout: Layout = MEL, ear: Ear = mel_ear) -> PhoneNetwork:
    """Read weights; raises WeightsError for a file that is missing, broken or another network's."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return PhoneNetwork(load_file(path), layout, ear)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path.name} cannot be read as the phone network's weights: {error}") from error


@cache
def shipped() -> PhoneNetwork:
    """The network that comes with the library and needs nothing else, loaded once."""
    return load()
