"""Marks are folded into sounds, and a timeline that is shifted against its sound is noticed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lipsync_core.speech.timeline import fold, levels_db, shifted, sound_offset_ms

RATE = 16000


def phones(*rows: tuple[str, float, float]) -> list[SimpleNamespace]:
    return [SimpleNamespace(symbol=s, start_ms=a, end_ms=b) for s, a, b in rows]


def test_stress_goes_to_the_next_sound_and_length_to_the_one_before() -> None:
    gestures = fold(phones(("b", 0, 50), ("ˈ", 50, 100), ("o", 100, 150), ("ː", 150, 225), ("̃", 225, 250),
                           (",", 250, 300), (" ", 300, 400), ("t", 400, 450)))
    assert [(g.symbol, g.start_ms, g.end_ms) for g in gestures] == [
        ("b", 0, 50), ("oː̃", 50, 250), (" ", 250, 400), ("t", 400, 450)]
    assert [g.is_closure for g in gestures] == [True, False, False, False]


def test_empty_and_broken_timelines_are_survived() -> None:
    assert fold([]) == []
    gestures = fold(phones(("ː", 0, 10), ("a", 50, 40), ("ˈ", 40, 60)))
    assert [g.symbol for g in gestures] == ["a"] and gestures[0].end_ms > gestures[0].start_ms


def _spoken(gestures: list, seed: int = 0) -> np.ndarray:
    """A crude voice: hiss for s, silence for t, a low tone for the rest."""
    random = np.random.default_rng(seed)
    length = int((gestures[-1].end_ms + 200) * RATE / 1000)
    sound = 0.001 * random.normal(size=length)
    t = np.arange(length) / RATE
    for g in gestures:
        part = slice(int(g.start_ms * RATE / 1000), int(g.end_ms * RATE / 1000))
        if g.symbol == "s":
            sound[part] += np.diff(random.normal(size=part.stop - part.start + 1)) * 0.1
        elif g.symbol == "a":
            sound[part] += 0.3 * np.sin(2 * np.pi * 140 * t[part])
    return sound.astype(np.float32)


@pytest.mark.parametrize("late_ms", [-60.0, 0.0, 50.0])
def test_a_shift_against_the_sound_is_measured(late_ms: float) -> None:
    random = np.random.default_rng(3)
    rows, at = [], 150.0
    for symbol in "asatasaattasatsa" * 2:
        length = float(random.integers(6, 14)) * 10
        rows.append((symbol, at, at + length))
        at += length
    true = fold(phones(*rows))
    found = sound_offset_ms(shifted(true, late_ms), _spoken(true), RATE)
    assert abs(found - late_ms) <= 10


def test_no_shift_is_claimed_for_noise() -> None:
    gestures = fold(phones(*[("a", 100.0 * i, 100.0 * i + 100) for i in range(20)]))
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * RATE).astype(np.float32)
    assert sound_offset_ms(gestures, noise, RATE) == 0


def test_levels_are_relative_to_the_loud_parts() -> None:
    sound = np.concatenate([np.full(RATE, 0.5), np.full(RATE, 0.05)])
    levels = levels_db(sound, RATE, np.array([500.0, 1500.0]))
    assert levels[0] - levels[1] == pytest.approx(20, abs=0.1)
