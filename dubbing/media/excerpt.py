"""Pieces of long files, read without reading what lies before them."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import numpy as np

from dubbing.media.audio import Sound, wav_writer
from dubbing.media.probe import clock_zero, find_video, open_media

#: A decoder needs a moment before it gives sound that is right.
_LEAD_S = 0.1


@dataclass(frozen=True, slots=True)
class Shown:
    """A decoded picture: its number in the order in which pictures are shown, and its time (ms of the file's clock)."""

    number: int
    time_ms: float
    frame: av.VideoFrame


def wav_between(path: Path, start_ms: float, end_ms: float) -> tuple[Sound, int]:
    """([channels, samples], sample rate) of a WAV file from one time to another, both clipped to what there is."""
    import soundfile

    with soundfile.SoundFile(path) as file:
        first, stop = (min(max(round(ms * file.samplerate / 1000), 0), len(file)) for ms in (start_ms, end_ms))
        file.seek(first)
        part = file.read(max(stop - first, 0), dtype="float32", always_2d=True)
        return np.ascontiguousarray(part.T), int(file.samplerate)


def mono_between(path: Path, start_ms: float, end_ms: float, rate: int = 16_000) -> Sound:
    """[samples] of a media file's first sound track from one time to another, mixed down to mono.

    Decoding begins shortly before; what the file lacks in between is silence.
    """
    wanted = max(0, round((end_ms - start_ms) * rate / 1000))
    sound = np.zeros(wanted, np.float32)
    with open_media(path) as container:
        stream = container.streams.audio[0]
        zero, base = clock_zero(container), stream.time_base
        first = start_ms / 1000 + float(zero)
        if start_ms > 0:
            container.seek(round(max(first - _LEAD_S, 0.0) / base), stream=stream, backward=True)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except (av.error.InvalidDataError, av.error.EOFError):
                continue
            for frame in frames:
                if frame.pts is None:
                    continue
                at = round((float(frame.pts * base) - first) * rate)
                if at >= wanted:
                    return sound
                frame.pts = None
                for part in resampler.resample(frame):
                    values = part.to_ndarray().ravel()
                    low, high = max(at, 0), min(at + len(values), wanted)
                    if high > low:
                        sound[low:high] = values[low - at : high - at]
                    at += len(values)
    return sound


def write_excerpt(path: Path, out: Path, start_ms: float, end_ms: float) -> None:
    """Write a piece of a WAV file as mono 16-bit WAV, faded at its edges."""
    sound, rate = wav_between(path, start_ms, end_ms)
    mono = sound.mean(axis=0)
    fade = min(rate // 100, len(mono) // 2)
    if fade:
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        mono[:fade] *= ramp
        mono[len(mono) - fade:] *= ramp[::-1]
    with wav_writer(out, rate, bits=16) as write:
        write(mono[None].astype(np.float32))


def pictures_between(path: Path, start_ms: float, end_ms: float) -> Iterator[Shown]:
    """The pictures shown from ``start_ms`` to ``end_ms``; decoding begins at the key frame before them.

    The numbers are those of a decoder that starts at the file's beginning: packets tell them without decoding any.
    """
    stamps, keys = _index(path)
    with open_media(path) as container:
        stream = find_video(container)
        assert stream is not None
        stream.thread_type = "AUTO"
        zero, base = clock_zero(container), stream.time_base
        first = max(bisect.bisect_right(stamps, int((start_ms / 1000 + float(zero)) / base)) - 1, 0) if stamps else 0
        for number, frame in _from(container, stream, stamps, keys, first):
            time_ms = float((frame.pts * base - zero) * 1000) if frame.pts is not None else start_ms
            if time_ms >= end_ms:
                return
            if number >= first:
                yield Shown(number, time_ms, frame)


def _index(path: Path) -> tuple[list[int], list[bool]]:
    """Times (ticks) of the shown pictures in order, and which of them are key frames; no times where some are equal."""
    with open_media(path) as container:
        stream = find_video(container)
        assert stream is not None
        rows = sorted((packet.pts, packet.is_keyframe) for packet in container.demux(stream)
                      if packet.pts is not None and packet.size and not packet.is_discard)
    stamps = [pts for pts, _ in rows]
    return (stamps, [key for _, key in rows]) if len(set(stamps)) == len(stamps) else ([], [])


def _from(container: av.container.InputContainer, stream: av.VideoStream, stamps: list[int], keys: list[bool],
          first: int) -> Iterator[tuple[int, av.VideoFrame]]:
    key = first
    while stamps and key > 0:
        key = next((i for i in range(key, -1, -1) if keys[i]), 0)
        container.seek(stamps[key], stream=stream)
        frames = _decoded(container, stream)
        found = next(frames, None)
        if found is not None and found.pts is not None and found.pts <= stamps[first]:
            yield bisect.bisect_right(stamps, found.pts) - 1, found
            for frame in frames:
                if frame.pts is not None:
                    yield bisect.bisect_right(stamps, frame.pts) - 1, frame
            return
        # The seek landed behind what is wanted: one key frame further back.
        key -= 1
    if stamps and first > 0:
        container.seek(min(stamps[0], 0), stream=stream)
    yield from enumerate(_decoded(container, stream))


def _decoded(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue
        except av.error.EOFError:
            return
