"""A line's moments as small videos: the dub, and original and dub side by side around the mouth."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from dubbing.media.audio import Sound, converted, rechunked
from dubbing.media.excerpt import pictures_between
from dubbing.media.native_log import mute_ffmpeg
from dubbing.media.paste import paste_all
from dubbing.media.patches import PatchSource
from dubbing.media.probe import find_video, open_media
from dubbing.media.proxy import RATE, TIME_BASE, add_picture, add_sound, stereo_frame
from dubbing.media.shrink import Box, Shrinker, beside

#: Lines of a clip, and of each half of a comparison.
LINES, HALF_LINES = 540, 480
CRF = 20
#: How much of the picture around repainted mouths is seen in a comparison, in sizes of a mouth.
_AROUND = 1.5


@dataclass(frozen=True, slots=True)
class Moments:
    """What a clip shows: the video from ``start_ms`` to ``end_ms`` with ``sound`` [channels, samples] of ``rate``."""

    video: Path
    start_ms: float
    end_ms: float
    sound: Sound
    rate: int
    layout: str


def write_clips(moments: Moments, patches: PatchSource, around: Box | None, clip: Path, side: Path) -> int:
    """Write the dub to the MP4 ``clip`` and original and dub side by side to ``side``; returns how many frames.

    around: what is seen in the comparison; None for the whole picture. Both begin at 0 ms.
    """
    mute_ffmpeg()
    with open_media(moments.video) as container:
        stream = find_video(container)
        assert stream is not None
        ratio, rate = stream.sample_aspect_ratio or Fraction(1), stream.average_rate or Fraction(25)
    whole: _Writer | None = None
    half: _Writer | None = None
    count = 0
    with ExitStack() as stack:
        for shown in pictures_between(moments.video, moments.start_ms, moments.end_ms):
            frame = shown.frame
            if whole is None or half is None:
                shrinkers = Shrinker(frame, ratio, LINES), Shrinker(frame, ratio, HALF_LINES, around)
                whole = stack.enter_context(_Writer(clip, shrinkers[0], 1, rate, moments))
                half = stack.enter_context(_Writer(side, shrinkers[1], 2, rate, moments))
            before = half.shrinker.shrink(frame)
            patches.skip(shown.number)
            pasted = patches.take(shown.number)
            if pasted:
                paste_all(frame, pasted, whole.shrinker.turns)
            after = half.shrinker.shrink(frame) if pasted else before
            time_ms = max(shown.time_ms - moments.start_ms, 0.0)
            whole.write(whole.shrinker.shrink(frame), time_ms)
            half.write(beside(before, after), time_ms)
            count += 1
    return count


def around_mouths(boxes: Sequence[tuple[int, int, int, int]], height: int, width: int) -> Box | None:
    """A square of the upright picture around mouth patches (left, top, height, width); None without any."""
    if not boxes:
        return None
    table = np.array(boxes)
    left, top = table[:, 0].min(), table[:, 1].min()
    right, bottom = (table[:, 0] + table[:, 3]).max(), (table[:, 1] + table[:, 2]).max()
    side = int(min(max(right - left, bottom - top, _AROUND * float(np.median(table[:, 2:].max(axis=1)))),
                   height, width)) // 2 * 2
    middle_y, middle_x = int(top + bottom) // 2, int(left + right) // 2
    return Box(min(max(middle_y - side // 2, 0), height - side) // 2 * 2,
               min(max(middle_x - side // 2, 0), width - side) // 2 * 2, side, side)


class _Writer:
    """One small MP4 in progress; the sound is written as the pictures come."""

    def __init__(self, path: Path, shrinker: Shrinker, across: int, rate: Fraction, moments: Moments) -> None:
        self.shrinker = shrinker
        self._made: Any = av.open(str(path), "w", format="mp4", container_options={"movflags": "+faststart"})
        self._picture = add_picture(self._made, shrinker.height, across * shrinker.width, rate, CRF)
        self._track = add_sound(self._made)
        self._sound = _stereo(moments)
        self._at = 0
        self._last = -1

    def __enter__(self) -> _Writer:
        return self

    def write(self, frame: av.VideoFrame, time_ms: float) -> None:
        self._last = max(self._last + 1, round(time_ms * 90))
        frame.pts, frame.time_base = self._last, TIME_BASE
        self._made.mux(self._picture.encode(frame))
        self._play(round((time_ms + 500) * RATE / 1000))

    def _play(self, until: int) -> None:
        while self._at < min(until, self._sound.shape[1]):
            block = np.ascontiguousarray(self._sound[:, self._at : self._at + 1024])
            self._made.mux(self._track.encode(stereo_frame(block, self._at)))
            self._at += block.shape[1]

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is None:
            self._play(self._sound.shape[1])
            for stream in (self._picture, self._track):
                self._made.mux(stream.encode(None))
        self._made.close()


def _stereo(moments: Moments) -> Sound:
    """The sound as stereo at the clips' rate."""
    from av import AudioResampler

    from dubbing.media.audio import packed, unpacked

    if not moments.sound.shape[1]:
        return np.zeros((2, 0), np.float32)
    frame = packed(moments.sound, moments.layout)
    frame.sample_rate, frame.pts = moments.rate, 0
    resampler = AudioResampler(format="flt", layout="stereo", options={"rematrix_maxval": "1.0"})
    stereo = np.concatenate([unpacked(part) for part in [*resampler.resample(frame), *resampler.resample(None)]],
                            axis=1)
    if moments.rate == RATE:
        return stereo
    return np.concatenate(list(converted(rechunked([stereo], 48_000), moments.rate, RATE, "stereo")), axis=1)
