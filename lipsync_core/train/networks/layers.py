"""Small building blocks without norms, for networks that train on a CPU as well as on a GPU.

No block normalises anything: batch statistics would make a frame depend on its neighbours in the batch and break when
a handful of one speaker's frames adapts the network. What keeps the signal's size instead is the residual form with a
last convolution that starts at zero (Zhang, Dauphin, Ma, "Fixup initialization", ICLR 2019; De and Smith, "SkipInit",
NeurIPS 2020).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_SLOPE = 0.1


def activate(x: Tensor) -> Tensor:
    """LeakyReLU(0.1): as cheap as a ReLU, and no unit of a small network dies."""
    return functional.leaky_relu(x, _SLOPE)


def convolution(channels_in: int, channels_out: int, kernel: int | tuple[int, int] = 3,
                stride: int | tuple[int, int] = 1, zero: bool = False) -> nn.Conv2d:
    """A convolution padded to "same"; He's initialisation for the activation here, or zero."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    made = nn.Conv2d(channels_in, channels_out, sides, stride, tuple((side - 1) // 2 for side in sides))
    if zero:
        nn.init.zeros_(made.weight)
    else:
        nn.init.kaiming_normal_(made.weight, a=_SLOPE, nonlinearity="leaky_relu")
    assert made.bias is not None
    nn.init.zeros_(made.bias)
    return made


class Residual(nn.Module):
    """x + convolution(activate(x)): one convolution, for encoders."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = convolution(channels, channels)
        with torch.no_grad():
            self.body.weight.mul_(0.3)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, H, W] -> the same shape."""
        return x + self.body(activate(x))


class Modulated(nn.Module):
    """A residual block whose middle a condition scales and shifts per channel.

    Perez et al., "FiLM: Visual Reasoning with a General Conditioning Layer", AAAI 2018.
    """

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.second = convolution(channels, channels, zero=True)
        self.film = nn.Linear(condition, 2 * channels)
        nn.init.normal_(self.film.weight, std=0.5 * condition ** -0.5)
        nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x [N, channels, H, W], condition [N, condition] -> [N, channels, H, W]."""
        scale, shift = self.film(condition)[..., None, None].chunk(2, 1)
        middle = torch.addcmul(shift, self.first(activate(x)), 1 + scale)
        return x + self.second(activate(middle))


class SoundEncoder(nn.Module):
    """A log-mel window of 200 ms -> one vector. Some 0.4 million parameters, 5 million multiplications."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList((
            convolution(1, 32, (7, 3), (4, 1)),
            convolution(32, 64, 3, 2),
            convolution(64, 96, 3, 2),
            convolution(96, 128, 3, 2),
        ))
        self.out = nn.Linear(128 * 3 * 2, size)

    def forward(self, mels: Tensor) -> Tensor:
        """[N, 1, 80, 16], values in [-4, 4] -> [N, size]."""
        x = mels / 4
        for layer in self.layers:
            x = activate(layer(x))
        return self.out(x.flatten(1))


class Up(nn.Module):
    """Twice the height and width (nearest), with a projection of the channels before, where it is cheapest."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.project = convolution(channels_in, channels_out, 1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """[N, channels_in, H, W] and the lowest rows of [N, channels_out, 2 H, 2 W] -> their sum at that size."""
        larger = functional.interpolate(self.project(x), scale_factor=2.0, mode="nearest")
        return skip + larger[:, :, larger.shape[2] - skip.shape[2]:]


def warp(picture: Tensor, flow: Tensor, top: int = 0) -> Tensor:
    """Sample ``picture`` where ``flow`` points, in float32.

    picture: [N, C, H, W]. flow: [N, 2, H - top, W] for the rows from ``top`` on, displacement (x, y) in halves of the
    picture's size. Beyond the edge the edge is repeated. Returns [N, C, H - top, W].
    """
    height, width = picture.shape[-2:]
    rows = (torch.arange(top, height, device=picture.device, dtype=torch.float32) * 2 + 1) / height - 1
    columns = (torch.arange(width, device=picture.device, dtype=torch.float32) * 2 + 1) / width - 1
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij")[::-1], -1)
    where = grid + flow.float().permute(0, 2, 3, 1)
    return functional.grid_sample(picture.float(), where, mode="bilinear", padding_mode="border", align_corners=False)
