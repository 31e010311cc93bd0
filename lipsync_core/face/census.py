"""Who is seen in a video: its face tracks by person, with when, how large, and where each is seen best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipsync_core.face.mesh import FACE_OVAL
from lipsync_core.face.people import people
from lipsync_core.face.types import FaceAnalysis, FaceTrack

#: A face seen for less is a passer-by, or none.
MIN_SEEN_MS = 500.0
#: Gaps of so many frames do not end an interval.
_GAP_FRAMES = 6
#: How much of the picture around a face is shown, in sizes of a face.
_MARGIN = 0.45


@dataclass(frozen=True, slots=True)
class Person:
    """One person as the tracker saw one.

    tracks: ids of the face tracks. seen: intervals in ms. height_share: median height of the face over that of the
    picture. at_ms: the moment at which the face is seen best, and box there: top, left, bottom, right of the face with
    some of its surroundings, in shares of the picture. turned: share of the frames in which the mouth is hidden or
    turned away.
    """

    id: str
    tracks: tuple[int, ...]
    seen: tuple[tuple[int, int], ...]
    height_share: float
    at_ms: float
    box: tuple[float, float, float, float]
    turned: float


def census(analysis: FaceAnalysis, known: Sequence[Sequence[int]] = ()) -> list[Person]:
    """Every person, whoever is seen longest first. ``known``: track ids that are known to be one person's."""
    by_id = {track.id: track for track in analysis.tracks}
    groups = [[by_id[i] for i in ids if i in by_id] for ids in known]
    named = {track.id for group in groups for track in group}
    groups += people([track for track in analysis.tracks if track.id not in named])
    found = [_person(analysis, group) for group in groups if group]
    long = [p for p in found if sum(b - a for a, b in p.seen) >= MIN_SEEN_MS or set(p.tracks) & named]
    return sorted(long, key=lambda p: (-sum(b - a for a, b in p.seen), p.id))


def _person(analysis: FaceAnalysis, tracks: Sequence[FaceTrack]) -> Person:
    track, index = max(((t, int(_quality(t).argmax())) for t in tracks), key=lambda c: float(_quality(c[0])[c[1]]))
    heights = np.concatenate([np.ptp(t.points[:, list(FACE_OVAL), 1], axis=1) for t in tracks])
    visible = np.concatenate([t.mouth_visibility for t in tracks])
    low, high = track.points[index, :, :2].min(0), track.points[index, :, :2].max(0)
    middle, half = (low + high) / 2, float((high - low).max()) * (0.5 + _MARGIN)
    size = np.array([analysis.width, analysis.height], np.float64)
    left, top = np.clip((middle - half) / size, 0, 1)
    right, bottom = np.clip((middle + half) / size, 0, 1)
    ids = tuple(sorted(t.id for t in tracks))
    return Person(f"f{ids[0]:04d}", ids, _intervals(analysis, tracks), float(np.median(heights) / analysis.height),
                  float(analysis.times_ms[track.frames[index]]), (float(top), float(left), float(bottom), float(right)),
                  float((visible < 0.5).mean()))


def _quality(track: FaceTrack) -> np.ndarray:
    """How well a face is seen in each frame of its track: large, sharp, frontal, free."""
    size = np.ptp(track.points[:, list(FACE_OVAL), 1], axis=1)
    turned = np.abs(track.pose[:, :2]).sum(1)
    sharp = np.sqrt(track.sharpness / max(float(track.sharpness.max()), 1e-6))
    return (size / max(float(size.max()), 1e-6)) * sharp * np.exp(-turned / 30) * track.presence * \
        (0.2 + track.mouth_visibility) * float(np.median(size)) ** 0.5


def _intervals(analysis: FaceAnalysis, tracks: Sequence[FaceTrack]) -> tuple[tuple[int, int], ...]:
    frames = np.unique(np.concatenate([t.frames for t in tracks]))
    step = float(np.median(np.diff(analysis.times_ms))) if analysis.frame_count > 1 else 40.0
    pieces = np.split(frames, np.flatnonzero(np.diff(frames) > _GAP_FRAMES) + 1)
    return tuple((int(analysis.times_ms[p[0]]), int(round(analysis.times_ms[p[-1]] + step))) for p in pieces)
