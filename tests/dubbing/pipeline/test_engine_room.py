"""Engines within a memory budget: kept while there is room, sent out oldest first, one at a time without a budget."""

from __future__ import annotations

from typing import Any

import pytest

from dubbing.jobs.warm import WarmRoom
from dubbing.pipeline import engine_room
from dubbing.pipeline.engine_room import EngineRoom


class Model:
    """An engine that notes what is done with it; ``grows_mb``: what loading it takes, whatever it says."""

    held_mb = 0.0

    def __init__(self, name: str, memory_mb: float = 0.0, grows_mb: float = 0.0) -> None:
        self.name, self.memory_mb, self.grows_mb, self.loaded, self.loads = name, memory_mb, grows_mb, False, 0

    def load(self) -> None:
        if not self.loaded:
            self.loaded, self.loads = True, self.loads + 1
            Model.held_mb += self.grows_mb

    def release(self) -> None:
        if self.loaded:
            self.loaded = False
            Model.held_mb -= self.grows_mb


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Model, "held_mb", 100.0)
    monkeypatch.setattr(engine_room, "resident_mb", lambda: Model.held_mb)


def use(room: EngineRoom, *engines: Any) -> list[str]:
    for engine in engines:
        room.admit(engine)
        assert engine.loaded
    return [engine.name for engine in room.resident]  # type: ignore[attr-defined]


def test_without_a_budget_there_is_one_at_a_time() -> None:
    a, b = Model("a"), Model("b")
    room = EngineRoom()
    assert use(room, a, a, b) == ["b"] and not a.loaded and a.loads == 1
    room.admit(None)
    room.clear()
    assert not b.loaded and room.resident == []


def test_engines_stay_while_they_fit_and_the_oldest_goes_first() -> None:
    a, b, c, d = Model("a", 400), Model("b", 300), Model("c", 300), Model("d", 500)
    room = EngineRoom(lambda: 1000)
    assert use(room, a, b, c) == ["a", "b", "c"]
    assert use(room, a) == ["b", "c", "a"] and a.loads == 1
    assert use(room, d) == ["a", "d"] and not b.loaded and not c.loaded
    assert use(room, b) == ["d", "b"]


def test_what_loading_takes_counts_where_the_engine_says_less() -> None:
    liar, small = Model("liar", 100, grows_mb=900), Model("small", 300)
    room = EngineRoom(lambda: 1000)
    assert use(room, small, liar) == ["liar"] and not small.loaded
    assert use(room, small) == ["small"]


def test_an_engine_that_is_needed_is_loaded_whatever_it_takes() -> None:
    giant, small = Model("giant", 5000), Model("small", 10)
    assert use(EngineRoom(lambda: 1000), small, giant) == ["giant"] and not small.loaded


def test_a_warm_room_keeps_engines_between_jobs_within_its_budget() -> None:
    a, b, c = Model("a", 400), Model("b", 400), Model("c", 400)
    room = WarmRoom(lambda: 1000)
    use(room, a, b)
    room.clear()
    assert use(room, a) == ["b", "a"] and a.loads == 1
    a.release()  # another room did
    assert use(room, a) == ["b", "a"] and a.loads == 2
    assert use(room, c) == ["a", "c"]
    room.cool()
    assert not a.loaded and not c.loaded
