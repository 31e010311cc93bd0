"""A generator's whole run on drawn faces: frozen judges, a critic beside it, a schedule, and the same bits again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lipsync_core.train import card, run, validate
from lipsync_core.train.checkpoint import newest
from lipsync_core.train.config import ConfigError, from_dict
from lipsync_core.train.drill import compare
from lipsync_core.train.generator_task import GeneratorTask
from lipsync_core.train.losses import fingerprint
from lipsync_core.train.networks.expert import TemporalExpert
from lipsync_core.train.networks.generator import build
from lipsync_core.train.place import Place, find
from tests.lipsync_core.cartoon import mesh
from tests.lipsync_core.train.tiny_shards import make_tiny_shards


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards, and an expert that has learnt nothing."""
    root = tmp_path_factory.mktemp("generator")
    make_tiny_shards(root / "shards", people=4, clips=1, frames=40)
    torch.manual_seed(0)
    expert = TemporalExpert()
    card.save_weights(root / "expert.safetensors", expert.state_dict(),
                      {"network": expert.config(), "calibration": {"scale": 8.0, "bias": -1.0}})
    return root


def tables(**sections: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {
        "task": "generator",
        "data": {"shards": "shards", "batch": 1},
        "generator": {"width": 0.5},
        "losses": {"identity": 0.0},
        "schedule": {"kind": "published", "sync": 0.03, "critic": 0.05, "threshold": 1e9},
        "judges": {"expert": "expert.safetensors", "judge": "none", "embedder": "none", "critic": "sync"},
        "optimizer": {"warmup": 1},
        "loop": {"steps": 4, "device": "cpu", "precision": "bf16", "validate": 2, "save": 1, "board": False,
                 "threads": 0, "log": 1},
        "validate": {"clips": 1, "frames": 12},
    }
    return {name: value | sections.get(name, {}) if isinstance(value, dict) else value for name, value in given.items()}


@pytest.fixture(autouse=True)
def drawn_mesh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No face network: a mesh whose mouth opens from frame to frame."""

    def fake(seen: np.ndarray) -> np.ndarray:
        return np.stack([mesh(0.02 * (k % 7), centre=(96.0, 70.0)) for k in range(len(seen))])

    monkeypatch.setattr(validate, "CropMesh", lambda models: fake)


def test_generator_and_critic_learn_while_the_expert_stays(folder: Path, tmp_path: Path) -> None:
    given = from_dict(tables(), run.sections_of, folder)
    trainer = run.trainer_of(given, find("cpu", "bf16"), tmp_path, say=lambda line: None)
    task = trainer.task
    assert isinstance(task, GeneratorTask) and task.schedule.weights(0)["sync"] == 0
    before = {name: fingerprint(network) for name, network in task.networks().items()}
    expert = fingerprint(task.losses.expert)
    assert expert
    outcome = trainer.fit()
    assert outcome.skipped == 0 and np.isfinite(outcome.figures["sync_loss"]) and "expert_distance" in outcome.figures
    assert task.schedule.opened == 2 and task.schedule.weights(2)["sync"] == 0.03
    assert fingerprint(task.losses.expert) == expert
    assert {name for name, network in task.networks().items() if fingerprint(network) != before[name]} == {
        "generator", "critic"}
    told = card.read_card(tmp_path / "weights.safetensors")
    assert told["kind"] == "generator" and told["data"]["people"] == 2 and told["network"]["width"] == 0.5
    network = build(told["network"])
    network.load_state_dict(card.read_weights(tmp_path / "weights.safetensors")[0], strict=False)
    assert network(torch.zeros(1, 1, 80, 16), torch.zeros(1, 6, 96, 96)).shape == (1, 3, 96, 96)


def test_a_generator_goes_on_with_the_same_bits(folder: Path, tmp_path: Path) -> None:
    given = from_dict(tables(), run.sections_of, folder)
    run.train(given, tmp_path / "whole", say=lambda line: None)
    run.train(given, tmp_path / "parts", seconds=0, say=lambda line: None)
    first = newest(tmp_path / "parts" / "checkpoints")
    assert first is not None and first["step"] == 1
    run.train(given, tmp_path / "parts", resume=True, say=lambda line: None)
    different, compared = compare(tmp_path / "whole", tmp_path / "parts")
    assert not different and compared > 200


@pytest.mark.parametrize(("change", "said"), [
    ({"judges": {"critic": "none"}}, "a critic needs both judges.critic"),
    ({"generator": {"kind": "wav2lip", "width": 0.3}}, "generator: the width of Wav2Lip's layout"),
    ({"data": {"shards": "nowhere"}}, "holds no shards"),
    ({"data": {"size": 100}}, "generator: our own generator has faces of"),
    ({"judges": {"expert": "nothing.safetensors"}}, "there is no such file"),
])
def test_what_cannot_be_trained_is_said_before_it_starts(folder: Path, change: dict[str, dict[str, Any]],
                                                         said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        GeneratorTask.build(from_dict(tables(**change), run.sections_of, folder), find("cpu", "fp32"))
    assert isinstance(error.value, ConfigError) or type(error.value) is not ValueError


def test_the_command_ends_with_one_sentence_where_the_configuration_is_no_good(
        folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from lipsync_core.train.__main__ import main

    config = folder / "bad.toml"
    config.write_text('task = "generator"\n[losses]\npixel = 1\n')
    assert main([str(config), "--out", str(folder / "out")]) == 2
    assert capsys.readouterr().err == "error: losses.pixel: there is no such setting; did you mean pixels?\n"
    assert not (folder / "out").exists()


def test_only_the_first_process_validates(folder: Path) -> None:
    given = from_dict(tables(), run.sections_of, folder)
    second = GeneratorTask.build(given, Place(torch.device("cpu"), "fp32", 1, 2))
    assert second.validator is None and second.validate(0) == {}
