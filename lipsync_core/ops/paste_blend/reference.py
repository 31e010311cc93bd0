"""From generated faces back into video frames in one step, in plain PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor

from lipsync_core.ops.crop_warp.reference import bilinear


def paste_blend(y: Tensor, u: Tensor, v: Tensor | None, faces: Tensor, matrices: Tensor, matte: Tensor, light: Tensor,
                colour: Tensor, boxes: Tensor, frame_index: Tensor | None = None, *, largest: tuple[int, int],
                black: float = 16.0) -> tuple[Tensor, Tensor, Tensor | None]:
    """Warp faces onto Y, U and V planes, match their light, and blend them under a soft matte, in place.

    y: uint8 [F, H, W], even sides. u, v: uint8 [F, H/2, W/2] (I420), or u [F, H/2, W/2, 2] and v None (NV12).
    faces: floating [N, S, S, 3] in [0, 1]. matrices: fp32 [N, 2, 3], frame pixel (x, y, 1) -> face pixel. matte: fp32
    [S, S] in [0, 1] in face pixels, zero at its border. light: fp32 [N, 3, G, G] over the face: gain of luma above
    ``black``, shifts of U and V in grey levels. colour: fp32 [12], rows Y, U, V: factors of the face's three channels
    and an offset, in grey levels. boxes: int32 [N, 4] even top, left, height, width in the frame; nothing outside is
    touched. frame_index: int32 [N] (None: face n is in frame n); boxes of one frame must not overlap. largest: height
    and width that no box exceeds (known without asking the device).

    A chroma sample is the mean of its four pixels' colours under the mean of their mattes (centred siting). Values
    where the matte is zero keep their bits. Returns the planes.
    """
    del largest
    planes = (y, u, v) if v is not None else (y, u[..., 0], u[..., 1])
    for n in range(faces.shape[0]):
        top, left, height, width = (int(i) for i in boxes[n])
        if height <= 0 or width <= 0:
            continue
        frame = n if frame_index is None else int(frame_index[n])
        alpha, values = _sample(faces[n], matrices[n], matte, light[n], colour, (top, left, height, width), black)
        half = (slice(top // 2, (top + height) // 2), slice(left // 2, (left + width) // 2))
        places = ((slice(top, top + height), slice(left, left + width)), half, half)
        quarter = _halved(alpha)
        for plane, place, value, soft in zip(planes, places, (values[0], _halved(values[1]), _halved(values[2])),
                                             (alpha, quarter, quarter), strict=True):
            region = plane[frame][place]
            own = region.float()
            mixed = (own + soft * (value - own) + 0.5).floor().clamp(0, 255).to(torch.uint8)
            region.copy_(torch.where(soft > 0, mixed, region))
    return y, u, v


def _sample(face: Tensor, matrix: Tensor, matte: Tensor, light: Tensor, colour: Tensor,
            box: tuple[int, int, int, int], black: float) -> tuple[Tensor, Tensor]:
    """Matte [height, width] and lit Y, U, V [3, height, width] of one box."""
    top, left, height, width = box
    side, grid = face.shape[0], light.shape[1]
    y = torch.arange(top, top + height, device=face.device, dtype=torch.float32)[:, None]
    x = torch.arange(left, left + width, device=face.device, dtype=torch.float32)[None]
    at = torch.stack([matrix[i, 0] * x + matrix[i, 1] * y + matrix[i, 2] for i in (0, 1)], dim=-1)[None]
    inside = ((at >= 0) & (at <= side - 1)).all(-1)[0]
    zero = torch.zeros(1, dtype=torch.int64, device=face.device)
    alpha = torch.where(inside, bilinear(matte[None, :, :, None], zero, at)[0, :, :, 0], 0.0)
    bgr = bilinear(face[None], zero, at)[0]
    coarse = ((at + 0.5) * (grid / side) - 0.5).clamp(0, grid - 1)
    lit = bilinear(light.permute(1, 2, 0)[None], zero, coarse)[0]
    rows = colour.reshape(3, 4)
    values = [sum(rows[i, k] * bgr[..., k] for k in range(3)) + rows[i, 3] for i in range(3)]
    luma = (values[0] - black) * lit[..., 0] + black
    return alpha, torch.stack([luma, values[1] + lit[..., 1], values[2] + lit[..., 2]])


def _halved(plane: Tensor) -> Tensor:
    return (plane[0::2, 0::2] + plane[0::2, 1::2] + plane[1::2, 0::2] + plane[1::2, 1::2]) * 0.25
