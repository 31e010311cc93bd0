"""The linear mouth model: exact openings, sealed lips, no trace of the head's movement."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_core.atlas import shape
from tests.lipsync_core.cartoon import mesh, talking


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    return talking(60)[:, :, :2].astype(np.float64)


@pytest.fixture(scope="module")
def model(clip: np.ndarray) -> shape.ShapeModel:
    return shape.fit_shape(clip)


def test_moving_turning_and_scaling_change_no_normalised_point(clip: np.ndarray, model: shape.ShapeModel) -> None:
    turned = shape.transform(clip, np.full(len(clip), 0.7 * np.exp(0.3j)), np.full(len(clip), 40 - 12j))
    np.testing.assert_allclose(model.normalise(turned)[0], model.normalise(clip)[0], atol=1e-9)


def test_inverse_brings_points_back(clip: np.ndarray, model: shape.ShapeModel) -> None:
    normalised, a, b = model.normalise(clip)
    np.testing.assert_allclose(shape.transform(normalised, *shape.invert(a, b)), clip, atol=1e-6)


def test_the_basis_moves_the_opening_exactly(model: shape.ShapeModel) -> None:
    np.testing.assert_allclose(shape.opening_of(model.basis), [1, 0, 0, 0], atol=1e-9)


def test_residuals_carry_no_opening_and_restore_the_frame(clip: np.ndarray, model: shape.ShapeModel) -> None:
    normalised = model.normalise(clip)[0]
    residual = model.residual(normalised)
    assert np.abs(shape.opening_of(residual)).max() < 1e-9
    assert np.abs(residual).mean() < 0.01


def test_measured_features_match_what_was_drawn(clip: np.ndarray) -> None:
    closed, wide = mesh(0.0), mesh(0.2, 0.6)
    model = shape.fit_shape(clip)
    rows = shape.features(model.normalise(np.stack([closed, wide])[:, :, :2].astype(np.float64))[0])
    assert rows[0, shape.OPENING] == pytest.approx(0, abs=0.005) and rows[1, shape.OPENING] > 0.15
    assert rows[1, shape.WIDTH] - rows[0, shape.WIDTH] == pytest.approx(0.1, abs=0.01)


def test_sealing_makes_inner_lips_touch_and_never_leaves_them_crossed(model: shape.ShapeModel) -> None:
    points = model.mean.copy()
    sealed = shape.seal(points[None], np.array([1.0]))[0]
    np.testing.assert_allclose(sealed[shape.INNER_UPPER], sealed[shape.INNER_LOWER], atol=1e-12)
    crossed = points.copy()
    crossed[shape.INNER_UPPER, 1] += 1.0
    fixed = shape.seal(crossed, 0.0)
    assert (fixed[shape.INNER_LOWER, 1] >= fixed[shape.INNER_UPPER, 1] - 1e-12).all()


def test_only_the_lower_face_follows_the_mouth(model: shape.ShapeModel) -> None:
    weight = shape.mobility(model.mean)
    assert (weight[shape.LIPS] == 1).all() and (weight[shape.RIGID] == 0).all()
    assert weight[shape.CHIN] > 0.9 and weight[shape.FOREHEAD] == 0 and weight.max() <= 1


def test_a_still_face_gets_a_generic_opening() -> None:
    still = np.stack([mesh(0.05)[:, :2].astype(np.float64)] * 20)
    model = shape.fit_shape(still)
    lower, upper = model.basis[shape.OPENING][14, 1], model.basis[shape.OPENING][13, 1]
    assert lower > 0.3 and lower - upper == pytest.approx(1, abs=0.1)
