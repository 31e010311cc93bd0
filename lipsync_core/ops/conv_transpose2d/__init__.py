"""Transposed convolution of NHWC pictures, with everything that follows it in one pass."""

from __future__ import annotations

from torch import Tensor

from lipsync_core.ops.conv_transpose2d import reference
from lipsync_core.ops.dispatch import convolution_choice
from lipsync_core.ops.packing import PackedConv
from lipsync_core.ops.tuning import Shape

__all__ = ["conv_transpose2d", "shape_of"]


def conv_transpose2d(x: Tensor, weights: PackedConv, *, x2: Tensor | None = None, residual: Tensor | None = None,
                     activation: str = "none") -> Tensor:
    """activation(transposed conv(x) + bias + residual); see `reference.conv_transpose2d`.

    The kernel has the 3x3, stride 2, padding 1, output padding 1 form; other forms run through torch.
    """
    options = {"x2": x2, "residual": residual, "activation": activation}
    choice = convolution_choice("conv_transpose2d", shape_of(x, weights), x, weights, options)
    if choice.backend == "triton" and weights.matrix.numel():
        from lipsync_core.ops.conv_transpose2d import kernel

        return kernel.conv_transpose2d(x, weights, config=choice.config, **options)  # type: ignore[arg-type]
    if choice.backend == "reference":
        return reference.conv_transpose2d(x, weights, **options)  # type: ignore[arg-type]
    return reference.conv_transpose2d_native(x, weights, **options)  # type: ignore[arg-type]


def shape_of(x: Tensor, weights: PackedConv) -> Shape:
    """What the tuning table is asked for."""
    rows = x.shape[0] * x.shape[1] * x.shape[2]
    dtype = str(weights.weight.dtype).removeprefix("torch.")
    return Shape("conv_transpose2d", rows, (x.shape[1], x.shape[2]), weights.channels, weights.kernel_size,
                 weights.stride, weights.padding, weights.out_channels, dtype)
