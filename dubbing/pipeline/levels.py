"""How loud and where in the picture each line was spoken, and the gain that gives its take the same place.

Loudness here is K-weighted (ITU-R BS.1770-4): two voices of one RMS are not equally loud, and a dark voice beside a
bright one is what a listener notices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound
from dubbing.media.loudness_meter import KFilter

#: Synthesizers speak at about -20 dBFS, videos at anything between a whisper at -50 and a shout at -6.
GAIN_DOWN_DB, GAIN_UP_DB = 30.0, 18.0
#: A line that seems softer than this beside the others was not softly spoken: the separation has lost it.
SOFTEST_DB = 20.0
_FRAME_S = 0.05
_GATE = 10 ** (-20 / 10)
_SILENCE = 1e-4
_EVEN_DB = 1.5


@dataclass(frozen=True, slots=True)
class LineLevel:
    """How a line was spoken: ``rms`` (K-weighted) of its loud parts over all channels, ``balance`` each channel's rms
    over that."""

    rms: float
    balance: tuple[float, ...]


def loudness(sound: Sound, sample_rate: int) -> float:
    """K-weighted RMS of the loud parts of ``sound`` (mono): frames of 50 ms within 20 dB of the loudest."""
    heard = KFilter(sample_rate)(np.atleast_2d(sound))
    return float(np.sqrt(_gated_power(_frame_powers(heard, max(1, int(_FRAME_S * sample_rate))))[0]))


def take_gain(sound: Sound, sample_rate: int, level: LineLevel | None) -> float:
    """Factor that makes a take as loud as the line it replaces, within limits; 1.0 when either is silent."""
    own = loudness(sound, sample_rate)
    if level is None or own < _SILENCE or level.rms < _SILENCE:
        return 1.0
    return float(np.clip(level.rms / own, 10 ** (-GAIN_DOWN_DB / 20), 10 ** (GAIN_UP_DB / 20)))


def audible(levels: Sequence[LineLevel]) -> list[LineLevel]:
    """``levels`` with lines that can hardly have been so soft raised: to 20 dB below the median, where there is one."""
    heard = [level.rms for level in levels if level.rms >= _SILENCE]
    if not heard:
        return list(levels)
    floor = float(np.median(heard)) * 10 ** (-SOFTEST_DB / 20)
    return [replace(level, rms=max(level.rms, floor)) if level.rms >= _SILENCE else level for level in levels]


def measure_lines(original: Iterable[Sound], background: Iterable[Sound], spans: Sequence[tuple[int, int]],
                  sample_rate: int) -> list[LineLevel]:
    """Level and balance of the original speech (original less M&E) in each of ``spans`` (samples)."""
    step, weigh = max(1, int(_FRAME_S * sample_rate)), KFilter(sample_rate)
    powers: list[list[npt.NDArray[np.float64]]] = [[] for _ in spans]
    position, channels = 0, 1
    for whole, rest in aligned(original, background):
        channels, count = whole.shape
        speech = weigh(whole - rest)
        for index, (start, end) in enumerate(spans):
            first, stop = max(start - position, 0), min(end - position, count)
            if stop > first:
                powers[index].append(_frame_powers(speech[:, first:stop], step))
        position += count
    return [_level(np.concatenate(found, axis=1) if found else np.zeros((channels, 0))) for found in powers]


def _level(powers: npt.NDArray[np.float64]) -> LineLevel:
    by_channel = _gated_power(powers)
    total = float(by_channel.mean())
    if total < _SILENCE**2:
        return LineLevel(0.0, tuple([1.0] * len(by_channel)))
    balance = np.sqrt(by_channel / total)
    if balance.min() > 0 and 20 * np.log10(balance.max() / balance.min()) < _EVEN_DB:
        balance = np.ones_like(balance)
    return LineLevel(float(np.sqrt(total)), tuple(float(b) for b in balance))


def _frame_powers(sound: npt.NDArray[np.float64], step: int) -> npt.NDArray[np.float64]:
    """``[channels, frames]`` mean squares; a last shorter frame counts as a frame."""
    starts = np.arange(0, sound.shape[1], step)
    if not len(starts):
        return np.zeros((len(sound), 0))
    sums = np.add.reduceat(np.square(sound), starts, axis=1)
    return np.asarray(sums / np.diff(np.append(starts, sound.shape[1])))


def _gated_power(powers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean power by channel over the frames that are loud in all channels together."""
    if not powers.shape[1]:
        return np.zeros(len(powers))
    together = powers.sum(0)
    return np.asarray(powers[:, together >= together.max() * _GATE].mean(1))


def aligned(first: Iterable[Sound], second: Iterable[Sound]) -> Iterator[tuple[Sound, Sound]]:
    """Pairs of equally long blocks from two streams; a second stream that ends early is continued with silence."""
    rest = iter(second)
    held: Sound | None = None
    for block in first:
        block = np.atleast_2d(np.asarray(block, np.float32))
        pieces = [] if held is None else [held]
        have = sum(piece.shape[1] for piece in pieces)
        while have < block.shape[1]:
            more = next(rest, None)
            more = np.zeros_like(block[:, have:]) if more is None else np.atleast_2d(np.asarray(more, np.float32))
            pieces.append(more)
            have += more.shape[1]
        joined = np.concatenate(pieces, axis=1)
        held = joined[:, block.shape[1]:]
        yield block, joined[:, : block.shape[1]]
