"""Is something in front of the mouth? Colours around the lips against their own history, and hands.

Each mesh point of the lower face has a running colour. Speech and light change these colours a little and
smoothly; a hand, a microphone or a cup changes many of them at once. Hands are skin too, so a suspicion is
enough to ask the hand networks; a strong change counts by itself.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from lipsync_core.face.hands import HandFinder, covered_share
from lipsync_core.face.mesh import Roi, eye_distance, head_pose
from lipsync_core.face.models import FaceModels
from lipsync_core.face.video import Picture, warp_plane

Float = npt.NDArray[np.float32]

# Philtrum, cheeks beside the mouth, chin: skin that stays skin while lips move.
RING = (2, 164, 167, 393, 92, 322, 165, 391, 186, 410, 57, 287, 43, 273, 106, 335, 182, 406, 83, 313, 18,
        200, 201, 421, 208, 428, 199, 194, 418, 204, 424, 202, 422, 212, 432, 216, 436, 206, 426, 203, 423,
        205, 425, 214, 434, 210, 430, 211, 431, 32, 262)
_CROP = 64
# Frames until the running colour is trusted, its memory in comparisons, and its memory of a changed look.
_LEARN, _MEMORY, _SLOW_MEMORY = 8, 20, 200
_LIGHT_FLOOR, _CHROMA_FLOOR = 0.08, 3.0
# Share of changed points that is suspicious, and shares between which it counts without a hand found.
SUSPICIOUS, _OBJECT_FROM, _OBJECT_FULL = 0.08, 0.2, 0.45
_LOOK_EVERY, _WATCH_EVERY, _WATCH_FRAMES = 16, 4, 12
# Hiding is slow compared with speech: colours are compared in every second frame.
_COMPARE_EVERY = 2
# Frames by which a hidden stretch is widened, and the longest free stretch inside one that is not believed.
_WIDEN, _CLOSE = 2, 12
_HAND_FROM, _HAND_FULL = 0.03, 0.2


class MouthWatch:
    """Follows one face; ``step`` once per tracked frame."""

    def __init__(self, models: FaceModels) -> None:
        self._models = models
        self._finder: HandFinder | None = None
        self._mean: Float | None = None
        self._spread: Float | None = None
        self._pose = np.zeros(3, np.float32)
        self._seen = 0
        self._watch_until = -1
        self._suspected = False
        self._hand_share = self._last_change = 0.0

    def step(self, picture: Picture, points: Float) -> float:
        """How hidden the mouth of this mesh is, in [0, 1]."""
        number = self._seen
        self._seen += 1
        if number % _COMPARE_EVERY == 0:
            self._last_change = self._changed(picture, points)
        changed = self._last_change
        if changed > SUSPICIOUS:
            self._watch_until = number + _WATCH_FRAMES
        if self._models.has_hands and number % (_WATCH_EVERY if number <= self._watch_until else _LOOK_EVERY) == 0:
            seen = self._look_for_hands(picture, points)
            # The networks now and then see a hand in a bare face: without any change of colour, ask twice.
            believed = changed > SUSPICIOUS / 2 or self._suspected
            self._hand_share = seen if believed else 0.0
            self._suspected = seen > 0
            if seen > 0:
                self._watch_until = number + _WATCH_FRAMES
        hand = _ramp(self._hand_share, _HAND_FROM, _HAND_FULL)
        return float(max(hand, _ramp(changed, _OBJECT_FROM, _OBJECT_FULL)))

    def _look_for_hands(self, picture: Picture, points: Float) -> float:
        if self._finder is None:
            self._finder = HandFinder(self._models)
        size = float(np.ptp(points[:, :2], axis=0).max())
        centre = points[list(RING), :2].mean(0)
        return max((covered_share(h, points) for h in self._finder.near(picture, centre, 2.2 * size)), default=0.0)

    def _changed(self, picture: Picture, points: Float) -> float:
        """Share of the ring's points whose colour left its usual range."""
        look = ring_colours(picture, points)
        pose = head_pose(points)
        if self._mean is None or self._spread is None:
            self._mean, self._spread, self._pose = look, np.zeros_like(look), pose
            return 0.0
        off = np.abs(look - self._mean)
        # A turned head is lit differently: allow more the farther it is from the pose that was learnt.
        allowance = 1 + float(np.abs(pose - self._pose)[:2].sum()) / 15
        light = off[:, 0] / ((_LIGHT_FLOOR + 3 * self._spread[:, 0]) * allowance)
        chroma = (off[:, 1:] / ((_CHROMA_FLOOR + 3 * self._spread[:, 1:]) * allowance)).max(1)
        excess = np.maximum(light, chroma)
        learnt = self._seen > _LEARN
        changed = float((excess > 1).mean()) if learnt else 0.0
        # What looks strange is learnt slowly, or an object that stays would soon be part of the face.
        usual = min(self._seen // _COMPARE_EVERY + 1, _MEMORY)
        memory = np.where(learnt & (excess > 0.7), _SLOW_MEMORY, usual)[:, None]
        if changed > SUSPICIOUS:
            memory = np.full_like(memory, _SLOW_MEMORY)
        self._mean += (look - self._mean) / memory
        self._spread += (off - self._spread) / memory
        memory = float(memory.min())
        self._pose = self._pose + (pose - self._pose) / memory
        return changed


def steady(hidden: Float) -> Float:
    """Close short openings in a hidden stretch and widen it a little; hidden: [T] of neighbouring frames."""
    closed = minimum_filter1d(maximum_filter1d(hidden, _CLOSE + 1), _CLOSE + 1)
    return maximum_filter1d(np.maximum(closed, hidden), 2 * _WIDEN + 1)


def ring_colours(picture: Picture, points: Float) -> Float:
    """float32 [len(RING), 3]: log luma relative to the ring's own middle, and U and V around grey."""
    ring = points[list(RING), :2]
    centre = (ring.min(0) + ring.max(0)) / 2
    roi = Roi(float(centre[0]), float(centre[1]), 1.25 * max(float(np.ptp(ring, axis=0).max()),
                                                             0.8 * float(eye_distance(points))), 0.0)
    matrix = roi.matrix(_CROP)
    half = matrix.copy()
    half[:, 2] += 0.5 * half[:, :2].sum(1)
    half[:, :2] *= 2
    planes = [warp_plane(p, m, _CROP, _CROP).astype(np.float32)
              for p, m in ((picture.y, matrix), (picture.u, half), (picture.v, half))]
    soft = cv2.GaussianBlur(cv2.merge(planes), (0, 0), 1.2)
    at = (ring @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    look = cv2.remap(soft, at[None, :, :1], at[None, :, 1:], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
    light = np.log(np.maximum(look[:, 0], 8.0))
    return np.column_stack([light - np.median(light), look[:, 1] - 128, look[:, 2] - 128]).astype(np.float32)


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0, 1))
