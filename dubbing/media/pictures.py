"""The pictures of an export: copied where nothing changed, encoded anew where mouths are repainted.

A video that can be joined is copied group by group; of a group with patches the packets before the first of them are
copied too. Any other video is encoded as a whole, in pieces. Either way a piece that the last export already encoded
from the same pictures, patches and settings is taken from the cache, and what only cached pieces need is not decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from dubbing.media.check import Glimpse, glimpse
from dubbing.media.encoder import Encoder, prepared
from dubbing.media.gops import Gop, GopIndex
from dubbing.media.join import DecodingTimes, JoinError
from dubbing.media.paste import paste_all
from dubbing.media.patches import PatchSource
from dubbing.media.segments import EncoderSettings, Segment, SegmentCache, SegmentEncoder

#: Length of a piece, and so of the way from one key frame to the next, where the source's groups are longer.
PIECE_S = 4
#: Copying fewer pictures than this before the first patch of a group is not worth a join.
FEWEST_COPIED = 12

DAMAGED = "Some pictures of the source are damaged and were left out."
NO_TIMES = "Some frames had no usable time stamp and follow the frame before them."


@dataclass(slots=True)
class PictureCounts:
    """What became of the pictures.

    gops: closed groups of the source; gops_copied: those that were copied whole. segments: encoded pieces, made now
    or taken from the cache. frames_*: pictures of the result by where they came from.
    """

    frames: int = 0
    patched_frames: int = 0
    gops: int = 0
    gops_copied: int = 0
    segments_encoded: int = 0
    segments_reused: int = 0
    frames_copied: int = 0
    frames_encoded: int = 0
    frames_reused: int = 0
    frames_decoded: int = 0


@dataclass(frozen=True, slots=True)
class Timed:
    """A packet for the muxer; times in ticks of the source's time base.

    frames: pictures that it shows, 0 or 1. is_start: it begins a closed group or a piece. glimpse: what its picture
    should look like (see ``check.glimpse``), where that is known.
    """

    packet: av.Packet
    pts: int
    dts: int
    duration: int
    frames: int = 1
    is_start: bool = False
    glimpse: Glimpse | None = None


@dataclass(slots=True)
class Pictures:
    """The pictures of one export; ``packets`` yields them in decoding order.

    extradata: the parameter sets that an encoder with ``settings`` announces. is_joined: the source's packets may
    stand among encoded ones. may_copy: whether the container takes a group's
    packets. note: called with what a person should know. progress: called with the number of pictures just done.
    """

    container: InputContainer
    stream: VideoStream
    index: GopIndex
    patches: PatchSource
    encoder: Encoder
    settings: EncoderSettings
    extradata: bytes
    quarter_turns: int
    is_joined: bool
    may_copy: Callable[[Gop], bool]
    cache: SegmentCache | None
    note: Callable[[str], None]
    progress: Callable[[int], None]
    counts: PictureCounts = field(default_factory=PictureCounts)
    last_pts: int | None = None

    def packets(self) -> Iterator[Timed]:
        """Raises JoinError where the pictures are not what the index promised, ValueError for wrong patches."""
        source = (packet for packet in self.container.demux(self.stream) if packet.size)
        times = DecodingTimes(self.index if self.is_joined else None, self.settings.reordered_frames)
        for gop in self.index.gops:
            self.counts.gops += 1
            yield from _Run(self, gop, source, times).packets()
        if self.patches.next_frame() is not None:
            raise ValueError(f"there are patches beyond the last of {self.counts.frames} frames")


@dataclass(slots=True)
class _Piece:
    """Positions ``start`` to ``stop`` of a group's shown pictures."""

    start: int
    stop: int
    key: str | None = None
    segment: Segment | None = None
    is_reused: bool = False
    encoder: SegmentEncoder | None = None
    glimpse: Glimpse | None = None


class _Run:
    """One closed group on its way through."""

    def __init__(self, job: Pictures, gop: Gop, source: Iterator[av.Packet], times: DecodingTimes) -> None:
        self.job, self.gop, self.times = job, gop, times
        self.source = islice(source, len(gop))
        self.base = job.counts.frames
        shown = job.index.shown[gop.first : gop.stop]
        self.count = int(shown.sum())
        self.is_all_shown = bool(shown.all())
        self.shown_pts = np.sort(job.index.pts[gop.first : gop.stop][shown]) if job.is_joined else None
        self.decoded = 0
        self.lost = 0
        self.now = 0
        self.cut = 0
        self.pieces: list[_Piece] = []
        self.ready: list[_Piece] = []

    def packets(self) -> Iterator[Timed]:
        job = self.job
        following = job.patches.next_frame()
        is_patched = following is not None and following < self.base + self.count
        can_copy = job.is_joined and job.may_copy(self.gop)
        if can_copy and not is_patched:
            job.counts.gops_copied += 1
            for position, packet in enumerate(self.source):
                yield self._copied(packet, position)
        else:
            if can_copy and following is not None and self.is_all_shown:
                cut = job.index.cut_before(self.gop, following - self.base)
                self.cut = cut if cut >= FEWEST_COPIED else 0
            self._plan()
            yield from self._through()
        job.counts.frames += self.count - self.lost

    def _copied(self, packet: av.Packet, position: int) -> Timed:
        index, row = self.job.index, self.gop.first + position
        shown = int(index.shown[row])
        self.job.counts.frames_copied += shown
        self.job.progress(shown)
        assert index.dts is not None
        return Timed(packet, int(index.pts[row]), int(index.dts[row]), int(index.durations[row]), shown,
                     position == 0)

    def _plan(self) -> None:
        """Divide what is not copied at places that do not depend on the patches, and look the pieces up."""
        count = max(1, round(self.count / piece_frames(self.job.settings.rate)))
        stops = [round(i * self.count / count) for i in range(1, count + 1)]
        stops = [stop for stop in stops if stop - self.cut >= FEWEST_COPIED] or [self.count]
        self.pieces = [_Piece(start, stop) for start, stop in zip([self.cut, *stops], stops, strict=False)]
        for piece in self.pieces:
            self._look_up(piece)

    def _look_up(self, piece: _Piece) -> None:
        job = self.job
        if job.cache is None:
            return
        name = job.patches.name(self.base + piece.start, self.base + piece.stop)
        if name is not None:
            piece.key = job.cache.key(settings=job.settings.name, group=[self.gop.first, self.gop.stop],
                                      base=self.base, span=[piece.start, piece.stop], patches=name,
                                      turns=job.quarter_turns)
            piece.segment = job.cache.find(piece.key)
            piece.is_reused = piece.segment is not None

    def _through(self) -> Iterator[Timed]:
        """Read the group to its end: copy up to the cut, decode as far as any piece needs it."""
        needed = max((piece.stop for piece in self.pieces if not piece.is_reused), default=0)
        is_decoding, position = needed > 0, -1
        for number, packet in enumerate(self.source):
            # Decoding comes first: muxing rescales the packet's times.
            frames = list(self._decode(packet)) if is_decoding else ()
            if number < self.cut:
                yield self._copied(packet, number)
            for frame in frames:
                position = self._take(frame)
            # The last piece goes on to the group's end, however many frames there are.
            is_decoding = is_decoding and (position < needed - 1 or needed == self.count)
            yield from self._yield_ready()
        if is_decoding:
            for frame in self._decode(None):
                self._take(frame)
            self.lost = self.count - self.decoded
        if needed:
            self.job.stream.codec_context.flush_buffers()
        for piece in self.pieces[self.now :]:
            self._close(piece)
        yield from self._yield_ready()

    def _decode(self, packet: av.Packet | None) -> Iterator[av.VideoFrame]:
        """Frames in the order in which they are shown; a damaged packet costs its own frames only."""
        try:
            for frame in packet.decode() if packet is not None else self.job.stream.codec_context.decode(None):
                frame.time_base = self.job.stream.time_base  # the last ones come without
                yield frame
        except (av.error.InvalidDataError, av.error.EOFError):
            self.lost += 1
            self.job.note(DAMAGED)

    def _take(self, decoded: av.VideoFrame) -> int:
        """Hand a decoded frame to the piece that it belongs to; returns its position in the group."""
        job, ordinal = self.job, self.decoded
        self.decoded += 1
        job.counts.frames_decoded += 1
        position = ordinal if self.shown_pts is None else self._position(decoded)
        if position != ordinal:
            self.lost = position - ordinal
            job.note(DAMAGED)
        pts = self._mended(decoded)
        if position < self.cut:
            return position
        while self.now < len(self.pieces) - 1 and position >= self.pieces[self.now].stop:
            self._close(self.pieces[self.now])
            self.now += 1
        piece = self.pieces[self.now]
        if not piece.is_reused:
            self._encode(piece, decoded, pts, self.base + ordinal)
        return position

    def _encode(self, piece: _Piece, decoded: av.VideoFrame, pts: int, number: int) -> None:
        job = self.job
        if piece.encoder is None:
            piece.encoder = SegmentEncoder(job.settings)
        duration = decoded.duration
        frame = prepared(decoded, job.encoder)
        patches = job.patches.take(number)
        paste_all(frame, patches, job.quarter_turns)
        job.counts.patched_frames += bool(patches)
        frame = job.encoder.padded(frame)
        # A decoded frame's own type would force the encoder to the source's key frames.
        frame.pts, frame.time_base, frame.duration, frame.pict_type = pts, job.settings.time_base, duration, 0
        if piece.glimpse is None:
            piece.glimpse = glimpse(frame)
        piece.encoder.encode(frame)
        job.progress(1)

    def _position(self, frame: av.VideoFrame) -> int:
        assert self.shown_pts is not None
        position = int(np.searchsorted(self.shown_pts, frame.pts)) if frame.pts is not None else self.count
        if position >= self.count or position < self.decoded - 1 or self.shown_pts[position] != frame.pts:
            raise JoinError("a decoded picture has another time than its packet")
        return position

    def _mended(self, frame: av.VideoFrame) -> int:
        """The frame's time, or that of the frame before it and its duration."""
        pts, last = frame.pts, self.job.last_pts
        if pts is None or (last is not None and pts <= last):
            pts = 0 if last is None else last + max(frame.duration or 1, 1)
            self.job.note(NO_TIMES)
        self.job.last_pts = pts
        return pts

    def _close(self, piece: _Piece) -> None:
        job, counts = self.job, self.job.counts
        if piece.is_reused:
            counts.patched_frames += job.patches.skip(self.base + piece.stop)
            assert piece.segment is not None
            counts.segments_reused += 1
            counts.frames_reused += len(piece.segment.packets)
            job.progress(len(piece.segment.packets))
            job.last_pts = max(packet.pts for packet in piece.segment.packets)
        elif piece.encoder is not None:
            piece.segment, piece.encoder = piece.encoder.finish(), None
            counts.segments_encoded += 1
            counts.frames_encoded += len(piece.segment.packets)
            # Where pictures were lost, numbers have moved, and the next export could not know.
            if job.cache is not None and piece.key is not None and not self.lost:
                job.cache.put(piece.key, piece.segment)
        else:
            return
        self.ready.append(piece)

    def _yield_ready(self) -> Iterator[Timed]:
        for piece in self.ready:
            assert piece.segment is not None
            if piece.segment.extradata != self.job.extradata:
                raise JoinError("an encoded piece has other parameter sets than the file")
            coded = piece.segment.packets
            for picture, dts in zip(coded, self.times.assign([p.pts for p in coded]), strict=True):
                packet = av.Packet(picture.data)
                packet.is_keyframe = picture.is_key
                seen = piece.glimpse if picture is coded[0] else None
                yield Timed(packet, picture.pts, dts, picture.duration, 1, picture is coded[0], seen)
            piece.segment = None
        self.ready.clear()


def piece_frames(rate: Fraction) -> int:
    """Frames of a piece at a frame rate."""
    return max(12, round(rate * PIECE_S))
