"""Critics that learn beside the generator: one judges pictures, one whether sound and mouth belong together.

Both answer with a number without bounds, high for what is real, and are taught with the hinge loss (Lim and Ye,
"Geometric GAN", 2017; Miyato et al. 2018). No layer normalises over a batch; every filter has unit length instead
(Salimans and Kingma, "Weight normalization", 2016, without the gain), which bounds how fast an answer can change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_core.train.networks.expert import even_light, mouths, unit
from lipsync_core.train.networks.generator import top_of
from lipsync_core.train.networks.layers import activate
from lipsync_core.train.types import WINDOW, FaceBatch


class UnitConvolution(nn.Conv2d):
    """A padded convolution each of whose filters has length ``GAIN``."""

    GAIN = 1.6

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, stride: int | tuple[int, int] = 1) -> None:
        super().__init__(channels_in, channels_out, kernel, stride, (kernel - 1) // 2)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels_in, H, W] -> [N, channels_out, H', W']."""
        length = self.weight.square().sum((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-6)
        return functional.conv2d(x, self.weight * (self.GAIN / length), self.bias, self.stride, self.padding)


def _run(layers: nn.ModuleList, x: Tensor) -> Tensor:
    for layer in layers:
        x = activate(layer(x))
    return x


class PictureCritic(nn.Module):
    """Is this lower face a photograph? Judges patches of some 30 pixels (Isola et al., "PatchGAN", CVPR 2017)."""

    hears = False

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.layers = nn.ModuleList((
            UnitConvolution(12, width),
            UnitConvolution(width, 2 * width, 3, 2),
            UnitConvolution(2 * width, 4 * width, 3, 2),
            UnitConvolution(4 * width, 4 * width),
        ))
        self.out = UnitConvolution(4 * width, 1, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Whole faces [N, 3, S, S] in [0, 1] -> answers [N, patches]."""
        lower = pictures[:, :, top_of(pictures.shape[2]):]
        return self.out(_run(self.layers, functional.pixel_unshuffle(lower - 0.5, 2))).flatten(1)


class SyncCritic(nn.Module):
    """Does this mouth belong to this sound, and is it real? The judge that is *not* frozen.

    It takes the expert's place where training the judge beside the generator is compared with freezing it (LipGAN:
    Prajwal et al., "Towards Automatic Face-to-Face Translation", ACM Multimedia 2019). It sees and hears what our own
    expert does: lower halves of five frames with their light evened out, the sound with its context.
    """

    hears = True

    def __init__(self, width: int = 32, size: int = 128) -> None:
        super().__init__()
        self.faces = nn.ModuleList((
            UnitConvolution(12 * WINDOW, width * 2),
            UnitConvolution(width * 2, width * 3, 3, 2),
            UnitConvolution(width * 3, width * 4, 3, 2),
            UnitConvolution(width * 4, width * 4, 3, 2),
        ))
        self.faces_out = nn.Linear(width * 4 * 3 * 6, size)
        self.sound = nn.ModuleList((
            UnitConvolution(1, width, 3, 2),
            UnitConvolution(width, width * 2, 3, (2, 1)),
            UnitConvolution(width * 2, width * 3, 3, 2),
            UnitConvolution(width * 3, width * 3, 3, 2),
        ))
        self.sound_out = nn.Linear(width * 3 * 5 * 4, size)
        self.log_scale = nn.Parameter(torch.tensor(1.5))
        self.bias = nn.Parameter(torch.tensor(0.0))

    def forward(self, sound: Tensor, faces: Tensor) -> Tensor:
        """sound [B, 1, 80, 32], faces [B, 3, 5, S, S] in [0, 1] -> answers [B]."""
        return self.similarity(sound, faces) * self.log_scale.exp().clamp(max=20.0) + self.bias

    def similarity(self, sound: Tensor, faces: Tensor) -> Tensor:
        """The cosine [B] of the two, in float32."""
        seen = functional.pixel_unshuffle(even_light(mouths(faces)).transpose(1, 2).flatten(1, 2), 2)
        seen = self.faces_out(_run(self.faces, seen).flatten(1))
        heard = self.sound_out(_run(self.sound, sound / 4).flatten(1))
        return (unit(seen) * unit(heard)).sum(1)


Critic = PictureCritic | SyncCritic


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """What the critic minimises: answers to real things at least 1, to others at most -1."""
    return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()


def critic_loss(critic: Critic, batch: FaceBatch, made: Tensor) -> Tensor:
    """The critic's own loss on a batch; ``made`` [B, 3, 5, S, S] gets no gradient.

    A critic that hears learns from three kinds of pair: real, made, and real with the next row's sound.
    """
    made = made.detach()
    if not critic.hears:
        real, fake = critic(_frames(torch.cat((batch.target, made)))).chunk(2)
        return hinge(real, fake)
    sounds = torch.cat((batch.sound, batch.sound, batch.sound.roll(1, 0)))
    real, *others = critic(sounds, torch.cat((batch.target, made, batch.target))).chunk(3)
    kinds = others if len(batch.sound) > 1 else others[:1]
    return hinge(real, torch.cat(kinds))


def generator_side(critic: Critic, batch: FaceBatch, made: Tensor) -> Tensor:
    """What the generator minimises: minus the critic's answer. No gradient reaches the critic's weights."""
    judge = _without_gradients(critic)
    return -(judge(batch.sound, made) if critic.hears else judge(_frames(made))).mean()


def _frames(faces: Tensor) -> Tensor:
    return faces.transpose(1, 2).flatten(0, 1)


def _without_gradients(critic: nn.Module) -> Callable[..., Any]:
    weights = {name: value.detach() for name, value in critic.named_parameters()}
    return lambda *given: torch.func.functional_call(critic, weights, given)
