from __future__ import annotations

import numpy as np
import pytest

from dubbing.media.align import RATE, align_sounds

TIME = np.arange(24 * RATE) / RATE


def _music(seed: int) -> np.ndarray:
    """A band of noise whose loudness changes, as music's does."""
    noise = np.random.default_rng(seed).normal(0, 0.05, len(TIME))
    return np.convolve(noise, np.hanning(9) / 4, "same") * (1 + 0.5 * np.sin(2 * np.pi * 0.3 * TIME))


def _speech(seed: int) -> np.ndarray:
    """Loud bursts, four seconds in every ten."""
    voice = sum(np.sin(2 * np.pi * 140 * k * TIME + k) / k for k in range(1, 12)) * 0.2
    return voice * (TIME % 10 < 4) * (1 + np.random.default_rng(seed).normal(0, 0.1, len(TIME)))


@pytest.mark.parametrize(("shift_ms", "gain"), [(-1500, 1.0), (0, 1.0), (3, 0.5), (480, 2.0)])
def test_a_shift_and_a_gain_are_found_under_speech(shift_ms: int, gain: float) -> None:
    music = _music(1)
    original = (music + _speech(2)).astype(np.float32)
    given = np.roll(music / gain, -shift_ms * RATE // 1000).astype(np.float32)
    found = align_sounds(original, given)
    assert found.is_sure and abs(found.shift_ms - shift_ms) < 0.1
    assert abs(found.gain - gain) < 0.02


@pytest.mark.parametrize("given", [_music(9), np.zeros(len(TIME)), np.zeros(0)])
def test_what_has_nothing_in_common_is_left_alone(given: np.ndarray) -> None:
    found = align_sounds((_music(1) + _speech(2)).astype(np.float32), given.astype(np.float32))
    assert (found.is_sure, found.shift_ms, found.gain) == (False, 0.0, 1.0)
