"""The inner loop that every convolution kernel shares: a matrix product whose left side is gathered from a picture.

What was learnt about code generation, and is kept to here: one flat loop over taps and channel blocks (nested loops
are not pipelined and spill), channel counts and weight strides known at compile time so that every load is 16 bytes
wide, one loop per input instead of a concatenated tensor.
"""

# A kernel's parameters are Triton values, which have no Python type.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def accumulate(acc, x_ptr, w_ptr, image, top, left, is_row, columns, is_column, height, width, taps, taps_wide,
               C: tl.constexpr, STRIDE_W: tl.constexpr, BLOCK_K: tl.constexpr, PRECISION: tl.constexpr):
    """Add one input's share to ``acc`` [rows, columns].

    Row r reads the picture ``image[r]`` from (top[r], left[r]) on; places outside the picture count as zero.
    """
    lanes = tl.arange(0, BLOCK_K)
    base = (image * height + top) * width + left
    if C % BLOCK_K == 0:
        # A block of K lies within one tap: the tap's place is a scalar.
        blocks: tl.constexpr = C // BLOCK_K
        for k in range(0, taps * blocks):
            tap = k // blocks
            channel = (k % blocks) * BLOCK_K
            down = tap // taps_wide
            right = tap % taps_wide
            y = top + down
            x = left + right
            inside = is_row & (y >= 0) & (y < height) & (x >= 0) & (x < width)
            place = (base + down * width + right) * C + channel
            a = tl.load(x_ptr + place[:, None] + lanes[None, :], mask=inside[:, None], other=0.0)
            b = tl.load(w_ptr + (k * BLOCK_K + lanes)[:, None] * STRIDE_W + columns[None, :],
                        mask=is_column[None, :], other=0.0)
            acc = tl.dot(a, b, acc, input_precision=PRECISION)
    else:
        # Few channels: a block of K spans several taps, so each lane has its own.
        for k in range(0, tl.cdiv(taps * C, BLOCK_K)):
            deep = k * BLOCK_K + lanes
            tap = deep // C
            channel = deep % C
            down = tap // taps_wide
            right = tap % taps_wide
            y = top[:, None] + down[None, :]
            x = left[:, None] + right[None, :]
            is_deep = deep < taps * C
            inside = is_row[:, None] & is_deep[None, :] & (y >= 0) & (y < height) & (x >= 0) & (x < width)
            place = (base[:, None] + (down * width + right)[None, :]) * C + channel[None, :]
            a = tl.load(x_ptr + place, mask=inside, other=0.0)
            b = tl.load(w_ptr + deep[:, None] * STRIDE_W + columns[None, :],
                        mask=is_deep[:, None] & is_column[None, :], other=0.0)
            acc = tl.dot(a, b, acc, input_precision=PRECISION)
    return acc


@triton.jit
def accumulate_faces(acc, x_ptr, w_ptr, image, top, left, is_row, columns, is_column, height, width, taps, taps_wide,
                     STRIDE_W: tl.constexpr, BLOCK_K: tl.constexpr, PRECISION: tl.constexpr):
    """The same for a first layer that reads uint8 [N, height, width, 3] crops as the network's eight channels.

    Channels 0-2: the picture with its lower half black; 3-5: the picture; 6-7: zero. Values are divided by 255.
    """
    lanes = tl.arange(0, BLOCK_K)
    base = (image * height + top) * width + left
    for k in range(0, tl.cdiv(taps * 8, BLOCK_K)):
        deep = k * BLOCK_K + lanes
        tap = deep // 8
        channel = deep % 8
        down = tap // taps_wide
        right = tap % taps_wide
        y = top[:, None] + down[None, :]
        x = left[:, None] + right[None, :]
        is_deep = (deep < taps * 8) & (channel < 6)
        shown = (y < height // 2) | (channel >= 3)[None, :]
        inside = is_row[:, None] & is_deep[None, :] & (y >= 0) & (y < height) & (x >= 0) & (x < width) & shown
        place = (base[:, None] + (down * width + right)[None, :]) * 3 + (channel % 3)[None, :]
        a = tl.load(x_ptr + place, mask=inside, other=0).to(tl.float32) * (1.0 / 255.0)
        b = tl.load(w_ptr + deep[:, None] * STRIDE_W + columns[None, :],
                    mask=is_deep[:, None] & is_column[None, :], other=0.0)
        acc = tl.dot(a.to(b.dtype), b, acc, input_precision=PRECISION)
    return acc


@triton.jit
def finish(acc, bias_ptr, residual_ptr, place, is_place, columns, is_column, HAS_RESIDUAL: tl.constexpr,
           ACTIVATION: tl.constexpr):
    """Bias, then residual, then activation (0 none, 1 ReLU, 2 leaky ReLU 0.01, 3 sigmoid), all in fp32."""
    acc += tl.load(bias_ptr + columns, mask=is_column, other=0.0)[None, :]
    if HAS_RESIDUAL:
        acc += tl.load(residual_ptr + place, mask=is_place, other=0.0).to(tl.float32)
    if ACTIVATION == 1:
        acc = tl.maximum(acc, 0.0)
    elif ACTIVATION == 2:
        acc = tl.where(acc > 0, acc, acc * 0.01)
    elif ACTIVATION == 3:
        acc = 1.0 / (1.0 + tl.exp(-acc))
    return acc
