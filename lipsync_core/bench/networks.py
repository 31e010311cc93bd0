"""Wav2Lip as others would run it: what the fused program is measured against.

As a command it measures one of these runs alone, so that a compiler that takes too long can be stopped:

    python -m lipsync_core.bench.networks --batch 128
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from lipsync_core.models.wav2lip import Wav2Lip

#: Multiply-adds of one frame, counted twice.
FLOPS = 7.93e9


def network() -> Wav2Lip:
    """The same random weights every time. They keep values at the size that trained ones have: zeros would run faster
    than real data."""
    generator = torch.Generator().manual_seed(1)
    made = Wav2Lip().eval()
    with torch.no_grad():
        for name, value in made.state_dict().items():
            if value.dim() > 1:
                value.copy_(torch.randn(value.shape, generator=generator) * (1.2 / value[0].numel()) ** 0.5)
            elif name.endswith(("running_var", "bias")):
                low = 0.5 if name.endswith("running_var") else -0.2
                value.copy_(torch.rand(value.shape, generator=generator) * (0.4 if low < 0 else 1.0) + low)
    return made


def inputs(batch: int) -> tuple[Tensor, Tensor]:
    """Sound windows [batch, 1, 80, 16] and uint8 crops [batch, 96, 96, 3], on the card."""
    generator = torch.Generator().manual_seed(2)
    audio = torch.rand(batch, 1, 80, 16, generator=generator) * 8 - 4
    crops = torch.randint(0, 256, (batch, 96, 96, 3), generator=generator, dtype=torch.uint8)
    return audio.cuda(), crops.cuda()


def six_channels(crops: Tensor) -> Tensor:
    """uint8 [B, 96, 96, 3] -> fp32 [B, 6, 96, 96], as the network's authors make it."""
    full = crops.permute(0, 3, 1, 2).float() / 255
    masked = full.clone()
    masked[:, :, full.shape[2] // 2:] = 0
    return torch.cat([masked, full], dim=1).contiguous()


def eager(batch: int, dtype: torch.dtype, is_folded: bool = False) -> Callable[[], Tensor]:
    """The module called on ready inputs; in fp16 with channels last."""
    module = network().fold() if is_folded else network()
    module = module.cuda().to(dtype)
    audio, crops = inputs(batch)
    face, audio = six_channels(crops).to(dtype), audio.to(dtype)
    if dtype != torch.float32:
        module, face = module.to(memory_format=torch.channels_last), face.to(memory_format=torch.channels_last)

    def call() -> Tensor:
        with torch.no_grad():
            return module(audio, face)

    return call


def compiled_ms(batch: int) -> float:
    """Milliseconds of torch.compile's best mode on the folded fp16 channels-last module."""
    from lipsync_core.bench.timing import event_ms

    torch.backends.cudnn.benchmark = True
    module = network().fold().cuda().half().to(memory_format=torch.channels_last)
    audio, crops = inputs(batch)
    audio, face = audio.half(), six_channels(crops).half().to(memory_format=torch.channels_last)
    run = torch.compile(module, mode="max-autotune", fullgraph=True)
    with torch.no_grad():
        return event_ms(lambda: run(audio, face))


def main(arguments: list[str] | None = None) -> int:
    """Print {"ms": ...} of the compiled network."""
    parser = argparse.ArgumentParser(prog="networks")
    parser.add_argument("--batch", type=int, default=128)
    print(json.dumps({"ms": compiled_ms(parser.parse_args(arguments).batch)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
