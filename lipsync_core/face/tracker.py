"""Following every face through a shot: mesh from frame to frame, detector only when it is needed."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.face.detector import Detection, FaceDetector, overlap
from lipsync_core.face.mesh import FaceMesh, Roi, eye_distance, mouth_sharpness, roi_from_detection, roi_from_points
from lipsync_core.face.models import FaceModels
from lipsync_core.face.occlusion import MouthWatch
from lipsync_core.face.video import Picture, warp_plane

Float = npt.NDArray[np.float32]

MAX_FACES = 6
_PRESENT, _NEW_FACE = 0.5, 0.7
# Frames between detector runs while faces are tracked, while none is, and between looks for a lost one.
_CHECK_EVERY, _SEARCH_EVERY, _RETRY_EVERY = 15, 5, 4
# Every how many of these detector runs also look for small faces, in tiles.
_THOROUGH = 4
# Detector checks in a row that may miss a face before the mesh is no longer believed.
_MISSED_CHECKS = 4
_FACE_CROP = 24
_SAME_FACE = 0.6


@dataclass(slots=True)
class RawTrack:
    """One face of one shot as measured, before smoothing; lists run in parallel."""

    id: int
    shot: int
    frames: list[int] = field(default_factory=list)
    points: list[Float] = field(default_factory=list)
    presence: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)
    hidden: list[float] = field(default_factory=list)
    appearance: Float | None = None
    missing: int = 0
    unconfirmed: int = 0

    @property
    def last(self) -> Float:
        return self.points[-1]

    @property
    def box(self) -> Float:
        return np.concatenate([self.last[:, :2].min(0), self.last[:, :2].max(0)])

    @property
    def size(self) -> float:
        box = self.box
        return float(max(box[2] - box[0], box[3] - box[1]))

    def expected(self) -> Float:
        """The last mesh moved on by its last step, where the two last frames were neighbours."""
        if self.missing == 0 and len(self.frames) > 1 and self.frames[-1] - self.frames[-2] == 1:
            step = self.points[-1][:, :2].mean(0) - self.points[-2][:, :2].mean(0)
            moved = self.last.copy()
            moved[:, :2] += np.clip(step, -0.2 * self.size, 0.2 * self.size)
            return moved
        return self.last


class ShotTracker:
    """Feed pictures in order with ``step``; ``tracks`` holds every face of the shot seen so far."""

    def __init__(self, models: FaceModels, shot: int, first_id: int) -> None:
        self._detector, self._mesh = FaceDetector(models), FaceMesh(models)
        self._shot, self._next_id = shot, first_id
        self._count = 0
        self.tracks: list[RawTrack] = []
        self._closed: set[int] = set()
        self._models = models
        self._watches: dict[int, MouthWatch] = {}

    @property
    def next_id(self) -> int:
        return self._next_id

    def step(self, picture: Picture) -> list[RawTrack]:
        """Track one picture; returns the tracks that have a face in it."""
        live = [t for t in self.tracks if t.id not in self._closed]
        for track in live:
            self._follow(track, picture)
        self._drop_doubles(live, picture.number)
        following = any(t.missing == 0 for t in live)
        every = _CHECK_EVERY if following else _SEARCH_EVERY
        if self._count % every == 0:
            self._look(picture, thorough=self._count % (_THOROUGH * every) == 0)
        self._count += 1
        return [t for t in self.tracks if t.frames and t.frames[-1] == picture.number]

    def _follow(self, track: RawTrack, picture: Picture) -> None:
        if track.missing == 0 and self._accept(track, picture, roi_from_points(track.expected())):
            return
        track.missing += 1
        if track.missing <= 3 or track.missing % _RETRY_EVERY == 0:
            box = track.box
            found = self._detector.near(picture, (box[:2] + box[2:]) / 2, track.size)
            found.sort(key=lambda d: float(np.linalg.norm(d.centre - (box[:2] + box[2:]) / 2)))
            for detection in found[:1]:
                self._accept(track, picture, roi_from_detection(detection), settle=True)

    def _accept(self, track: RawTrack, picture: Picture, roi: Roi, settle: bool = False) -> bool:
        """Measure the mesh at ``roi`` and add it to the track when it is a face and plausibly this one."""
        points, presence = self._measure(picture, roi, settle)
        if presence < _PRESENT or not self._plausible(track, points):
            return False
        self._add(track, picture, points, presence)
        return True

    def _measure(self, picture: Picture, roi: Roi, settle: bool) -> tuple[Float, float]:
        points, presence = self._mesh(picture, roi)
        if settle and presence >= _PRESENT:
            # A detector's box is looser than a mesh's: look again from the mesh.
            points, presence = self._mesh(picture, roi_from_points(points))
        return points, presence

    def _plausible(self, track: RawTrack, points: Float) -> bool:
        if not track.frames:
            return True
        gap = 1 + track.missing
        ratio = float(eye_distance(points) / max(float(eye_distance(track.last)), 1e-3))
        moved = float(np.linalg.norm(points[:, :2].mean(0) - track.last[:, :2].mean(0)))
        allowed = 1.25 + 0.1 * min(gap, 5)
        return 1 / allowed < ratio < allowed and moved < 0.4 * track.size * min(gap, 4)

    def _add(self, track: RawTrack, picture: Picture, points: Float, presence: float) -> None:
        track.frames.append(picture.number)
        track.points.append(points)
        track.presence.append(presence)
        track.sharpness.append(mouth_sharpness(picture, points))
        if track.id not in self._watches:
            self._watches[track.id] = MouthWatch(self._models)
        track.hidden.append(self._watches[track.id].step(picture, points))
        track.missing = 0
        if track.appearance is None or len(track.frames) % 10 == 0:
            seen = appearance(picture, points)
            track.appearance = seen if track.appearance is None else 0.8 * track.appearance + 0.2 * seen

    def _look(self, picture: Picture, thorough: bool) -> None:
        """Run the detector: confirm live faces, take back lost ones, start new ones."""
        found = self._detector.everywhere(picture) if thorough else self._detector.whole(picture)
        live = [t for t in self.tracks if t.id not in self._closed]
        present = [t for t in live if t.missing == 0]
        for track in present:
            matched = [d for d in found if _matches(d, track)]
            found = [d for d in found if not any(d is m for m in matched)]
            if not matched:
                box = track.box
                nearby = self._detector.near(picture, (box[:2] + box[2:]) / 2, track.size)
                matched = [d for d in nearby if _matches(d, track)]
            track.unconfirmed = 0 if matched else track.unconfirmed + 1
            if track.unconfirmed >= _MISSED_CHECKS and np.mean(track.presence[-30:]) < 0.9:
                self._closed.add(track.id)
        for detection in sorted(found, key=lambda d: -d.size):
            if sum(t.missing == 0 and t.id not in self._closed for t in self.tracks) >= MAX_FACES:
                break
            self._start(detection, picture)

    def _start(self, detection: Detection, picture: Picture) -> None:
        points, presence = self._measure(picture, roi_from_detection(detection), settle=True)
        if presence < _NEW_FACE:
            return
        box = np.concatenate([points[:, :2].min(0), points[:, :2].max(0)])
        others = [t.box for t in self.tracks if t.missing == 0 and t.id not in self._closed]
        if others and overlap(box, np.stack(others)).max() > 0.4:
            return
        track = self._lost_twin(points, picture)
        if track is None:
            track = RawTrack(self._next_id, self._shot)
            self._next_id += 1
            self.tracks.append(track)
        self._add(track, picture, points, presence)

    def _lost_twin(self, points: Float, picture: Picture) -> RawTrack | None:
        """A face of this shot that is out of sight and looks like this one."""
        seen = appearance(picture, points)
        best, best_score = None, _SAME_FACE
        for track in self.tracks:
            if track.missing and track.id not in self._closed and track.appearance is not None:
                score = likeness(track.appearance, seen)
                if score > best_score:
                    best, best_score = track, score
        return best

    def _drop_doubles(self, live: list[RawTrack], number: int) -> None:
        """Two tracks that slid onto one face: the shorter one ends and loses the frame."""
        here = sorted((t for t in live if t.frames[-1] == number), key=lambda t: -len(t.frames))
        for i, track in enumerate(here):
            if any(overlap(track.box, o.box[None])[0] > 0.6 for o in here[:i] if o.id not in self._closed):
                for values in (track.frames, track.points, track.presence, track.sharpness, track.hidden):
                    values.pop()
                self._closed.add(track.id)


def _matches(detection: Detection, track: RawTrack) -> bool:
    box = track.box
    centre = detection.centre
    inside = bool(np.all(centre > box[:2]) and np.all(centre < box[2:]))
    return inside and 0.4 < detection.size / max(track.size, 1e-3) < 2.5


def appearance(picture: Picture, points: Float) -> Float:
    """float32 [3, 24, 24]: the upright face, small; luma without mean and contrast, chroma around grey."""
    roi = roi_from_points(points)
    roi = Roi(roi.x, roi.y, roi.side / 1.5, roi.angle)
    matrix = roi.matrix(_FACE_CROP)
    half = matrix.copy()
    half[:, :2] *= 2
    y = cv2.GaussianBlur(warp_plane(picture.y, matrix, _FACE_CROP, _FACE_CROP).astype(np.float32), (0, 0), 1)
    u, v = (warp_plane(p, half, _FACE_CROP, _FACE_CROP).astype(np.float32) - 128 for p in (picture.u, picture.v))
    return np.stack([(y - y.mean()) / max(float(y.std()), 4.0), u / 16, v / 16])


def likeness(first: Float, second: Float) -> float:
    """1 for the same face in the same light, around 0.3 for two people."""
    light = float((first[0] * second[0]).mean())
    colour = float(np.abs(first[1:].mean((1, 2)) - second[1:].mean((1, 2))).sum())
    return light - 0.3 * colour
