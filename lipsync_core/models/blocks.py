"""The three kinds of layer that Wav2Lip, its expert and its discriminator are made of, with the public key names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

Pair = int | tuple[int, int]


class Layer(NamedTuple):
    """One row of a layer table. ``residual`` adds the input before the ReLU; sizes are (height, width)."""

    channels_in: int
    channels_out: int
    kernel: int = 3
    stride: Pair = 1
    padding: int = 1
    residual: bool = False
    transposed: bool = False
    output_padding: int = 0


class ConvBlock(nn.Module):
    """Convolution (plain or transposed), batch norm, optional residual, ReLU.

    Keys: ``conv_block.0.{weight, bias}`` and ``conv_block.1.{weight, bias, running_mean, running_var,
    num_batches_tracked}``. After ``fold`` the norm is ``nn.Identity`` and lives in the convolution.
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer
        self.conv_block = nn.Sequential(_convolution(layer), nn.BatchNorm2d(layer.channels_out))

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels_in, H, W] -> [B, channels_out, H', W']."""
        y = self.conv_block(x)
        return torch.relu(y + x if self.layer.residual else y)

    def fold(self) -> None:
        """Move the norm's running statistics into the convolution, in float64, in place."""
        convolution, norm = self.conv_block[0], self.conv_block[1]
        if isinstance(norm, nn.Identity):
            return
        gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        shape = (1, -1, 1, 1) if self.layer.transposed else (-1, 1, 1, 1)
        with torch.no_grad():
            convolution.weight.copy_(convolution.weight.double() * gain.view(shape))
            convolution.bias.copy_((convolution.bias.double() - norm.running_mean.double()) * gain + norm.bias.double())
        self.conv_block[1] = nn.Identity()


class BareBlock(nn.Module):
    """Convolution and LeakyReLU(0.01) without a norm (the discriminator's layer). Keys: ``conv_block.0.*``."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(_convolution(layer))

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels_in, H, W] -> [B, channels_out, H', W']."""
        return nn.functional.leaky_relu(self.conv_block(x), 0.01)


def stack(layers: Iterable[Layer], block: type[ConvBlock] | type[BareBlock] = ConvBlock) -> nn.Sequential:
    """A table as one ``Sequential``."""
    return nn.Sequential(*(block(layer) for layer in layers))


def stages(table: Iterable[Iterable[Layer]], block: type[ConvBlock] | type[BareBlock] = ConvBlock) -> nn.ModuleList:
    """A table of tables as a ``ModuleList`` of ``Sequential``s."""
    return nn.ModuleList(stack(layers, block) for layers in table)


def _convolution(layer: Layer) -> nn.Module:
    sizes = (layer.channels_in, layer.channels_out, layer.kernel, layer.stride, layer.padding)
    return nn.ConvTranspose2d(*sizes, layer.output_padding) if layer.transposed else nn.Conv2d(*sizes)


def same(channels: int, kernel: int = 3) -> Layer:
    """A residual layer that keeps the channels and the size."""
    return Layer(channels, channels, kernel, residual=True)


def double(channels_in: int, channels_out: int) -> Layer:
    """A transposed layer that doubles height and width."""
    return Layer(channels_in, channels_out, 3, 2, 1, transposed=True, output_padding=1)
