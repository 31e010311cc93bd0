"""From video frames to the generator's input in one step, in plain PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor


def crop_warp(frames: Tensor, matrices: Tensor, frame_index: Tensor | None = None, *,
              size: tuple[int, int] = (96, 96), dtype: torch.dtype = torch.float16, samples: int = 1) -> Tensor:
    """Cut out faces: inverse affine map, bilinear, borders repeated, divided by 255, lower half masked.

    frames: uint8 [F, H, W, 3]. matrices: fp32 [N, 2, 3], output pixel (x, y, 1) -> frame pixel (x, y), whole numbers
    being pixel centres. frame_index: int32 [N], each face's frame (None: face n is in frame n). samples: that many
    squared points are averaged an output pixel; 1 is OpenCV's linear warp, more avoids shimmer where the face is
    much larger than ``size``.
    Returns ``dtype`` [N, height, width, 8]: channels 0-2 the face with its lower half black, 3-5 the face, 6-7 zero.
    """
    high, wide = size
    if frame_index is None:
        frame_index = torch.arange(matrices.shape[0], device=frames.device)
    total = torch.zeros(matrices.shape[0], high, wide, 3, device=frames.device)
    m = matrices.float()
    for sub_y in range(samples):
        for sub_x in range(samples):
            y = torch.arange(high, device=frames.device) + ((sub_y + 0.5) / samples - 0.5)
            x = torch.arange(wide, device=frames.device) + ((sub_x + 0.5) / samples - 0.5)
            at = m[:, None, None, :, 0] * x[None, None, :, None] + m[:, None, None, :, 1] * y[None, :, None, None]
            total += bilinear(frames, frame_index.long(), at + m[:, None, None, :, 2])
    face = total * (1.0 / (255 * samples * samples))
    masked = face.clone()
    masked[:, high // 2:] = 0
    return torch.cat([masked, face, face.new_zeros(*face.shape[:3], 2)], dim=3).to(dtype)


def bilinear(pictures: Tensor, index: Tensor, at: Tensor) -> Tensor:
    """pictures [F, H, W, C] of any type at points ``at`` [N, h, w, 2] (x, y) of picture ``index`` [N] -> fp32
    [N, h, w, C]; borders are repeated."""
    height, width = pictures.shape[1:3]
    corner = at.floor()
    part = at - corner
    x, y = corner[..., 0].long(), corner[..., 1].long()
    n = index[:, None, None]
    out = torch.zeros(*at.shape[:3], pictures.shape[3], device=at.device)
    for down in (0, 1):
        for right in (0, 1):
            weight = (part[..., 0] if right else 1 - part[..., 0]) * (part[..., 1] if down else 1 - part[..., 1])
            rows, columns = (y + down).clamp(0, height - 1), (x + right).clamp(0, width - 1)
            out += weight[..., None] * pictures[n, rows, columns].float()
    return out
