"""Streaming video reader: upright 8-bit 4:2:0 pictures, frame numbers and times, nothing kept in memory.

Every part of the lip-sync core reads pictures through here, so frame numbers, rotation and colour mean the
same thing everywhere. Numbers count decoded frames from 0 in presentation order.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.native_log import mute_ffmpeg

Plane = npt.NDArray[np.uint8]
Rgb = npt.NDArray[np.uint8]

# Formats whose planes are already 8-bit 4:2:0 and are handed on bit for bit.
_PLANAR_420 = ("yuv420p", "yuvj420p")
_BT709, _BT470BG, _BT601, _BT2020 = 1, 5, 6, 9
_KR_KB = {_BT709: (0.2126, 0.0722), _BT470BG: (0.299, 0.114), _BT601: (0.299, 0.114), _BT2020: (0.2627, 0.0593)}
_FULL_RANGE = 2


class VideoError(ValueError):
    """The file has no picture that can be decoded."""


def yuv_to_rgb_matrix(matrix: int, full_range: bool) -> npt.NDArray[np.float64]:
    """[3, 4] affine matrix from 8-bit Y, U, V to 8-bit R, G, B (ITU-R BT.601, 709 or 2020 by H.273 number)."""
    kr, kb = _KR_KB.get(matrix, _KR_KB[_BT601])
    kg = 1 - kr - kb
    luma, chroma, black = (1.0, 1.0, 0.0) if full_range else (255 / 219, 255 / 224, 16.0)
    linear = np.array([
        [luma, 0.0, chroma * 2 * (1 - kr)],
        [luma, -chroma * 2 * (1 - kb) * kb / kg, -chroma * 2 * (1 - kr) * kr / kg],
        [luma, chroma * 2 * (1 - kb), 0.0],
    ])
    return np.column_stack([linear, -linear @ np.array([black, 128.0, 128.0])])


@dataclass(slots=True)
class Picture:
    """One upright frame.

    y: uint8 [height, width]; u, v: uint8 [ceil(height/2), ceil(width/2)]. The planes are read-only views into
    the decoder's buffer: copy what has to outlive the picture. ``matrix`` is the H.273 colour matrix number.
    """

    number: int
    time_ms: float
    y: Plane
    u: Plane
    v: Plane
    matrix: int = _BT601
    full_range: bool = False
    _rgb: Rgb | None = field(default=None, repr=False)

    @property
    def height(self) -> int:
        return self.y.shape[0]

    @property
    def width(self) -> int:
        return self.y.shape[1]

    def rgb(self) -> Rgb:
        """uint8 [height, width, 3], converted once and kept as long as the picture."""
        if self._rgb is None:
            self._rgb = self.rgb_region(0, 0, self.height, self.width)
        return self._rgb

    def rgb_region(self, top: int, left: int, height: int, width: int) -> Rgb:
        """uint8 [height, width, 3] of a rectangle that lies inside the picture; ValueError when it does not."""
        if top < 0 or left < 0 or height < 1 or width < 1 or top + height > self.height or left + width > self.width:
            raise ValueError(f"region {top},{left} {height}x{width} leaves the picture {self.height}x{self.width}")
        rows, cols = slice(top // 2, (top + height + 1) // 2), slice(left // 2, (left + width + 1) // 2)
        u, v = (np.ascontiguousarray(p[rows, cols]) for p in (self.u, self.v))
        size = (2 * u.shape[1], 2 * u.shape[0])
        dy, dx = top % 2, left % 2
        u, v = (cv2.resize(p, size, interpolation=cv2.INTER_LINEAR)[dy : dy + height, dx : dx + width] for p in (u, v))
        return self._to_rgb(self.y[top : top + height, left : left + width], u, v)

    def resized_rgb(self, top: int, left: int, height: int, width: int, out_height: int, out_width: int) -> Rgb:
        """A rectangle (clipped to the picture) resized to ``out_height, out_width``; never makes full-size RGB."""
        bottom, right = min(top + height, self.height), min(left + width, self.width)
        top, left = max(top, 0), max(left, 0)
        planes = []
        for plane, half in ((self.y, 1), (self.u, 2), (self.v, 2)):
            rows = slice(top // half, max(bottom // half, top // half + 1))
            part = plane[rows, left // half : max(right // half, left // half + 1)]
            shrinks = part.shape[0] > out_height
            mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            planes.append(cv2.resize(part, (out_width, out_height), interpolation=mode))
        return self._to_rgb(*planes)

    def warp_rgb(self, matrix: npt.NDArray[np.floating], height: int, width: int) -> Rgb:
        """uint8 [height, width, 3]: the picture seen through a [2, 3] affine map from picture to crop pixels.

        Outside the picture the edge is repeated. Strong reductions are area-averaged first, so a large face
        does not alias.
        """
        luma = warp_plane(self.y, matrix, height, width)
        half = np.array(matrix, np.float64)
        # Chroma sample i covers luma pixels 2i and 2i+1: x_luma = 2 x_chroma + 0.5.
        half[:, 2] += 0.5 * (half[:, 0] + half[:, 1])
        half[:, :2] *= 2
        return self._to_rgb(luma, warp_plane(self.u, half, height, width), warp_plane(self.v, half, height, width))

    def _to_rgb(self, y: Plane, u: Plane, v: Plane) -> Rgb:
        return cv2.transform(cv2.merge([y, u, v]), yuv_to_rgb_matrix(self.matrix, self.full_range))


def warp_plane(plane: Plane, matrix: npt.NDArray[np.floating], height: int, width: int) -> Plane:
    """One plane through a [2, 3] affine map (plane pixels to crop pixels), area-averaged where it shrinks a lot."""
    (a, b, c), (d, e, f) = (tuple(map(float, row)) for row in matrix)
    area = abs(a * e - b * d)
    factor = int(min(area**-0.5, 16.0)) if area > 0 else 1
    if factor >= 2:
        # The crop's outline in the plane, from the inverse map of its centre and half sides.
        half_x, half_y = (abs(e) * width + abs(b) * height) / area / 2, (abs(d) * width + abs(a) * height) / area / 2
        to_x, to_y, sign = width / 2 - c, height / 2 - f, 1 if a * e > b * d else -1
        x, y = sign * (e * to_x - b * to_y) / area, sign * (a * to_y - d * to_x) / area
        left, top = max(int(x - half_x) - factor, 0), max(int(y - half_y) - factor, 0)
        right, bottom = (min(int(v) + factor + 1, n) for v, n in zip((x + half_x, y + half_y), plane.shape[::-1],
                                                                     strict=True))
        rows, cols = (bottom - top) // factor, (right - left) // factor
        if rows >= 2 and cols >= 2:
            part = plane[top : top + rows * factor, left : left + cols * factor]
            plane = cv2.resize(part, (cols, rows), interpolation=cv2.INTER_AREA)
            centre = (factor - 1) / 2
            matrix = np.array([[a * factor, b * factor, c + a * (left + centre) + b * (top + centre)],
                               [d * factor, e * factor, f + d * (left + centre) + e * (top + centre)]])
    return cv2.warpAffine(plane, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


class VideoSource:
    """A video file whose upright pictures are read in order, from the start or from any frame on.

    height, width: of the upright picture. frame_count_hint: frames according to the header (0 when unknown).
    Raises VideoError when the file cannot be opened or holds no picture.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._index: list[tuple[int, bool]] | None = None
        with self._open() as container:
            stream = container.streams.video[0]
            self.rate = float(stream.average_rate or stream.guessed_rate or 25)
            self._time_base = stream.time_base
            # Sound and picture share the container's clock; its start is time zero. A negative start is only
            # the encoder's priming, which players cut away.
            self._start_ms = max((container.start_time or 0) / 1000, 0.0)
            seconds = float((stream.duration or 0) * stream.time_base) or (container.duration or 0) / 1e6
            self.frame_count_hint = int(stream.frames or round(seconds * self.rate))
            first = next(self._decode(container), None)
            if first is None:
                raise VideoError(f"{self.path.name} holds no picture that can be decoded")
            self._coded_size = (first.height, first.width)
            turned = round(first.rotation / 90) % 2 == 1
            self.height, self.width = (first.width, first.height) if turned else (first.height, first.width)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Picture]:
        """Yield pictures ``start`` to ``stop`` (exclusive) in presentation order; seeks when that saves decoding."""
        if stop is not None and stop <= start:
            return
        with self._open() as container:
            numbered = self._numbered_from(container, start) if start > 0 else enumerate(self._decode(container))
            for number, frame in numbered:
                if stop is not None and number >= stop:
                    return
                if number >= start:
                    yield self._picture(number, frame)

    def key_frame_before(self, number: int) -> int:
        """The last picture up to ``number`` that can be decoded without any before it; 0 where none is known."""
        index = self._packet_index()
        return next((i for i in range(min(number, len(index) - 1), -1, -1) if index[i][1]), 0)

    def _open(self) -> Any:
        mute_ffmpeg()
        try:
            container = av.open(str(self.path.absolute()))
        except (av.error.FFmpegError, OSError) as error:
            raise VideoError(f"{self.path.name} cannot be opened as a video: {error}") from error
        if not container.streams.video:
            container.close()
            raise VideoError(f"{self.path.name} holds no video stream")
        container.streams.video[0].thread_type = "AUTO"
        return container

    def _decode(self, container: Any) -> Iterator[Any]:
        # Packet by packet, so that a damaged packet costs its own frames and not the rest of the file.
        packets = container.demux(container.streams.video[0])
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.FFmpegError):
                return
            try:
                yield from packet.decode()
            except (av.error.InvalidDataError, av.error.EOFError):
                continue

    def _packet_index(self) -> list[tuple[int, bool]]:
        """(presentation time stamp, is keyframe) of every shown frame, in presentation order; no decoding."""
        if self._index is None:
            with self._open() as container:
                self._index = sorted(
                    (packet.pts, packet.is_keyframe)
                    for packet in container.demux(container.streams.video[0])
                    if packet.pts is not None and packet.size and not packet.is_discard
                )
        return self._index

    def _numbered_from(self, container: Any, start: int) -> Iterator[tuple[int, Any]]:
        index = self._packet_index()
        stamps = [pts for pts, _ in index]
        if start >= len(index) or len(set(stamps)) < len(stamps):
            yield from enumerate(self._decode(container))
            return
        key = next((i for i in range(start, -1, -1) if index[i][1]), 0)
        stream = container.streams.video[0]
        while key > 0:
            container.seek(stamps[key], stream=stream)
            frames = self._decode(container)
            first = next(frames, None)
            if first is not None and first.pts is not None and first.pts <= stamps[start]:
                yield from self._number_by_stamp(first, frames, stamps)
                return
            # Landed behind the wanted frame: go one keyframe further back.
            key = next((i for i in range(key - 1, -1, -1) if index[i][1]), 0)
        container.seek(min(stamps[0], 0), stream=stream)
        yield from enumerate(self._decode(container))

    @staticmethod
    def _number_by_stamp(first: Any, frames: Iterator[Any], stamps: list[int]) -> Iterator[tuple[int, Any]]:
        yield max(bisect.bisect_right(stamps, first.pts) - 1, 0), first
        for frame in frames:
            if frame.pts is not None:
                yield max(bisect.bisect_right(stamps, frame.pts) - 1, 0), frame

    def _picture(self, number: int, frame: Any) -> Picture:
        time_ms = number * 1000 / self.rate
        if frame.pts is not None:
            time_ms = float(frame.pts * (frame.time_base or self._time_base)) * 1000 - self._start_ms
        full_range = int(frame.color_range) == _FULL_RANGE or frame.format.name.startswith("yuvj")
        matrix = int(frame.colorspace)
        rotation = frame.rotation
        frame = self._as_planar_420(frame, full_range)
        if matrix not in _KR_KB:
            # Untagged: what players assume, standard definition is BT.601 and anything larger BT.709.
            large = max(frame.height, frame.width) >= 1280 or min(frame.height, frame.width) > 576
            matrix = _BT709 if large else _BT601
        planes = [_plane(p) for p in frame.planes[:3]]
        turns = round(rotation / 90) % 4
        if turns:
            planes = [np.ascontiguousarray(np.rot90(p, turns)) for p in planes]
        for plane in planes:
            plane.flags.writeable = False
        return Picture(number, time_ms, *planes, matrix=matrix, full_range=full_range)

    def _as_planar_420(self, frame: Any, full_range: bool) -> Any:
        size = (frame.height, frame.width)
        if frame.format.name in _PLANAR_420 and size == self._coded_size:
            return frame
        height, width = self._coded_size
        color_range = _FULL_RANGE if full_range else 1
        return frame.reformat(width, height, "yuv420p", src_color_range=color_range, dst_color_range=color_range)


def _plane(plane: Any) -> Plane:
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
