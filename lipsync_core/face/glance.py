"""A glance at a video: its faces in single pictures and its cuts in short stretches, without tracking anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lipsync_core.face.detector import FaceDetector
from lipsync_core.face.mesh import FACE_OVAL, FaceMesh, head_pose, roi_from_detection, roi_from_points
from lipsync_core.face.models import FaceModels
from lipsync_core.face.shots import with_shots
from lipsync_core.face.video import Picture, VideoSource

#: Presence of the mesh from which a detection counts as a face.
_PRESENT = 0.7


@dataclass(frozen=True, slots=True)
class Glimpsed:
    """A face in one picture: its height over the picture's, its height in pixels, yaw and pitch in degrees."""

    height_share: float
    height: float
    yaw: float
    pitch: float


def glance(video: Path, models: FaceModels, times_ms: Sequence[float]) -> list[list[Glimpsed]]:
    """The faces in pictures near ``times_ms`` (rising), largest first. Raises VideoError for an unreadable file.

    Where a key frame is near enough it is taken, which is much faster.
    """
    source = VideoSource(video)
    detector, mesh = FaceDetector(models), FaceMesh(models)
    found = []
    apart = (times_ms[-1] - times_ms[0]) / (len(times_ms) - 1) if len(times_ms) > 1 else 0.0
    for time_ms in times_ms:
        number = max(0, int(time_ms * source.rate / 1000))
        key = source.key_frame_before(number)
        if (number - key) * 1000 / source.rate < apart / 2:
            number = key
        picture = next(source.frames(number, number + 1), None)
        found.append([] if picture is None else _faces(picture, detector, mesh))
    return found


def count_cuts(video: Path, spans: Sequence[tuple[float, float]]) -> int:
    """How many shots end within ``spans`` (ms); the spans are decoded, nothing else."""
    source = VideoSource(video)
    cuts = 0
    for start_ms, end_ms in spans:
        frames = source.frames(int(start_ms * source.rate / 1000), int(end_ms * source.rate / 1000))
        cuts += max(sum(begins for _, begins in with_shots(frames)) - 1, 0)
    return cuts


def _faces(picture: Picture, detector: FaceDetector, mesh: FaceMesh) -> list[Glimpsed]:
    found = []
    for detection in detector.everywhere(picture):
        points, presence = mesh(picture, roi_from_detection(detection))
        if presence < _PRESENT:
            continue
        points, presence = mesh(picture, roi_from_points(points))
        if presence < _PRESENT:
            continue
        pose = head_pose(points[None])[0]
        height = float(np.ptp(points[list(FACE_OVAL), 1]))
        found.append(Glimpsed(height / picture.height, height, float(pose[0]), float(pose[1])))
    return sorted(found, key=lambda face: -face.height)
