"""Write the finished video: new sound, repainted mouths, everything else as it was.

Without patches the pictures are copied packet by packet. With patches only what they touch is encoded where the
source allows it, else everything (see ``pictures``); frames keep their number, time stamp, duration, rotation, pixel
shape and colour tags, and no frame goes through RGB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.stream import VideoStream

from dubbing.errors import MediaError, UsageError
from dubbing.media.atomic import replacing
from dubbing.media.check import Glimpse, find_fault
from dubbing.media.encoder import choose_encoder, settings_for
from dubbing.media.gops import Gop, GopIndex, index_gops
from dubbing.media.join import JoinError, find_obstacle, fitted, joined_parameters
from dubbing.media.native_log import mute_ffmpeg
from dubbing.media.paste import Patch
from dubbing.media.patches import PatchSets, PatchSource, PatchStream
from dubbing.media.pictures import PictureCounts, Pictures, piece_frames
from dubbing.media.probe import clock_zero, find_video, open_media
from dubbing.media.segments import EncoderSettings, SegmentCache, open_encoder
from dubbing.media.tracks import AudioTrack, CopiedFeed, Feed, add_dubbed, add_original, copied_packets

#: ``report(done, total, message)``
Report = Callable[[float, float, str], None]

#: Chosen for at least 45 dB outside the patches, also on noisy footage, at the least time.
DEFAULT_PRESET = "ultrafast"
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
    pictures: how many groups and pictures were copied, encoded and reused; None where the whole video was copied.
    why_all_encoded: why no group could be copied although some held no patch; empty otherwise.
    notes: in words for a person, what could not be kept as it was.
    """

    path: Path
    is_video_copied: bool
    video_codec: str
    frame_count: int
    patched_frames: int
    audio_tracks: int
    size_bytes: int
    pictures: PictureCounts | None = None
    why_all_encoded: str = ""
    notes: tuple[str, ...] = ()


def export_video(source: Path, out: Path, audio: Sequence[AudioTrack],
                 patches: Iterable[Patch] | PatchSets | None = None, *, keep_original_audio: bool = False,
                 preset: str = DEFAULT_PRESET, crf: int = DEFAULT_CRF, cache: SegmentCache | None = None,
                 report: Report | None = None) -> ExportReport:
    """Write ``source`` with the sound tracks ``audio`` and the given mouth patches to ``out``.

    audio: the only sound of the result unless ``keep_original_audio``; none makes a silent video.
    out: its suffix (.mp4, .mov, .mkv) chooses the container; a missing folder is made. The file appears whole or
    not at all, and the same inputs give the same bytes, whatever is in the cache.
    patches: in frame order, several for a frame with several faces; None or none at all means that the pictures
    are copied. ``PatchSets`` have names and can be read again: only with them is the cache of use, and only with
    them can pictures that turn out not to be joinable be encoded as a whole.
    keep_original_audio: the source's own first sound track follows the new ones, not as default.
    cache: encoded pieces of earlier exports, read and added to; None: everything that changed is encoded.

    Raises UsageError for an unknown suffix or when ``out`` is ``source``, MediaError for a source that cannot be
    read, StorageError when ``out`` cannot be written, ValueError for patches out of order or outside the picture.
    """
    source, out = Path(source), Path(out)
    if out.suffix.lower() not in _FORMATS:
        raise UsageError(f"{out.name} does not end in .mp4, .mov or .mkv.", "Choose one of these suffixes.")
    if out.exists() and source.exists() and out.samefile(source):
        raise UsageError(f"{out} is the source itself.", "Choose another name for the result.")
    task = _Task(source, _FORMATS[out.suffix.lower()], tuple(audio), keep_original_audio, preset, crf, cache, report)
    with replacing(out) as temporary:
        try:
            done = _written(task, temporary, PatchStream(patches) if not isinstance(patches, PatchSets) else patches)
        except JoinError as error:
            if not isinstance(patches, PatchSets):
                raise MediaError(f"{source.name} cannot be written piece by piece ({error}).",
                                 "Convert the source, for example to H.264 in MP4.") from error
            done = _written(task, temporary, patches.fresh(), str(error))
        done = replace(done, path=out, size_bytes=temporary.stat().st_size)
    if cache is not None and not done.is_video_copied:
        cache.finish()
    return done


@dataclass(frozen=True, slots=True)
class _Task:
    """What ``export_video`` was asked to do."""

    source: Path
    format: str
    audio: tuple[AudioTrack, ...]
    keep_original_audio: bool
    preset: str
    crf: int
    cache: SegmentCache | None
    report: Report | None


def _written(task: _Task, path: Path, patches: PatchSource, obstacle: str = "") -> ExportReport:
    """One attempt; ``obstacle``: why everything has to be encoded."""
    with open_media(task.source) as container:
        stream = find_video(container)
        if stream is None:
            raise MediaError(f"{task.source.name} has no video stream.", "Give a video file.")
        if stream.codec_context is None:
            raise MediaError(f"The video of {task.source.name} is in a codec that cannot be decoded here.",
                             "Convert it, for example to H.264.")
        return _Export(task, container, stream, patches, obstacle).write(path)


class _Export:
    """One export in progress."""

    def __init__(self, task: _Task, container: InputContainer, stream: VideoStream, patches: PatchSource,
                 obstacle: str) -> None:
        self.task, self.container, self.stream, self.patches = task, container, stream, patches
        self.source, self.format, self.obstacle = task.source, task.format, obstacle
        self.feeds: list[Feed] = []
        self.subtitles = self.done = 0
        self.notes: list[str] = []
        self.pictures: PictureCounts | None = None
        self.starts: dict[int, Glimpse | None] = {}
        zero = clock_zero(container)
        keeps = any(name in container.format.name for name in _KEEP_TIMES)
        self.shift = Fraction(0) if keeps else zero
        self.zero = zero - self.shift
        self.expected = stream.frames or round((container.duration or 0) / 1e6 * float(stream.average_rate or 25))

    def write(self, path: Path) -> ExportReport:
        """Write the whole file and, where pictures were encoded, read it back."""
        task, is_copied = self.task, self.patches.next_frame() is None and self._can_copy()
        mute_ffmpeg()
        output = av.open(str(path.absolute()), "w", format=self.format, container_options=self._container_options())
        try:
            output.metadata.update(_lasting(self.container.metadata))
            packets = self._copied(output) if is_copied else self._encoded(output)
            # The first step adds the video stream; the others follow it in the file.
            codec = next(packets)
            self._add_feeds(output, task.audio, task.keep_original_audio)
            if chapters := self.container.chapters():
                output.set_chapters(chapters)
            count = self._mux(packets)
            output.close()
        except BaseException:
            _abandon(output)
            raise
        finally:
            for feed in self.feeds:
                feed.close()
        if not is_copied and (fault := find_fault(path, count, self.starts)):
            raise JoinError(fault)
        return ExportReport(path, is_copied, codec, count, self.pictures.patched_frames if self.pictures else 0,
                            len(self.feeds) - self.subtitles, 0, self.pictures, self.obstacle, tuple(self.notes))

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
            self._progress(shown)
            yield time, shown

    def _encoded(self, output: OutputContainer) -> Iterator[Any]:
        """Yields the codec's name, then (time, frames) for each packet that was muxed."""
        task, stream = self.task, self.stream
        stream.thread_type = "AUTO"
        first = _first_frame(self.source, stream.index)
        encoder = choose_encoder(stream, first, task.preset, task.crf)
        self.notes.extend(encoder.notes)
        settings = settings_for(encoder, stream, 2 * piece_frames(stream.average_rate or Fraction(25)))
        index = index_gops(self.source, stream.index)
        self.obstacle = self.obstacle or find_obstacle(stream, encoder, index)
        is_joined = not self.obstacle
        if is_joined:
            settings = fitted(settings, stream, index)
        extradata = bytes(open_encoder(settings).extradata or b"")
        target = self._add_joined(output, extradata) if is_joined else self._add_encoder(output, settings, first)
        target.metadata.update({k: v for k, v in stream.metadata.items() if k in ("language", "title")})
        target.disposition = Disposition.default
        yield encoder.codec
        pictures = Pictures(self.container, stream, index, self.patches, encoder, settings, extradata,
                            round(first.rotation / 90) % 4, is_joined, lambda gop: self._takes(index, gop),
                            task.cache, self._note, self._progress)
        self.pictures = pictures.counts
        ticks = round(self.shift / stream.time_base)
        for number, timed in enumerate(pictures.packets()):
            if timed.is_start:
                self.starts[number] = timed.glimpse
            packet = timed.packet
            packet.pts, packet.dts, packet.duration = timed.pts - ticks, timed.dts - ticks, timed.duration
            packet.time_base, packet.stream = stream.time_base, target
            time = packet.pts * packet.time_base
            output.mux(packet)
            yield time, timed.frames

    def _takes(self, index: GopIndex, gop: Gop) -> bool:
        """Whether the container can hold a group as it is: Matroska has no way to hide a picture."""
        return self.format != "matroska" or bool(index.shown[gop.first : gop.stop].all())

    def _add_joined(self, output: OutputContainer, extradata: bytes) -> VideoStream:
        """A stream like the source's that knows the parameter sets of the encoded pieces too."""
        target = output.add_stream_from_template(self.stream, opaque=True)
        assert isinstance(target, VideoStream)
        target.codec_context.extradata = joined_parameters(self.stream, extradata)
        return target

    def _add_encoder(self, output: OutputContainer, settings: EncoderSettings, first: av.VideoFrame) -> VideoStream:
        target = output.add_stream(settings.codec, rate=settings.rate)
        assert isinstance(target, VideoStream)
        settings.apply(target.codec_context)
        if settings.codec == "libx265" and self.format != "matroska":
            target.codec_context.codec_tag = "hvc1"
        matrix = first.side_data.get(SideDataType.DISPLAYMATRIX)
        if matrix is not None:
            target.set_display_matrix(memoryview(bytes(matrix)).cast("i").tolist())
        return target

    def _progress(self, frames: int) -> None:
        self.done += frames
        if self.task.report and frames:
            self.task.report(self.done, max(self.expected, self.done), "writing video")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _first_frame(path: Path, index: int) -> av.VideoFrame:
    """The first picture that can be decoded."""
    with open_media(path) as container:
        stream = container.streams[index]
        assert isinstance(stream, VideoStream)
        stream.thread_type = "SLICE"
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            except av.error.EOFError:
                break
            if frames:
                return frames[0]
    raise MediaError(f"The pictures of {path.name} cannot be decoded.", "Convert the file first.")


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
