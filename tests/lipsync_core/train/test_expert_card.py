"""Weights that are given away: they load, and their cards say what they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lipsync_core.train import card, expert_card
from lipsync_core.train.embedder import EMBEDDED as FACES
from lipsync_core.train.embedder import load_embedder
from lipsync_core.train.networks.expert import EMBEDDED, EMBEDDED_JUDGE, load_expert
from tests.lipsync_core.train.tiny_shards import make_tiny_shards


def test_teacher_and_judge_share_neither_network_nor_people() -> None:
    teacher, judge = load_expert(), load_expert(EMBEDDED_JUDGE)
    assert type(teacher) is not type(judge)
    people = [card.read_card(path)["config"]["data"]["people"] for path in (EMBEDDED, EMBEDDED_JUDGE)]
    assert people == ["teacher", "judge"]
    sound, faces = torch.zeros(1, 1, 80, 32), torch.rand(1, 3, 5, 96, 96)
    for expert in (teacher, judge):
        assert float(expert.scale) > 0 and 0 < float(expert.probability(sound, faces)) < 1


@pytest.mark.parametrize("path", [EMBEDDED, EMBEDDED_JUDGE, FACES])
def test_every_card_names_data_licence_figures_and_limits(path: Path) -> None:
    told = card.read_card(path)
    assert told["licence"] == "Apache-2.0" and "no picture and no sound of a real person" in told["data"]["what"]
    assert told["limits"] and told["metrics"]["held_out_rendered_people"]
    assert "/" not in told["config"]["data"]["shards"]
    assert path.with_suffix(".md").read_text().count("## Measured on") == len(told["metrics"])
    assert path.stat().st_size < 4 << 20


def test_the_embedded_embedder_gives_unit_vectors() -> None:
    vectors = load_embedder().embed(torch.rand(2, 3, 96, 96))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_weights_of_a_run_are_measured_and_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shards = make_tiny_shards(tmp_path / "shards", people=3, clips=1, frames=40)
    for source, page in ((EMBEDDED_JUDGE, "own sound is nearer"), (FACES, "lower auc")):
        state, told = card.read_weights(source)
        raw = {key: told[key] for key in ("kind", "network", "step", "config")} | {"data": {"people": 2}}
        if "calibration" in told:
            raw["calibration"] = told["calibration"]
        raw["config"]["data"]["shards"] = str(shards)
        card.save_weights(tmp_path / "run.safetensors", state, raw)
        out = tmp_path / "out" / source.name
        assert expert_card.main([str(tmp_path / "run.safetensors"), str(shards), "--out", str(out), "--real",
                                 str(shards), "--note", "A note."]) == 0
        assert page in capsys.readouterr().out
        made = card.read_card(out)
        assert made["config"]["data"]["shards"] == "shards" and made["note"] == "A note."
        assert made["parameters"] == told["parameters"] and set(made["metrics"]) == {"held_out_rendered_people",
                                                                                     "recorded_people"}
