"""Patches of several lines: in order, by name, and read only where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest

from dubbing.media.patches import PatchSet, PatchSets, PatchStream


@dataclass(frozen=True)
class Dot:
    frame: int
    left: int
    top: int = 0
    y: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros((2, 2), np.uint8))
    u: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros((1, 1), np.uint8))
    v: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros((1, 1), np.uint8))


def dots(frames: Sequence[int], line: int, read: list[tuple[int, int]] | None = None) -> Iterator[Dot]:
    """``left`` tells the line; ``read`` takes down what was really read."""
    for frame in frames:
        if read is not None:
            read.append((line, frame))
        yield Dot(frame, line)


LINES = ([3, 4, 5, 9], [5, 6, 7], [20, 21, 30])


def given(read: list[tuple[int, int]] | None = None, names: Sequence[str] = "abc") -> PatchSets:
    return PatchSets([PatchSet(name, frames, lambda frames=frames, line=line: dots(frames, line, read))
                      for line, (name, frames) in enumerate(zip(names, LINES, strict=True))])


def test_frames_come_in_order_and_lines_in_theirs() -> None:
    patches, found = given(), []
    while (frame := patches.next_frame()) is not None:
        found += [(patch.frame, patch.left) for patch in patches.take(frame)]
    assert found == [(3, 0), (4, 0), (5, 0), (5, 1), (6, 1), (7, 1), (9, 0), (20, 2), (21, 2), (30, 2)]
    assert patches.take(31) == [] and patches.fresh().next_frame() == 3


def test_what_is_passed_over_is_not_read() -> None:
    read: list[tuple[int, int]] = []
    patches = given(read)
    assert patches.skip(8) == 5 and patches.next_frame() == 9 and read == []
    assert patches.skip(8) == 0 and patches.skip(20) == 1
    assert [p.frame for p in patches.take(20)] == [20] and patches.skip(30) == 1
    assert [p.frame for p in patches.take(30)] == [30] and patches.next_frame() is None
    assert read == [(2, 20), (2, 21), (2, 30)]


def test_a_name_tells_what_lies_in_a_span() -> None:
    patches = given()
    whole = patches.name(0, 10)
    assert whole == given().name(0, 10) == patches.name(1, 10)
    assert whole not in (patches.name(0, 9), patches.name(4, 10), patches.name(0, 30))
    other = given(names="xbc")
    assert other.name(0, 10) != whole and other.name(6, 9) == patches.name(6, 9)
    assert other.name(10, 40) == patches.name(10, 40) and patches.name(10, 20) == patches.name(40, 50)


def test_a_set_must_hold_what_it_says() -> None:
    patches = PatchSets([PatchSet("a", [3, 4], lambda: dots([3, 5], 0))])
    patches.take(3)
    with pytest.raises(ValueError, match="frame 5"):
        patches.take(4)


def test_a_stream_is_read_one_ahead() -> None:
    read: list[tuple[int, int]] = []
    stream = PatchStream(dots([2, 2, 5, 8], 0, read))
    assert stream.next_frame() == 2 and len(read) == 1 and stream.name(0, 9) is None
    assert stream.take(1) == [] and len(stream.take(2)) == 2 and stream.skip(8) == 1
    assert stream.next_frame() == 8 and len(stream.take(8)) == 1 and stream.next_frame() is None
    assert PatchStream(None).next_frame() is None
    with pytest.raises(ValueError, match="comes after"):
        PatchStream(dots([4], 0)).take(5)
