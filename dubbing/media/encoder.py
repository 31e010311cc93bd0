"""Which encoder, pixel format and settings keep what the source has."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av.sidedata.sidedata import Type as SideDataType
from av.video.stream import VideoStream

from dubbing.media.paste import padded_to_even
from dubbing.media.segments import EncoderSettings

#: Fixed, not the machine's: x264's result depends on it, and the same inputs shall give the same file anywhere.
THREADS = 4

#: What makes the fastest preset the better one: as small as "superfast" at the same quality in half the time.
_TUNED = {"ultrafast": {"bf": "3", "coder": "ac"}}

_EIGHT_BIT = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p")
_TEN_BIT = ("yuv420p10le", "yuv422p10le", "yuv444p10le")


@dataclass(frozen=True, slots=True)
class Encoder:
    """Settings of a video encoder; ``height`` and ``width`` are of the encoded picture, as stored."""

    codec: str
    pixel_format: str
    height: int
    width: int
    options: dict[str, str]
    threads: int = THREADS
    notes: list[str] = field(default_factory=list)

    def padded(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame at the encoder's size: odd sizes get one more row or column."""
        return frame if (frame.height, frame.width) == (self.height, self.width) else padded_to_even(frame)


def choose_encoder(stream: VideoStream, first: av.VideoFrame, preset: str, crf: int) -> Encoder:
    """H.264 for 8-bit pictures, HEVC for deeper ones (but 10-bit H.264 stays that), in the source's own pixel format.

    Odd sizes cannot be coded with halved chroma: one more row or column repeats the edge, and a note says so.
    """
    notes: list[str] = []
    name = first.format.name
    is_deep = max(component.bits for component in first.format.components) > 8
    pixel_format = name if name in (_TEN_BIT if is_deep else _EIGHT_BIT) else _nearest(first.format, is_deep)
    if pixel_format != name:
        notes.append(f"The pictures were converted from {name} to {pixel_format}, the nearest that can be encoded.")
    height, width = first.height, first.width
    if "444" not in pixel_format and (height % 2 or width % 2):
        height, width = height + height % 2, width + width % 2
        notes.append(f"The picture was {first.width}x{first.height}; odd sizes cannot be encoded, so its edge was "
                     f"repeated once, to {width}x{height}.")
    options = {"preset": preset, "crf": str(crf)}
    codec = "libx265" if is_deep and stream.codec_context.name != "h264" else "libx264"
    # No pyramid of B-frames and closed groups: how far decoding runs ahead of showing is known, and pieces can be
    # joined.
    if codec == "libx264":
        options |= {"b-pyramid": "none", **_TUNED.get(preset, {})}
    else:
        options["x265-params"] = ":".join(["log-level=error", f"frame-threads={THREADS}", "b-pyramid=0", "open-gop=0",
                                           *_hdr_parameters(first)])
        if any(kind.name.startswith(("DOVI", "DYNAMIC_HDR")) for kind in _side_data_types(first)):
            notes.append("Dynamic HDR data (Dolby Vision, HDR10+) is not kept when pictures are repainted.")
    return Encoder(codec, pixel_format, height, width, options, notes=notes)


def settings_for(encoder: Encoder, stream: VideoStream, gop_frames: int) -> EncoderSettings:
    """The encoder's settings with the source's time base, rate, pixel shape and colour tags."""
    context = stream.codec_context
    colours = (int(context.color_range), int(context.colorspace), int(context.color_primaries),
               int(context.color_trc))
    return EncoderSettings(encoder.codec, encoder.pixel_format, encoder.height, encoder.width, encoder.options,
                           encoder.threads, stream.time_base, stream.average_rate or Fraction(25),
                           stream.sample_aspect_ratio or None, colours, gop_frames)


def prepared(frame: av.VideoFrame, encoder: Encoder) -> av.VideoFrame:
    """The decoder's own frame where its format can be encoded, else a conversion within its colour range."""
    if frame.format.name == encoder.pixel_format:
        return frame
    is_rgb = frame.format.components[0].is_luma is False or frame.format.is_rgb
    colour_range = 2 if int(frame.color_range) == 2 and not is_rgb else 1
    source_range = 2 if is_rgb else colour_range
    return frame.reformat(frame.width, frame.height, encoder.pixel_format, src_color_range=source_range,
                          dst_color_range=colour_range)


def _nearest(format_: Any, is_deep: bool) -> str:
    """The planar format with the source's chroma sampling (RGB: halved), 10 bits when the source is deeper than 8."""
    sampling = "420"
    if not format_.is_rgb and len(format_.components) >= 3:
        across, down = format_.chroma_width(16), format_.chroma_height(16)
        sampling = {(8, 8): "420", (8, 16): "422", (16, 16): "444"}.get((across, down), "420")
    return f"yuv{sampling}p" + ("10le" if is_deep else "")


def _side_data_types(frame: av.VideoFrame) -> list[Any]:
    return [frame.side_data[i].type for i in range(len(frame.side_data))]


def _hdr_parameters(frame: av.VideoFrame) -> list[str]:
    """Mastering display and light level (SMPTE ST 2086, CTA-861.3) in x265's notation."""
    parameters = []
    mastering = frame.side_data.get(SideDataType.MASTERING_DISPLAY_METADATA)
    if mastering is not None:
        numbers = struct.unpack("=20i2i", bytes(mastering)[:88])
        values = [numbers[i] / numbers[i + 1] if numbers[i + 1] else 0.0 for i in range(0, 20, 2)]
        red, green, blue, white = (tuple(round(v * 50_000) for v in values[i : i + 2]) for i in (0, 2, 4, 6))
        low, high = (round(v * 10_000) for v in values[8:10])
        if numbers[20] and numbers[21]:
            points = "".join(f"{name}({x},{y})" for name, (x, y) in zip(("G", "B", "R", "WP"),
                                                                       (green, blue, red, white), strict=True))
            parameters.append(f"master-display={points}L({high},{low})")
    light = frame.side_data.get(SideDataType.CONTENT_LIGHT_LEVEL)
    if light is not None:
        parameters.append("max-cll={},{}".format(*struct.unpack("=2I", bytes(light)[:8])))
    return parameters
