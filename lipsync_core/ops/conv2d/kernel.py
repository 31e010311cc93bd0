"""Convolution as an implicit matrix product: rows are output pixels, columns output channels, K taps times channels.

Bias, residual, activation and, for the last layers, a 1x1 convolution with a sigmoid happen on the registers that
hold the product, so a layer reads its input once and writes its output once.
"""

# A kernel's parameters are Triton values, which have no Python type.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lipsync_core.ops.gather_gemm import accumulate, accumulate_faces, finish
from lipsync_core.ops.launch import ACTIVATIONS, CompileCase, check, precision
from lipsync_core.ops.packing import PackedConv, Tail
from lipsync_core.ops.tuning import Config


# Sizes say nothing about alignment: without specialising on them one compiled kernel serves every batch.
@triton.jit(do_not_specialize=["rows", "height", "width", "out_height", "out_width"])
def conv2d_kernel(x_ptr, x2_ptr, w_ptr, bias_ptr, residual_ptr, out_ptr, tail_ptr, tail_bias_ptr, rows, height, width,
                  out_height, out_width, C: tl.constexpr, C2: tl.constexpr, OUT: tl.constexpr,
                  STRIDE_W: tl.constexpr, TAPS_HIGH: tl.constexpr, TAPS_WIDE: tl.constexpr, STEP_Y: tl.constexpr,
                  STEP_X: tl.constexpr, PAD_Y: tl.constexpr, PAD_X: tl.constexpr, HAS_RESIDUAL: tl.constexpr,
                  IS_FACES: tl.constexpr, TAIL: tl.constexpr, ACTIVATION: tl.constexpr, TO_BYTES: tl.constexpr,
                  PRECISION: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
                  BLOCK_K2: tl.constexpr):
    # Programs that share the same pixels are neighbours, so the pixels stay in the L2 cache.
    tiles_n: tl.constexpr = (OUT + BLOCK_N - 1) // BLOCK_N
    program = tl.program_id(0)
    row = (program // tiles_n) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = (program % tiles_n) * BLOCK_N + tl.arange(0, BLOCK_N)
    is_row = row < rows
    is_column = columns < OUT
    image = row // (out_height * out_width)
    pixel = row % (out_height * out_width)
    top = (pixel // out_width) * STEP_Y - PAD_Y
    left = (pixel % out_width) * STEP_X - PAD_X
    taps: tl.constexpr = TAPS_HIGH * TAPS_WIDE

    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    if IS_FACES:
        acc = accumulate_faces(acc, x_ptr, w_ptr, image, top, left, is_row, columns, is_column, height, width, taps,
                               TAPS_WIDE, STRIDE_W, BLOCK_K, PRECISION)
    else:
        acc = accumulate(acc, x_ptr, w_ptr, image, top, left, is_row, columns, is_column, height, width, taps,
                         TAPS_WIDE, C, STRIDE_W, BLOCK_K, PRECISION)
    if C2 > 0:
        acc = accumulate(acc, x2_ptr, w_ptr + taps * C * STRIDE_W, image, top, left, is_row, columns, is_column,
                         height, width, taps, TAPS_WIDE, C2, STRIDE_W, BLOCK_K2, PRECISION)

    place = row[:, None] * OUT + columns[None, :]
    is_place = is_row[:, None] & is_column[None, :]
    acc = finish(acc, bias_ptr, residual_ptr, place, is_place, columns, is_column, HAS_RESIDUAL, ACTIVATION)
    if TAIL == 0:
        tl.store(out_ptr + place, acc.to(out_ptr.dtype.element_ty), mask=is_place)
    else:
        # One tile holds all channels of its pixels. Matrix units want 16 columns; the weights are padded to that.
        narrow = tl.arange(0, 16)
        tail = tl.load(tail_ptr + columns[:, None] * 16 + narrow[None, :], mask=is_column[:, None], other=0.0)
        value = tl.dot(acc.to(tail.dtype), tail, input_precision=PRECISION)
        value += tl.load(tail_bias_ptr + narrow)[None, :]
        value = 1.0 / (1.0 + tl.exp(-value))
        if TO_BYTES:
            value = value * 255.0 + 0.5
        tl.store(out_ptr + row[:, None] * TAIL + narrow[None, :], value.to(out_ptr.dtype.element_ty),
                 mask=is_row[:, None] & (narrow < TAIL)[None, :])


def conv2d(x: Tensor, weights: PackedConv, *, x2: Tensor | None = None, residual: Tensor | None = None,
           activation: str = "none", tail: Tail | None = None, out_dtype: torch.dtype | None = None,
           config: Config) -> Tensor:
    """See `lipsync_core.ops.conv2d`; ``config`` is the tile."""
    batch, height, width, channels = x.shape
    matrix = weights.matrix
    is_faces = x.dtype == torch.uint8
    first = weights.channels[0]
    if (not is_faces and channels != first) or (x2 is None) != (len(weights.channels) == 1):
        raise ValueError(f"the layer reads inputs of {weights.channels} channels, got {channels}"
                         + ("" if x2 is None else f" and {x2.shape[3]}"))
    high, wide = weights.output_size(height, width)
    outputs = weights.out_channels
    last = outputs if tail is None else tail.outputs
    out = torch.empty((batch, high, wide, last), device=x.device, dtype=out_dtype or matrix.dtype)
    if tail is not None and config.columns < outputs:
        raise ValueError(f"a tail needs all {outputs} channels in one tile, the tile has {config.columns}")
    tail_matrix, tail_bias = (tail.weight, tail.bias) if tail is not None else (matrix, weights.bias)
    check(x, x2, matrix, weights.bias, residual, out, tail_matrix, tail_bias)
    rows = batch * high * wide
    grid = (triton.cdiv(rows, config.rows) * triton.cdiv(outputs, config.columns),)
    conv2d_kernel[grid](
        x, x if x2 is None else x2, matrix, weights.bias, out if residual is None else residual, out, tail_matrix,
        tail_bias, rows, height, width, high, wide, C=first, C2=0 if x2 is None else weights.channels[1],
        OUT=outputs, STRIDE_W=matrix.shape[1], TAPS_HIGH=weights.kernel_size[0], TAPS_WIDE=weights.kernel_size[1],
        STEP_Y=weights.stride[0], STEP_X=weights.stride[1], PAD_Y=weights.padding[0], PAD_X=weights.padding[1],
        HAS_RESIDUAL=residual is not None, IS_FACES=is_faces, TAIL=0 if tail is None else last,
        ACTIVATION=ACTIVATIONS[activation], TO_BYTES=out.dtype == torch.uint8, PRECISION=precision(matrix),
        BLOCK_M=config.rows, BLOCK_N=config.columns, BLOCK_K=config.depth, BLOCK_K2=config.depth2,
        num_warps=config.warps, num_stages=config.stages)
    return out


def compile_case(name: str, config: Config, *, channels: tuple[int, ...], outputs: int,
                 taps: tuple[int, int] = (3, 3), stride: tuple[int, int] = (1, 1), padding: tuple[int, int] = (1, 1),
                 has_residual: bool = False, is_faces: bool = False, tail: int = 0,
                 is_hot: bool = True) -> CompileCase:
    """A layer as production launches it (fp16, ReLU), for the ahead-of-time check."""
    data = dict.fromkeys(("x_ptr", "x2_ptr", "w_ptr", "residual_ptr", "out_ptr", "tail_ptr"), "*fp16")
    if is_faces:
        data["x_ptr"] = data["x2_ptr"] = "*u8"
    numbers = dict.fromkeys(("rows", "height", "width", "out_height", "out_width"), "i32")
    constants = {"C": channels[0], "C2": channels[1] if len(channels) > 1 else 0, "OUT": outputs,
                 "STRIDE_W": -(-outputs // 8) * 8, "TAPS_HIGH": taps[0], "TAPS_WIDE": taps[1], "STEP_Y": stride[0],
                 "STEP_X": stride[1], "PAD_Y": padding[0], "PAD_X": padding[1], "HAS_RESIDUAL": has_residual,
                 "IS_FACES": is_faces, "TAIL": tail, "ACTIVATION": 1, "TO_BYTES": False, "PRECISION": "ieee",
                 "BLOCK_M": config.rows, "BLOCK_N": config.columns, "BLOCK_K": config.depth,
                 "BLOCK_K2": config.depth2}
    types = data | {"bias_ptr": "*fp32", "tail_bias_ptr": "*fp32"} | numbers
    return CompileCase(name, conv2d_kernel, types, constants, config.warps, config.stages, has_matrix=True,
                       is_narrow=config.rows < 64, is_hot=is_hot)


def compile_cases() -> list[CompileCase]:
    """The layers that take most of Wav2Lip's time, and each form that the kernel has."""
    return [
        compile_case("conv2d 6->16 7x7 @96 u8 faces", Config(128, 16, 64, 64, 4, 3), channels=(8,), outputs=16,
                     taps=(7, 7), padding=(3, 3), is_faces=True),
        compile_case("conv2d 8->16 7x7 @96", Config(128, 16, 64, 64, 4, 3), channels=(8,), outputs=16, taps=(7, 7),
                     padding=(3, 3), is_hot=False),
        compile_case("conv2d 1->32 3x3 @80x16", Config(128, 32, 16, 16, 4, 3), channels=(1,), outputs=32,
                     is_hot=False),
        compile_case("conv2d 32->64 3x3 s2", Config(128, 64, 32, 32, 4, 3), channels=(32,), outputs=64, stride=(2, 2),
                     is_hot=False),
        compile_case("conv2d 64->64 3x3 @96 residual", Config(128, 64, 64, 64, 4, 3), channels=(64,), outputs=64,
                     has_residual=True),
        compile_case("conv2d 128->128 3x3 @48 residual", Config(128, 128, 64, 64, 8, 3), channels=(128,),
                     outputs=128, has_residual=True),
        compile_case("conv2d 384->384 3x3 @12 residual", Config(128, 128, 64, 64, 8, 4), channels=(384,),
                     outputs=384, has_residual=True, is_hot=False),
        compile_case("conv2d 512->512 3x3 @6 residual", Config(64, 64, 64, 64, 4, 4), channels=(512,), outputs=512,
                     has_residual=True, is_hot=False),
        compile_case("conv2d 64+16->32 3x3 @96 tail 3", Config(128, 32, 64, 64, 4, 3), channels=(64, 16), outputs=32,
                     tail=3),
        compile_case("conv2d 512+512->4608 1x1 @1", Config(16, 64, 64, 64, 4, 4), channels=(512, 512), outputs=4608,
                     taps=(1, 1), padding=(0, 0), is_hot=False),
    ]
