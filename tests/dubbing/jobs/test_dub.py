"""The dub job: what it fetches before it begins. What it makes is tested with the worker that does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from dubbing.errors import UnavailableError
from dubbing.jobs import dub
from dubbing.pipeline.progress import Progress


def test_models_that_are_missing_are_fetched_first_and_seen_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    class Shelf:
        def defaults(self) -> list[SimpleNamespace]:
            return [SimpleNamespace(name=name) for name in ("here", "there", "nowhere")]

        def find(self, name: str) -> Path | None:
            return Path("here") if name == "here" else None

        def fetch(self, name: str, report: Callable[[float, float], None]) -> Path:
            if name == "nowhere":
                raise UnavailableError("It cannot be had.", "Look elsewhere.")
            report(5, 5)
            fetched.append(name)
            return Path(name)

    monkeypatch.setattr(dub, "Store", Shelf)
    told: list[Progress] = []
    asked: list[None] = []
    dub.fetch_models(SimpleNamespace(check=lambda: asked.append(None)), told.append)
    assert fetched == ["there"] and len(asked) == 3
    assert [(event.stage, event.unit, event.fraction) for event in told] == [("weights", "byte", 1.0)]
