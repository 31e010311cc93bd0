from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from dubbing.errors import MediaError
from dubbing.media.frames import frame_at, write_picture
from tests import media_factory as factory


def number(picture: np.ndarray) -> int:
    return factory.read_number(picture.mean(axis=2).astype(np.uint8))


@pytest.mark.parametrize("name", ["plain.mp4", "plain.mkv", "variable_rate.mp4", "rotated_90.mp4", "rotated_180.mp4",
                                  "rotated_270.mov", "full_range.mp4", "hdr_hlg.mp4", "late_picture.mkv", "stream.ts"])
def test_the_picture_that_is_shown_at_a_time(tmp_path: Path, name: str) -> None:
    clip = factory.CLIPS[name]
    path = factory.make(tmp_path, name)
    with av.open(str(path)) as container:
        zero = max(container.start_time or 0, 0) / 1e6
        times = [float(frame.time) - zero for frame in container.decode(video=0)]
    for wanted in (0, 7, 30, clip.frames - 1):
        shown = frame_at(path, times[wanted] * 1000 + 5)
        assert number(shown) == wanted
    assert number(frame_at(path, -100)) == 0
    assert number(frame_at(path, 60_000)) == clip.frames - 1
    upright = (192, 144) if clip.rotation % 180 else (144, 192)
    assert frame_at(path, 0).shape == (*upright, 3)


def test_square_pixels_and_size(tmp_path: Path) -> None:
    path = factory.make(tmp_path, "wide_pixels.mp4")
    assert frame_at(path, 0).shape == (144, 205, 3)
    assert max(frame_at(path, 0, longest_side=100).shape) == 100
    assert write_picture(path, tmp_path / "poster.png", 500) == (144, 205)
    with av.open(str(tmp_path / "poster.png")) as png:
        picture = next(png.decode(video=0)).to_ndarray(format="rgb24")
    assert np.array_equal(picture, frame_at(path, 500))


def test_colours_are_right(tmp_path: Path) -> None:
    """The same picture through limited, full range and finer chroma comes out the same."""
    reference = factory._rgb(factory.CLIPS["plain.mp4"], 0).astype(float)
    for name in ("plain.mp4", "full_range.mp4", "fine_chroma_444.mp4", "rotated_180.mp4"):
        path = factory.make(tmp_path, name, primaries=2, transfer=2, matrix=2)
        assert np.abs(frame_at(path, 0) - reference).mean() < 4, name


def test_no_picture(tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        frame_at(factory.make(tmp_path, "sound.m4a", has_video=False), 0)
