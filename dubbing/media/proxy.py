"""A copy of a video that every browser plays: H.264 and AAC in an MP4, at most 1080 lines, upright, square pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from dubbing.media import audio
from dubbing.media.atomic import replacing
from dubbing.media.formats import LINES
from dubbing.media.native_log import mute_ffmpeg
from dubbing.media.probe import clock_zero, find_video, open_media
from dubbing.media.shrink import Shrinker

Report = Callable[[float, float, str], None]

#: A key frame at least so often (s), so that a click on a line is answered at once.
_KEY_S = 2
TIME_BASE = Fraction(1, 90_000)
RATE, CRF = 48_000, 22
_BITS = 128_000


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
    shrinker: Shrinker | None = None
    target = track = None
    ahead = next(sound, None)
    last = -1
    for number, frame in enumerate(_pictures(container, stream)):
        if shrinker is None:
            shrinker = Shrinker(frame, ratio, lines)
            rate = stream.average_rate or Fraction(25)
            target = add_picture(made, shrinker.height, shrinker.width, rate, CRF)
            track = add_sound(made) if has_sound else None
        time = Fraction(frame.pts or 0) * stream.time_base - zero
        picture = shrinker.shrink(frame)
        last = max(last + 1, round(time / TIME_BASE))
        picture.pts, picture.time_base = last, TIME_BASE
        made.mux(target.encode(picture))
        while ahead is not None and track is not None and ahead.pts <= (time + Fraction(1, 2)) * RATE:
            made.mux(track.encode(ahead))
            ahead = next(sound, None)
        report(number + 1)
    while ahead is not None and track is not None:
        made.mux(track.encode(ahead))
        ahead = next(sound, None)
    for finished in (target, track):
        if finished is not None:
            made.mux(finished.encode(None))


def add_picture(made: Any, height: int, width: int, rate: Fraction, crf: int) -> Any:
    """An H.264 stream as every browser plays it; its frames' times are in ``TIME_BASE``."""
    target = made.add_stream("libx264", rate=rate)
    target.height, target.width, target.pix_fmt = height, width, "yuv420p"
    target.codec_context.time_base = TIME_BASE
    target.options = {"preset": "veryfast", "crf": str(crf), "g": str(max(1, round(_KEY_S * rate)))}
    return target


def add_sound(made: Any) -> Any:
    """A stereo AAC stream of ``RATE`` samples a second."""
    track = made.add_stream("aac", rate=RATE, layout="stereo")
    track.bit_rate = _BITS
    return track


def _pictures(container: Any, stream: Any) -> Iterator[av.VideoFrame]:
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except (av.error.InvalidDataError, av.error.EOFError):
            continue


def _sound(source: Path) -> Iterator[av.AudioFrame]:
    """The first sound track in frames that an encoder takes, from time zero on."""
    done = 0
    for block in audio.blocks(source, sample_rate=RATE, layout="stereo", block_samples=1024):
        yield stereo_frame(block, done)
        done += block.shape[1]


def stereo_frame(block: audio.Sound, at: int) -> av.AudioFrame:
    """[2, samples] that begin at sample ``at``, for the stream of ``add_sound``."""
    frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
    return frame
