"""What the phone network hears: a log-mel spectrogram every 10 ms, relative to the clip's loud parts."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from lipsync_core.speech.sound import RATE

HOP = 160
HOP_MS = 10.0
BANDS = 64
_WINDOW, _FFT = 400, 512
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 7800.0
#: Log-mel values are decibels below the clip's loud parts, divided by this; nothing is further down than _FLOOR_DB.
_SCALE_DB, _FLOOR_DB = 20.0, -70.0
_BLOCK_FRAMES = 3000

Float = npt.NDArray[np.float32]


@cache
def filterbank() -> Float:
    """Triangles of equal area on the mel scale, ``[BANDS, FFT bins]``."""
    def mel(hz: float) -> float:
        return 2595 * np.log10(1 + hz / 700)

    edges = 700 * (10 ** (np.linspace(mel(_LOWEST_HZ), mel(_HIGHEST_HZ), BANDS + 2) / 2595) - 1)
    bins = np.arange(_FFT // 2 + 1) * RATE / _FFT
    rise = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    bank = np.maximum(np.minimum(rise, fall), 0.0)
    return (bank / bank.sum(1, keepdims=True)).astype(np.float32)


def mel_db(sound_16k: npt.NDArray[np.floating]) -> Float:
    """Mel band powers in dB, ``[frames, BANDS]``; frame i is centred on sample ``i * HOP`` (+ half a hop)."""
    count = max(-(-len(sound_16k) // HOP), 1)
    left = _WINDOW // 2 - HOP // 2
    padded = np.zeros(left + (count - 1) * HOP + _WINDOW, np.float32)
    usable = min(len(sound_16k), len(padded) - left)
    padded[left: left + usable] = sound_16k[:usable]
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP][:count]
    shape = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    out = np.empty((count, BANDS), np.float32)
    for begin in range(0, count, _BLOCK_FRAMES):
        power = np.abs(np.fft.rfft(windows[begin: begin + _BLOCK_FRAMES] * shape, _FFT, axis=1)) ** 2
        out[begin: begin + _BLOCK_FRAMES] = 10 * np.log10(power.astype(np.float32) @ filterbank().T + 1e-10)
    return out


def normalised(db: Float) -> Float:
    """``db`` relative to the loud parts (95th percentile of the frames' loudest bands), floored and scaled."""
    loud = np.percentile(np.sort(db, axis=1)[:, -BANDS // 4:].mean(1), 95) if len(db) else 0.0
    return (np.maximum(db - np.float32(max(loud, -60.0)), _FLOOR_DB) / _SCALE_DB + 1.5).astype(np.float32)


def at_16k(sound: npt.NDArray[np.floating], sample_rate: int) -> Float:
    """Mono ``sound`` at 16 kHz. Raises ValueError for a rate below 8 kHz or sound that is not one-dimensional."""
    if np.ndim(sound) != 1:
        raise ValueError(f"sound must be mono, one dimension; it has the shape {np.shape(sound)}")
    if sample_rate < 8000:
        raise ValueError(f"sound at {sample_rate} Hz carries too little of speech; 8000 Hz is the least")
    if sample_rate == RATE:
        return np.ascontiguousarray(sound, np.float32)
    from math import gcd

    from scipy.signal import resample_poly

    common = gcd(RATE, sample_rate)
    return np.asarray(resample_poly(np.asarray(sound, np.float32), RATE // common, sample_rate // common), np.float32)
