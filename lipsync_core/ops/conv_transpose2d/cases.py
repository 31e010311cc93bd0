"""Cases of the transposed convolution: small pictures, Wav2Lip's decoder stages on a card."""

from __future__ import annotations

from typing import Any

import torch

from lipsync_core.ops.case import Case, Source
from lipsync_core.ops.packing import pack_conv_transpose2d
from lipsync_core.ops.tuning import Config, Shape, heuristic

_TOLERANCE = {torch.float16: 2e-3, torch.bfloat16: 1.6e-2, torch.float32: 1e-5}


def transposed_case(name: str, *, size: tuple[int, int], channels: tuple[int, ...], outputs: int, batch: int = 1,
                    has_residual: bool = False, dtype: torch.dtype = torch.float16, config: Config | None = None,
                    is_small: bool = True) -> Case:
    """The 3x3, stride 2 form; ``config`` None: what the rules choose."""
    inputs_ = sum(channels)

    def make(source: Source) -> dict[str, Any]:
        split = channels[0] if len(channels) > 1 else None
        weight = source.normal(inputs_, outputs, 3, 3, scale=(2.25 * inputs_) ** -0.5, dtype=torch.float32)
        bias = source.normal(outputs, scale=0.1, dtype=torch.float32)
        packed = pack_conv_transpose2d(weight, bias, (2, 2), (1, 1), (1, 1), split)
        inputs: dict[str, Any] = {"weights": packed.to(source.device, dtype), "activation": "relu",
                                  "x": source.normal(batch, *size, channels[0])}
        if len(channels) > 1:
            inputs["x2"] = source.normal(batch, *size, channels[1])
        if has_residual:
            inputs["residual"] = source.normal(batch, 2 * size[0], 2 * size[1], outputs)
        return inputs

    pixels = batch * size[0] * size[1]
    shape = Shape("conv_transpose2d", pixels, size, channels, (3, 3), (2, 2), (1, 1), outputs, str(dtype)[6:])
    moved = dtype.itemsize * (pixels * inputs_ + 9 * inputs_ * outputs + 4 * pixels * outputs * (1 + has_residual))
    return Case("conv_transpose2d", name, make, dtype, _TOLERANCE[dtype], is_small,
                {"config": config or heuristic(shape, (9, 0))}, shape.flops, moved)


def wav2lip_cases(batch: int, dtype: torch.dtype = torch.float16) -> list[Case]:
    """Wav2Lip's decoder stages at one batch size."""
    stages = ((3, (512, 512), 512), (6, (512, 256), 384), (12, (384, 128), 256), (24, (256, 64), 128),
              (48, (128, 32), 64))
    return [transposed_case(f"{'+'.join(map(str, channels))}->{outputs} @{side}, batch {batch}, {str(dtype)[6:]}",
                            size=(side, side), channels=channels, outputs=outputs, batch=batch, dtype=dtype,
                            is_small=False) for side, channels, outputs in stages]


CASES = [
    transposed_case("two inputs 32+16", size=(3, 4), channels=(32, 16), outputs=32,
                    config=Config(16, 32, 32, 16, 4, 1)),
    transposed_case("fp32, batch 2, residual, ragged tiles", size=(3, 3), channels=(16,), outputs=24, batch=2,
                    has_residual=True, dtype=torch.float32, config=Config(16, 16, 16, 16, 4, 1)),
    transposed_case("flattened taps 16", size=(2, 3), channels=(16,), outputs=16,
                    config=Config(16, 16, 64, 64, 4, 1)),
    *wav2lip_cases(1), *wav2lip_cases(16), *wav2lip_cases(16, torch.bfloat16), *wav2lip_cases(128),
]
