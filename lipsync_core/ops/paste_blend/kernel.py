"""Inverse warp, light match, matte and blend in one pass, directly on the video's planes.

A program owns a run of chroma samples and the four luma pixels of each, so every plane is read and written once and
no floating picture of the frame's size exists.
"""

# A kernel's parameters are Triton values, which have no Python type.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from lipsync_core.ops.launch import CompileCase, check

_BLOCK = 128


@triton.jit
def _tap(ptr, x, y, right, down, SIZE: tl.constexpr, STEP: tl.constexpr, wanted):
    column = tl.minimum(tl.maximum(x + right, 0), SIZE - 1)
    row = tl.minimum(tl.maximum(y + down, 0), SIZE - 1)
    return tl.load(ptr + (row * SIZE + column) * STEP, mask=wanted, other=0.0).to(tl.float32)


@triton.jit
def _bilinear(ptr, at_x, at_y, SIZE: tl.constexpr, STEP: tl.constexpr, wanted):
    """One channel of a square picture at fractional places; borders are repeated."""
    corner_x = tl.floor(at_x)
    corner_y = tl.floor(at_y)
    part_x = at_x - corner_x
    part_y = at_y - corner_y
    x = corner_x.to(tl.int32)
    y = corner_y.to(tl.int32)
    upper = (1 - part_x) * _tap(ptr, x, y, 0, 0, SIZE, STEP, wanted) + part_x * _tap(ptr, x, y, 1, 0, SIZE, STEP,
                                                                                     wanted)
    lower = (1 - part_x) * _tap(ptr, x, y, 0, 1, SIZE, STEP, wanted) + part_x * _tap(ptr, x, y, 1, 1, SIZE, STEP,
                                                                                     wanted)
    return (1 - part_y) * upper + part_y * lower


@triton.jit
def _blend(ptr, value, alpha):
    """Mix into a plane; where the matte is zero the plane's bytes are not even read."""
    touched = alpha > 0
    own = tl.load(ptr, mask=touched, other=0).to(tl.float32)
    mixed = tl.floor(own + alpha * (value - own) + 0.5)
    tl.store(ptr, tl.minimum(tl.maximum(mixed, 0.0), 255.0).to(tl.uint8), mask=touched)


@triton.jit
def paste_blend_kernel(y_ptr, u_ptr, v_ptr, faces_ptr, matrices_ptr, matte_ptr, light_ptr, colour_ptr, boxes_ptr,
                       index_ptr, height, width, black, SIDE: tl.constexpr, GRID: tl.constexpr,
                       IS_NV12: tl.constexpr, HAS_INDEX: tl.constexpr, BLOCK: tl.constexpr):
    face = tl.program_id(1)
    top = tl.load(boxes_ptr + face * 4)
    left = tl.load(boxes_ptr + face * 4 + 1)
    box_height = tl.load(boxes_ptr + face * 4 + 2)
    box_width = tl.load(boxes_ptr + face * 4 + 3)
    quad = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    half_width = tl.maximum(box_width // 2, 1)
    is_quad = quad < (box_height // 2) * (box_width // 2)
    quad_y = top // 2 + quad // half_width
    quad_x = left // 2 + quad % half_width
    frame = face
    if HAS_INDEX:
        frame = tl.load(index_ptr + face)
    # Frames of a long 4K batch reach beyond 32-bit offsets.
    pixels = frame.to(tl.int64) * height * width
    m = matrices_ptr + face * 6
    xx, xy, x1 = tl.load(m), tl.load(m + 1), tl.load(m + 2)
    yx, yy, y1 = tl.load(m + 3), tl.load(m + 4), tl.load(m + 5)
    picture = faces_ptr + face * (SIDE * SIDE * 3)
    field = light_ptr + face * (3 * GRID * GRID)

    sum_alpha = tl.zeros((BLOCK,), dtype=tl.float32)
    sum_u = tl.zeros((BLOCK,), dtype=tl.float32)
    sum_v = tl.zeros((BLOCK,), dtype=tl.float32)
    # Not unrolled: four copies of this body take four times as long to compile.
    for corner in range(4):
        pixel_x = quad_x * 2 + corner % 2
        pixel_y = quad_y * 2 + corner // 2
        x = pixel_x.to(tl.float32)
        y = pixel_y.to(tl.float32)
        at_x = xx * x + xy * y + x1
        at_y = yx * x + yy * y + y1
        inside = is_quad & (at_x >= 0) & (at_x <= SIDE - 1) & (at_y >= 0) & (at_y <= SIDE - 1)
        alpha = tl.where(inside, _bilinear(matte_ptr, at_x, at_y, SIDE, 1, inside), 0.0)
        first = _bilinear(picture, at_x, at_y, SIDE, 3, is_quad)
        second = _bilinear(picture + 1, at_x, at_y, SIDE, 3, is_quad)
        third = _bilinear(picture + 2, at_x, at_y, SIDE, 3, is_quad)
        coarse_x = tl.minimum(tl.maximum((at_x + 0.5) * (GRID / SIDE) - 0.5, 0.0), GRID - 1.0)
        coarse_y = tl.minimum(tl.maximum((at_y + 0.5) * (GRID / SIDE) - 0.5, 0.0), GRID - 1.0)
        gain = _bilinear(field, coarse_x, coarse_y, GRID, 1, is_quad)
        luma = (tl.load(colour_ptr) * first + tl.load(colour_ptr + 1) * second + tl.load(colour_ptr + 2) * third
                + tl.load(colour_ptr + 3))
        _blend(y_ptr + pixels + pixel_y * width + pixel_x, (luma - black) * gain + black, alpha)
        sum_alpha += alpha
        sum_u += (tl.load(colour_ptr + 4) * first + tl.load(colour_ptr + 5) * second
                  + tl.load(colour_ptr + 6) * third + tl.load(colour_ptr + 7)
                  + _bilinear(field + GRID * GRID, coarse_x, coarse_y, GRID, 1, is_quad))
        sum_v += (tl.load(colour_ptr + 8) * first + tl.load(colour_ptr + 9) * second
                  + tl.load(colour_ptr + 10) * third + tl.load(colour_ptr + 11)
                  + _bilinear(field + 2 * GRID * GRID, coarse_x, coarse_y, GRID, 1, is_quad))
    sample = quad_y * (width // 2) + quad_x
    if IS_NV12:
        pair = u_ptr + pixels // 2 + sample * 2
        _blend(pair, sum_u * 0.25, sum_alpha * 0.25)
        _blend(pair + 1, sum_v * 0.25, sum_alpha * 0.25)
    else:
        _blend(u_ptr + pixels // 4 + sample, sum_u * 0.25, sum_alpha * 0.25)
        _blend(v_ptr + pixels // 4 + sample, sum_v * 0.25, sum_alpha * 0.25)


def paste_blend(y: Tensor, u: Tensor, v: Tensor | None, faces: Tensor, matrices: Tensor, matte: Tensor, light: Tensor,
                colour: Tensor, boxes: Tensor, frame_index: Tensor | None = None, *, largest: tuple[int, int],
                black: float = 16.0) -> tuple[Tensor, Tensor, Tensor | None]:
    """See `reference.paste_blend`."""
    count, side = faces.shape[:2]
    _, height, width = y.shape
    if height % 2 or width % 2:
        raise ValueError(f"planes of {height}x{width} pixels have no whole chroma samples")
    if frame_index is None and count != y.shape[0]:
        raise ValueError(f"{count} faces in {y.shape[0]} frames need a frame index")
    check(y, u, v, has_wide_offsets=True)
    check(faces, matrices, matte, light, colour, boxes, frame_index)
    quads = (largest[0] // 2) * (largest[1] // 2)
    paste_blend_kernel[(triton.cdiv(quads, _BLOCK), count)](
        y, u, u if v is None else v, faces, matrices, matte, light, colour, boxes,
        boxes if frame_index is None else frame_index, height, width, float(black), SIDE=side, GRID=light.shape[2],
        IS_NV12=v is None, HAS_INDEX=frame_index is not None, BLOCK=_BLOCK, num_warps=4)
    return y, u, v


def compile_cases() -> list[CompileCase]:
    """Both layouts of chroma."""
    types = {"y_ptr": "*u8", "u_ptr": "*u8", "v_ptr": "*u8", "faces_ptr": "*fp16", "boxes_ptr": "*i32",
             "index_ptr": "*i32", "height": "i32", "width": "i32", "black": "fp32"}
    types |= dict.fromkeys(("matrices_ptr", "matte_ptr", "light_ptr", "colour_ptr"), "*fp32")
    constants = {"SIDE": 96, "GRID": 8, "HAS_INDEX": True, "BLOCK": _BLOCK}
    return [CompileCase(f"paste_blend {'NV12' if nv12 else 'I420'}", paste_blend_kernel, types,
                        constants | {"IS_NV12": nv12}, is_hot=nv12) for nv12 in (False, True)]
