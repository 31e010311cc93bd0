"""Where operations run: tables, rules, forced backends, and imports that need nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lipsync_core.ops import conv2d, using
from lipsync_core.ops.dispatch import convolution_choice, recording
from lipsync_core.ops.launch import check
from lipsync_core.ops.packing import pack_conv2d
from lipsync_core.ops.tuning import (
    Config,
    Shape,
    candidates,
    choose,
    entry,
    heuristic,
    shared_limit,
    table_for,
    write_table,
)

SHAPE = Shape("conv2d", 128 * 96 * 96, (96, 96), (64, 16), (3, 3), (1, 1), (1, 1), 32, "float16")
H100, A100, CONSUMER = (9, 0), (8, 0), (8, 9)


@pytest.fixture()
def own_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIPSYNC_TUNING", str(tmp_path))
    table_for.cache_clear()
    yield tmp_path
    table_for.cache_clear()


_IMPORTS = """
import sys
asked = []
class Finder:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "triton":
            asked.append(name)
            raise ImportError(name)
sys.meta_path.insert(0, Finder)
import torch
import lipsync_core.bench.__main__, lipsync_core.models.fused, lipsync_core.models.graph, lipsync_core.ops
print(lipsync_core.ops.shortest_path(torch.eye(2), 1 - torch.eye(2)).tolist(), asked)
"""


def test_importing_needs_neither_triton_nor_a_gpu(python: Callable[..., Any]) -> None:
    done = python("-c", _IMPORTS, CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[0, 0] []"


def test_a_measured_choice_is_taken_at_the_nearest_size(own_tables: Path) -> None:
    config = Config(128, 32, 64, 16, 4, 3)
    small = replace(SHAPE, rows=96 * 96)
    table = {"device": "Card A", "capability": [9, 0],
             "entries": {SHAPE.key: [entry(SHAPE, "triton", config), entry(small, "torch", None)]}}
    path = write_table(table)
    assert path == own_tables / "card-a.json"
    assert choose(SHAPE, "Card A", H100).config == config
    assert choose(SHAPE, "Card A", H100).backend == "triton"
    assert choose(small, "Card A", H100).backend == "torch"
    # Another card of the same generation borrows it, one of another generation does not.
    assert choose(SHAPE, "Card B", H100).source == "Card A"
    assert choose(SHAPE, "Card C", A100).source == "heuristic, not measured"
    other = Shape("conv2d", 9, (3, 3), (512,), (3, 3), (1, 1), (1, 1), 512, "float16")
    assert choose(other, "Card A", H100).source == "heuristic, not measured"
    assert choose(other, "Card A", H100).backend == "torch", "nine pixels do not fill a card"
    assert choose(replace(other, rows=128 * 9), "Card A", H100).backend == "triton"


def test_a_borrowed_tile_that_does_not_fit_is_refused(own_tables: Path) -> None:
    large = Config(128, 128, 64, 64, 8, 4)
    write_table({"device": "A100", "capability": [8, 0], "entries": {SHAPE.key: [entry(SHAPE, "triton", large)]}})
    assert choose(SHAPE, "A100", A100).config == large
    assert choose(SHAPE, "RTX", CONSUMER).config.shared_bytes(2) <= shared_limit(CONSUMER)


@pytest.mark.parametrize("capability", [A100, CONSUMER, H100, (7, 5)])
@pytest.mark.parametrize("outputs", [3, 16, 32, 64, 384, 4608])
@pytest.mark.parametrize("rows", [1, 128, 1_179_648])
def test_rules_and_candidates_fit_the_card(capability: tuple[int, int], outputs: int, rows: int) -> None:
    shape = Shape("conv2d", rows, (96, 96), (64, 16), (3, 3), (1, 1), (1, 1), outputs, "float16")
    tiles = [heuristic(shape, capability), *candidates(shape, capability)]
    assert len(tiles) > 1
    for tile in tiles:
        assert tile.shared_bytes(2) <= shared_limit(capability)
        for size in (tile.rows, tile.columns, tile.depth, tile.depth2):
            assert size >= 16 and size & (size - 1) == 0, "Triton's tiles are powers of two, products at least 16"


def test_a_backend_can_be_forced_and_only_for_a_block() -> None:
    def backend() -> str:
        return convolution_choice("conv2d", SHAPE, torch.zeros(1, 4, 4, 8), weights, {}).backend

    weights = pack_conv2d(torch.zeros(8, 8, 3, 3), torch.zeros(8), padding=(1, 1))
    assert backend() == "reference"
    with using("torch"):
        assert backend() == "torch"
    assert backend() == "reference"
    with recording() as calls:
        conv2d(torch.zeros(1, 4, 4, 8), weights)
    backend()
    assert [(c.op, c.shape.key) for c in calls] == [("conv2d", "conv2d 4x4 c8 k3x3 s1x1 p1x1 o8 float32")]
    with pytest.raises(ValueError, match="no backend"), using("cuda"):
        pass


def test_torch_and_reference_agree() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = pack_conv2d(torch.randn(8, 8, 3, 3, generator=generator), torch.zeros(8), padding=(1, 1))
    x = torch.randn(1, 6, 6, 8, generator=generator)
    with using("torch"):
        native = conv2d(x, weights, activation="relu")
    assert torch.allclose(native, conv2d(x, weights, activation="relu"), atol=1e-6)


def test_launchers_refuse_what_would_be_slow_or_wrong() -> None:
    x = torch.zeros(4, 9, dtype=torch.float16)
    check(x, None)
    with pytest.raises(ValueError, match="16-byte"):
        check(x.view(-1)[1:9])
    with pytest.raises(ValueError, match="not contiguous"):
        check(x[:, :8])
