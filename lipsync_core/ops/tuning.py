"""Which backend and which tile runs a convolution: a measured table per GPU, else a documented rule.

Nothing is ever tuned at run time (a first compile inside a CUDA graph breaks it, and results would depend on the
weather). ``python -m lipsync_core.ops.tune`` measures on a card and writes ``tuning/<gpu>.json``. A GPU without a
table takes the one of the nearest architecture; without any table, and for shapes that no table has, `heuristic`
decides. The rules there follow from compiled code (registers, spills, shared memory), not from measured time.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "tuning"
#: Another folder of tables, searched first.
FOLDER_VARIABLE = "LIPSYNC_TUNING"
#: Shared memory of one program, by compute capability (a data-sheet value, in bytes).
_SHARED = {(8, 0): 163 << 10, (8, 6): 99 << 10, (8, 7): 163 << 10, (8, 9): 99 << 10, (9, 0): 227 << 10,
           (10, 0): 227 << 10, (12, 0): 99 << 10}
_LEAST_SHARED = 64 << 10


@dataclass(frozen=True, slots=True)
class Config:
    """Tile of a convolution kernel: rows (pixels), columns (output channels), depth for the first and the second
    input, warps, pipeline stages."""

    rows: int
    columns: int
    depth: int
    depth2: int
    warps: int
    stages: int

    def shared_bytes(self, element: int) -> int:
        """Shared memory that the pipeline's buffers take."""
        depth = max(self.depth, self.depth2)
        return self.stages * (self.rows + self.columns) * depth * element


@dataclass(frozen=True, slots=True)
class Shape:
    """What a choice depends on. ``rows``: output pixels over the whole batch (of one parity, when transposed)."""

    op: str
    rows: int
    side: tuple[int, int]
    channels: tuple[int, ...]
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    out_channels: int
    dtype: str

    @property
    def key(self) -> str:
        """The table's key, without the row count."""
        side, taps, stride, padding = (f"{a}x{b}" for a, b in (self.side, self.kernel_size, self.stride, self.padding))
        channels = "+".join(map(str, self.channels))
        return f"{self.op} {side} c{channels} k{taps} s{stride} p{padding} o{self.out_channels} {self.dtype}"

    @property
    def depths(self) -> tuple[int, ...]:
        """Length of the K loop of each input."""
        return tuple(self.kernel_size[0] * self.kernel_size[1] * c for c in self.channels)

    @property
    def flops(self) -> int:
        """Multiply-adds, counted twice, bias and activation left out."""
        return 2 * self.rows * sum(self.depths) * self.out_channels


@dataclass(frozen=True, slots=True)
class Choice:
    """backend: "triton" or "torch"; config: the kernel's tile; source: where the choice comes from."""

    backend: str
    config: Config
    source: str


def choose(shape: Shape, device: str, capability: tuple[int, int]) -> Choice:
    """The measured choice for this shape at the nearest measured row count, else the rule."""
    table = table_for(device, capability)
    fallback = heuristic(shape, capability)
    rows = table["entries"].get(shape.key) if table else None
    if not table or not rows:
        return Choice(heuristic_backend(shape, fallback), fallback, "heuristic, not measured")
    nearest = min(rows, key=lambda entry: abs(_log_ratio(int(entry["rows"]), shape.rows)))
    config = Config(**nearest["config"]) if nearest.get("config") else fallback
    if config.shared_bytes(_element(shape.dtype)) > shared_limit(capability):
        return Choice(str(nearest["backend"]), fallback, "heuristic, not measured")
    return Choice(str(nearest["backend"]), config, str(table["device"]))


def heuristic(shape: Shape, capability: tuple[int, int]) -> Config:
    """A tile that compiles without spills, fills the card as well as the shape allows, and fits shared memory."""
    columns = min(128, max(16, _power_of_two(shape.out_channels)))
    if shape.out_channels % 128 and shape.out_channels % 64 == 0:
        columns = 64
    depth, depth2 = (_depth(shape, i) for i in (0, min(1, len(shape.channels) - 1)))
    config = Config(128, columns, depth, depth2, 8 if columns == 128 else 4, 3)
    # About one program for each of an H100's 132 multiprocessors before tiles may grow.
    while _tiles(shape, config) < 132 and (config.rows > 64 or config.columns > 64):
        is_wide = config.columns > 64
        config = replace(config, columns=64, warps=4) if is_wide else replace(config, rows=64, stages=4)
    if shape.rows <= 32:
        config = replace(config, rows=16, columns=min(config.columns, 64), stages=4)
    while config.shared_bytes(_element(shape.dtype)) > shared_limit(capability) and config.stages > 1:
        config = replace(config, stages=config.stages - 1)
    return config


def heuristic_backend(shape: Shape, config: Config) -> str:
    """torch for a long sum on few tiles: cuBLAS and cuDNN split such a sum over the card, the kernel does not."""
    return "torch" if sum(shape.depths) >= 1024 and _tiles(shape, config) < 32 else "triton"


def candidates(shape: Shape, capability: tuple[int, int]) -> Iterator[Config]:
    """The tiles that `tune` measures for one shape; all are within shared memory."""
    tiles = ((128, 128, 8, 3), (128, 128, 8, 4), (128, 128, 4, 3), (128, 64, 4, 3), (128, 64, 4, 4), (64, 64, 4, 4),
             (64, 128, 4, 4), (256, 64, 8, 3), (128, 32, 4, 4), (256, 32, 4, 4), (256, 32, 8, 3), (64, 32, 4, 4),
             (128, 16, 4, 4), (256, 16, 4, 3), (32, 64, 4, 4), (16, 64, 4, 5), (16, 32, 4, 5),
             (64, 16, 4, 4), (16, 16, 4, 4))
    wide = max(16, _power_of_two(shape.out_channels))
    seen = set()
    depths = [_depth(shape, i) for i in (0, min(1, len(shape.channels) - 1))]
    for rows, columns, warps, stages in tiles:
        if columns > wide or rows > max(16, 2 * shape.rows) or (columns < min(wide, 32) and rows > 32):
            continue
        for depth in {depths[0], max(32, depths[0] // 2)}:
            config = Config(rows, columns, depth, min(depths[1], depth) if len(depths) > 1 else depth, warps, stages)
            if config not in seen and config.shared_bytes(_element(shape.dtype)) <= shared_limit(capability):
                seen.add(config)
                yield config


def shared_limit(capability: tuple[int, int]) -> int:
    """Bytes of shared memory that one program may use; a cautious value for an unknown architecture."""
    return _SHARED.get(capability, _LEAST_SHARED)


@lru_cache(maxsize=8)
def table_for(device: str, capability: tuple[int, int]) -> dict[str, Any] | None:
    """The table measured on this GPU, else on the nearest architecture of the same generation, else none."""
    tables = [json.loads(path.read_text()) for folder in _folders() for path in sorted(folder.glob("*.json"))]
    exact = [t for t in tables if t["device"] == device]
    if exact:
        return exact[0]
    near = [t for t in tables if t["capability"][0] == capability[0]]
    return min(near, key=lambda t: abs(t["capability"][1] - capability[1])) if near else None


def write_table(table: dict[str, Any], folder: Path | None = None) -> Path:
    """Write a measured table where `table_for` finds it, in one move."""
    folder = folder or _folders()[0]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (re.sub(r"[^a-z0-9]+", "-", table["device"].lower()).strip("-") + ".json")
    part = path.with_suffix(".part")
    part.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
    os.replace(part, path)
    table_for.cache_clear()
    return path


def entry(shape: Shape, backend: str, config: Config | None, **figures: float | None) -> dict[str, Any]:
    """One measured row of a table."""
    return {"rows": shape.rows, "backend": backend, "config": asdict(config) if config else None, **figures}


def _folders() -> list[Path]:
    own = os.environ.get(FOLDER_VARIABLE)
    return [Path(own), FOLDER] if own else [FOLDER]


def _depth(shape: Shape, which: int) -> int:
    """Largest of 64, 32, 16 that divides the input's channels, so that a K block stays within one tap."""
    channels = shape.channels[which]
    for depth in (64, 32):
        if channels % depth == 0:
            return depth
    if channels % 16 == 0 and shape.kernel_size == (1, 1):
        return 16
    # Few channels: several taps share a block.
    return 64 if shape.depths[which] > 64 else max(16, _power_of_two(shape.depths[which]))


def _tiles(shape: Shape, config: Config) -> int:
    phases = 4 if shape.op == "conv_transpose2d" else 1
    return -(-shape.rows // config.rows) * -(-shape.out_channels // config.columns) * phases


def _power_of_two(value: int) -> int:
    return 1 << (value - 1).bit_length()


def _element(dtype: str) -> int:
    return 4 if dtype == "float32" else 2


def _log_ratio(a: int, b: int) -> float:
    return (a.bit_length() - b.bit_length()) + (a - b) / max(a, b)
