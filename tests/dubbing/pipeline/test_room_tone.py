"""Tone of a room where M&E is digitally silent."""

from __future__ import annotations

import numpy as np
import pytest

from dubbing.pipeline.room_tone import has_holes, learn_tone, toned, with_tone

RATE = 16_000
LINES = [(RATE, 3 * RATE), (5 * RATE, 7 * RATE)]


def hum(level: float, seconds: float = 9.0, channels: int = 2) -> np.ndarray:
    return (level * np.random.default_rng(1).standard_normal((channels, int(seconds * RATE)))).astype(np.float32)


def original(tone: np.ndarray) -> np.ndarray:
    """The tone with loud lines, and a bang between them."""
    sound = tone.copy()
    speech = np.random.default_rng(2).standard_normal(sound.shape[1]).astype(np.float32)
    for start, end in LINES:
        sound[:, start:end] += 0.2 * speech[start:end]
    sound[:, 4 * RATE: 4 * RATE + 2000] += 0.5
    return sound


def blocks(sound: np.ndarray, size: int = 7001) -> list[np.ndarray]:
    return [sound[:, i: i + size] for i in range(0, sound.shape[1], size)]


def rms_db(sound: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(sound))) + 1e-12))


def test_a_hole_under_a_line_is_filled_with_the_tone_and_nothing_else_is_touched() -> None:
    tone = hum(0.003)
    m_and_e = tone.copy()
    m_and_e[:, RATE: 3 * RATE] = 0.0
    learned = learn_tone(blocks(original(tone)), LINES, RATE)
    assert learned is not None
    out = np.concatenate(list(with_tone(blocks(m_and_e), learned, LINES, RATE)), axis=1)
    assert out.shape == m_and_e.shape
    assert rms_db(out[:, RATE + 800: 3 * RATE - 800]) == pytest.approx(rms_db(tone), abs=1.5)
    np.testing.assert_array_equal(out[:, :RATE], m_and_e[:, :RATE])
    np.testing.assert_array_equal(out[:, 3 * RATE:], m_and_e[:, 3 * RATE:])
    # It begins from nothing, within a frame of 20 ms.
    assert np.abs(out[:, RATE: RATE + 320]).max() < 0.015


def test_the_loop_has_no_seam_and_no_bang() -> None:
    learned = learn_tone(blocks(original(hum(0.003))), LINES, RATE)
    assert learned is not None
    twice = learned.at(0, 2 * learned.loop.shape[1])
    frames = twice[:, : twice.shape[1] // 800 * 800].reshape(2, -1, 800)
    levels = 10 * np.log10(np.mean(np.square(frames), axis=(0, 2)))
    assert levels.max() - levels.min() < 3.0
    assert np.abs(twice).max() < 0.02


def test_no_tone_where_the_original_is_silent_between_lines_too() -> None:
    assert learn_tone(blocks(original(hum(0.0))[:, : 4 * RATE - 100]), LINES, RATE) is None


def test_no_tone_where_music_plays_all_along() -> None:
    assert learn_tone(blocks(original(hum(0.2))), LINES, RATE) is None


def test_m_and_e_that_holds_its_own_tone_stays() -> None:
    tone = hum(0.003)
    learned = learn_tone(blocks(original(tone)), LINES, RATE)
    assert learned is not None
    out = np.concatenate(list(with_tone(blocks(tone), learned, LINES, RATE)), axis=1)
    np.testing.assert_array_equal(out, tone)


def test_only_m_and_e_with_holes_is_filled() -> None:
    tone = hum(0.003)
    empty = np.zeros_like(tone)
    assert has_holes(blocks(empty), LINES, RATE)
    assert not has_holes(blocks(tone), LINES, RATE)
    assert not has_holes(blocks(np.concatenate([tone[:, : 7 * RATE], empty[:, 7 * RATE:]], axis=1)), LINES, RATE)

    def made(m_and_e: np.ndarray, source: np.ndarray) -> np.ndarray:
        return np.concatenate(list(toned(lambda: blocks(m_and_e), lambda: blocks(source), LINES, RATE)), axis=1)

    assert np.abs(made(empty, original(tone))[:, RATE + 800: 3 * RATE - 800]).max() > 0.003
    np.testing.assert_array_equal(made(tone, original(tone)), tone)
    np.testing.assert_array_equal(made(empty, original(hum(0.2))), empty)
