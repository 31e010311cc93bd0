from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from lipsync_core.face.video import Picture, VideoError, VideoSource, yuv_to_rgb_matrix
from tests import media_factory as factory

NAMES = ("plain.mp4", "plain.mkv", "variable_rate.mp4", "variable_rate.mkv", "rotated_90.mp4", "rotated_180.mp4",
         "rotated_270.mov", "full_range.mp4", "fine_chroma_422.mkv", "hdr_hlg.mp4", "ten_bit.mp4", "mpeg4_part2.mp4",
         "odd_size.mkv", "late_picture.mp4", "stream.ts")


@pytest.mark.parametrize("name", NAMES)
def test_every_frame_has_its_number_time_and_stands_upright(tmp_path: Path, name: str) -> None:
    clip = factory.CLIPS[name]
    source = VideoSource(factory.make(tmp_path, name))
    assert (source.height, source.width) == (clip.height, clip.width)[:: -1 if abs(clip.rotation) == 90 else 1]
    seen = list(source.frames())
    assert [p.number for p in seen] == list(range(clip.frames))
    assert [factory.read_number(p.y) for p in seen] == list(range(clip.frames))
    assert seen[0].y.shape == (source.height, source.width)
    assert seen[0].u.shape == seen[0].v.shape == ((source.height + 1) // 2, (source.width + 1) // 2)
    if name != "stream.ts":  # its sound starts a moment before the picture, and time zero is the sound's start
        base = clip.time_base or factory._time_base(clip)
        expected = [float(t * base) * 1000 for t in factory.frame_times(clip)]
        assert [p.time_ms for p in seen] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("name", ["plain.mp4", "variable_rate.mkv", "mpeg4_part2.mp4", "stream.ts", "odd_size.mkv"])
def test_any_range_reads_as_in_the_whole(tmp_path: Path, name: str) -> None:
    source = VideoSource(factory.make(tmp_path, name))
    whole = list(source.frames())
    for start, stop in ((0, 3), (1, 4), (24, 27), (25, 26), (37, 99), (50, 60), (7, 7)):
        part = list(source.frames(start, stop))
        assert [p.number for p in part] == list(range(start, min(stop, 50)))
        for picture in part:
            assert picture.time_ms == whole[picture.number].time_ms
            assert np.array_equal(picture.y, whole[picture.number].y)


def test_planes_are_the_decoders_own_bytes(tmp_path: Path) -> None:
    path = factory.make(tmp_path, "plain.mp4")
    with av.open(str(path)) as container:
        for frame, picture in zip(container.decode(video=0), VideoSource(path).frames(), strict=True):
            planes = frame.to_ndarray(format="yuv420p")
            assert np.array_equal(planes[: frame.height], picture.y)
            assert np.array_equal(planes[frame.height :].reshape(2, *picture.u.shape)[0], picture.u)


@pytest.mark.parametrize(("name", "tolerance"), [("plain.mp4", 8), ("full_range.mp4", 8), ("tagged_709.mp4", 8),
                                                 ("rotated_90.mp4", 8), ("ten_bit.mp4", 8)])
def test_rgb_uses_the_files_matrix_and_range(tmp_path: Path, name: str, tolerance: int) -> None:
    path = factory.make(tmp_path, name, matrix=factory.CLIPS[name].matrix)
    picture = next(VideoSource(path).frames(5, 6))
    with av.open(str(path)) as container:
        frame = [f for _, f in zip(range(6), container.decode(video=0), strict=False)][5]
        matrix = int(frame.colorspace) if int(frame.colorspace) in (1, 5, 6, 9) else 6
        reference = frame.reformat(format="rgb24", src_colorspace=matrix,
                                   src_color_range=2 if picture.full_range else 1).to_ndarray(format="rgb24")
    reference = np.rot90(reference, round(factory.CLIPS[name].rotation / 90) % 4)
    error = np.abs(picture.rgb()[4:-20, 4:-4].astype(int) - reference[4:-20, 4:-4])
    assert error.mean() < 2 and np.percentile(error, 99) < tolerance


@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("full_range", [False, True])
def test_black_white_and_grey_stay_neutral(matrix: int, full_range: bool) -> None:
    to_rgb = yuv_to_rgb_matrix(matrix, full_range)
    black, white = (0, 255) if full_range else (16, 235)
    for luma, level in ((black, 0), (white, 255)):
        assert to_rgb @ [luma, 128, 128, 1] == pytest.approx([level] * 3, abs=1e-6)


def test_regions_are_cut_from_the_whole() -> None:
    generator = np.random.default_rng(1)
    planes = [generator.integers(0, 256, shape).astype(np.uint8) for shape in ((33, 41), (17, 21), (17, 21))]
    picture = Picture(0, 0.0, *planes)
    whole = picture.rgb()
    assert whole.shape == (33, 41, 3)
    inner = picture.rgb_region(6, 8, 12, 14)
    # Chroma is interpolated from inside the region, so its rim may differ.
    assert np.array_equal(inner[2:-2, 2:-2], whole[8:16, 10:20])
    odd = picture.rgb_region(7, 9, 11, 13)
    assert np.array_equal(odd[2:-2, 2:-2], whole[9:16, 11:20])
    with pytest.raises(ValueError, match="leaves the picture"):
        picture.rgb_region(30, 0, 10, 10)


def test_warp_shows_what_the_map_says() -> None:
    y, x = np.mgrid[0:400, 0:400].astype(np.float32)
    smooth = (127 + 100 * np.sin(x / 60) * np.cos(y / 70)).astype(np.uint8)
    picture = Picture(0, 0.0, smooth, *(np.full((200, 200), 128, np.uint8) for _ in range(2)), full_range=True)
    for scale in (1.0, 0.5, 0.21):
        matrix = np.array([[scale, 0, -100 * scale], [0, scale, -120 * scale]])
        crop = picture.warp_rgb(matrix, 40, 40)[..., 0].astype(float)
        at = np.arange(40) / scale
        expected = 127 + 100 * np.sin((100 + at[None]) / 60) * np.cos((120 + at[:, None]) / 70)
        assert np.abs(crop - expected)[1:-1, 1:-1].max() < 3


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    half = list(VideoSource(factory.truncated_middle(tmp_path)).frames())
    assert 5 < len(half) < 50 and [factory.read_number(p.y) for p in half] == list(range(len(half)))
    with pytest.raises(VideoError):
        VideoSource(factory.truncated_index(tmp_path))
    with pytest.raises(VideoError):
        VideoSource(tmp_path / "missing.mp4")
    with pytest.raises(VideoError, match="no video stream"):
        VideoSource(factory.make(tmp_path, "sound.mp4", has_video=False))
