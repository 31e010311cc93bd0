"""Turns a dub down where it and what it is laid over would together pass a ceiling; the rest is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound

#: Half a decibel below what is promised: AAC puts some of a limited peak back.
CEILING = 10 ** (-1.5 / 20)


@dataclass(frozen=True, slots=True)
class MixBlock:
    """``[channels, samples]`` each; ``speech + background`` is ``mix``."""

    mix: Sound
    speech: Sound
    background: Sound


class DubLimiter:
    """Turns the dub down where base and dub together would pass -1 dBFS between or at samples.

    The gain is the minimum over 5 ms either way, then smoothed over the same length: it is never above what a
    sample needs and has no corner. It looks ahead, so blocks come out late by that much; nothing is delayed.
    """

    def __init__(self, sample_rate: int) -> None:
        self._reach = max(8, int(0.005 * sample_rate))
        self._margin = 2 * self._reach + 32
        self._held: list[tuple[Sound, Sound, Sound | None]] = []
        self._past: tuple[Sound, Sound] | None = None

    def push(self, base: Sound, background: Sound, dub: Sound | None) -> Iterator[MixBlock]:
        self._held.append((base, background, dub))
        while len(self._held) > 1 and sum(b.shape[1] for b, _, _ in self._held[1:]) >= self._margin:
            yield self._emit()

    def flush(self) -> Iterator[MixBlock]:
        while self._held:
            yield self._emit()

    def _emit(self) -> MixBlock:
        base, background, dub = self._held[0]
        mix = base
        if dub is not None:
            mix = (base + dub * self._gain(base, dub)).astype(np.float32)
        past_base, past_dub = (base[:, :0], base[:, :0]) if self._past is None else self._past
        now = np.zeros_like(base) if dub is None else dub
        self._past = (np.concatenate([past_base, base], axis=1)[:, -self._margin:],
                      np.concatenate([past_dub, now], axis=1)[:, -self._margin:])
        self._held.pop(0)
        return MixBlock(mix, mix - background, background)

    def _gain(self, base: Sound, dub: Sound) -> Sound:
        count = base.shape[1]
        bases, dubs = [base], [dub]
        before = 0
        if self._past is not None:
            bases.insert(0, self._past[0])
            dubs.insert(0, self._past[1])
            before = self._past[0].shape[1]
        for later, _, sound in self._held[1:]:
            bases.append(later)
            dubs.append(np.zeros_like(later) if sound is None else sound)
        all_base, all_dub = np.concatenate(bases, axis=1), np.concatenate(dubs, axis=1)
        stop = before + count + self._margin
        needed = _needed_gain(all_base[:, :stop], all_dub[:, :stop])
        if needed.min() >= 1.0:
            return np.ones(count, np.float32)
        window = 2 * self._reach + 1
        padded = np.pad(needed, 2 * self._reach, constant_values=1.0)
        lowest = np.lib.stride_tricks.sliding_window_view(padded, window).min(1)
        smooth = np.hanning(window + 2)[1:-1]
        curve = np.convolve(lowest, smooth / smooth.sum(), mode="valid")
        return curve[before: before + count].astype(np.float32)


def _needed_gain(base: Sound, dub: Sound) -> npt.NDArray[np.float64]:
    """Largest gain in [0, 1] on ``dub`` that keeps every channel under the ceiling, by sample.

    Where the base alone is over it, no more than the base's own peak is allowed.
    """
    needed = np.ones(base.shape[1])
    if np.abs(base).max(initial=0.0) + np.abs(dub).max(initial=0.0) <= CEILING * 0.8:
        return needed
    for fixed, moving in zip(_oversampled(base), _oversampled(dub), strict=True):
        allowed = np.maximum(CEILING, np.abs(fixed))
        over = np.abs(fixed + moving) > allowed
        if over.any():
            room = np.where(moving > 0, allowed - fixed, allowed + fixed)
            gain = np.where(over, np.clip(room / np.maximum(np.abs(moving), 1e-9), 0.0, 1.0), 1.0)
            needed = np.minimum(needed, gain.min(axis=0))
    return needed


def _oversampled(sound: Sound) -> Iterator[npt.NDArray[np.float64]]:
    """For each channel: ``[4, samples]``, the sound at and between its samples (12-tap windowed sinc, as BS.1770)."""
    taps = np.arange(-6, 6)
    padded = np.pad(sound.astype(np.float64), ((0, 0), (6, 6)))
    for channel in padded:
        windows = np.lib.stride_tricks.sliding_window_view(channel, 12)[: sound.shape[1]]
        phases = []
        for phase in range(4):
            offset = taps - phase / 4
            kernel = np.sinc(offset) * np.cos(np.pi * np.clip(offset / 13, -0.5, 0.5))
            phases.append(windows @ (kernel / kernel.sum()))
        yield np.stack(phases)
