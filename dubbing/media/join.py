"""How encoded pieces stand beside each other and beside copied pictures: settings, parameter sets, decoding times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from av.video.stream import VideoStream

from dubbing.media import h264
from dubbing.media.encoder import Encoder
from dubbing.media.gops import GopIndex, Ticks
from dubbing.media.segments import EncoderSettings

_CODEC_NAMES = {"hevc": "HEVC", "h264": "H.264", "mpeg4": "MPEG-4", "vp9": "VP9", "av1": "AV1", "libdav1d": "AV1"}


class JoinError(Exception):
    """The pictures cannot stand beside copied ones after all: encode everything."""


def find_obstacle(stream: VideoStream, encoder: Encoder, index: GopIndex) -> str:
    """Why the source's pictures cannot be copied among encoded ones, in words; empty when they can."""
    context = stream.codec_context
    if context.name != "h264":
        return f"the source is {_CODEC_NAMES.get(context.name, context.name)}; only H.264 can be joined"
    if encoder.codec != "libx264" or context.format is None or encoder.pixel_format != context.format.name:
        return "its pixel format cannot be encoded as it is"
    if (encoder.height, encoder.width) != (context.height, context.width):
        return "its size cannot be encoded as it is"
    try:
        sets = h264.parse_avcc(bytes(context.extradata or b""))
        units = [h264.parse_sps(unit) for unit in sets.sps]
        sets.free_id()
    except (ValueError, StopIteration):
        return "its parameter sets are not those of an MP4 or Matroska file"
    if len({unit.profile for unit in units}) > 1 or units[0].profile_name is None or sets.length_bytes != 4:
        return "its H.264 profile or packing cannot be matched"
    if not all(unit.is_progressive for unit in units):
        return "it is interlaced"
    if not index.has_times or index.dts is None:
        return "its pictures have no usable time stamps"
    if index.changes_parameters:
        return "its parameters change on the way"
    shown = np.flatnonzero(index.shown[np.argsort(index.pts)])
    if len(shown) and shown[-1] - shown[0] + 1 != len(shown):
        return "its edit list leaves out pictures in the middle"
    return ""


def fitted(settings: EncoderSettings, stream: VideoStream, index: GopIndex) -> EncoderSettings:
    """The settings changed so that pieces agree with the source's own parameter sets, under an id of their own."""
    sets = h264.parse_avcc(bytes(stream.codec_context.extradata or b""))
    sps = h264.parse_sps(sets.sps[0])
    x264 = f"annexb=0:sps-id={sets.free_id()}:chromaloc={sps.chroma_location}"
    options = {"x264-params": x264}
    if settings.options.get("crf") != "0":  # lossless exists in one profile only
        options["profile"] = str(sps.profile_name)
    if sps.level >= 10:
        options["level"] = f"{sps.level / 10:g}"
    if sps.profile_name == "baseline" or not _leaves_room(index):
        options["bf"] = "0"
    return settings.with_options(**options)


def joined_parameters(stream: VideoStream, extradata: bytes) -> bytes:
    """The source's parameter sets and those of the encoded pieces in one record.

    The pieces' sets announce the source's picture buffer: a decoder may drop what it still holds where that changes.
    """
    source, pieces = h264.parse_avcc(bytes(stream.codec_context.extradata or b"")), h264.parse_avcc(extradata)
    sps = h264.parse_sps(source.sps[0])
    fitting = tuple(h264.with_buffer(unit, sps.reorder_frames or 0, sps.dpb_frames or 0) for unit in pieces.sps)
    return source.joined(replace(pieces, sps=fitting))


def _leaves_room(index: GopIndex) -> bool:
    """Whether the source's decoding times run a picture ahead of showing, as encoding with B-frames needs."""
    dts = index.dts
    assert dts is not None
    return all((dts[gop.first + 1 : gop.stop] <= index.presentation(gop)[:-1]).all() for gop in index.gops)


class DecodingTimes:
    """Decoding times of encoded pieces, in the order in which they stand in the file.

    Among copied pictures (``index`` given) a piece takes over the decoding times of the pictures it replaces: the
    n-th packet of a piece gets that of its n-th picture as shown, which in a closed group is never later than the
    picture itself. Else each packet is decoded ``delay`` pictures before it could be shown at the earliest.
    """

    def __init__(self, index: GopIndex | None, delay: int) -> None:
        self._shown: Ticks | None = None
        if index is not None:
            assert index.dts is not None
            self._shown, self._dts = np.sort(index.pts), index.dts
        self._delay, self._tail = delay, list[int]()

    def assign(self, pts: Sequence[int]) -> list[int]:
        """``pts`` of a piece's packets in decoding order; returns their dts. Raises JoinError when none fit."""
        in_order = sorted(pts)
        dts = self._made(in_order) if self._shown is None else self._taken_over(in_order)
        if any(d > p for d, p in zip(dts, pts, strict=True)) or any(a >= b for a, b in zip(dts, dts[1:], strict=False)):
            raise JoinError("no decoding times fit the encoded pictures")
        return dts

    def _taken_over(self, in_order: list[int]) -> list[int]:
        assert self._shown is not None
        return [int(time) for time in self._dts[np.searchsorted(self._shown, in_order)]]

    def _made(self, in_order: list[int]) -> list[int]:
        if not self._tail:
            step = in_order[1] - in_order[0] if len(in_order) > 1 else 1
            self._tail = [in_order[0] - back * step for back in range(self._delay, 0, -1)]
        line = self._tail + in_order
        self._tail = line[len(line) - self._delay :]
        return line[: len(in_order)]
