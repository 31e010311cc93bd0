from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.isochrony import BORROW_LIMIT_MS, BREATH_MS, COMFORT, Fit, Slot, colour, plan_fit, slot_for


@st.composite
def slots(draw: st.DrawFn) -> Slot:
    start = draw(st.integers(0, 100_000))
    end = start + draw(st.integers(200, 12_000))
    following = draw(st.none() | st.integers(end - 1000, end + 10_000).filter(lambda t: t > start + 100))
    return slot_for(start, end, following, end + draw(st.integers(0, 20_000)))


@given(slots())
def test_a_slot_has_room_for_its_own_line_and_borrows_no_more_than_allowed(slot: Slot) -> None:
    assert slot.duration_ms <= slot.room_ms <= slot.duration_ms + BORROW_LIMIT_MS


@given(slots(), st.floats(100, 20_000))
def test_a_take_never_runs_into_the_next_line(slot: Slot, natural_ms: float) -> None:
    plan = plan_fit(natural_ms, slot)
    pressed_to_the_end = plan.tempo >= 1.99
    assert plan.target_ms <= slot.room_ms or pressed_to_the_end
    assert plan.borrowed_ms == max(0, plan.target_ms - slot.duration_ms)


@given(slots(), st.floats(100, 20_000))
def test_the_comfortable_window_is_left_only_for_want_of_room(slot: Slot, natural_ms: float) -> None:
    plan = plan_fit(natural_ms, slot)
    if plan.fit is not Fit.GREEN:
        assert natural_ms / COMFORT[1] > slot.room_ms - 1


def test_a_matching_line_lasts_exactly_as_long_as_the_original() -> None:
    plan = plan_fit(2100, Slot(1000, 3000, 5000))
    assert (plan.target_ms, plan.borrowed_ms, plan.fit) == (2000, 0, Fit.GREEN)


def test_a_short_line_is_not_drawn_out() -> None:
    plan = plan_fit(900, Slot(0, 2000, 4000))
    assert plan.target_ms == 1000 and plan.tempo == 0.9


def test_a_long_line_speeds_up_first_then_borrows() -> None:
    plan = plan_fit(3000, Slot(0, 2000, 4000))
    assert plan.target_ms == 2500 and plan.borrowed_ms == 500 and plan.fit is Fit.GREEN


def test_a_line_without_room_is_pressed_and_flagged() -> None:
    assert plan_fit(2500, Slot(0, 2000, 2000)).fit is Fit.AMBER
    assert plan_fit(3000, Slot(0, 2000, 2000)).fit is Fit.RED


def test_the_next_line_takes_away_the_room() -> None:
    assert slot_for(0, 1000, 1500, 60_000).limit_ms == 1500 - BREATH_MS
    assert slot_for(0, 1000, 900, 60_000).limit_ms == 1000
    assert slot_for(0, 1000, None, 60_000).limit_ms == 1000 + BORROW_LIMIT_MS


def test_colours_at_the_edges() -> None:
    assert [colour(t) for t in (0.84, 0.85, 0.9, 1.2, 1.21, 1.3, 1.31)] == [
        Fit.RED, Fit.AMBER, Fit.GREEN, Fit.GREEN, Fit.AMBER, Fit.AMBER, Fit.RED]
