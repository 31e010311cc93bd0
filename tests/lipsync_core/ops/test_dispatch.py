"""Where operations run: tables, rules, forced backends, and imports that need nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lipsync_core.ops import conv2d, using
from lipsync_core.ops.dispatch import convolution_choice
from lipsync_core.ops.launch import check
from lipsync_core.ops.packing import pack_conv2d
from lipsync_core.ops.tuning import Config, Shape, candidates, choose, entry, heuristic, shared_limit, table_for, write_table

SHAPE = Shape("conv2d", 128 * 96 * 96, (96, 96), (64, 16), (3, 3), (1, 1), 32, "float16")
H100, A100, CONSUMER = (9, 0), (8, 0), (8, 9)


@pytest.fixture()
def own_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIPSYNC_TUNING", str(tmp_path))
    table_for.cache_clear()
    yield tmp_path
    table_for.cache_clear()


def test_importing_needs_neither_triton_nor_a_gpu(python: Callable[..., Any]) -> None:
    done = python("-c", "import sys; sys.modules['triton'] = None\n"
                  "import lipsync_core.ops, lipsync_core.models.fused, lipsync_core.bench.__main__\n"
                  "import torch\nprint(lipsync_core.ops.distances(torch.eye(2)).tolist())")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[[0.0, 4.0], [4.0, 0.0]]"
    done = python("-c", "import sys, lipsync_core.ops\nassert 'triton' not in sys.modules")
    assert done.returncode == 0, done.stderr


def test_a_measured_choice_is_taken_at_the_nearest_size(own_tables: Path) -> None:
    config = Config(128, 32, 64, 16, 4, 3)
    small = Shape(**{**{f: getattr(SHAPE, f) for f in SHAPE.__dataclass_fields__}, "rows": 96 * 96})
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
    other = Shape("conv2d", 9, (3, 3), (512,), (3, 3), (1, 1), 512, "float16")
    assert choose(other, "Card A", H100).source == "heuristic, not measured"


def test_a_borrowed_tile_that_does_not_fit_is_refused(own_tables: Path) -> None:
    large = Config(128, 128, 64, 64, 8, 4)
    write_table({"device": "A100", "capability": [8, 0], "entries": {SHAPE.key: [entry(SHAPE, "triton", large)]}})
    assert choose(SHAPE, "A100", A100).config == large
    assert choose(SHAPE, "RTX", CONSUMER).config.shared_bytes(2) <= shared_limit(CONSUMER)


@pytest.mark.parametrize("capability", [A100, CONSUMER, H100, (7, 5)])
@pytest.mark.parametrize("outputs", [3, 16, 32, 64, 384, 4608])
@pytest.mark.parametrize("rows", [1, 128, 1_179_648])
def test_rules_and_candidates_fit_the_card(capability: tuple[int, int], outputs: int, rows: int) -> None:
    shape = Shape("conv2d", rows, (96, 96), (64, 16), (3, 3), (1, 1), outputs, "float16")
    tiles = [heuristic(shape, capability), *candidates(shape, capability)]
    assert len(tiles) > 1
    for tile in tiles:
        assert tile.shared_bytes(2) <= shared_limit(capability)
        for size in (tile.rows, tile.columns, tile.depth, tile.depth2):
            assert size >= 16 and size & (size - 1) == 0, "Triton's tiles are powers of two, products at least 16"


def test_a_backend_can_be_forced_and_only_for_a_block() -> None:
    x = torch.zeros(1, 4, 4, 8)
    assert convolution_choice(x, SHAPE).backend == "reference"
    with using("torch"):
        assert convolution_choice(x, SHAPE).backend == "torch"
    assert convolution_choice(x, SHAPE).backend == "reference"
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
