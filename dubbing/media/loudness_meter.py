"""Loudness and true peak of a stream of sound, in little memory.

Sources: ITU-R BS.1770-4 (K-weighting, gating, true peak), EBU Tech 3342 (loudness range). The filters are the analogue
prototypes of BS.1770 brought to any sample rate, as libebur128 does it. What is kept is one number for every 100 ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dubbing.domain.loudness import Loudness

Sound = npt.NDArray[np.float32]
Powers = npt.NDArray[np.float64]

#: Powers are kept on this grid; blocks of 400 ms and 3 s are put together from it.
STEP_S = 0.1
_BLOCK_STEPS, _SHORT_TERM_STEPS = 4, 30
_OFFSET_LU = -0.691
_ABSOLUTE_GATE, _RELATIVE_GATE, _RANGE_GATE = -70.0, -10.0, -20.0
_OVERSAMPLING = 4
#: The interpolator looks so many samples to either side: twice as far as the one that BS.1770 prints.
REACH = 12
_SURROUND = 1.41
_WEIGHTS: dict[int, tuple[float, ...]] = {
    3: (1, 1, 0), 4: (1, 1, _SURROUND, _SURROUND), 5: (1, 1, 1, _SURROUND, _SURROUND),
    6: (1, 1, 1, 0, _SURROUND, _SURROUND), 8: (1, 1, 1, 0, 1, 1, _SURROUND, _SURROUND)}


def channel_weights(channels: int) -> Powers:
    """How much each channel counts, in FFmpeg's order of channels: none of the LFE, more of what is at the sides."""
    return np.asarray(_WEIGHTS.get(channels, (1.0,) * channels), np.float64)


def k_weighting(sample_rate: int) -> npt.NDArray[np.float64]:
    """The two second-order sections (shelf and high-pass) of BS.1770 at ``sample_rate``, as scipy takes them."""
    turn = np.tan(np.pi * 1681.974450955533 / sample_rate)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    scale = 1 + turn / q + turn * turn
    shelf = [(high + band * turn / q + turn * turn) / scale, 2 * (turn * turn - high) / scale,
             (high - band * turn / q + turn * turn) / scale, 1, 2 * (turn * turn - 1) / scale,
             (1 - turn / q + turn * turn) / scale]
    turn, q = np.tan(np.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    scale = 1 + turn / q + turn * turn
    passing = [1, -2, 1, 1, 2 * (turn * turn - 1) / scale, (1 - turn / q + turn * turn) / scale]
    return np.asarray([shelf, passing])


class KFilter:
    """K-weighting of ``[channels, samples]`` blocks, one after another."""

    def __init__(self, sample_rate: int) -> None:
        self._sections = k_weighting(sample_rate)
        self._state: Any = None

    def __call__(self, block: Sound) -> Powers:
        from scipy.signal import sosfilt

        if self._state is None:
            self._state = np.zeros((len(self._sections), len(block), 2))
        filtered, self._state = sosfilt(self._sections, block.astype(np.float64), axis=1, zi=self._state)
        return np.asarray(filtered)


class PowerMeter:
    """K-weighted power, channels weighted and added, of every 100 ms of what is pushed."""

    def __init__(self, sample_rate: int) -> None:
        self._filter = KFilter(sample_rate)
        self._step = max(1, round(STEP_S * sample_rate))
        self._rest = np.zeros(0)
        self._powers: list[Powers] = []

    def push(self, block: Sound) -> None:
        """``block`` is ``[channels, samples]``, of any length."""
        if not block.shape[1]:
            return
        squares = channel_weights(len(block)) @ np.square(self._filter(block))
        joined = np.concatenate([self._rest, squares])
        whole = len(joined) // self._step * self._step
        self._powers.append(joined[:whole].reshape(-1, self._step).mean(1))
        self._rest = joined[whole:]
        if len(self._powers) > 256:
            self._powers = [np.concatenate(self._powers)]

    def powers(self) -> Powers:
        """One mean power a whole 100 ms so far."""
        return np.concatenate(self._powers) if self._powers else np.zeros(0)


class PeakMeter:
    """The highest absolute value at and between the samples of what is pushed (4 times oversampled)."""

    def __init__(self) -> None:
        self._past: Sound | None = None
        self.peak = 0.0

    def push(self, block: Sound) -> None:
        """``block`` is ``[channels, samples]``, of any length."""
        if self._past is None:
            self._past = np.zeros((len(block), 2 * REACH), np.float32)
        joined = np.concatenate([self._past, block], axis=1)
        self._past = joined[:, -2 * REACH :]
        # No sound passes its own samples by more than 6 dB between them: calm blocks need no closer look.
        if 2 * np.abs(joined).max(initial=0.0) > self.peak:
            self.peak = max(self.peak, float(oversampled_peaks(joined)[REACH:-REACH].max(initial=0.0)))

    def finish(self) -> float:
        """The peak, once the last samples have been looked beyond, too."""
        if self._past is not None:
            self.push(np.zeros((len(self._past), REACH), np.float32))
        return self.peak


def oversampled_peaks(sound: Sound) -> Powers:
    """``[samples]``: the highest absolute value in any channel at each sample or within half a sample of it.

    ``REACH`` samples at either end are inexact: what lies beyond ``sound`` counts as silence.
    """
    from scipy.signal import upfirdn

    kernel = _interpolator()
    half = _OVERSAMPLING // 2
    found = np.zeros(sound.shape[1])
    for channel in sound:
        fine = np.abs(upfirdn(kernel, channel.astype(np.float64), up=_OVERSAMPLING))
        start = len(kernel) // 2 - half
        around = np.lib.stride_tricks.sliding_window_view(fine[start:], 2 * half + 1)[::_OVERSAMPLING]
        found = np.maximum(found, around[: len(found)].max(1))
    return found


@cache
def _interpolator() -> Powers:
    """A windowed sinc that passes the samples themselves unchanged."""
    at = np.arange(-_OVERSAMPLING * REACH, _OVERSAMPLING * REACH + 1)
    return np.asarray(np.sinc(at / _OVERSAMPLING) * np.kaiser(len(at), 5.0))


def lufs(power: float) -> float | None:
    """Loudness of a mean power; None below what a meter shows at all."""
    return _OFFSET_LU + 10 * float(np.log10(power)) if power > 1e-12 else None


def block_powers(powers: Powers, steps: int = _BLOCK_STEPS) -> Powers:
    """Mean powers of overlapping blocks of ``steps`` x 100 ms, one beginning every 100 ms."""
    if len(powers) < steps:
        return np.zeros(0)
    sums = np.concatenate([[0.0], np.cumsum(powers)])
    return np.maximum(sums[steps:] - sums[:-steps], 0.0) / steps


def integrated(powers: Powers) -> float | None:
    """Gated loudness (BS.1770-4) from powers of 100 ms; None where all is below the absolute gate.

    A sound shorter than one block counts as one block.
    """
    blocks = block_powers(powers, min(_BLOCK_STEPS, max(1, len(powers))))
    return lufs(float(blocks[_is_loud(blocks)].mean())) if _is_loud(blocks).any() else None


def dialogue(mix: Powers, speech: Powers) -> float | None:
    """Loudness of the mix while somebody speaks; both from powers of 100 ms on one clock.

    Speech counts as such where its stem alone passes BS.1770's gate; the mix is then averaged without a gate of its
    own, as dialogue-gated measurement after BS.1770-1 does.
    """
    count = min(len(mix), len(speech))
    steps = min(_BLOCK_STEPS, max(1, count))
    spoken = _is_loud(block_powers(speech[:count], steps))
    found = block_powers(mix[:count], steps)[spoken]
    return lufs(float(found.mean())) if len(found) else None


def loudness_range(powers: Powers) -> float:
    """Loudness range in LU (EBU Tech 3342) from powers of 100 ms; 0.0 for what is too short or too quiet."""
    blocks = block_powers(powers, _SHORT_TERM_STEPS)
    levels = _levels(blocks[_above(blocks, _RANGE_GATE)])
    return float(np.percentile(levels, 95) - np.percentile(levels, 10)) if len(levels) else 0.0


def measure(blocks: Iterable[Sound], sample_rate: int, speech: Powers | None = None) -> Loudness:
    """Everything that is measured of ``[channels, samples]`` blocks; ``speech``: powers of their speech stem."""
    meter, peaks = PowerMeter(sample_rate), PeakMeter()
    for block in blocks:
        meter.push(block)
        peaks.push(block)
    return result(meter.powers(), peaks.finish(), speech)


def result(powers: Powers, peak: float, speech: Powers | None = None) -> Loudness:
    """The figures of a mix with these powers and this true peak."""
    return Loudness(integrated(powers), dialogue(powers, speech) if speech is not None else None,
                    20 * float(np.log10(peak)) if peak > 1e-9 else None, loudness_range(powers))


def _is_loud(blocks: Powers) -> npt.NDArray[np.bool_]:
    return _above(blocks, _RELATIVE_GATE)


def _above(blocks: Powers, relative: float) -> npt.NDArray[np.bool_]:
    """Which blocks pass the absolute gate and the one ``relative`` LU to what passed it."""
    levels = _levels(blocks)
    passed = levels > _ABSOLUTE_GATE
    if not passed.any():
        return passed
    gate = _OFFSET_LU + 10 * np.log10(blocks[passed].mean()) + relative
    return np.asarray(passed & (levels > gate))


def _levels(blocks: Powers) -> Powers:
    return np.asarray(_OFFSET_LU + 10 * np.log10(np.maximum(blocks, 1e-15)))
