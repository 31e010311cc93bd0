"""Piecewise-affine warps in plain PyTorch: what `lipsync_core.atlas.warp.rasterize` and OpenCV's remap compute."""

from __future__ import annotations

import torch
from torch import Tensor

#: How far outside a triangle (in barycentric units) a pixel still belongs to it, and the area below which it is left
#: out; the values of `lipsync_core.atlas.warp`.
TOLERANCE, LEAST_AREA = 1e-4, 1e-3
_CUBIC = -0.75
_CHUNK = 1 << 22


def mesh_table(target: Tensor, source: Tensor, triangles: Tensor, left: int, top: int, table: Tensor) -> Tensor:
    """Write, for every pixel that a triangle of ``target`` covers, where in ``source`` it comes from; in place.

    target: fp64 [K, 2] pixels (x, y). source: fp64 [P, K, 2] pixels in each of P pictures. triangles: int32 [T, 3], all
    turning the same way. table: fp32 [P, height, width, 2], its first pixel at (left, top); pixels outside all
    triangles stay. Triangles that vanished or turned over are left out; where two overlap, the later one counts.
    Returns the table.
    """
    height, width = table.shape[1:3]
    edges = edge_functions(target, triangles, left, top)
    order = torch.arange(len(triangles), device=target.device)
    x = torch.arange(width, device=target.device, dtype=torch.float64)
    rows = max(_CHUNK // max(width * len(triangles), 1), 1)
    for first in range(0, height, rows):
        y = torch.arange(first, min(first + rows, height), device=target.device, dtype=torch.float64)
        gap_x = x[None, :, None] - edges[0]
        gap_y = y[:, None, None] - edges[1]
        u = gap_x * edges[2] + gap_y * edges[3]
        v = gap_x * edges[4] + gap_y * edges[5]
        covers = (u >= -TOLERANCE) & (v >= -TOLERANCE) & (u + v <= 1 + TOLERANCE)
        last = torch.where(covers, order, -1).max(2).values
        hit = last >= 0
        chosen = last.clamp_min(0)
        u, v = (a.gather(2, chosen[..., None])[..., 0] for a in (u, v))
        corners = triangles.long()[chosen]
        weights = torch.stack([1 - u - v, u, v], dim=-1)
        for p in range(table.shape[0]):
            at = (weights[..., None] * source[p][corners]).sum(2)
            region = table[p, first:first + rows]
            region.copy_(torch.where(hit[..., None], at.to(table.dtype), region))
    return table


def edge_functions(target: Tensor, triangles: Tensor, left: int, top: int) -> Tensor:
    """fp64 [6, T]: x and y of each triangle's first corner, then the slopes of u by x and y and of v by x and y.

    A triangle that vanished or turned over gets a first corner far outside with slopes that no pixel satisfies.
    """
    corners = target[triangles.long()] - torch.tensor([left, top], dtype=torch.float64, device=target.device)
    (ax, ay), (bx, by), (cx, cy) = (corners[:, i].unbind(1) for i in range(3))
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    is_good = area > LEAST_AREA
    area = torch.where(is_good, area, 1.0)
    slopes = [(cy - ay) / area, -(cx - ax) / area, -(by - ay) / area, (bx - ax) / area]
    slopes = [torch.where(is_good, s, 0.0) for s in slopes]
    # u = (x - ax) * 1 with ax huge is far below zero for every pixel.
    slopes[0] = torch.where(is_good, slopes[0], 1.0)
    return torch.stack([torch.where(is_good, ax, 1e9), ay, *slopes]).contiguous()


def remap(picture: Tensor, table: Tensor, interpolation: str = "cubic") -> Tensor:
    """uint8 [H, W] at places fp32 [h, w, 2] (x, y) -> uint8 [h, w]; borders are repeated.

    interpolation: "cubic" (4x4, a = -0.75) or "linear", as OpenCV 5's, within one grey level (OpenCV 4 rounded places
    to 1/32 pixel). Whole-numbered places copy bytes.
    """
    height, width = picture.shape
    corner = table.floor()
    part = table - corner
    whole = corner.to(torch.int64)
    taps = range(-1, 3) if interpolation == "cubic" else range(2)
    weights = _cubic if interpolation == "cubic" else _linear
    by_x, by_y = weights(part[..., 0]), weights(part[..., 1])
    total = torch.zeros(table.shape[:2], device=picture.device)
    for j, down in enumerate(taps):
        rows = (whole[..., 1] + down).clamp(0, height - 1)
        line = torch.zeros_like(total)
        for i, right in enumerate(taps):
            line += by_x[i] * picture[rows, (whole[..., 0] + right).clamp(0, width - 1)].float()
        total += by_y[j] * line
    return (total + 0.5).floor().clamp(0, 255).to(torch.uint8)


def _cubic(t: Tensor) -> list[Tensor]:
    a = _CUBIC
    first = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a
    second = ((a + 2) * t - (a + 3)) * t * t + 1
    third = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1
    return [first, second, third, 1 - first - second - third]


def _linear(t: Tensor) -> list[Tensor]:
    return [1 - t, t]
