"""The 468-point face mesh: rotated crop, network, points back in picture pixels, and what is read off them.

Point numbers are those of MediaPipe's canonical face; "left" and "right" mean sides of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.face.detector import Detection
from lipsync_core.face.models import FaceModels, sigmoid
from lipsync_core.face.types import MESH_POINTS
from lipsync_core.face.video import Picture, warp_plane

Float = npt.NDArray[np.float32]

OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
INNER_LIPS = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
LIPS = OUTER_LIPS + INNER_LIPS
LEFT_EYE, RIGHT_EYE = (33, 133), (362, 263)
# Bone-bound points that speech does not move: eye corners, nose bridge, temples, brow line, forehead.
RIGID = (33, 133, 263, 362, 168, 6, 197, 195, 5, 4, 234, 454, 127, 356, 10, 109, 338, 21, 251, 54, 284, 162, 389,
         67, 297)
# Left and right twins, for the direction from ear to ear.
_LEFT_SIDE = (33, 133, 234, 127, 93, 132, 61, 50, 70, 54, 129, 205)
_RIGHT_SIDE = (263, 362, 454, 356, 323, 361, 291, 280, 300, 284, 358, 425)
_BROW_LINE, _MOUTH_LINE = (33, 133, 263, 362), (61, 291)
FACE_OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
             148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)

CROP_MARGIN = 1.5
MOUTH_CROP = (48, 64)


@dataclass(frozen=True, slots=True)
class Roi:
    """A rotated square: centre and side in pixels, angle in radians (clockwise in the picture)."""

    x: float
    y: float
    side: float
    angle: float

    def matrix(self, size: int) -> npt.NDArray[np.float64]:
        """[2, 3] affine map from picture pixels to a crop of ``size`` pixels."""
        scale = size / self.side
        cos, sin = scale * np.cos(self.angle), scale * np.sin(self.angle)
        linear = np.array([[cos, sin], [-sin, cos]])
        shift = np.array([(size - 1) / 2] * 2) - linear @ np.array([self.x, self.y])
        return np.column_stack([linear, shift])


def roi_from_detection(found: Detection) -> Roi:
    eyes = found.points[1] - found.points[0]
    x, y = found.centre
    return Roi(float(x), float(y), found.size * CROP_MARGIN, float(np.arctan2(eyes[1], eyes[0])))


def roi_from_points(points: Float) -> Roi:
    """The square in which to look for a face whose mesh [468, 2 or 3] is known."""
    points = points[:, :2]
    eyes = points[list(RIGHT_EYE)].mean(0) - points[list(LEFT_EYE)].mean(0)
    angle = float(np.arctan2(eyes[1], eyes[0]))
    cos, sin = np.cos(angle), np.sin(angle)
    upright = points @ np.array([[cos, -sin], [sin, cos]], np.float32)
    low, high = upright.min(0), upright.max(0)
    x, y = np.array([[cos, -sin], [sin, cos]]) @ ((low + high) / 2)
    return Roi(float(x), float(y), float((high - low).max()) * CROP_MARGIN, angle)


class FaceMesh:
    """Runs the mesh network on one face."""

    def __init__(self, models: FaceModels) -> None:
        self._network = models.mesh

    def __call__(self, picture: Picture, roi: Roi) -> tuple[Float, float]:
        """points: float32 [468, 3] in picture pixels (z in the same scale, smaller is nearer); presence in [0, 1]."""
        size = self._network.height
        matrix = roi.matrix(size)
        crop = picture.warp_rgb(matrix, size, size)
        outputs = self._network(crop.astype(np.float32) / 255)
        raw = next(o for o in outputs if o.size == MESH_POINTS * 3).reshape(MESH_POINTS, 3)
        logit = next(o for o in outputs if o.size == 1)
        inverse = cv2.invertAffineTransform(matrix)
        points = np.empty_like(raw)
        # The network counts pixel edges from 0, a warped crop counts pixel centres.
        points[:, :2] = (raw[:, :2] - 0.5) @ inverse[:, :2].T + inverse[:, 2]
        points[:, 2] = raw[:, 2] * (roi.side / size)
        return points, float(sigmoid(logit).item())


def eye_distance(points: Float) -> npt.NDArray[np.float32]:
    """Between the outer eye corners, in three dimensions (a turned head keeps its size). points: [..., 468, 3]."""
    return np.linalg.norm(points[..., 263, :] - points[..., 33, :], axis=-1)


def lip_opening(points: Float) -> npt.NDArray[np.float32]:
    """Gap between the inner lips over the eye distance, for points [..., 468, 3]."""
    upper, lower = points[..., (82, 13, 312), :], points[..., (87, 14, 317), :]
    return np.linalg.norm(upper - lower, axis=-1).mean(-1) / np.maximum(eye_distance(points), 1e-6)


def head_pose(points: Float) -> Float:
    """Yaw, pitch, roll in degrees, float32 [..., 3], of meshes [..., 468, 3].

    Yaw > 0: turned to the picture's right; pitch > 0: looking up; roll > 0: tilted clockwise in the picture.
    Pitch is 0 where eyes and mouth corners are equally far away from the camera.
    """
    points = np.asarray(points, np.float64)
    across = (points[..., _RIGHT_SIDE, :] - points[..., _LEFT_SIDE, :]).sum(-2)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    down = points[..., _MOUTH_LINE, :].mean(-2) - points[..., _BROW_LINE, :].mean(-2)
    down -= (down * across).sum(-1, keepdims=True) * across
    down /= np.linalg.norm(down, axis=-1, keepdims=True)
    yaw = np.arctan2(across[..., 2], np.hypot(across[..., 0], across[..., 1]))
    roll = np.arctan2(across[..., 1], across[..., 0])
    # Undo roll and yaw, then the rest of the downward axis is pitch.
    flat = down[..., 0] * -np.sin(roll) + down[..., 1] * np.cos(roll)
    along = down[..., 0] * np.cos(roll) + down[..., 1] * np.sin(roll)
    depth = down[..., 2] * np.cos(yaw) - along * np.sin(yaw)
    pitch = np.arctan2(-depth, flat)
    return np.degrees(np.stack([yaw, pitch, roll], -1)).astype(np.float32)


def mouth_roi(points: Float) -> tuple[npt.NDArray[np.float64], int, int]:
    """[2, 3] map into a fixed crop around the mouth that follows the head, and the crop's height and width."""
    height, width = MOUTH_CROP
    eyes = points[list(RIGHT_EYE), :2].mean(0) - points[list(LEFT_EYE), :2].mean(0)
    angle = float(np.arctan2(eyes[1], eyes[0]))
    centre = points[list(OUTER_LIPS), :2].mean(0)
    matrix = Roi(float(centre[0]), float(centre[1]), float(eye_distance(points)) * 1.1, angle).matrix(width)
    matrix[1, 2] -= (width - height) / 2
    return matrix, height, width


def mouth_sharpness(picture: Picture, points: Float) -> float:
    """Laplacian variance of the mouth in luma, at a crop of fixed size."""
    crop = warp_plane(picture.y, *mouth_roi(points))
    return float(cv2.Laplacian(crop, cv2.CV_32F).var())
