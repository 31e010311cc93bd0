"""Cases of the paste: both layouts of chroma on small planes, production frames on a card."""

from __future__ import annotations

from typing import Any

import torch

from lipsync_core.ops.case import Case, Source

#: BGR in [0, 1] -> BT.709 limited range, in grey levels.
BT709 = (0.0722 * 219, 0.7152 * 219, 0.2126 * 219, 16.0, 112.0, -86.27, -25.73, 128.0, -10.27, -101.73, 112.0, 128.0)


def _case(name: str, faces: int, frame: tuple[int, int], side: int, is_nv12: bool, dtype: torch.dtype = torch.float32,
          is_small: bool = True, has_index: bool = False) -> Case:
    height, width = frame
    box = (int(height * 0.4) // 2 * 2, int(height * 0.4) // 2 * 2)

    def make(source: Source) -> dict[str, Any]:
        frames = 1 if has_index else faces
        ramp = torch.linspace(-1, 1, side)
        matte = (1.3 - ramp[:, None] ** 2 - ramp[None] ** 2).clamp(0, 1)
        matte[[0, -1]] = 0
        matte[:, [0, -1]] = 0
        scale = side / box[0]
        matrices, boxes = [], []
        for n in range(faces):
            top = (height // 10 + (n * box[0] if has_index else 0)) // 2 * 2
            left = (width // 8 + 2 * n % 5) // 2 * 2
            boxes.append([top, left, *box])
            turn = 0.1 * (n - 1)
            matrices.append([[scale, turn * scale, -scale * left - 0.5], [-turn * scale, scale, -scale * top + 0.5]])
        chroma = (frames, height // 2, width // 2)
        light = torch.stack([1 + 0.2 * source.normal(faces, 8, 8, dtype=torch.float32),
                             *(5 * source.normal(faces, 8, 8, dtype=torch.float32) for _ in range(2))], 1)
        inputs: dict[str, Any] = {
            "y": source.bytes(frames, height, width),
            "u": source.bytes(*chroma, 2) if is_nv12 else source.bytes(*chroma),
            "v": None if is_nv12 else source.bytes(*chroma),
            "faces": source.uniform(faces, side, side, 3, dtype=dtype),
            "matrices": torch.tensor(matrices).to(source.device), "matte": matte.to(source.device),
            "light": light.contiguous(), "colour": torch.tensor(BT709).to(source.device),
            "boxes": torch.tensor(boxes, dtype=torch.int32).to(source.device), "largest": box}
        if has_index:
            inputs["frame_index"] = torch.zeros(faces, dtype=torch.int32, device=source.device)
        return inputs

    # The box of every plane is read and written; the face is small.
    moved = faces * (3 * box[0] * box[1] + side * side * 3 * dtype.itemsize)
    # Rounding of sums that differ in their last digit: at most one grey level.
    return Case("paste_blend", name, make, dtype, 1.0, is_small, bytes=moved)


CASES = [
    _case("I420, two frames", 2, (30, 40), 10, is_nv12=False),
    _case("NV12, two faces in one frame, fp16", 2, (40, 36), 12, is_nv12=True, dtype=torch.float16, has_index=True),
    *[_case(f"1080p I420, batch {n}", n, (1080, 1920), 96, False, torch.float16, is_small=False)
      for n in (1, 16, 128)],
    _case("2160p NV12, batch 16", 16, (2160, 3840), 96, True, torch.float16, is_small=False),
]
