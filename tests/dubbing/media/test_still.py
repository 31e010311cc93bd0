"""A picture of any kind becomes a video that stands still: upright, even, on white, as long as asked."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from dubbing.errors import MediaError, StorageError
from dubbing.media.probe import probe
from dubbing.media.still import still_video

RED, BLUE = (200, 30, 30), (30, 30, 200)


def halves(width: int = 160, height: int = 120) -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(BLUE, (width // 2, 0, width, height))
    return picture


def frames(video: Path) -> list[npt.NDArray[np.uint8]]:
    with av.open(str(video)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def close(pixel: npt.NDArray[np.uint8], colour: tuple[int, ...]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= 10)


def test_a_png_stands_still_for_the_time_asked_in_its_own_colours(tmp_path: Path) -> None:
    halves().save(tmp_path / "face.png")
    told: list[tuple[float, float]] = []
    out = still_video(tmp_path / "face.png", 1.21, tmp_path / "out.mp4", report=lambda d, t, _m: told.append((d, t)))
    shown = frames(out)
    assert len(shown) == 31 and told[-1] == (31, 31), "rounded up: no sound is cut off"
    assert shown[0].shape == (120, 160, 3)
    assert close(shown[0][60, 20], RED) and close(shown[0][60, 140], BLUE)
    assert all(np.abs(shown[0].astype(int) - later).max() <= 6 for later in shown[1:])
    video = probe(out).video
    assert video is not None and not video.is_variable_rate and video.frame_rate == 25
    assert (video.colour_space, video.colour_range, video.duration_ms) == ("bt709", "limited", 1240)


@pytest.mark.parametrize(("orientation", "first"), [(1, RED), (3, BLUE), (6, RED), (8, RED)])
def test_a_jpeg_is_turned_as_its_exif_says(orientation: int, first: tuple[int, ...], tmp_path: Path) -> None:
    """Orientation 6: what was stored on the left is shown at the top; 8: at the bottom."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    halves().save(tmp_path / "face.jpg", exif=exif, quality=95, subsampling=0)
    shown = frames(still_video(tmp_path / "face.jpg", 0.1, tmp_path / "out.mp4"))[0]
    turned = orientation in (6, 8)
    assert shown.shape == ((160, 120, 3) if turned else (120, 160, 3))
    corner = shown[-10, 10] if orientation == 8 else shown[10, 10]
    assert close(corner, first), corner


def test_a_transparent_picture_lies_on_white(tmp_path: Path) -> None:
    picture = halves().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 80, 120))
    picture.save(tmp_path / "face.png")
    shown = frames(still_video(tmp_path / "face.png", 0.1, tmp_path / "out.mp4"))[0]
    assert close(shown[60, 20], (255, 255, 255)) and close(shown[60, 140], BLUE)


def test_palette_transparency_and_grey_with_alpha_too(tmp_path: Path) -> None:
    picture = Image.new("P", (64, 64), 0)
    picture.putpalette([*RED, *BLUE])
    picture.paste(1, (32, 0, 64, 64))
    picture.save(tmp_path / "p.png", transparency=0)
    shown = frames(still_video(tmp_path / "p.png", 0.1, tmp_path / "p.mp4"))[0]
    assert close(shown[32, 8], (255, 255, 255)) and close(shown[32, 56], BLUE)
    Image.new("LA", (64, 64), (90, 255)).save(tmp_path / "la.png")
    assert close(frames(still_video(tmp_path / "la.png", 0.1, tmp_path / "la.mp4"))[0][32, 32], (90, 90, 90))


def test_sixteen_bit_grey_keeps_its_range(tmp_path: Path) -> None:
    levels = np.repeat(np.linspace(0, 65535, 128).astype(np.uint16)[None], 64, axis=0)
    Image.fromarray(levels).save(tmp_path / "grey.png")
    shown = frames(still_video(tmp_path / "grey.png", 0.1, tmp_path / "out.mp4"))[0]
    assert np.abs(shown[32, :, 0].astype(int) - levels[32] // 257).max() <= 6


def test_cmyk_and_the_first_picture_of_an_animation(tmp_path: Path) -> None:
    halves().convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    assert close(frames(still_video(tmp_path / "print.jpg", 0.1, tmp_path / "a.mp4"))[0][60, 20], RED)
    halves().save(tmp_path / "two.gif", save_all=True, append_images=[Image.new("RGB", (160, 120), "black")])
    assert close(frames(still_video(tmp_path / "two.gif", 0.1, tmp_path / "b.mp4"))[0][60, 20], RED)


@pytest.mark.parametrize(("size", "becomes"), [((161, 121), (160, 120)), ((4001, 3001), (1920, 1440)),
                                               ((1200, 4000), (576, 1920)), ((12000, 16), (1920, 2)),
                                               ((16, 16), (16, 16))])
def test_sides_become_even_and_no_longer_than_1920(size: tuple[int, int], becomes: tuple[int, int],
                                                   tmp_path: Path) -> None:
    halves(*size).save(tmp_path / "face.png")
    shown = frames(still_video(tmp_path / "face.png", 0.08, tmp_path / "out.mp4"))
    assert len(shown) == 2 and shown[0].shape == (becomes[1], becomes[0], 3)
    assert close(shown[0][becomes[1] // 2, becomes[0] // 8], RED), "nothing is cut off"


def test_a_picture_of_a_large_camera_is_no_bomb(tmp_path: Path) -> None:
    """Ninety-six million pixels: above the size at which Pillow starts to warn."""
    Image.new("L", (12_000, 8_000), 120).save(tmp_path / "large.png", compress_level=1)
    shown = frames(still_video(tmp_path / "large.png", 0.04, tmp_path / "out.mp4"))
    assert shown[0].shape == (1280, 1920, 3) and close(shown[0][0, 0], (120, 120, 120))


def png_that_says(width: int, height: int) -> bytes:
    """The beginning of a PNG file of any size, with little in it."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 999)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def damaged(folder: Path) -> Path:
    halves().save(folder / "whole.png")
    data = (folder / "whole.png").read_bytes()
    (folder / "cut.png").write_bytes(data[: len(data) // 2])
    return folder / "cut.png"


def wrote(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    broken_chunk = bytearray(png_that_says(40, 40))
    broken_chunk[30] ^= 255
    for path, says in [(tmp_path / "nothing.png", "no file"), (tmp_path, "cannot be read"),
                       (wrote(tmp_path / "empty.png", b""), "cannot be read"),
                       (wrote(tmp_path / "text.jpg", b"a letter\n" * 99), "cannot be read"),
                       (wrote(tmp_path / "chunk.png", bytes(broken_chunk)), "cannot be read"),
                       (damaged(tmp_path), "cannot be read"),
                       (wrote(tmp_path / "bomb.png", png_that_says(60_000, 60_000)), "too large"),
                       (wrote(tmp_path / "big.png", png_that_says(18_000, 17_000)), "too large"),
                       (wrote(tmp_path / "dot.png", png_that_says(8, 900)), "too small")]:
        with pytest.raises(MediaError, match=says) as told:
            still_video(path, 1.0, tmp_path / "out.mp4")
        assert told.value.hint
        assert not (tmp_path / "out.mp4").exists()


def test_where_nothing_can_be_written_it_is_said(tmp_path: Path) -> None:
    halves().save(tmp_path / "face.png")
    with pytest.raises(StorageError):
        still_video(tmp_path / "face.png", 0.1, tmp_path / "face.png" / "out.mp4")
