"""Mouth patches: what lip-sync hands to whoever writes the video.

A patch replaces one rectangle of one frame with finished pixels (already blended: nothing outside the
matte differs from the source). Patches of one utterance lie in one folder: ``patches.json`` with the
frame numbers and rectangles, and ``patches.mkv``, a lossless yuv420p video that holds the rectangles
padded to one size. Coordinates are pixels of the upright picture; x, y, height and width are even, so
chroma planes line up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipsync_core.native_log import mute_ffmpeg

Plane = npt.NDArray[np.uint8]

INDEX, VIDEO = "patches.json", "patches.mkv"


@dataclass(frozen=True, slots=True)
class Patch:
    """``y`` is [height, width], ``u`` and ``v`` [height/2, width/2]; ``left``/``top`` in luma pixels."""

    frame: int
    left: int
    top: int
    y: Plane
    u: Plane
    v: Plane


class PatchWriter:
    """Writes patches in frame order; use as a context manager. All patches must fit ``height, width``."""

    def __init__(self, folder: Path, height: int, width: int) -> None:
        if height % 2 or width % 2 or min(height, width) < 2:
            raise ValueError(f"patch size {height}x{width} is not even and positive")
        self.folder, self.height, self.width = Path(folder), height, width
        self._index: list[list[int]] = []
        self._container: Any = None
        self._stream: Any = None

    def __enter__(self) -> PatchWriter:
        import av

        mute_ffmpeg()
        self._container = av.open(str(self.folder / VIDEO), "w", format="matroska")
        self._stream = self._container.add_stream("ffv1", rate=Fraction(25))
        self._stream.width, self._stream.height, self._stream.pix_fmt = self.width, self.height, "yuv420p"
        # One slice group per frame and no inter-frame state: any patch can be read after a seek.
        self._stream.options = {"level": "3", "g": "1", "slices": "4", "slicecrc": "1"}
        return self

    def __len__(self) -> int:
        """Patches written so far."""
        return len(self._index)

    def write(self, patch: Patch) -> None:
        import av

        height, width = patch.y.shape
        if patch.left % 2 or patch.top % 2 or height % 2 or width % 2:
            raise ValueError("patch rectangles must be even")
        if height > self.height or width > self.width:
            raise ValueError(f"patch {height}x{width} does not fit {self.height}x{self.width}")
        if self._index and patch.frame <= self._index[-1][0]:
            raise ValueError("patches must come in frame order")
        assert self._stream is not None and self._container is not None
        planes = [np.zeros((self.height, self.width), np.uint8)]
        planes += [np.full((self.height // 2, self.width // 2), 128, np.uint8) for _ in range(2)]
        for whole, part in zip(planes, (patch.y, patch.u, patch.v), strict=True):
            whole[: part.shape[0], : part.shape[1]] = part
        stacked = np.concatenate([p.reshape(-1) for p in planes]).reshape(self.height * 3 // 2, self.width)
        frame = av.VideoFrame.from_ndarray(stacked, format="yuv420p")
        frame.pts = len(self._index)
        self._container.mux(self._stream.encode(frame))
        self._index.append([patch.frame, patch.left, patch.top, height, width])

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        assert self._stream is not None and self._container is not None
        if kind is None and self._index:
            self._container.mux(self._stream.encode())
        self._container.close()
        if not self._index:
            (self.folder / VIDEO).unlink(missing_ok=True)
        if kind is None:
            index = {"height": self.height, "width": self.width, "patches": self._index}
            (self.folder / INDEX).write_text(json.dumps(index))


def patched_frames(folder: Path) -> list[int]:
    """The frame numbers that a folder of patches repaints, in order; empty when it holds none."""
    return [row[0] for row in json.loads((Path(folder) / INDEX).read_text())["patches"]]


def patched_boxes(folder: Path) -> list[tuple[int, int, int, int]]:
    """(left, top, height, width) of every patch of a folder, in frame order."""
    return [(row[1], row[2], row[3], row[4]) for row in json.loads((Path(folder) / INDEX).read_text())["patches"]]


def read_patches(folder: Path) -> Iterator[Patch]:
    """Yield the patches of a folder in frame order, one decoded frame in memory at a time."""
    import av

    index = json.loads((Path(folder) / INDEX).read_text())
    if not index["patches"]:
        return
    height, width = index["height"], index["width"]
    mute_ffmpeg()
    with av.open(str(Path(folder) / VIDEO)) as container:
        for row, frame in zip(index["patches"], container.decode(video=0), strict=True):
            number, left, top, h, w = row
            planes: Plane = np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8)
            y = planes[:height]
            chroma = planes[height:].reshape(2, height // 2, width // 2)
            yield Patch(number, left, top, y[:h, :w].copy(), chroma[0, : h // 2, : w // 2].copy(),
                        chroma[1, : h // 2, : w // 2].copy())
