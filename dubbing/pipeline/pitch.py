"""Pitch of speech, by the autocorrelation of short frames and the cheapest path through their candidates.

Vocoders' own trackers fall an octave short on high voices: half of one of our female voices' frames. A path that pays
for every jump does not.

Source: Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound" (1993).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

RATE = 16_000
LOWEST_HZ, HIGHEST_HZ = 60.0, 600.0
_CANDIDATES = 8
#: What a path pays: for a lower octave than need be, for a jump of an octave, for voice beginning or ending.
_OCTAVE, _JUMP, _TURN = 0.03, 0.45, 0.14
_VOICED, _SILENCE = 0.45, 0.03
_WINDOW_S = 0.045
_BLOCK = 512

Array = npt.NDArray[np.float64]


def pitch_track(sound_16k: npt.NDArray[Any], hop_ms: float, *, lowest_hz: float = LOWEST_HZ,
                highest_hz: float = HIGHEST_HZ) -> tuple[Array, Array]:
    """(pitch in Hz, 0 where there is no voice; periodicity in [0, 1]) at 0, hop_ms, 2 hop_ms … of mono 16 kHz sound.

    The periodicity is the share of a frame's energy that comes back a period later: near 1 in a clear voice.
    """
    sound = np.asarray(sound_16k, np.float64)
    count = int(len(sound) * 1000 / RATE / hop_ms) + 1 if len(sound) else 0
    if count == 0:
        return np.zeros(0), np.zeros(0)
    frequencies, strengths = _candidates(sound, count, hop_ms, lowest_hz, highest_hz)
    path = _cheapest(frequencies, strengths, hop_ms)
    rows = np.arange(count)
    pitch = np.where(path > 0, frequencies[rows, path], 0.0)
    return pitch, np.clip(strengths[:, 1:].max(1), 0.0, 1.0)


def _candidates(sound: Array, count: int, hop_ms: float, lowest_hz: float,
                highest_hz: float) -> tuple[Array, Array]:
    """([count, candidates] in Hz, their strengths); the first candidate is "no voice" at 0 Hz."""
    length = int(_WINDOW_S * RATE)
    size = 2 ** int(np.ceil(np.log2(1.5 * length)))
    window = np.hanning(length)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2)
    shortest, longest = int(RATE / highest_hz), min(int(RATE / lowest_hz) + 2, length - 2)
    scale = own[0] / own[: longest + 2]
    padded = np.pad(sound, (length // 2, length))
    loudest = float(np.abs(sound).max()) + 1e-9
    starts = np.round(np.arange(count) * hop_ms * RATE / 1000).astype(int)
    frequencies, strengths = np.zeros((count, _CANDIDATES)), np.zeros((count, _CANDIDATES))
    views = np.lib.stride_tricks.sliding_window_view(padded, length)
    for first in range(0, count, _BLOCK):
        rows = slice(first, min(count, first + _BLOCK))
        frames = views[starts[rows]]
        frames = frames - frames.mean(1, keepdims=True)
        peak = np.abs(frames).max(1) / loudest
        power = np.abs(np.fft.rfft(frames * window, size)) ** 2
        correlation = np.fft.irfft(power)[:, : longest + 2]
        correlation = correlation / (correlation[:, :1] + 1e-12) * scale
        hertz, strength = _peaks(correlation, shortest, longest)
        frequencies[rows, 1:], strengths[rows, 1:] = hertz, strength
        strengths[rows, 0] = _VOICED + np.maximum(0.0, 2 - peak / _SILENCE * (1 + _VOICED))
    # A period twice as long correlates as well: the shorter one is meant.
    found = frequencies[:, 1:] > 0
    strengths[:, 1:] += np.where(found, _OCTAVE * np.log2(np.maximum(frequencies[:, 1:], 1.0) / lowest_hz), 0.0)
    return frequencies, strengths


def _peaks(correlation: Array, shortest: int, longest: int) -> tuple[Array, Array]:
    """The highest peaks of each row between two lags: (Hz, height), refined by a parabola; 0 and -1 where fewer."""
    middle = correlation[:, shortest: longest]
    before, after = correlation[:, shortest - 1: longest - 1], correlation[:, shortest + 1: longest + 1]
    is_peak = (middle > before) & (middle >= after) & (middle > 0.5 * _VOICED)
    height = np.where(is_peak, middle, -1.0)
    best = np.argsort(-height, axis=1)[:, : _CANDIDATES - 1]
    y0, y1, y2 = (np.take_along_axis(part, best, 1) for part in (before, middle, after))
    bend = y0 - 2 * y1 + y2
    shift = np.where(np.abs(bend) > 1e-12, 0.5 * (y0 - y2) / np.where(bend == 0, 1.0, bend), 0.0)
    shift = np.clip(shift, -0.5, 0.5)
    exists = np.take_along_axis(height, best, 1) > 0
    lag = best + shortest + shift
    top = y1 - 0.25 * (y0 - y2) * shift
    return np.where(exists, RATE / lag, 0.0), np.where(exists, np.minimum(top, 1.0), -1.0)


def _cheapest(frequencies: Array, strengths: Array, hop_ms: float) -> npt.NDArray[np.int64]:
    """The best candidate of each frame along the path that loses least (Viterbi)."""
    count = len(frequencies)
    voiced = frequencies > 0
    tones = np.log2(np.maximum(frequencies, 1.0))
    correction = 10.0 / hop_ms
    total = np.where(np.arange(frequencies.shape[1]) == 0, strengths[0], np.where(voiced[0], strengths[0], -1e9))
    back = np.zeros(frequencies.shape, np.int64)
    for i in range(1, count):
        turn = voiced[i][:, None] != voiced[i - 1][None, :]
        both = voiced[i][:, None] & voiced[i - 1][None, :]
        cost = np.where(turn, _TURN, np.where(both, _JUMP * np.abs(tones[i][:, None] - tones[i - 1][None, :]), 0.0))
        score = total[None, :] - correction * cost
        back[i] = score.argmax(1)
        usable = voiced[i].copy()
        usable[0] = True
        total = np.where(usable, score[np.arange(len(score)), back[i]] + strengths[i], -1e9)
    path = np.zeros(count, np.int64)
    path[-1] = int(total.argmax())
    for i in range(count - 1, 0, -1):
        path[i - 1] = back[i][path[i]]
    return path
