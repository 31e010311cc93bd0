"""Cases of the selection: ties included, an atlas of a minute on a card."""

from __future__ import annotations

from typing import Any

import torch

from lipsync_core.ops.case import Case, Source


def _distances(name: str, rows: int, features: int, is_small: bool = True,
               dtype: torch.dtype = torch.float32) -> Case:
    def make(source: Source) -> dict[str, Any]:
        values = source.normal(rows, features)
        values[rows // 2] = values[0]
        return {"rows": values}

    size = dtype.itemsize
    return Case("distances", name, make, dtype, 1e-5, is_small, flops=3 * rows * rows * features,
                bytes=size * (rows * features + rows * rows))


def _path(name: str, frames: int, mouths: int, is_small: bool = True, dtype: torch.dtype = torch.float64,
          levels: int = 0) -> Case:
    def make(source: Source) -> dict[str, Any]:
        target, join = source.uniform(frames, mouths, dtype=dtype), source.uniform(mouths, mouths, dtype=dtype)
        if levels:
            # Few different costs: nearly every minimum is a tie.
            target, join = (target * levels).floor(), (join * levels).floor()
        return {"target": target, "join": join}

    # Blocks of the minimum are small in the interpreter, so that there are several.
    own = {"arrivals": 16} if is_small else {}
    return Case("shortest_path", name, make, dtype, 0.0, is_small, own, 2 * frames * mouths * mouths,
                dtype.itemsize * frames * mouths * (mouths + 2))


CASES = [
    _distances("ragged tiles", 37, 6),
    _distances("fp64", 12, 5, dtype=torch.float64),
    _path("fp64, several blocks", 4, 37),
    _path("fp32, one mouth", 3, 1, dtype=torch.float32),
    _path("ties", 8, 19, levels=2),
    _distances("1,500 lips of 80 values", 1500, 80, is_small=False),
    _distances("1,500 thumbnails of 384 values", 1500, 384, is_small=False),
    _path("10 s over 1,500 mouths, fp64", 250, 1500, is_small=False),
    _path("10 s over 1,500 mouths, fp32", 250, 1500, is_small=False, dtype=torch.float32),
]
