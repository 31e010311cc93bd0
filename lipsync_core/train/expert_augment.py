"""Disturbances of faces and sounds, so that what is learnt from rendered heads holds for recorded ones.

Whatever another face, a camera, a codec, a room or a detector does to both the fit and the unfit pairs alike: other
features (a smooth bend of the picture, other colours), light, small turns, shifts and sizes of the crop, too few
pixels, noise, JPEG's blocks; a longer or shorter throat (bands moved along the scale, as vocal tract normalisation does
the other way round; Jaitly and Hinton 2013), loudness, the microphone's colour, a background, a missing band. All
frames of a window get the same, but for a little jitter of the crop; all sounds of a row the same microphone and
background. Deterministic by the generator that is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Generator, Tensor
from torch.nn import functional

from lipsync_core.train.types import SyncBatch

#: Of mel values: their 8 units span 100 dB.
_PER_DB = 8 / 100
_SILENCE, _LOUDEST = -4.0, 4.0
_JPEG_BLOCK = 8


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """How strong; shares are chances per row. ``strength`` 0 turns everything off."""

    strength: float = 1.0
    flip: float = 0.5
    blur: float = 0.35
    noise: float = 0.35
    jpeg: float = 0.4
    grey: float = 0.1
    bend: float = 0.7
    colours: float = 0.3
    throat: float = 0.7
    background: float = 0.5
    band: float = 0.3


def generator_of(seed: int, step: int, rank: int = 0) -> Generator:
    """Random numbers that depend on nothing but these three."""
    mixed = (seed * 0x9E3779B1 + step * 0x85EBCA77 + rank * 0xC2B2AE3D) % 2**63
    return Generator().manual_seed(mixed)


def disturbed(batch: SyncBatch, config: AugmentConfig, random: Generator) -> SyncBatch:
    """The batch as another camera and another microphone might have recorded it."""
    if config.strength <= 0:
        return batch
    count, shifts = batch.shifted.shape[:2]
    sounds = torch.cat([batch.sound[:, None], batch.shifted], 1)
    sounds = disturbed_sounds(sounds.view(count, shifts + 1, *batch.sound.shape[2:]), config, random)
    return replace(batch, faces=disturbed_faces(batch.faces, config, random, lower_half=True),
                   sound=sounds[:, :1], shifted=sounds[:, 1:, None])


def disturbed_faces(faces: Tensor, config: AugmentConfig, random: Generator, lower_half: bool = False) -> Tensor:
    """faces [B, 3, T, S, S] in [0, 1] -> the same shape and range. lower_half: the upper one is not needed and zero."""
    moved = _moved(faces, config, random, lower_half)
    row = moved.shape[3] // 2 if lower_half else 0
    seen = _coloured(moved[..., row:, :], config, random)
    seen = _on_some(seen, config.blur, random, lambda rows: _coarse(rows, random))
    seen = _on_some(seen, config.noise, random, lambda rows: _noisy(rows, config.strength, random))
    seen = _on_some(seen, config.jpeg, random, lambda rows: _jpeg(rows, random)).clamp(0, 1)
    if not lower_half:
        return seen
    return torch.cat([torch.zeros_like(moved[..., :row, :]), seen], 3)


def disturbed_sounds(sounds: Tensor, config: AugmentConfig, random: Generator) -> Tensor:
    """sounds [B, M, 80, steps] in [-4, 4], the M of a row recorded alike -> the same shape and range."""
    count, _, bands, _ = sounds.shape
    gain_db = _uniform((count, 1, 1, 1), -10, 8, random, sounds) * config.strength
    colour_db = _curves(count, bands, random, sounds) * 5 * config.strength
    heard = _other_throat(sounds, config, random) + (gain_db + colour_db) * _PER_DB
    chosen = (torch.rand(count, 1, 1, 1, generator=random) < config.background).to(sounds)
    floor_db = _uniform((count, 1, 1, 1), -60, -22, random, sounds) + _curves(count, bands, random, sounds) * 10
    flicker_db = _normal(sounds.shape, random, sounds) * 4
    background = heard.amax((1, 2, 3), keepdim=True) + (floor_db + flicker_db) * _PER_DB + (chosen - 1) * 100
    # Powers add up.
    to_natural = math.log(10) / 10 / _PER_DB
    heard = torch.logaddexp(heard * to_natural, background * to_natural) / to_natural
    width = torch.randint(4, 14, (count,), generator=random).to(sounds.device)
    start = torch.randint(0, bands - 4, (count,), generator=random).to(sounds.device)
    band = torch.arange(bands, device=sounds.device)[None]
    lost = (band >= start[:, None]) & (band < (start + width)[:, None])
    lost &= (torch.rand(count, 1, generator=random) < config.band).to(sounds.device)
    return heard.clamp(_SILENCE, _LOUDEST).masked_fill(lost[:, None, :, None], _SILENCE)


def _other_throat(sounds: Tensor, config: AugmentConfig, random: Generator) -> Tensor:
    """The bands of a row stretched or squeezed along the mel scale by up to an eighth."""
    count, _, bands, _ = sounds.shape
    chosen = (torch.rand(count, 1, generator=random) < config.throat).to(sounds)
    factor = torch.exp(_uniform((count, 1), -0.12, 0.12, random, sounds) * chosen * config.strength)
    place = (torch.arange(bands, device=sounds.device)[None] * factor).clamp(max=bands - 1)
    below = place.floor().long().clamp(max=bands - 2)
    above_share = (place - below)[:, None, :, None]
    index = below[:, None, :, None].expand_as(sounds)
    return torch.lerp(sounds.gather(2, index), sounds.gather(2, index + 1), above_share.expand_as(sounds))


def _bends(count: int, height: int, width: int, config: AugmentConfig, random: Generator, like: Tensor) -> Tensor:
    """Smooth displacements [N, H, W, 2] for ``grid_sample``, of some rows."""
    chosen = (torch.rand(count, 1, 1, 1, generator=random) < config.bend).to(like)
    knots = _normal((count, 2, 4, 6), random, like) * 0.035 * config.strength * chosen
    return functional.interpolate(knots, (height, width), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)


def _moved(faces: Tensor, config: AugmentConfig, random: Generator, lower_half: bool) -> Tensor:
    count, _, frames, side, _ = faces.shape
    k = config.strength

    def each(spread: float, jitter: float) -> Tensor:
        whole = _uniform((count, 1), -spread, spread, random, faces)
        return (whole + _normal((count, frames), random, faces) * jitter) * k

    turn, wider, taller = each(0.09, 0.004), 1 + each(0.09, 0.002), 1 + each(0.09, 0.002)
    right, down = each(0.07, 0.003), each(0.09, 0.003)
    wider = wider * torch.where(torch.rand(count, 1, generator=random) < config.flip, -1.0, 1.0).to(faces)
    matrix = torch.stack([torch.stack([wider * turn.cos(), -taller * turn.sin(), right], -1),
                          torch.stack([wider * turn.sin(), taller * turn.cos(), down], -1)], -2)
    y, x = torch.meshgrid(*(((torch.arange(side, device=faces.device) * 2 + 1) / side - 1,) * 2), indexing="ij")
    if lower_half:
        y, x = y[side // 2:], x[side // 2:]
    places = torch.stack([x, y, torch.ones_like(x)], -1).to(faces)
    grid = torch.einsum("hwk,ntjk->nthwj", places, matrix)
    grid = (grid + _bends(count, *y.shape, config, random, faces)[:, None]).flatten(0, 1)
    moved = functional.grid_sample(faces.transpose(1, 2).flatten(0, 1), grid, padding_mode="border",
                                   align_corners=False).unflatten(0, (count, frames)).transpose(1, 2)
    return functional.pad(moved, (0, 0, side // 2, 0)) if lower_half else moved


def _coloured(faces: Tensor, config: AugmentConfig, random: Generator) -> Tensor:
    """Other colours altogether, gamma, contrast, brightness, colour cast, sometimes no colour."""
    count, k = len(faces), config.strength
    shape = (count, 1, 1, 1, 1)
    other = (torch.rand(count, 1, 1, generator=random) < config.colours).to(faces) * k
    mix = torch.softmax(_normal((count, 3, 3), random, faces) * 1.5, 2)
    mix = torch.lerp(torch.eye(3).to(faces).expand(count, 3, 3), mix, other.clamp(max=1).expand(count, 3, 3))
    faces = torch.einsum("ndc,ncthw->ndthw", mix, faces)
    seen = faces.clamp(1e-3, 1) ** torch.exp(_uniform(shape, -0.4, 0.4, random, faces) * k)
    cast = torch.exp(_uniform((count, 3, 1, 1, 1), -0.15, 0.15, random, faces) * k)
    seen = seen * cast * torch.exp(_uniform(shape, -0.4, 0.4, random, faces) * k)
    seen = seen + _uniform(shape, -0.1, 0.1, random, faces) * k
    grey = (torch.rand(shape, generator=random) < config.grey).to(faces)
    return seen + grey * (seen.mean(1, keepdim=True) - seen)


def _noisy(rows: Tensor, strength: float, random: Generator) -> Tensor:
    return rows + _normal(rows.shape, random, rows) * (0.04 * strength) * _rows(rows, random)


def _coarse(rows: Tensor, random: Generator) -> Tensor:
    """As if it had been smaller: shrunk and enlarged again."""
    height, width = rows.shape[-2:]
    factor = 0.3 + 0.5 * float(torch.rand((), generator=random))
    flat = rows.transpose(1, 2).flatten(0, 1)
    small = functional.interpolate(flat, (max(round(height * factor), 4), max(round(width * factor), 4)), mode="area")
    large = functional.interpolate(small, (height, width), mode="bilinear", align_corners=False)
    return large.unflatten(0, (len(rows), -1)).transpose(1, 2)


def _jpeg(rows: Tensor, random: Generator) -> Tensor:
    """Blocks of 8 x 8 with rounded frequencies, each colour for itself."""
    height, width = rows.shape[-2:]
    high, wide = height - height % _JPEG_BLOCK, width - width % _JPEG_BLOCK
    cosine, steps = _dct().to(rows), _steps().to(rows)
    quality = 0.5 + 3.5 * _rows(rows, random)[..., None, None]
    blocks = rows[..., :high, :wide].unflatten(-1, (-1, _JPEG_BLOCK)).unflatten(-3, (-1, _JPEG_BLOCK)).transpose(-3, -2)
    frequencies = cosine @ blocks @ cosine.T / (steps * quality)
    back = cosine.T @ (torch.round(frequencies) * (steps * quality)) @ cosine
    out = rows.clone()
    out[..., :high, :wide] = back.transpose(-3, -2).flatten(-4, -3).flatten(-2)
    return out


@cache
def _dct() -> Tensor:
    n = torch.arange(_JPEG_BLOCK)
    matrix = torch.cos((2 * n[None] + 1) * n[:, None] * math.pi / (2 * _JPEG_BLOCK)) * math.sqrt(2 / _JPEG_BLOCK)
    matrix[0] /= math.sqrt(2)
    return matrix


@cache
def _steps() -> Tensor:
    """About the standard's table: finer for low frequencies; in units of the whole range."""
    n = torch.arange(_JPEG_BLOCK)
    return (12 + 7.0 * (n[:, None] + n[None])) / 255


def _on_some(faces: Tensor, share: float, random: Generator, change: Callable[[Tensor], Tensor]) -> Tensor:
    chosen = torch.nonzero(torch.rand(len(faces), generator=random) < share).flatten().to(faces.device)
    if not len(chosen):
        return faces
    return faces.index_copy(0, chosen, change(faces[chosen]))


def _curves(count: int, bands: int, random: Generator, like: Tensor) -> Tensor:
    """Smooth random curves over the bands [count, 1, bands, 1], about -1 to 1."""
    knots = _normal((count, 1, 6), random, like)
    return functional.interpolate(knots, bands, mode="linear", align_corners=True)[..., None] * 0.6


def _rows(rows: Tensor, random: Generator) -> Tensor:
    return torch.rand(len(rows), 1, 1, 1, 1, generator=random).to(rows)


def _uniform(shape: tuple[int, ...], low: float, high: float, random: Generator, like: Tensor) -> Tensor:
    return (low + (high - low) * torch.rand(shape, generator=random)).to(like)


def _normal(shape: tuple[int, ...], random: Generator, like: Tensor) -> Tensor:
    return torch.randn(shape, generator=random).to(like)
