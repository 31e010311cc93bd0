"""What is said about an expert: shares, calibration and the place where each clip is found."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lipsync_core.train import card, sync_measure, sync_report
from lipsync_core.train.data.shards import Shards
from lipsync_core.train.networks.expert import TemporalExpert
from lipsync_core.train.sync_measure import FARTHEST, OFFSETS, Matrix
from tests.lipsync_core.train.tiny_shards import make_tiny_shards


def _made_up(peak: float, noise: float, at: int = 0, seed: int = 0, count: int = 200) -> Matrix:
    values = np.random.default_rng(seed).normal(0.2, noise, (count, len(OFFSETS)))
    values[:, FARTHEST + at] += peak
    return Matrix(f"clip{seed}", f"person{seed}", values, np.arange(count), np.ones(count, bool))


def test_figures_of_made_up_experts() -> None:
    perfect = sync_measure.figures([_made_up(0.6, 0.01)], 20.0, -10.0)
    assert perfect.top1 == perfect.auc == perfect.pairwise[2] == perfect.decision[15] == 1
    assert perfect.found[0]["offset"] == 0 and perfect.found_share() == 1
    blind = sync_measure.figures([_made_up(0.0, 0.1)], 1.0, 0.0)
    assert blind.pairwise_from(2) == pytest.approx(0.5, abs=0.04) and blind.top1 < 0.1
    late = sync_measure.figures([_made_up(0.6, 0.05, at=4)], 1.0, 0.0)
    assert late.found[0]["offset"] == 4 and late.found_share() == 0
    with pytest.raises(ValueError, match="no clip"):
        sync_measure.figures([], 1.0, 0.0)


def test_hidden_mouths_and_the_ends_of_a_clip_are_left_out() -> None:
    good, free = _made_up(0.6, 0.01), np.ones(200, bool)
    values, free[:50] = good.values.copy(), False
    values[:50] = -values[:50]
    values[60:70, :5] = np.nan
    told = sync_measure.figures([Matrix("a", "b", values, good.starts, free)], 20.0, -10.0)
    assert told.windows == 150 and told.pairwise[15] == 1 and told.top1 == 1


def test_calibration_lowers_the_error_of_made_up_scores() -> None:
    random = np.random.default_rng(0)
    fit, unfit = random.normal(0.5, 0.2, 3000), random.normal(0.3, 0.2, 30_000)

    def error(scale: float, bias: float) -> float:
        chance = 1 / (1 + np.exp(-(np.concatenate([fit, unfit]) * scale + bias)))
        label = np.concatenate([np.ones(3000), np.zeros(30_000)])
        weight = np.concatenate([np.full(3000, 0.5 / 3000), np.full(30_000, 0.5 / 30_000)])
        return sync_measure.expected_error(sync_measure.reliability(chance, label, weight))

    scale, bias = sync_measure.fit_calibration(fit, unfit)
    # Two bells of one width: the log-odds are (difference / variance) * (x - middle).
    assert scale == pytest.approx(0.2 / 0.04, rel=0.1) and -bias / scale == pytest.approx(0.4, abs=0.02)
    assert error(scale, bias) < 0.02 < error(20.0, -10.0)
    assert sync_measure.fit_calibration(unfit, fit) == (0.0, 0.0)
    apart = sync_measure.fit_calibration(np.full(50, 0.9), np.full(50, 0.1))
    assert np.isfinite(apart).all() and apart[0] > 5


def test_the_matrix_of_a_clip_is_what_the_expert_says(tmp_path: Path) -> None:
    torch.manual_seed(0)
    shards = Shards(make_tiny_shards(tmp_path / "shards", people=1, clips=1, frames=40), 96)
    expert, clip = TemporalExpert().eval(), next(iter(shards))
    found = sync_measure.matrix(expert, clip)
    from lipsync_core.train.data.windows import lineup

    line = lineup(clip, (-2, 0, 5), 4)
    with torch.no_grad():
        said = torch.stack([expert.similarity(line.sounds[:, k], line.faces) for k in range(3)], 1).numpy()
    rows = [int(np.flatnonzero(found.starts == s)[0]) for s in line.starts]
    columns = [OFFSETS.index(k) for k in (-2, 0, 5)]
    np.testing.assert_allclose(found.values[np.ix_(rows, columns)], said, atol=1e-5)
    assert np.isnan(found.values[0, 0]) and np.isnan(found.values[-1, -1])


def test_the_report_writes_a_table_json_and_a_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shards = make_tiny_shards(tmp_path / "shards", people=3, clips=1, frames=40)
    weights = tmp_path / "w.safetensors"
    card.save_weights(weights, TemporalExpert().state_dict(), {"network": {"kind": "temporal"},
                                                               "calibration": {"scale": 1.0, "bias": 0.0}})
    assert sync_report.main([str(weights), str(shards), "--refit", "--sheet", str(tmp_path / "s.png")]) == 0
    assert "own sound is nearer" in capsys.readouterr().out
    assert cv2.imread(str(tmp_path / "s.png")).std() > 5
    assert sync_report.main([str(weights), str(shards), "--split", "all", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["clips"] == 3 and set(told["pairwise"]) == {str(k) for k in range(2, 16)}
    assert sync_report.main([str(weights), str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error:")
