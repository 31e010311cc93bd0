"""The square that a Wav2Lip-like network sees of each frame, from the mesh.

The public network was trained on boxes of the S3FD detector, stretched to 96 x 96: hairline to chin, ear to ear, and at
inference 10 pixels more at the bottom. That puts the eyes at some 0.37 of the height and the lips at 0.7 to 0.75 (an
estimate from what such detectors enclose, not measured on the public weights). Here the same box comes from the mesh,
whose own top is the middle of the forehead. Three differences are left that a network does not mind and a viewer does:
it turns with the head's roll, so that the mouth stays in the masked half; its size changes slowly, relative to the
eyes, so that it does not pump with the jaw; and its lower edge lies below the lowest chin of the half second around, so
that an open jaw fits whatever the network makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from lipsync_core.face.mesh import FACE_OVAL, eye_distance
from lipsync_core.face.types import FaceTrack

CHIN, EYES = 152, (33, 263)
#: Beyond the mesh, as shares of its height: up to the hairline, and below the lowest chin.
TOP_PAD, BOTTOM_PAD = 0.09, 0.05
_SLOW_FRAMES, _STEADY_FRAMES = 6.0, 1.5
_JAW_FRAMES = 25

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes of one track's frames [T].

    matrices: [T, 2, 3] from picture pixels to the unit square, (0, 0) its upper left edge, (1, 1) its lower right.
    corners: [T, 4, 2] in picture pixels, clockwise from the upper left.
    """

    frames: npt.NDArray[np.int32]
    matrices: Floats
    corners: Floats

    def crop_matrix(self, index: int, size: int) -> Floats:
        """[2, 3] from picture pixels to the pixels of a ``size`` x ``size`` crop (pixel centres are whole numbers)."""
        matrix = self.matrices[index] * size
        matrix[:, 2] -= 0.5
        return matrix


def face_boxes(track: FaceTrack, top_pad: float = TOP_PAD, bottom_pad: float = BOTTOM_PAD) -> Boxes:
    """The box of every frame of ``track``; pads as shares of the mesh's height."""
    points = track.points.astype(np.float64)
    left_eye, right_eye = points[:, EYES[0], :2], points[:, EYES[1], :2]
    middle, across = (left_eye + right_eye) / 2, right_eye - left_eye
    runs = np.split(np.arange(len(points)), np.flatnonzero(np.diff(track.frames) != 1) + 1)
    axis = _each(runs, across / np.linalg.norm(across, axis=1, keepdims=True), _STEADY_FRAMES)
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    unit = _each(runs, eye_distance(points), _SLOW_FRAMES)
    turn = np.stack([axis, np.stack([-axis[:, 1], axis[:, 0]], 1)], 1)
    outline = points[:, [*FACE_OVAL, CHIN], :2] - middle[:, None]
    upright = np.einsum("tij,tkj->tki", turn, outline) / unit[:, None, None]
    left, right = (_each(runs, edge, _SLOW_FRAMES) for edge in (upright[..., 0].min(1), upright[..., 0].max(1)))
    top = _each(runs, upright[..., 1].min(1), _SLOW_FRAMES)
    lowest = upright[..., 1].max(1)
    for run in runs:
        lowest[run] = maximum_filter1d(lowest[run], _JAW_FRAMES, mode="nearest")
    bottom = _each(runs, lowest, _SLOW_FRAMES)
    top, bottom = top - top_pad * (bottom - top), bottom + bottom_pad * (bottom - top)
    low, size = np.stack([left, top], 1), np.stack([right - left, bottom - top], 1)
    linear = turn / unit[:, None, None] / size[:, :, None]
    shift = -np.einsum("tij,tj->ti", linear, middle) - low / size
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]) * size[:, None] + low[:, None]
    corners = np.einsum("tji,tkj->tki", turn, square) * unit[:, None, None] + middle[:, None]
    return Boxes(track.frames, np.concatenate([linear, shift[:, :, None]], 2), corners)


def _each(runs: list[npt.NDArray[np.intp]], values: Floats, sigma: float) -> Floats:
    """Smooth along time within each unbroken run of frames."""
    out = np.array(values, np.float64)
    for run in runs:
        out[run] = gaussian_filter1d(out[run], sigma, axis=0, mode="nearest")
    return out
