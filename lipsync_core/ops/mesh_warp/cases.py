"""Cases of the mesh warp: folded and vanished triangles, a mouth at 4K on a card."""

from __future__ import annotations

from typing import Any

import torch

from lipsync_core.ops.case import Case, Source


def _grid(side: int) -> torch.Tensor:
    """int32 [2 (side - 1)^2, 3] triangles of a square grid of points, all turning the same way."""
    a = (torch.arange(side - 1)[:, None] * side + torch.arange(side - 1)[None]).reshape(-1)
    upper = torch.stack([a, a + 1, a + side], 1)
    lower = torch.stack([a + 1, a + side + 1, a + side], 1)
    return torch.cat([upper, lower]).to(torch.int32)


def _table(name: str, size: tuple[int, int], side: int, pictures: int, is_small: bool = True) -> Case:
    def make(source: Source) -> dict[str, Any]:
        ramp = torch.linspace(0.1, 0.9, side, dtype=torch.float64)
        points = torch.stack(torch.meshgrid(ramp, ramp, indexing="xy"), -1).reshape(-1, 2)
        points = (points * torch.tensor([size[1], size[0]], dtype=torch.float64)).to(source.device)
        step = 0.8 * min(size) / side
        target = points + source.normal(*points.shape, dtype=torch.float64) * 0.3 * step + 20
        target[side + 1] = target[side]
        moved = points[None] + source.normal(pictures, *points.shape, dtype=torch.float64) * 0.5 * step
        ramp_x = torch.arange(size[1], dtype=torch.float32, device=source.device).expand(size)
        ramp_y = torch.arange(size[0], dtype=torch.float32, device=source.device)[:, None].expand(size)
        table = torch.stack([ramp_x, ramp_y], -1).expand(pictures, *size, 2).contiguous()
        return {"target": target, "source": moved.contiguous(), "triangles": _grid(side).to(source.device),
                "left": 20, "top": 20, "table": table}

    return Case("mesh_table", name, make, torch.float64, 1e-6, is_small,
                flops=14 * size[0] * size[1] * 2 * (side - 1) ** 2, bytes=8 * pictures * size[0] * size[1])


def _remap(name: str, size: tuple[int, int], interpolation: str, is_small: bool = True) -> Case:
    def make(source: Source) -> dict[str, Any]:
        places = source.uniform(*size, 2, low=-3.0, high=max(size) + 3.0)
        if not is_small:
            rows = torch.arange(size[0], device=source.device, dtype=torch.float32)[:, None].expand(size)
            columns = torch.arange(size[1], device=source.device, dtype=torch.float32)[None].expand(size)
            places = torch.stack([columns, rows], -1) + 3 * places / max(size)
        return {"picture": source.bytes(*size), "table": places.contiguous(), "interpolation": interpolation}

    return Case("remap", name, make, torch.float32, 1.0, is_small, bytes=10 * size[0] * size[1])


CASES = [
    _table("five by five points, two pictures", (13, 17), 5, 2),
    _remap("cubic, beyond the borders", (11, 13), "cubic"),
    _remap("linear", (11, 13), "linear"),
    _table("324 triangle pairs, 720x720, three pictures", (720, 720), 19, 3, is_small=False),
    _remap("cubic 720x720", (720, 720), "cubic", is_small=False),
]
