"""Cases of the face crop: every edge of a small frame, production frames on a card."""

from __future__ import annotations

from typing import Any

import torch

from lipsync_core.ops.case import Case, Source


def _case(name: str, faces: int, frame: tuple[int, int], size: tuple[int, int], samples: int = 1,
          dtype: torch.dtype = torch.float16, is_small: bool = True, has_index: bool = False) -> Case:
    def make(source: Source) -> dict[str, Any]:
        frames = source.bytes(1 if has_index else faces, *frame, 3)
        scale = source.uniform(faces, low=0.6, high=1.6) * frame[0] / size[0] * 0.7
        turn = source.uniform(faces, low=-0.4, high=0.4)
        shift = source.uniform(faces, 2, low=-2.0, high=frame[0] * 0.3)
        matrices = torch.stack([torch.stack([scale * turn.cos(), -scale * turn.sin(), shift[:, 0]], 1),
                                torch.stack([scale * turn.sin(), scale * turn.cos(), shift[:, 1]], 1)], 1)
        inputs: dict[str, Any] = {"frames": frames, "matrices": matrices.contiguous(), "size": size, "dtype": dtype,
                                  "samples": samples}
        if has_index:
            inputs["frame_index"] = torch.zeros(faces, dtype=torch.int32, device=source.device)
        return inputs

    out = faces * size[0] * size[1] * 8 * dtype.itemsize
    # Each output pixel reads four source pixels; neighbours share them, so a source pixel counts once.
    moved = out + faces * size[0] * size[1] * 3 * samples * samples
    return Case("crop_warp", name, make, dtype, 6e-4 if dtype == torch.float16 else 2e-5, is_small, bytes=moved)


CASES = [
    _case("two faces, over the frame's edges", 2, (13, 17), (10, 12), dtype=torch.float32),
    _case("fp16, four samples, one frame for both", 2, (24, 20), (8, 8), samples=2, has_index=True),
    *[_case(f"1080p, batch {n}", n, (1080, 1920), (96, 96), is_small=False) for n in (1, 16, 128)],
    _case("2160p, nine samples, batch 16", 16, (2160, 3840), (96, 96), samples=3, is_small=False),
]
