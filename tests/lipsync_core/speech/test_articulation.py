"""The trajectory closes where it must, at any frame times, and follows loudness and silence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lipsync_core.speech.articulation import articulate, closure_centres_ms


def phones(text: str, each_ms: float = 80.0, start_ms: float = 0.0) -> list[SimpleNamespace]:
    return [SimpleNamespace(symbol=s, start_ms=start_ms + i * each_ms, end_ms=start_ms + (i + 1) * each_ms)
            for i, s in enumerate(text)]


@pytest.mark.parametrize("rate", [12.5, 23.976, 25, 30, 59.94])
def test_every_closure_reaches_a_frame_even_when_fast(rate: float) -> None:
    take = phones("abapamabapa", 45)
    times = np.arange(0, 600, 1000 / rate)
    aim = articulate(take, times)
    for centre in closure_centres_ms(take):
        near = np.abs(times - centre).argmin()
        assert aim.opening[near] == 0 and aim.closure[near] == 1
    assert aim.opening.max() > 0.35


def test_variable_frame_times_see_the_same_mouth() -> None:
    take = phones("asetokila")
    even = np.arange(0, 800, 10.0)
    uneven = np.sort(np.random.default_rng(0).choice(even, 23, replace=False))
    whole, part = articulate(take, even), articulate(take, uneven)
    np.testing.assert_allclose(part.opening, whole.opening[np.searchsorted(even, uneven)], atol=1e-9)
    np.testing.assert_allclose(part.width, whole.width[np.searchsorted(even, uneven)], atol=1e-9)


def test_a_vowel_peaks_in_its_middle_without_lead_or_lag() -> None:
    times = np.arange(0, 600, 2.0)
    aim = articulate(phones("tat", 120), times)
    assert abs(times[aim.opening.argmax()] - 180) <= 6


def test_rounding_spreads_to_neighbours() -> None:
    times = np.arange(0, 400, 10.0)
    among_u, among_i = (articulate(phones(v + "k" + v, 80), times) for v in "ui")
    assert among_u.width[12] < -0.4 < 0.3 < among_i.width[12]


def test_the_mouth_rests_before_after_and_in_long_pauses() -> None:
    take = phones("ata", 80) + phones("   ", 150, 240) + phones("ata", 80, 690)
    times = np.arange(-500, 1500, 20.0)
    aim = articulate(take, times)
    rest = (times < -150) | (times > 1100) | ((times > 400) & (times < 560))
    assert aim.opening[rest].max() < 0.12 and aim.speech[rest].max() < 0.05
    assert aim.speech[(times > 60) & (times < 180)].min() > 0.9


def test_a_louder_vowel_opens_wider_and_a_silent_one_closes() -> None:
    rate = 16000
    take = phones("tatatat", 150)
    t = np.arange(int(1.05 * rate)) / rate
    loud = 0.5 * np.sin(2 * np.pi * 150 * t)
    loud[(t > 0.45) & (t < 0.6)] *= 0.1
    loud[t > 0.7] = 0
    times = np.array([225.0, 525.0, 825.0])
    aim = articulate(take, times, sound=loud, sample_rate=rate, align_to_sound=False)
    assert aim.opening[0] > aim.opening[1] + 0.1 and aim.opening[2] < 0.25


def test_no_phonemes_means_a_resting_mouth() -> None:
    aim = articulate([], np.arange(5) * 40.0)
    assert not aim.opening.any() and not aim.speech.any()


def test_a_long_take_is_solved_in_linear_time_and_stays_stable() -> None:
    take = phones("bakosetilu" * 1200, 70)
    times = np.arange(0, 70 * 12000, 40.0)
    aim = articulate(take, times)
    assert np.isfinite(aim.opening).all() and aim.opening.max() <= 1.2
    first = slice(5, 100)
    again = slice(5 + 17500, 100 + 17500)
    np.testing.assert_allclose(aim.opening[first], aim.opening[again], atol=1e-6)
