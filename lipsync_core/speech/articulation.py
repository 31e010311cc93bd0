"""From a take's phonemes to what the mouth does at any time.

The trajectory is the least-squares curve that meets every sound's target as firmly as the sound insists
on it, and bends no more than it must: coarticulation falls out of the balance, as in the smoothing-spline
reading of task dynamics. It is solved on a fixed 10 ms grid as a banded system, in time linear in the
take's length, then sampled wherever the video has frames, so variable frame rates need nothing special.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded

from lipsync_core.speech.timeline import Gesture, HeardSpeech, TimedSymbol, fold, levels_db, shifted, sound_offset_ms

GRID_MS = 10.0
_OPENING_STIFFNESS = 8.0
_WIDTH_STIFFNESS = 60.0
# A gap between words this short is no rest: the mouth goes straight on to the next sound.
_REST_MS = 130.0
_SILENT_DB = -36.0
# How firmly lips that were heard are followed beside the targets of the sounds: about as a vowel is.
_HEARD_STRENGTH = 0.7

Curve = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Articulation:
    """Wanted mouth at ``times_ms`` (from the take's start), one entry a video frame.

    opening: 0 lips together, 1 the speaker's wide vowel (up to 1.2 when loud).
    width: -1 rounded, 0 neutral, 1 spread.
    closure: 1 where the lips must touch (p, b, m), else 0.
    speech: 1 while something is said, 0 in a rest; between the two it is a ramp.
    """

    times_ms: Curve
    opening: Curve
    width: Curve
    closure: Curve
    speech: Curve

    def only(self, kept: npt.NDArray[np.bool_]) -> Articulation:
        """The moments where ``kept`` is true."""
        return Articulation(self.times_ms[kept], self.opening[kept], self.width[kept], self.closure[kept],
                            self.speech[kept])


def articulate(phonemes: Iterable[TimedSymbol], times_ms: npt.ArrayLike, *,
               sound: npt.NDArray[np.floating] | None = None, sample_rate: int = 0,
               align_to_sound: bool = True) -> Articulation:
    """Mouth trajectory of a take at ``times_ms``, any increasing times, inside the take or not.

    ``sound`` (mono) scales the vowels by loudness, closes the mouth in silences, and corrects a timeline
    that is shifted against it; without it every vowel is taken as equally loud. What ``listen`` gives is taken in
    place of a timeline.
    """
    heard = phonemes if isinstance(phonemes, HeardSpeech) else None
    times = np.asarray(times_ms, np.float64)
    gestures = fold(phonemes)
    has_sound = sound is not None and sample_rate > 0 and len(sound) > 0
    if has_sound and align_to_sound and heard is None:
        gestures = shifted(gestures, -sound_offset_ms(gestures, sound, sample_rate))
    if not gestures:
        zeros = np.zeros(len(times))
        return Articulation(times, zeros, zeros.copy(), zeros.copy(), zeros.copy())
    begin, end = gestures[0].start_ms - 300.0, gestures[-1].end_ms + 300.0
    grid = np.arange(begin, end + GRID_MS, GRID_MS)
    level = levels_db(sound, sample_rate, grid) if has_sound else np.zeros(len(grid))
    silence = _silence(gestures, grid, level if has_sound else None)
    opening = _trajectory(gestures, grid, silence, level, "opening", _OPENING_STIFFNESS, heard)
    width = _trajectory(gestures, grid, silence, level, "width", _WIDTH_STIFFNESS, heard)
    opening = np.clip(np.interp(times, grid, opening, left=0.0, right=0.0), 0.0, 1.2)
    width = np.clip(np.interp(times, grid, width, left=0.0, right=0.0), -1.2, 1.2)
    speech = np.interp(times, grid, 1.0 - silence, left=0.0, right=0.0)
    closure = _closures(gestures, times)
    opening[closure > 0] = 0.0
    return Articulation(times, opening, width, closure, speech)


def closure_centres_ms(phonemes: Iterable[TimedSymbol], sound: npt.NDArray[np.floating] | None = None,
                       sample_rate: int = 0) -> Curve:
    """When the lips must touch (the centres of p, b and m), in ms from the take's start."""
    gestures = fold(phonemes)
    if sound is not None and sample_rate > 0 and not isinstance(phonemes, HeardSpeech):
        gestures = shifted(gestures, -sound_offset_ms(gestures, sound, sample_rate))
    return np.array([g.centre_ms for g in gestures if g.is_closure])


def _kernel(grid: Curve, start_ms: float, end_ms: float) -> tuple[slice, Curve]:
    """A bump over the sound with a flat top where the sound is long, and the part of the grid it covers."""
    duration = end_ms - start_ms
    plateau = max(duration / 2 - 40.0, 0.0)
    sigma = float(np.clip(duration / 2.5, 18.0, 40.0))
    low, high = np.searchsorted(grid, [start_ms - 3 * sigma, end_ms + 3 * sigma])
    distance = np.maximum(np.abs(grid[low:high] - (start_ms + end_ms) / 2) - plateau, 0.0)
    return slice(int(low), int(high)), np.exp(-0.5 * (distance / sigma) ** 2)


def _silence(gestures: Sequence[Gesture], grid: Curve, level: Curve | None) -> Curve:
    """1 where the speaker rests, 0 where anything is said, with ramps of about 60 ms."""
    rest = np.ones(len(grid), bool)
    for gesture in gestures:
        if gesture.target is not None or gesture.end_ms - gesture.start_ms < _REST_MS:
            rest[(grid >= gesture.start_ms) & (grid < gesture.end_ms)] = False
    if level is not None:
        rest |= _long_runs(level < _SILENT_DB, int(_REST_MS / GRID_MS))
        # A "rest" in which the sound goes on is the timeline's mistake.
        rest &= ~_long_runs(level > _SILENT_DB + 14, int(_REST_MS / GRID_MS))
    # The mouth lets go of the last sound late and prepares the next one early.
    padded = _long_runs(rest, int(_REST_MS / GRID_MS)).astype(np.float64)
    padded = 1.0 - _dilate(1.0 - padded, before=4, after=4)
    taper = np.hanning(9)
    return np.convolve(np.pad(padded, 4, mode="edge"), taper / taper.sum(), mode="valid")


def _long_runs(mask: npt.NDArray[np.bool_], shortest: int) -> npt.NDArray[np.bool_]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.view(np.int8), [0]])))
    out = np.zeros(len(mask), bool)
    for begin, end in edges.reshape(-1, 2):
        if end - begin >= shortest:
            out[begin:end] = True
    return out


def _dilate(values: Curve, before: int, after: int) -> Curve:
    padded = np.pad(values, (after, before), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, before + after + 1).max(1)


def _trajectory(gestures: Sequence[Gesture], grid: Curve, silence: Curve, level: Curve, which: str,
                stiffness: float, heard: HeardSpeech | None = None) -> Curve:
    weight, pull = np.full(len(grid), 1e-3), np.zeros(len(grid))
    if heard is not None and len(heard.times_ms):
        own = np.interp(grid, heard.times_ms, heard.lips[:, int(which == "width")], left=0.0, right=0.0)
        if which == "opening":
            own = own * _loudness_gain(level)
        weight += _HEARD_STRENGTH * (1.0 - 0.95 * silence)
        pull += _HEARD_STRENGTH * (1.0 - 0.95 * silence) * own
    for gesture in gestures:
        if gesture.target is None:
            continue
        target, strength = gesture.target.opening, gesture.target.strength
        if which == "width":
            target, strength = gesture.target.width, gesture.target.width_strength
        part, bump = _kernel(grid, gesture.start_ms, gesture.end_ms)
        if not gesture.is_closure:
            bump = bump * (1.0 - 0.95 * silence[part])
        if which == "opening" and gesture.target.is_vowel and len(bump):
            target *= float(_loudness_gain(np.average(level[part], weights=bump + 1e-9)))
        weight[part] += strength * bump
        pull[part] += strength * bump * target
    weight += 1.5 * silence
    n = len(grid)
    bands = np.zeros((3, n))
    bands[2] = weight
    # Second differences, squared: the pentadiagonal stencil 1 -4 6 -4 1 with free ends.
    main, first = np.full(n, 6.0), np.full(n, -4.0)
    main[[0, -1]], main[[1, -2]] = 1.0, 5.0
    first[[1, -1]] = -2.0
    bands[2] += stiffness * main
    bands[1] = stiffness * first
    bands[0] = stiffness
    bands[1, 0] = bands[0, :2] = 0.0
    return solveh_banded(bands, pull)


def _loudness_gain(level_db: npt.ArrayLike) -> Curve:
    """About a quarter wider for +10 dB, narrower when mumbled; ``level_db`` is relative to the take's loud parts."""
    return np.clip(1.08 + 0.025 * (np.asarray(level_db, np.float64) + 4.0), 0.7, 1.2)


def _closures(gestures: Sequence[Gesture], times: Curve) -> Curve:
    """Mark the frame nearest to each closure's centre: a fast /b/ can fall between two frames."""
    closure = np.zeros(len(times))
    if not len(times):
        return closure
    for gesture in gestures:
        if not gesture.is_closure:
            continue
        nearest = int(np.abs(times - gesture.centre_ms).argmin())
        if abs(times[nearest] - gesture.centre_ms) <= 40.0:
            closure[nearest] = 1.0
        # A long nasal stays shut for as long as it is held.
        margin = 15.0
        closure[(times >= gesture.start_ms + margin) & (times <= gesture.end_ms - margin)] = 1.0
    return closure
