"""Everything beside the pictures of an exported file: new sound, original sound, subtitles.

A feed muxes its packets up to a time when asked, so that streams are interleaved and memory stays flat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from av.codec.context import Flags
from av.container import OutputContainer
from av.stream import Disposition

from dubbing.media.audio import Sound, blocks, converted, packed, read_wav_blocks
from dubbing.media.languages import iso639_2
from dubbing.media.probe import open_media

_BIT_RATES = {1: 128_000, 2: 192_000, 6: 384_000, 8: 512_000}
_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 8: "7.1"}
_AAC_RATES = (32_000, 44_100, 48_000)
_FRAME_SAMPLES = 1024


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """A sound track to add: a WAV file whose sample 0 is time zero of the source video's clock.

    language: any tag ("es", "pt-BR", "spa"), written as ISO 639-2; title: what players list.
    """

    path: Path
    language: str = "und"
    title: str = ""
    is_default: bool = True


class Feed(Protocol):
    """A stream of the output that is muxed piece by piece."""

    def advance(self, until: Fraction | None) -> None:
        """Mux everything up to ``until`` seconds; None means all that is left."""

    def close(self) -> None: ...


class EncodedFeed:
    """Sound blocks [channels, samples] into AAC, sample 0 at ``start`` seconds of the output's time stamps."""

    def __init__(self, container: OutputContainer, parts: Iterable[Sound], sample_rate: int, channels: int,
                 start: Fraction) -> None:
        if channels not in _LAYOUTS:
            raise ValueError(f"cannot encode {channels} channels")
        layout = _LAYOUTS[channels]
        if sample_rate not in _AAC_RATES:
            parts, sample_rate = converted(parts, sample_rate, 48_000, layout), 48_000
        if start > 0:
            # Silence from zero rather than a late start: an edit list can say "skip the encoder's priming" or
            # "start late", and the muxer writes but one of them exactly.
            parts = chain(_silence(channels, round(start * sample_rate)), parts)
        stream = container.add_stream("aac", rate=sample_rate, layout=layout)
        stream.bit_rate = _BIT_RATES.get(channels, 96_000 * channels)
        stream.codec_context.time_base = Fraction(1, sample_rate)
        stream.codec_context.flags |= Flags.bitexact
        self.stream, self._container, self._parts = stream, container, iter(parts)
        self._rate, self._layout, self._samples, self._done = sample_rate, layout, 0, False

    def advance(self, until: Fraction | None) -> None:
        while not self._done and (until is None or Fraction(self._samples, self._rate) < until):
            part = next(self._parts, None)
            if part is None:
                self._done = True
                if self._samples == 0:
                    self._encode(np.zeros((len(av.AudioLayout(self._layout).channels), _FRAME_SAMPLES), np.float32))
                self._container.mux(self.stream.encode(None))
            else:
                self._encode(part)

    def _encode(self, part: Sound) -> None:
        clipped = np.clip(part, -1.0, 1.0).astype(np.float32)
        frame = packed(clipped, self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._samples, Fraction(1, self._rate)
        self._samples += part.shape[1]
        self._container.mux(self.stream.encode(frame))

    def close(self) -> None:
        """Nothing is held open."""


class CopiedFeed:
    """Packets of one of the source's streams, untouched, ``shift`` seconds earlier.

    For a container without negative time stamps (Matroska) packets before zero are left out: else its muxer would
    move every stream, the pictures too, to a later time.
    """

    def __init__(self, container: OutputContainer, source: Path, index: int, shift: Fraction) -> None:
        self._input = open_media(source)
        try:
            template = self._input.streams[index]
            self.stream = container.add_stream_from_template(template, opaque=True)
        except BaseException:
            self._input.close()
            raise
        self.stream.metadata.update(_kept_metadata(template.metadata))
        self._container = container
        packets = copied_packets(self._input.demux(template), template, shift)
        self._packets = _from_zero(packets) if container.format.name == "matroska" else packets

    def advance(self, until: Fraction | None) -> None:
        for packet in self._packets:
            # Muxing rescales the packet to the output stream's time base: take its time first.
            time = (packet.pts if packet.dts is None else packet.dts) * packet.time_base
            packet.stream = self.stream
            self._container.mux(packet)
            if until is not None and time >= until:
                return

    def close(self) -> None:
        self._input.close()


def copied_packets(packets: Iterable[Any], stream: Any, shift: Fraction) -> Iterator[Any]:
    """Packets ready to be muxed elsewhere: shifted, and with the decoding times that Matroska leaves out."""
    ticks = round(shift / stream.time_base)
    rate = stream.average_rate if stream.type == "video" else None
    usual = round(1 / rate / stream.time_base) if rate else 0
    waiting: list[Any] = []
    for packet in packets:
        if packet.size == 0 or (packet.pts is None and packet.dts is None):
            continue
        packet.duration = packet.duration or usual  # MPEG-TS has none, and the last frame would last no time
        if packet.pts is not None:
            packet.pts -= ticks
        if packet.dts is None:
            waiting.append(packet)
            continue
        packet.dts -= ticks
        yield from _with_dts(waiting, packet.dts)
        waiting = []
        yield packet
    if waiting:
        yield from _with_dts(waiting, max(p.pts for p in waiting) + 1)


def _from_zero(packets: Iterable[Any]) -> Iterator[Any]:
    for packet in packets:
        if packet.pts + (packet.duration or 0) > 0:
            packet.pts, packet.dts = max(packet.pts, 0), max(packet.dts, 0)
            yield packet


def _with_dts(waiting: list[Any], following: int) -> list[Any]:
    for back, packet in enumerate(reversed(waiting), 1):
        packet.dts = following - back * max(packet.duration or 1, 1)
    return waiting


def add_dubbed(container: OutputContainer, track: AudioTrack, start: Fraction) -> EncodedFeed:
    """Add a WAV file as an AAC track, tagged with its language, title and disposition."""
    import soundfile

    first = next(read_wav_blocks(track.path), None)
    channels = 1 if first is None else first.shape[0]
    with soundfile.SoundFile(track.path) as file:
        rate = file.samplerate
    feed = EncodedFeed(container, read_wav_blocks(track.path), rate, channels, start)
    feed.stream.metadata["language"] = iso639_2(track.language)
    _set_title(feed.stream, track.title)
    feed.stream.disposition = Disposition.dub | (Disposition.default if track.is_default else Disposition(0))
    return feed


def add_original(container: OutputContainer, source: Path, audio_index: int, codecs: frozenset[str] | None,
                 shift: Fraction, start: Fraction) -> tuple[CopiedFeed | EncodedFeed, bool]:
    """Add one of the source's sound tracks, copied where its codec is in ``codecs`` (None: any), else as AAC.

    Returns the feed and whether the packets were copied.
    """
    with open_media(source) as probed:
        template = probed.streams.audio[audio_index]
        codec, index = template.codec_context.name, template.index
        rate, channels = template.codec_context.sample_rate, template.codec_context.layout.nb_channels
        metadata = _kept_metadata(template.metadata)
    is_copied = codecs is None or codec in codecs
    feed: CopiedFeed | EncodedFeed
    if is_copied:
        feed = CopiedFeed(container, source, index, shift)
    else:
        feed = EncodedFeed(container, blocks(source, layout=_LAYOUTS.get(channels), stream=audio_index), rate,
                           channels, start)
        feed.stream.metadata.update(metadata)
    _set_title(feed.stream, metadata.get("title") or metadata.get("name") or "Original")
    feed.stream.disposition = Disposition.original
    return feed, is_copied


def _kept_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """Language, title and handler; not the times of writing, which would make every file different."""
    return {key: value for key, value in metadata.items() if key in ("language", "title", "name", "handler_name")}


def _set_title(stream: Any, title: str) -> None:
    stream.metadata.pop("name", None)
    if title:
        # MP4 players list the handler's name, Matroska players the title.
        stream.metadata["title"] = stream.metadata["handler_name"] = title


def _silence(channels: int, samples: int) -> Iterator[Sound]:
    yield np.zeros((channels, samples), np.float32)
