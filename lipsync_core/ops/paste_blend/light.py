"""How a generated face's light differs from the plate's, measured where both show the same skin."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: How much the mean over the whole ring counts in a cell that sees little of it.
_PRIOR = 0.03
#: Reach of a cell's measurement, in units of the face's side.
_REACH = 0.22


def measure_light(faces: Tensor, plate: Tensor, ring: Tensor, colour: Tensor, *, grid: int = 8,
                  black: float = 16.0) -> Tensor:
    """A smooth field fp32 [N, 3, grid, grid] for `paste_blend`: gain of luma, shifts of U and V.

    faces, plate: floating [N, S, S, 3] in [0, 1], the generated and the original face in the same pixels. ring: fp32
    [S, S], 1 on the skin around the mouth and 0 on what may differ (lips, teeth, background). colour: fp32 [12] as
    for `paste_blend`. Luma is scaled, so teeth keep their ratio to the skin; chroma is shifted. Without a ring: gain 1,
    shift 0.
    """
    rows = colour.reshape(3, 4)
    made, own = (p.float() @ rows[:, :3].T + rows[:, 3] for p in (faces, plate))
    made, own = made.permute(0, 3, 1, 2), own.permute(0, 3, 1, 2)
    offset = torch.tensor([black, 0.0, 0.0], device=faces.device)[None, :, None, None]
    weight = _spread(ring[None, None], grid)
    sums = [_spread((p - offset) * ring, grid) for p in (made, own)]
    total = ring.sum().clamp_min(1e-6)
    means = [((p - offset) * ring).sum((2, 3), keepdim=True) / total for p in (made, own)]
    made, own = ((s + _PRIOR * m) / (weight + _PRIOR) for s, m in zip(sums, means, strict=True))
    gain = (own[:, :1] / made[:, :1].clamp_min(1e-3)).clamp(0.6, 1.6)
    light = torch.cat([gain, (own - made)[:, 1:]], dim=1)
    nothing = light.new_tensor([1.0, 0.0, 0.0])[None, :, None, None].expand_as(light)
    return torch.where(ring.sum() > 1, light, nothing).contiguous()


def _spread(picture: Tensor, grid: int) -> Tensor:
    """[N, C, S, S] averaged into cells, then over neighbouring cells with Gaussian weights."""
    cells = F.adaptive_avg_pool2d(picture, grid)
    at = (torch.arange(grid, device=picture.device) + 0.5) / grid
    near = torch.exp(-((at[:, None] - at[None]) ** 2) / (2 * _REACH**2))
    near = near / near.sum(1, keepdim=True)
    return near @ cells @ near.T
