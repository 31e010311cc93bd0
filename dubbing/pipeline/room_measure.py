"""How the room and the microphone of a speaker sound, from the speech alone.

What is known of the room is how the sound dies away when somebody stops (:mod:`dubbing.pipeline.decay`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Report, Sound, silent
from dubbing.pipeline.decay import reverberation

RATE = 16_000
#: Middles of the bands (Hz) of a profile's spectrum.
BANDS_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 6500.0)
FULL_HZ = 8000.0
_HOP, _WINDOW = 160, 512
_GATE_DB = 25.0
#: A band whose loudest frames are so far below the loudest band holds nothing.
_EMPTY_DB = 45.0
_NARROW_HZ = 4500.0
_LEAST_SECONDS, _LEAST_SECONDS_OF_DECAY, _MOST_SECONDS = 1.0, 2.5, 120
_TAIL_MS = 400.0
_ENVELOPE, _LEAST_LIKENESS = RATE // 10, 0.6

Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class RoomProfile:
    """A room as its speech sounds.

    t60_s: time in which the sound dies away by 60 dB. clarity_db: energy of a click's first 50 ms over the rest.
    low_hz, high_hz: the band that is passed. bands_db: spectrum of the speech in ``BANDS_HZ`` re their mean; () where
    it is not known. heard_s: how much speech this was measured on.
    """

    t60_s: float = 0.1
    clarity_db: float = 35.0
    low_hz: float = 0.0
    high_hz: float = FULL_HZ
    bands_db: tuple[float, ...] = ()
    heard_s: float = 0.0

    @property
    def is_narrow(self) -> bool:
        """Whether this is a telephone, a radio or the like."""
        return self.high_hz < _NARROW_HZ

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "bands_db": list(self.bands_db)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RoomProfile:
        """The inverse of ``to_json``; names of a newer version are left out."""
        known = {name: data[name] for name in {own.name for own in fields(cls)} & data.keys()}
        return cls(**{**known, "bands_db": tuple(data.get("bands_db", ()))})


def measure_room(sound_16k: Sound, spans: Sequence[tuple[float, float]], rest_16k: Sound | None = None) -> RoomProfile:
    """The room in which the lines ``spans`` (ms) of mono 16 kHz speech are said.

    Sound after a line belongs to it until the next begins: there the room is heard best. With less than a second of
    speech the profile is a dry one of full band. rest_16k: what a separator left of the same sound; where that is
    little but the speech's own tail, which separators take for noise, it is heard together with the speech.
    """
    heard = sum(end - start for start, end in spans) / 1000
    if heard < _LEAST_SECONDS:
        return RoomProfile(heard_s=round(heard, 2))
    speech = _joined(sound_16k, spans)
    low, high = passband(speech)
    profile = RoomProfile(low_hz=low, high_hz=high, bands_db=spectrum_bands(speech), heard_s=round(heard, 2))
    if heard < _LEAST_SECONDS_OF_DECAY:
        return profile
    tailed = with_tails(spans, len(sound_16k) * 1000 / RATE)
    voice = _joined(sound_16k, tailed)
    if rest_16k is not None:
        rest = _joined(rest_16k, tailed)
        rest = np.pad(rest, (0, len(voice) - len(rest)))
        voice = voice + rest if follows(rest, voice) else voice
    t60, clarity = reverberation(voice)
    return replace(profile, t60_s=round(t60, 2), clarity_db=round(clarity, 1))


def follows(rest_16k: Sound, speech_16k: Sound) -> bool:
    """Whether a separator's rest rises and falls with the speech, as its reverberation does and music does not."""
    rest, speech = (_envelope_db(sound) for sound in (rest_16k, speech_16k))
    if len(rest) < 20 or rest.std() < 1.0 or speech.std() < 1.0:
        return False
    return float(np.corrcoef(rest, speech)[0, 1]) > _LEAST_LIKENESS


def _envelope_db(sound_16k: Sound) -> Array:
    """Level (dB) of each 100 ms, not below 60 dB under the loudest."""
    count = len(sound_16k) // _ENVELOPE
    power = np.square(np.asarray(sound_16k[: count * _ENVELOPE], np.float64)).reshape(count, _ENVELOPE).mean(1)
    level = 10 * np.log10(power + 1e-12)
    return np.maximum(level, level.max(initial=-120.0) - 60)


def with_tails(spans: Sequence[tuple[float, float]], length_ms: float) -> list[tuple[float, float]]:
    """The lines (ms), each with the silence after it in which the room is heard alone."""
    ordered = sorted(spans)
    starts = [start for start, _ in ordered[1:]] + [length_ms]
    return [(start, max(end, min(end + _TAIL_MS, following)))
            for (start, end), following in zip(ordered, starts, strict=True)]


def _joined(sound_16k: Sound, spans: Sequence[tuple[float, float]]) -> Sound:
    """The pieces one after the other, at most two minutes of them."""
    pieces, left = [np.zeros(0, np.float32)], _MOST_SECONDS * RATE
    for start, end in spans:
        piece = sound_16k[int(start * RATE / 1000): int(end * RATE / 1000)][:left]
        pieces.append(piece)
        left -= len(piece)
    return np.concatenate(pieces)


def spectrum_bands(speech_16k: Sound) -> tuple[float, ...]:
    """Level (dB) of the speech's loud frames in ``BANDS_HZ``, re the mean of the bands; () where all is silent."""
    spectrum = _loud_spectra(speech_16k)
    if not len(spectrum):
        return ()
    hertz = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    mean = spectrum.mean(0)
    levels = []
    for centre in BANDS_HZ:
        inside = (hertz >= centre / np.sqrt(2)) & (hertz < min(centre * np.sqrt(2), FULL_HZ))
        levels.append(10 * np.log10(float(mean[inside].mean()) + 1e-15))
    middle = float(np.mean(levels))
    return tuple(round(float(level - middle), 1) for level in levels)


def passband(speech_16k: Sound) -> tuple[float, float]:
    """(low, high) in Hz: what of the speech is let through; (0, 8000) where all of it is."""
    spectrum = _loud_spectra(speech_16k)
    if not len(spectrum):
        return 0.0, FULL_HZ
    hertz = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    # Sibilants fill the top for moments only: the loudest frames of each band tell what can pass.
    loudest = 10 * np.log10(np.percentile(spectrum, 98, axis=0) + 1e-15)
    smooth = np.convolve(np.pad(loudest, 2, mode="edge"), np.ones(5) / 5, "valid")
    passed = np.flatnonzero(smooth > smooth.max() - _EMPTY_DB)
    high = float(hertz[passed[-1]])
    if high >= _NARROW_HZ:
        return 0.0, FULL_HZ
    inside = np.flatnonzero(smooth > smooth.max() - 20)
    return float(np.clip(hertz[inside[0]], 0.0, 500.0)), high


def _loud_spectra(speech_16k: Sound) -> Array:
    """Power spectra [frames, bins] of the frames in which somebody speaks."""
    sound = np.asarray(speech_16k, np.float64)
    if len(sound) < _WINDOW:
        return np.zeros((0, _WINDOW // 2 + 1))
    frames = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_HOP]
    level = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)
    loud = level > max(float(np.percentile(level, 95)) - _GATE_DB, -70.0)
    return np.asarray(np.abs(np.fft.rfft(frames[loud] * np.hanning(_WINDOW))) ** 2)


def measure_rooms(sound_16k: Sound, lines: Sequence[tuple[str, float, float]],
                  report: Report = silent, rest_16k: Sound | None = None) -> list[RoomProfile]:
    """A room for each of ``lines`` (speaker, start and end in ms), measured on all lines of its speaker that pass
    through the same band: somebody on the telephone sounds like nobody in the room."""
    narrow = []
    for done, (_, start, end) in enumerate(lines):
        report(done, len(lines), "")
        narrow.append(passband(sound_16k[int(start * RATE / 1000): int(end * RATE / 1000)])[1] < _NARROW_HZ)
    groups: dict[tuple[str, bool], list[int]] = {}
    for i, (speaker, _, _) in enumerate(lines):
        groups.setdefault((speaker, narrow[i]), []).append(i)
    rooms = [RoomProfile()] * len(lines)
    for members in groups.values():
        room = measure_room(sound_16k, [lines[i][1:] for i in members], rest_16k)
        for i in members:
            rooms[i] = room
    return rooms
