"""The loop: what a step is, what is kept, and how a run ends and goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lipsync_core.train import card, checkpoint, run
from lipsync_core.train.config import ConfigError, LoopConfig, OptimizerConfig, from_dict
from lipsync_core.train.drill import compare, drill, kill
from lipsync_core.train.ema import Ema
from lipsync_core.train.loop import Outcome, Trainer, TrainingError
from lipsync_core.train.place import find
from lipsync_core.train.progress import read_log
from tests.lipsync_core.train.toy import ToyData, ToyTask

ROOT = Path(__file__).resolve().parents[3]
TOY = (sys.executable, "-m", "tests.lipsync_core.train.toy")


def trainer(folder: Path | None, data: ToyData | None = None, task: type[ToyTask] = ToyTask, resume: bool = False,
            precision: str = "fp32", lines: list[str] | None = None, **loop: Any) -> Trainer:
    place = find("cpu", precision)
    told = LoopConfig(**{"steps": 30, "validate": 10, "save": 7, "log": 5, "board": False, "ema": 0.9} | loop)
    return Trainer(task(data or ToyData(), place), OptimizerConfig(rate=1e-2, warmup=3), told, place, folder,
                   {"task": "toy"}, resume, (lambda line: None) if lines is None else lines.append)


def test_it_learns_logs_validates_and_keeps_weights_with_their_card(tmp_path: Path) -> None:
    lines: list[str] = []
    outcome = trainer(tmp_path, lines=lines, steps=200, best="-error", validate=50, log=50, save=80).fit()
    assert (outcome.step, outcome.reason, outcome.skipped) == (200, "done", 0)
    log = read_log(tmp_path / "log.jsonl")
    losses = [line["losses"]["error"] for line in log if "losses" in line]
    assert len(losses) == 4 and losses[-1] < 0.5 * losses[0]
    assert [line["step"] for line in log if "validation" in line] == [50, 100, 150, 200]
    assert "200/200" in lines[-3] and lines[-1] == "All 200 steps are done"
    told = card.read_card(tmp_path / "weights.safetensors")
    assert told["kind"] == "toy" and told["step"] == 200 and told["config"] == {"task": "toy"}
    assert told["metrics"]["error"] == pytest.approx(outcome.figures["error"], abs=1e-5)
    errors = {line["step"]: line["validation"]["error"] for line in log if "validation" in line}
    assert card.read_card(tmp_path / "best.safetensors")["step"] == min(errors, key=errors.__getitem__)
    assert [checkpoint.step_of(path) for path in checkpoint.found(tmp_path / "checkpoints")] == [160, 200]


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_run_that_stopped_goes_on_with_the_same_bits(tmp_path: Path, precision: str) -> None:
    trainer(tmp_path / "whole", precision=precision).fit()
    asked: list[int] = []

    def after_thirteen() -> bool:
        asked.append(0)
        return len(asked) == 13

    parts = trainer(tmp_path / "parts", precision=precision)
    assert parts.fit(should_stop=after_thirteen).reason == "asked" and parts.step == 13
    torch.manual_seed(99)
    np.random.seed(99)
    going_on = trainer(tmp_path / "parts", precision=precision, resume=True)
    assert going_on.step == 13 and going_on.fit().reason == "done"
    different, compared = compare(tmp_path / "whole", tmp_path / "parts")
    assert not different and compared > 40
    steps = [line["step"] for line in read_log(tmp_path / "parts" / "log.jsonl") if "losses" in line]
    assert steps == [5, 10, 15, 20, 25, 30]


TABLES: dict[str, Any] = {"task": "toy", "optimizer": {"rate": 0.01},
                          "loop": {"steps": 60, "device": "cpu", "precision": "bf16", "validate": 10, "board": False,
                                   "log": 1, "save": 20}}


def written(path: Path, tables: Mapping[str, Any]) -> Path:
    """The tables as a TOML file."""
    lines = [f"task = {json.dumps(tables['task'])}"]
    for name, table in tables.items():
        if name != "task":
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    path.write_text("\n".join(lines))
    return path


def train(tables: Mapping[str, Any], folder: Path, resume: bool = False) -> Outcome:
    return run.train(from_dict(tables, run.sections_of), folder, resume=resume, say=lambda line: None)


def test_a_killed_run_ends_with_the_bits_of_one_that_was_not(tmp_path: Path) -> None:
    train(TABLES, tmp_path / "whole")
    config, killed = written(tmp_path / "toy.toml", TABLES), tmp_path / "killed"
    last = kill([*TOY, str(config), "--out", str(killed)], killed / "log.jsonl", 33, tmp_path / "said.txt")
    assert 33 <= last < 60 and not (killed / "weights.safetensors").exists()
    lines: list[str] = []
    run.train(from_dict(TABLES, run.sections_of), killed, resume=True, say=lines.append)
    assert lines[0] in ("Resumed after step 20 of 60", "Resumed after step 40 of 60")
    different, compared = compare(tmp_path / "whole", killed)
    assert not different and compared > 40
    altered = bytearray((killed / "weights.safetensors").read_bytes())
    altered[-1] ^= 1
    (killed / "weights.safetensors").write_bytes(bytes(altered))
    assert compare(tmp_path / "whole", killed)[0] == ["weights.safetensors"]


@pytest.mark.real
def test_the_drill_kills_resumes_and_compares(tmp_path: Path) -> None:
    config = written(tmp_path / "toy.toml", TABLES)
    told = drill(config, tmp_path / "runs", 50, 1, seed=3, save=10, command=TOY)
    assert not told.different and told.compared > 40 and 0 < told.resumed_from[0] <= told.killed_after[0] < 50
    assert str(told).endswith("are the same bits.")


def test_two_processes_learn_what_one_does_with_both_their_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                                ) -> None:
    tables = TABLES | {"data": {"dropout": 0.0}, "loop": TABLES["loop"] | {"precision": "fp32", "steps": 25}}
    train(tables, tmp_path / "alone")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, value in {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}.items():
        monkeypatch.setenv(name, value)
    call = [*TOY, str(written(tmp_path / "toy.toml", tables)), "--out", str(tmp_path / "both")]
    second = subprocess.Popen(call, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=os.environ | {"RANK": "1", "LOCAL_RANK": "1"})
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_RANK", "0")
    try:
        assert train(tables, tmp_path / "both").step == 25
        said = second.communicate(timeout=120)[0]
    finally:
        second.kill()
    assert second.returncode == 0, said
    assert "step" not in said
    one, two = (checkpoint.newest(tmp_path / name / "checkpoints") for name in ("alone", "both"))
    assert one is not None and two is not None and two["step"] == 25
    for name, weight in one["networks"]["toy"].items():
        torch.testing.assert_close(two["networks"]["toy"][name], weight, rtol=1e-4, atol=1e-5)
    assert two["task"]["heard"] == pytest.approx(one["task"]["heard"], rel=1e-3)
    losses = [[line["losses"]["error"] for line in read_log(tmp_path / name / "log.jsonl") if "losses" in line]
              for name in ("alone", "both")]
    assert len(losses[1]) == 25 and losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_a_new_run_does_not_write_over_an_old_one(tmp_path: Path) -> None:
    trainer(tmp_path, steps=2).fit()
    with pytest.raises(ConfigError, match="holds a run already: continue it with --resume"):
        trainer(tmp_path, steps=2)


def test_a_run_goes_on_only_as_itself(tmp_path: Path) -> None:
    train(TABLES | {"loop": TABLES["loop"] | {"steps": 3}}, tmp_path)
    longer = TABLES | {"loop": TABLES["loop"] | {"steps": 5}}
    assert train(longer, tmp_path, resume=True).step == 5
    with pytest.raises(checkpoint.ResumeError, match="data.rows was 16 and is 8 now"):
        train(longer | {"data": {"rows": 8}}, tmp_path, resume=True)
    with pytest.raises(checkpoint.ResumeError, match="seed was 0 and is 1 now"):
        train(longer | {"loop": longer["loop"] | {"seed": 1}}, tmp_path, resume=True)


def test_other_data_are_noticed_when_a_run_goes_on(tmp_path: Path) -> None:
    trainer(tmp_path, steps=2).fit()
    lines: list[str] = []
    trainer(tmp_path, ToyData(rows=8), resume=True, lines=lines)
    assert lines[1] == "The data are not those that the run began with: it goes on, but not bit by bit"
    trainer(tmp_path, resume=True, lines=(same := []))
    assert same == ["Resumed after step 2 of 30"]


def test_time_and_signals_end_a_run_in_order(tmp_path: Path) -> None:
    class Told(ToyTask):
        def loss(self, step: int) -> Mapping[str, Tensor]:
            if step == 6:
                signal.raise_signal(signal.SIGTERM)
            return super().loss(step)

    before = signal.getsignal(signal.SIGTERM)
    lines: list[str] = []
    outcome = trainer(tmp_path / "a", task=Told, lines=lines).fit()
    assert (outcome.reason, outcome.step) == ("signal", 7) and signal.getsignal(signal.SIGTERM) == before
    assert lines[-1] == f"Told to stop after step 7 of 30; continue with --resume from {tmp_path / 'a'}"
    assert checkpoint.step_of(checkpoint.found(tmp_path / "a" / "checkpoints")[-1]) == 7
    assert (tmp_path / "a" / "weights.safetensors").exists()
    late = trainer(tmp_path / "b").fit(seconds=0)
    assert (late.reason, late.step) == ("time", 1)


def test_losses_that_are_not_finite_move_nothing_and_end_the_run(tmp_path: Path) -> None:
    broken = trainer(None, ToyData(broken=5), steps=200)
    with pytest.raises(TrainingError, match="not been finite for 50 steps up to step 55"):
        broken.fit()
    assert all(bool(torch.isfinite(p).all()) for p in broken.task.networks()["toy"].parameters())
    kept = trainer(None, steps=5)
    kept.fit()
    for one, other in zip(kept.task.networks()["toy"].parameters(), broken.task.networks()["toy"].parameters(),
                          strict=True):
        assert torch.allclose(one, other, atol=1e-2)


def test_a_wrong_name_for_the_best_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="loop.best is accuracy, which validation does not give; it gives error"):
        trainer(tmp_path, best="accuracy").fit()


def test_whoever_trains_in_between_keeps_their_random_numbers() -> None:
    torch.manual_seed(5)
    random.seed(5)
    expected = torch.rand(3), random.random()
    in_between = trainer(None, steps=2)
    torch.manual_seed(5)
    random.seed(5)
    assert in_between.fit().step == 2
    assert torch.equal(torch.rand(3), expected[0]) and random.random() == expected[1]


def test_the_running_mean_is_the_mean_and_leaves_the_weights_alone() -> None:
    network = nn.Sequential(nn.Linear(2, 1, bias=False), nn.BatchNorm1d(1))
    mean = Ema({"it": network}, 0.5)
    expected = network[0].weight.detach().clone()
    for step in range(1, 40):
        with torch.no_grad():
            network[0].weight.fill_(float(step))
        mean.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    torch.testing.assert_close(mean.network_state("it")["0.weight"], expected)
    with mean.applied():
        torch.testing.assert_close(network[0].weight.detach(), expected)
    assert bool((network[0].weight == 39).all())
    again = Ema({"it": network}, 0.5)
    again.load_state_dict(mean.state_dict())
    assert again.updates == 39
    assert torch.equal(again.network_state("it")["0.weight"], mean.network_state("it")["0.weight"])
    assert "1.running_mean" in mean.network_state("it")
    none = Ema({"it": network}, 0.0)
    none.update()
    assert torch.equal(none.network_state("it")["0.weight"], network[0].weight)
    with pytest.raises(ValueError, match=r"lies in \[0, 1\)"):
        Ema({"it": network}, 1.0)


def test_a_device_that_is_not_there_is_said() -> None:
    with pytest.raises(ConfigError, match="loop.device is cuda:9, which this machine does not have"):
        find("cuda:9")
    with pytest.raises(ConfigError, match="it can be auto, cpu"):
        find("gpu")
