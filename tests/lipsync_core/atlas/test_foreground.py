"""What stands in front of a mouth is found, kept, and never taken into the atlas."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_core.atlas.foreground import Foreground, LowerFace, clear_of_things, sample
from lipsync_core.atlas.shape import OUTER_LIPS, fit_shape
from tests.lipsync_core.cartoon import HEIGHT, WIDTH, draw, talking

POINTS = talking(40)[:, :, :2].astype(np.float64)


def _planes(points: np.ndarray, stick: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    picture = draw(np.column_stack([points, np.zeros(len(points))]))
    if stick:
        x, y = points[OUTER_LIPS].mean(0).astype(int)
        cv2.circle(picture, (x + 17, y + 14), 13, (60, 200, 70), -1)
    yuv = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
    chroma = yuv[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    return yuv[:HEIGHT], chroma[0], chroma[1]


@pytest.fixture(scope="module")
def face() -> LowerFace:
    return LowerFace(fit_shape(POINTS).mean)


@pytest.fixture(scope="module")
def looks(face: LowerFace) -> np.ndarray:
    return np.array([face.look(_planes(p), p) for p in POINTS])


def test_a_bare_talking_face_has_nothing_in_front(face: LowerFace, looks: np.ndarray) -> None:
    known = Foreground(face, looks)
    assert all(known.mask(_planes(p), p) is None for p in POINTS)


def test_the_mask_covers_the_thing_also_on_the_lips_and_little_else(face: LowerFace, looks: np.ndarray) -> None:
    known = Foreground(face, looks)
    points = POINTS[5]
    mask = known.mask(_planes(points, stick=True), points)
    assert mask is not None and mask.shape == (HEIGHT, WIDTH)
    x, y = points[OUTER_LIPS].mean(0).astype(int)
    thing = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(thing, (x + 17, y + 14), 10, 1, -1)
    near = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(near, (x + 17, y + 14), 30, 1, -1)
    assert mask[thing > 0].mean() > 0.9
    assert mask[near == 0].max() < 0.05


def test_mouths_behind_a_thing_are_told_from_clear_ones(face: LowerFace, looks: np.ndarray) -> None:
    mixed = looks.copy()
    covered = np.arange(40) % 3 == 0
    for i in np.flatnonzero(covered):
        mixed[i] = face.look(_planes(POINTS[i], stick=True), POINTS[i])
    np.testing.assert_array_equal(clear_of_things(face, mixed), ~covered)


def test_where_no_mouth_is_to_be_seen_everything_is_kept(face: LowerFace, looks: np.ndarray) -> None:
    known = Foreground(face, looks)
    y, u, v = _planes(POINTS[5])
    covered = (np.full_like(y, int(np.median(y))), u, v)
    mask = known.mask(covered, POINTS[5])
    assert mask is not None and mask.min() == 1
    assert min(known.likeness(look) for look in looks) > 0.5


def test_too_few_frames_know_nothing(face: LowerFace, looks: np.ndarray) -> None:
    known = Foreground(face, looks[:5])
    assert not known.is_known and known.mask(_planes(POINTS[5], stick=True), POINTS[5]) is None
    assert clear_of_things(face, looks[:5]).all()


def test_a_sample_is_spread_and_bounded() -> None:
    assert sample(0) == set() and sample(3) == {0, 1, 2}
    many = sample(1000)
    assert len(many) <= 96 and min(many) == 0 and max(many) == 999
