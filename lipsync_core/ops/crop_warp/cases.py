"""Cases of the face crop: every edge of a small frame, production frames on a card."""

from __future__ import annotations

from typing import Any

import torch

from lipsync_core.ops.case import Case, Source
from lipsync_core.ops.crop_warp.reference import from_yuv


def _case(name: str, faces: int, frame: tuple[int, int], size: tuple[int, int], samples: int = 1,
          dtype: torch.dtype = torch.float16, is_small: bool = True, has_index: bool = False,
          layout: str = "bgr") -> Case:
    def make(source: Source) -> dict[str, Any]:
        inputs: dict[str, Any] = {"matrices": _matrices(source, faces, frame, size), "size": size, "dtype": dtype,
                                  "samples": samples}
        count = 1 if has_index else faces
        if layout == "bgr":
            inputs["frames"] = source.bytes(count, *frame, 3)
        else:
            half = (count, frame[0] // 2, frame[1] // 2)
            inputs |= {"y": source.bytes(count, *frame), "colour": from_yuv().to(source.device),
                       "u": source.bytes(*half, 2) if layout == "nv12" else source.bytes(*half),
                       "v": None if layout == "nv12" else source.bytes(*half)}
        if has_index:
            inputs["frame_index"] = torch.zeros(faces, dtype=torch.int32, device=source.device)
        return inputs

    out = faces * size[0] * size[1] * 8 * dtype.itemsize
    # Each output pixel reads four source pixels; neighbours share them, so a source pixel counts once.
    depth = 3 if layout == "bgr" else 1.5
    moved = out + int(faces * size[0] * size[1] * depth * samples * samples)
    function = "crop_warp" if layout == "bgr" else "crop_warp_yuv"
    return Case(function, name, make, dtype, 6e-4 if dtype == torch.float16 else 2e-5, is_small, bytes=moved)


def _matrices(source: Source, faces: int, frame: tuple[int, int], size: tuple[int, int]) -> torch.Tensor:
    """Turned and scaled faces, some over the frame's edges."""
    scale = source.uniform(faces, low=0.6, high=1.6) * frame[0] / size[0] * 0.7
    turn = source.uniform(faces, low=-0.4, high=0.4)
    shift = source.uniform(faces, 2, low=-2.0, high=frame[0] * 0.3)
    return torch.stack([torch.stack([scale * turn.cos(), -scale * turn.sin(), shift[:, 0]], 1),
                        torch.stack([scale * turn.sin(), scale * turn.cos(), shift[:, 1]], 1)], 1).contiguous()


CASES = [
    _case("from I420, two frames", 2, (14, 18), (10, 12), dtype=torch.float32, layout="i420"),
    _case("from NV12, four samples, fp16", 2, (20, 24), (8, 8), samples=2, has_index=True, layout="nv12"),
    _case("from 1080p I420, batch 128", 128, (1080, 1920), (96, 96), is_small=False, layout="i420"),
    _case("two faces, over the frame's edges", 2, (13, 17), (10, 12), dtype=torch.float32),
    _case("fp16, four samples, one frame for both", 2, (24, 20), (8, 8), samples=2, has_index=True),
    *[_case(f"1080p, batch {n}", n, (1080, 1920), (96, 96), is_small=False) for n in (1, 16, 128)],
    _case("2160p, nine samples, batch 16", 16, (2160, 3840), (96, 96), samples=3, is_small=False),
]
