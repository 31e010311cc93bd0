"""Crop, warp, normalise and mask in one pass over the output.

Each program makes a run of pixels of one face with all eight channels: the store is 16 bytes a pixel, and the three
passes over full-size floating pictures that a chain of operations would need never happen.
"""

# A kernel's parameters are Triton values, which have no Python type.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lipsync_core.ops.launch import CompileCase, check

_BLOCK = 128


@triton.jit
def crop_warp_kernel(frames_ptr, matrices_ptr, index_ptr, out_ptr, height, width, HIGH: tl.constexpr,
                     WIDE: tl.constexpr, SAMPLES: tl.constexpr, HAS_INDEX: tl.constexpr, BLOCK: tl.constexpr):
    face = tl.program_id(1)
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    is_pixel = pixel < HIGH * WIDE
    row = pixel // WIDE
    column = pixel % WIDE
    channel = tl.arange(0, 8)
    frame = face
    if HAS_INDEX:
        frame = tl.load(index_ptr + face)
    # Frames of a long 4K batch reach beyond 32-bit offsets.
    picture = frames_ptr + frame.to(tl.int64) * height * width * 3
    m = matrices_ptr + face * 6
    xx, xy, x1 = tl.load(m), tl.load(m + 1), tl.load(m + 2)
    yx, yy, y1 = tl.load(m + 3), tl.load(m + 4), tl.load(m + 5)

    shown = (channel[None, :] >= 3) | (row < HIGH // 2)[:, None]
    wanted = is_pixel[:, None] & (channel < 6)[None, :] & shown
    colour = channel % 3
    total = tl.zeros((BLOCK, 8), dtype=tl.float32)
    for sub in range(SAMPLES * SAMPLES):
        x = column.to(tl.float32) + ((sub % SAMPLES + 0.5) / SAMPLES - 0.5)
        y = row.to(tl.float32) + ((sub // SAMPLES + 0.5) / SAMPLES - 0.5)
        at_x = xx * x + xy * y + x1
        at_y = yx * x + yy * y + y1
        corner_x = tl.floor(at_x)
        corner_y = tl.floor(at_y)
        for tap in tl.static_range(4):
            weight_x = at_x - corner_x if tap % 2 == 1 else 1.0 - (at_x - corner_x)
            weight_y = at_y - corner_y if tap // 2 == 1 else 1.0 - (at_y - corner_y)
            source_x = tl.minimum(tl.maximum(corner_x.to(tl.int32) + tap % 2, 0), width - 1)
            source_y = tl.minimum(tl.maximum(corner_y.to(tl.int32) + tap // 2, 0), height - 1)
            place = (source_y * width + source_x) * 3
            value = tl.load(picture + place[:, None] + colour[None, :], mask=wanted, other=0)
            total += (weight_x * weight_y)[:, None] * value.to(tl.float32)
    total = total * (1.0 / (255 * SAMPLES * SAMPLES))
    out = out_ptr + (face * (HIGH * WIDE) + pixel)[:, None] * 8 + channel[None, :]
    tl.store(out, total.to(out_ptr.dtype.element_ty), mask=is_pixel[:, None])


@triton.jit
def _plane(ptr, at_x, at_y, height, width, wanted, STEP: tl.constexpr):
    """One plane at fractional places, bilinear; borders are repeated. STEP: bytes from a sample to the next."""
    corner_x = tl.floor(at_x)
    corner_y = tl.floor(at_y)
    total = tl.zeros(at_x.shape, dtype=tl.float32)
    for tap in tl.static_range(4):
        weight_x = at_x - corner_x if tap % 2 == 1 else 1.0 - (at_x - corner_x)
        weight_y = at_y - corner_y if tap // 2 == 1 else 1.0 - (at_y - corner_y)
        x = tl.minimum(tl.maximum(corner_x.to(tl.int32) + tap % 2, 0), width - 1)
        y = tl.minimum(tl.maximum(corner_y.to(tl.int32) + tap // 2, 0), height - 1)
        total += weight_x * weight_y * tl.load(ptr + (y * width + x) * STEP, mask=wanted, other=0).to(tl.float32)
    return total


@triton.jit
def crop_warp_yuv_kernel(y_ptr, u_ptr, v_ptr, matrices_ptr, colour_ptr, index_ptr, out_ptr, height, width,
                         HIGH: tl.constexpr, WIDE: tl.constexpr, SAMPLES: tl.constexpr, IS_NV12: tl.constexpr,
                         HAS_INDEX: tl.constexpr, BLOCK: tl.constexpr):
    face = tl.program_id(1)
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    is_pixel = pixel < HIGH * WIDE
    row = pixel // WIDE
    column = pixel % WIDE
    channel = tl.arange(0, 8)
    colour = channel % 3
    frame = face
    if HAS_INDEX:
        frame = tl.load(index_ptr + face)
    pixels = frame.to(tl.int64) * height * width
    m = matrices_ptr + face * 6
    xx, xy, x1 = tl.load(m), tl.load(m + 1), tl.load(m + 2)
    yx, yy, y1 = tl.load(m + 3), tl.load(m + 4), tl.load(m + 5)
    of_y = tl.load(colour_ptr + colour * 4)
    of_u = tl.load(colour_ptr + colour * 4 + 1)
    of_v = tl.load(colour_ptr + colour * 4 + 2)
    offset = tl.load(colour_ptr + colour * 4 + 3)
    total = tl.zeros((BLOCK, 8), dtype=tl.float32)
    for sub in range(SAMPLES * SAMPLES):
        x = column.to(tl.float32) + ((sub % SAMPLES + 0.5) / SAMPLES - 0.5)
        y = row.to(tl.float32) + ((sub // SAMPLES + 0.5) / SAMPLES - 0.5)
        at_x = xx * x + xy * y + x1
        at_y = yx * x + yy * y + y1
        half_x = at_x * 0.5 - 0.25
        half_y = at_y * 0.5 - 0.25
        luma = _plane(y_ptr + pixels, at_x, at_y, height, width, is_pixel, 1)
        if IS_NV12:
            u = _plane(u_ptr + pixels // 2, half_x, half_y, height // 2, width // 2, is_pixel, 2)
            v = _plane(u_ptr + pixels // 2 + 1, half_x, half_y, height // 2, width // 2, is_pixel, 2)
        else:
            u = _plane(u_ptr + pixels // 4, half_x, half_y, height // 2, width // 2, is_pixel, 1)
            v = _plane(v_ptr + pixels // 4, half_x, half_y, height // 2, width // 2, is_pixel, 1)
        value = of_y[None, :] * luma[:, None] + of_u[None, :] * u[:, None] + of_v[None, :] * v[:, None]
        total += tl.minimum(tl.maximum(value + offset[None, :], 0.0), 255.0)
    shown = (channel < 6)[None, :] & ((channel[None, :] >= 3) | (row < HIGH // 2)[:, None])
    total = tl.where(shown, total * (1.0 / (255 * SAMPLES * SAMPLES)), 0.0)
    out = out_ptr + (face * (HIGH * WIDE) + pixel)[:, None] * 8 + channel[None, :]
    tl.store(out, total.to(out_ptr.dtype.element_ty), mask=is_pixel[:, None])


def crop_warp(frames: Tensor, matrices: Tensor, frame_index: Tensor | None = None, *,
              size: tuple[int, int] = (96, 96), dtype: torch.dtype = torch.float16, samples: int = 1) -> Tensor:
    """See `reference.crop_warp`."""
    high, wide = size
    faces = matrices.shape[0]
    if frame_index is None and faces != frames.shape[0]:
        raise ValueError(f"{faces} faces in {frames.shape[0]} frames need a frame index")
    out = torch.empty((faces, high, wide, 8), device=frames.device, dtype=dtype)
    check(frames, has_wide_offsets=True)
    check(matrices, frame_index, out)
    _, height, width, _ = frames.shape
    crop_warp_kernel[(triton.cdiv(high * wide, _BLOCK), faces)](
        frames, matrices, matrices if frame_index is None else frame_index, out, height, width, HIGH=high, WIDE=wide,
        SAMPLES=samples, HAS_INDEX=frame_index is not None, BLOCK=_BLOCK, num_warps=4)
    return out


def crop_warp_yuv(y: Tensor, u: Tensor, v: Tensor | None, matrices: Tensor, colour: Tensor,
                  frame_index: Tensor | None = None, *, size: tuple[int, int] = (96, 96),
                  dtype: torch.dtype = torch.float16, samples: int = 1) -> Tensor:
    """See `reference.crop_warp_yuv`."""
    high, wide = size
    faces = matrices.shape[0]
    _, height, width = y.shape
    if height % 2 or width % 2:
        raise ValueError(f"planes of {height}x{width} pixels have no whole chroma samples")
    if frame_index is None and faces != y.shape[0]:
        raise ValueError(f"{faces} faces in {y.shape[0]} frames need a frame index")
    out = torch.empty((faces, high, wide, 8), device=y.device, dtype=dtype)
    check(y, u, v, has_wide_offsets=True)
    check(matrices, colour, frame_index, out)
    crop_warp_yuv_kernel[(triton.cdiv(high * wide, _BLOCK), faces)](
        y, u, u if v is None else v, matrices, colour, matrices if frame_index is None else frame_index, out, height,
        width, HIGH=high, WIDE=wide, SAMPLES=samples, IS_NV12=v is None, HAS_INDEX=frame_index is not None,
        BLOCK=_BLOCK, num_warps=4)
    return out


def compile_cases() -> list[CompileCase]:
    """One sample, the nine that a 4K face needs, and both layouts of planes."""
    types = {"frames_ptr": "*u8", "matrices_ptr": "*fp32", "index_ptr": "*i32", "out_ptr": "*fp16", "height": "i32",
             "width": "i32"}
    constants = {"HIGH": 96, "WIDE": 96, "HAS_INDEX": True, "BLOCK": _BLOCK}
    cases = [CompileCase(f"crop_warp 96x96, {n}x{n} samples", crop_warp_kernel, types, constants | {"SAMPLES": n},
                         is_hot=False) for n in (1, 3)]
    planes = dict.fromkeys(("y_ptr", "u_ptr", "v_ptr"), "*u8") | {"colour_ptr": "*fp32"}
    planes |= {name: kind for name, kind in types.items() if name != "frames_ptr"}
    return cases + [CompileCase(f"crop_warp from {'NV12' if nv12 else 'I420'}", crop_warp_yuv_kernel, planes,
                                constants | {"SAMPLES": 1, "IS_NV12": nv12}, is_hot=False) for nv12 in (False, True)]
