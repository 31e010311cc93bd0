"""A copy of a video that every browser plays: H.264 and AAC in an MP4, at most 1080 lines, upright, square pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from dubbing.media import audio
from dubbing.media.atomic import replacing
from dubbing.media.formats import LINES
from dubbing.media.native_log import mute_ffmpeg
from dubbing.media.probe import clock_zero, find_video, open_media

Report = Callable[[float, float, str], None]

#: A key frame at least so often (s), so that a click on a line is answered at once.
_KEY_S = 2
_TIME_BASE = Fraction(1, 90_000)
_RATE, _BITS = 48_000, 128_000


def fitted(height: int, width: int, lines: int) -> tuple[int, int]:
    """Even (height, width) of the same shape whose shorter side has at most ``lines``."""
    scale = min(1.0, lines / min(height, width))
    return max(2, round(height * scale / 2) * 2), max(2, round(width * scale / 2) * 2)


def write_proxy(source: Path, out: Path, report: Report, *, lines: int = LINES) -> None:
    """Write a copy of ``source`` for browsers. Every picture keeps its time; sound is mixed down to stereo.

    Raises MediaError when it cannot be read, StorageError when ``out`` cannot be written.
    """
    mute_ffmpeg()
    with replacing(out) as temporary, open_media(source) as container:
        stream = find_video(container)
        assert stream is not None
        stream.thread_type = "AUTO"
        has_sound = bool(container.streams.audio) and container.streams.audio[0].codec_context is not None
        total = stream.frames or round((container.duration or 0) / 1e6 * float(stream.average_rate or 25))
        with av.open(str(temporary), "w", format="mp4", container_options={"movflags": "+faststart"}) as made:
            _write(made, container, stream, _sound(source) if has_sound else iter(()), has_sound, lines,
                   lambda done: report(done, max(total, done), "Making a copy for browsers"))


def _write(made: Any, container: Any, stream: Any, sound: Iterator[av.AudioFrame], has_sound: bool, lines: int,
           report: Callable[[int], None]) -> None:
    zero, ratio = clock_zero(container), stream.sample_aspect_ratio or Fraction(1)
    target = track = None
    ahead = next(sound, None)
    last = -1
    for number, frame in enumerate(_pictures(container, stream)):
        turns = round(frame.rotation / 90) % 4
        if target is None:
            target, track = _streams(made, frame, turns, ratio, stream, has_sound, lines)
        time = Fraction(frame.pts or 0) * stream.time_base - zero
        picture = _upright(frame, target, turns)
        last = max(last + 1, round(time / _TIME_BASE))
        picture.pts, picture.time_base = last, _TIME_BASE
        made.mux(target.encode(picture))
        while ahead is not None and ahead.pts / _RATE <= time + Fraction(1, 2):
            made.mux(track.encode(ahead))
            ahead = next(sound, None)
        report(number + 1)
    while ahead is not None and track is not None:
        made.mux(track.encode(ahead))
        ahead = next(sound, None)
    for finished in (target, track):
        if finished is not None:
            made.mux(finished.encode(None))


def _pictures(container: Any, stream: Any) -> Iterator[av.VideoFrame]:
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except (av.error.InvalidDataError, av.error.EOFError):
            continue


def _streams(made: Any, frame: av.VideoFrame, turns: int, ratio: Fraction, stream: Any, has_sound: bool,
             lines: int) -> tuple[Any, Any]:
    height, width = fitted(frame.height, max(2, round(frame.width * ratio)), lines)
    rate = stream.average_rate or Fraction(25)
    target = made.add_stream("libx264", rate=rate)
    target.height, target.width = (width, height) if turns % 2 else (height, width)
    target.pix_fmt, target.codec_context.time_base = "yuv420p", _TIME_BASE
    target.options = {"preset": "veryfast", "crf": "22", "g": str(max(1, round(_KEY_S * rate)))}
    track = None
    if has_sound:
        track = made.add_stream("aac", rate=_RATE, layout="stereo")
        track.bit_rate = _BITS
    return target, track


def _upright(frame: av.VideoFrame, target: Any, turns: int) -> av.VideoFrame:
    """The frame at the copy's size, turned upright, in 8-bit 4:2:0 of limited range."""
    height, width = (target.width, target.height) if turns % 2 else (target.height, target.width)
    is_full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")
    small = frame.reformat(width, height, "yuv420p", src_color_range=2 if is_full else 1, dst_color_range=1)
    if not turns:
        return small
    whole = small.to_ndarray()
    y, u, v = whole[:height], *whole[height:].reshape(2, height // 2, width // 2)
    planes = [np.ascontiguousarray(np.rot90(plane, turns)) for plane in (y, u, v)]
    flat = np.concatenate([plane.reshape(-1) for plane in planes]).reshape(target.height * 3 // 2, target.width)
    return av.VideoFrame.from_ndarray(flat, format="yuv420p")


def _sound(source: Path) -> Iterator[av.AudioFrame]:
    """The first sound track in frames that an encoder takes, from time zero on."""
    done = 0
    for block in audio.blocks(source, sample_rate=_RATE, layout="stereo", block_samples=1024):
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = _RATE, done, Fraction(1, _RATE)
        done += block.shape[1]
        yield frame
