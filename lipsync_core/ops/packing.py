"""Convolution weights in the order in which the kernels read them.

A kernel walks one flat K loop per input, so a layer that reads two inputs (a decoder stage and its skip) has its
weights split by input: the concatenated tensor is never made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

#: Output parities (row, column) of the stride-2 transposed convolution: the phase with most taps first.
PHASES = ((1, 1), (1, 0), (0, 1), (0, 0))
_ALIGN = 8


@dataclass(frozen=True, slots=True)
class PackedConv:
    """A (transposed) convolution ready to run.

    matrix: [rows, columns] for the kernel, rows ordered input by input, tap by tap, channel by channel; columns
    padded to a multiple of 8. bias: fp32 [out_channels]. weight, weight_bias: the usual torch layout in the compute
    type, for torch's own convolution. channels: channels of each input, as the kernel reads them.
    """

    matrix: Tensor
    bias: Tensor
    weight: Tensor
    weight_bias: Tensor
    channels: tuple[int, ...]
    kernel_size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    output_padding: tuple[int, int] = (0, 0)
    is_transposed: bool = False

    @property
    def out_channels(self) -> int:
        return int(self.bias.numel())

    def to(self, device: torch.device | str, dtype: torch.dtype) -> PackedConv:
        """The same layer elsewhere; the bias stays fp32."""
        return replace(self, matrix=self.matrix.to(device, dtype), bias=self.bias.to(device),
                       weight=self.weight.to(device, dtype).contiguous(memory_format=torch.channels_last),
                       weight_bias=self.weight_bias.to(device, dtype))

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the output."""
        sides = zip((height, width), self.kernel_size, self.stride, self.padding, self.output_padding, strict=True)
        if self.is_transposed:
            high, wide = ((n - 1) * s - 2 * p + k + o for n, k, s, p, o in sides)
        else:
            high, wide = ((n + 2 * p - k) // s + 1 for n, k, s, p, _ in sides)
        return high, wide


@dataclass(frozen=True, slots=True)
class Tail:
    """A 1x1 convolution with a sigmoid that runs on the registers of the convolution before it.

    weight: [in, 16] in the compute type, bias: fp32 [16]; only the first ``outputs`` columns count (matrix units
    want 16).
    """

    weight: Tensor
    bias: Tensor
    outputs: int

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Tail:
        """The same layer elsewhere; the bias stays fp32."""
        return replace(self, weight=self.weight.to(device, dtype), bias=self.bias.to(device))


def pack_tail(weight: Tensor, bias: Tensor) -> Tail:
    """Pack a 1x1 convolution's ``weight`` [out, in, 1, 1] and ``bias`` [out], out <= 16."""
    outputs = weight.shape[0]
    rows = F.pad(weight[:, :, 0, 0].T, (0, 16 - outputs)).contiguous()
    return Tail(rows, F.pad(bias.float(), (0, 16 - outputs)).contiguous(), outputs)


def pack_conv2d(weight: Tensor, bias: Tensor, stride: tuple[int, int] = (1, 1), padding: tuple[int, int] = (0, 0),
                split: int | None = None, pad_channels_to: int | None = None) -> PackedConv:
    """Pack a convolution's ``weight`` [out, in, kernel height, kernel width] and ``bias`` [out].

    split: channels of the first input where two are read. pad_channels_to: the (single) input comes with that many
    channels, the last ones zero, for loads of 16 bytes.
    """
    if pad_channels_to is not None:
        weight = F.pad(weight, (0, 0, 0, 0, 0, pad_channels_to - weight.shape[1]))
    parts = _split(weight, split, dim=1)
    rows = torch.cat([p.permute(2, 3, 1, 0).reshape(-1, p.shape[0]) for p in parts])
    return PackedConv(_padded(rows), bias.float().contiguous(), weight.contiguous(memory_format=torch.channels_last),
                      bias.to(weight.dtype), tuple(p.shape[1] for p in parts), (weight.shape[2], weight.shape[3]),
                      stride, padding)


def pack_conv_transpose2d(weight: Tensor, bias: Tensor, stride: tuple[int, int], padding: tuple[int, int],
                          output_padding: tuple[int, int], split: int | None = None) -> PackedConv:
    """Pack a transposed convolution's ``weight`` [in, out, kernel height, kernel width] and ``bias`` [out].

    The matrix holds the four parities of the 3x3, stride 2, padding 1, output padding 1 form (see `PHASES`); other
    forms have an empty one and run through torch.
    """
    kernel_size = (weight.shape[2], weight.shape[3])
    parts = _split(weight, split, dim=0)
    matrix = weight.new_empty((0, weight.shape[1]))
    if (kernel_size, stride, padding, output_padding) == ((3, 3), (2, 2), (1, 1), (1, 1)):
        matrix = _padded(torch.cat([_phase_rows(p) for p in parts]))
    return PackedConv(matrix, bias.float().contiguous(), weight.contiguous(memory_format=torch.channels_last),
                      bias.to(weight.dtype), tuple(p.shape[0] for p in parts), kernel_size, stride, padding,
                      output_padding, True)


def pack_from_point(weight: Tensor, bias: Tensor, split: int | None = None) -> PackedConv:
    """A stride-1, unpadded transposed convolution of a 1x1 picture, as the 1x1 convolution that it is.

    Its output [N, 1, 1, kernel height * kernel width * out] is the picture [N, kernel height, kernel width, out].
    """
    inputs, outputs, high, wide = weight.shape
    flat = weight.permute(2, 3, 1, 0).reshape(high * wide * outputs, inputs, 1, 1)
    return pack_conv2d(flat, bias.repeat(high * wide), split=split)


def _phase_rows(weight: Tensor) -> Tensor:
    # Output 2p + 1 hears tap 2 of input p and tap 0 of input p + 1; output 2p hears tap 1 of input p.
    taps = {1: (2, 0), 0: (1,)}
    return torch.cat([weight[:, :, y, x] for odd_y, odd_x in PHASES for y in taps[odd_y] for x in taps[odd_x]])


def _split(weight: Tensor, split: int | None, dim: int) -> tuple[Tensor, ...]:
    if split is None:
        return (weight,)
    return (weight.narrow(dim, 0, split), weight.narrow(dim, split, weight.shape[dim] - split))


def _padded(rows: Tensor) -> Tensor:
    return F.pad(rows, (0, -rows.shape[1] % _ALIGN)).contiguous()
