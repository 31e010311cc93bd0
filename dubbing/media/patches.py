"""Mouth patches in frame order, as the export asks for them: looked at ahead, taken, or passed over undecoded."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from dubbing.media.paste import Patch


@dataclass(frozen=True)
class PatchSet:
    """The patches of one line, not read yet.

    name: two sets of equal name hold equal patches. frames: the frame of each, in order. read: the patches, in order.
    """

    name: str
    frames: Sequence[int]
    read: Callable[[], Iterator[Patch]]


class PatchSource(Protocol):
    """Patches in frame order. Frames are asked for in rising order and never twice."""

    def next_frame(self) -> int | None:
        """The next frame that has a patch; None when there is none left."""

    def name(self, first: int, stop: int) -> str | None:
        """A name for what is pasted into the frames ``first`` to ``stop`` (exclusive); None when it has none."""

    def take(self, number: int) -> list[Patch]:
        """The patches of frame ``number``: none, one, or one for each of several faces."""

    def skip(self, stop: int) -> int:
        """Pass over what lies before frame ``stop``; returns how many frames that were."""


class PatchStream:
    """Patches that come one after another from anywhere; they have no names."""

    def __init__(self, patches: Iterable[Patch] | None) -> None:
        self._patches = iter(patches or ())
        self._next: Patch | None = next(self._patches, None)

    def next_frame(self) -> int | None:
        return None if self._next is None else self._next.frame

    def name(self, first: int, stop: int) -> str | None:
        return None

    def take(self, number: int) -> list[Patch]:
        taken: list[Patch] = []
        while self._next is not None and self._next.frame <= number:
            if self._next.frame < number:
                raise ValueError(f"the patch of frame {self._next.frame} comes after that of frame {number - 1}")
            taken.append(self._next)
            self._next = next(self._patches, None)
        return taken

    def skip(self, stop: int) -> int:
        passed = 0
        while self._next is not None and self._next.frame < stop:
            passed += bool(self.take(self._next.frame))
        return passed


class PatchSets:
    """The patches of several lines, each with a name: what is not asked for is not decoded.

    In a frame that several lines repaint, an earlier set's patch comes first.
    """

    def __init__(self, sets: Sequence[PatchSet]) -> None:
        self._sets = [s for s in sets if s.frames]
        self._at = [0] * len(self._sets)
        self._open: list[tuple[int, Iterator[Patch]] | None] = [None] * len(self._sets)

    def fresh(self) -> PatchSets:
        """The same patches from the beginning."""
        return PatchSets(self._sets)

    def next_frame(self) -> int | None:
        waiting = [s.frames[at] for s, at in zip(self._sets, self._at, strict=True) if at < len(s.frames)]
        return min(waiting, default=None)

    def name(self, first: int, stop: int) -> str | None:
        digest = hashlib.sha256()
        for patches in self._sets:
            low, high = bisect_left(patches.frames, first), bisect_left(patches.frames, stop)
            if low < high:
                digest.update(f"{patches.name} {low} {high}\n".encode())
        return digest.hexdigest()

    def take(self, number: int) -> list[Patch]:
        taken = []
        for index, patches in enumerate(self._sets):
            at = self._at[index]
            if at < len(patches.frames) and patches.frames[at] == number:
                taken.append(self._read(index, at))
                self._at[index] += 1
        return taken

    def skip(self, stop: int) -> int:
        passed: set[int] = set()
        for index, patches in enumerate(self._sets):
            at = bisect_left(patches.frames, stop)
            passed.update(patches.frames[self._at[index] : at])
            self._at[index] = max(at, self._at[index])
        return len(passed)

    def _read(self, index: int, at: int) -> Patch:
        """Patch ``at`` of a set, whose reader may have stopped some patches before."""
        position, reader = self._open[index] or (0, self._sets[index].read())
        for _ in range(at - position):
            next(reader)
        patch = next(reader)
        if patch.frame != self._sets[index].frames[at]:
            raise ValueError(f"the patch of frame {patch.frame} stands where that of frame "
                             f"{self._sets[index].frames[at]} should")
        self._open[index] = (at + 1, reader) if at + 1 < len(self._sets[index].frames) else None
        return patch

