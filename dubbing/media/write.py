"""Write the finished video: new sound, repainted mouths, everything else as it was.

Without patches the pictures are copied packet by packet. With patches they are decoded, patched and encoded;
frames keep their number, time stamp, duration, rotation, pixel shape and colour tags, and no frame goes
through RGB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import av.error
from av.codec.context import Flags
from av.container import InputContainer, OutputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.stream import VideoStream

from dubbing.errors import MediaError, UsageError
from dubbing.media.atomic import replacing
from dubbing.media.encoder import Encoder, choose_encoder, prepared
from dubbing.media.native_log import mute_ffmpeg
from dubbing.media.paste import Patch, paste_all
from dubbing.media.probe import clock_zero, find_video, open_media
from dubbing.media.tracks import AudioTrack, CopiedFeed, Feed, add_dubbed, add_original, copied_packets

#: ``report(done, total, message)``
Report = Callable[[float, float, str], None]

#: Chosen for at least 45 dB outside the patches, also on noisy footage, at the least time.
DEFAULT_PRESET = "superfast"
DEFAULT_CRF = 15

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
_VIDEO_CODECS = {
    "mp4": frozenset({"h264", "hevc", "av1", "libdav1d", "vp9", "mpeg4"}),
    "mov": frozenset({"h264", "hevc", "mpeg4", "prores", "mjpeg", "dnxhd"}),
}
_AUDIO_CODECS = {
    "mp4": frozenset({"aac", "mp3", "mp3float", "ac3", "eac3", "alac"}),
    "mov": frozenset({"aac", "mp3", "mp3float", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s16be",
                      "pcm_s24be"}),
}
_SUBTITLE_CODECS = {"mp4": frozenset({"mov_text"}), "mov": frozenset({"mov_text"}),
                    "matroska": frozenset({"srt", "subrip", "ass", "ssa", "webvtt", "hdmv_pgs_subtitle",
                                           "pgssub", "dvd_subtitle", "dvdsub"})}
#: Containers whose absolute time stamps mean something; in others (MPEG-TS) they start anywhere.
_KEEP_TIMES = ("mov", "mp4", "matroska")
#: How far sound is muxed ahead of the pictures.
_AHEAD = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What became of an export.

    video_codec: of the result. frame_count: pictures written (packets where the video was copied).
    notes: in words for a person, what could not be kept as it was.
    """

    path: Path
    is_video_copied: bool
    video_codec: str
    frame_count: int
    patched_frames: int
    audio_tracks: int
    size_bytes: int
    notes: tuple[str, ...] = ()


def export_video(source: Path, out: Path, audio: Sequence[AudioTrack], patches: Iterable[Patch] | None = None, *,
                 keep_original_audio: bool = False, preset: str = DEFAULT_PRESET, crf: int = DEFAULT_CRF,
                 report: Report | None = None) -> ExportReport:
    """Write ``source`` with the sound tracks ``audio`` and the given mouth patches to ``out``.

    out: its suffix (.mp4, .mov, .mkv) chooses the container; a missing folder is made. The file appears whole or
    not at all, and the same inputs give the same bytes.
    patches: in frame order, several for a frame with several faces; None or none at all means that the pictures
    are copied.
    keep_original_audio: the source's own first sound track follows the new ones, not as default.

    Raises UsageError for an unknown suffix or when ``out`` is ``source``, MediaError for a source that cannot be
    read, StorageError when ``out`` cannot be written, ValueError for patches out of order or outside the picture.
    """
    source, out = Path(source), Path(out)
    if out.suffix.lower() not in _FORMATS:
        raise UsageError(f"{out.name} does not end in .mp4, .mov or .mkv.", "Choose one of these suffixes.")
    if out.exists() and source.exists() and out.samefile(source):
        raise UsageError(f"{out} is the source itself.", "Choose another name for the result.")
    queue = _PatchQueue(patches)
    with open_media(source) as container:
        stream = find_video(container)
        if stream is None:
            raise MediaError(f"{source.name} has no video stream.", "Give a video file.")
        if stream.codec_context is None:
            raise MediaError(f"The video of {source.name} is in a codec that cannot be decoded here.",
                             "Convert it, for example to H.264.")
        with replacing(out) as temporary:
            job = _Export(source, container, stream, _FORMATS[out.suffix.lower()], report)
            result = job.write(temporary, audio, queue, keep_original_audio, preset, crf)
            size_bytes = temporary.stat().st_size
    return ExportReport(out, size_bytes=size_bytes, audio_tracks=len(job.feeds) - job.subtitles,
                        notes=tuple(job.notes), **result)


class _PatchQueue:
    """Patches in frame order, looked at one ahead."""

    def __init__(self, patches: Iterable[Patch] | None) -> None:
        self._patches = iter(patches or ())
        self._next: Patch | None = next(self._patches, None)
        self.used = 0

    @property
    def is_empty(self) -> bool:
        return self._next is None

    def take(self, number: int) -> list[Patch]:
        """The patches of frame ``number``: none, one, or one for each of several faces."""
        taken: list[Patch] = []
        while self._next is not None and self._next.frame <= number:
            if self._next.frame < number:
                raise ValueError(f"the patch of frame {self._next.frame} comes after that of frame {number - 1}")
            taken.append(self._next)
            self._next = next(self._patches, None)
        self.used += bool(taken)
        return taken


class _Export:
    """One export in progress."""

    def __init__(self, source: Path, container: InputContainer, stream: VideoStream, format_name: str,
                 report: Report | None) -> None:
        self.source, self.container, self.stream, self.format = source, container, stream, format_name
        self.report = report
        self.feeds: list[Feed] = []
        self.subtitles = 0
        self.notes: list[str] = []
        zero = clock_zero(container)
        keeps = any(name in container.format.name for name in _KEEP_TIMES)
        self.shift = Fraction(0) if keeps else zero
        self.zero = zero - self.shift
        self.expected = stream.frames or round((container.duration or 0) / 1e6 * float(stream.average_rate or 25))

    def write(self, path: Path, audio: Sequence[AudioTrack], queue: _PatchQueue, keep_original_audio: bool,
              preset: str, crf: int) -> dict[str, Any]:
        """Write the whole file; returns what the report says about the pictures."""
        is_copied = queue.is_empty and self._can_copy()
        mute_ffmpeg()
        output = av.open(str(path.absolute()), "w", format=self.format, container_options=self._container_options())
        try:
            output.metadata.update(_lasting(self.container.metadata))
            pictures = self._copied(output) if is_copied else self._encoded(output, queue, preset, crf)
            # The first step adds the video stream; the others follow it in the file.
            codec = next(pictures)
            self._add_feeds(output, audio, keep_original_audio)
            if chapters := self.container.chapters():
                output.set_chapters(chapters)
            count = self._mux(pictures)
            if not queue.is_empty:
                raise ValueError(f"there are patches beyond the last of {count} frames")
            output.close()
        except BaseException:
            _abandon(output)
            raise
        finally:
            for feed in self.feeds:
                feed.close()
        return {"is_video_copied": is_copied, "video_codec": codec, "frame_count": count,
                "patched_frames": queue.used}

    def _can_copy(self) -> bool:
        """Whether the container takes the source's pictures as they are, hidden ones (edit lists) included."""
        allowed = _VIDEO_CODECS.get(self.format)
        if allowed is not None:
            return self.stream.codec_context.name in allowed
        with open_media(self.source) as container:
            first = next(container.demux(container.streams[self.stream.index]), None)
            return first is not None and not first.is_discard

    def _container_options(self) -> dict[str, str]:
        options = {"fflags": "+bitexact"}
        if self.format != "matroska":
            # A fine movie timescale keeps edit lists, and so the offset of sound and picture, exact.
            options |= {"movflags": "+faststart", "movie_timescale": "90000"}
        return options

    def _add_feeds(self, output: OutputContainer, audio: Sequence[AudioTrack], keep_original_audio: bool) -> None:
        for track in audio:
            self.feeds.append(add_dubbed(output, track, self.zero))
        if keep_original_audio and self.container.streams.audio:
            feed, is_copied = add_original(output, self.source, 0, _AUDIO_CODECS.get(self.format), self.shift,
                                           self.zero)
            self.feeds.append(feed)
            if not is_copied:
                self.notes.append("The original sound was encoded anew as AAC, because its codec does not fit the "
                                  "container.")
        for subtitle in self.container.streams.subtitles:
            name = subtitle.codec_context.name if subtitle.codec_context else "unknown"
            if name in _SUBTITLE_CODECS[self.format]:
                self.feeds.append(CopiedFeed(output, self.source, subtitle.index, self.shift))
                self.subtitles += 1
            else:
                self.notes.append(f"A subtitle stream ({name}) does not fit the container and was left out.")

    def _mux(self, pictures: Iterator[Any]) -> int:
        count = 0
        for time, frames in pictures:
            count += frames
            if time is not None:
                for feed in self.feeds:
                    feed.advance(time + _AHEAD)
            if self.report and frames:
                self.report(count, max(self.expected, count), "writing video")
        for feed in self.feeds:
            feed.advance(None)
        return count

    def _copied(self, output: OutputContainer) -> Iterator[Any]:
        """Yields the codec's name, then (time, shown frames) for each packet that was muxed."""
        target = output.add_stream_from_template(self.stream, opaque=True)
        name = self.stream.codec_context.name
        if name == "hevc" and self.format != "matroska" and self.stream.codec_context.codec_tag != "hev1":
            target.codec_context.codec_tag = "hvc1"  # Apple's players take HEVC under no other tag.
        target.metadata.update({k: v for k, v in self.stream.metadata.items() if k in ("language", "title")})
        target.disposition = Disposition.default
        yield name
        for packet in copied_packets(self.container.demux(self.stream), self.stream, self.shift):
            time = packet.dts * packet.time_base
            packet.stream = target
            shown = 0 if packet.is_discard else 1
            output.mux(packet)
            yield time, shown

    def _encoded(self, output: OutputContainer, queue: _PatchQueue, preset: str, crf: int) -> Iterator[Any]:
        """Yields the codec's name, then (time, frames) for each frame that was handed to the encoder."""
        self.stream.thread_type = "AUTO"
        frames = self._decoded()
        first = next(frames, None)
        if first is None:
            raise MediaError(f"The pictures of {self.source.name} cannot be decoded.", "Convert the file first.")
        turns = round(first.rotation / 90) % 4
        encoder = choose_encoder(self.stream, first, preset, crf)
        self.notes.extend(encoder.notes)
        target = self._add_encoder(output, encoder, first)
        yield encoder.codec
        ticks = round(self.shift / self.stream.time_base)
        last = None
        for number, decoded in enumerate(chain([first], frames)):
            frame = prepared(decoded, encoder)
            paste_all(frame, queue.take(number), turns)
            frame = encoder.padded(frame)
            pts = decoded.pts - ticks if decoded.pts is not None else None
            if pts is None or (last is not None and pts <= last):
                pts = 0 if last is None else last + max(decoded.duration or 1, 1)
                self._note("Some frames had no usable time stamp and follow the frame before them.")
            # A decoded frame's own type would force the encoder to the source's key frames.
            frame.pts, frame.time_base, frame.pict_type, last = pts, self.stream.time_base, 0, pts
            output.mux(target.encode(frame))
            yield pts * self.stream.time_base, 1
        output.mux(target.encode(None))

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Frames in presentation order; a damaged packet costs its own frames only."""
        for packet in self.container.demux(self.stream):
            try:
                yield from packet.decode()
            except (av.error.InvalidDataError, av.error.EOFError):
                self._note("Some pictures of the source are damaged and were left out.")

    def _add_encoder(self, output: OutputContainer, encoder: Encoder, first: av.VideoFrame) -> VideoStream:
        target = output.add_stream(encoder.codec, rate=self.stream.average_rate or Fraction(25))
        assert isinstance(target, VideoStream)
        context, source = target.codec_context, self.stream.codec_context
        context.height, context.width, context.pix_fmt = encoder.height, encoder.width, encoder.pixel_format
        context.time_base = self.stream.time_base
        context.options = dict(encoder.options)
        context.thread_count, context.thread_type = encoder.threads, "FRAME"
        context.flags |= Flags.frame_duration | Flags.bitexact
        context.gop_size = max(12, round(float(self.stream.average_rate or 25) * 4))
        if self.stream.sample_aspect_ratio:
            context.sample_aspect_ratio = self.stream.sample_aspect_ratio
        context.color_range, context.colorspace = source.color_range, source.colorspace
        context.color_primaries, context.color_trc = source.color_primaries, source.color_trc
        if encoder.codec == "libx265" and self.format != "matroska":
            context.codec_tag = "hvc1"
        matrix = first.side_data.get(SideDataType.DISPLAYMATRIX)
        if matrix is not None:
            target.set_display_matrix(memoryview(bytes(matrix)).cast("i").tolist())
        target.metadata.update({k: v for k, v in self.stream.metadata.items() if k in ("language", "title")})
        target.disposition = Disposition.default
        return target

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _lasting(metadata: dict[str, str]) -> dict[str, str]:
    """What the file says about itself, without times of writing and the names of programs."""
    left_out = {"creation_time", "encoder", "major_brand", "minor_version", "compatible_brands", "date", "duration"}
    return {key: value for key, value in metadata.items() if key.lower() not in left_out}


def _abandon(output: OutputContainer) -> None:
    """Close a half-written file; what goes wrong here is only the echo of what went wrong before."""
    try:
        output.close()
    except (av.error.FFmpegError, OSError, ValueError):
        return
