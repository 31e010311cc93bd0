"""Two faces in one frame: overlapping rectangles do not take back each other's mouths."""

from __future__ import annotations

import av
import numpy as np
import pytest

from dubbing.media.paste import Rectangle, paste_all, stored_planes


def picture(pixel_format: str = "yuv420p") -> av.VideoFrame:
    values = np.random.default_rng(3).integers(30, 200, (64 * 3 // 2, 96), dtype=np.uint8)
    return av.VideoFrame.from_ndarray(values, format="yuv420p").reformat(format=pixel_format)


def repainted(frame: av.VideoFrame, left: int, top: int, size: int, mouth: tuple[int, int]) -> Rectangle:
    """A square cut from the frame in which only an 8x8 mouth at ``mouth`` (of the square) is new."""
    y, u, v = (np.array(plane) for plane in stored_planes(frame.reformat(format="yuv420p")))
    half = size // 2
    patch = Rectangle(0, left, top, y[top:top + size, left:left + size],
                      *(c[top // 2:top // 2 + half, left // 2:left // 2 + half] for c in (u, v)))
    row, column = mouth
    patch.y[row:row + 8, column:column + 8] = 255
    return patch


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_both_mouths_are_there(turns: int) -> None:
    frame = picture()
    before = [np.array(np.rot90(plane, turns)) for plane in stored_planes(frame)]
    turned = av.VideoFrame(before[0].shape[1], before[0].shape[0], "yuv420p")
    for plane, values in zip(stored_planes(turned), before, strict=True):
        plane[:] = values
    patches = [repainted(turned, 8, 8, 32, (4, 4)), repainted(turned, 24, 16, 32, (16, 16))]
    paste_all(frame, patches, turns)
    luma = np.rot90(stored_planes(frame)[0], turns)
    expected = before[0].copy()
    expected[12:20, 12:20] = 255
    expected[32:40, 40:48] = 255
    assert np.array_equal(luma, expected)


def test_one_patch_is_pasted_whole() -> None:
    frame = picture()
    patch = repainted(frame, 10, 10, 20, (2, 2))
    patch.u[:] = 7
    paste_all(frame, [patch], 0)
    assert (stored_planes(frame)[1][5:15, 5:15] == 7).all()
