"""Paste finished mouth patches into decoded frames, touching nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from dubbing.engines.base import PatchLike as Patch

_EXACT = ("yuv420p", "yuvj420p")


def paste_all(frame: av.VideoFrame, patches: Sequence[Patch], quarter_turns: int) -> None:
    """Paste every patch of one frame; where rectangles overlap, what a patch left alone takes nothing back."""
    if len(patches) < 2:
        for patch in patches:
            paste(frame, patch, quarter_turns)
        return
    untouched = [np.array(plane) for plane in _upright(_as_420(frame), quarter_turns)]
    done = [np.array(plane) for plane in untouched]
    for patch in patches:
        _check_inside(patch, *untouched[0].shape)
        for index, pixels in enumerate((patch.y, patch.u, patch.v)):
            half = 2 if index else 1
            place = np.s_[patch.top // half : patch.top // half + pixels.shape[0],
                          patch.left // half : patch.left // half + pixels.shape[1]]
            pixels = pixels[: done[index][place].shape[0], : done[index][place].shape[1]]
            changed = pixels != untouched[index][place]
            done[index][place][changed] = pixels[changed]
    paste(frame, Rectangle(patches[0].frame, 0, 0, *done), quarter_turns)


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A patch of its own making: see ``Patch``."""

    frame: int
    left: int
    top: int
    y: npt.NDArray[np.uint8]
    u: npt.NDArray[np.uint8]
    v: npt.NDArray[np.uint8]


def _as_420(frame: av.VideoFrame) -> av.VideoFrame:
    return frame if frame.format.name in _EXACT else reduced_420(frame)


def paste(frame: av.VideoFrame, patch: Patch, quarter_turns: int) -> None:
    """Write ``patch`` into ``frame``, which is stored ``quarter_turns`` clockwise of upright.

    Frames of 8-bit 4:2:0 take the patch as it is. For deeper or finer-sampled frames the *difference* between the
    patch and the frame's own 8-bit 4:2:0 reduction is added, so that pixels which the patch left alone keep every
    bit. Raises ValueError when the patch leaves the picture.
    """
    exact = frame.format.name in _EXACT
    reduced = None if exact else _upright(reduced_420(frame), quarter_turns)
    frame.make_writable()
    planes = _upright(frame, quarter_turns)
    _check_inside(patch, *planes[0].shape)
    shift = frame.format.components[0].bits - 8
    for index, (plane, pixels) in enumerate(zip(planes, (patch.y, patch.u, patch.v), strict=True)):
        half = 2 if index else 1
        top, left = patch.top // half, patch.left // half
        if reduced is None:
            target = plane[top : top + pixels.shape[0], left : left + pixels.shape[1]]
            target[:] = pixels[: target.shape[0], : target.shape[1]]
            continue
        before = reduced[index][top : top + pixels.shape[0], left : left + pixels.shape[1]]
        difference = pixels[: before.shape[0], : before.shape[1]].astype(np.int32) - before
        _add(plane, difference << shift, top, left, reduced[index].shape, (1 << (shift + 8)) - 1)


def reduced_420(frame: av.VideoFrame) -> av.VideoFrame:
    """The frame as 8-bit 4:2:0 in its own colour range: what whoever makes patches has seen."""
    colour_range = 2 if int(frame.color_range) == 2 or frame.format.name.startswith("yuvj") else 1
    return frame.reformat(frame.width, frame.height, "yuv420p", src_color_range=colour_range,
                          dst_color_range=colour_range)


def padded_to_even(frame: av.VideoFrame) -> av.VideoFrame:
    """The frame with its last row or column repeated where height or width is odd; 4:2:0 chroma stays as it is."""
    height, width = frame.height + frame.height % 2, frame.width + frame.width % 2
    padded = av.VideoFrame(width, height, frame.format.name)
    for source, target in zip(stored_planes(frame), stored_planes(padded), strict=True):
        grow = [(0, t - s) for s, t in zip(source.shape, target.shape, strict=True)]
        target[:] = np.pad(source, grow, mode="edge")
    padded.pts, padded.time_base, padded.duration = frame.pts, frame.time_base, frame.duration
    padded.color_range, padded.colorspace = frame.color_range, frame.colorspace
    return padded


def stored_planes(frame: av.VideoFrame) -> list[npt.NDArray[Any]]:
    """Writable views of a planar frame's planes as stored, uint8 or uint16."""
    dtype = np.dtype("<u2") if frame.format.components[0].bits > 8 else np.dtype(np.uint8)
    views = []
    for plane in frame.planes[:3]:
        rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // dtype.itemsize)
        views.append(rows[: plane.height, : plane.width])
    return views


def _check_inside(patch: Patch, height: int, width: int) -> None:
    """ValueError unless the patch lies in the picture; of an odd picture it may cover the missing row and column."""
    bottom, right = patch.top + patch.y.shape[0], patch.left + patch.y.shape[1]
    if patch.top < 0 or patch.left < 0 or bottom > height + height % 2 or right > width + width % 2:
        raise ValueError(f"patch of frame {patch.frame} at {patch.left},{patch.top} leaves the picture")


def _upright(frame: av.VideoFrame, quarter_turns: int) -> list[npt.NDArray[Any]]:
    return [np.rot90(plane, quarter_turns) for plane in stored_planes(frame)]


def _add(plane: npt.NDArray[Any], difference: npt.NDArray[np.int32], top: int, left: int,
         reduced_shape: Sequence[int], largest: int) -> None:
    """Add a difference found at 4:2:0 to a plane that may have more samples in either direction."""
    down = 2 if plane.shape[0] > reduced_shape[0] else 1
    right = 2 if plane.shape[1] > reduced_shape[1] else 1
    finer = np.repeat(np.repeat(difference, down, axis=0), right, axis=1)
    target = plane[top * down : top * down + finer.shape[0], left * right : left * right + finer.shape[1]]
    target[:] = np.clip(target.astype(np.int32) + finer[: target.shape[0], : target.shape[1]], 0, largest)
