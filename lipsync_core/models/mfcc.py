"""SyncNet's sound front end: 13 cepstra, 100 columns a second, 20 columns for five video frames at 25 a second.

The numbers of python_speech_features with its defaults, which the public weights were trained on: samples at the scale
of 16-bit integers, pre-emphasis 0.97, frames of 25 ms every 10 ms without a window function, 512-point power spectrum,
26 triangles on the HTK mel scale up to 8 kHz, logarithm, orthonormal DCT-II, liftering with 22, and the logarithm of
the frame's energy in place of the first coefficient.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

RATE = 16_000
FRAME_SAMPLES, HOP_SAMPLES, N_FFT = 400, 160, 512
FILTERS, CEPSTRA, LIFTER = 26, 13, 22
PRE_EMPHASIS = 0.97
COLUMNS_PER_FRAME, WINDOW_COLUMNS = 4, 20

Array = npt.NDArray[np.float64]
_TINY = float(np.finfo(float).eps)


def mfcc(sound: npt.NDArray[np.float32] | npt.NDArray[np.int16]) -> Array:
    """Mono sound at 16 kHz -> float64 [13, columns].

    sound: int16 as it is, or floating point in [-1, 1], which is scaled to 16 bits and rounded first.
    """
    x = np.asarray(sound)
    if x.ndim != 1:
        raise ValueError(f"mono sound is one row of samples, not {x.shape}")
    if not len(x):
        return np.zeros((CEPSTRA, 0))
    if np.issubdtype(x.dtype, np.floating):
        x = np.clip(np.round(x.astype(np.float64) * 32768), -32768, 32767)
    x = x.astype(np.float64)
    frames = _frames(np.append(x[0], x[1:] - PRE_EMPHASIS * x[:-1]))
    power = np.abs(np.fft.rfft(frames, N_FFT)) ** 2 / N_FFT
    energy, bands = power.sum(1), power @ filterbank().T
    energy, bands = (np.where(values == 0, _TINY, values) for values in (energy, bands))
    cepstra = np.log(bands) @ _dct().T * (1 + LIFTER / 2 * np.sin(np.pi * np.arange(CEPSTRA) / LIFTER))
    cepstra[:, 0] = np.log(energy)
    return cepstra.T


def windows(cepstra: Array, count: int) -> npt.NDArray[np.float32]:
    """The window of each of ``count`` video frames at 25 a second: [13, columns] -> float32 [count, 1, 13, 20].

    Frame v takes columns 4v to 4v + 19. Raises ``ValueError`` when the columns do not reach.
    """
    if count and COLUMNS_PER_FRAME * (count - 1) + WINDOW_COLUMNS > cepstra.shape[1]:
        raise ValueError(f"{cepstra.shape[1]} columns do not reach for {count} windows")
    index = COLUMNS_PER_FRAME * np.arange(count)[:, None] + np.arange(WINDOW_COLUMNS)
    return np.ascontiguousarray(cepstra[:, index].transpose(1, 0, 2)[:, None], dtype=np.float32)


def _frames(x: Array) -> Array:
    """Overlapping frames [n, 400]; the last one is filled up with zeros."""
    count = 1 + max(0, -(-(len(x) - FRAME_SAMPLES) // HOP_SAMPLES))
    padded = np.pad(x, (0, max(0, (count - 1) * HOP_SAMPLES + FRAME_SAMPLES - len(x))))
    return np.lib.stride_tricks.sliding_window_view(padded, FRAME_SAMPLES)[::HOP_SAMPLES][:count]


@cache
def filterbank() -> Array:
    """Triangles whose corners are rounded down to spectrum bins, [26, 257]."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, FILTERS + 2) / 2595) - 1)
    corners = np.floor((N_FFT + 1) * hertz / RATE)
    bins = np.arange(N_FFT // 2 + 1)
    left, middle, right = (corners[i: i + FILTERS, None] for i in range(3))
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = np.where((bins >= left) & (bins < middle), (bins - left) / (middle - left), 0)
        falling = np.where((bins >= middle) & (bins < right), (right - bins) / (right - middle), 0)
    return rising + falling


@cache
def _dct() -> Array:
    """The first 13 rows of the orthonormal DCT-II of 26 values, [13, 26]."""
    k, n = np.arange(CEPSTRA)[:, None], np.arange(FILTERS)
    rows = np.cos(np.pi * k * (2 * n + 1) / (2 * FILTERS)) * np.sqrt(2 / FILTERS)
    rows[0] /= np.sqrt(2)
    return rows
