"""From video frames to the generator's input in one step, in plain PyTorch."""

from __future__ import annotations

from collections.abc import Iterator

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
    for at in _places(matrices.float(), size, samples):
        total += bilinear(frames, frame_index.long(), at)
    return _channels(total * (1.0 / (255 * samples * samples)), dtype)


def crop_warp_yuv(y: Tensor, u: Tensor, v: Tensor | None, matrices: Tensor, colour: Tensor,
                  frame_index: Tensor | None = None, *, size: tuple[int, int] = (96, 96),
                  dtype: torch.dtype = torch.float16, samples: int = 1) -> Tensor:
    """`crop_warp` from a video's own planes: no frame is ever converted to RGB, only the face's samples are.

    y: uint8 [F, H, W], even sides. u, v: uint8 [F, H/2, W/2] (I420), or u [F, H/2, W/2, 2] and v None (NV12), chroma
    sited between its four pixels. colour: fp32 [12], rows B, G, R: factors of Y, U, V and an offset, in grey levels
    (`from_yuv` makes it); colours are clipped to 0..255. Everything else as in `crop_warp`.
    """
    high, wide = size
    if frame_index is None:
        frame_index = torch.arange(matrices.shape[0], device=y.device)
    chroma = u if v is None else torch.stack([u, v], dim=-1)
    rows = colour.reshape(3, 4)
    total = torch.zeros(matrices.shape[0], high, wide, 3, device=y.device)
    for at in _places(matrices.float(), size, samples):
        luma = bilinear(y[..., None], frame_index.long(), at)
        pair = bilinear(chroma, frame_index.long(), at * 0.5 - 0.25)
        value = (rows[:, 0] * luma + rows[:, 1] * pair[..., :1] + rows[:, 2] * pair[..., 1:]) + rows[:, 3]
        total += value.clamp(0, 255)
    return _channels(total * (1.0 / (255 * samples * samples)), dtype)


def from_yuv(red: float = 0.2126, blue: float = 0.0722, is_full_range: bool = False) -> Tensor:
    """The ``colour`` of `crop_warp_yuv`, fp32 [12], from the luma weights of red and blue (default BT.709; BT.601:
    0.299 and 0.114)."""
    green = 1 - red - blue
    gain, spread, black = (1.0, 1.0, 0.0) if is_full_range else (255 / 219, 255 / 224, 16.0)
    to_blue, to_red = 2 * (1 - blue) * spread, 2 * (1 - red) * spread
    rows = torch.tensor([[gain, to_blue, 0.0], [gain, -to_blue * blue / green, -to_red * red / green],
                         [gain, 0.0, to_red]], dtype=torch.float64)
    offsets = -rows @ torch.tensor([black, 128.0, 128.0], dtype=torch.float64)
    return torch.cat([rows, offsets[:, None]], dim=1).float().reshape(-1)


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


def _places(m: Tensor, size: tuple[int, int], samples: int) -> Iterator[Tensor]:
    """Frame places [N, height, width, 2] of every output pixel, once a sample."""
    for sub_y in range(samples):
        for sub_x in range(samples):
            y = torch.arange(size[0], device=m.device) + ((sub_y + 0.5) / samples - 0.5)
            x = torch.arange(size[1], device=m.device) + ((sub_x + 0.5) / samples - 0.5)
            at = m[:, None, None, :, 0] * x[None, None, :, None] + m[:, None, None, :, 1] * y[None, :, None, None]
            yield at + m[:, None, None, :, 2]


def _channels(face: Tensor, dtype: torch.dtype) -> Tensor:
    masked = face.clone()
    masked[:, face.shape[1] // 2:] = 0
    return torch.cat([masked, face, face.new_zeros(*face.shape[:3], 2)], dim=3).to(dtype)
