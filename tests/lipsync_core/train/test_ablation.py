"""The ablation runs on tiny shards: alike from the start, judged by others, gone on with after a stop."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lipsync_core.train import ablation
from lipsync_core.train.ablation_judge import ANOTHER, TRUTH, Bench, found_share
from lipsync_core.train.ablation_report import Report
from lipsync_core.train.ablation_runs import CONFIGS, VARIANTS, AblationError, Trained, Variant, owned
from lipsync_core.train.card import read_weights, save_weights
from lipsync_core.train.data.shards import Shards
from lipsync_core.train.networks.expert import build
from lipsync_core.train.networks.identity_net import FaceEmbedder
from tests.lipsync_core.train.tiny_shards import make_tiny_shards

SOME = ["l1", "l1_expert_identity", "l1_critic"]


def mouth_mesh(canvases: np.ndarray) -> np.ndarray:
    """A mesh for drawn faces: the lips' middle points are as far apart as the mouth is dark."""
    from lipsync_core.atlas import shape

    random = np.random.default_rng(0)
    face = random.uniform(40, 150, (468, 3)).astype(np.float32)
    face[list(shape.EYES)] = [[70, 80, 0], [122, 80, 0]]
    points = np.repeat(face[None], len(canvases), 0)
    dark = (canvases[:, 100:160, 70:122].max(-1) < 70).sum((1, 2)) / 40
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    for lips, wide in ((shape.OUTER_LIPS, 14), (shape.INNER_LIPS, 11)):
        points[:, list(lips), 0] = 96 - wide * np.cos(angles)
        points[:, list(lips), 1] = 130 + np.sin(angles)[None] * (dark[:, None] + wide - 11)
    return points


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards, and judges that have learnt nothing."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("ablation")
    make_tiny_shards(folder / "shards", people=4, clips=1, frames=34)
    for name, config in (("expert", {"kind": "temporal"}), ("judge", {"kind": "wav2lip", "width": 0.125})):
        network = build(config)
        save_weights(folder / f"{name}.safetensors", network.state_dict(),
                     {"kind": "sync-expert", "network": network.config(), "calibration": {"scale": 8.0, "bias": -2.0}})
    embedder = FaceEmbedder()
    save_weights(folder / "embedder.safetensors", embedder.state_dict(),
                 {"kind": "face-embedder", "network": embedder.config()})
    return folder


def _options(made: Path, out: Path, *more: str) -> list[str]:
    judges = [f"--{name}={made / name}.safetensors" for name in ("expert", "judge", "embedder")]
    return [str(made / "shards"), "--quick", "--steps", "2", f"--out={out}", f"--history={out / 'history'}", *judges,
            *more]


def _run(arguments: list[str]) -> tuple[int, str]:
    lines: list[str] = []
    code = ablation.run(ablation.parser().parse_args(arguments), mouth_mesh, lines.append)
    return code, "\n".join(lines)


def test_the_configurations_differ_where_they_say_so_alone() -> None:
    def rest(slug: str) -> list[str]:
        lines = (CONFIGS / f"ablation_{slug}.toml").read_text().splitlines()
        return [line for line in lines[1:] if "# varies" not in line]

    for variant in VARIANTS:
        assert rest(variant.slug) == rest("l1"), variant.slug
        table = tomllib.loads(variant.config.read_text())
        assert (table["schedule"]["sync"] > 0) == (table["judges"]["expert"] != "none") == ("expert" in variant.uses)
        assert (table["schedule"]["critic"] > 0) == (table["judges"]["critic"] != "none") == ("critic" in variant.slug)
        assert (table["losses"]["identity"] > 0) == (table["judges"]["embedder"] != "none") == (
            "embedder" in variant.uses)


def test_variants_are_trained_judged_and_told(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said = _run(_options(made, out, "--only", *SOME))
    assert code == 0
    rows = {row["name"]: row for row in json.loads((out / "ablation.json").read_text())["rows"]}
    assert set(rows) == {TRUTH, ANOTHER, *(v.name for v in VARIANTS if v.slug in SOME)}
    assert rows[TRUTH]["opening_r"] > 0.999 and rows[TRUTH]["csim"] > 0.999 and rows[TRUTH]["lip_distance"] < 1e-3
    assert rows[ANOTHER]["opening_r"] < 0.9
    weights = [read_weights(out / f"{slug}_seed0" / "weights.safetensors")[0] for slug in SOME]
    assert any(not torch.equal(weights[0][k], weights[1][k]) for k in weights[0])
    assert "frozen expert against" not in said, "l1 and the expert alone were not both there"
    for slug in SOME:
        assert cv2.imread(str(out / "sheets" / f"{slug}.png")) is not None
    assert not (out / "history").exists(), "a try is no measurement"


def test_a_stop_is_gone_on_from_and_another_setting_refused(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said = _run(_options(made, out, "--only", "l1", "--seconds", "0"))
    assert code == 3 and "goes on" in said
    code, _ = _run(_options(made, out, "--only", "l1"))
    first = (out / "l1_seed0" / "judged.json").stat().st_mtime_ns
    assert code == 0
    assert _run(_options(made, out, "--only", "l1"))[0] == 0
    assert (out / "l1_seed0" / "judged.json").stat().st_mtime_ns == first
    _kept_once(out)
    with pytest.raises(AblationError, match="clips|steps|changes"):
        _run(_options(made, out, "--only", "l1", "--set", "losses.mouth=1.0"))


def _kept_once(out: Path) -> None:
    report = Report(out, [v for v in VARIANTS if v.slug == "l1"], [0])
    for _ in range(2):
        report.keep(out / "history", {"steps": 2})
    (line,) = (out / "history").read_text().splitlines()
    kept = json.loads(line)
    assert kept["part"] == "ablation" and kept["steps"] == 2 and kept["torch"] == torch.__version__
    assert {row["name"] for row in kept["rows"]} == {TRUTH, ANOTHER, "l1"}


def test_a_signal_stops_all_of_it(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def told(variant: Variant, *_: object, **__: object) -> Trained:
        asked.append(variant.slug)
        return Trained(1, False, True, 0.1)

    monkeypatch.setattr(ablation, "train", told)
    assert ablation.main(_options(made, tmp_path / "out", "--only", *SOME)) == 3
    assert asked == ["l1"]


def test_a_run_that_begins_otherwise_is_refused(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "begun_seed0.json").write_text('"other weights"')
    with pytest.raises(AblationError, match="same weights"):
        _run(_options(made, out, "--only", "l1"))


def test_one_process_has_a_run(tmp_path: Path) -> None:
    with owned(tmp_path / "run") as first, owned(tmp_path / "run") as second:
        assert first and not second


def test_a_judge_that_hears_finds_the_sound(made: Path) -> None:
    clip = next(iter(Shards(made / "shards", 96, "test")))

    class Hears(torch.nn.Module):
        scale, bias = torch.tensor(1.0), torch.tensor(0.0)

        def embed_faces(self, faces: torch.Tensor) -> torch.Tensor:
            return torch.eye(64)[: len(faces)]

        embed_sound = embed_faces

    class Deaf(Hears):
        def embed_sound(self, sound: torch.Tensor) -> torch.Tensor:
            return torch.ones(len(sound), 64) / 8

    assert found_share(Hears(), clip) == 1.0  # type: ignore[arg-type]
    assert found_share(Deaf(), clip) == 0.5  # type: ignore[arg-type]


def test_controls_bound_the_table(made: Path) -> None:
    clips = list(Shards(made / "shards", 96, "test"))
    bench = Bench(clips, None, None, None, mesh=mouth_mesh)
    controls = bench.controls()
    assert [s.values["psnr_db"] > 60 for s in controls[TRUTH].scores] == [True]
    strip = controls[ANOTHER].strips[clips[0].info.id]
    truth = bench.truth_strip(clips[0].info.id)
    assert strip.shape == truth.shape
    # Above the hole all pictures are the truth's.
    assert np.abs(strip[:, :40].astype(int) - truth[:, :40]).max() <= 1
