"""There and back: what the network's square loses of a picture, and what it must not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_core.face.video import Picture
from lipsync_core.neural.composite import finish, network_face, see
from tests.lipsync_core.cartoon import mesh

HEIGHT, WIDTH = 480, 640


def smooth_picture(matrix: int, full_range: bool) -> Picture:
    """Waves of some 60 pixels in every plane: nothing that 96 pixels over a face could not hold."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    luma = 120 + 30 * np.sin(x / 21) * np.cos(y / 17) + 20 * np.sin((x + 2 * y) / 47)
    half_y, half_x = y[::2, ::2], x[::2, ::2]
    u, v = 118 + 9 * np.sin(half_x / 33 + half_y / 50), 136 + 9 * np.cos(half_y / 29)
    planes = [np.round(p).astype(np.uint8) for p in (luma, u, v)]
    return Picture(0, 0.0, *planes, matrix=matrix, full_range=full_range)


def crop_matrix(angle_deg: float, side: tuple[float, float], centre: tuple[float, float]) -> np.ndarray:
    """Picture to crop pixels of a turned box, ``side`` (width, height) pixels."""
    angle = np.radians(angle_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    linear = turn * (96 / np.array(side))[:, None]
    return np.column_stack([linear, 47.5 - linear @ np.array(centre)])


@pytest.mark.parametrize("colours", [(1, False), (6, False), (6, True), (9, False)])
@pytest.mark.parametrize(("angle", "side"), [(0.0, (150.0, 190.0)), (17.3, (260.0, 330.0)), (-8.0, (70.0, 80.0))])
def test_a_smooth_picture_returns_as_it_was(angle: float, side: tuple[float, float],
                                            colours: tuple[int, bool]) -> None:
    picture = smooth_picture(*colours)
    turn = np.radians(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = (mesh(0.1, centre=(0, -30))[:, :2] * side[0] / 150) @ rotation.T + (320.3, 241.7)
    seen = see(picture, crop_matrix(angle, side, (320.3, 241.7)), points.astype(np.float64), 1.0)
    assert seen is not None and not (seen.top % 2 or seen.left % 2)
    face = network_face(seen)
    assert face.shape == (6, 96, 96) and not face[:3, 48:].any() and np.array_equal(face[:3, :48], face[3:, :48])
    patch = finish(seen, face[3:], keep_texture=False)
    rows, columns = (slice(start, start + n) for start, n in zip((patch.top, patch.left), patch.y.shape, strict=True))
    half = tuple(slice(s.start // 2, s.stop // 2) for s in (rows, columns))
    for made, whole in ((patch.y, picture.y[rows, columns]), (patch.u, picture.u[half]), (patch.v, picture.v[half])):
        error = made.astype(float) - whole
        assert 10 * np.log10(255**2 / max(float((error**2).mean()), 1e-9)) > 46
        assert np.abs(error).max() <= 4
    exact = finish(seen, face[3:])
    assert np.abs(exact.y.astype(int) - picture.y[rows, columns]).max() <= 1


def test_a_networks_false_light_is_corrected_and_its_mouth_is_not() -> None:
    picture = smooth_picture(6, False)
    points = mesh(0.2, centre=(0, -30))[:, :2].astype(np.float64) + (320, 240)
    seen = see(picture, crop_matrix(0, (150, 190), (320, 240)), points, 1.0)
    assert seen is not None
    face = network_face(seen)[3:]
    dull = face * 0.9
    lips = (points[[61, 291, 0, 17]] @ seen.matrix[:, :2].T + seen.matrix[:, 2]).mean(0).round().astype(int)
    dull[:, lips[1] - 4:lips[1] + 5, lips[0] - 6:lips[0] + 7] = 0.08
    patch = finish(seen, dull, keep_texture=False)
    source = picture.y[patch.top:patch.top + patch.y.shape[0], patch.left:patch.left + patch.y.shape[1]].astype(float)
    difference = patch.y - source
    at = points[[61, 291, 0, 17]].mean(0).round().astype(int) - (patch.left, patch.top)
    assert difference[at[1] - 3:at[1] + 4, at[0] - 4:at[0] + 5].mean() < -40
    cheeks = difference[at[1] - 8:at[1] + 8, at[0] + 24:at[0] + 40]
    assert np.abs(cheeks).mean() < 3, "left at its 90 % it would be darker by 12"


def test_what_stands_in_front_stays() -> None:
    picture = smooth_picture(6, False)
    points = mesh(0.2, centre=(0, -30))[:, :2].astype(np.float64) + (320, 240)
    seen = see(picture, crop_matrix(0, (150, 190), (320, 240)), points, 1.0)
    assert seen is not None
    front = np.zeros(seen.region[0].shape, np.float32)
    middle = int(points[0, 0]) - seen.left
    front[:, :middle] = 1
    answer = np.clip(network_face(seen)[3:] + 0.3 * np.random.default_rng(1).normal(size=(3, 96, 96)), 0, 1)
    patch = finish(seen, answer.astype(np.float32), front=front)
    assert np.array_equal(patch.y[:, :middle - 2], seen.region[0][:, :middle - 2])
    assert np.array_equal(patch.u[:, :middle // 2 - 2], seen.region[1][:, :middle // 2 - 2])
    assert np.abs(patch.y[:, middle:].astype(int) - seen.region[0][:, middle:]).max() > 30


def test_a_face_outside_the_picture_is_left_out_and_one_at_its_edge_is_cut() -> None:
    picture = smooth_picture(1, False)
    away = mesh(0.1)[:, :2].astype(np.float64) + (2000, 0)
    assert see(picture, crop_matrix(0, (150, 190), (2160, 120)), away, 1.0) is None
    edge = mesh(0.1, centre=(0, 0))[:, :2].astype(np.float64) + (8, 400)
    seen = see(picture, crop_matrix(0, (150, 190), (8, 430)), edge, 1.0)
    assert seen is not None and seen.left == 0
    assert seen.top + seen.region[0].shape[0] <= HEIGHT and seen.region[1].shape[0] * 2 == seen.region[0].shape[0]
    patch = finish(seen, network_face(seen)[3:])
    assert patch.y.shape == seen.region[0].shape
    assert cv2.absdiff(patch.y, seen.region[0]).max() <= 1
