"""Wav2Lip's log-mel front end as matrix products; the definition is `lipsync_core.models.mel.log_mel`."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from lipsync_core.models import mel

BINS = mel.N_FFT // 2 + 1


def log_mel(sound: Tensor, padding: str = "zeros") -> Tensor:
    """Mono 16 kHz sound in [-1, 1], fp32 [samples] -> fp32 [80, 1 + samples // 200] in [-4, 4], on its device.

    padding: "zeros" or "reflect" before and after (reflection needs more than 400 samples).
    """
    if padding not in ("zeros", "reflect"):
        raise ValueError(f"padding is 'zeros' or 'reflect', not {padding!r}")
    if not sound.numel():
        return sound.new_zeros(mel.BANDS, 0)
    half = mel.N_FFT // 2
    emphasised = torch.cat([sound[:1], sound[1:] - mel.PRE_EMPHASIS * sound[:-1]])
    padded = torch.nn.functional.pad(emphasised[None], (half, half), "reflect" if padding == "reflect" else "constant")
    frames = padded[0].unfold(0, mel.N_FFT, mel.HOP_SAMPLES)
    cosines, sines, bands = (t.to(sound.device, sound.dtype) for t in matrices())
    magnitude = ((frames @ cosines) ** 2 + (frames @ sines) ** 2).sqrt()
    return level(magnitude @ bands).T.contiguous()


def level(bands: Tensor) -> Tensor:
    """Mel magnitudes -> [-4, 4]."""
    decibels = 20 * torch.log10(bands.clamp_min(10 ** (mel.MIN_LEVEL_DB / 20))) - mel.REFERENCE_DB
    scaled = 2 * mel.LIMIT * (decibels - mel.MIN_LEVEL_DB) / -mel.MIN_LEVEL_DB - mel.LIMIT
    return scaled.clamp(-mel.LIMIT, mel.LIMIT).float()


@cache
def matrices() -> tuple[Tensor, Tensor, Tensor]:
    """fp64: windowed cosines and sines [800, 401], mel filters [401, 80]."""
    time = torch.arange(mel.N_FFT, dtype=torch.float64)[:, None]
    turn = 2 * torch.pi * ((time * torch.arange(BINS, dtype=torch.float64)[None]) % mel.N_FFT) / mel.N_FFT
    window = torch.hann_window(mel.N_FFT, dtype=torch.float64)[:, None]
    return window * turn.cos(), window * turn.sin(), torch.from_numpy(mel.filterbank()).T.contiguous()
