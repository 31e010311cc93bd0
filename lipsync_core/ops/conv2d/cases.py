"""Cases of the convolution: every form on small pictures, Wav2Lip's layers on a card."""

from __future__ import annotations

from typing import Any

import torch

from lipsync_core.ops.case import Case, Source
from lipsync_core.ops.packing import pack_conv2d, pack_tail
from lipsync_core.ops.tuning import Config, Shape, heuristic

_FP16 = 2e-3
_BF16 = 1.6e-2


def conv_case(name: str, *, size: tuple[int, int], channels: tuple[int, ...], outputs: int, batch: int = 1,
              taps: tuple[int, int] = (3, 3), stride: tuple[int, int] = (1, 1), padding: tuple[int, int] = (1, 1),
              has_residual: bool = False, activation: str = "relu", tail: int = 0, is_faces: bool = False,
              dtype: torch.dtype = torch.float16, config: Config | None = None, is_small: bool = True) -> Case:
    """A convolution's case; ``config`` None: what the rules choose."""
    depth = sum(channels) * taps[0] * taps[1]
    high, wide = ((n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, taps, stride, padding, strict=True))

    def make(source: Source) -> dict[str, Any]:
        split = channels[0] if len(channels) > 1 else None
        weight = source.normal(outputs, sum(channels), *taps, scale=depth**-0.5, dtype=torch.float32)
        bias = source.normal(outputs, scale=0.1, dtype=torch.float32)
        if is_faces:
            weight = weight[:, :6]
        packed = pack_conv2d(weight, bias, stride, padding, split, 8 if is_faces else None)
        inputs: dict[str, Any] = {"weights": packed.to(source.device, dtype), "activation": activation}
        inputs["x"] = source.bytes(batch, *size, 3) if is_faces else source.normal(batch, *size, channels[0])
        if len(channels) > 1:
            inputs["x2"] = source.normal(batch, *size, channels[1])
        if has_residual:
            inputs["residual"] = source.normal(batch, high, wide, outputs)
        if tail:
            weight = source.normal(tail, outputs, 1, 1, scale=outputs**-0.5, dtype=torch.float32)
            last = pack_tail(weight, source.normal(tail, dtype=torch.float32))
            inputs["tail"] = last.to(source.device, dtype)
        return inputs

    shape = Shape("conv2d", batch * high * wide, size, channels, taps, stride, padding, outputs,
                  ("faces-" if is_faces else "") + str(dtype)[6:])
    tolerance = {torch.float16: _FP16, torch.bfloat16: _BF16}.get(dtype, 1e-5)
    pixels, element = batch * high * wide, dtype.itemsize
    moved = batch * size[0] * size[1] * (3 if is_faces else sum(channels) * element)
    moved += element * (depth * outputs + pixels * (tail or outputs) + pixels * outputs * has_residual)
    return Case("conv2d", name, make, dtype, tolerance, is_small,
                {"config": config or heuristic(shape, (9, 0))}, shape.flops + 2 * pixels * tail * outputs, moved)


def _tile(rows: int, columns: int, depth: int, depth2: int = 16) -> Config:
    return Config(rows, columns, depth, depth2, 4, 1)


_SMALL = [
    conv_case("3x3 relu, channel blocks", size=(4, 5), channels=(32,), outputs=32, config=_tile(32, 32, 32)),
    conv_case("3x3 fp32 residual", size=(4, 5), channels=(16,), outputs=16, has_residual=True, dtype=torch.float32,
              config=_tile(32, 16, 16)),
    conv_case("3x3 stride 2, batch 2, ragged tiles", size=(7, 5), channels=(16,), outputs=24, batch=2,
              stride=(2, 2), config=_tile(16, 16, 16)),
    conv_case("3x3 stride (3, 2), one channel", size=(9, 6), channels=(1,), outputs=16, stride=(3, 2),
              config=_tile(16, 16, 16)),
    conv_case("3x3 valid: a plain product", size=(3, 3), channels=(32,), outputs=48, batch=3, padding=(0, 0),
              config=_tile(16, 16, 32)),
    conv_case("5x3 several taps in a block, leaky", size=(5, 6), channels=(8,), outputs=16, taps=(5, 3),
              padding=(2, 1), activation="leaky_relu", config=_tile(32, 16, 32)),
    conv_case("two inputs 32+16", size=(4, 5), channels=(32, 16), outputs=32, config=_tile(32, 32, 32, 16)),
    conv_case("two inputs 32+16, second one flattened, residual", size=(4, 5), channels=(32, 16), outputs=16,
              has_residual=True, config=_tile(32, 16, 32, 32)),
    conv_case("two inputs with a tail", size=(4, 5), channels=(16, 8), outputs=32, tail=3,
              config=_tile(32, 32, 16, 32)),
    conv_case("7x7 from uint8 faces", size=(8, 6), channels=(8,), outputs=16, taps=(7, 7), padding=(3, 3),
              is_faces=True, config=_tile(64, 16, 64)),
    conv_case("1x1 without activation", size=(3, 3), channels=(16,), outputs=16, taps=(1, 1), padding=(0, 0),
              activation="none", config=_tile(16, 16, 16)),
]


def wav2lip_cases(batch: int, dtype: torch.dtype = torch.float16) -> list[Case]:
    """The convolutions that take most of Wav2Lip's time, at one batch size."""
    def case(name: str, side: int, channels: tuple[int, ...], outputs: int, **options: Any) -> Case:
        return conv_case(f"{name}, batch {batch}, {str(dtype)[6:]}", size=(side, side), channels=channels,
                         outputs=outputs, batch=batch, dtype=dtype, is_small=False, **options)

    return [
        case("6->16 7x7 @96 uint8", 96, (8,), 16, taps=(7, 7), padding=(3, 3), is_faces=True),
        case("16->32 3x3 s2 @96", 96, (16,), 32, stride=(2, 2)),
        case("64->64 3x3 @96", 96, (64,), 64, has_residual=True),
        case("64+16->32 3x3 @96, tail", 96, (64, 16), 32, tail=3),
        case("128->128 3x3 @48", 48, (128,), 128, has_residual=True),
        case("256->256 3x3 @24", 24, (256,), 256, has_residual=True),
        case("384->384 3x3 @12", 12, (384,), 384, has_residual=True),
        case("512->512 3x3 @6", 6, (512,), 512, has_residual=True),
        case("512->512 3x3 @3", 3, (512,), 512, has_residual=True),
        case("512->512 3x3 valid @3", 3, (512,), 512, padding=(0, 0)),
        case("512+512->4608 1x1 @1", 1, (512, 512), 4608, taps=(1, 1), padding=(0, 0)),
    ]


CASES = [*_SMALL, *wav2lip_cases(1), *wav2lip_cases(16), *wav2lip_cases(16, torch.bfloat16), *wav2lip_cases(128)]
