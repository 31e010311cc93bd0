"""Convolution of NHWC pictures with everything that follows it in one pass."""

from __future__ import annotations

import torch
from torch import Tensor

from lipsync_core.ops.conv2d import reference
from lipsync_core.ops.dispatch import convolution_choice
from lipsync_core.ops.packing import PackedConv, Tail
from lipsync_core.ops.tuning import Shape

__all__ = ["conv2d", "shape_of"]


def conv2d(x: Tensor, weights: PackedConv, *, x2: Tensor | None = None, residual: Tensor | None = None,
           activation: str = "none", tail: Tail | None = None, out_dtype: torch.dtype | None = None) -> Tensor:
    """activation(conv(x) + bias + residual) on [N, height, width, channels]; see `reference.conv2d`.

    Runs the kernel or cuDNN on CUDA, as the tuning table says, and the reference elsewhere.
    """
    options = {"x2": x2, "residual": residual, "activation": activation, "tail": tail, "out_dtype": out_dtype}
    choice = convolution_choice("conv2d", shape_of(x, weights), x, weights, options)
    if choice.backend == "triton":
        from lipsync_core.ops.conv2d import kernel

        return kernel.conv2d(x, weights, config=choice.config, **options)  # type: ignore[arg-type]
    run = reference.conv2d_native if choice.backend == "torch" else reference.conv2d
    return run(x, weights, **options)  # type: ignore[arg-type]


def shape_of(x: Tensor, weights: PackedConv) -> Shape:
    """What the tuning table is asked for."""
    high, wide = weights.output_size(x.shape[1], x.shape[2])
    dtype = ("faces-" if x.dtype == torch.uint8 else "") + str(weights.matrix.dtype).removeprefix("torch.")
    return Shape("conv2d", x.shape[0] * high * wide, (x.shape[1], x.shape[2]), weights.channels, weights.kernel_size,
                 weights.stride, weights.padding, weights.out_channels, dtype)
