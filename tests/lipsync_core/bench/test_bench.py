"""The bench's report, its history, and what it says without a card."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from lipsync_core.bench import __main__ as bench
from lipsync_core.bench import gpu, networks, report
from lipsync_core.bench.timing import Ceilings
from lipsync_core.models.fused import FusedWav2Lip
from lipsync_core.ops import recording
from lipsync_core.ops.tune import layers


def test_without_a_card_it_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a card here")
    history = tmp_path / "history.jsonl"
    assert bench.main(["--part", "gpu", "--card-day", "--history", str(history)]) == 0
    assert capsys.readouterr().out.strip() == bench.NO_CARD
    assert not history.exists(), "no figure, no entry"


def test_rows_become_a_table_and_an_entry(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                          tmp_path: Path) -> None:
    part = ModuleType("lipsync_core.bench.cpu")
    part.run = lambda options: [  # type: ignore[attr-defined]
        {"group": "1080p", "name": "decode", "frames/s": 190.5, "peak MB": 300},
        {"group": "1080p", "name": "whole", "frames/s": 26.25}, {"group": "720p", "name": "whole", "frames/s": 1e5}]
    monkeypatch.setitem(sys.modules, "lipsync_core.bench.cpu", part)
    history = tmp_path / "bench" / "history.jsonl"
    for _ in range(2):
        assert bench.main(["--part", "cpu", "--history", str(history)]) == 0
    lines = capsys.readouterr().out.splitlines()[:6]
    assert lines == ["1080p   frames/s  peak MB", "decode    190.50      300", "whole      26.25", "",
                     "720p   frames/s", "whole   100,000"]
    entries = [json.loads(line) for line in history.read_text().splitlines()]
    assert len(entries) == 2
    assert entries[0]["part"] == "cpu" and entries[0]["device"] == report.processor()
    assert entries[0]["rows"][0] == {"group": "1080p", "name": "decode", "frames/s": 190.5, "peak MB": 300}


def test_a_fault_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                         tmp_path: Path) -> None:
    def broken(options: object, say: object) -> object:
        yield {"group": "ceilings", "name": "copy", "GB/s": 3000.0}
        raise RuntimeError("the card fell out")

    monkeypatch.setattr(gpu, "run", broken)
    monkeypatch.setattr(gpu, "device_name", lambda: "Card")
    monkeypatch.setattr(gpu, "details", lambda: {"torch": "2"})
    history = tmp_path / "history.jsonl"
    assert bench.main(["--part", "gpu", "--history", str(history)]) == 1
    assert "the card fell out" in capsys.readouterr().err
    entry = json.loads(history.read_text())
    assert entry["device"] == "Card" and len(entry["rows"]) == 1 and "fell out" in entry["fault"]


def test_operations_of_a_frame_are_those_of_its_layers() -> None:
    fused = FusedWav2Lip(networks.network(), "cpu", torch.float32)
    with recording() as calls:
        fused.run(torch.zeros(1, 80, 16, 1), torch.zeros(1, 96, 96, 8))
    # Two of the first layer's eight channels are padding.
    flops = sum(c.shape.flops for c in calls) - 2 * 96 * 96 * 49 * 2 * 16 + 2 * 96 * 96 * 32 * 3
    assert flops == pytest.approx(networks.FLOPS, rel=0.002)
    row = gpu._generator("x", 128, 2.0, Ceilings(3e12, 7.93e14))
    assert row["frames/s"] == pytest.approx(64_000) and row["share of matrix"] == pytest.approx(0.64)


def test_every_layer_can_be_tuned() -> None:
    work = layers((128, 1))
    assert len(work) == 2 * len({layer.shape.key for layer in work}) >= 60
    for layer in work:
        case = layer.case()
        assert layer.tiles((9, 0)) and layer.tiles((8, 6))
        assert case.flops >= layer.shape.flops > 0
        assert case.kernel_only["config"] is not None
    faces = next(layer for layer in work if layer.arguments.get("is_faces"))
    tail = next(layer for layer in work if layer.arguments.get("tail"))
    assert faces.shape.dtype == "faces-float16"
    assert all(tile.columns >= 32 for tile in tail.tiles((9, 0)))


def test_the_baseline_is_fed_what_the_fused_program_sees() -> None:
    crops = torch.randint(0, 256, (1, 96, 96, 3), dtype=torch.uint8)
    six = networks.six_channels(crops)
    assert six.shape == (1, 6, 96, 96) and not six[:, :3, 48:].any()
    network = networks.network()
    assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(),
                                                 networks.network().state_dict().values(), strict=True))
    with torch.no_grad():
        expected = network(torch.zeros(1, 1, 80, 16), six)
    made = FusedWav2Lip(network, "cpu", torch.float32)(torch.zeros(1, 1, 80, 16), crops)
    assert (made - expected).abs().max() < 1e-4
    assert 0.02 < expected.std() < 0.45


@pytest.mark.gpu
def test_on_a_card(tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    options = SimpleNamespace(seconds=120, check=False, tune=False, compiled=False, batch=[1])
    rows = list(gpu.run(options, print))  # type: ignore[arg-type]
    assert {"ceilings", "Wav2Lip, batch 1", "conv2d"} <= {row["group"] for row in rows}
    assert all(row["ms"] > 0 for row in rows if "ms" in row)
