"""Where one recording lies on another: the shift and gain between two tracks that share some of their sound.

The shift is found with the phase transform of Knapp and Carter ("The Generalized Correlation Method for Estimation
of Time Delay", IEEE Transactions on Acoustics, Speech, and Signal Processing 24(4), 1976): it looks at phases alone,
so that speech which only one track has weighs no more than quiet music that both have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dubbing.media.audio import Sound, blocks

RATE = 16_000
#: Shifts of up to this are looked for.
REACH_MS = 2000
_WINDOW_S, _WINDOWS = 20, 8
#: How far a peak must stand out of the rest of a window's correlation to be believed.
_CLEAR = 8.0
#: Frames in which the tracks are that much alike tell the gain.
_ALIKE, _FRAME_S, _LEAST_FRAMES = 0.95, 1.0, 5


@dataclass(frozen=True, slots=True)
class Alignment:
    """How ``other`` lies on a track: it must be delayed by ``shift_ms`` and multiplied by ``gain`` to fit.

    ``is_sure`` is False where the tracks have too little in common to tell; then nothing is to be changed.
    """

    shift_ms: float
    gain: float
    is_sure: bool


def align(track: Path, other: Path, layout: str) -> Alignment:
    """The alignment of the file ``other``, brought into ``layout``, on the file ``track`` (first stream of each).

    Between layouts levels change: the gain is that of what ``audio.blocks`` gives in ``layout``.
    """
    return align_sounds(_mono(track, layout), _mono(other, layout))


def _mono(path: Path, layout: str) -> Sound:
    parts = [block.mean(axis=0) for block in blocks(path, sample_rate=RATE, layout=layout)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def align_sounds(track: Sound, other: Sound) -> Alignment:
    """The same of mono sounds [samples] at 16 kHz."""
    lags = [lag for lag in map(_lag, *zip(*_windows(track, other), strict=True)) if lag is not None] if \
        len(track) and len(other) else []
    if not lags:
        return Alignment(0.0, 1.0, False)
    lag = round(float(np.median(lags)))
    agreeing = sum(abs(one - lag) <= RATE // 1000 for one in lags)
    if 2 * agreeing <= len(lags):
        return Alignment(0.0, 1.0, False)
    return Alignment(lag * 1000 / RATE, _gain(track, np.roll(other, lag)[: len(track)]), True)


def _windows(track: Sound, other: Sound) -> Iterator[tuple[Sound, Sound]]:
    """Pairs of the same moments, spread over what both have."""
    length, size = min(len(track), len(other)), _WINDOW_S * RATE
    count = min(_WINDOWS, max(1, length // size))
    for start in np.linspace(0, max(0, length - size), count).astype(int):
        yield track[start : start + size], other[start : start + size]


def _lag(track: Sound, other: Sound) -> int | None:
    """Samples by which ``other`` must be delayed; None where no peak stands out."""
    if max(np.abs(track).max(initial=0.0), 0.0) < 1e-4 or np.abs(other).max(initial=0.0) < 1e-4:
        return None
    size = 1 << (len(track) + len(other) - 1).bit_length()
    cross = np.fft.rfft(track, size) * np.conj(np.fft.rfft(other, size))
    whitened = np.fft.irfft(cross / np.maximum(np.abs(cross), 1e-9), size)
    reach = min(REACH_MS * RATE // 1000, len(other) - 1)
    near = np.concatenate([whitened[-reach:], whitened[: reach + 1]])
    peak = int(np.abs(near).argmax())
    is_clear = near[peak] > _CLEAR * float(np.sqrt(np.mean(near**2)))
    return peak - reach if is_clear else None


def _gain(track: Sound, other: Sound) -> float:
    """Median gain of the frames in which both tracks hold the same; 1.0 where too few do."""
    size = int(_FRAME_S * RATE)
    count = min(len(track), len(other)) // size
    a, b = (_frames(sound, count, size) for sound in (track, other))
    power, own, both = (b * b).sum(1), (a * a).sum(1), (a * b).sum(1)
    heard = (power > 1e-6 * size) & (own > 1e-6 * size)
    alike = heard & (both > _ALIKE * np.sqrt(np.maximum(power * own, 1e-20)))
    return float(np.median(both[alike] / power[alike])) if alike.sum() >= _LEAST_FRAMES else 1.0


def _frames(sound: Sound, count: int, size: int) -> npt.NDArray[np.float64]:
    return sound[: count * size].reshape(count, size).astype(np.float64)
