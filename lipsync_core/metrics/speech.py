"""Does the mouth say what is heard? Wanted against measured lip opening, closures, pauses, and the sound itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from lipsync_core.atlas import shape
from lipsync_core.face.active import loudness
from lipsync_core.speech.articulation import Articulation, articulate, closure_centres_ms
from lipsync_core.speech.timeline import TimedSymbol

#: Share of the speaker's range below which lips touch.
TOUCHING = 0.15
CLOSURE_REACH_MS = 40.0
PAUSE_MS = 200.0
_MOVING, _AJAR = 0.08, 0.25
_LAGS_MS = np.arange(-160.0, 161.0, 5.0)
_GRID_MS = 5.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one line asks of the mouth. ``at(times_ms)`` is its articulation at any increasing times, and
    ``closures_ms`` is when the lips must touch; all times in ms of the line."""

    at: Callable[[Floats], Articulation]
    closures_ms: Floats


def wanted_of(phonemes: Sequence[TimedSymbol], sound: npt.NDArray[np.floating] | None = None, sample_rate: int = 0, *,
              align_to_sound: bool = True) -> Wanted:
    """From phonemes (ms of the line), scaled by their sound and, unless their times come from it, corrected by it."""

    def at(times_ms: Floats) -> Articulation:
        return articulate(phonemes, times_ms, sound=sound, sample_rate=sample_rate, align_to_sound=align_to_sound)

    return Wanted(at, closure_centres_ms(phonemes, sound if align_to_sound else None, sample_rate))


def wanted_from(heard: Articulation) -> Wanted:
    """From an articulation that was heard rather than spelt; between its times it is interpolated."""

    def at(times_ms: Floats) -> Articulation:
        opening, width, speech = (np.interp(times_ms, heard.times_ms, values, left=rest, right=rest)
                                  for values, rest in ((heard.opening, 0.0), (heard.width, 0.0), (heard.speech, 0.0)))
        nearest = np.abs(times_ms[:, None] - heard.times_ms[None]).argmin(1) if len(heard.times_ms) else None
        closure = np.zeros(len(times_ms)) if nearest is None else heard.closure[nearest]
        return Articulation(np.asarray(times_ms, np.float64), opening, width, closure, speech)

    shut = np.flatnonzero(heard.closure > 0)
    runs = [r for r in np.split(shut, np.flatnonzero(np.diff(shut) > 1) + 1) if len(r)]
    return Wanted(at, np.array([heard.times_ms[r].mean() for r in runs]))


@dataclass(frozen=True, slots=True)
class Closure:
    """One p, b or m: its time in ms of the line, the least opening within 40 ms of it, whether lips touched, and the
    row of the seen frames where. teeth: how much they show there (see ``picture.teeth_showing``), NaN when not looked
    at."""

    time_ms: float
    least_opening: float
    is_hit: bool
    row: int = 0
    teeth: float = float("nan")


def closures(centres_ms: Floats, times_ms: Floats, opening: Floats) -> list[Closure]:
    """Every closure that falls on seen frames; ``opening`` [T] as a share of the range at ``times_ms`` [T]."""
    found = []
    for centre in centres_ms:
        near = np.flatnonzero(np.abs(times_ms - centre) <= CLOSURE_REACH_MS)
        if len(near):
            row = int(near[opening[near].argmin()])
            found.append(Closure(float(centre), float(opening[row]), bool(opening[row] < TOUCHING), row))
    return found


def pauses(aim: Articulation) -> list[npt.NDArray[np.int64]]:
    """Indices of the frames of every pause longer than 200 ms."""
    silent = np.flatnonzero(aim.speech < 0.02)
    runs = np.split(silent, np.flatnonzero(np.diff(silent) > 1) + 1)
    return [r for r in runs if len(r) > 1 and aim.times_ms[r[-1]] - aim.times_ms[r[0]] >= PAUSE_MS]


def leaking(aim: Articulation, opening: Floats) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """([T] frames in which a mouth moves or stands open in a pause, [T] frames that were looked at)."""
    moved, looked = np.zeros(len(opening), bool), np.zeros(len(opening), bool)
    for run in pauses(aim):
        steps = np.abs(np.diff(opening[run])) > _MOVING
        moved[run[1:]] = steps | (opening[run][1:] > _AJAR)
        looked[run[1:]] = True
    return moved, looked


def correlation_and_lag(lines: Sequence[tuple[Wanted, Floats, Floats]]) -> tuple[float, float]:
    """Best correlation of wanted and measured opening over lags of up to 160 ms, and that lag (ms, > 0: late).

    lines: (wanted, times in ms of the line [T], measured opening [T]). (NaN, 0) when nothing moves.
    """
    measured = np.concatenate([opening for _, _, opening in lines]) if lines else np.zeros(0)
    if len(measured) <= 8 or measured.std() == 0:
        return float("nan"), 0.0
    curves = []
    for wanted, times, _ in lines:
        grid = np.arange(times[0] + _LAGS_MS[0], times[-1] + _LAGS_MS[-1] + _GRID_MS, _GRID_MS)
        curves.append((grid, wanted.at(grid).opening, times))

    def at_lag(lag: float) -> float:
        return _correlation(np.concatenate([np.interp(t - lag, grid, aim) for grid, aim, t in curves]), measured)

    scores = np.array([at_lag(lag) for lag in _LAGS_MS])
    if not np.isfinite(scores).any():
        return float("nan"), 0.0
    # Among lags that fit equally well the smallest: a plateau says nothing about direction.
    best = scores >= np.nanmax(scores) - 1e-3
    lag = float(min(_LAGS_MS[best], key=abs))
    # The winner is measured at the very frames that a renderer aims at.
    exact = _correlation(np.concatenate([wanted.at(times - lag).opening for wanted, times, _ in lines]), measured)
    return exact, lag


def sound_correlation(times_ms: Floats, speed: Floats, sound_16k: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Mouth motion against loudness, no text needed: (best correlation, its lag in ms, > 0: the mouth is late).

    speed: [T], see ``mouth_speed``. Both without what changes slower than a second, over lags of up to 200 ms. A
    talking head with its own sound reaches 0.35 to 0.7, with another sound seldom more than 0.35. (NaN, 0) when either
    does not move or fewer than 25 frames are seen.
    """
    if len(times_ms) < 25 or len(sound_16k) < 1600:
        return float("nan"), 0.0
    envelope = loudness(sound_16k)
    step = float(np.median(np.diff(times_ms)))
    mouth = _levelled(speed, step)
    at = np.arange(len(envelope)) * 10.0
    lags = np.arange(-200.0, 201.0, 10.0)
    smooth = gaussian_filter1d(envelope, 0.08 * step)
    scores = np.array([_correlation(_levelled(np.interp(times_ms - lag, at, smooth), step), mouth) for lag in lags])
    if not np.isfinite(scores).any():
        return float("nan"), 0.0
    best = int(np.nanargmax(scores))
    return float(scores[best]), float(lags[best])


def mouth_speed(normalised: Floats, frames: npt.NDArray[np.int32]) -> Floats:
    """[T] how fast lips and jaw move: changes of opening, width and chin between neighbouring frames, smoothed over
    about three; normalised points [T, 468, 2]. Loud syllables go with fast lips, whether they open or close."""
    jaw = normalised[:, shape.CHIN, 1] - normalised[:, shape.NOSE_BRIDGE, 1]
    rows = np.column_stack([shape.features(normalised)[:, [shape.OPENING, shape.WIDTH]], jaw])
    steps = np.maximum(np.diff(frames, prepend=frames[0] - 1), 1)
    return gaussian_filter1d((np.abs(np.diff(rows, axis=0, prepend=rows[:1])) / steps[:, None]).sum(1), 1.5)


def _levelled(values: Floats, step_ms: float) -> Floats:
    return values - gaussian_filter1d(values, 1000.0 / max(step_ms, 1.0))


def _correlation(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 8 and a.std() > 1e-9 and b.std() > 1e-9 else float("nan")
