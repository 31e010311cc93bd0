"""A mix brought to a loudness: one gain for all of it, and a limiter for the peaks that this would lift too high."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound
from dubbing.media.loudness_meter import REACH, oversampled_peaks

#: The gain begins to fall so long before a peak.
LOOK_AHEAD_MS = 5.0
#: How fast it comes back behind one: slow enough to be no distortion, fast enough to be no hole.
RELEASE_DB_S = 40.0


class PeakLimiter:
    """Look-ahead limiter for true peaks.

    The gain is what the highest peak of the next 5 ms allows, comes back at 40 dB/s and is smoothed over 5 ms; it is
    never above what a sample needs. Blocks come out late by the look-ahead, nothing is delayed. ``deepest_db`` is the
    most that it has turned down so far.
    """

    def __init__(self, sample_rate: int, ceiling_db: float) -> None:
        self._ceiling = 10 ** (ceiling_db / 20)
        self._ahead = max(8, int(LOOK_AHEAD_MS * sample_rate / 1000))
        self._release = RELEASE_DB_S / sample_rate
        self._kernel = np.hanning(self._ahead + 3)[1:-1]
        self._kernel /= self._kernel.sum()
        #: Needed gains (dB) whose future is not known yet, and the last gains before smoothing.
        self._needed: npt.NDArray[np.float64] = np.zeros(0)
        self._before: npt.NDArray[np.float64] = np.zeros(self._ahead)
        self._unseen: Sound | None = None
        self._held: Sound | None = None
        #: The first needed gains are those of samples before the beginning.
        self._lead = REACH
        self.deepest_db = 0.0

    def push(self, sound: Sound, companion: Sound) -> tuple[Sound, Sound]:
        """``sound`` and ``companion`` ``[channels, samples]``, both turned down as ``sound`` needs; what is ready."""
        if self._unseen is None or self._held is None:
            self._unseen = np.zeros((len(sound), 2 * REACH), np.float32)
            self._held = np.zeros((len(sound) + len(companion), 0), np.float32)
        self._held = np.concatenate([self._held, np.concatenate([sound, companion])], axis=1)
        return self._advance(sound, len(sound))

    def flush(self) -> tuple[Sound, Sound]:
        """The samples that ``push`` has not given yet."""
        assert self._held is not None and self._unseen is not None
        channels = len(self._unseen)
        return self._advance(np.zeros((channels, REACH + self._ahead), np.float32), channels)

    def _advance(self, sound: Sound, channels: int) -> tuple[Sound, Sound]:
        assert self._held is not None
        self._needed = np.concatenate([self._needed, self._need(sound)])
        ready = max(0, min(len(self._needed) - self._ahead, self._held.shape[1]))
        curve = self._curve(ready)
        out, self._held = self._held[:, :ready] * curve, self._held[:, ready:]
        return out[:channels], out[channels:]

    def _need(self, sound: Sound) -> npt.NDArray[np.float64]:
        """Gain in dB that each newly seen sample may have."""
        assert self._unseen is not None
        joined = np.concatenate([self._unseen, sound], axis=1)
        self._unseen = joined[:, -2 * REACH :]
        count = joined.shape[1] - 2 * REACH
        skip = min(self._lead, count)
        self._lead -= skip
        if 2 * np.abs(joined).max(initial=0.0) <= self._ceiling:
            return np.zeros(count - skip)
        peaks = oversampled_peaks(joined)[REACH : REACH + count]
        return np.asarray(np.minimum(0.0, 20 * np.log10(self._ceiling / np.maximum(peaks, 1e-9))))[skip:]

    def _curve(self, count: int) -> npt.NDArray[np.float32]:
        """Factors of the next ``count`` samples."""
        from scipy.ndimage import minimum_filter1d

        known, self._needed = self._needed[: count + self._ahead], self._needed[count:]
        if not count or (known.min() == 0.0 and self._before.min() == 0.0):
            return np.ones(count, np.float32)
        size = self._ahead + 1
        lowest = minimum_filter1d(known, size, mode="nearest", origin=-(size // 2))[:count]
        slope = self._release * np.arange(1, count + 1)
        since = np.minimum.accumulate(np.concatenate([self._before[-1:], lowest - slope]))[1:]
        gains = np.minimum(since + slope, 0.0)
        smooth = np.convolve(np.concatenate([self._before, gains]), self._kernel, mode="valid")
        self._before = np.concatenate([self._before, gains])[-self._ahead :]
        self.deepest_db = min(self.deepest_db, float(smooth.min()))
        return (10 ** (smooth / 20)).astype(np.float32)


def levelled(blocks: Iterable[tuple[Sound, Sound]], gain_db: float, limiter: PeakLimiter,
             ) -> Iterator[tuple[Sound, Sound]]:
    """(mix, speech) blocks, louder by ``gain_db`` and limited where the mix needs it; the two stay of a piece."""
    factor = np.float32(10 ** (gain_db / 20))
    seen = False
    for mix, speech in blocks:
        seen = True
        yield limiter.push(mix * factor, speech * factor)
    if seen:
        yield limiter.flush()
