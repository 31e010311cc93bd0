"""Generated faces back onto a video's Y, U and V planes."""

from __future__ import annotations

from torch import Tensor

from lipsync_core.ops.dispatch import backend_for
from lipsync_core.ops.paste_blend import reference
from lipsync_core.ops.paste_blend.light import measure_light

__all__ = ["measure_light", "paste_blend"]


def paste_blend(y: Tensor, u: Tensor, v: Tensor | None, faces: Tensor, matrices: Tensor, matte: Tensor, light: Tensor,
                colour: Tensor, boxes: Tensor, frame_index: Tensor | None = None, *, largest: tuple[int, int],
                black: float = 16.0) -> tuple[Tensor, Tensor, Tensor | None]:
    """Warp, light-match and blend ``faces`` onto I420 or NV12 planes, in place.

    See `reference.paste_blend` for the arguments; runs the kernel on CUDA. `measure_light` makes ``light``.
    """
    run = reference.paste_blend
    if backend_for(y) == "triton":
        from lipsync_core.ops.paste_blend import kernel

        run = kernel.paste_blend
    return run(y, u, v, faces, matrices, matte, light, colour, boxes, frame_index, largest=largest, black=black)
