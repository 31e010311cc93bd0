"""From a model's durations to phoneme times."""

from __future__ import annotations

import numpy as np
import pytest

from dubbing.domain.speech import Phoneme
from dubbing.engines.tts.timing import join, timeline, trim

RATE = 24_000


def sound_of(*parts: tuple[float, float]) -> np.ndarray:
    """Tone pieces of (ms, level)."""
    pieces = [level * np.sin(np.arange(int(ms * RATE / 1000)) * 0.3) for ms, level in parts]
    return np.concatenate(pieces).astype(np.float32)


def test_marks_join_their_phone_and_diphthongs_split() -> None:
    sound = sound_of((100, 0), (400, 0.3), (100, 0))
    found = timeline("^mˈAː^", [100, 50, 50, 250, 50, 100], sound, RATE)
    assert [p.symbol for p in found] == [" ", "m", "e", "ɪː", " "]
    assert found[1].end_ms == 150 and found[2].start_ms == 150
    assert found[-1].end_ms == 600
    assert all(a.end_ms == b.start_ms for a, b in zip(found, found[1:], strict=False))


def test_a_space_is_a_pause_only_where_it_is_quiet() -> None:
    durations = [50, 100, 100, 100, 50]
    spoken = timeline("^a b^", durations, sound_of((50, 0), (300, 0.3), (50, 0)), RATE)
    assert [p.symbol for p in spoken] == [" ", "a", "b", " "]
    assert spoken[1].end_ms == 200
    quiet = timeline("^a b^", durations, sound_of((50, 0), (100, 0.3), (100, 0), (100, 0.3), (50, 0)), RATE)
    assert [p.symbol for p in quiet] == [" ", "a", " ", "b", " "]
    assert quiet[2].start_ms == pytest.approx(150, abs=5) and quiet[2].end_ms == pytest.approx(250, abs=5)


def test_quiet_inside_the_last_phone_belongs_to_the_pause() -> None:
    found = timeline("^an.^", [50, 100, 300, 50, 50], sound_of((50, 0), (180, 0.3), (320, 0)), RATE)
    assert [p.symbol for p in found] == [" ", "a", "n", " "]
    assert found[2].end_ms == pytest.approx(230, abs=10)


def test_lead_moves_inner_edges_only() -> None:
    found = timeline("^ab^", [100, 100, 100, 100], sound_of((50, 0), (300, 0.3), (50, 0)), RATE, lead_ms=50)
    assert (found[1].start_ms, found[1].end_ms, found[-1].end_ms) == (50, 150, 400)


def test_trim_and_join_keep_times_true() -> None:
    sound = sound_of((300, 0), (200, 0.3), (400, 0))
    cut, phones = trim(sound, timeline("^a^", [300, 200, 400], sound, RATE), RATE)
    assert len(cut) == pytest.approx(0.28 * RATE, abs=2)
    assert phones[1] == Phoneme("a", 20.0, 220.0)
    both, times = join([(cut, phones, 100.0), (cut, phones, 100.0)], RATE)
    assert len(both) == 2 * len(cut) + RATE // 10
    assert times[-1].end_ms == pytest.approx(len(both) * 1000 / RATE)
    second = [p for p in times if p.symbol == "a"][1]
    start = int(second.start_ms * RATE / 1000)
    assert np.abs(both[start - 200: start - 10]).max() < 1e-6 < np.abs(both[start: start + 200]).max()
