"""Self-reenactment on a short clip of our own: the truth is the floor, the renderer beats what does not listen."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lipsync_core.metrics.baselines import ssim
from lipsync_core.metrics.reenact import BASELINES, ROWS, ReenactError, clips_in, main, reenact, table
from tests.lipsync_core.metrics import damage
from tests.lipsync_core.metrics.conftest import SAMPLES, Studio

pytestmark = pytest.mark.real


def test_the_truth_is_the_floor_and_a_frozen_mouth_is_beaten(studio: Studio) -> None:
    (studio.folder / "original.json").write_text((SAMPLES / "es_solo.json").read_text())
    found = reenact(studio.original, studio.models.folder, learn=0.6)
    rows = found.rows
    assert tuple(rows) == ROWS and found.words == "exact times" and found.frames >= 20
    assert all(rows["re-encoded"].beats(rows[name]) for name in ROWS if name != "re-encoded")
    for name in ("frozen", "shuffled"):
        assert rows["oracle"].beats(rows[name]), name
        assert rows["atlas"].lip_distance < rows[name].lip_distance, name
        assert rows["atlas"].opening_r > rows[name].opening_r + 0.2, name
    assert set(found.beaten) <= set(BASELINES)
    text = table([found])
    assert "oracle" in text and "original.mp4" in text


def test_a_clip_without_a_face_is_left_out_and_said(studio: Studio, tmp_path, capsys: pytest.CaptureFixture) -> None:
    damage.write(tmp_path / "wall.mp4", [np.full((180, 320, 3), 90, np.uint8)] * 30)
    with pytest.raises(ReenactError):
        reenact(tmp_path / "wall.mp4", studio.models.folder)
    assert main([str(tmp_path), "--models", str(studio.models.folder), "--json"]) == 1
    out = capsys.readouterr().out
    assert json.loads(out)["clips"] == [] and "wall.mp4" in json.loads(out)["left_out"][0]
    assert [p.name for p in clips_in([tmp_path])] == ["wall.mp4"]


def test_similarity_falls_with_noise() -> None:
    random = np.random.default_rng(0)
    a = random.integers(0, 255, (40, 50)).astype(np.uint8)
    noisy = np.clip(a + random.normal(0, 20, a.shape), 0, 255).astype(np.uint8)
    assert ssim(a, a) == pytest.approx(1.0) and ssim(a, noisy) < 0.97
