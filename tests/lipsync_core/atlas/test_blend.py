"""Light, grain and seam of a mouth on its plate."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_core.atlas.blend import grain_of, match_grain, match_light, two_bands

RING = np.zeros((80, 100), np.float32)
cv2.ellipse(RING, (50, 40), (36, 28), 0, 0, 360, 1, -1)
cv2.ellipse(RING, (50, 40), (24, 14), 0, 0, 360, 0, -1)


def _noise(level: float, seed: int = 0) -> np.ndarray:
    return (120 + np.random.default_rng(seed).normal(0, level, (80, 100))).astype(np.float32)


def test_light_is_matched_on_the_skin_and_teeth_keep_their_ratio_to_it() -> None:
    mouth = np.full((80, 100), 96, np.float32)
    mouth[36:44, 40:60] = 196
    plate = np.full((80, 100), 136, np.float32)
    lit = match_light(plate, mouth, RING, is_luma=True)
    assert np.abs(lit[RING > 0] - 136).max() < 2
    assert (lit[40, 50] - 16) / (136 - 16) == pytest.approx((196 - 16) / (96 - 16), rel=0.05)


def test_a_plate_without_grain_gets_none() -> None:
    mouth = np.full((80, 100), 120, np.float32)
    np.testing.assert_array_equal(match_grain(_noise(0.3), mouth, RING, 1), mouth)


def test_a_smoothed_mouth_gets_the_plates_grain_and_the_same_each_time() -> None:
    plate, mouth = _noise(6.0), cv2.GaussianBlur(_noise(6.0, 1), (0, 0), 1.0)
    grained = match_grain(plate, mouth, RING, 7)
    assert grain_of(mouth, RING) < 0.6 * grain_of(plate, RING)
    assert grain_of(grained, RING) == pytest.approx(grain_of(plate, RING), rel=0.15)
    np.testing.assert_array_equal(grained, match_grain(plate, mouth, RING, 7))
    assert np.abs(grained - match_grain(plate, mouth, RING, 8)).max() > 1


def test_nothing_changes_where_the_matte_is_zero_and_all_where_it_is_one() -> None:
    matte = cv2.GaussianBlur((cv2.GaussianBlur(RING, (0, 0), 1) > 0.5).astype(np.float32), (0, 0), 3)
    matte[matte < 0.01] = 0
    own, mouth = _noise(5.0), _noise(5.0, 1) + 30
    out = two_bands(own, mouth, matte)
    np.testing.assert_array_equal(out[matte == 0], own[matte == 0])
    np.testing.assert_allclose(two_bands(own, mouth, np.ones_like(own)), mouth, atol=1e-3)


def test_texture_changes_over_a_narrower_edge_than_light() -> None:
    ramp = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (80, 1))
    flat, rough = np.full((80, 100), 100, np.float32), _noise(8.0) - 20
    both = two_bands(flat, rough, ramp)
    fine = np.abs(both - cv2.GaussianBlur(both, (0, 0), 1.5)).mean(0)
    full = np.abs(rough - cv2.GaussianBlur(rough, (0, 0), 1.5)).mean()
    assert fine[5:20].mean() < 0.05 * full < 0.95 * full < fine[80:95].mean()
