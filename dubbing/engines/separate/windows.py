"""Networks that take music apart hear stereo at 44.1 kHz in windows of seconds: streams of any kind brought to them.

What a network finds is brought back to the rate and channels of the input and subtracted there, so that speech and
M&E always sum to the input. A mono channel is shown on both sides; of a surround mix the centre and the front pair
are heard, the rest is M&E.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound
from dubbing.engines.separate.stream import separated

MODEL_RATE = 44_100
#: ``network(window)``: the speech in a window ``[2, samples]`` of 44.1 kHz sound, of the same shape.
Network = Callable[[Sound], Sound]


def separate(network: Network, window: int, overlap: int, blocks: Iterator[Sound], sample_rate: int,
             ) -> Iterator[tuple[Sound, Sound]]:
    """Stream ``[channels, samples]`` blocks into (speech, M&E) with a network that hears ``window`` samples at a time,
    ``overlap`` of them a second time."""
    return separated(blocks, sample_rate, lambda channels: [_Group(network, window, overlap, members, sample_rate)
                                                            for members in _groups(channels)])


def _groups(channels: int) -> list[tuple[int, ...]]:
    """Channels that are shown to the network together; a channel in none of them is all music and effects."""
    if channels >= 5:  # FL FR FC LFE and surrounds: talk is in the middle, or in front
        return [(2,), (0, 1)]
    return [(0,)] if channels == 1 else [(0, 1)]


class _Group:
    """One or two channels of the input: to the network's rate, through its windows, and back."""

    def __init__(self, network: Network, window: int, overlap: int, members: tuple[int, ...],
                 sample_rate: int) -> None:
        self._members = members
        self._windows = Windows(network, window, overlap)
        self._to_network = _resampler(sample_rate, MODEL_RATE, len(members))
        self._from_network = _resampler(MODEL_RATE, sample_rate, len(members))
        self._speech = np.zeros((len(members), 0), np.float32)

    @property
    def ready_samples(self) -> int:
        return self._speech.shape[1]

    def hear(self, mix: Sound) -> None:
        self._take(self._windows.push(self._shown(self._to_network(mix[list(self._members)], False))), last=False)

    def finish(self, needed: int) -> None:
        """What the windows and the resamplers still hold; at least ``needed`` samples are then ready."""
        rest = self._to_network(np.zeros((len(self._members), 0), np.float32), True)
        found = [self._windows.push(self._shown(rest)), self._windows.flush()]
        self._take(np.concatenate(found, axis=1), last=True)
        missing = max(0, needed - self.ready_samples)
        self._speech = np.pad(self._speech, ((0, 0), (0, missing)))

    def _shown(self, sound: Sound) -> Sound:
        return np.repeat(sound, 2, axis=0) if len(sound) == 1 else sound

    def _take(self, found: Sound, last: bool) -> None:
        own = found.mean(0, keepdims=True) if len(self._members) == 1 else found
        self._speech = np.concatenate([self._speech, self._from_network(own, last)], axis=1)

    def speak(self, mix: Sound, speech: Sound) -> None:
        count = speech.shape[1]
        speech[list(self._members)] = self._speech[:, :count]
        self._speech = self._speech[:, count:]


class Windows:
    """Sound ``[2, samples]`` through a network in overlapping windows, cross-faded where they overlap."""

    def __init__(self, network: Network, window: int, overlap: int) -> None:
        self._network, self._window, self._overlap = network, window, overlap
        self._held = np.zeros((2, 0), np.float32)
        self._tail: Sound | None = None
        self._fade: npt.NDArray[np.float32] = ((np.arange(overlap, dtype=np.float32) + 0.5) / overlap)

    def push(self, sound: Sound) -> Sound:
        self._held = np.concatenate([self._held, sound], axis=1)
        found = [np.zeros((2, 0), np.float32)]
        while self._held.shape[1] >= self._window:
            found.append(self._next(self._held[:, : self._window])[:, : -self._overlap])
            self._held = self._held[:, self._window - self._overlap :]
        return np.concatenate(found, axis=1)

    def flush(self) -> Sound:
        """What is left: a last window filled up with silence. Nothing is to be pushed afterwards."""
        count = self._held.shape[1]
        if not count:
            return self._held
        whole = np.pad(self._held, ((0, 0), (0, self._window - count)))
        self._held = self._held[:, :0]
        return self._next(whole)[:, :count]

    def _next(self, window: Sound) -> Sound:
        found = np.array(self._network(window), np.float32)
        if self._tail is not None:
            head = found[:, : self._overlap]
            found[:, : self._overlap] = self._tail * (1 - self._fade) + head * self._fade
        self._tail = found[:, -self._overlap :].copy()
        return found


def _resampler(source: int, target: int, channels: int) -> Any:
    """A streaming resampler ``([channels, samples], last) -> sound`` without delay; the identity for equal rates."""
    if source == target:
        return lambda sound, _last: sound
    import soxr

    stream = soxr.ResampleStream(source, target, channels, dtype="float32")

    def convert(sound: Sound, last: bool) -> Sound:
        made = stream.resample_chunk(np.ascontiguousarray(sound.T), last=last)
        return np.ascontiguousarray(made.reshape(-1, channels).T)

    return convert
