"""Framing, pre-emphasis, Fourier transform, magnitude, mel bands and logarithm in one kernel.

The transform is a matrix product with windowed cosines and sines, so that nothing but this kernel stands in a CUDA
graph. fp16 products would drown quiet bands; three tf32 products keep fp32's digits. One program owns a block of
frames and walks over the frequencies, adding each block's share to the mel bands, so the spectrum is never stored.
"""

# A kernel's parameters are Triton values, which have no Python type.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from lipsync_core.models import mel
from lipsync_core.ops.launch import CompileCase, check
from lipsync_core.ops.log_mel.reference import BINS, matrices

_FRAMES, _BINS, _TAPS = 16, 32, 32
_BANDS = 128


@triton.jit
def log_mel_kernel(sound_ptr, cos_ptr, sin_ptr, bands_ptr, out_ptr, samples, frames, WINDOW: tl.constexpr,
                   HOP: tl.constexpr, WIDE: tl.constexpr, BANDS: tl.constexpr, REFLECT: tl.constexpr,
                   EMPHASIS: tl.constexpr, FLOOR: tl.constexpr, SCALE: tl.constexpr, OFFSET: tl.constexpr,
                   LIMIT: tl.constexpr, PRECISION: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_F: tl.constexpr,
                   BLOCK_K: tl.constexpr, BLOCK_B: tl.constexpr):
    frame = tl.program_id(0) * BLOCK_T + tl.arange(0, BLOCK_T)
    band = tl.arange(0, BLOCK_B)
    lanes = tl.arange(0, BLOCK_K)
    bins = tl.arange(0, BLOCK_F)
    total = tl.zeros((BLOCK_T, BLOCK_B), dtype=tl.float32)
    for first in range(0, WIDE, BLOCK_F):
        real = tl.zeros((BLOCK_T, BLOCK_F), dtype=tl.float32)
        imaginary = tl.zeros((BLOCK_T, BLOCK_F), dtype=tl.float32)
        for k in range(0, WINDOW, BLOCK_K):
            at = frame[:, None] * HOP + (k + lanes)[None, :] - WINDOW // 2
            if REFLECT:
                at = tl.where(at < 0, -at, at)
                at = tl.where(at >= samples, 2 * (samples - 1) - at, at)
            is_sample = (frame < frames)[:, None] & (at >= 0) & (at < samples)
            value = tl.load(sound_ptr + at, mask=is_sample, other=0.0)
            value -= EMPHASIS * tl.load(sound_ptr + at - 1, mask=is_sample & (at > 0), other=0.0)
            place = (k + lanes)[:, None] * WIDE + (first + bins)[None, :]
            real = tl.dot(value, tl.load(cos_ptr + place), real, input_precision=PRECISION)
            imaginary = tl.dot(value, tl.load(sin_ptr + place), imaginary, input_precision=PRECISION)
        magnitude = tl.sqrt(real * real + imaginary * imaginary)
        weights = tl.load(bands_ptr + (first + bins)[:, None] * BLOCK_B + band[None, :])
        total = tl.dot(magnitude, weights, total, input_precision=PRECISION)
    value = tl.log2(tl.maximum(total, FLOOR)) * SCALE + OFFSET
    value = tl.minimum(tl.maximum(value, -LIMIT), LIMIT)
    # The result is [bands, frames], as the network's windows are cut from it.
    tl.store(out_ptr + band[None, :] * frames + frame[:, None], value,
             mask=(band < BANDS)[None, :] & (frame < frames)[:, None])


def log_mel(sound: Tensor, padding: str = "zeros", *, bins: int = _BINS) -> Tensor:
    """See `reference.log_mel`; ``bins``: frequencies that a program holds at a time."""
    samples = sound.numel()
    if padding not in ("zeros", "reflect"):
        raise ValueError(f"padding is 'zeros' or 'reflect', not {padding!r}")
    if not samples:
        return sound.new_zeros(mel.BANDS, 0)
    if padding == "reflect" and samples <= mel.N_FFT // 2:
        raise ValueError(f"reflection needs more than {mel.N_FFT // 2} samples, the sound has {samples}")
    sound = sound.float().contiguous()
    frames = 1 + samples // mel.HOP_SAMPLES
    out = torch.empty((mel.BANDS, frames), device=sound.device)
    cosines, sines, bands = _tables(str(sound.device), bins)
    check(sound, cosines, sines, bands, out)
    log_mel_kernel[(triton.cdiv(frames, _FRAMES),)](sound, cosines, sines, bands, out, samples, frames,
                                                   REFLECT=padding == "reflect", **_constants(bins),
                                                   num_warps=4, num_stages=2)
    return out


@lru_cache(maxsize=4)
def _tables(device: str, bins: int) -> tuple[Tensor, Tensor, Tensor]:
    """The matrices in fp32, padded to whole blocks."""
    cosines, sines, bands = matrices()
    pad = torch.nn.functional.pad
    extra = -BINS % bins
    cosines, sines = (pad(t, (0, extra)) for t in (cosines, sines))
    bands = pad(bands, (0, _BANDS - mel.BANDS, 0, extra))
    made = [t.float().contiguous().to(device) for t in (cosines, sines, bands)]
    return made[0], made[1], made[2]


def _constants(bins: int) -> dict[str, Any]:
    # scaled = 2 L (20 log10(m) - ref - min) / -min - L, with log10(m) = log2(m) log10(2).
    slope = 2 * mel.LIMIT / -mel.MIN_LEVEL_DB
    return {
        "WINDOW": mel.N_FFT, "HOP": mel.HOP_SAMPLES, "WIDE": BINS + -BINS % bins, "BANDS": mel.BANDS,
        "EMPHASIS": mel.PRE_EMPHASIS, "FLOOR": 10 ** (mel.MIN_LEVEL_DB / 20), "SCALE": slope * 20 * math.log10(2),
        "OFFSET": slope * (-mel.REFERENCE_DB - mel.MIN_LEVEL_DB) - mel.LIMIT, "LIMIT": mel.LIMIT,
        "PRECISION": "tf32x3", "BLOCK_T": _FRAMES, "BLOCK_F": bins, "BLOCK_K": _TAPS, "BLOCK_B": _BANDS,
    }


def compile_cases() -> list[CompileCase]:
    """Both forms of padding."""
    types = dict.fromkeys(("sound_ptr", "cos_ptr", "sin_ptr", "bands_ptr", "out_ptr"), "*fp32")
    types |= {"samples": "i32", "frames": "i32"}
    return [CompileCase(f"log_mel {'reflect' if is_reflected else 'zeros'}", log_mel_kernel, types,
                        _constants(_BINS) | {"REFLECT": is_reflected}, stages=2, has_matrix=True, is_narrow=True,
                        is_hot=not is_reflected) for is_reflected in (False, True)]
