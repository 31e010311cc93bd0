"""Face detection in whole pictures and in tiles of them, for faces from close-up down to about 1 % of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipsync_core.face.models import FaceModels, Network, anchor_grid, sigmoid
from lipsync_core.face.video import Picture

Float = npt.NDArray[np.float32]

FULL_RANGE_ANCHORS = anchor_grid(192, ((4, 1),))
SHORT_RANGE_ANCHORS = anchor_grid(128, ((8, 2), (16, 6)))
PALM_ANCHORS = anchor_grid(192, ((8, 2), (16, 6)))

MIN_SCORE = 0.6
# Below this share of a tile's side the detector is unsure, and a smaller tile looks again.
SMALL_FACE = 0.12


@dataclass(frozen=True, slots=True)
class Detection:
    """box: left, top, right, bottom; points: float32 [K, 2]; all in pixels of the picture.

    For faces the points are the picture-left eye, picture-right eye, nose tip, mouth and the two ears.
    """

    score: float
    box: Float
    points: Float

    @property
    def size(self) -> float:
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))

    @property
    def centre(self) -> Float:
        return (self.box[:2] + self.box[2:]) / 2


def letterbox(picture: Picture, top: int, left: int, height: int, width: int, side: int) -> tuple[Float, float]:
    """A region of the picture in the top-left corner of a square [side, side, 3] of values 0 to 255, and its scale."""
    bottom, right = min(top + height, picture.height), min(left + width, picture.width)
    top, left = max(top, 0) // 2 * 2, max(left, 0) // 2 * 2
    scale = side / max(bottom - top, right - left)
    rows, cols = (max(1, min(side, round(n * scale))) for n in (bottom - top, right - left))
    square = np.zeros((side, side, 3), np.float32)
    square[:rows, :cols] = picture.resized_rgb(top, left, bottom - top, right - left, rows, cols)
    return square, scale


def decode(outputs: list[Float], anchors: Float, side: int, min_score: float) -> tuple[Float, Float, Float]:
    """Scores [N], boxes [N, 4] and points [N, K, 2] above ``min_score``, in input pixels."""
    raw, logits = (outputs if outputs[0].shape[-1] > 1 else outputs[::-1])[:2]
    scores = sigmoid(logits.reshape(-1))
    keep = np.flatnonzero(scores >= min_score)
    raw, centre = raw[0, keep], anchors[keep] * side
    middle, half = raw[:, :2] + centre, raw[:, 2:4] / 2
    points = raw[:, 4:].reshape(len(keep), raw.shape[-1] // 2 - 2, 2) + centre[:, None]
    return scores[keep], np.concatenate([middle - half, middle + half], 1), points


def overlap(box: Float, others: Float) -> Float:
    """Intersection over union of one box [4] with others [N, 4]."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    inside = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    return inside / np.maximum(areas - inside, 1e-6)


def suppress(found: list[Detection], threshold: float = 0.3) -> list[Detection]:
    """Weighted non-maximum suppression (BlazeFace): overlapping detections become their score-weighted mean."""
    left = sorted(found, key=lambda d: -d.score)
    kept = []
    while left:
        boxes = np.stack([d.box for d in left])
        near = overlap(left[0].box, boxes) > threshold
        near[0] = True
        group = [d for d, n in zip(left, near, strict=True) if n]
        weights = np.array([d.score for d in group], np.float32)
        weights /= weights.sum()
        box = np.tensordot(weights, np.stack([d.box for d in group]), 1)
        points = np.tensordot(weights, np.stack([d.points for d in group]), 1)
        kept.append(Detection(left[0].score, box, points))
        left = [d for d, n in zip(left, near, strict=True) if not n]
    return kept


class FaceDetector:
    """Finds faces of any size; see ``whole``, ``region`` and ``everywhere`` for what each costs."""

    def __init__(self, models: FaceModels) -> None:
        self._models = models

    def whole(self, picture: Picture) -> list[Detection]:
        """One network run on the whole picture."""
        return self.region(picture, 0, 0, picture.height, picture.width)

    def region(self, picture: Picture, top: int, left: int, height: int, width: int,
               min_score: float = MIN_SCORE) -> list[Detection]:
        """One network run on a rectangle (clipped to the picture)."""
        network: Network = self._models.full_range
        top, left = max(top, 0) // 2 * 2, max(left, 0) // 2 * 2
        if top >= picture.height - 8 or left >= picture.width - 8:
            return []
        square, scale = letterbox(picture, top, left, height, width, network.height)
        scores, boxes, points = decode(network(square / 127.5 - 1), FULL_RANGE_ANCHORS, network.height, min_score)
        origin = np.array([left, top], np.float32)
        return suppress([
            Detection(float(score), box / np.float32(scale) + np.tile(origin, 2), pts / np.float32(scale) + origin)
            for score, box, pts in zip(scores, boxes, points, strict=True)
        ])

    def near(self, picture: Picture, centre: Float, size: float) -> list[Detection]:
        """One network run around a place where a face of about ``size`` pixels is expected."""
        side = int(max(size * 3, 48))
        top, left = int(centre[1] - side / 2), int(centre[0] - side / 2)
        return self.region(picture, top, left, side + min(top, 0), side + min(left, 0))

    def close_up(self, picture: Picture) -> list[Detection]:
        """The short-range network, which also knows faces that fill the picture."""
        if not self._models.has("face_detection_short_range"):
            return []
        network = self._models.short_range
        square, scale = letterbox(picture, 0, 0, picture.height, picture.width, network.height)
        scores, boxes, points = decode(network(square / 127.5 - 1), SHORT_RANGE_ANCHORS, network.height, MIN_SCORE)
        return suppress([Detection(float(s), (b / scale).astype(np.float32), (p / scale).astype(np.float32))
                         for s, b, p in zip(scores, boxes, points, strict=True)])

    def everywhere(self, picture: Picture) -> list[Detection]:
        """Whole picture first; tiles and the close-up network where that finds nothing or only small faces.

        Up to about twelve network runs: for the first frame of a shot.
        """
        found = self.whole(picture)
        found += [d for d in self.close_up(picture)
                  if not found or overlap(d.box, np.stack([f.box for f in found])).max() < 0.2]
        longest = max(picture.height, picture.width)
        if found and min(d.size for d in found) > SMALL_FACE * longest:
            return found
        for level in (1,) if found else (1, 2):
            for tile in tiles(picture.height, picture.width, level):
                found += [d for d in self.region(picture, *tile) if _inside(d, tile, picture)]
            if found:
                break
        return suppress(found)


def tiles(height: int, width: int, level: int) -> list[tuple[int, int, int, int]]:
    """Overlapping squares (top, left, height, width) that cover the picture.

    Level 1: squares of the short side (of 60 % of it when the picture is nearly square); level 2: half of that.
    """
    short, long = min(height, width), max(height, width)
    side = int((short if long > 1.3 * short else 0.6 * short) / (1 if level == 1 else 2))
    starts = [_starts(n, side) for n in (height, width)]
    return [(top, left, side, side) for top in starts[0] for left in starts[1]]


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / (0.75 * side))) + 1
    return [int(s) for s in np.linspace(0, length - side, count)]


def _inside(found: Detection, tile: tuple[int, int, int, int], picture: Picture) -> bool:
    """A face cut by a tile's inner edge is left to the neighbouring tile."""
    top, left, height, width = tile
    margin = 0.02 * height
    x, y = found.points[:4, 0], found.points[:4, 1]
    low_x = left == 0 or x.min() > left + margin
    high_x = left + width >= picture.width or x.max() < left + width - margin
    low_y = top == 0 or y.min() > top + margin
    high_y = top + height >= picture.height or y.max() < top + height - margin
    return bool(low_x and high_x and low_y and high_y)
