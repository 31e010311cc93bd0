"""The drawn inside of a mouth that the footage never shows."""

from __future__ import annotations

import numpy as np

from lipsync_core.atlas.inner import InnerMouth
from lipsync_core.atlas.shape import INNER_LIPS
from tests.lipsync_core.cartoon import HEIGHT, WIDTH, mesh

SKIN = InnerMouth((140.0, 110.0, 150.0))


def _plain() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chroma = (HEIGHT // 2, WIDTH // 2)
    return np.full((HEIGHT, WIDTH), 140, np.uint8), np.full(chroma, 110, np.uint8), np.full(chroma, 150, np.uint8)


def _scale(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[263] - points[33]))


def test_shut_lips_show_no_inside() -> None:
    points = mesh(0.0)[:, :2].astype(np.float64)
    planes = _plain()
    assert SKIN.draw(planes, points, _scale(points), (0, 0), 1.0) is planes


def test_open_lips_show_teeth_above_a_dark_cavity_and_nothing_outside() -> None:
    points = mesh(0.25)[:, :2].astype(np.float64)
    scale = _scale(points)
    y, u, v = SKIN.draw(_plain(), points, scale, (0, 0), 1.0)
    top, bottom = points[13], points[14]
    column = y[int(top[1]):int(bottom[1]) + 1, int(top[0])].astype(int)
    assert column[: len(column) // 3].max() > 130 and column[len(column) // 2:].min() < 90
    low, high = points[INNER_LIPS].min(0) - 0.06 * scale, points[INNER_LIPS].max(0) + 0.06 * scale
    outside = np.ones(y.shape, bool)
    outside[int(low[1]):int(high[1]) + 2, int(low[0]):int(high[0]) + 2] = False
    assert (y[outside] == 140).all() and u.shape == v.shape


def test_easing_fades_the_drawing() -> None:
    points = mesh(0.25)[:, :2].astype(np.float64)
    faint, full = (SKIN.draw(_plain(), points, _scale(points), (0, 0), a)[0].astype(int) for a in (0.25, 1.0))
    assert 0 < np.abs(faint - 140).max() < 0.5 * np.abs(full - 140).max()
