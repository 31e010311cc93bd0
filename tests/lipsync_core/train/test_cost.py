"""Every configuration that comes with the package can be read and trained a step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lipsync_core.train import cost, run


@pytest.mark.parametrize("config", sorted(cost.CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_configurations_are_understood(config: Path) -> None:
    read = run.read(config)
    assert read.loop.steps >= 100 and read.data.size in (96, 192, 256)


def test_all_configurations_that_are_measured_exist() -> None:
    assert {f"{name}.toml" for name in cost.DEFAULT} <= {path.name for path in cost.CONFIGS.glob("*.toml")}


def test_a_step_is_measured_and_a_run_that_cannot_be_is_told(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken, history = tmp_path / "broken.toml", tmp_path / "history"
    broken.write_text('task = "generator"\n[generator]\nkind = "none"\n')
    asked = [str(cost.CONFIGS / "embedder.toml"), str(broken), "--batch=4", "--steps=3", f"--history={history}"]
    assert cost.main(asked) == 1
    told = capsys.readouterr()
    assert "embedder" in told.out and "broken: " in told.err
    (row,) = json.loads(history.read_text())["rows"]
    assert row["s_per_step"] > 0 and row["core_s_per_step"] > 0 and 100 < row["peak_mb"] < 20_000
