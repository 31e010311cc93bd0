"""Single pictures of a video, upright and with square pixels: posters and contact sheets."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import av.error
import numpy as np
import numpy.typing as npt

from dubbing.errors import MediaError
from dubbing.media.atomic import replacing
from dubbing.media.probe import clock_zero, find_video, open_media

Rgb = npt.NDArray[np.uint8]

# H.273 matrix numbers to those of FFmpeg's scaler.
_SCALER_MATRIX = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}


#: How much earlier a seek is tried when it landed too late; None: from the very beginning.
_STEPS_BACK_S = (0, 3, 12, None)


def frame_at(path: Path, time_ms: float, longest_side: int | None = None) -> Rgb:
    """The picture that is shown at ``time_ms`` of the file's clock, uint8 [height, width, 3].

    Before the first picture the first one, after the last the last. ``longest_side`` shrinks it to fit.
    Raises MediaError when there is no picture that can be decoded.
    """
    with open_media(path) as container:
        stream = find_video(container)
        if stream is None or stream.codec_context is None:
            raise MediaError(f"{Path(path).name} has no video that can be decoded.", "Give a video file.")
        wanted = Fraction(round(max(time_ms, 0.0) * 1000), 1_000_000) + clock_zero(container)
        index = container.streams.video.index(stream)
        sample_aspect_ratio = stream.sample_aspect_ratio or Fraction(1)
    frame = _seek(Path(path), index, wanted)
    if frame is None:
        raise MediaError(f"The pictures of {Path(path).name} cannot be decoded.", "Convert the file first.")
    return upright_rgb(frame, sample_aspect_ratio, longest_side)


def is_interlaced(path: Path, pictures: int = 8) -> bool:
    """Whether the first pictures of a video are mostly interlaced. Raises MediaError."""
    with open_media(path) as container:
        stream = find_video(container)
        if stream is None or stream.codec_context is None:
            return False
        try:
            found = [frame.interlaced_frame for frame in islice(container.decode(stream), pictures)]
        except av.error.FFmpegError:
            return False
    return bool(found) and 2 * sum(found) > len(found)


def write_picture(path: Path, out: Path, time_ms: float = 0.0, longest_side: int | None = None) -> tuple[int, int]:
    """Write ``frame_at`` as PNG to ``out``; returns height and width. StorageError when it cannot be written."""
    picture = frame_at(path, time_ms, longest_side)
    with replacing(Path(out)) as temporary:
        temporary.write_bytes(png_bytes(picture))
    return picture.shape[0], picture.shape[1]


def png_bytes(picture: Rgb) -> bytes:
    """uint8 [height, width, 3] as a PNG file's content."""
    encoder = av.CodecContext.create("png", "w")
    encoder.height, encoder.width, encoder.pix_fmt = picture.shape[0], picture.shape[1], "rgb24"
    encoder.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def upright_rgb(frame: av.VideoFrame, sample_aspect_ratio: Fraction = Fraction(1),
                longest_side: int | None = None) -> Rgb:
    """A decoded frame as it is meant to be seen: square pixels, upright, 8-bit RGB.

    Untagged colours are taken as players do: BT.709 for HD, BT.601 below. HDR is not tone-mapped.
    """
    height, width = frame.height, round(frame.width * sample_aspect_ratio)
    if longest_side and max(height, width) > longest_side:
        scale = longest_side / max(height, width)
        height, width = max(1, round(height * scale)), max(1, round(width * scale))
    is_large = max(frame.height, frame.width) >= 1280 or min(frame.height, frame.width) > 576
    matrix = _SCALER_MATRIX.get(int(frame.colorspace), 1 if is_large else 5)
    is_full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")
    turns = round(frame.rotation / 90) % 4
    picture = frame.reformat(width, height, "rgb24", src_colorspace=matrix, src_color_range=2 if is_full else 1,
                             dst_color_range=2, interpolation="AREA" if width < frame.width else "BICUBIC")
    return np.ascontiguousarray(np.rot90(picture.to_ndarray(), turns))


def _seek(path: Path, index: int, wanted: Fraction) -> av.VideoFrame | None:
    """The last frame that begins at or before ``wanted`` seconds, else the first there is.

    A seek may land behind what it was asked for (MPEG-TS has no index): then it asks for an earlier time.
    """
    for back in _STEPS_BACK_S:
        with open_media(path) as container:
            stream = container.streams.video[index]
            stream.thread_type = "AUTO"
            if back is not None:
                try:
                    container.seek(round((wanted - back) / stream.time_base), stream=stream, backward=True)
                except av.error.FFmpegError:
                    continue
            found = _last_until(container, stream, wanted, must_begin_before=back is not None)
            if found is not None:
                return found
    return None


def _last_until(container: av.container.InputContainer, stream: av.VideoStream, wanted: Fraction, *,
                must_begin_before: bool) -> av.VideoFrame | None:
    found = None
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        except av.error.EOFError:
            break
        for frame in frames:
            is_later = frame.pts is not None and frame.pts * stream.time_base > wanted
            if found is None and is_later:
                return None if must_begin_before else frame
            if is_later:
                return found
            found = frame
    return found
