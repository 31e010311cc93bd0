"""Warp tables: whole numbers where nothing moves, nothing between lips that touch."""

from __future__ import annotations

import numpy as np

from lipsync_core.atlas.warp import identity_tables, rasterize, to_chroma, triangulate


def _grid() -> np.ndarray:
    y, x = np.mgrid[0:41:10, 0:61:10]
    return np.column_stack([x.ravel(), y.ravel()]).astype(np.float64)


def test_points_that_stay_give_the_identity() -> None:
    points = _grid() + np.random.default_rng(0).uniform(-2, 2, (35, 2))
    table = np.full((40, 60, 2), np.nan, np.float32)
    rasterize(points, points[None], triangulate(points), 0, 0, table[None])
    seen = ~np.isnan(table[..., 0])
    assert seen.mean() > 0.85
    np.testing.assert_allclose(table[seen], identity_tables(40, 60, 1)[0][seen], atol=1e-3)


def test_an_affine_movement_is_reproduced() -> None:
    points = _grid()
    target = points @ np.array([[0.9, 0.1], [-0.05, 0.8]]) + (3, 4)
    table = np.full((40, 60, 2), np.nan, np.float32)
    rasterize(target, points[None], triangulate(points), 0, 0, table[None])
    ys, xs = np.nonzero(~np.isnan(table[..., 0]))
    back = table[ys, xs] @ np.array([[0.9, 0.1], [-0.05, 0.8]]) + (3, 4)
    np.testing.assert_allclose(back, np.column_stack([xs, ys]), atol=1e-3)


def test_triangles_that_vanish_leave_no_pixel() -> None:
    square = np.array([[0, 0], [20, 0], [0, 10], [20, 10], [0, 20], [20, 20]], np.float64)
    closed = square.copy()
    closed[2:4, 1] = 0
    triangles = triangulate(square)
    table = np.full((20, 20, 2), np.nan, np.float32)
    rasterize(closed, square[None], triangles, 0, 0, table[None])
    # Everything now comes from the lower half.
    assert np.nanmin(table[2:, :, 1]) > 10


def test_triangulation_is_deterministic_and_turns_one_way() -> None:
    points = np.random.default_rng(4).uniform(0, 100, (80, 2))
    triangles = triangulate(points)
    a, b, c = (points[triangles[:, i]] for i in range(3))
    assert ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]) > 0).all()
    np.testing.assert_array_equal(triangles, triangulate(points.copy()))


def test_chroma_table_of_the_identity_is_the_identity() -> None:
    np.testing.assert_array_equal(to_chroma(identity_tables(8, 12, 1)[0]), identity_tables(4, 6, 1)[0])
