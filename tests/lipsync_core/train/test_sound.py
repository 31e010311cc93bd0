from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lipsync_core.train import run, sound
from lipsync_core.train.card import read_weights
from lipsync_core.train.config import ConfigError, from_dict
from lipsync_core.train.data.shards import Shards
from lipsync_core.train.generator_task import _listen
from lipsync_core.train.networks.generator import build
from tests.lipsync_core.train.tiny_shards import make_tiny_shards


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with shards and a run of the task."""
    folder = tmp_path_factory.mktemp("sound")
    make_tiny_shards(folder / "shards", people=5, clips=1, frames=50)
    torch.set_num_threads(1)
    described = from_dict({
        "task": "sound", "data": {"shards": "shards", "batch": 64}, "sound": {"sound": 32, "share": 0.0},
        "optimizer": {"rate": 2e-3, "warmup": 5},
        "loop": {"steps": 30, "ema": 0.9, "log": 0, "validate": 30, "precision": "fp32"}}, run.sections_of, folder)
    outcome = run.train(described, folder / "run", say=lambda line: None)
    assert outcome.figures["opening_r"] > 0.6
    return folder


def test_a_generator_takes_over_what_was_learnt(trained: Path) -> None:
    network = build({"sound": 32})
    described = from_dict({"task": "generator"}, run.sections_of, trained)
    _listen(network, described, "run/weights.safetensors")
    state, card = read_weights(trained / "run" / "weights.safetensors")
    assert card["kind"] == "sound-reader" and card["data"]["people"] == 3
    for name, value in network.sound.state_dict().items():
        assert torch.equal(value, state[f"sound.{name}"])


def test_ears_that_do_not_fit_are_refused(trained: Path) -> None:
    described = from_dict({"task": "generator"}, run.sections_of, trained)
    with pytest.raises(ConfigError, match="length"):
        _listen(build({"sound": 48}), described, "run/weights.safetensors")
    with pytest.raises(ConfigError, match="our own"):
        _listen(build({"kind": "wav2lip", "width": 0.0625}), described, "run/weights.safetensors")


def test_signals_are_level_within_a_clip(trained: Path) -> None:
    shards = Shards(trained / "shards", 96, "train")
    found = sound.signals(shards.common(shards.infos[0].id))
    assert found.shape == (50, 3)
    assert np.allclose(found.mean(0), 0, atol=1e-3) and found[:, 0].std() == pytest.approx(1, abs=1e-3)
    assert np.corrcoef(found[:, 0], found[:, 1])[0, 1] > 0.9
