from __future__ import annotations

import json

import pytest

from lipsync_core.train.schedule import Schedule, ScheduleConfig


def test_published_opens_once_and_for_good() -> None:
    schedule = Schedule(ScheduleConfig(critic=0.07))
    assert schedule.weights(10_000) == {"sync": 0.0, "critic": 0.07, "base": pytest.approx(0.93)}
    assert not schedule.validated(100, 0.75)
    assert schedule.weights(101)["sync"] == 0
    assert schedule.validated(200, 0.74)
    assert schedule.weights(201) == {"sync": 0.03, "critic": 0.07, "base": pytest.approx(0.9)}
    assert not schedule.validated(300, 2.0)
    assert schedule.weights(301)["sync"] == 0.03
    assert (schedule.opened, schedule.heard) == (200, 2.0)


def test_goes_on_from_a_checkpoint() -> None:
    schedule = Schedule()
    schedule.validated(7, 0.1)
    again = Schedule()
    again.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    assert again == schedule
    assert again.weights(8) == schedule.weights(8)


def test_ramp_rises_whatever_validation_says() -> None:
    schedule = Schedule(ScheduleConfig("ramp", sync=0.1, start=100, rise=50, balance=False))
    assert [schedule.weights(step)["sync"] for step in (0, 100, 125, 150, 900)] == pytest.approx([0, 0, 0.05, 0.1, 0.1])
    assert not schedule.validated(10, 0.0)
    assert schedule.weights(100) == {"sync": 0.0, "critic": 0.0, "base": 1.0}


def test_constant_is_there_at_once_and_the_critic_when_told() -> None:
    schedule = Schedule(ScheduleConfig("constant", sync=0.2, critic=0.1, critic_start=5))
    assert schedule.weights(0) == {"sync": 0.2, "critic": 0.0, "base": 0.8}
    assert schedule.weights(5) == {"sync": 0.2, "critic": 0.1, "base": pytest.approx(0.7)}


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="published"):
        Schedule(ScheduleConfig("sometimes"))  # type: ignore[arg-type]
