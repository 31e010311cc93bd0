"""Disturbances of a generator's batches: few people, seen as many.

Target and reference are changed together, as if the same person had another skin, light, camera or side parting, so
that the true picture stays the true answer. What differs between the two on purpose is a little shift, turn and size of
the crop, which teaches to line the reference up. Sounds get another microphone, loudness and background in what the
generator hears, never in what the expert judges by. Deterministic by the generator of random numbers that is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor
from torch.nn import functional

from lipsync_core.train.expert_augment import AugmentConfig, disturbed_sounds
from lipsync_core.train.types import FaceBatch

#: Above exact black, which means "hole" in a masked picture.
_DARKEST = 1 / 512


@dataclass(frozen=True, slots=True)
class FaceAugmentConfig:
    """How strong; 0 turns a kind off. flip: the chance of a mirrored row. geometry: of the crop's shift, turn and size.
    apart: of the reference's against the target's. colour: of gamma, brightness, contrast and cast. sound: of
    loudness, microphone and background; sound_share: the chance that a row's sound is disturbed at all."""

    flip: float = 0.5
    geometry: float = 1.0
    apart: float = 1.0
    colour: float = 1.0
    sound: float = 0.7
    sound_share: float = 0.6


def disturbed(batch: FaceBatch, config: FaceAugmentConfig, random: Generator) -> FaceBatch:
    """The batch as another camera, another light and another microphone might have recorded it; the hole stays.

    In float32, also where the rest of a step is not: places in a picture need more digits.
    """
    with torch.no_grad(), torch.autocast(batch.target.device.type, enabled=False):
        return _disturbed(batch, config, random)


def _disturbed(batch: FaceBatch, config: FaceAugmentConfig, random: Generator) -> FaceBatch:
    whole = _matrices(len(batch.target), config.geometry, config.flip, random)
    apart = _matrices(len(batch.target), config.apart, 0.0, random)
    apart[:, :, 2] *= 0.6
    target, mouth, inner, reference = batch.target, batch.mouth, batch.inner, batch.reference
    if config.geometry or config.flip or config.apart:
        moved = _moved(torch.cat((target, mouth, inner), 1), whole)
        target, mouth, inner = moved.split((3, 1, 1), 1)
        reference = _moved(reference, _after(whole, apart))
    if config.colour:
        target, reference = _coloured(torch.cat((target, reference), 2), config.colour, random).chunk(2, 2)
    mels = batch.mels
    if config.sound and config.sound_share:
        heard = disturbed_sounds(mels[:, :, 0], AugmentConfig(strength=config.sound, background=0.4, band=0.2), random)
        chosen = torch.rand(len(mels), 1, 1, 1, 1, generator=random) < config.sound_share
        mels = torch.where(chosen.to(mels.device), heard[:, :, None], mels)
    return replace(batch, target=target, masked=target * (1 - batch.hole), reference=reference, mouth=mouth,
                   inner=inner, mels=mels)


def _matrices(count: int, strength: float, flip: float, random: Generator) -> Tensor:
    """[count, 2, 3] from a crop's places in [-1, 1] to where they are taken from."""
    def draw(spread: float) -> Tensor:
        return (2 * torch.rand(count, generator=random) - 1) * spread * strength

    turn, wider, taller = draw(0.06), 1 + draw(0.07), 1 + draw(0.07)
    wider = wider * torch.where(torch.rand(count, generator=random) < flip, -1.0, 1.0)
    return torch.stack((torch.stack((wider * turn.cos(), -taller * turn.sin(), draw(0.05)), -1),
                        torch.stack((wider * turn.sin(), taller * turn.cos(), draw(0.05)), -1)), -2)


def _after(first: Tensor, second: Tensor) -> Tensor:
    """``second`` before ``first``: the map that takes places through ``second`` and then through ``first``."""
    linear, shift = first[:, :, :2], first[:, :, 2:]
    return torch.cat((linear @ second[:, :, :2], linear @ second[:, :, 2:] + shift), 2)


def _moved(video: Tensor, matrix: Tensor) -> Tensor:
    """[B, C, T, S, S] sampled through [B, 2, 3], every frame of a row alike; edges repeat."""
    count, channels, frames, side, _ = video.shape
    grid = functional.affine_grid(matrix.to(video), [count, channels, side, side], align_corners=False)
    stacked = video.flatten(1, 2)
    sampled = functional.grid_sample(stacked, grid, padding_mode="border", align_corners=False)
    return sampled.unflatten(1, (channels, frames))


def _coloured(video: Tensor, strength: float, random: Generator) -> Tensor:
    """Tone curve, brightness, cast and lift of every row; never exact black. (A gamma costs ten times the curve.)"""
    def draw(spread: float, *shape: int) -> Tensor:
        return ((2 * torch.rand(len(video), *shape, 1, 1, 1, generator=random) - 1) * spread * strength).to(video)

    seen = torch.addcmul(video, draw(0.5, 1) * video, 1 - video)
    seen = torch.addcmul(draw(0.06, 1), seen, (draw(0.3, 1) + draw(0.15, 3)).exp())
    return seen.clamp(_DARKEST, 1)
