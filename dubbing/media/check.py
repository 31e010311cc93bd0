"""A written video read back: is every picture there, in order, and does each piece begin with the right one?"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from pathlib import Path

import av
import av.error
import numpy as np
import numpy.typing as npt

from dubbing.media.paste import stored_planes
from dubbing.media.probe import find_video, open_media

Glimpse = npt.NDArray[np.int32]

_SIDE = 16
#: Mean difference of a glimpse (of 255) that no encoding explains, but a wrong picture or wrong parameters do.
_LARGEST_DIFFERENCE = 24


def glimpse(frame: av.VideoFrame) -> Glimpse:
    """A few luma samples of a frame, scaled to 8 bits."""
    luma = stored_planes(frame)[0]
    rows, columns = max(1, luma.shape[0] // _SIDE), max(1, luma.shape[1] // _SIDE)
    return luma[::rows, ::columns].astype(np.int32) >> (frame.format.components[0].bits - 8)


def find_fault(path: Path, frames: int, starts: Mapping[int, Glimpse | None]) -> str:
    """What is wrong with the pictures of a finished file, in words; empty when nothing is.

    Reads every packet's header but decodes only the pictures in ``starts``: packet numbers in decoding order at
    which a piece begins, and what is to be seen there. frames: pictures that the file must show.
    """
    shown, last, times = 0, None, array("q")
    with open_media(path) as container:
        stream = find_video(container)
        if stream is None:
            return "it has no video stream"
        has_dts = "matroska" not in container.format.name  # there the reader makes them up
        number = -1
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            number += 1
            shown += not packet.is_discard
            if packet.pts is None:
                return f"picture {number} has no time"
            if has_dts and packet.dts is not None and last is not None and packet.dts <= last:
                return f"picture {number} is not decoded after the one before it"
            times.append(packet.pts)
            last = packet.dts
            if number in starts and not packet.is_discard and not _looks_right(stream, packet, starts[number]):
                return f"the piece that begins with picture {number} cannot be decoded"
    if len(np.unique(np.array(times))) != len(times):
        return "two pictures have the same time"
    return "" if shown == frames else f"it shows {shown} pictures of {frames}"


def _looks_right(stream: av.VideoStream, packet: av.Packet, expected: Glimpse | None) -> bool:
    context = stream.codec_context
    try:
        frames = [*packet.decode(), *context.decode(None)]
    except av.error.FFmpegError:
        return False
    finally:
        context.flush_buffers()
    if len(frames) != 1 or frames[0].is_corrupt:
        return False
    if expected is None:
        return True
    found = glimpse(frames[0])
    return found.shape == expected.shape and float(np.abs(found - expected).mean()) < _LARGEST_DIFFERENCE
