"""Piecewise-affine warps: which triangle covers a pixel, where it comes from, and the interpolation.

Every program tests its pixels against all triangles, block by block. That is a few hundred multiply-adds a pixel, in
fp64 because the edges of thin triangles decide whether closed lips are closed; it needs neither sorting nor atomics,
so the later triangle wins on every run.
"""

# A kernel's parameters are Triton values, which have no Python type.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lipsync_core.ops.launch import CompileCase, check
from lipsync_core.ops.mesh_warp.reference import TOLERANCE, edge_functions

_PIXELS, _TRIANGLES = 64, 32
_BLOCK = 128


@triton.jit
def mesh_table_kernel(edges_ptr, triangles_ptr, source_ptr, table_ptr, count, points, pictures, height, width,
                      TOLERANCE: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_T: tl.constexpr):
    pixel = tl.program_id(0) * BLOCK_P + tl.arange(0, BLOCK_P)
    is_pixel = pixel < height * width
    x = (pixel % width).to(tl.float64)
    y = (pixel // width).to(tl.float64)
    last = tl.full((BLOCK_P,), -1, dtype=tl.int32)
    for first in range(0, count, BLOCK_T):
        t = first + tl.arange(0, BLOCK_T)
        is_triangle = t < count
        edge = edges_ptr + t
        gap_x = x[:, None] - tl.load(edge, mask=is_triangle, other=1e9)[None, :]
        gap_y = y[:, None] - tl.load(edge + count, mask=is_triangle, other=0.0)[None, :]
        u = (gap_x * tl.load(edge + 2 * count, mask=is_triangle, other=1.0)[None, :]
             + gap_y * tl.load(edge + 3 * count, mask=is_triangle, other=0.0)[None, :])
        v = (gap_x * tl.load(edge + 4 * count, mask=is_triangle, other=0.0)[None, :]
             + gap_y * tl.load(edge + 5 * count, mask=is_triangle, other=0.0)[None, :])
        covers = (u >= -TOLERANCE) & (v >= -TOLERANCE) & (u + v <= 1 + TOLERANCE) & is_triangle[None, :]
        last = tl.maximum(last, tl.max(tl.where(covers, t[None, :], -1), axis=1))
    is_hit = is_pixel & (last >= 0)
    chosen = tl.maximum(last, 0)
    edge = edges_ptr + chosen
    gap_x = x - tl.load(edge, mask=is_hit, other=0.0)
    gap_y = y - tl.load(edge + count, mask=is_hit, other=0.0)
    u = (gap_x * tl.load(edge + 2 * count, mask=is_hit, other=0.0)
         + gap_y * tl.load(edge + 3 * count, mask=is_hit, other=0.0))
    v = (gap_x * tl.load(edge + 4 * count, mask=is_hit, other=0.0)
         + gap_y * tl.load(edge + 5 * count, mask=is_hit, other=0.0))
    a = tl.load(triangles_ptr + chosen * 3, mask=is_hit, other=0) * 2
    b = tl.load(triangles_ptr + chosen * 3 + 1, mask=is_hit, other=0) * 2
    c = tl.load(triangles_ptr + chosen * 3 + 2, mask=is_hit, other=0) * 2
    for p in range(0, pictures):
        corner = source_ptr + p * points * 2
        out = table_ptr + (p * height * width + pixel) * 2
        for d in tl.static_range(2):
            at = ((1 - u - v) * tl.load(corner + a + d, mask=is_hit, other=0.0)
                  + u * tl.load(corner + b + d, mask=is_hit, other=0.0)
                  + v * tl.load(corner + c + d, mask=is_hit, other=0.0))
            tl.store(out + d, at.to(tl.float32), mask=is_hit)


@triton.jit
def _weight(t, TAP: tl.constexpr, IS_CUBIC: tl.constexpr):
    """The weight of a tap at distance: cubic taps -1..2 with a = -0.75, linear taps 0..1."""
    if not IS_CUBIC:
        return t if TAP == 1 else 1.0 - t
    if TAP == 0:
        s = t + 1.0
        return ((-0.75 * s + 3.75) * s - 6.0) * s + 3.0
    elif TAP == 1:
        return (1.25 * t - 2.25) * t * t + 1.0
    elif TAP == 2:
        s = 1.0 - t
        return (1.25 * s - 2.25) * s * s + 1.0
    else:
        s = 2.0 - t
        return ((-0.75 * s + 3.75) * s - 6.0) * s + 3.0


@triton.jit
def remap_kernel(picture_ptr, table_ptr, out_ptr, pixels, height, width, IS_CUBIC: tl.constexpr,
                 BLOCK: tl.constexpr):
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    is_pixel = pixel < pixels
    x = tl.load(table_ptr + pixel * 2, mask=is_pixel, other=0.0)
    y = tl.load(table_ptr + pixel * 2 + 1, mask=is_pixel, other=0.0)
    whole_x = tl.floor(x)
    whole_y = tl.floor(y)
    part_x = x - whole_x
    part_y = y - whole_y
    taps: tl.constexpr = 4 if IS_CUBIC else 2
    before: tl.constexpr = 1 if IS_CUBIC else 0
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for j in tl.static_range(taps):
        row = tl.minimum(tl.maximum(whole_y.to(tl.int32) + (j - before), 0), height - 1)
        line = tl.zeros((BLOCK,), dtype=tl.float32)
        for i in tl.static_range(taps):
            column = tl.minimum(tl.maximum(whole_x.to(tl.int32) + (i - before), 0), width - 1)
            value = tl.load(picture_ptr + row * width + column, mask=is_pixel, other=0).to(tl.float32)
            line += _weight(part_x, i, IS_CUBIC) * value
        total += _weight(part_y, j, IS_CUBIC) * line
    total = tl.minimum(tl.maximum(tl.floor(total + 0.5), 0.0), 255.0)
    tl.store(out_ptr + pixel, total.to(tl.uint8), mask=is_pixel)


def mesh_table(target: Tensor, source: Tensor, triangles: Tensor, left: int, top: int, table: Tensor) -> Tensor:
    """See `reference.mesh_table`."""
    pictures, height, width, _ = table.shape
    edges = edge_functions(target, triangles, left, top)
    check(edges, triangles, source, table)
    mesh_table_kernel[(triton.cdiv(height * width, _PIXELS),)](
        edges, triangles, source, table, len(triangles), source.shape[1], pictures, height, width,
        TOLERANCE=TOLERANCE, BLOCK_P=_PIXELS, BLOCK_T=_TRIANGLES, num_warps=4)
    return table


def remap(picture: Tensor, table: Tensor, interpolation: str = "cubic") -> Tensor:
    """See `reference.remap`."""
    height, width = picture.shape
    out = torch.empty(table.shape[:2], device=picture.device, dtype=torch.uint8)
    check(picture, table, out)
    remap_kernel[(triton.cdiv(out.numel(), _BLOCK),)](picture, table, out, out.numel(), height, width,
                                                     IS_CUBIC=interpolation == "cubic", BLOCK=_BLOCK, num_warps=4)
    return out


def compile_cases() -> list[CompileCase]:
    """The table and both interpolations."""
    table = {"edges_ptr": "*fp64", "triangles_ptr": "*i32", "source_ptr": "*fp64", "table_ptr": "*fp32"}
    table |= dict.fromkeys(("count", "points", "pictures", "height", "width"), "i32")
    remap_types = {"picture_ptr": "*u8", "table_ptr": "*fp32", "out_ptr": "*u8", "pixels": "i32", "height": "i32",
                   "width": "i32"}
    cases = [CompileCase("mesh_warp table", mesh_table_kernel, table,
                         {"TOLERANCE": TOLERANCE, "BLOCK_P": _PIXELS, "BLOCK_T": _TRIANGLES})]
    cases += [CompileCase(f"mesh_warp remap {'cubic' if c else 'linear'}", remap_kernel, remap_types,
                          {"IS_CUBIC": c, "BLOCK": _BLOCK}, is_hot=False) for c in (True, False)]
    return cases
