"""Rooms whose reverberation is known: shoeboxes by mirror images, and noise that decays.

Source: Allen and Berkley, "Image method for efficiently simulating small-room acoustics" (JASA 1979).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

RATE = 16_000
_SOUND_M_S = 343.0
_MOST_IMAGES = 26

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KnownRoom:
    """answer: what a click becomes, at 16 kHz. t60_s: from the decay from -5 to -25 dB; clarity_db: energy of the
    first 50 ms over the rest."""

    answer: Array
    t60_s: float
    clarity_db: float


def known(answer: Array) -> KnownRoom:
    """Measure a room's answer itself (Schroeder's backward integration)."""
    peak = int(np.argmax(np.abs(answer)))
    energy = np.cumsum(answer[peak:][::-1] ** 2)[::-1]
    decay = 10 * np.log10(energy / energy[0] + 1e-15)
    inside = np.flatnonzero((decay < -5) & (decay > -25))
    t60 = 0.05 if len(inside) < 20 else -60 / float(np.polyfit(inside / RATE, decay[inside], 1)[0])
    early = peak + int(0.05 * RATE)
    clarity = 10 * np.log10(np.sum(answer[peak:early] ** 2) / (np.sum(answer[early:] ** 2) + 1e-15))
    return KnownRoom(answer, t60, float(clarity))


def decaying_noise(t60_s: float, direct_db: float, seed: int, high_decays: float = 0.7) -> KnownRoom:
    """A click and noise that decays; above 2 kHz in ``high_decays`` of the time. direct_db: the click over it."""
    rng = np.random.default_rng(seed)
    count = int(min(1.3 * t60_s + 0.1, 2.5) * RATE)
    seconds = np.arange(count) / RATE
    noise = rng.standard_normal(count)
    low = sosfilt(butter(2, 2000, fs=RATE, output="sos"), noise)
    answer = low * np.exp(-6.908 * seconds / t60_s) + (noise - low) * np.exp(-6.908 * seconds / (t60_s * high_decays))
    answer[: int(0.004 * RATE)] = 0
    answer *= np.sqrt(10 ** (-direct_db / 10) / np.sum(answer**2))
    answer[0] = 1.0
    return known(answer)


def shoebox(size_m: tuple[float, float, float], source_m: tuple[float, float, float],
            microphone_m: tuple[float, float, float], reflection: float, seconds: float = 1.3) -> KnownRoom:
    """A room of six like walls that send back ``reflection`` of the sound's pressure."""
    size, source, microphone = np.array(size_m), np.array(source_m), np.array(microphone_m)
    count = int(seconds * RATE)
    answer = np.zeros(count + 64)
    reach = np.minimum(np.ceil(_SOUND_M_S * seconds / (2 * size)).astype(int), _MOST_IMAGES)
    grids = np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij")
    for mirrored in np.ndindex(2, 2, 2):
        offsets = [(1 - 2 * m) * source[i] + 2 * grids[i] * size[i] - microphone[i] for i, m in enumerate(mirrored)]
        distance = np.sqrt(sum(np.square(offset) for offset in offsets))
        bounces = sum(np.abs(grids[i] - m) + np.abs(grids[i]) for i, m in enumerate(mirrored))
        level = reflection**bounces / (4 * np.pi * np.maximum(distance, 0.1))
        time = distance / _SOUND_M_S * RATE
        first = np.floor(time).astype(int)
        part, inside = time - first, first < count
        np.add.at(answer, first[inside], (level * (1 - part))[inside])
        np.add.at(answer, first[inside] + 1, (level * part)[inside])
    return known(np.asarray(sosfilt(butter(2, 60, "high", fs=RATE, output="sos"), answer[:count])))


def random_shoebox(seed: int) -> KnownRoom:
    """From a closet to a church, the microphone 0.3 to 3 m away."""
    rng = np.random.default_rng(seed)
    size = rng.uniform([2.5, 2.5, 2.3], [9, 8, 4])
    source = rng.uniform(0.3, 0.7, 3) * size
    direction = rng.standard_normal(3) * np.array([1, 1, 0.3])
    direction /= np.linalg.norm(direction)
    microphone = np.clip(source + direction * rng.uniform(0.3, 3), 0.2, size - 0.2)
    reflection = 1 - np.exp(rng.uniform(np.log(0.04), np.log(0.4)))
    return shoebox(tuple(size), tuple(source), tuple(microphone), float(reflection))
