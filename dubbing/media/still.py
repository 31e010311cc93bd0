"""A picture made into a video that stands still: what a talking head from one photograph starts from."""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av

from dubbing.errors import MediaError
from dubbing.media.atomic import replacing
from dubbing.media.native_log import mute_ffmpeg

if TYPE_CHECKING:
    from PIL import Image

Report = Callable[[float, float, str], None]

RATE = 25
_LONGEST_SIDE, _SHORTEST_SIDE = 1920, 16
#: Larger files than any camera's are not unpacked: a small file may hold a picture that fills the memory.
_MOST_PIXELS = 300_000_000
#: What Pillow raises for files that are damaged or something else.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error)


def still_video(picture: Path, seconds: float, out: Path, *, report: Report | None = None) -> Path:
    """Write ``seconds`` or up to a frame more of ``picture`` to the MP4 ``out``, at 25 frames a second.

    The picture stands upright as its EXIF data says, on white where it is transparent, at most 1920 pixels long, with
    even sides. Raises MediaError when it cannot be read, StorageError when ``out`` cannot be written.
    """
    frame = av.VideoFrame.from_image(_upright(Path(picture)))
    height, width = frame.height, frame.width
    frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
    count = max(math.ceil(seconds * RATE - 1e-6), 1)
    mute_ffmpeg()
    with replacing(out) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.color_range, stream.codec_context.colorspace = 1, 1
        stream.codec_context.color_primaries, stream.codec_context.color_trc = 1, 1
        stream.options = {"preset": "veryfast", "crf": "12", "g": str(10 * RATE)}
        for number in range(count):
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
            if report is not None:
                report(number + 1, count, "Making a video of the picture")
        container.mux(stream.encode(None))
    return out


def _upright(path: Path) -> Image.Image:
    """The first picture of a file as RGB with even sides, turned as its EXIF says, on white where transparent."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                size = opened.size
                if size[0] * size[1] <= _MOST_PIXELS:
                    picture = _eight_bit(opened)
                    ImageOps.exif_transpose(picture, in_place=True)
    except FileNotFoundError as error:
        raise MediaError(f"There is no file {path}.", "Check the name.") from error
    except Image.DecompressionBombError:
        size = (_MOST_PIXELS, 2)
    except _BROKEN as error:
        raise MediaError(f"{path.name} cannot be read as a picture.", "Give a PNG or JPEG file.") from error
    if size[0] * size[1] > _MOST_PIXELS:
        raise MediaError(f"{path.name} is too large: it has more than {_MOST_PIXELS // 1_000_000} million pixels.",
                         f"Shrink it: {_LONGEST_SIDE} pixels at its longer side are enough.")
    if min(size) < _SHORTEST_SIDE:
        raise MediaError(f"{path.name} is too small: {size[0]}x{size[1]} pixels.", "Give a larger picture of the face.")
    return _fitted(picture)


def _eight_bit(opened: Image.Image) -> Image.Image:
    """RGB or RGBA; 16-bit grey keeps its range, which Pillow would clip. EXIF data stays."""
    from PIL import Image

    picture = opened
    if opened.mode.startswith("I"):
        picture = Image.eval(opened.convert("I"), lambda level: level / 256).convert("L")
        picture.info["exif"] = opened.getexif().tobytes()
    return picture.convert("RGBA" if opened.has_transparency_data else "RGB")


def _fitted(picture: Image.Image) -> Image.Image:
    from PIL import Image

    scale = min(1.0, _LONGEST_SIDE / max(picture.size))
    width, height = (max(int(side * scale) // 2 * 2, 2) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if picture.mode == "RGB":
        return picture
    ground = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(ground, picture).convert("RGB")
