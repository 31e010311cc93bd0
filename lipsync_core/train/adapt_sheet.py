"""A comparison as a picture: the real mouths and what each lip-sync made of them, one above the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.plan import Plates
from lipsync_core.face.video import Picture, VideoSource

_COLUMNS, _WIDTH, _HEIGHT, _BAND = 8, 176, 150, 20
_SIDE, _UP, _DOWN = 0.62, 0.42, 0.62
_BACKGROUND, _INK = 24, (235, 235, 235)


def write_sheet(path: Path, video: Path, plates: Plates, frames: npt.NDArray[np.int64], start: int,
                made: Mapping[str, Path]) -> None:
    """Write a PNG with one row for the truth and one for each of ``made`` (name -> file whose first frame is ``start``
    of ``video``), and a column for each of some ``frames``, evenly spread."""
    chosen = frames[np.unique(np.linspace(0, len(frames) - 1, min(_COLUMNS, len(frames))).round().astype(int))]
    row_of = {int(f): i for i, f in enumerate(plates.frames)}
    points = {int(f): plates.points[row_of[int(f)]] for f in chosen}
    files = {"truth": (video, 0), **{name: (file, start) for name, file in made.items()}}
    rows = [_row(name, file, first, points) for name, (file, first) in files.items()]
    if not cv2.imwrite(str(path), np.concatenate(rows)):
        raise OSError(f"{path} cannot be written")


def _row(name: str, file: Path, first: int, points: Mapping[int, npt.NDArray[np.float64]]) -> npt.NDArray[np.uint8]:
    low, high = min(points), max(points)
    cells = {picture.number + first: _cell(picture, points[picture.number + first])
             for picture in VideoSource(file).frames(low - first, high - first + 1) if picture.number + first in points}
    empty = np.full((_HEIGHT, _WIDTH, 3), _BACKGROUND, np.uint8)
    strip = np.concatenate([cells.get(frame, empty) for frame in points], 1)
    band = np.full((_BAND, strip.shape[1], 3), _BACKGROUND, np.uint8)
    cv2.putText(band, name, (4, _BAND - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
    return np.concatenate([band, strip])


def _cell(picture: Picture, points: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """The mouth, upright; BGR."""
    across = points[shape.EYES[1]] - points[shape.EYES[0]]
    down = np.array([-across[1], across[0]])
    middle = points[shape.OUTER_LIPS].mean(0)
    corners = np.float32([middle - _SIDE * across - _UP * down, middle + _SIDE * across - _UP * down,
                          middle - _SIDE * across + _DOWN * down])
    matrix = cv2.getAffineTransform(corners, np.float32([[0, 0], [_WIDTH, 0], [0, _HEIGHT]]))
    return np.ascontiguousarray(picture.warp_rgb(matrix, _HEIGHT, _WIDTH)[..., ::-1])
