"""Piecewise-affine warps: remap tables from meshes, and pictures through them."""

from __future__ import annotations

from torch import Tensor

from lipsync_core.ops.dispatch import backend_for
from lipsync_core.ops.mesh_warp import reference

__all__ = ["mesh_table", "remap"]


def mesh_table(target: Tensor, source: Tensor, triangles: Tensor, left: int, top: int, table: Tensor) -> Tensor:
    """Rasterize meshes into remap tables fp32 [P, height, width, 2], in place; see `reference.mesh_table`.

    Runs the kernel on CUDA. On a CPU `lipsync_core.atlas.warp.rasterize` computes the same faster.
    """
    if backend_for(table) == "triton":
        from lipsync_core.ops.mesh_warp import kernel

        return kernel.mesh_table(target, source, triangles, left, top, table)
    return reference.mesh_table(target, source, triangles, left, top, table)


def remap(picture: Tensor, table: Tensor, interpolation: str = "cubic") -> Tensor:
    """uint8 [H, W] through a table [h, w, 2] -> uint8 [h, w]; see `reference.remap`. Runs the kernel on CUDA."""
    if interpolation not in ("cubic", "linear"):
        raise ValueError(f"interpolation is 'cubic' or 'linear', not {interpolation!r}")
    if backend_for(picture) == "triton":
        from lipsync_core.ops.mesh_warp import kernel

        return kernel.remap(picture, table, interpolation)
    return reference.remap(picture, table, interpolation)
