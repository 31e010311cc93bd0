"""Pairwise distances and the min-plus recursion of a shortest path.

Distances are sums of squared differences in the rows' type: the usual matrix-product form cancels where rows are
alike, which is where a choice between mouths is made. The recursion's sums and ties are those of the NumPy version,
so fp64 costs give the same path bit for bit.
"""

# A kernel's parameters are Triton values, which have no Python type.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lipsync_core.ops.launch import CompileCase, check

_TILE = 32
_MOUTHS, _ARRIVALS = 4, 512


@triton.jit
def distances_kernel(columns_ptr, unit_ptr, out_ptr, rows, features, BLOCK: tl.constexpr):
    """columns: the rows transposed [features, rows], so that neighbouring lanes read neighbouring values."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    j = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK, BLOCK), dtype=columns_ptr.dtype.element_ty)
    for d in range(0, features):
        a = tl.load(columns_ptr + d * rows + i, mask=i < rows, other=0.0)
        b = tl.load(columns_ptr + d * rows + j, mask=j < rows, other=0.0)
        gap = a[:, None] - b[None, :]
        total += gap * gap
    is_pair = (i < rows)[:, None] & (j < rows)[None, :]
    tl.store(out_ptr + i[:, None] * rows + j[None, :], total / tl.load(unit_ptr), mask=is_pair)


@triton.jit
def step_kernel(arriving_ptr, best_ptr, target_ptr, next_ptr, back_ptr, mouths, BLOCK_J: tl.constexpr,
                BLOCK_I: tl.constexpr):
    """One frame: next[j] = min over i of (arriving[j, i] + best[i]) + target[j], and where the minimum was."""
    j = tl.program_id(0) * BLOCK_J + tl.arange(0, BLOCK_J)
    least = tl.full((BLOCK_J,), float("inf"), dtype=best_ptr.dtype.element_ty)
    where = tl.zeros((BLOCK_J,), dtype=tl.int32)
    for start in range(0, mouths, BLOCK_I):
        i = start + tl.arange(0, BLOCK_I)
        is_pair = (j < mouths)[:, None] & (i < mouths)[None, :]
        cost = tl.load(arriving_ptr + j[:, None] * mouths + i[None, :], mask=is_pair, other=float("inf"))
        cost += tl.load(best_ptr + i, mask=i < mouths, other=float("inf"))[None, :]
        here = tl.min(cost, axis=1)
        # The lowest index among equals, then a later block only where it is strictly less.
        index = tl.min(tl.where(cost == here[:, None], i[None, :], mouths), axis=1)
        is_less = here < least
        where = tl.where(is_less, index, where)
        least = tl.where(is_less, here, least)
    tl.store(back_ptr + j, where, mask=j < mouths)
    tl.store(next_ptr + j, least + tl.load(target_ptr + j, mask=j < mouths, other=0.0), mask=j < mouths)


@triton.jit
def backtrace_kernel(back_ptr, last_ptr, path_ptr, count, mouths):
    """Follow the pointers home. One program: every step needs the one before it."""
    at = tl.load(last_ptr)
    tl.store(path_ptr + count - 1, at)
    for k in range(1, count):
        n = count - k
        at = tl.load(back_ptr + n.to(tl.int64) * mouths + at).to(tl.int64)
        tl.store(path_ptr + n - 1, at)


def distances(rows: Tensor) -> Tensor:
    """See `reference.distances`."""
    rows = rows - rows.mean(0)
    unit = (rows**2).sum(1).mean().clamp_min(1e-9).reshape(1)
    columns = rows.T.contiguous()
    count, features = rows.shape
    out = torch.empty((count, count), device=rows.device, dtype=rows.dtype)
    check(columns, out)
    tiles = triton.cdiv(count, _TILE)
    distances_kernel[(tiles, tiles)](columns, unit, out, count, features, BLOCK=_TILE, num_warps=4)
    return out


def shortest_path(target: Tensor, join: Tensor, *, arrivals: int = _ARRIVALS) -> Tensor:
    """See `reference.shortest_path`; ``arrivals``: mouths that one block of the minimum spans."""
    count, mouths = target.shape
    target, arriving = target.contiguous(), join.T.contiguous()
    back = torch.zeros((count, mouths), dtype=torch.int32, device=target.device)
    best, following = target[0].clone(), torch.empty_like(target[0])
    check(arriving, best, following, has_wide_offsets=True)
    for n in range(1, count):
        step_kernel[(triton.cdiv(mouths, _MOUTHS),)](arriving, best, target[n], following, back[n], mouths,
                                                     BLOCK_J=_MOUTHS, BLOCK_I=arrivals, num_warps=4)
        best, following = following, best
    ids = torch.arange(mouths, device=target.device)
    last = torch.where(best == best.min(), ids, mouths).min().reshape(1)
    path = torch.empty(count, dtype=torch.int64, device=target.device)
    backtrace_kernel[(1,)](back, last, path, count, mouths, num_warps=1)
    return path


def compile_cases() -> list[CompileCase]:
    """Distances in fp32, the recursion in fp64 (as the atlas makes its costs)."""
    step = dict.fromkeys(("arriving_ptr", "best_ptr", "target_ptr", "next_ptr"), "*fp64")
    return [
        CompileCase("selection distances fp32", distances_kernel,
                    {"columns_ptr": "*fp32", "unit_ptr": "*fp32", "out_ptr": "*fp32", "rows": "i32",
                     "features": "i32"}, {"BLOCK": _TILE}, is_hot=False),
        CompileCase("selection min-plus step fp64", step_kernel, step | {"back_ptr": "*i32", "mouths": "i32"},
                    {"BLOCK_J": _MOUTHS, "BLOCK_I": _ARRIVALS}),
        CompileCase("selection backtrace", backtrace_kernel,
                    {"back_ptr": "*i32", "last_ptr": "*i64", "path_ptr": "*i64", "count": "i32", "mouths": "i32"},
                    {}, warps=1, is_hot=False),
    ]
