"""Faces of video frames as the generator's input."""

from __future__ import annotations

import torch
from torch import Tensor

from lipsync_core.ops.crop_warp import reference
from lipsync_core.ops.crop_warp.reference import from_yuv
from lipsync_core.ops.dispatch import backend_for

__all__ = ["crop_warp", "crop_warp_yuv", "from_yuv"]


def crop_warp(frames: Tensor, matrices: Tensor, frame_index: Tensor | None = None, *,
              size: tuple[int, int] = (96, 96), dtype: torch.dtype = torch.float16, samples: int = 1) -> Tensor:
    """uint8 [F, H, W, 3] frames -> ``dtype`` [N, height, width, 8] faces, masked and whole.

    See `reference.crop_warp` for the arguments; runs the kernel on CUDA.
    """
    if backend_for(frames) == "triton":
        from lipsync_core.ops.crop_warp import kernel

        return kernel.crop_warp(frames, matrices, frame_index, size=size, dtype=dtype, samples=samples)
    return reference.crop_warp(frames, matrices, frame_index, size=size, dtype=dtype, samples=samples)


def crop_warp_yuv(y: Tensor, u: Tensor, v: Tensor | None, matrices: Tensor, colour: Tensor,
                  frame_index: Tensor | None = None, *, size: tuple[int, int] = (96, 96),
                  dtype: torch.dtype = torch.float16, samples: int = 1) -> Tensor:
    """The same from I420 or NV12 planes, so that no frame is ever converted; ``colour`` comes from `from_yuv`.

    See `reference.crop_warp_yuv` for the arguments; runs the kernel on CUDA.
    """
    run = reference.crop_warp_yuv
    if backend_for(y) == "triton":
        from lipsync_core.ops.crop_warp import kernel

        run = kernel.crop_warp_yuv
    return run(y, u, v, matrices, colour, frame_index, size=size, dtype=dtype, samples=samples)
