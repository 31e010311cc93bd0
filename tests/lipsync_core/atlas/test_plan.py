"""Easing: gentle at hidden frames, abrupt at cuts, never outside."""

from __future__ import annotations

import numpy as np

from lipsync_core.atlas.plan import EASE_FRAMES, ease, hold_rests


def test_alpha_rises_over_the_easing_frames_and_falls_before_a_gap() -> None:
    allowed = np.zeros(40, bool)
    allowed[5:20] = allowed[24:35] = True
    starts = np.arange(40) == 0
    alpha = ease(allowed, starts)
    assert (alpha[~allowed] == 0).all() and (alpha[allowed] > 0).all()
    assert (np.diff(alpha[5:5 + EASE_FRAMES + 1]) > 0).all() and alpha[10] == 1
    assert (np.diff(alpha[15:20]) < 0).all()


def test_nothing_is_eased_across_a_cut_or_at_the_ends_of_the_video() -> None:
    allowed = np.ones(20, bool)
    allowed[10:] = False
    starts = np.zeros(20, bool)
    starts[[0, 10]] = True
    alpha = ease(allowed, starts)
    assert (alpha[:10] == 1).all() and (alpha[10:] == 0).all()


def test_a_rest_is_one_mouth_and_speech_keeps_its_path() -> None:
    cost = np.random.default_rng(0).random((100, 6))
    cost[:, 3] -= 0.3
    path = np.arange(100) % 6
    rests = np.zeros(100, bool)
    rests[10:30], rests[60:62] = True, True
    held = hold_rests(path, cost, rests)
    assert (held[10:30] == 3).all()
    np.testing.assert_array_equal(held[~rests], path[~rests])
    np.testing.assert_array_equal(held[60:62], path[60:62])
