"""A picture made into a video that stands still: what a talking head from one photograph starts from."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import av.error

from dubbing.errors import MediaError
from dubbing.media.atomic import replacing
from dubbing.media.native_log import mute_ffmpeg

Report = Callable[[float, float, str], None]

RATE = 25
_LONGEST_SIDE = 1920


def still_video(picture: Path, seconds: float, out: Path, *, report: Report | None = None) -> Path:
    """Write ``seconds`` of ``picture`` to the MP4 ``out`` at 25 frames a second; larger ones shrink to 1920 pixels.

    Raises MediaError when the picture cannot be read.
    """
    frame = _upright(Path(picture))
    scale = min(1.0, _LONGEST_SIDE / max(frame.width, frame.height))
    width, height = (max(int(side * scale) // 2 * 2, 2) for side in (frame.width, frame.height))
    frame = frame.reformat(width, height, "yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
    count = max(round(seconds * RATE), 1)
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


def _upright(path: Path) -> av.VideoFrame:
    """The first picture of a file as RGB, turned as its EXIF says, on white where it is transparent."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    mute_ffmpeg()
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except FileNotFoundError as error:
        raise MediaError(f"{path} does not exist.", "Check the name.") from error
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise MediaError(f"{path.name} cannot be read as a picture.", "Give a PNG or JPEG file.") from error
    ground = Image.new("RGBA", upright.size, "white")
    return av.VideoFrame.from_image(Image.alpha_composite(ground, upright).convert("RGB"))
