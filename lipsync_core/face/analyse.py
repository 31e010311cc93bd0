"""From a video file to every face track in it, in one pass over the pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipsync_core.face.mesh import FACE_OVAL, LIPS, head_pose
from lipsync_core.face.models import FaceModels
from lipsync_core.face.occlusion import steady
from lipsync_core.face.shots import with_shots
from lipsync_core.face.smoothing import bridge_gaps, smooth
from lipsync_core.face.tracker import RawTrack, ShotTracker
from lipsync_core.face.types import FaceAnalysis, FaceTrack
from lipsync_core.face.video import VideoSource

Float = npt.NDArray[np.float32]
Report = Callable[[int, int, str], None]

MIN_TRACK_FRAMES = 5
_REPORT_EVERY = 10
# Yaw and pitch (degrees) at which a mouth begins to be hard to repaint, and at which it is given up.
_YAW_FADE, _PITCH_FADE = (35.0, 48.0), (32.0, 45.0)


def analyse_video(video: Path, models: FaceModels, report: Report | None = None) -> FaceAnalysis:
    """Find and follow every face of ``video``.

    Reads the file once and keeps three pictures at a time. ``report(done, total, message)`` is called every few
    frames; total is 0 when the file does not say how long it is. Raises VideoError for an unreadable file.
    A video without a face gives an analysis without tracks.
    """
    source = VideoSource(video)
    times: list[float] = []
    starts: list[int] = []
    raw: list[RawTrack] = []
    tracker: ShotTracker | None = None
    for picture, shot_begins in with_shots(source.frames()):
        if shot_begins or tracker is None:
            starts.append(picture.number)
            first_id = 0
            if tracker is not None:
                raw += tracker.tracks
                first_id = tracker.next_id
            tracker = ShotTracker(models, len(starts) - 1, first_id)
        times.append(picture.time_ms)
        tracker.step(picture)
        if report is not None and picture.number % _REPORT_EVERY == 0:
            report(picture.number + 1, source.frame_count_hint, "Tracking faces")
    if tracker is not None:
        raw += tracker.tracks
    shots = np.array(list(zip(starts, [*starts[1:], len(times)], strict=True)), np.int32).reshape(-1, 2)
    size = (source.height, source.width)
    tracks = tuple(finish(t, size) for t in raw if len(t.frames) >= MIN_TRACK_FRAMES)
    if report is not None:
        report(len(times), len(times), "Tracking faces")
    return FaceAnalysis(*size, np.array(times, np.float64), shots, tracks)


def finish(raw: RawTrack, size: tuple[int, int]) -> FaceTrack:
    """Bridge, smooth and measure one raw track of a picture of ``size`` (height, width)."""
    measured = np.array(raw.frames, np.int32)
    frames, points, filled = bridge_gaps(measured, np.stack(raw.points))
    points = smooth(frames, points)
    hidden = steady(np.array(raw.hidden, np.float32))
    presence, sharpness, hidden = (
        np.interp(frames, measured, values).astype(np.float32) for values in (raw.presence, raw.sharpness, hidden))
    presence[filled] *= 0.5
    pose = head_pose(points)
    visibility = (1 - hidden) * pose_visibility(pose) * _inside(points, size) * _fade(presence, 0.3, 0.7)
    return FaceTrack(raw.id, raw.shot, frames, points, presence, pose, visibility.astype(np.float32), sharpness)


def pose_visibility(pose: Float) -> Float:
    """1 for a face turned towards the camera, 0 for a profile; pose: degrees [T, 3]."""
    yaw, pitch = (1 - _fade(np.abs(pose[:, i]), *limits) for i, limits in ((0, _YAW_FADE), (1, _PITCH_FADE)))
    return yaw * pitch


def _inside(points: Float, size: tuple[int, int]) -> Float:
    """1 while lips and chin are within the picture, 0 once a quarter of them is outside."""
    height, width = size
    lower = points[:, [*LIPS, *FACE_OVAL[14:23]], :2]
    outside = (lower[..., 0] < 0) | (lower[..., 0] > width - 1) | (lower[..., 1] < 0) | (lower[..., 1] > height - 1)
    return 1 - _fade(outside.mean(1), 0.05, 0.25)


def _fade(values: npt.ArrayLike, low: float, high: float) -> Float:
    """Smooth step from 0 below ``low`` to 1 above ``high``."""
    x = np.clip((np.asarray(values, np.float32) - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)
