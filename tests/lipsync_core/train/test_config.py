"""One file a run: what is read, and what is said about what is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from lipsync_core.train import config, run
from lipsync_core.train.config import ConfigError, LoopConfig, OptimizerConfig
from lipsync_core.train.optimize import share_of_rate


@dataclass(frozen=True, slots=True)
class Inner:
    depth: int
    share: float = 0.5


@dataclass(frozen=True, slots=True)
class Net:
    kind: Literal["own", "other"] = "own"
    widths: tuple[int, ...] = (8, 16)
    inner: Inner = field(default_factory=lambda: Inner(3))
    limit: float | None = None
    is_open: bool = False


def sections(task: str) -> Mapping[str, type]:
    if task != "thing":
        raise ConfigError(f"no task {task}")
    return {"net": Net}


def read(tmp_path: Path, text: str, *changes: str) -> config.RunConfig:
    (tmp_path / "run.toml").write_text(text)
    return config.read(tmp_path / "run.toml", sections, changes)


def test_sections_become_dataclasses_with_their_own_types(tmp_path: Path) -> None:
    given = read(tmp_path, 'task = "thing"\n[net]\nwidths = [4, 5, 6]\nlimit = 2\n[net.inner]\ndepth = 7\n'
                           '[optimizer]\nrate = 1e-3\n[data]\nshards = "here"')
    assert given["net"] == Net(widths=(4, 5, 6), inner=Inner(7), limit=2.0)
    assert given.optimizer == OptimizerConfig(rate=1e-3) and given["loop"] == LoopConfig()
    assert given.path(given.data.shards) == tmp_path / "here"
    assert given.as_dict()["net"]["inner"] == {"depth": 7, "share": 0.5}
    assert str(tmp_path) not in config.text_of(given)


def test_changes_of_the_command_line_come_last(tmp_path: Path) -> None:
    given = read(tmp_path, 'task = "thing"\n[net]\nkind = "own"', "net.kind=other", "net.inner.depth=9",
                 "loop.steps = 12")
    assert (given["net"].kind, given["net"].inner.depth, given.loop.steps) == ("other", 9, 12)


@pytest.mark.parametrize(("text", "said"), [
    ('[net]\nkind = "own"', "names no task"),
    ('task = "thing"\n[nett]\na = 1', "nett: the task thing has no such section; did you mean net?"),
    ('task = "thing"\n[optimizer]\nrat = 1', "optimizer.rat: there is no such setting; did you mean rate?"),
    ('task = "thing"\n[net]\nzzzzz = 1', r"net.zzzzz: .* \(there are kind, widths, inner, limit, is_open\)"),
    ('task = "thing"\n[net]\nkind = "x"', "net.kind is 'x'; it can be 'own', 'other'"),
    ('task = "thing"\n[net]\nwidths = [1, "b"]', r"net.widths\[1\] must be a whole number, not 'b'"),
    ('task = "thing"\n[net]\nwidths = 3', "net.widths is a list"),
    ('task = "thing"\n[net]\nis_open = 1', "net.is_open must be true or false, not 1"),
    ('task = "thing"\n[loop]\nsteps = true', "loop.steps must be a whole number, not True"),
    ('task = "thing"\n[net]\ninner = {share = 1}', "net.inner.depth must be given"),
    ('task = "thing"\nloop = 3', "loop is a section"),
    ('task = ', "is not TOML"),
])
def test_what_cannot_be_used_is_named_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        read(tmp_path, text)
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_broken_change_are_said_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such configuration"):
        config.read(tmp_path / "none.toml", sections)
    with pytest.raises(ConfigError, match="section.key=value"):
        read(tmp_path, 'task = "thing"', "loop.steps")


def test_every_registered_task_names_sections_that_can_be_filled() -> None:
    for name in ("generator", "expert", "judge", "embedder"):
        given: Any = config.from_dict({"task": name}, run.sections_of)
        assert given.task == name and given.data.size == 96
    with pytest.raises(ConfigError, match="task is 'generatr'; it can be generator, expert"):
        run.sections_of("generatr")


def test_the_rate_warms_up_and_falls_to_its_floor() -> None:
    told = OptimizerConfig(warmup=4, floor=0.1)
    shares = [share_of_rate(told, step, 104) for step in range(105)]
    assert shares[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8]) and shares[4] == 1.0
    assert shares[54] == pytest.approx(0.55) and shares[104] == pytest.approx(0.1)
    assert all(a >= b for a, b in zip(shares[4:], shares[5:], strict=False))
    line = OptimizerConfig(warmup=0, floor=0.0, schedule="linear")
    assert share_of_rate(line, 25, 100) == pytest.approx(0.75)
    assert share_of_rate(OptimizerConfig(warmup=0, schedule="constant"), 99, 100) == 1.0
