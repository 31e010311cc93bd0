"""A take said the way the original line was: as loud, as high, as lively, with the same swells; softly or shouted.

What is measured relative to the original speaker (:mod:`dubbing.pipeline.prosody_measure`) is laid on a take relative
to itself. Nothing moves in time. The vocoder is used once, for the voice's own shift and for pitch together, and only
where pitch or the voice itself has to change; loudness and brightness are changed on the sound as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Sound
from dubbing.pipeline.prosody_measure import ProsodyTarget, contour, measure_line
from dubbing.pipeline.speech_frames import HOP_MS, RATE, SpeechFrames, speech_frames
from dubbing.pipeline.voice_match import VoiceSpec, apply_voice
from dubbing.pipeline.world import FRAME_MS, Vocoded

__all__ = ["ProsodyTarget", "follow", "measure_line"]

MOST_SEMITONES = 4.0
RANGE_LIMITS = (0.6, 1.6)
MOST_CONTOUR_DB = 6.0
#: A take is written so much louder or softer at most; the mix does the rest, by the original line's level.
LEVEL_LIMITS_DB = (-15.0, 9.0)
MOST_BRIGHTER_DB = 6.0
PEAK, _MOST_LIMITING = 0.98, 2.0
#: Below these a change is not worth the vocoder.
_LEAST_SEMITONES, _LEAST_RANGE = 0.5, 0.1
_LEAST_DB, _LEAST_BRIGHTER_DB = 0.75, 2.0
#: An emphasised word rises by this much at full strength; one that was only measured, not marked, by less.
_EMPHASIS_SEMITONES, _EMPHASIS_DB, _MEASURED_SHARE = 2.5, 3.0, 0.6
#: A measured peak is laid on the strongest vowel within this share of the line.
_PEAK_REACH = 0.12
_PEAK_MS = 320.0
_LEAST_PITCH_HZ = 60.0
_BRIGHTNESS_CORNER_HZ = 1500.0
_VOWELS = frozenset("aeiouyæɐɑɒɔəɘɚɛɜɝɞɤɨɪɯɵøœɶɷʉʊʌʏ")
_CONTOUR_ROUNDS = 3

Array = npt.NDArray[np.floating[Any]]
#: (middle in ms, width in ms, strength in (0, 1]) of what is to stand out.
Bump = tuple[float, float, float]


def follow(sound: Sound, sample_rate: int, phonemes: Sequence[Phoneme], target: ProsodyTarget, spec: VoiceSpec,
           emphasised: Sequence[tuple[float, float]] = ()) -> Sound:
    """Mono ``sound`` of a take, moved by the voice's shift and said as ``target`` says; as long as before.

    emphasised: stretches (ms) that the text itself marks; they replace the emphasis that was measured. Pitch moves
    within 4 semitones, its range by 0.6 to 1.6, the contour of loudness within 6 dB. A neutral target with a plain
    voice gives ``sound`` itself.
    """
    if len(sound) < sample_rate // 20:
        return sound
    frames = _frames(sound, sample_rate)
    if frames.is_silent:
        return apply_voice(sound, sample_rate, spec)
    bumps = _bumps(frames, phonemes, target, emphasised, len(sound) * 1000 / sample_rate)
    out = _voiced(sound, sample_rate, frames, target, spec, bumps)
    brighter = float(np.clip(target.brightness_db, -MOST_BRIGHTER_DB, MOST_BRIGHTER_DB))
    if abs(brighter) >= _LEAST_BRIGHTER_DB and not target.is_whisper:
        out = brightened(out, sample_rate, brighter)
    out = _loudened(out, sample_rate, frames, target, bumps)
    return out


def _frames(sound: Sound, sample_rate: int) -> SpeechFrames:
    from dubbing.media.audio import resample

    return speech_frames(resample(sound, sample_rate, RATE))


def _bumps(frames: SpeechFrames, phonemes: Sequence[Phoneme], target: ProsodyTarget,
           emphasised: Sequence[tuple[float, float]], duration_ms: float) -> list[Bump]:
    """What is to stand out: what the text marks, else what stood out in the original."""
    if emphasised:
        return [((start + end) / 2, max(_PEAK_MS / 2, end - start), 1.0) for start, end in emphasised]
    vowels = [p for p in phonemes if p.symbol[:1] in _VOWELS]
    bumps: list[Bump] = []
    for share, strength in target.emphasis:
        wanted = share * duration_ms
        near = [p for p in vowels if abs((p.start_ms + p.end_ms) / 2 - wanted) <= _PEAK_REACH * duration_ms]
        if near:
            strongest = max(near, key=lambda p: _level_of(frames, p))
            bumps.append(((strongest.start_ms + strongest.end_ms) / 2, _PEAK_MS, strength * _MEASURED_SHARE))
    return bumps


def _level_of(frames: SpeechFrames, phoneme: Phoneme) -> float:
    first = min(int(phoneme.start_ms / HOP_MS), len(frames.level_db) - 1)
    return float(frames.level_db[first: max(first + 1, int(phoneme.end_ms / HOP_MS))].max())


def _hills(bumps: Sequence[Bump], times_ms: Array) -> Array:
    """Height in [0, 1] at each time: a raised cosine over every bump."""
    height = np.zeros(len(times_ms))
    for middle, width, strength in bumps:
        # Half the hill lies outside the word, so that nothing jumps at its edges.
        phase = np.clip((times_ms - middle) / width, -1.0, 1.0)
        height = np.maximum(height, strength * (0.5 + 0.5 * np.cos(np.pi * phase)))
    return height


def _voiced(sound: Sound, sample_rate: int, frames: SpeechFrames, target: ProsodyTarget, spec: VoiceSpec,
            bumps: Sequence[Bump]) -> Sound:
    """The voice's own shift and the target's pitch in one pass of the vocoder; as loud as before."""
    shift = float(np.clip(target.pitch_semitones, -MOST_SEMITONES, MOST_SEMITONES))
    ratio = float(np.clip(target.range_ratio, *RANGE_LIMITS))
    is_moved = abs(shift) >= _LEAST_SEMITONES or abs(ratio - 1) >= _LEAST_RANGE or bool(bumps)
    if not (is_moved or target.is_whisper):
        return apply_voice(sound, sample_rate, spec)
    vocoded = Vocoded.of(sound, sample_rate).formants_moved(spec.formant_ratio)
    if target.is_whisper:
        out = vocoded.whispered().sound()
    else:
        pitch = moved_pitch(vocoded.pitch_hz, shift, ratio, bumps) * spec.pitch_ratio
        out = vocoded.with_pitch(pitch).sound()
    return _as_loud(out, sound)


def moved_pitch(pitch_hz: Array, semitones: float, range_ratio: float, bumps: Sequence[Bump] = ()) -> Array:
    """``pitch_hz`` (frames of 5 ms, 0: unvoiced) higher by ``semitones``, its distances from its median times
    ``range_ratio``, and raised on the bumps; within an octave and a half of the median."""
    voiced = pitch_hz > 0
    if not voiced.any():
        return pitch_hz
    tones = 12 * np.log2(np.maximum(pitch_hz, 1.0))
    middle = float(np.median(tones[voiced]))
    offset = np.clip(tones - middle, -18, 18)
    # What lies far out is an octave error as often as it is speech; it is not sent further.
    wide = np.where(np.abs(offset) < 10, offset * range_ratio, offset)
    raised = _EMPHASIS_SEMITONES * _hills(bumps, np.arange(len(pitch_hz)) * FRAME_MS)
    moved = 2 ** ((middle + semitones + wide + raised) / 12)
    return np.asarray(np.where(voiced, np.maximum(moved, _LEAST_PITCH_HZ), 0.0))


def _as_loud(out: Sound, like: Sound) -> Sound:
    before, after = float(np.sqrt(np.mean(np.square(like)))), float(np.sqrt(np.mean(np.square(out))))
    return out * np.float32(before / after) if after > 1e-6 else out


def brightened(sound: Sound, sample_rate: int, brighter_db: float) -> Sound:
    """``sound`` with what lies over 1.5 kHz louder by ``brighter_db`` (first-order shelf); as loud as before.

    A raised voice is not only louder: its upper partials rise faster than the rest, a soft one's fall.
    """
    from scipy.signal import bilinear, filtfilt

    # Forwards and backwards, so that nothing is delayed; each way gives half of it.
    gain = 10 ** (brighter_db / 40)
    corner = 2 * np.pi * _BRIGHTNESS_CORNER_HZ
    root = np.sqrt(gain)
    b, a = bilinear([root, corner], [1 / root, corner], sample_rate)
    return _as_loud(filtfilt(b, a, np.asarray(sound, np.float64)).astype(np.float32), sound)


def _loudened(sound: Sound, sample_rate: int, before: SpeechFrames, target: ProsodyTarget,
              bumps: Sequence[Bump]) -> Sound:
    """The target's contour and level; where neither differs much, ``sound`` itself."""
    frames = _frames(sound, sample_rate)
    if frames.is_silent:
        return sound
    curve = contour_gain(frames, target)
    times = np.arange(len(curve)) * HOP_MS
    curve = curve + _EMPHASIS_DB * _hills(bumps, times)
    level = float(np.clip(target.level_db, *LEVEL_LIMITS_DB))
    if np.abs(curve).max() < _LEAST_DB and abs(level) < _LEAST_DB:
        return sound
    seconds = np.arange(len(sound)) * 1000 / sample_rate
    gain = np.interp(seconds, times + HOP_MS / 2, curve)
    out = np.asarray(sound * 10 ** (gain / 20), np.float32)
    own = _frames(out, sample_rate).loudness_db
    out = out * np.float32(10 ** ((before.loudness_db + level - own) / 20))
    return _under_peak(out, sample_rate)


def _under_peak(sound: Sound, sample_rate: int) -> Sound:
    """Turned down to the peak that is allowed: by 6 dB at most where it passes it, all of it beyond that.

    Who shouts is compressed by the throat already; the loudest periods alone are what is in the way.
    """
    peak = float(np.abs(sound).max())
    if peak <= PEAK:
        return sound
    out = sound * np.float32(min(1.0, _MOST_LIMITING * PEAK / peak))
    reach = max(8, sample_rate // 250)
    needed = np.minimum(1.0, PEAK / np.maximum(np.abs(out), 1e-9))
    padded = np.pad(needed, 2 * reach, constant_values=1.0)
    lowest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).min(1)
    shape = np.hanning(2 * reach + 3)[1:-1]
    return np.asarray(out * np.convolve(lowest, shape / shape.sum(), "valid"), np.float32)


def contour_gain(frames: SpeechFrames, target: ProsodyTarget) -> Array:
    """Gain (dB) for each 10 ms of a take that brings its contour of loudness near the target's, within 6 dB.

    The line's steps are laid on the take by their share of the whole.
    """
    count, frame_count = len(target.contour_db), len(frames.level_db)
    curve = np.zeros(frame_count)
    if count < 2:
        return curve
    wanted = _steps(target.contour_db, count)
    change = np.zeros(count)
    # A step's gain reaches into its neighbours: what is left after one round is asked for in the next.
    for _ in range(_CONTOUR_ROUNDS):
        now = replace(frames, level_db=frames.level_db + curve)
        own = _steps(contour(now, frame_count * HOP_MS / count), count)
        # A step that is silent in either has nothing to say about the other.
        heard = np.isfinite(own) & np.isfinite(wanted)
        if heard.sum() < 2:
            return np.zeros(frame_count)
        missing = wanted[heard] - own[heard]
        change[heard] = np.clip(change[heard] + missing - np.median(missing), -MOST_CONTOUR_DB, MOST_CONTOUR_DB)
        middles = (np.flatnonzero(heard) + 0.5) / count * frame_count
        curve = np.interp(np.arange(frame_count) + 0.5, middles, change[heard])
    return curve


def _steps(values: Sequence[float | None], count: int) -> Array:
    """``count`` values, nan where there is none."""
    known = [np.nan if value is None else value for value in values[:count]]
    return np.array(known + [np.nan] * (count - len(known)))
