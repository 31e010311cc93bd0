"""Making the clips: subdivision, phoneme times and the mouth's path, on data that a test can write itself."""

from __future__ import annotations

import numpy as np

from samples.face_motion import articulate, expressions, frame_times_ms
from samples.mesh import catmull_clark
from samples.voices import RATE, Phone, SpokenWord, Take

CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
CUBE_QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]], np.int32)


def test_subdividing_a_cube_gives_the_known_points() -> None:
    matrix, quads = catmull_clark(CUBE_QUADS, 8)
    points = matrix @ CUBE
    assert points.shape == (26, 3) and quads.shape == (24, 4)
    assert np.allclose(np.abs(points[:8]), 5 / 9)
    assert np.allclose(np.sort(np.abs(points[8:20]), axis=1), [0, 0.75, 0.75])
    assert np.allclose(np.asarray(matrix.sum(1)), 1, atol=1e-6)


def test_subdividing_keeps_an_open_border_straight() -> None:
    grid = np.array([[x, y, 0.0] for y in range(3) for x in range(3)], float)
    quads = np.array([[0, 1, 4, 3], [1, 2, 5, 4], [3, 4, 7, 6], [4, 5, 8, 7]], np.int32)
    matrix, _ = catmull_clark(quads, 9)
    points = matrix @ grid
    assert np.allclose(points[1], [1, 0, 0]) and np.allclose(points[:, 2], 0)


def test_mouth_opens_on_vowels_and_shuts_on_closures() -> None:
    phones = [Phone(" ", 0, 300), Phone("p", 300, 400), Phone("a", 400, 560), Phone("m", 560, 660),
              Phone("a", 660, 900), Phone(" ", 900, 1600)]
    mouth = articulate(phones, 40, 25)
    shown = frame_times_ms(40, 25)
    shut = ((shown > 300) & (shown < 400)) | ((shown > 560) & (shown < 660))
    assert (mouth.closure[shut] > 0.999).all()
    assert mouth.opening[(shown > 720) & (shown < 840)].min() > 0.5
    assert np.abs(mouth.opening[shown > 1300]).max() < 0.05


def test_neighbours_colour_each_other() -> None:
    def rounding_of_s(vowel: str) -> float:
        phones = [Phone(vowel, 200, 320), Phone("s", 320, 420), Phone(vowel, 420, 560)]
        mouth = articulate(phones, 20, 25)
        return float(np.interp(370, frame_times_ms(20, 25), mouth.rounding))

    assert rounding_of_s("u") > rounding_of_s("i") + 0.15


def test_closed_lips_cancel_the_jaw() -> None:
    phones = [Phone("a", 0, 200), Phone("m", 200, 400), Phone("a", 400, 600)]
    mouth = articulate(phones, 15, 25)
    weights = expressions(mouth, [{}] * 15)
    frame = int(300 // 40)
    assert weights[frame]["mouthClose"] >= weights[frame]["jawOpen"] * 0.99 > 0
    assert all(0 <= value <= 1 for frame_weights in weights for value in frame_weights.values())


def test_a_take_knows_its_length() -> None:
    take = Take(np.zeros(RATE // 2, np.float32), (Phone("a", 0, 500),), (SpokenWord("a", 0, 500),))
    assert take.duration_ms == 500
