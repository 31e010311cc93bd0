"""Tracks are put together by the form of the face, and never across two faces of one picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lipsync_core.face.people import SAME, distance, form_of, frontal, people
from lipsync_core.face.types import FaceTrack
from tests.lipsync_core.cartoon import analysis_of, talking

BASE = analysis_of(talking(30), np.arange(30) * 40.0).tracks[0]


def _track(id_: int, first: int, *, taller: float = 1.0, turned: float = 0.0, larger: float = 1.0) -> FaceTrack:
    """The drawn face with depth, its upper half ``taller``, turned by degrees about the vertical, scaled and moved."""
    points = BASE.points.astype(np.float64).copy()
    centre = points.mean(1, keepdims=True)
    local = points - centre
    local[..., 2] = -0.4 * np.abs(local[..., 0] - local[:, [1], 0])
    upper = local[..., 1] < 0
    local[..., 1] = np.where(upper, taller, 1.0) * local[..., 1]
    a = np.radians(turned)
    rotation = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    points = larger * (local @ rotation.T) + centre + 20
    return replace(BASE, id=id_, shot=id_, frames=BASE.frames + first, points=points.astype(np.float32),
                   pose=BASE.pose + np.array([turned, 0, 0], np.float32))


def _ids(tracks: list[FaceTrack]) -> list[list[int]]:
    return sorted(sorted(t.id for t in group) for group in people(tracks))


def test_a_turned_and_larger_face_is_the_same_person() -> None:
    assert _ids([_track(0, 0), _track(1, 100, turned=15, larger=1.4)]) == [[0, 1]]


def test_another_form_is_another_person() -> None:
    other = _track(1, 100, taller=1.5)
    assert distance(form_of(_track(0, 0), frontal(_track(0, 0))), form_of(other, frontal(_track(0, 0)))) > SAME
    assert _ids([_track(0, 0), other]) == [[0], [1]]


def test_two_faces_in_one_picture_are_two_persons_even_twins() -> None:
    assert _ids([_track(0, 0), _track(1, 10)]) == [[0], [1]]


def test_nobody_is_no_person() -> None:
    assert people([]) == []
