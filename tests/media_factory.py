"""Small media files with known properties, made on the spot.

Pictures: a colour gradient that moves, with the frame's number coded in a row of black and white squares along the
bottom (``read_number``), so that a test can tell which frame it sees after any amount of encoding.
Sound: clicks at known times over a quiet tone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags

#: Seconds into the file at which the sound clicks.
CLICKS_S = (0.25, 0.9, 1.5)
_SQUARE, _BITS = 16, 8


@dataclass(frozen=True)
class Clip:
    """What to make. Frame ``i`` is shown at ``times[i]`` ticks of ``time_base`` (or ``i / rate`` without times)."""

    height: int = 144
    width: int = 192
    rate: Fraction = Fraction(25)
    frames: int = 50
    times: tuple[int, ...] | None = None
    time_base: Fraction | None = None
    start_s: Fraction = Fraction(0)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    rotation: int = 0
    sample_aspect_ratio: Fraction = Fraction(1)
    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    colour_range: int = 0
    options: dict[str, str] = field(default_factory=lambda: {"preset": "ultrafast", "crf": "12", "bf": "2",
                                                             "b-pyramid": "none"})
    sound: str | None = "clicks"
    sample_rate: int = 48_000
    layout: str = "stereo"
    sound_codec: str = "aac"
    sound_start_s: Fraction = Fraction(0)
    sound_language: str = "eng"
    has_video: bool = True
    faststart: bool = True

    @property
    def duration_s(self) -> float:
        return float(self.frames / self.rate)


#: Every kind of file that is to be dubbed, by name; the suffix chooses the container.
CLIPS: dict[str, Clip] = {
    "plain.mp4": Clip(),
    "plain.mov": Clip(),
    "plain.mkv": Clip(),
    "film_rate.mp4": Clip(rate=Fraction(24000, 1001)),
    "ntsc_rate.mp4": Clip(rate=Fraction(30000, 1001)),
    "film_rate.mkv": Clip(rate=Fraction(24000, 1001)),
    "variable_rate.mp4": Clip(times=tuple(np.cumsum([0] + [(3000, 3000, 6000, 1500, 4500)[i % 5] for i in range(49)])
                                          .tolist()), time_base=Fraction(1, 90000)),
    "variable_rate.mkv": Clip(times=tuple(np.cumsum([0] + [(33, 34, 66, 17, 50)[i % 5] for i in range(49)]).tolist()),
                              time_base=Fraction(1, 1000)),
    "rotated_90.mp4": Clip(rotation=90),
    "rotated_180.mp4": Clip(rotation=180),
    "rotated_270.mp4": Clip(rotation=-90),
    "rotated_90.mkv": Clip(rotation=90),
    "rotated_270.mov": Clip(rotation=-90),
    "wide_pixels.mp4": Clip(sample_aspect_ratio=Fraction(16, 15)),
    "narrow_pixels.mkv": Clip(sample_aspect_ratio=Fraction(15, 16)),
    "full_range.mp4": Clip(pixel_format="yuvj420p", colour_range=2, primaries=1, transfer=1, matrix=1),
    "tagged_709.mp4": Clip(colour_range=1, primaries=1, transfer=1, matrix=1),
    "tagged_601.mov": Clip(colour_range=1, primaries=6, transfer=6, matrix=6),
    "fine_chroma_444.mp4": Clip(pixel_format="yuv444p"),
    "fine_chroma_422.mkv": Clip(pixel_format="yuv422p"),
    "hdr_hlg.mp4": Clip(codec="libx265", pixel_format="yuv420p10le", primaries=9, transfer=18, matrix=9,
                        colour_range=1, options={"preset": "ultrafast", "crf": "12", "x265-params": "log-level=none"}),
    "hdr_pq.mkv": Clip(codec="libx265", pixel_format="yuv420p10le", primaries=9, transfer=16, matrix=9,
                       colour_range=1, options={
                           "preset": "ultrafast", "crf": "12",
                           "x265-params": "log-level=none:max-cll=1000,400:master-display=G(13250,34500)B(7500,3000)"
                                          "R(34000,16000)WP(15635,16450)L(10000000,1)"}),
    "ten_bit.mp4": Clip(pixel_format="yuv420p10le"),
    "mpeg4_part2.mp4": Clip(codec="mpeg4", options={"qscale": "2"}),
    "odd_size.mkv": Clip(height=145, width=193, codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8",
                                                                            "crf": "10", "b": "0"}),
    "late_picture.mp4": Clip(start_s=Fraction(1, 2)),
    "late_picture.mkv": Clip(start_s=Fraction(1, 2)),
    "late_sound.mp4": Clip(sound_start_s=Fraction(3, 10)),
    "late_sound.mkv": Clip(sound_start_s=Fraction(3, 10)),
    "surround.mp4": Clip(layout="5.1"),
    "mono_44k.mp4": Clip(layout="mono", sample_rate=44_100),
    "pcm_sound.mkv": Clip(sound_codec="pcm_s16le"),
    "no_audio.mp4": Clip(sound=None),
    "silence.mp4": Clip(sound="silence"),
    "music.mp4": Clip(sound="music"),
    "two_frames.mp4": Clip(frames=2, options={"preset": "ultrafast", "crf": "12"}),
    "stream.ts": Clip(),
}


def make(folder: Path, name: str, **changes: object) -> Path:
    """Write the clip ``name`` of CLIPS (with changed properties) into ``folder``; returns its path."""
    path = Path(folder) / name
    write_clip(path, replace(CLIPS.get(name, Clip()), **changes))  # type: ignore[arg-type]
    return path


def write_clip(path: Path, clip: Clip) -> None:
    """Write one clip; the suffix of ``path`` chooses the container."""
    options = {"movflags": "+faststart"} if clip.faststart and path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", container_options={"fflags": "+bitexact", **options}) as container:
        video = _add_video(container, clip) if clip.has_video else None
        audio = None
        if clip.sound:
            audio = container.add_stream(clip.sound_codec, rate=clip.sample_rate, layout=clip.layout)
            audio.metadata["language"] = clip.sound_language
            samples = sound(clip)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=clip.layout)
            frame.sample_rate, frame.time_base = clip.sample_rate, Fraction(1, clip.sample_rate)
            frame.pts = round(clip.sound_start_s * clip.sample_rate)
        if video is not None:
            base = video.codec_context.time_base
            times = frame_times(clip)
            for number in range(clip.frames):
                picture = av.VideoFrame.from_ndarray(_rgb(clip, number), format="rgb24")
                picture = picture.reformat(format=clip.pixel_format, dst_color_range=clip.colour_range or 1)
                picture.pts, picture.time_base = times[number], base
                picture.duration = (times[number + 1] if number + 1 < clip.frames else
                                    2 * times[number] - times[number - 1]) - times[number]
                container.mux(video.encode(picture))
            container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))


def frame_times(clip: Clip) -> list[int]:
    """Presentation times of a clip's frames in ticks of its time base."""
    base = _time_base(clip)
    start = round(clip.start_s / base)
    if clip.times is not None:
        return [start + t for t in clip.times[: clip.frames]]
    return [start + round(i / clip.rate / base) for i in range(clip.frames)]


def sound(clip: Clip) -> npt.NDArray[np.float32]:
    """float32 [channels, samples]: what a clip sounds like; channel 0 clicks at CLICKS_S, if it clicks."""
    count = round(clip.duration_s * clip.sample_rate)
    time = np.arange(count) / clip.sample_rate
    channels = av.AudioLayout(clip.layout).nb_channels
    if clip.sound == "silence":
        return np.zeros((channels, count), np.float32)
    if clip.sound == "music":
        chord = sum(np.sin(2 * np.pi * f * time) for f in (220.0, 277.2, 329.6)) / 6
        return np.tile(chord.astype(np.float32), (channels, 1))
    if clip.sound == "bursts":
        return np.tile(bursts(count, clip.sample_rate), (channels, 1))
    return np.tile(clicks(count, clip.sample_rate), (channels, 1))


def bursts(samples: int, sample_rate: int) -> npt.NDArray[np.float32]:
    """float32 [samples]: a buzz of 1.2 s in every 2.2 s, with the loudness of speech and silence between."""
    time = np.arange(samples) / sample_rate
    buzz = sum(np.sin(2 * np.pi * 130 * k * time) / k for k in range(1, 12)) * 0.15
    return (buzz * ((time % 2.2) < 1.2)).astype(np.float32)


def clicks(samples: int, sample_rate: int, at_s: Sequence[float] = CLICKS_S) -> npt.NDArray[np.float32]:
    """float32 [samples]: short bursts of noise that begin exactly at ``at_s``, over a quiet tone."""
    time = np.arange(samples) / sample_rate
    wave = 0.01 * np.sin(2 * np.pi * 300 * time)
    burst = np.random.default_rng(7).uniform(-0.8, 0.8, round(0.02 * sample_rate))
    for second in at_s:
        start = round(second * sample_rate)
        part = burst[: max(samples - start, 0)]
        wave[start : start + len(part)] += part
    return wave.astype(np.float32)


def read_number(luma: npt.NDArray[np.uint8]) -> int:
    """The frame number coded along the bottom of an upright [height, width] 8-bit picture."""
    row = luma[-_SQUARE // 2 - 2 : -_SQUARE // 2 + 2]
    bits = [row[:, i * _SQUARE + 5 : i * _SQUARE + 11].mean() > 127 for i in range(_BITS)]
    return sum(1 << i for i, bit in enumerate(bits) if bit)


def truncated_middle(folder: Path, name: str = "cut_middle.mp4") -> Path:
    """An MP4 with its index in front whose picture data stops half-way."""
    whole = make(folder, "plain.mp4", options={"preset": "ultrafast", "crf": "4"})
    path = Path(folder) / name
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return path


def truncated_index(folder: Path, name: str = "cut_index.mp4") -> Path:
    """An MP4 with its index at the end, which is missing."""
    whole = make(folder, "plain.mp4", faststart=False)
    path = Path(folder) / name
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return path


def _add_video(container: av.container.OutputContainer, clip: Clip) -> av.VideoStream:
    stream = container.add_stream(clip.codec, rate=clip.rate, options=dict(clip.options))
    context = stream.codec_context
    context.height, context.width, context.pix_fmt = clip.height, clip.width, clip.pixel_format
    context.time_base = _time_base(clip)
    context.thread_count = 1
    context.gop_size = 25
    if clip.codec == "mpeg4":
        context.flags |= Flags.qscale
        context.global_quality = 2 * 118
    else:
        context.flags |= Flags.frame_duration
    context.sample_aspect_ratio = clip.sample_aspect_ratio
    context.color_primaries, context.color_trc = clip.primaries, clip.transfer
    context.colorspace, context.color_range = clip.matrix, clip.colour_range
    if clip.rotation:
        stream.set_display_rotation(clip.rotation)
    return stream


def _time_base(clip: Clip) -> Fraction:
    if clip.time_base:
        return clip.time_base
    return 1 / clip.rate if clip.codec == "mpeg4" else Fraction(1, clip.rate.numerator * 512)


def _rgb(clip: Clip, number: int) -> npt.NDArray[np.uint8]:
    """uint8 [height, width, 3] as stored: the upright picture turned against the rotation."""
    turns = round(clip.rotation / 90) % 4
    height, width = (clip.width, clip.height) if turns % 2 else (clip.height, clip.width)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    picture = np.stack([
        127 + 90 * np.sin(x / 17 + number / 5), 127 + 90 * np.sin(y / 23 - number / 7), 127 + 90 * np.cos((x + y) / 29),
    ], axis=-1)
    picture[-_SQUARE:] = 16
    for bit in range(_BITS):
        if number >> bit & 1:
            picture[-_SQUARE:, bit * _SQUARE : (bit + 1) * _SQUARE] = 235
    return np.ascontiguousarray(np.rot90(np.clip(picture, 0, 255).astype(np.uint8), -turns))
