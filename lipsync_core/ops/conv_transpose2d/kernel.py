"""The 3x3, stride 2, padding 1, output padding 1 transposed convolution as four ordinary ones, one per parity.

An output pixel of even row and column hears one input pixel, odd ones two or four: no zeros are inserted and no
product is wasted. The four parities are the grid's second axis, the one with four taps first so that the short ones
fill the gaps at the end.
"""

# A kernel's parameters are Triton values, which have no Python type.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lipsync_core.ops.gather_gemm import accumulate, finish
from lipsync_core.ops.launch import ACTIVATIONS, CompileCase, check, precision
from lipsync_core.ops.packing import PackedConv
from lipsync_core.ops.tuning import Config


@triton.jit(do_not_specialize=["rows", "height", "width"])
def conv_transpose2d_kernel(x_ptr, x2_ptr, w_ptr, bias_ptr, residual_ptr, out_ptr, rows, height, width,
                            C: tl.constexpr, C2: tl.constexpr, OUT: tl.constexpr, STRIDE_W: tl.constexpr,
                            HAS_RESIDUAL: tl.constexpr, ACTIVATION: tl.constexpr, PRECISION: tl.constexpr,
                            BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
                            BLOCK_K2: tl.constexpr):
    tiles_n: tl.constexpr = (OUT + BLOCK_N - 1) // BLOCK_N
    program = tl.program_id(0)
    phase = tl.program_id(1)
    odd_y = 1 - phase // 2
    odd_x = 1 - phase % 2
    taps_wide = 1 + odd_x
    taps = (1 + odd_y) * taps_wide
    # Taps that the weights' matrix holds before this phase: 0, 4, 6, 8.
    before = phase * 2 + 2 * (phase > 0).to(tl.int32)

    row = (program // tiles_n) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = (program % tiles_n) * BLOCK_N + tl.arange(0, BLOCK_N)
    is_row = row < rows
    is_column = columns < OUT
    image = row // (height * width)
    pixel = row % (height * width)
    top = pixel // width
    left = pixel % width

    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    acc = accumulate(acc, x_ptr, w_ptr + before * (C * STRIDE_W), image, top, left, is_row, columns, is_column,
                     height, width, taps, taps_wide, C, STRIDE_W, BLOCK_K, PRECISION)
    if C2 > 0:
        acc = accumulate(acc, x2_ptr, w_ptr + (9 * C * STRIDE_W + before * (C2 * STRIDE_W)), image, top, left,
                         is_row, columns, is_column, height, width, taps, taps_wide, C2, STRIDE_W, BLOCK_K2,
                         PRECISION)

    spot = (image * (2 * height) + 2 * top + odd_y) * (2 * width) + 2 * left + odd_x
    place = spot[:, None] * OUT + columns[None, :]
    is_place = is_row[:, None] & is_column[None, :]
    acc = finish(acc, bias_ptr, residual_ptr, place, is_place, columns, is_column, HAS_RESIDUAL, ACTIVATION)
    tl.store(out_ptr + place, acc.to(out_ptr.dtype.element_ty), mask=is_place)


def conv_transpose2d(x: Tensor, weights: PackedConv, *, x2: Tensor | None = None, residual: Tensor | None = None,
                     activation: str = "none", config: Config) -> Tensor:
    """See `lipsync_core.ops.conv_transpose2d`; ``config`` is the tile. Only for layers whose matrix is packed."""
    batch, height, width, channels = x.shape
    matrix = weights.matrix
    if channels != weights.channels[0] or (x2 is None) != (len(weights.channels) == 1):
        raise ValueError(f"the layer reads inputs of {weights.channels} channels, got {channels}"
                         + ("" if x2 is None else f" and {x2.shape[3]}"))
    if not matrix.numel():
        raise ValueError("the kernel has only the 3x3, stride 2, padding 1, output padding 1 form")
    outputs = weights.out_channels
    out = torch.empty((batch, 2 * height, 2 * width, outputs), device=x.device, dtype=matrix.dtype)
    check(x, x2, matrix, weights.bias, residual, out)
    rows = batch * height * width
    grid = (triton.cdiv(rows, config.rows) * triton.cdiv(outputs, config.columns), 4)
    conv_transpose2d_kernel[grid](
        x, x if x2 is None else x2, matrix, weights.bias, out if residual is None else residual, out, rows, height,
        width, C=channels, C2=0 if x2 is None else weights.channels[1], OUT=outputs, STRIDE_W=matrix.shape[1],
        HAS_RESIDUAL=residual is not None, ACTIVATION=ACTIVATIONS[activation], PRECISION=precision(matrix),
        BLOCK_M=config.rows, BLOCK_N=config.columns, BLOCK_K=config.depth, BLOCK_K2=config.depth2,
        num_warps=config.warps, num_stages=config.stages)
    return out


def compile_case(name: str, config: Config, *, channels: tuple[int, ...], outputs: int,
                 is_hot: bool = True) -> CompileCase:
    """A layer as production launches it (fp16, ReLU), for the ahead-of-time check."""
    types = dict.fromkeys(("x_ptr", "x2_ptr", "w_ptr", "residual_ptr", "out_ptr"), "*fp16")
    types |= {"bias_ptr": "*fp32"} | dict.fromkeys(("rows", "height", "width"), "i32")
    constants = {"C": channels[0], "C2": channels[1] if len(channels) > 1 else 0, "OUT": outputs,
                 "STRIDE_W": outputs, "HAS_RESIDUAL": False, "ACTIVATION": 1, "PRECISION": "ieee",
                 "BLOCK_M": config.rows, "BLOCK_N": config.columns, "BLOCK_K": config.depth,
                 "BLOCK_K2": config.depth2}
    return CompileCase(name, conv_transpose2d_kernel, types, constants, config.warps, config.stages, has_matrix=True,
                       is_narrow=config.rows < 64, is_hot=is_hot)


def compile_cases() -> list[CompileCase]:
    """Wav2Lip's decoder stages: every one reads a skip as its second input."""
    return [
        compile_case("conv_transpose2d 128+32->64 @48", Config(128, 64, 64, 32, 4, 3), channels=(128, 32), outputs=64),
        compile_case("conv_transpose2d 256+64->128 @24", Config(128, 128, 64, 64, 8, 3), channels=(256, 64),
                     outputs=128),
        compile_case("conv_transpose2d 384+128->256 @12", Config(128, 128, 64, 64, 8, 3), channels=(384, 128),
                     outputs=256, is_hot=False),
        compile_case("conv_transpose2d 512+512->512 @3", Config(64, 64, 64, 64, 4, 4), channels=(512, 512),
                     outputs=512, is_hot=False),
    ]
