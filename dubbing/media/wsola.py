"""Speech played faster or slower by a curve of time, at its own pitch, and what that did to it.

Waveform-similarity overlap-add: windows of the sound are laid every half window, each taken where the curve of time
wants it, but moved by up to ``SEARCH_MS`` to where it continues the window before best. As long as what follows in the
sound itself is near enough it is what is taken, so where the curve runs at the sound's own pace (a closure, a burst)
the sound is copied, and splices fall where the curve bends: in vowels and pauses.

Sources: Verhelst and Roelands, "An overlap-add technique based on waveform similarity (WSOLA)" (ICASSP 1993); Demol,
Struyve, Verhelst et al., "Efficient Non-Uniform Time-Scaling of Speech with WSOLA" (SPECOM 2005).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound

#: A point of a curve of time: (ms in the sound, ms in what becomes of it).
Knot = tuple[float, float]

WINDOW_MS = 24.0
SEARCH_MS = 12.0
#: What a window at the edge of the search must be better by, in normalised correlation, than one in its place.
_STRAY_COST = 0.1
_LEAST_ENERGY = 1e-9


def warp(sound: Sound, sample_rate: int, knots: Sequence[Knot]) -> Sound:
    """``sound`` (mono) along the curve through ``knots``, at its own pitch.

    knots: at least two, strictly rising in both times; the first is (0, 0), the last the sound's end and the result's.
    Any time of the result is where the curve says, give or take ``SEARCH_MS``. Raises ValueError for knots that do
    not rise.
    """
    before, after = np.array(knots, np.float64).T * sample_rate / 1000
    if len(knots) < 2 or (np.diff(before) <= 0).any() or (np.diff(after) <= 0).any():
        raise ValueError("a curve of time rises")
    wanted = round(float(after[-1]))
    if not len(sound) or not wanted:
        return np.zeros(wanted, np.float32)
    half = max(2, round(WINDOW_MS * sample_rate / 2000))
    search = max(1, round(SEARCH_MS * sample_rate / 1000))
    centres = np.arange(0, wanted + half, half)
    places = np.round(np.interp(centres, after, before)).astype(int)
    taken = _places(np.asarray(sound, np.float64), places, half, search)
    return _laid(np.asarray(sound, np.float64), taken, half)[:wanted].astype(np.float32)


def _places(sound: npt.NDArray[np.float64], wanted: npt.NDArray[np.int_], half: int, search: int) -> list[int]:
    """The centre of each window, near where it is ``wanted`` and such that it continues the one before."""
    edge = 2 * half + search
    padded = np.pad(sound, (edge, edge + half + search))
    energy = np.concatenate([[0.0], np.cumsum(np.square(padded))])
    stray = _STRAY_COST * np.square(np.arange(-search, search + 1) / search)
    taken = [int(wanted[0])]
    for want in wanted[1:]:
        want = min(int(want), len(sound))
        follows = min(taken[-1] + half, len(sound))
        template = padded[edge + follows - half: edge + follows + half]
        first = edge + want - search - half
        field = padded[first: first + 2 * (search + half)]
        likeness = np.correlate(field, template, "valid")
        starts = first + np.arange(len(likeness))
        powers = energy[starts + 2 * half] - energy[starts]
        own = float(template @ template)
        if own < _LEAST_ENERGY:
            taken.append(want)
            continue
        score = likeness / np.sqrt(np.maximum(powers * own, _LEAST_ENERGY**2)) - stray
        taken.append(want - search + int(np.argmax(score)))
    return taken


def _laid(sound: npt.NDArray[np.float64], centres: Sequence[int], half: int) -> npt.NDArray[np.float64]:
    """Windows around ``centres``, a half window apart, added up; Hann windows add up to one."""
    window = 0.5 - 0.5 * np.cos(np.pi * np.arange(2 * half) / half)
    edge = 4 * half
    padded = np.pad(sound, (edge, edge))
    out = np.zeros((len(centres) + 1) * half)
    for index, centre in enumerate(centres):
        start = min(max(edge + centre - half, 0), len(padded) - 2 * half)
        out[index * half: (index + 2) * half] += padded[start: start + 2 * half] * window
    return out[half:]


@dataclass(frozen=True, slots=True)
class Artefacts:
    """What a change of tempo did to a sound.

    spectral_db: mean distance of log-mel spectra of loud frames (dB, rms over bands). pitch_cents: median deviation of
    pitch. broken: share of frames voiced in both whose pitch is more than a quarter tone off. flux: spectral change
    from frame to frame over that of the sound itself at the same pace; above 1 is rough, below it smeared.
    """

    spectral_db: float
    pitch_cents: float
    broken: float
    flux: float

    def to_json(self) -> dict[str, float]:
        return {"spectral_db": round(self.spectral_db, 2), "pitch_cents": round(self.pitch_cents, 1),
                "broken": round(self.broken, 4), "flux": round(self.flux, 3)}


_STEP_MS, _FRAME_MS, _BANDS = 5.0, 25.0, 40
_GATE_DB = 35.0
_QUARTER_TONE = 50.0


def artefacts(sound: Sound, changed: Sound, sample_rate: int, knots: Sequence[Knot]) -> Artefacts:
    """How ``changed`` differs from ``sound`` (both mono) beside having gone along ``knots``.

    Each frame is held against the most like one within ``SEARCH_MS`` of where the curve says that it comes from, so
    that a window that was moved counts for what it sounds like, not for where it lies.
    """
    before, after = np.array(knots, np.float64).T
    old, new = _log_mel(sound, sample_rate), _log_mel(changed, sample_rate)
    times = np.arange(len(new)) * _STEP_MS
    reach = np.arange(-round(2 * SEARCH_MS), round(2 * SEARCH_MS) + 1) / (2 * _STEP_MS)
    centre = np.interp(times, after, before) / _STEP_MS
    tried = np.clip(centre[:, None] + reach, 0, len(old) - 1 - 1e-6)
    distances = np.stack([np.sqrt(np.square(new - _between(old, at)).mean(1)) for at in tried.T])
    best = np.argmin(distances + 1e-6 * np.abs(reach)[:, None], axis=0)
    source = tried[np.arange(len(new)), best]
    expected = _between(old, source)
    loud = expected.max(1) > old.max() - _GATE_DB
    moved, due = (np.abs(np.diff(frames, axis=0)).mean(1)[loud[1:]] for frames in (new, _between(old, np.clip(
        centre, 0, len(old) - 1 - 1e-6))))
    cents = _pitch_deviation(sound, changed, sample_rate, source)
    return Artefacts(float(distances.min(0)[loud].mean()), float(np.median(cents)) if len(cents) else 0.0,
                     float((cents > _QUARTER_TONE).mean()) if len(cents) else 0.0,
                     float(moved.mean() / max(1e-9, float(due.mean()))))


def _between(frames: npt.NDArray[np.float64], at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rows of ``frames`` at fractional places."""
    low = at.astype(int)
    part = (at - low)[:, None]
    return np.asarray(frames[low] * (1 - part) + frames[np.minimum(low + 1, len(frames) - 1)] * part)


def _pitch_deviation(sound: Sound, changed: Sound, sample_rate: int,
                     source: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Cents between pitch and pitch in every frame that is voiced in both."""
    world = _world()

    def pitch(one: Sound) -> npt.NDArray[np.float64]:
        wide = np.ascontiguousarray(one, np.float64)
        found, at = world.dio(wide, sample_rate, f0_floor=60.0, f0_ceil=600.0, frame_period=_STEP_MS)
        return np.asarray(world.stonemask(wide, found, at, sample_rate))

    old, new = pitch(sound), pitch(changed)
    count = min(len(source), len(new))
    low = np.minimum(source[:count].astype(int), len(old) - 2)
    first, second, now = old[low], old[low + 1], new[:count]
    voiced = (first > 0) & (second > 0) & (now > 0)
    part = (source[:count] - low)[voiced]
    expected = first[voiced] * (1 - part) + second[voiced] * part
    return np.asarray(np.abs(1200 * np.log2(now[voiced] / expected)))


def _log_mel(sound: Sound, sample_rate: int) -> npt.NDArray[np.float64]:
    """``[frames, bands]`` in dB, a frame every 5 ms, centred."""
    length, step = round(_FRAME_MS * sample_rate / 1000), round(_STEP_MS * sample_rate / 1000)
    padded = np.pad(np.asarray(sound, np.float64), length // 2)
    if len(padded) < length + step:
        padded = np.pad(padded, (0, length + step - len(padded)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::step] * np.hanning(length)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)))
    return np.asarray(10 * np.log10(power @ _filters(length, sample_rate) + 1e-8))


def _filters(length: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """Triangles evenly spaced in mel from 60 Hz to 8 kHz: ``[bins, bands]``."""
    bins = np.fft.rfftfreq(length, 1 / sample_rate)
    low, high = 1127 * np.log1p(60 / 700), 1127 * np.log1p(min(8000, sample_rate / 2) / 700)
    edges = 700 * np.expm1(np.linspace(low, high, _BANDS + 2) / 1127)
    rising = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None))


def _world() -> Any:
    """pyworld; its use of pkg_resources is deprecated, which is nothing to tell a user about."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyworld
    return pyworld
