"""Hands near a face: palm detector, hand landmarks, and how much of a mouth the hand covers."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.face.detector import PALM_ANCHORS, decode, letterbox
from lipsync_core.face.mesh import OUTER_LIPS, Roi
from lipsync_core.face.models import FaceModels
from lipsync_core.face.video import Picture

Float = npt.NDArray[np.float32]

_MIN_PALM, _MIN_HAND = 0.5, 0.5
# MediaPipe's palm rectangle: turned so that the fingers point up, moved towards them and enlarged.
_PALM_SHIFT, _PALM_SCALE = 0.5, 2.6
_WRIST, _MIDDLE_KNUCKLE = 0, 2
_BONES = ((0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (5, 6), (6, 7), (7, 8), (5, 9), (9, 10), (10, 11), (11, 12),
          (9, 13), (13, 14), (14, 15), (15, 16), (13, 17), (0, 17), (17, 18), (18, 19), (19, 20))
_PALM_OUTLINE = (0, 1, 5, 9, 13, 17)


class HandFinder:
    """Looks for hands around a face; two networks, so ask for it rarely."""

    def __init__(self, models: FaceModels) -> None:
        self._palm, self._hand = models.palm, models.hand

    def near(self, picture: Picture, centre: Float, size: float) -> list[Float]:
        """Hands [21, 2] in pixels within a square of ``size`` around ``centre``."""
        top, left = (max(int(c - size / 2), 0) // 2 * 2 for c in (centre[1], centre[0]))
        bottom, right = (int(c + size / 2) for c in (centre[1], centre[0]))
        if bottom - top < 16 or right - left < 16 or top >= picture.height - 16 or left >= picture.width - 16:
            return []
        square, scale = letterbox(picture, top, left, bottom - top, right - left, self._palm.height)
        scores, boxes, points = decode(self._palm(square / 255), PALM_ANCHORS, self._palm.height, _MIN_PALM)
        hands: list[Float] = []
        for i in np.argsort(-scores)[:8]:
            hand = self._landmarks(picture, boxes[i] / scale + [left, top] * 2, points[i] / scale + [left, top])
            if hand is not None and all(np.linalg.norm(hand.mean(0) - h.mean(0)) > np.ptp(h) / 4 for h in hands):
                hands.append(hand)
            if len(hands) == 2:
                break
        return hands

    def _landmarks(self, picture: Picture, box: Any, points: Any) -> Float | None:
        forward = points[_MIDDLE_KNUCKLE] - points[_WRIST]
        angle = float(np.arctan2(forward[0], -forward[1]))
        side = float(max(box[2] - box[0], box[3] - box[1]))
        x, y = (box[:2] + box[2:]) / 2 + _PALM_SHIFT * side * np.array([np.sin(angle), -np.cos(angle)])
        matrix = Roi(float(x), float(y), _PALM_SCALE * side, angle).matrix(self._hand.height)
        crop = picture.warp_rgb(matrix, self._hand.height, self._hand.width)
        found, presence = self._hand(crop.astype(np.float32) / 255)[:2]
        if float(presence.item()) < _MIN_HAND:
            return None
        inverse = cv2.invertAffineTransform(matrix)
        flat = found.reshape(21, 3)[:, :2] @ inverse[:, :2].T + inverse[:, 2]
        return flat.astype(np.float32)


def covered_share(hand: Float, points: Float) -> float:
    """Share of the lips (mesh [468, 3]) that lies under a hand [21, 2], in [0, 1]."""
    lips = points[list(OUTER_LIPS), :2]
    low, size = lips.min(0), max(float(np.ptp(lips, axis=0).max()), 1.0)
    scale = 64 / size
    to_mask = [np.round((p - low) * scale).astype(np.int32) + 8 for p in (lips, hand)]
    mouth, cover = np.zeros((80, 80), np.uint8), np.zeros((80, 80), np.uint8)
    cv2.fillPoly(mouth, [to_mask[0]], 1)
    # A finger is about a fifth as thick as the palm is long.
    thick = max(int(0.22 * scale * float(np.linalg.norm(hand[9] - hand[0]))), 1)
    cv2.fillPoly(cover, [to_mask[1][list(_PALM_OUTLINE)]], 1)
    for a, b in _BONES:
        cv2.line(cover, to_mask[1][a].tolist(), to_mask[1][b].tolist(), 1, thick)
    return float((mouth & cover).sum() / max(int(mouth.sum()), 1))
