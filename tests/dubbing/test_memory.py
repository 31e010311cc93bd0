"""The memory budget of models: from the setting or from what is free; engines above it are not taken by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dubbing import memory, registry
from dubbing.config import load_settings
from dubbing.engines.separate.deepfilter import DeepFilterSeparator
from dubbing.errors import UnavailableError


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_the_setting_is_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBING_MEMORY_BUDGET_GB", "2.5")
    assert memory.budget_mb() == 2500
    monkeypatch.setenv("DUBBING_MEMORY_BUDGET_GB", "0")
    load_settings.cache_clear()
    monkeypatch.setattr(memory, "_free_at_first", lambda: 8000.0)
    assert memory.budget_mb() == 6000


def test_a_control_group_leaves_less_than_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text("4000000000\n")
    (tmp_path / "memory.current").write_text("3000000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 500000000\n")
    monkeypatch.setattr(memory, "_available", lambda: 9000.0)
    monkeypatch.setattr(memory, "_GROUPS", ((tmp_path, "memory.max", "memory.current", "inactive_file"),))
    assert memory.free_mb() == pytest.approx(1500)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_mb() == 9000
    monkeypatch.setattr(memory, "_available", lambda: None)
    assert memory.free_mb() > 0


def test_an_engine_above_the_budget_is_left_out_and_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBING_MEMORY_BUDGET_GB", "1")
    monkeypatch.setattr(registry, "names", lambda _kind: ("deepfilter", "fake"))
    monkeypatch.setattr(DeepFilterSeparator, "why_unavailable", lambda _self: None)
    assert registry.choose("separate").id == "deepfilter" and registry.left_out({"separate": "auto"}) == []
    monkeypatch.setattr(DeepFilterSeparator, "memory_mb", 3000, raising=False)
    with pytest.raises(UnavailableError, match="3.0 GB of memory, and models may take 1.0 GB"):
        registry.choose("separate")
    assert registry.choose("separate", "deepfilter").id == "deepfilter"
    (line,) = registry.left_out({"separate": "auto"})
    assert line.startswith("separate: deepfilter is left out. It takes about 3.0 GB")
    assert registry.left_out({"separate": "deepfilter"}) == []
