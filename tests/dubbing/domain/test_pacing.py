"""Phrases start with the original's, keep its pauses, and never run into somebody else's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.isochrony import COMFORT, TEMPO_CEILING, Fit, Slot, plan_fit
from dubbing.domain.pacing import plan
from dubbing.domain.phrases import Phrase


def phrases(*times: tuple[int, int]) -> list[Phrase]:
    return [Phrase(start, end, "x") for start, end in times]


def test_each_phrase_starts_with_the_originals() -> None:
    made = plan([950, 1500], phrases((0, 1000), (1600, 3000)), Slot(0, 3000, 4000))
    assert made.starts_ms == (0, 1600) and made.targets_ms == (1000, 1400) and made.fit is Fit.GREEN


def test_a_long_phrase_runs_into_the_pause_and_the_next_is_on_time() -> None:
    made = plan([1500, 1300], phrases((0, 1000), (1600, 3000)), Slot(0, 3000, 3000))
    assert made.targets_ms[0] > 1200 and made.starts_ms == (0, 1600)
    assert made.starts_ms[1] - made.targets_ms[0] >= 300


def test_silence_after_the_line_is_borrowed_before_anything_is_pressed() -> None:
    made = plan([1400, 2300], phrases((0, 1000), (1600, 3000)), Slot(0, 3000, 5000))
    assert made.tempo <= COMFORT[1] + 1e-6 and made.end_ms > 3000
    pressed = plan([1400, 2300], phrases((0, 1000), (1600, 3000)), Slot(0, 3000, 3000))
    assert pressed.tempo > COMFORT[1] and pressed.end_ms <= 3000


def test_a_late_phrase_begins_earlier_before_it_is_pressed() -> None:
    made = plan([500, 1500], phrases((0, 1500), (2000, 2800)), Slot(0, 2800, 2800))
    assert made.tempo <= COMFORT[1] + 1e-6 and made.end_ms <= 2800 and 1500 <= made.starts_ms[1] < 2000


def test_a_pause_that_was_asked_for_is_as_long_as_asked() -> None:
    asked = [Phrase(0, 1000, "x"), Phrase(1400, 2400, "y", gap_ms=700)]
    made = plan([1000, 1000], asked, Slot(0, 2400, 4000))
    assert made.starts_ms[1] - made.targets_ms[0] == 700


def test_phrases_keep_one_tempo_about() -> None:
    made = plan([1000, 1000], phrases((0, 400), (800, 2800)), Slot(0, 2800, 2800))
    tempos = [1000 / target for target in made.targets_ms]
    assert max(tempos) / min(tempos) <= 1.33


@pytest.mark.parametrize(("pace", "longer"), [(1.2, False), (0.8, True)])
def test_a_pace_is_followed_within_the_room(pace: float, longer: bool) -> None:
    slot = Slot(0, 3000, 3600)
    usual = plan([1000, 1400], phrases((0, 1000), (1600, 3000)), slot)
    made = plan([1000, 1400], phrases((0, 1000), (1600, 3000)), slot, pace)
    assert (sum(made.targets_ms) > sum(usual.targets_ms)) is longer and made.end_ms <= slot.room_ms
    assert made.tempo == pytest.approx(usual.tempo * pace, rel=0.03)


@given(st.integers(200, 9000), st.integers(200, 6000), st.integers(0, 3000))
def test_one_phrase_is_planned_as_a_line_is(natural: int, length: int, spare: int) -> None:
    slot = Slot(0, length, length + spare)
    made, line = plan([natural], phrases((0, length)), slot), plan_fit(natural, slot)
    assert made.starts_ms == (0,) and made.fit is line.fit
    assert made.targets_ms[0] == pytest.approx(line.target_ms, abs=2)


@given(st.lists(st.tuples(st.integers(150, 3000), st.integers(200, 2500), st.integers(300, 900)), min_size=1,
                max_size=4), st.integers(0, 3000), st.floats(0.7, 1.5))
def test_phrases_never_overlap_and_stay_in_the_room(rows: list[tuple[int, int, int]], spare: int, pace: float) -> None:
    own, at = [], 0
    for _, length, pause in rows:
        own.append(Phrase(at, at + length, "x"))
        at += length + pause
    naturals = [natural for natural, _, _ in rows]
    slot = Slot(0, own[-1].end_ms, own[-1].end_ms + spare)
    made = plan(naturals, own, slot, pace)
    ends = [start + target for start, target in zip(made.starts_ms, made.targets_ms, strict=True)]
    assert made.starts_ms[0] == 0
    assert all(end < start for end, start in zip(ends, made.starts_ms[1:], strict=False))
    shortest = sum(-(-natural // TEMPO_CEILING) for natural in naturals)
    if shortest + 100 * len(rows) <= slot.room_ms:
        assert made.end_ms <= slot.room_ms + 1


def test_a_line_without_a_length_is_refused() -> None:
    for naturals in ([], [0.0]):
        with pytest.raises(ValueError):
            plan(naturals, phrases((0, 100)), Slot(0, 100, 200))
