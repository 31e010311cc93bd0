"""Transposed convolution on NHWC pictures in plain PyTorch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lipsync_core.ops.conv2d.reference import activate, bias_of
from lipsync_core.ops.packing import PackedConv


def conv_transpose2d(x: Tensor, weights: PackedConv, *, x2: Tensor | None = None, residual: Tensor | None = None,
                     activation: str = "none") -> Tensor:
    """activation(transposed conv(x) + bias + residual) on [N, height, width, channels], computed in fp32.

    x2: a second input whose channels follow the first's. Returns [N, out height, out width, out channels].
    """
    return _conv_transpose2d(x, weights, x2, residual, activation, torch.float32)


def conv_transpose2d_native(x: Tensor, weights: PackedConv, *, x2: Tensor | None = None,
                            residual: Tensor | None = None, activation: str = "none") -> Tensor:
    """The same in the weights' own type: cuDNN on CUDA."""
    return _conv_transpose2d(x, weights, x2, residual, activation, weights.weight.dtype)


def _conv_transpose2d(x: Tensor, weights: PackedConv, x2: Tensor | None, residual: Tensor | None, activation: str,
                      compute: torch.dtype) -> Tensor:
    if x2 is not None:
        x = torch.cat([x, x2], dim=3)
    out = F.conv_transpose2d(x.permute(0, 3, 1, 2).to(compute), weights.weight.to(compute), bias_of(weights, compute),
                             weights.stride, weights.padding, weights.output_padding).permute(0, 2, 3, 1)
    if residual is not None:
        out += residual.to(compute)
    return activate(out, activation).to(weights.weight.dtype).contiguous()
