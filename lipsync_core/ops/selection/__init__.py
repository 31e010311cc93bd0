"""Which mouth stands for which frame: distances and the shortest path."""

from __future__ import annotations

from torch import Tensor

from lipsync_core.ops.dispatch import backend_for
from lipsync_core.ops.selection import reference

__all__ = ["distances", "shortest_path"]


def distances(rows: Tensor) -> Tensor:
    """Squared distances [M, M] of rows [M, D]; see `reference.distances`. Runs the kernel on CUDA."""
    if backend_for(rows) == "triton":
        from lipsync_core.ops.selection import kernel

        return kernel.distances(rows)
    return reference.distances(rows)


def shortest_path(target: Tensor, join: Tensor) -> Tensor:
    """int64 [N]: the cheapest path over costs [N, M] with transitions [M, M], ties to the lower index.

    See `reference.shortest_path`. Runs the kernel on CUDA.
    """
    if backend_for(target) == "triton":
        from lipsync_core.ops.selection import kernel

        return kernel.shortest_path(target, join)
    return reference.shortest_path(target, join)
