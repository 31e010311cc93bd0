"""Sound in and out: streamed blocks on the video's clock, WAV files, sample rate conversion.

Sample 0 of everything read here is time zero of the file's clock (``MediaInfo.start_ms``): a stream that starts
late is padded with silence, one that starts early is trimmed, gaps in it become silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import gcd
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

from dubbing.errors import MediaError
from dubbing.media.atomic import replacing
from dubbing.media.probe import clock_zero, layout_name, open_media

Sound = npt.NDArray[np.float32]

BLOCK_SAMPLES = 48_000
#: Time stamps that are off by less than this are jitter, not a gap.
_JITTER_MS = 15
# Without it FFmpeg adds float channels at weights whose sum exceeds one.
_NORMALISED = {"rematrix_maxval": "1.0"}
_WAV_SUBTYPES = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}


def read_mono_16k(path: Path, stream: int = 0) -> Sound:
    """All of audio stream ``stream`` (counted among the audio streams) as float32 [samples] at 16 kHz, mono.

    Channels are mixed down with FFmpeg's standard weights, normalised so that nothing clips.
    Raises MediaError when there is no such stream or it cannot be decoded.
    """
    parts = [block[0] for block in blocks(path, sample_rate=16_000, layout="mono", stream=stream)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def blocks(path: Path, sample_rate: int | None = None, layout: str | None = None,
           block_samples: int = BLOCK_SAMPLES, stream: int = 0) -> Iterator[Sound]:
    """Stream an audio stream as float32 [channels, samples], ``block_samples`` each, the last one shorter.

    sample_rate, layout: of the result ("mono", "stereo", "5.1"); None keeps what the file has.
    Raises MediaError when there is no such stream or nothing of it can be decoded.
    """
    with open_media(path) as container:
        if stream >= len(container.streams.audio):
            which = "no audio stream" if not container.streams.audio else f"no audio stream number {stream + 1}"
            raise MediaError(f"{Path(path).name} has {which}.", "Give a file with sound.")
        source = container.streams.audio[stream]
        if source.codec_context is None:
            raise MediaError(f"The sound of {Path(path).name} is in a codec that cannot be decoded here.",
                             "Convert it, for example to AAC.")
        rate = source.codec_context.sample_rate
        wanted = layout or layout_name(source.codec_context.layout)
        placed = _placed(_decoded(Path(path), container, source, wanted), rate, clock_zero(container))
        if sample_rate and sample_rate != rate:
            placed = converted(placed, rate, sample_rate, wanted)
        yield from rechunked(placed, block_samples)


def rechunked(parts: Iterable[Sound], block_samples: int) -> Iterator[Sound]:
    """Cut [channels, n] pieces of any length anew into blocks of ``block_samples``; the last may be shorter."""
    held: list[Sound] = []
    count = 0
    for part in parts:
        held.append(part)
        count += part.shape[1]
        if count >= block_samples:
            whole = np.concatenate(held, axis=1)
            for start in range(0, count - block_samples + 1, block_samples):
                yield np.ascontiguousarray(whole[:, start : start + block_samples])
            rest = whole[:, count - count % block_samples :]
            held, count = [rest], rest.shape[1]
    if count:
        yield np.concatenate(held, axis=1)


def write_wav(path: Path, parts: Iterable[Sound], sample_rate: int, bits: int = 24) -> int:
    """Write [channels, samples] blocks as WAV (RF64 where it outgrows 4 GB); returns how many samples.

    bits: 16 or 24 for integers (clipped to the range), 32 for float. The file appears whole or not at all.
    Raises StorageError when it cannot be written, ValueError when there is no block.
    """
    total = 0
    with wav_writer(path, sample_rate, bits) as write:
        for part in parts:
            write(part)
            total += part.shape[1]
    return total


@contextmanager
def wav_writer(path: Path, sample_rate: int, bits: int = 24) -> Iterator[Callable[[Sound], None]]:
    """Yield a function that appends [channels, samples] blocks to a WAV file; the file is there when all went well.

    The first block decides the number of channels; a block that was never written raises ValueError.
    """
    import soundfile

    with replacing(Path(path)) as temporary:
        file: Any = None

        def write(part: Sound) -> None:
            nonlocal file
            if file is None:
                file = soundfile.SoundFile(temporary, "w", sample_rate, part.shape[0], _WAV_SUBTYPES[bits],
                                           format="RF64")
                # libsndfile turns an RF64 file that stayed below 4 GB into a plain WAV when it closes it.
                _downgrade_when_small(file)
            file.write(part.T)

        try:
            yield write
            if file is None:
                raise ValueError("no sound to write")
        except soundfile.LibsndfileError as error:
            raise OSError(None, str(error)) from error
        finally:
            if file is not None:
                file.close()


def read_wav_blocks(path: Path, block_samples: int = BLOCK_SAMPLES) -> Iterator[Sound]:
    """Stream a WAV file as float32 [channels, samples]; MediaError when it is none."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            while len(part := file.read(block_samples, dtype="float32", always_2d=True)):
                yield np.ascontiguousarray(part.T)
    except soundfile.LibsndfileError as error:
        raise MediaError(f"{Path(path).name} cannot be read as a sound file ({error}).", "Give a WAV file.") from error


def resample(sound: Sound, from_rate: int, to_rate: int) -> Sound:
    """Mono ``sound`` [samples] at another rate; the result has round(n * to_rate / from_rate) samples.

    Polyphase filtering with a Kaiser window (beta 8), cut at 95 % of the lower Nyquist frequency.
    """
    from scipy.signal import firwin, resample_poly

    if from_rate == to_rate or not len(sound):
        return np.asarray(sound, np.float32)
    divisor = gcd(from_rate, to_rate)
    up, down = to_rate // divisor, from_rate // divisor
    widest = max(up, down)
    taps = firwin(2 * 24 * widest + 1, 0.95 / widest, window=("kaiser", 8.0))
    wanted = round(len(sound) * to_rate / from_rate)
    result = resample_poly(np.asarray(sound, np.float64), up, down, window=taps)[:wanted]
    return np.pad(result, (0, wanted - len(result))).astype(np.float32)


def packed(part: Sound, layout: str) -> av.AudioFrame:
    """[channels, samples] as a frame of interleaved samples: PyAV reads past the planes of eight or more channels."""
    return av.AudioFrame.from_ndarray(np.ascontiguousarray(part.T, np.float32).reshape(1, -1), format="flt",
                                      layout=layout)


def unpacked(frame: av.AudioFrame) -> Sound:
    """The inverse of ``packed``: float32 [channels, samples]."""
    return np.ascontiguousarray(frame.to_ndarray().reshape(frame.samples, -1).T)


def _decoded(path: Path, container: Any, source: Any, layout: str) -> Iterator[tuple[Fraction | None, Sound]]:
    """(start in seconds of the container's time stamps, [channels, samples]) in decoding order."""
    resampler: Any = None
    shape: tuple[Any, ...] = ()
    found = False
    for packet in container.demux(source):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue  # a damaged packet costs its own sound only; the gap becomes silence
        except av.error.EOFError:
            break
        for frame in frames:
            if frame.sample_rate != source.codec_context.sample_rate:
                raise MediaError(f"The sound of {path.name} changes its sample rate half-way.",
                                 "Convert it to one rate first.")
            now = (frame.format.name, frame.layout.name)
            if resampler is None or now != shape:
                resampler, shape = av.AudioResampler(format="flt", layout=layout, options=_NORMALISED), now
            time = None if frame.pts is None else frame.pts * frame.time_base
            frame.pts = None
            parts = [unpacked(part) for part in resampler.resample(frame)]
            found = True
            if parts:
                yield time, np.concatenate(parts, axis=1)
    if not found:
        raise MediaError(f"The sound of {path.name} cannot be decoded.", "Convert it, for example to AAC.")


def _placed(parts: Iterable[tuple[Fraction | None, Sound]], rate: int, zero: Fraction) -> Iterator[Sound]:
    """Pad and trim decoded pieces so that their sample numbers are times on the file's clock."""
    position = 0
    jitter = rate * _JITTER_MS // 1000
    for index, (time, part) in enumerate(parts):
        if time is not None:
            wanted = round((time - zero) * rate)
            off = wanted - position
            if abs(off) > jitter or (index == 0 and off):
                if off > 0:
                    yield from silence(part.shape[0], off)
                    position = wanted
                else:
                    part = part[:, -off:]
        if part.shape[1]:
            yield part
            position += part.shape[1]


def silence(channels: int, samples: int) -> Iterator[Sound]:
    """Blocks of so much silence; none for zero or less."""
    while samples > 0:
        count = min(samples, BLOCK_SAMPLES)
        yield np.zeros((channels, count), np.float32)
        samples -= count


def converted(parts: Iterable[Sound], from_rate: int, to_rate: int, layout: str) -> Iterator[Sound]:
    """Another sample rate, streamed through FFmpeg's resampler (its delay is taken out)."""
    resampler = av.AudioResampler(format="flt", layout=layout, rate=to_rate)
    done = 0
    written = 0
    for part in parts:
        frame = packed(part, layout)
        frame.sample_rate, frame.pts, frame.time_base = from_rate, done, Fraction(1, from_rate)
        done += part.shape[1]
        for out in resampler.resample(frame):
            written += out.samples
            yield unpacked(out)
    wanted = round(done * to_rate / from_rate)
    for out in resampler.resample(None):
        tail = unpacked(out)[:, : max(wanted - written, 0)]
        written += tail.shape[1]
        if tail.shape[1]:
            yield tail


def _downgrade_when_small(file: Any) -> None:
    """SFC_RF64_AUTO_DOWNGRADE (0x1210): libsndfile writes a plain WAV header if the file stays below 4 GB."""
    import soundfile

    soundfile._snd.sf_command(file._file, 0x1210, soundfile._ffi.NULL, 1)
