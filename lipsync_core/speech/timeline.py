"""Phonemes with times, made ready for the lips: marks folded away, offset to the sound measured.

A timeline comes from a synthesizer or an aligner as one entry a symbol, stress and length marks
included. Here every mark gives its time to the sound it belongs to, so that only sounds and pauses
remain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lipsync_core.speech.visemes import Viseme, is_modifier, is_pause, is_stress, viseme

SIBILANTS = frozenset("szʃʒɕʑʂʐʧʤʦʣç")
STOPS = frozenset("pbtdkɡgcɟqʈɖʔʧʤʦʣ")


class TimedSymbol(Protocol):
    """One IPA symbol with its time in milliseconds from the take's start."""

    @property
    def symbol(self) -> str: ...
    @property
    def start_ms(self) -> float: ...
    @property
    def end_ms(self) -> float: ...


@dataclass(frozen=True, slots=True)
class TimedPhone:
    """A ``TimedSymbol``: what an alignment gives."""

    symbol: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class HeardSpeech(Sequence[TimedPhone]):
    """Phones of a sound whose text nobody knows, and what the sound itself says about the lips.

    A sequence of ``phones`` to everyone; ``articulate`` weighs ``lips`` in, which are a mean over all that may be said
    at a moment and so less sure of themselves where the sound is unclear.
    times_ms: [T], increasing; lips: [T, 2], opening and width as in ``Articulation``.
    """

    phones: tuple[TimedPhone, ...]
    times_ms: npt.NDArray[np.float64]
    lips: npt.NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.phones)

    def __getitem__(self, index):  # noqa: ANN001, ANN204 - as Sequence has it
        return self.phones[index]


@dataclass(frozen=True, slots=True)
class Gesture:
    """One sound or pause of the take; ``target`` is ``None`` for a pause."""

    symbol: str
    start_ms: float
    end_ms: float
    target: Viseme | None

    @property
    def centre_ms(self) -> float:
        return (self.start_ms + self.end_ms) / 2

    @property
    def is_closure(self) -> bool:
        return self.target is not None and self.target.is_closure


def fold(phonemes: Iterable[TimedSymbol]) -> list[Gesture]:
    """Merge stress marks into the sound after them and length and other modifiers into the one before.

    Pauses that touch become one. Entries of zero or negative duration and those out of order are an
    aligner's accidents: they are kept in order with at least one millisecond.
    """
    entries: list[list] = []
    waiting_ms: float | None = None
    cursor = -np.inf
    for phone in phonemes:
        start, end = max(float(phone.start_ms), cursor), max(float(phone.end_ms), float(phone.start_ms) + 1.0)
        end = max(end, start + 1.0)
        cursor = end
        if is_stress(phone.symbol):
            waiting_ms = start if waiting_ms is None else waiting_ms
            continue
        if is_modifier(phone.symbol):
            if entries and not is_pause(entries[-1][0]):
                entries[-1][0] += phone.symbol
                entries[-1][2] = end
            continue
        symbol = " " if is_pause(phone.symbol) else phone.symbol
        if symbol == " " and entries and entries[-1][0] == " ":
            entries[-1][2] = end
            continue
        if waiting_ms is not None and symbol != " ":
            start = waiting_ms
        waiting_ms = None
        entries.append([symbol, start, end])
    return [Gesture(symbol, start, end, viseme(symbol)) for symbol, start, end in entries]


def levels_db(sound: npt.NDArray[np.floating], sample_rate: int, times_ms: npt.NDArray[np.float64],
              window_ms: float = 20.0) -> npt.NDArray[np.float64]:
    """Loudness at ``times_ms`` (RMS of ``window_ms``), in dB relative to the take's loud parts (95th percentile)."""
    power = np.concatenate([[0.0], np.cumsum(np.asarray(sound, np.float64) ** 2)])
    half = max(int(window_ms * sample_rate / 2000), 1)
    middle = np.round(times_ms * sample_rate / 1000).astype(np.int64)
    left, right = np.clip(middle - half, 0, len(sound)), np.clip(middle + half, 0, len(sound))
    rms = np.sqrt((power[right] - power[left]) / (2 * half))
    # Where even the loud parts are below -60 dB of full scale nobody speaks.
    loud = max(np.percentile(rms, 95), 1e-3) if len(rms) else 1e-3
    return 20 * np.log10((rms + 1e-7) / loud)


def sound_offset_ms(gestures: Sequence[Gesture], sound: npt.NDArray[np.floating], sample_rate: int,
                    reach_ms: int = 100) -> float:
    """How many milliseconds the timeline runs behind the sound (negative: ahead of it); 0 when unclear.

    A neural synthesizer's durations can be shifted against its waveform as a whole: Kokoro's are late by
    50 ms in every language, more than a viewer forgives. Sibilants carry their energy above 4 kHz and
    stops are gaps, so both show where the sounds really are: the lag with the best summed correlation wins.
    """
    step_ms = 5.0
    sound = np.asarray(sound, np.float64)
    length_ms = len(sound) * 1000 / sample_rate
    if sample_rate < 12000 or length_ms < 600 or not gestures:
        return 0.0
    grid = np.arange(0.0, length_ms, step_ms)
    # The first difference twice is a cheap high-pass: it leaves the hiss and drops the voice.
    hiss = np.diff(sound, n=2, prepend=sound[:1], append=sound[-1:])[: len(sound)]
    level = np.maximum(levels_db(sound, sample_rate, grid), -50)
    tilt = np.maximum(levels_db(hiss, sample_rate, grid), -50) - level
    wanted = [(_indicator(gestures, SIBILANTS, grid), tilt), (-_indicator(gestures, STOPS, grid), level)]
    reach = int(reach_ms / step_ms)
    shifts = np.arange(-reach, reach + 1)
    inner = slice(reach, len(grid) - reach)
    total = np.zeros(len(shifts))
    for expected, heard in wanted:
        if expected[inner].std() < 1e-6 or heard[inner].std() < 1e-6:
            continue
        heard = (heard[inner] - heard[inner].mean()) / heard[inner].std()
        for i, shift in enumerate(shifts):
            moved = np.roll(expected, shift)[inner]
            spread = moved.std()
            total[i] += float(((moved - moved.mean()) * heard).mean() / spread) if spread > 1e-6 else 0.0
    best = int(total.argmax())
    is_clear = total[best] > 0.45 and 0 < best < len(shifts) - 1
    return float(-shifts[best] * step_ms) if is_clear else 0.0


def _indicator(gestures: Sequence[Gesture], symbols: frozenset[str],
               grid: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    out = np.zeros(len(grid))
    for gesture in gestures:
        if gesture.symbol[0] in symbols:
            out[(grid >= gesture.start_ms) & (grid < gesture.end_ms)] = 1.0
    return out


def shifted(gestures: Sequence[Gesture], by_ms: float) -> list[Gesture]:
    """The same gestures ``by_ms`` later."""
    return [Gesture(g.symbol, g.start_ms + by_ms, g.end_ms + by_ms, g.target) for g in gestures]
