"""How the room and the microphone of a speaker sound, from the speech alone.

What is known of the room is how the sound dies away when somebody stops (:mod:`dubbing.pipeline.decay`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
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


@dataclass(frozen=True, slots=True)
class Piece:
    """A line at 16 kHz, mono: its speech, then its tail; ``rest`` is what a separator left of the same moments."""

    speech: Sound
    spoken_samples: int
    rest: Sound | None = None


def measure_room(sound_16k: Sound, spans: Sequence[tuple[float, float]], rest_16k: Sound | None = None) -> RoomProfile:
    """The room in which the lines ``spans`` (ms) of mono 16 kHz speech are said (see :func:`room_of`)."""
    return room_of([_cut(sound_16k, rest_16k, start, end, until)
                    for (start, end), until in zip(spans, tail_ends(spans), strict=True)])


def room_of(pieces: Sequence[Piece]) -> RoomProfile:
    """The room that lines have in common.

    Sound after a line belongs to it until the next begins: there the room is heard best. With less than a second of
    speech the profile is a dry one of full band. Where a separator's rest is little but the speech's own tail, which
    separators take for noise, it is heard together with the speech.
    """
    heard = sum(piece.spoken_samples for piece in pieces) / RATE
    if heard < _LEAST_SECONDS:
        return RoomProfile(heard_s=round(heard, 2))
    speech = np.concatenate([piece.speech[: piece.spoken_samples] for piece in pieces])
    low, high = passband(speech)
    profile = RoomProfile(low_hz=low, high_hz=high, bands_db=spectrum_bands(speech), heard_s=round(heard, 2))
    if heard < _LEAST_SECONDS_OF_DECAY:
        return profile
    voice = np.concatenate([piece.speech for piece in pieces])
    rests = [piece.rest for piece in pieces if piece.rest is not None]
    if len(rests) == len(pieces):
        rest = np.concatenate(rests)
        voice = voice + rest if follows(rest, voice) else voice
    t60, clarity = reverberation(voice)
    return replace(profile, t60_s=round(t60, 2), clarity_db=round(clarity, 1))


def tail_ends(spans: Sequence[tuple[float, float]]) -> list[float]:
    """Until when (ms) each line's room is heard alone: to the next line of anybody, 400 ms at most."""
    starts = sorted(start for start, _ in spans)
    ends = []
    for start, end in spans:
        later = bisect_right(starts, start)
        following = starts[later] if later < len(starts) else end + _TAIL_MS
        ends.append(max(end, min(end + _TAIL_MS, following)))
    return ends


def _cut(sound_16k: Sound, rest_16k: Sound | None, start_ms: float, end_ms: float, until_ms: float) -> Piece:
    first, last = int(start_ms * RATE / 1000), int(until_ms * RATE / 1000)
    speech = sound_16k[first:last]
    spoken = min(len(speech), int((end_ms - start_ms) * RATE / 1000))
    return Piece(speech, spoken, None if rest_16k is None else _as_long(rest_16k[first:last], len(speech)))


def _as_long(sound: Sound, count: int) -> Sound:
    return np.pad(sound[:count], (0, max(0, count - len(sound))))


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


#: ``read(start_ms, end_ms)`` gives mono 16 kHz sound of a stem.
Read = Callable[[float, float], Sound]


def measure_rooms(speech: Read, lines: Sequence[tuple[str, float, float]], report: Report = silent,
                  rest: Read | None = None) -> list[RoomProfile]:
    """A room for each of ``lines`` (speaker, start and end in ms), measured on all lines of its speaker that pass
    through the same band: somebody on the telephone sounds like nobody in the room. Two minutes of each at the most
    are in memory."""
    groups: dict[tuple[str, bool], list[Piece]] = {}
    kinds: list[tuple[str, bool]] = []
    ends = tail_ends([(start, end) for _, start, end in lines])
    for done, ((speaker, start, end), until) in enumerate(zip(lines, ends, strict=True)):
        report(done, len(lines), "")
        sound = speech(start, until)
        spoken = min(len(sound), int((end - start) * RATE / 1000))
        kind = speaker, passband(sound[:spoken])[1] < _NARROW_HZ
        kinds.append(kind)
        pieces = groups.setdefault(kind, [])
        if sum(len(piece.speech) for piece in pieces) < _MOST_SECONDS * RATE:
            left = None if rest is None else _as_long(rest(start, until), len(sound))
            pieces.append(Piece(sound, spoken, left))
    rooms = {kind: room_of(pieces) for kind, pieces in groups.items()}
    return [rooms[kind] for kind in kinds]
