"""Faces of video frames as the generator's input."""

from __future__ import annotations

import torch
from torch import Tensor

from lipsync_core.ops.crop_warp import reference
from lipsync_core.ops.dispatch import backend_for

__all__ = ["crop_warp"]


def crop_warp(frames: Tensor, matrices: Tensor, frame_index: Tensor | None = None, *,
              size: tuple[int, int] = (96, 96), dtype: torch.dtype = torch.float16, samples: int = 1) -> Tensor:
    """uint8 [F, H, W, 3] frames -> ``dtype`` [N, height, width, 8] faces, masked and whole.

    See `reference.crop_warp` for the arguments; runs the kernel on CUDA.
    """
    if backend_for(frames) == "triton":
        from lipsync_core.ops.crop_warp import kernel

        return kernel.crop_warp(frames, matrices, frame_index, size=size, dtype=dtype, samples=samples)
    return reference.crop_warp(frames, matrices, frame_index, size=size, dtype=dtype, samples=samples)
