"""The room and the microphone of the original, laid on a take: early reflections, a decaying tail, the spectrum.

A dry take in a reverberant scene is what a listener notices first. What the original's room does is measured on the
original speech (:mod:`dubbing.pipeline.room_measure`); a room like it is made of noise that decays as it does, sparse
at first and then dense, as reflections are (Moorer, "About This Reverberation Business", 1979).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound
from dubbing.media.audio import resample
from dubbing.pipeline.room_measure import BANDS_HZ, RATE, RoomProfile, measure_room, spectrum_bands

__all__ = ["RoomProfile", "measure_room", "place"]

#: A tail may outlast its take by this, and is so far down when the next line begins.
LONGEST_TAIL_MS = 400.0
TAIL_FLOOR_DB = -50.0
MOST_EQ_DB = 6.0
#: How far the spectrum is moved: what is left is the voice's own.
_EQ_TRUST = 0.6
_LEAST_EQ_DB = 1.0
#: A clearer room than this is not heard; a take has about as much of one by itself.
CLEAREST_DB = 20.0
_SHORTEST_T60_S, _LONGEST_T60_S = 0.15, 2.0
_EARLY_S = 0.05
#: The tail has at most so much more energy than the direct sound.
_MOST_TAIL_DB = 9.0
_FIRST_REFLECTION_S, _DENSE_S = 0.003, 0.04
_HIGH_DECAYS = 0.7
_AIR_HZ, _SPEECH_HZ = 5000.0, 3500.0
_SEED = 20_240
#: Beyond the band: telephones cut steeply above it, less so below.
_CUT_LOW_OCTAVE_DB, _CUT_HIGH_OCTAVE_DB = 40.0, 120.0

Array = npt.NDArray[np.floating[Any]]


def place(sound: Sound, sample_rate: int, room: RoomProfile, own: RoomProfile | None = None, *,
          gap_ms: float | None = None) -> Sound:
    """Mono ``sound`` as it would be heard in ``room``; as loud as before, longer by at most 400 ms of tail.

    own: how the take sounds by itself (its spectrum is measured on it where None). gap_ms: silence after the take
    before the next line; the tail is 50 dB down by then. A dry room with the take's own spectrum gives ``sound``.
    """
    if len(sound) < sample_rate // 20 or not np.any(sound):
        return sound
    curve = equalizer(sound, sample_rate, room, own)
    tail = impulse(room, sample_rate) if is_audible(room) else None
    if curve is None and tail is None:
        return sound
    out: Array = np.asarray(sound, np.float64)
    if curve is not None:
        out = shaped(out, sample_rate, *curve)
    if tail is not None:
        out = _with_tail(out, tail, sample_rate, gap_ms)
    before = np.sqrt(np.mean(np.square(sound, dtype=np.float64)))
    after = np.sqrt(np.mean(np.square(out[: len(sound)])))
    return np.asarray(out * (before / max(after, 1e-9)), np.float32)


def is_audible(room: RoomProfile) -> bool:
    """Whether the room adds anything that a take does not have by itself."""
    return room.clarity_db <= CLEAREST_DB


def impulse(room: RoomProfile, sample_rate: int) -> Array:
    """The room's answer to a click: 1 at once, then reflections and a tail, with the room's clarity in all."""
    from scipy.signal import butter, sosfilt

    t60 = float(np.clip(room.t60_s, _SHORTEST_T60_S, _LONGEST_T60_S))
    count = int((t60 + 0.05) * sample_rate)
    seconds = np.arange(count) / sample_rate
    noise = np.random.default_rng(_SEED).standard_normal(count)
    # Reflections come one by one at first; each carries what the ones that are missing would have.
    density = np.clip((seconds / _DENSE_S) ** 2, 0.02, 1.0)
    noise *= (np.random.default_rng(_SEED + 1).random(count) < density) / np.sqrt(density)
    noise[seconds < _FIRST_REFLECTION_S] = 0.0
    low = sosfilt(butter(2, min(2000.0, 0.4 * sample_rate), fs=sample_rate, output="sos"), noise)
    air = butter(1, min(_AIR_HZ, 0.45 * sample_rate), fs=sample_rate, output="sos")
    # Air and walls take the high part sooner.
    answer = low * np.exp(-6.908 * seconds / t60) + (noise - low) * np.exp(-6.908 * seconds / (t60 * _HIGH_DECAYS))
    answer = sosfilt(air, answer)
    click = np.zeros(count)
    click[0] = 1.0
    # Where speech has its energy, whatever the rate: that of a click there is what the tail is weighed against.
    weigh = butter(2, min(_SPEECH_HZ, 0.4 * sample_rate), fs=sample_rate, output="sos")
    heard, direct = sosfilt(weigh, answer), float(np.sum(np.square(sosfilt(weigh, click))))
    answer *= np.sqrt(_tail_energy(heard, room.clarity_db, sample_rate) * direct / float(np.sum(np.square(heard))))
    answer[0] = 1.0
    return np.asarray(answer)


def _tail_energy(answer: Array, clarity_db: float, sample_rate: int) -> float:
    """The energy that ``answer`` must have beside a direct sound of 1 for that clarity."""
    share = np.cumsum(np.square(answer)) / np.sum(np.square(answer))
    early = float(share[min(len(share) - 1, int(_EARLY_S * sample_rate))])
    needed = 10 ** (clarity_db / 10) * (1 - early) - early
    most = 10 ** (_MOST_TAIL_DB / 10)
    return min(most, 1 / needed) if needed > 0 else most


def _with_tail(sound: Array, answer: Array, sample_rate: int, gap_ms: float | None) -> Array:
    """Convolved; the tail is faded out by the time at which it must be gone."""
    from scipy.signal import fftconvolve

    longest = LONGEST_TAIL_MS if gap_ms is None else min(LONGEST_TAIL_MS, max(0.0, gap_ms))
    extra = min(int(longest * sample_rate / 1000), len(answer) - 1)
    out = fftconvolve(sound, answer)[: len(sound) + extra]
    if extra:
        # Straight in dB down to far below the floor, then a short fade to nothing.
        share = np.linspace(0.0, 1.0, extra)
        out[len(sound):] *= 10 ** (TAIL_FLOOR_DB * share**2 / 20)
    edge = min(len(out), int(0.004 * sample_rate))
    out[-edge:] *= np.linspace(1.0, 0.0, edge)
    return np.asarray(out)


def equalizer(sound: Sound, sample_rate: int, room: RoomProfile,
              own: RoomProfile | None) -> tuple[Array, Array] | None:
    """(frequencies, gain in dB) that takes the take's spectrum towards the room's; None where it is not worth it.

    Within 6 dB, and only part of the way: a voice has a spectrum of its own. A narrow band is a band for the take, too.
    """
    mine = own.bands_db if own is not None else spectrum_bands(resample(sound, sample_rate, RATE))
    hertz, gains = [], []
    inside = [i for i, centre in enumerate(BANDS_HZ) if room.low_hz <= centre <= room.high_hz]
    differences = [room.bands_db[i] - mine[i] for i in inside if room.bands_db and mine]
    middle = float(np.median(differences)) if differences else 0.0
    for i, difference in zip(inside, differences, strict=bool(differences)):
        hertz.append(BANDS_HZ[i])
        gains.append(float(np.clip(_EQ_TRUST * (difference - middle), -MOST_EQ_DB, MOST_EQ_DB)))
    is_narrow = room.is_narrow
    if not is_narrow and (not gains or np.abs(gains).max() < _LEAST_EQ_DB):
        return None
    grid = np.geomspace(20.0, sample_rate / 2, 200)
    curve = np.interp(np.log(grid), np.log(hertz), gains) if gains else np.zeros(len(grid))
    if is_narrow:
        curve -= _CUT_HIGH_OCTAVE_DB * np.maximum(0.0, np.log2(grid / room.high_hz))
        curve -= _CUT_LOW_OCTAVE_DB * np.maximum(0.0, np.log2(max(room.low_hz, 20.0) / grid))
    return grid, np.maximum(curve, -90.0)


def shaped(sound: Array, sample_rate: int, hertz: Array, gain_db: Array) -> Array:
    """``sound`` with ``gain_db`` at ``hertz`` (linear in log frequency between); nothing is delayed."""
    size = len(sound) + sample_rate // 4
    spectrum = np.fft.rfft(sound, size)
    bins = np.maximum(np.fft.rfftfreq(size, 1 / sample_rate), hertz[0])
    spectrum *= 10 ** (np.interp(np.log(bins), np.log(hertz), gain_db) / 20)
    return np.asarray(np.fft.irfft(spectrum, size)[: len(sound)])
