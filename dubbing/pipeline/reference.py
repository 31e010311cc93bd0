"""Which seconds of a speaker a cloning engine is shown: the cleanest of what was separated from music and effects.

A speaker's lines are cut into passages at their pauses; parts in which somebody else speaks are left out. Each passage
is measured (noise, music beneath, clipping, level, pitch, colour of the sound), and the best ones that make up 6 to
15 s are joined. Cloning engines imitate whatever they hear, so a shout, a whisper, a telephone or a room unlike the
speaker's usual one counts against a passage as noise does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound, SpeakerSpan
from dubbing.pipeline.voice_match import voiced_pitches

RATE = 16_000
SAMPLE_RATE = 24_000
SHORTEST_MS, WANTED_MS, LONGEST_MS = 6_000, 12_000, 15_000
#: A passage as bad as this is taken only where there is not enough without it.
POOR = 3.0
#: Near somebody else's speech the ends of turns are not to be trusted.
_GUARD_MS = 150
_FRAME_MS = 10
_PAUSE_MS, _LEAST_PASSAGE_MS, _EDGE_MS = 350, 700, 60
_GAP_MS = 180
_FADE_MS = 12
_FLOOR_DB = -90.0
_LEVEL_DB, _PEAK, _MOST_CHANGE_DB = -23.0, 0.89, 6.0
_BANDS_HZ = (100, 300, 600, 1000, 1600, 2400, 3400, 4500, 6000, 7600)

Levels = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch in which one person speaks without a pause, measured.

    snr_db: speech over the quietest of the stem about it. music_db: speech over the M&E stem beneath it. level_db: RMS
    re full scale. clipped: share of samples at full scale. pitch_hz: median, 0 where there is none. range_semitones:
    10th to 90th percentile. voiced: share of time with a pitch. bands_db: level in nine bands re the whole.
    """

    start_ms: int
    end_ms: int
    snr_db: float
    music_db: float
    level_db: float
    clipped: float
    pitch_hz: float
    range_semitones: float
    voiced: float
    bands_db: tuple[float, ...]

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Judged:
    """A passage and what speaks against it: points by reason; below 1 altogether is as good as studio sound."""

    passage: Passage
    against: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.against.values())


def alone(spans: Sequence[SpeakerSpan], speaker: str) -> list[tuple[int, int]]:
    """Intervals (ms) in which ``speaker`` speaks and, by ``spans``, nobody else does."""
    others = [(span.start_ms - _GUARD_MS, span.end_ms + _GUARD_MS) for span in spans if span.speaker != speaker]
    found: list[tuple[int, int]] = []
    for span in sorted((s for s in spans if s.speaker == speaker), key=lambda s: (s.start_ms, s.end_ms)):
        left = [(max(span.start_ms, found[-1][1] if found else 0), span.end_ms)]
        for start, end in others:
            left = [piece for a, b in left for piece in ((a, min(b, start)), (max(a, end), b)) if piece[1] > piece[0]]
        found += [piece for piece in left if piece[1] - piece[0] >= _LEAST_PASSAGE_MS]
    return found


def passages(speech_16k: Sound, rest_16k: Sound, start_ms: int) -> list[Passage]:
    """The passages of one interval that begins at ``start_ms``: its speech stem and what else was heard with it."""
    levels = _levels(speech_16k)
    if not len(levels):
        return []
    floor = float(np.percentile(levels, 5))
    loud = float(np.percentile(levels, 95))
    speaks = levels > max(loud - 30.0, min(floor + 6.0, loud - 12.0))
    found = []
    for first, stop in _runs(speaks):
        for a, b in _shortened(levels, first, stop):
            if (b - a) * _FRAME_MS >= _LEAST_PASSAGE_MS:
                found.append(_measured(speech_16k, rest_16k, levels, floor, a, b, start_ms))
    return found


def judge(found: Sequence[Passage]) -> list[Judged]:
    """Each passage beside what is usual for the speaker (medians over all, weighted by length)."""
    if not found:
        return []
    weights = np.array([p.length_ms for p in found], np.float64)
    level = _median([p.level_db for p in found], weights)
    voiced = [p for p in found if p.pitch_hz > 0]
    pitch = _median([p.pitch_hz for p in voiced], np.array([p.length_ms for p in voiced])) if voiced else 0.0
    bands = [_median([p.bands_db[i] for p in found], weights) for i in range(len(_BANDS_HZ) - 1)]
    return [Judged(p, _against(p, level, pitch, bands)) for p in found]


def choose(judged: Sequence[Judged]) -> list[Judged]:
    """The best passages, 6 to 15 s of them where there are so many, in the order in which they are said."""
    chosen: list[Judged] = []
    total = 0
    for one in sorted(judged, key=lambda j: (j.total, j.passage.start_ms)):
        if total >= WANTED_MS or (total >= SHORTEST_MS and one.total > POOR):
            break
        if total + one.passage.length_ms <= LONGEST_MS:
            chosen.append(one)
            total += one.passage.length_ms
    return sorted(chosen, key=lambda j: j.passage.start_ms)


def joined(chosen: Sequence[Judged], read: Callable[[int, int], Sound]) -> Sound:
    """24 kHz sound of the passages, levelled towards one another; ``read(start_ms, end_ms)`` gives mono 24 kHz."""
    parts: list[Sound] = []
    middle = float(np.median([one.passage.level_db for one in chosen]))
    for index, one in enumerate(chosen):
        sound = np.array(read(one.passage.start_ms, one.passage.end_ms), np.float32)
        change = np.clip(middle - one.passage.level_db, -_MOST_CHANGE_DB, _MOST_CHANGE_DB)
        ramp = np.linspace(0, 1, min(len(sound) // 2, SAMPLE_RATE * _FADE_MS // 1000), dtype=np.float32)
        sound[: len(ramp)] *= ramp
        sound[len(sound) - len(ramp):] *= ramp[::-1]
        parts += [np.zeros(SAMPLE_RATE * _GAP_MS // 1000, np.float32)] if index else []
        parts.append(sound * np.float32(10 ** (change / 20)))
    whole = np.concatenate(parts)
    rms, peak = float(np.sqrt(np.mean(np.square(whole)))), float(np.abs(whole).max())
    gain = min(10 ** (_LEVEL_DB / 20) / max(rms, 1e-6), _PEAK / max(peak, 1e-6))
    return whole * np.float32(gain)


def _measured(speech: Sound, rest: Sound, levels: Levels, floor: float, first: int, stop: int, at_ms: int) -> Passage:
    begin, end = first * _FRAME_MS, stop * _FRAME_MS
    own = speech[begin * RATE // 1000: end * RATE // 1000].astype(np.float64)
    beneath = rest[begin * RATE // 1000: end * RATE // 1000]
    own_db = _db(own)
    pitches = voiced_pitches(own, RATE)
    has_pitch = len(pitches) >= 20
    low, high = np.percentile(pitches, [10, 90]) if has_pitch else (1.0, 1.0)
    return Passage(at_ms + begin, at_ms + end, float(np.percentile(levels[first:stop], 80)) - max(floor, _FLOOR_DB),
                   own_db - _db(beneath), own_db, float((np.abs(own) >= 0.995).mean()),
                   float(np.median(pitches)) if has_pitch else 0.0, float(12 * np.log2(high / low)),
                   min(1.0, 5 * len(pitches) / max(1, end - begin)), _bands(own))


def _against(passage: Passage, level: float, pitch: float, bands: Sequence[float]) -> dict[str, float]:
    """Points by reason; each is 0 within what is usual, and 1 where it can be heard well."""
    away = abs(12 * np.log2(passage.pitch_hz / pitch)) if passage.pitch_hz and pitch else 6.0
    colour = float(np.sqrt(np.mean(np.square(np.array(passage.bands_db) - np.array(bands)))))
    points = {"noise": (28 - passage.snr_db) / 10, "music": (25 - passage.music_db) / 8,
              "clipping": min(3.0, 400 * passage.clipped), "level": (abs(passage.level_db - level) - 4) / 4,
              "pitch": (away - 2) / 2, "unsteady": (passage.range_semitones - 9) / 4,
              "voiceless": (0.35 - passage.voiced) * 5, "colour": (colour - 4) / 3,
              "short": (2000 - passage.length_ms) / 2000}
    return {reason: round(float(value), 2) for reason, value in points.items() if value > 0.005}


def _levels(sound: Sound) -> Levels:
    """RMS (dB re full scale) of each 10 ms."""
    step = RATE * _FRAME_MS // 1000
    frames = sound[: len(sound) // step * step].reshape(-1, step).astype(np.float64)
    return np.asarray(10 * np.log10(np.square(frames).mean(1) + 10 ** (_FLOOR_DB / 10)))


def _db(sound: npt.NDArray[np.floating]) -> float:
    power = float(np.mean(np.square(sound, dtype=np.float64))) if len(sound) else 0.0
    return float(10 * np.log10(power + 10 ** (_FLOOR_DB / 10)))


def _runs(speaks: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Frames (first, one past the last) of speech without a pause of 350 ms, with a little of what is around it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], speaks.astype(np.int8), [0]])))
    runs: list[tuple[int, int]] = []
    for first, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and (first - runs[-1][1]) * _FRAME_MS < _PAUSE_MS:
            runs[-1] = (runs[-1][0], stop)
        else:
            runs.append((first, stop))
    edge = _EDGE_MS // _FRAME_MS
    return [(max(0, first - edge), min(len(speaks), stop + edge)) for first, stop in runs]


def _shortened(levels: Levels, first: int, stop: int) -> list[tuple[int, int]]:
    """A run longer than what is wanted is cut where it is quietest."""
    most = WANTED_MS // _FRAME_MS
    pieces = []
    while stop - first > most:
        middle = first + most // 2
        cut = middle + int(np.argmin(levels[middle: first + most]))
        pieces.append((first, cut))
        first = cut
    return [*pieces, (first, stop)]


def _bands(sound: npt.NDArray[np.float64]) -> tuple[float, ...]:
    spectrum = np.square(np.abs(np.fft.rfft(sound)))
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    parts = [float(spectrum[(hertz >= low) & (hertz < high)].sum())
             for low, high in zip(_BANDS_HZ, _BANDS_HZ[1:], strict=False)]
    return tuple(float(10 * np.log10(max(part / max(sum(parts), 1e-12), 1e-6))) for part in parts)


def _median(values: Sequence[float], weights: npt.NDArray[np.floating]) -> float:
    order = np.argsort(values)
    summed = np.cumsum(np.asarray(weights, np.float64)[order])
    return float(np.asarray(values)[order][int(np.searchsorted(summed, summed[-1] / 2))])
