"""Decoded pictures made small for pages: upright, square pixels, 8-bit 4:2:0 of limited range, BT.709 where told."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the upright picture, in pixels."""

    top: int
    left: int
    height: int
    width: int


def fitted(height: int, width: int, lines: int) -> tuple[int, int]:
    """Even (height, width) of the same shape whose shorter side has at most ``lines``."""
    scale = min(1.0, lines / min(height, width))
    return max(2, round(height * scale / 2) * 2), max(2, round(width * scale / 2) * 2)


class Shrinker:
    """Makes frames of one stream small; ``height`` and ``width`` are of the result.

    first: a frame of the stream. box: the part of the upright picture that is kept; None keeps all of it.
    """

    def __init__(self, first: av.VideoFrame, ratio: Fraction, lines: int, box: Box | None = None) -> None:
        self.turns = round(first.rotation / 90) % 4
        self.box = box
        height, width = (first.width, first.height) if self.turns % 2 else (first.height, first.width)
        if box is not None:
            height, width = box.height, box.width
        shape = (round(height * ratio), width) if self.turns % 2 else (height, round(width * ratio))
        self.height, self.width = fitted(*shape, lines)

    def shrink(self, frame: av.VideoFrame) -> av.VideoFrame:
        """A new frame; the one that is given is left alone."""
        is_full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")
        source_range = 2 if is_full else 1
        if self.box is not None:
            frame = self._cut(frame.reformat(frame.width, frame.height, "yuv420p", src_color_range=source_range,
                                             dst_color_range=source_range))
        sideways = self.turns % 2 and self.box is None
        height, width = (self.width, self.height) if sideways else (self.height, self.width)
        if frame.format.name == "yuv420p" and not is_full and (frame.height, frame.width) == (height, width):
            # A copy: a frame that comes from a decoder tells an encoder what kind of picture it was.
            return from_planes([np.rot90(p, self.turns if self.box is None else 0) for p in planes(frame)])
        small = frame.reformat(width, height, "yuv420p", src_color_range=source_range, dst_color_range=1,
                               interpolation="AREA" if height < frame.height else "BICUBIC")
        return from_planes([np.rot90(p, self.turns) for p in planes(small)]) if self.turns and not self.box else small

    def _cut(self, frame: av.VideoFrame) -> av.VideoFrame:
        assert self.box is not None
        box, cut = self.box, []
        for plane, half in zip(planes(frame), (1, 2, 2), strict=True):
            upright = np.rot90(plane, self.turns)
            cut.append(upright[box.top // half : (box.top + box.height) // half,
                               box.left // half : (box.left + box.width) // half])
        return from_planes(cut)


def planes(frame: av.VideoFrame) -> list[npt.NDArray[np.uint8]]:
    """Views of the three planes of a yuv420p frame."""
    rows = [np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size) for plane in frame.planes[:3]]
    return [row[: plane.height, : plane.width] for row, plane in zip(rows, frame.planes[:3], strict=True)]


def from_planes(parts: list[npt.NDArray[np.uint8]]) -> av.VideoFrame:
    """A yuv420p frame of limited range of its three planes; even sizes only."""
    height, width = parts[0].shape
    made = av.VideoFrame(width, height, "yuv420p")
    for target, part in zip(planes(made), parts, strict=True):
        target[:] = part
    return made


def beside(left: av.VideoFrame, right: av.VideoFrame) -> av.VideoFrame:
    """Two frames of one size in one."""
    return from_planes([np.concatenate(pair, axis=1) for pair in zip(planes(left), planes(right), strict=True)])
