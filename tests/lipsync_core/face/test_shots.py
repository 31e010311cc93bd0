from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pytest

from lipsync_core.face.shots import with_shots
from lipsync_core.face.video import Picture

HEIGHT, WIDTH = 180, 320


def scene(seed: int, shift: float = 0.0, head: float = 0.0) -> np.ndarray:
    """float32 [3, HEIGHT, WIDTH]: a room of soft blobs, moved by ``shift``, with an oval "head" at ``head``."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    planes = np.full((3, HEIGHT, WIDTH), 128, np.float32)
    planes[0] = generator.uniform(60, 160)
    for _ in range(25):
        cx, cy, radius = generator.uniform(0, WIDTH), generator.uniform(0, HEIGHT), generator.uniform(10, 50)
        blob = ((x - cx - shift) ** 2 + (y - cy) ** 2 < radius**2).astype(np.float32)
        planes += blob * generator.uniform(-50, 50, 3)[:, None, None] * [[[1.0]], [[0.5]], [[0.5]]]
    oval = ((x - WIDTH / 2 - head) / 45) ** 2 + ((y - 100) / 60) ** 2 < 1
    planes[:, oval] = np.array([[150], [110], [150]])
    return planes


def film(scenes: Iterable[np.ndarray], noise: float = 2.0) -> list[Picture]:
    generator = np.random.default_rng(0)
    result = []
    for number, planes in enumerate(scenes):
        y = np.clip(planes[0] + generator.normal(0, noise, planes[0].shape), 0, 255).astype(np.uint8)
        u, v = (cv2.resize(np.clip(p, 0, 255), (WIDTH // 2, HEIGHT // 2)).astype(np.uint8) for p in planes[1:])
        result.append(Picture(number, number * 40.0, y, u, v))
    return result


def cuts(pictures: list[Picture]) -> list[int]:
    seen = list(with_shots(pictures))
    assert [p.number for p, _ in seen] == [p.number for p in pictures]
    return [p.number for p, starts in seen if starts]


@pytest.mark.parametrize("at", [1, 2, 7, 18, 19])
def test_a_cut_is_found_where_it_is(at: int) -> None:
    assert cuts(film([scene(1)] * at + [scene(2)] * (20 - at))) == [0, at]


def test_several_cuts_back_and_forth() -> None:
    order = [1] * 8 + [2] * 8 + [1] * 8 + [3] * 4
    assert cuts(film(scene(s) for s in order)) == [0, 8, 16, 24]


def test_flash_is_no_cut() -> None:
    bright = [scene(1) + np.array([110, 0, 0])[:, None, None] * (n in (9, 10)) for n in range(20)]
    assert cuts(film(bright)) == [0]


def test_head_motion_pan_and_fade_are_no_cuts() -> None:
    assert cuts(film(scene(1, head=70 * np.sin(n / 2.5)) for n in range(30))) == [0]
    assert cuts(film(scene(1, shift=9.0 * n) for n in range(30))) == [0]
    assert cuts(film(scene(1) * (1 - n / 30) for n in range(30))) == [0]


def test_two_views_of_one_set_are_two_shots() -> None:
    wide = [scene(4, head=3 * np.sin(n)) for n in range(10)]
    close = [np.stack([cv2.resize(p[40:140, 80:260], (WIDTH, HEIGHT)) for p in scene(4, head=3 * np.sin(n))])
             for n in range(10)]
    assert cuts(film(wide + close)) == [0, 10]


def test_nothing_in_gives_nothing_out() -> None:
    assert list(with_shots([])) == []
