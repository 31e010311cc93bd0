"""Pictures kept for a report while the files are read: a strip of every mouth, and small views of some."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.face.video import Picture

Rgb = npt.NDArray[np.uint8]

STRIP_HEIGHT, VIEW = 96, 176
_VIEW_WIDTH = 1.25
_STRIP_TOP, _STRIP_BOTTOM, _STRIP_WIDTH = 0.42, 1.3, 0.06
#: Views beyond this are thinned out: a report shows a dozen.
_MOST_VIEWS = 1500


class Album:
    """``strips[frame]`` and ``views[frame]`` are (original or None, judged).

    A strip is uint8 [96, 3], the line from the nose down over the middle of the lips, aligned by the eyes. A view is a
    JPEG of the lower face, 176 by 176 pixels.
    """

    def __init__(self) -> None:
        self.strips: dict[int, tuple[Rgb | None, Rgb]] = {}
        self.views: dict[int, tuple[bytes | None, bytes]] = {}
        self._every = 1

    def add(self, before: Picture | None, after: Picture, points: npt.NDArray[np.floating]) -> None:
        """One judged frame; ``points`` [468, 2] align both pictures."""
        points = points.astype(np.float64)
        first = None if before is None else _strip(before, points)
        self.strips[after.number] = (first, _strip(after, points))
        if after.number % self._every:
            return
        self.views[after.number] = (None if before is None else _view(before, points), _view(after, points))
        if len(self.views) > _MOST_VIEWS:
            self._every *= 2
            self.views = {k: v for k, v in self.views.items() if k % self._every == 0}

    def view(self, frame: int) -> tuple[Rgb | None, Rgb] | None:
        """The views nearest to ``frame``, unpacked; None in an empty album."""
        if not self.views:
            return None
        before, after = self.views[min(self.views, key=lambda k: abs(k - frame))]
        return (None if before is None else _unpacked(before)), _unpacked(after)


def _axes(points: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Unit vectors (one eye distance long) to the picture's right along the eyes, and down."""
    right = points[shape.EYES[1]] - points[shape.EYES[0]]
    return right, np.array([-right[1], right[0]])


def _crop(picture: Picture, origin: npt.NDArray[np.float64], right: npt.NDArray[np.float64],
          down: npt.NDArray[np.float64], height: int, width: int) -> Rgb:
    """The parallelogram from ``origin`` along ``right`` and ``down`` as ``height, width`` pixels."""
    corners = np.float32([origin, origin + right, origin + down])
    matrix = cv2.getAffineTransform(corners, np.float32([[0, 0], [width, 0], [0, height]]))
    return picture.warp_rgb(matrix, height, width)


def _strip(picture: Picture, points: npt.NDArray[np.float64]) -> Rgb:
    right, down = _axes(points)
    eyes = points[list(shape.EYES)].mean(0)
    middle = points[list(shape.CORNERS)].mean(0)
    origin = eyes + right * float((middle - eyes) @ right / (right @ right) - _STRIP_WIDTH / 2) + down * _STRIP_TOP
    seen = _crop(picture, origin, right * _STRIP_WIDTH, down * (_STRIP_BOTTOM - _STRIP_TOP), STRIP_HEIGHT, 5)
    return seen.mean(1).round().astype(np.uint8)


def _view(picture: Picture, points: npt.NDArray[np.float64]) -> bytes:
    right, down = _axes(points)
    corner = points[list(shape.CORNERS)].mean(0) - (right + down) * _VIEW_WIDTH / 2
    seen = _crop(picture, corner, right * _VIEW_WIDTH, down * _VIEW_WIDTH, VIEW, VIEW)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(seen, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not done:
        raise ValueError("a picture could not be packed")
    return data.tobytes()


def _unpacked(data: bytes) -> Rgb:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
