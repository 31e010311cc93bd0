"""One run of a separator: groups of channels find speech, M&E is what is left, and both always sum to the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from dubbing.engines.base import Sound
from dubbing.engines.separate.leak import LeakFilter

#: Speech is kept on this grid so that subtracting it from PCM of up to 22 bits is exact.
_GRID = np.float32(2.0**22)


class Group(Protocol):
    """Some channels of the input whose speech is found together; a channel in no group is all music and effects."""

    @property
    def ready_samples(self) -> int:
        """Samples whose speech is known and not used up."""
        ...

    def hear(self, mix: Sound) -> None:
        """Listen to the next samples ``[channels, samples]`` of the whole input."""

    def finish(self, needed: int) -> None:
        """The input has ended; at least ``needed`` samples are to be ready now."""

    def speak(self, mix: Sound, speech: Sound) -> None:
        """Put this group's speech for ``mix`` into ``speech`` (both ``[channels, samples]``) and use it up."""


class SeparatedStream:
    """``push`` blocks, ``flush`` at the end; both give (speech, M&E) in order, cleaned of leaks."""

    def __init__(self, groups: Sequence[Group], channels: int, sample_rate: int) -> None:
        self._groups = groups
        self._filter = LeakFilter(channels, sample_rate)
        #: Sound whose speech is not known yet, and sound whose M&E has not left the leak filter yet.
        self._unheard = np.zeros((channels, 0), np.float32)
        self._uncleaned = np.zeros((channels, 0), np.float32)

    def push(self, mix: Sound) -> tuple[Sound, Sound]:
        self._unheard = np.concatenate([self._unheard, mix], axis=1)
        for group in self._groups:
            group.hear(mix)
        ready = min(self._unheard.shape[1], *(group.ready_samples for group in self._groups))
        return self._split(self._clean(ready))

    def flush(self) -> tuple[Sound, Sound]:
        rest = self._unheard.shape[1]
        for group in self._groups:
            group.finish(rest)
        return self._split(np.concatenate([self._clean(rest), self._filter.flush()], axis=1))

    def _clean(self, count: int) -> Sound:
        mix, self._unheard = self._unheard[:, :count], self._unheard[:, count:]
        speech = np.zeros_like(mix)
        for group in self._groups:
            group.speak(mix, speech)
        self._uncleaned = np.concatenate([self._uncleaned, mix], axis=1)
        return self._filter.push(speech, mix - speech)

    def _split(self, background: Sound) -> tuple[Sound, Sound]:
        count = background.shape[1]
        mix, self._uncleaned = self._uncleaned[:, :count], self._uncleaned[:, count:]
        speech = np.round((mix - background) * _GRID) / _GRID
        return speech, mix - speech


def separated(blocks: Iterator[Sound], sample_rate: int,
              groups_for: Callable[[int], Sequence[Group]]) -> Iterator[tuple[Sound, Sound]]:
    """Stream ``[channels, samples]`` blocks into (speech, M&E); ``groups_for`` makes the groups of so many channels."""
    stream: SeparatedStream | None = None
    for block in blocks:
        block = np.atleast_2d(np.asarray(block, np.float32))
        if stream is None:
            stream = SeparatedStream(groups_for(len(block)), len(block), sample_rate)
        found = stream.push(block)
        if found[0].shape[1]:
            yield found
    if stream is not None:
        found = stream.flush()
        if found[0].shape[1]:
            yield found
