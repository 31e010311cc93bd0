"""The phone network on the states of Whisper's encoder: for whoever has Whisper base in CTranslate2's form.

The encoder has heard hundreds of thousands of hours of real speech, so what a small network learns from its states on
synthesized voices carries over to real ones better than what it learns from a spectrogram.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lipsync_core.speech.features import Float
from lipsync_core.speech.network import Layout, PhoneNetwork, WeightsError, load
from lipsync_core.speech.sound import RATE

WEIGHTS = Path(__file__).with_name("weights") / "phones_whisper_base.safetensors"
LAYOUT = Layout(512, 1, 96, (1, 2, 1), 2)
_FFT, _HOP, _BANDS = 400, 160, 80
_CHUNK_S, _OVERLAP_S = 30, 2
_STATES_A_SECOND = 50


class WhisperEar:
    """Encoder states, a row every 20 ms, ``[T, 512]``. ``folder`` holds Whisper base as CTranslate2 writes it.

    Raises WeightsError when CTranslate2 is not installed or the folder holds no such model.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        try:
            import ctranslate2
        except ImportError as error:
            raise WeightsError("listening with Whisper needs the package ctranslate2") from error
        try:
            self._model: Any = ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="int8",
                                                          intra_threads=threads)
        except (RuntimeError, ValueError) as error:
            raise WeightsError(f"{Path(folder).name} holds no Whisper model: {error}") from error

    def __call__(self, sound_16k: Float) -> Float:
        import ctranslate2

        step, overlap = (_CHUNK_S - 2 * _OVERLAP_S) * RATE, _OVERLAP_S * RATE
        parts = []
        for begin in range(0, max(len(sound_16k), 1), step):
            left = max(begin - overlap, 0)
            piece = sound_16k[left: begin + step + overlap]
            mel = log_mel(np.pad(piece, (0, _CHUNK_S * RATE - len(piece))))
            states = self._model.encode(ctranslate2.StorageView.from_array(mel[None]), to_cpu=True)
            rows = np.asarray(states, np.float32)[0]
            if rows.shape[1] != LAYOUT.inputs:
                raise WeightsError(f"the Whisper model has {rows.shape[1]} states and not base's {LAYOUT.inputs}")
            skip = (begin - left) * _STATES_A_SECOND // RATE
            parts.append(rows[skip: skip + step * _STATES_A_SECOND // RATE])
        wanted = -(-len(sound_16k) * _STATES_A_SECOND // RATE)
        return np.concatenate(parts)[:wanted]


@cache
def _filterbank() -> Float:
    """Slaney's mel filters from 0 to 8000 Hz, ``[_BANDS, FFT bins]``: linear to 1 kHz, logarithmic above."""
    step = np.log(6.4) / 27
    low, high = 0.0, 15 + np.log(8000 / 1000) / step
    mels = np.linspace(low, high, _BANDS + 2)
    hertz = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))
    bins = np.arange(_FFT // 2 + 1) * RATE / _FFT
    rise = (bins[None] - hertz[:-2, None]) / np.diff(hertz)[:-1, None]
    fall = (hertz[2:, None] - bins[None]) / np.diff(hertz)[1:, None]
    return (np.maximum(0, np.minimum(rise, fall)) * (2 / (hertz[2:] - hertz[:-2]))[:, None]).astype(np.float32)


def log_mel(sound_16k: Float) -> Float:
    """Whisper's input of 30 s, ``[80, 3000]`` (Radford et al., 2022, section 2.2)."""
    padded = np.pad(sound_16k, _FFT // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[:: _HOP][:-1]
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(windows * window, axis=1)) ** 2
    log = np.log10(np.maximum(_filterbank() @ power.T.astype(np.float32), 1e-10))
    return ((np.maximum(log, log.max() - 8.0) + 4.0) / 4.0).astype(np.float32)


@cache
def whisper_network(folder: Path, threads: int = 0) -> PhoneNetwork:
    """The phone network that listens with the Whisper base in ``folder``, for ``align`` and ``listen``."""
    return load(WEIGHTS, LAYOUT, WhisperEar(folder, threads))
