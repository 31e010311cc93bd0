"""The groups of pictures of a video that stand alone, found from its packets without decoding any.

A group is closed when nothing in it refers to a picture outside and nothing outside refers into it. It begins at an
instantaneous refresh (H.264 type 5, HEVC types 19 and 20; any key frame of VP9), never at a mere recovery point, and
its time stamps must lie between those of its neighbours.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av.error
import numpy as np
import numpy.typing as npt

from dubbing.media import h264
from dubbing.media.probe import open_media

Ticks = npt.NDArray[np.int64]

_UNKNOWN = np.iinfo(np.int64).min
#: H.264 allows 16 pictures to be decoded before the first of them is shown.
_MOST_REORDERED = 16


@dataclass(frozen=True, slots=True)
class Gop:
    """Packets ``first`` to ``stop`` (exclusive) in decoding order, and as many frames: a closed group."""

    first: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.first


@dataclass(frozen=True, slots=True)
class GopIndex:
    """Every packet of a video stream, in decoding order; times in ticks of the stream's own time base.

    pts, durations, shown: int64 and bool [packets]. shown: not hidden by an edit list. has_times: every picture
    has a time of its own; without it there is a single group.
    dts: int64 [packets], strictly rising and never behind pts; None where the file's own are not usable and none
    can be made.
    """

    pts: Ticks
    dts: Ticks | None
    durations: Ticks
    shown: npt.NDArray[np.bool_]
    gops: tuple[Gop, ...]
    has_times: bool
    changes_parameters: bool

    def presentation(self, gop: Gop) -> Ticks:
        """The group's time stamps in the order in which they are shown."""
        return np.sort(self.pts[gop.first : gop.stop])

    def cut_before(self, gop: Gop, position: int) -> int:
        """How many of the group's packets can be kept when its frames from ``position`` on are replaced.

        At most ``position``; the packets kept are the first in decoding order and just the first that are shown.
        """
        pts = self.pts[gop.first : gop.stop]
        whole = np.maximum.accumulate(pts) == np.sort(pts)
        ends = np.flatnonzero(whole[:position]) + 1
        return int(ends[-1]) if len(ends) else 0


def index_gops(path: Path, stream_index: int) -> GopIndex:
    """Read the packet headers of a video from beginning to end."""
    rows = array("q")  # pts, dts, duration, shown of every packet
    starts: list[int] = []
    is_cut_off = changes = False
    with open_media(path) as container:
        stream = container.streams[stream_index]
        is_start = _start_test(stream)
        try:
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                if packet.is_keyframe and not packet.is_corrupt and is_start(packet):
                    starts.append(len(rows) // 4)
                is_cut_off = packet.is_corrupt
                changes |= bool(rows) and packet.has_sidedata("new_extradata")
                rows.extend((_UNKNOWN if packet.pts is None else packet.pts,
                             _UNKNOWN if packet.dts is None else packet.dts, packet.duration or 0,
                             not packet.is_discard))
        except av.error.FFmpegError:
            is_cut_off = False
    table = np.array(rows, np.int64).reshape(-1, 4)
    # The last packet of a file that was cut off is incomplete: it is as if it were not there.
    table = table[: len(table) - is_cut_off]
    pts, dts = table[:, 0], table[:, 1]
    has_times = bool((pts != _UNKNOWN).all()) and len(np.unique(pts)) == len(pts)
    bounds = _closed(pts, starts) if has_times and len(pts) else [0]
    gops = tuple(Gop(a, b) for a, b in zip(bounds, [*bounds[1:], len(pts)], strict=True))
    usual = _usual(pts, table[:, 2]) if has_times else 1
    durations = np.where(table[:, 2] > 0, table[:, 2], usual)
    times = decoding_times(pts, dts, usual) if has_times else None
    return GopIndex(pts, times, durations, table[:, 3].astype(bool), gops, has_times, changes)


def decoding_times(pts: Ticks, dts: Ticks, usual: int) -> Ticks | None:
    """The file's own decoding times where they rise and never exceed pts, else the least delay that makes some."""
    if len(pts) == 0 or ((dts != _UNKNOWN).all() and (np.diff(dts) > 0).all() and (dts <= pts).all()):
        return dts
    shown = np.sort(pts)
    for delay in range(_MOST_REORDERED + 1):
        made = np.concatenate([shown[0] - usual * np.arange(delay, 0, -1), shown])[: len(pts)]
        if (made <= pts).all():
            return made
    return None


def _closed(pts: Ticks, starts: Sequence[int]) -> list[int]:
    """Those of ``starts`` before which everything is shown earlier and after which everything is shown later."""
    latest = np.maximum.accumulate(pts)
    earliest = np.minimum.accumulate(pts[::-1])[::-1]
    return [0, *(i for i in starts if i and latest[i - 1] < earliest[i] == pts[i])]


def _usual(pts: Ticks, durations: Ticks) -> int:
    if len(pts) > 1:
        return max(1, int(np.median(np.diff(np.sort(pts)))))
    return max(1, int(durations.max(initial=1)))


def _start_test(stream: Any) -> Callable[[Any], bool]:
    """A function that tells whether a key frame's packet begins a closed group."""
    name = stream.codec_context.name
    extradata = bytes(stream.codec_context.extradata or b"")
    if name == "h264" and extradata[:1] == b"\x01":
        length = (extradata[4] & 3) + 1
        return lambda packet: h264.starts_with_idr(memoryview(packet), length)
    if name == "hevc" and len(extradata) > 22 and extradata[0] == 1:
        size = (extradata[21] & 3) + 1
        return lambda packet: _hevc_refresh(memoryview(packet), size)
    if name in ("vp9", "libvpx-vp9"):
        return lambda packet: True
    return lambda packet: False


def _hevc_refresh(packet: memoryview, length_bytes: int) -> bool:
    at = 0
    while at + length_bytes < len(packet):
        kind = packet[at + length_bytes] >> 1 & 63
        if kind < 32:
            return kind in (19, 20)
        at += length_bytes + int.from_bytes(packet[at : at + length_bytes], "big")
    return False
