"""What is in a media file, found without decoding it, and why a file cannot be dubbed.

Only the container's index or its packet headers are read, and one picture is decoded: probing an hour
of MP4 takes a fraction of a second.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from dubbing.errors import MediaError
from dubbing.media.native_log import mute_ffmpeg

#: Containers without an index are read to the end up to this size; of larger ones, so many packets are looked at.
SCANNED_BYTES = 512 << 20
SCANNED_PACKETS = 5000
#: The file counts as cut off when its data ends this much before the duration it declares.
MISSING_MS = 500

_PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
              10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "ebu3213"}
_TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 11: "xvycc",
              13: "srgb", 14: "bt2020-10", 15: "bt2020-12", 16: "pq", 17: "smpte428", 18: "hlg"}
_SPACES = {0: "rgb", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc",
           10: "bt2020c", 14: "ictcp"}
_RANGES = {1: "limited", 2: "full"}
# Playlists (HLS, DASH, concat) would make FFmpeg open whatever other files or addresses they name.
_ONLY_FILES = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,wav,w64,aiff,mp3,flac,ogg,aac,"
                        "m4v,mxf,nut,ivf,ac3,eac3,caf,rm,dv,h264,hevc,gxf,wtv,au,amr,rawvideo,yuv4mpegpipe",
}
_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_WHOLE_FILE_HINT = "Copy or download the file again."


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The picture stream. ``height`` and ``width`` are as stored; ``rotation`` turns it upright.

    rotation: degrees counter-clockwise by which the stored picture is turned to stand upright (90, -90, 180).
    start_ms: presentation time of the first frame in the file's clock (see MediaInfo).
    frame_count: exact where the container has an index, else estimated from duration and rate.
    colour_*: "unspecified" where the file does not say.
    """

    codec: str
    height: int
    width: int
    rotation: int
    sample_aspect_ratio: Fraction
    frame_rate: Fraction
    is_variable_rate: bool
    time_base: Fraction
    pixel_format: str
    bit_depth: int
    colour_primaries: str
    colour_transfer: str
    colour_space: str
    colour_range: str
    frame_count: int
    duration_ms: int
    start_ms: float

    @property
    def is_hdr(self) -> bool:
        return self.colour_transfer in ("pq", "hlg")

    @property
    def upright_height(self) -> int:
        return self.width if self.rotation % 180 else self.height

    @property
    def upright_width(self) -> int:
        return self.height if self.rotation % 180 else self.width


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """One sound stream. ``start_offset_ms`` is its start relative to the first video frame (0 without video)."""

    codec: str
    sample_rate: int
    channels: int
    layout: str
    language: str
    title: str
    is_default: bool
    duration_ms: int
    start_offset_ms: float


@dataclass(frozen=True, slots=True)
class SubtitleInfo:
    """One subtitle stream; ``language`` is as the container tags it, "und" when it does not."""

    codec: str
    language: str
    title: str


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What ``probe`` found. ``video`` is None only for a sound file that was probed with ``needs_video=False``.

    start_ms: the container's own time stamp at which its clock, as a player shows it, stands at zero. Every other
    time here, frame times of the lip-sync core and sample 0 of ``audio.blocks`` count from there.
    """

    container: str
    size_bytes: int
    start_ms: float
    duration_ms: int
    video: VideoInfo | None
    audio: tuple[AudioInfo, ...]
    subtitles: tuple[SubtitleInfo, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values only; fractions become "numerator/denominator"."""
        plain = asdict(self)
        if plain["video"]:
            plain["video"] = {k: str(v) if isinstance(v, Fraction) else v for k, v in plain["video"].items()}
        plain["audio"], plain["subtitles"] = list(plain["audio"]), list(plain["subtitles"])
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> MediaInfo:
        """The inverse of ``to_json``."""
        video = plain["video"]
        if video:
            fractions = {f.name for f in fields(VideoInfo) if f.type == "Fraction"}
            video = VideoInfo(**{k: Fraction(v) if k in fractions else v for k, v in video.items()})
        return cls(plain["container"], plain["size_bytes"], plain["start_ms"], plain["duration_ms"], video,
                   tuple(AudioInfo(**a) for a in plain["audio"]), tuple(SubtitleInfo(**s) for s in plain["subtitles"]))


def probe(path: Path, *, needs_video: bool = True, needs_audio: bool = False) -> MediaInfo:
    """Describe the media file at ``path``.

    Raises MediaError, in one sentence with a hint, when there is no such file, it is a folder, empty, not to be
    read, no media, cut off, in a codec that cannot be decoded, or lacks a stream that is needed.
    """
    path = Path(path)
    size_bytes = _check_file(path)
    with open_media(path) as container:
        video = find_video(container)
        if needs_video and video is None:
            raise MediaError(f"{path.name} has no video stream.", "Give a video file.")
        if needs_audio and not container.streams.audio:
            raise MediaError(f"{path.name} has no audio stream, so there is no speech to dub.",
                             "Give a video with its original sound.")
        if video is None and not container.streams.audio:
            raise MediaError(f"{path.name} has neither pictures nor sound.", "Give a video or sound file.")
        _check_codecs(path, container, video, needs_audio)
        duration_ms = _duration_ms(container)
        scan = _scan(container, video, size_bytes)
        if duration_ms - scan.end_ms > max(MISSING_MS, duration_ms * 0.02):
            raise MediaError(f"{path.name} is cut off: it should last {duration_ms / 1000:.1f} s, "
                             f"but its data ends after {max(scan.end_ms, 0) / 1000:.1f} s.", _WHOLE_FILE_HINT)
        picture = _video_info(path, container, video, scan, duration_ms) if video else None
        first_ms = float(start_seconds(video) * 1000)
        audio = tuple(_audio_info(stream, first_ms, duration_ms) for stream in container.streams.audio)
        subtitles = tuple(SubtitleInfo(s.codec_context.name if s.codec_context else "unknown", s.language or "und",
                                       _title(s)) for s in container.streams.subtitles)
        return MediaInfo(container.format.name, size_bytes, float(clock_zero(container) * 1000), duration_ms, picture,
                         audio, subtitles)


def open_media(path: Path) -> InputContainer:
    """Open ``path`` for reading; a MediaError says why it cannot be."""
    path = Path(path)
    mute_ffmpeg()
    try:
        # Absolute: FFmpeg takes "part 1: sea.mp4" for a protocol.
        return av.open(str(path.absolute()), metadata_errors="replace", container_options=_ONLY_FILES)
    except av.error.InvalidDataError as error:
        if _looks_like_mp4(path):
            raise MediaError(f"{path.name} is incomplete: its index (the moov atom) is missing.",
                             "The recording or upload was cut off. " + _WHOLE_FILE_HINT) from error
        raise MediaError(f"{path.name} is not a media file.", "Give a video file such as MP4, MOV or MKV.") from error
    except (av.error.EOFError, av.error.FFmpegError, ValueError) as error:
        if isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError):
            _check_file(path)
        raise MediaError(f"{path.name} cannot be opened as media ({error}).",
                         "Give a video file such as MP4, MOV or MKV.") from error


def find_video(container: InputContainer) -> VideoStream | None:
    """The stream that is shown: the default one, else the first; cover pictures do not count."""
    shown = [s for s in container.streams.video
             if not s.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)]
    return next((s for s in shown if s.disposition & Disposition.default), shown[0] if shown else None)


def clock_zero(container: InputContainer) -> Fraction:
    """Seconds of the container's time stamps at which its clock stands at zero: its start, where that is positive.

    A negative start is only what the encoders need to get going; players cut it away.
    """
    return max(Fraction(container.start_time or 0, 1_000_000), Fraction(0))


def start_seconds(stream: Any) -> Fraction:
    """Presentation time of a stream's first frame in seconds; 0 where the container does not say."""
    if stream is None or stream.start_time is None:
        return Fraction(0)
    return stream.start_time * stream.time_base


def _check_file(path: Path) -> int:
    try:
        if path.is_dir():
            raise MediaError(f"{path} is a folder, not a file.", "Give one video file.")
        size_bytes = path.stat().st_size
    except FileNotFoundError as error:
        raise MediaError(f"There is no file {path}.", "Check the name.") from error
    except OSError as error:
        raise MediaError(f"{path} cannot be read ({error.strerror}).", "Check the path and its permissions.") from error
    if not os.access(path, os.R_OK):
        raise MediaError(f"{path} cannot be read: permission denied.", "Give yourself read permission for the file.")
    if size_bytes == 0:
        raise MediaError(f"{path.name} is empty.", _WHOLE_FILE_HINT)
    return size_bytes


def _looks_like_mp4(path: Path) -> bool:
    with open(path, "rb") as file:
        head = file.read(12)
    return head[4:8] in (b"ftyp", b"mdat", b"moov", b"wide", b"free", b"skip")


def _check_codecs(path: Path, container: InputContainer, video: VideoStream | None, needs_audio: bool) -> None:
    wanted = [video] if video else []
    wanted += list(container.streams.audio[:1]) if needs_audio or not wanted else []
    for stream in wanted:
        if stream.codec_context is None:
            raise MediaError(f"The {stream.type} of {path.name} is in a codec that cannot be decoded here.",
                             "Convert it, for example to H.264 with AAC.")


def _duration_ms(container: InputContainer) -> int:
    """From the container's first time stamp (of any stream) to its end; 0 when it is not declared."""
    return round((container.duration or 0) / 1000)


@dataclass(slots=True)
class _Scan:
    """What the index or the packets say: time stamps of shown pictures, how many, where the data ends (ms)."""

    times: list[int]
    count: int | None
    end_ms: float


def _scan(container: InputContainer, video: VideoStream | None, size_bytes: int) -> _Scan:
    stream = video or container.streams.audio[0]
    if "mp4" in container.format.name and _has_whole_index(stream):
        entries = list(stream.index_entries)
        times = [entry.timestamp for entry in entries if not entry.is_discard]
        missing = next((entry for entry in entries if entry.pos + entry.size > size_bytes), None)
        end_ms = float("inf")
        if missing is not None:
            end_ms = float((missing.timestamp - entries[0].timestamp) * stream.time_base * 1000)
        return _Scan(times, len(times), end_ms)
    return _scan_packets(container, stream, size_bytes <= SCANNED_BYTES)


def _has_whole_index(stream: Any) -> bool:
    """Whether the index covers the stream: that of a fragmented MP4 knows the first fragment only."""
    entries = stream.index_entries
    if len(entries) < 2 or not stream.duration:
        return len(entries) > 0
    return entries[len(entries) - 1].timestamp - entries[0].timestamp > 0.9 * stream.duration - 2


def _scan_packets(container: InputContainer, stream: Any, to_the_end: bool) -> _Scan:
    """Read packet headers: all of a file of modest size, else the beginning and the end."""
    times: list[int] = []
    end_ms = 0.0
    try:
        for packet in container.demux():
            end_ms = max(end_ms, _packet_end_ms(packet))
            if packet.stream_index == stream.index and packet.pts is not None and not packet.is_discard:
                times.append(packet.pts)
            if not to_the_end and len(times) >= SCANNED_PACKETS:
                break
        if not to_the_end:
            container.seek((container.start_time or 0) + max(0, (container.duration or 0) - 2_000_000))
            end_ms = max(chain([end_ms], map(_packet_end_ms, container.demux())))
    except av.error.FFmpegError:
        return _Scan(sorted(times), None, end_ms)
    return _Scan(sorted(times), len(times) if to_the_end else None, end_ms)


def _packet_end_ms(packet: Any) -> float:
    if packet.pts is None or not packet.time_base:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base * 1000)


def _video_info(path: Path, container: InputContainer, stream: VideoStream, scan: _Scan,
                duration_ms: int) -> VideoInfo:
    context = stream.codec_context
    first = _first_frames(path, stream.index)
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    stream_ms = float(stream.duration * stream.time_base * 1000) if stream.duration else duration_ms
    if not stream.duration and scan.count and len(scan.times) > 1:
        ticks = (scan.times[-1] - scan.times[0]) * Fraction(scan.count, scan.count - 1)
        stream_ms = float(ticks * stream.time_base * 1000)
    pixel_format = context.format or first.format
    return VideoInfo(
        codec=context.name, height=context.height or first.height, width=context.width or first.width,
        rotation=_rotation(first), sample_aspect_ratio=stream.sample_aspect_ratio or Fraction(1),
        frame_rate=Fraction(rate), is_variable_rate=_is_variable(scan.times), time_base=Fraction(stream.time_base),
        pixel_format=pixel_format.name, bit_depth=max(c.bits for c in pixel_format.components),
        colour_primaries=_PRIMARIES.get(int(context.color_primaries), "unspecified"),
        colour_transfer=_TRANSFERS.get(int(context.color_trc), "unspecified"),
        colour_space=_SPACES.get(int(context.colorspace), "unspecified"),
        colour_range=_RANGES.get(int(context.color_range), "unspecified"),
        frame_count=scan.count or stream.frames or round(stream_ms / 1000 * float(rate)),
        duration_ms=round(stream_ms),
        start_ms=float((start_seconds(stream) - clock_zero(container)) * 1000),
    )


def _rotation(frame: av.VideoFrame) -> int:
    degrees = round(frame.rotation / 90) % 4 * 90
    return -90 if degrees == 270 else degrees


def _first_frames(path: Path, index: int) -> av.VideoFrame:
    """Decode two pictures, which also proves that there are two, and return the first."""
    frames: list[av.VideoFrame] = []
    try:
        with open_media(path) as container:
            stream = container.streams[index]
            assert isinstance(stream, VideoStream)
            stream.thread_type = "SLICE"
            frames = list(islice(container.decode(stream), 2))
    except av.error.FFmpegError as error:
        raise MediaError(f"The pictures of {path.name} cannot be decoded ({error}).", _WHOLE_FILE_HINT) from error
    if len(frames) < 2:
        raise MediaError(f"{path.name} holds {('no picture', 'a single picture')[len(frames)]}, not a video.",
                         "Give a video of at least two frames.")
    return frames[0]


def _is_variable(times: list[int]) -> bool:
    """Whether frame distances differ by more than the time base's rounding and one percent."""
    deltas = sorted(b - a for a, b in zip(times, times[1:], strict=False))
    if len(deltas) < 2:
        return False
    usual = deltas[len(deltas) // 2]
    slack = 1 + usual * 0.01
    return deltas[-1] - usual > slack or usual - deltas[0] > slack


def _audio_info(stream: Any, video_start_ms: float, duration_ms: int) -> AudioInfo:
    context = stream.codec_context
    length_ms = float(stream.duration * stream.time_base * 1000) if stream.duration else duration_ms
    return AudioInfo(
        codec=context.name if context else "unknown", sample_rate=context.sample_rate if context else 0,
        channels=context.layout.nb_channels if context else 0,
        layout=layout_name(context.layout) if context else "unknown",
        language=stream.language or "und", title=_title(stream),
        is_default=bool(stream.disposition & Disposition.default), duration_ms=round(length_ms),
        start_offset_ms=float(start_seconds(stream) * 1000) - video_start_ms,
    )


def layout_name(layout: Any) -> str:
    """A layout's name; files that only count their channels get the usual layout of that many."""
    return _USUAL_LAYOUTS.get(layout.nb_channels, layout.name) if layout.name.endswith(" channels") else layout.name


def _title(stream: Any) -> str:
    """A stream's title; MP4 keeps it under "name"."""
    return stream.metadata.get("title") or stream.metadata.get("name") or ""
