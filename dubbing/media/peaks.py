"""Peaks of a sound, for drawing its waveform without the sound itself.

One byte for every 10 ms: the largest absolute sample of any channel, companded so that quiet speech is seen
(``round(255 * sqrt(x))``). Ten minutes are 60 kB.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dubbing.media.atomic import replacing

PEAKS_PER_S = 100


def peaks(parts: Iterable[npt.NDArray[np.float32]], sample_rate: int) -> bytes:
    """The peaks of [channels, samples] blocks; peak ``k`` covers the time from ``10 k`` to ``10 (k + 1)`` ms."""
    found: list[npt.NDArray[np.float32]] = []
    held = np.zeros(0, np.float32)
    done = 0
    for part in parts:
        loud = np.concatenate([held, np.abs(part).max(axis=0)])
        first = _edge(done, sample_rate)
        stop = done + int(len(loud) * PEAKS_PER_S / sample_rate) + 1
        while _edge(stop, sample_rate) - first > len(loud):
            stop -= 1
        if stop > done:
            starts = np.array([_edge(k, sample_rate) for k in range(done, stop)]) - first
            end = _edge(stop, sample_rate) - first
            found.append(np.maximum.reduceat(loud[:end], starts))
            held, done = loud[end:], stop
        else:
            held = loud
    if len(held):
        found.append(np.array([held.max()], np.float32))
    loudest = np.concatenate(found) if found else np.zeros(0, np.float32)
    return np.round(255 * np.sqrt(np.clip(loudest, 0, 1))).astype(np.uint8).tobytes()


def write_peaks(out: Path, parts: Iterable[npt.NDArray[np.float32]], sample_rate: int) -> None:
    """Write ``peaks`` to the file ``out``, whole or not at all."""
    content = peaks(parts, sample_rate)
    with replacing(out) as temporary:
        temporary.write_bytes(content)


def write_wav_peaks(out: Path, sound: Path) -> None:
    """Write the peaks of a WAV file to the file ``out``."""
    import soundfile

    with soundfile.SoundFile(sound) as file:
        blocks = (part.T for part in file.blocks(1 << 16, dtype="float32", always_2d=True))
        write_peaks(out, blocks, file.samplerate)


def _edge(index: int, sample_rate: int) -> int:
    return round(index * sample_rate / PEAKS_PER_S)
