"""Encoded pieces of video: made by an encoder of their own, kept for the next export, joined packet by packet.

Every piece begins with an instantaneous refresh and all pieces of a file come from encoders with the same settings,
so they share their parameter sets and can stand in any order beside copied pictures.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from dubbing.errors import MediaError
from dubbing.media.atomic import replacing

_MAGIC = b"dubbing segment 1\n"
_SUFFIX = ".segment"
#: Pieces of exports that never ended are kept this long for the one that goes on.
_ORPHAN_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """All that decides what an encoder makes of the frames it is given.

    height, width: of the encoded picture as stored. colours: range, matrix, primaries, transfer, as FFmpeg counts
    them. gop_frames: the most between two key frames.
    """

    codec: str
    pixel_format: str
    height: int
    width: int
    options: dict[str, str]
    threads: int
    time_base: Fraction
    rate: Fraction
    sample_aspect_ratio: Fraction | None
    colours: tuple[int, int, int, int]
    gop_frames: int

    @property
    def name(self) -> str:
        """Equal for settings that give equal bytes with this build of the encoders."""
        plain = {key: str(value) for key, value in asdict(self).items() if key != "options"}
        plain |= {"options": json.dumps(self.options, sort_keys=True), "av": av.__version__,
                  "libavcodec": str(av.library_versions["libavcodec"])}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

    @property
    def reordered_frames(self) -> int:
        """How many pictures an encoder with these settings may decode before it shows the first of them."""
        if self.options.get("bf") == "0":
            return 0
        return 1 if self.codec == "libx264" else 2

    def with_options(self, **options: str) -> EncoderSettings:
        return replace(self, options=self.options | options)

    def apply(self, context: VideoCodecContext) -> None:
        """Set up an encoder that is not open yet."""
        context.height, context.width, context.pix_fmt = self.height, self.width, self.pixel_format
        context.time_base, context.framerate = self.time_base, self.rate
        context.options = dict(self.options)
        context.thread_count, context.thread_type = self.threads, "FRAME"
        context.flags |= Flags.frame_duration | Flags.bitexact
        context.gop_size = self.gop_frames
        if self.sample_aspect_ratio:
            context.sample_aspect_ratio = self.sample_aspect_ratio
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = self.colours


@dataclass(frozen=True, slots=True)
class Coded:
    """One encoded picture; pts and duration in ticks of the source's time base."""

    pts: int
    duration: int
    is_key: bool
    data: bytes


@dataclass(slots=True)
class Segment:
    """An encoded piece: its pictures in decoding order, and the parameter sets that they need."""

    extradata: bytes
    packets: list[Coded] = field(default_factory=list)


class SegmentEncoder:
    """Encodes one piece: ``encode`` every frame, then ``finish``."""

    def __init__(self, settings: EncoderSettings) -> None:
        self._context = open_encoder(settings)
        self._segment = Segment(bytes(self._context.extradata or b""))

    def encode(self, frame: av.VideoFrame) -> None:
        self._keep(self._context.encode(frame))

    def finish(self) -> Segment:
        self._keep(self._context.encode(None))
        return self._segment

    def _keep(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            assert packet.pts is not None
            self._segment.packets.append(Coded(packet.pts, packet.duration or 0, packet.is_keyframe, bytes(packet)))


def open_encoder(settings: EncoderSettings) -> VideoCodecContext:
    """An encoder that keeps its parameter sets out of the packets. MediaError when it refuses the settings."""
    context = av.CodecContext.create(settings.codec, "w")
    assert isinstance(context, VideoCodecContext)
    settings.apply(context)
    context.flags |= Flags.global_header
    try:
        context.open(strict=False)
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError(f"Pictures of {settings.width}x{settings.height} ({settings.pixel_format}) cannot be encoded "
                         f"({error}).", "Convert the source, for example to H.264.") from error
    return context


class SegmentCache:
    """Encoded pieces of the exports of one project, found by what they were made from.

    owner: what is exported (a language, a container): the pieces of each owner's newest export are kept.
    source_sha256: of the video whose pictures are encoded.
    Safe for several processes at once: a piece appears whole, and one that vanished is made again.
    """

    def __init__(self, root: Path, owner: str, source_sha256: str) -> None:
        self.root, self.source_sha256 = Path(root), source_sha256
        self._owners = self.root / "owners"
        self._manifest = self._owners / f"{hashlib.sha256(owner.encode()).hexdigest()[:32]}.json"
        self._used: set[str] = set()

    def key(self, **recipe: Any) -> str:
        """The name of a piece: a hash of its recipe (plain JSON values) and of the source."""
        text = json.dumps(recipe | {"source": self.source_sha256}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def find(self, key: str) -> Segment | None:
        """The piece, if it is there and whole."""
        self._used.add(key)
        try:
            content = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        return _unpacked(content)

    def put(self, key: str, segment: Segment) -> None:
        self._used.add(key)
        with replacing(self._path(key)) as temporary:
            temporary.write_bytes(_packed(segment))

    def finish(self) -> None:
        """The export is complete: forget what only older exports of this owner needed."""
        before = set(_keys(self._manifest))
        with replacing(self._manifest) as temporary:
            temporary.write_text(json.dumps(sorted(self._used)))
        needed = {key for manifest in self._owners.glob("[!.]*.json") for key in _keys(manifest)}
        now = time.time()
        for path in self._files():
            try:
                is_left_over = path.name.startswith(".") or path.stem not in before
                if path.stem not in needed and (not is_left_over or now - path.stat().st_mtime > _ORPHAN_S):
                    path.unlink()
            except FileNotFoundError:
                continue

    def _path(self, key: str) -> Path:
        return self.root / key[:2] / f"{key}{_SUFFIX}"

    def _files(self) -> Iterator[Path]:
        for folder in self.root.glob("[0-9a-f][0-9a-f]"):
            yield from (path for path in folder.iterdir() if path.suffix == _SUFFIX)


def _keys(manifest: Path) -> list[str]:
    try:
        return [str(key) for key in json.loads(manifest.read_text())]
    except (FileNotFoundError, ValueError):
        return []


def _packed(segment: Segment) -> bytes:
    head = json.dumps({"extradata": segment.extradata.hex(),
                       "packets": [[p.pts, p.duration, p.is_key, len(p.data)] for p in segment.packets]}).encode()
    body = b"".join([head, b"\n", *(p.data for p in segment.packets)])
    return _MAGIC + hashlib.sha256(body).digest() + body


def _unpacked(content: bytes) -> Segment | None:
    """None for a file that a broken disk or another program has damaged."""
    start = len(_MAGIC) + 32
    if not content.startswith(_MAGIC) or hashlib.sha256(content[start:]).digest() != content[len(_MAGIC) : start]:
        return None
    end = content.index(b"\n", start)
    head = json.loads(content[start:end])
    segment, at = Segment(bytes.fromhex(head["extradata"])), end + 1
    for pts, duration, is_key, size in head["packets"]:
        segment.packets.append(Coded(pts, duration, is_key, content[at : at + size]))
        at += size
    return segment
