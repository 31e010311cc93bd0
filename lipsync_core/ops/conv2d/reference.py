"""Convolution on NHWC pictures in plain PyTorch: the definition that the kernel is tested against."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lipsync_core.ops.packing import PackedConv, Tail


def conv2d(x: Tensor, weights: PackedConv, *, x2: Tensor | None = None, residual: Tensor | None = None,
           activation: str = "none", tail: Tail | None = None, out_dtype: torch.dtype | None = None) -> Tensor:
    """activation(conv(x) + bias + residual) on [N, height, width, channels], computed in fp32.

    x: the input, or uint8 [N, height, width, 3] crops for a first layer packed for 8 channels (see `faces`).
    x2: a second input whose channels follow the first's. residual: same shape as the output, added before the
    activation. tail: a 1x1 convolution and sigmoid applied to the result. out_dtype: default the weights' type;
    uint8 (tail only) is the value times 255, rounded.
    Returns [N, out height, out width, out channels].
    """
    return _conv2d(x, weights, x2, residual, activation, tail, out_dtype, torch.float32)


def conv2d_native(x: Tensor, weights: PackedConv, *, x2: Tensor | None = None, residual: Tensor | None = None,
                  activation: str = "none", tail: Tail | None = None,
                  out_dtype: torch.dtype | None = None) -> Tensor:
    """The same in the weights' own type: cuDNN on CUDA."""
    return _conv2d(x, weights, x2, residual, activation, tail, out_dtype, weights.matrix.dtype)


def faces(crops: Tensor, dtype: torch.dtype) -> Tensor:
    """uint8 [N, height, width, 3] crops as the generator's [N, height, width, 8] input: the picture with its lower
    half black, the picture, two empty channels; values in 0..1."""
    full = crops.to(torch.float32) * (1.0 / 255.0)
    masked = full.clone()
    masked[:, crops.shape[1] // 2:] = 0
    return torch.cat([masked, full, full.new_zeros(*full.shape[:3], 2)], dim=3).to(dtype)


def activate(x: Tensor, activation: str) -> Tensor:
    """none, relu (in place), leaky_relu (0.01) or sigmoid."""
    if activation == "relu":
        return x.relu_()
    if activation == "leaky_relu":
        return F.leaky_relu(x, 0.01)
    return x.sigmoid() if activation == "sigmoid" else x


def bias_of(weights: PackedConv, compute: torch.dtype) -> Tensor:
    """A layer's bias in the type in which it is computed."""
    # In the weights' own type no cast stands in the way; in fp32 the bias has all its digits.
    return weights.weight_bias if compute == weights.weight_bias.dtype else weights.bias.to(compute)


def _conv2d(x: Tensor, weights: PackedConv, x2: Tensor | None, residual: Tensor | None, activation: str,
            tail: Tail | None, out_dtype: torch.dtype | None, compute: torch.dtype) -> Tensor:
    dtype = weights.matrix.dtype
    if x.dtype == torch.uint8:
        x = faces(x, dtype)
    if x2 is not None:
        x = torch.cat([x, x2], dim=3)
    out = F.conv2d(x.permute(0, 3, 1, 2).to(compute), weights.weight.to(compute), bias_of(weights, compute),
                   weights.stride, weights.padding).permute(0, 2, 3, 1)
    if residual is not None:
        out += residual.to(compute)
    out = activate(out, activation)
    if tail is not None:
        # The kernel hands the tail what a layer would have stored.
        out = (out.to(dtype).to(compute) @ tail.weight.to(compute) + tail.bias.to(compute)).sigmoid()
        out = out[..., :tail.outputs]
    if out_dtype == torch.uint8:
        return (out.float() * 255 + 0.5).clamp(0, 255).to(torch.uint8)
    return out.to(out_dtype or dtype).contiguous()
