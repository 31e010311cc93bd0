"""Cases of the sound front end: short sounds, a minute on a card."""

from __future__ import annotations

from typing import Any

import torch

from lipsync_core.ops.case import Case, Source
from lipsync_core.ops.log_mel.reference import BINS


def _case(name: str, samples: int, padding: str, is_small: bool = True) -> Case:
    def make(source: Source) -> dict[str, Any]:
        time = torch.arange(samples, device=source.device) / 16_000
        tone = torch.sin(2 * torch.pi * (200 + 900 * time) * time)
        return {"sound": 0.4 * tone + source.normal(samples, scale=0.02, dtype=torch.float32), "padding": padding}

    frames = 1 + samples // 200
    flops = 2 * frames * (2 * 800 * BINS + BINS * 80)
    # Levels span [-4, 4]; the tolerance is relative to 4.
    # The interpreter's time goes by loop turns: fewer, larger blocks (that a card can hold as well).
    own = {"bins": 128} if is_small else {}
    return Case("log_mel", name, make, torch.float32, 2e-4, is_small, own, flops,
                4 * (samples + 2 * 800 * BINS + frames * 80))


CASES = [
    _case("zeros", 1_000, "zeros"),
    _case("reflect, more than a block of frames", 3_555, "reflect"),
    _case("10 s", 160_000, "zeros", is_small=False),
    _case("60 s, reflect", 960_000, "reflect", is_small=False),
]
