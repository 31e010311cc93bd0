"""How a line was said in the original, relative to how its speaker usually speaks.

Everything is relative, so that it can be laid on another voice: a shout is louder, higher and brighter than this
person's median line, whatever the person's voice is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound
from dubbing.pipeline.speech_frames import HOP_MS, RATE, SpeechFrames, speech_frames
from dubbing.pipeline.voice_match import SpeakerProfile

STEP_MS = 300
#: With so much voiced speech a measure counts half: a short line says little about its pitch.
_HALF_TRUST_MS = 250.0
#: Level, pitch and range are rounded, so that a take need not be made anew for what nobody hears.
_LEVEL_GRAIN_DB, _PITCH_GRAIN, _RATIO_GRAIN = 0.5, 0.25, 0.05
#: A whisper: hardly a voiced frame, in one who else has a voice, and no louder than that.
_WHISPER_VOICED, _USUALLY_VOICED, _WHISPER_BRIGHTER_DB, _WHISPER_LOUDER_DB = 0.15, 0.4, 4.0, -2.0
_LEAST_WORDS = 3
#: A word is emphasised when it stands out from the line's words by so many spreads, and strongest at so many more.
_PROMINENT, _MOST_PROMINENT = 1.2, 2.6
_LEAST_SPREAD = (1.0, 1.5)  # semitones, dB
_MOST_PEAKS = 3
_CONTOUR_DEPTH_DB = 14.0


@dataclass(frozen=True, slots=True)
class ProsodyTarget:
    """How a line was said, relative to its speaker's usual way.

    level_db: louder than the speaker's median line. contour_db: level of each ``step_ms`` of the line over the line's
    own (None in its pauses). pitch_semitones: higher than the speaker's median. range_ratio: the line's range of pitch
    over the speaker's. rate: syllables a second over the speaker's usual. emphasis: (share of the line in [0, 1],
    strength in (0, 1]) of words that stand out. voiced_share: of the spoken frames. brightness_db: vocal effort as
    energy above over below 1 kHz, more than usual. duration_ms: the line's length, which ``contour_db`` covers.
    """

    level_db: float = 0.0
    contour_db: tuple[float | None, ...] = ()
    pitch_semitones: float = 0.0
    range_ratio: float = 1.0
    rate: float = 1.0
    emphasis: tuple[tuple[float, float], ...] = ()
    voiced_share: float = 1.0
    is_whisper: bool = False
    brightness_db: float = 0.0
    duration_ms: int = 0
    step_ms: int = STEP_MS

    def to_json(self) -> dict[str, Any]:
        """Plain values; a part of a take's key."""
        return {**asdict(self), "contour_db": list(self.contour_db), "emphasis": [list(peak) for peak in self.emphasis]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ProsodyTarget:
        """The inverse of ``to_json``; names of a newer version are left out."""
        known = {name: data[name] for name in {own.name for own in fields(cls)} & data.keys()}
        known["contour_db"] = tuple(None if v is None else float(v) for v in known.get("contour_db", ()))
        known["emphasis"] = tuple((float(at), float(how)) for at, how in known.get("emphasis", ()))
        return cls(**known)


def measure_line(speech_16k: Sound, words: Sequence[tuple[float, float]], profile: SpeakerProfile) -> ProsodyTarget:
    """How the line is said whose ``words`` (start, end in ms of ``speech_16k``'s own clock) are given.

    speech_16k: mono 16 kHz sound of the speech stem, the line's own cut or more of it; without words all of it is the
    line. A line in which nobody is heard gives the neutral target.
    """
    start = min((word[0] for word in words), default=0.0)
    end = max((word[1] for word in words), default=len(speech_16k) * 1000 / RATE)
    line = speech_16k[max(0, round(start * RATE / 1000)): max(0, round(end * RATE / 1000))]
    frames = speech_frames(line)
    duration_ms = round(len(line) * 1000 / RATE)
    if frames.is_silent or frames.is_loud.sum() * HOP_MS < 100:
        return ProsodyTarget(duration_ms=duration_ms)
    level = frames.loudness_db - profile.level_db if profile.is_known else 0.0
    brighter = frames.brightness_db - profile.brightness_db if profile.is_known else 0.0
    trust = _trust(frames)
    has_pitch = profile.pitch_hz > 0 and len(frames.semitones) >= 5
    pitch = trust * (frames.pitch_median - 12 * np.log2(profile.pitch_hz)) if has_pitch else 0.0
    spread = profile.line_range_semitones or profile.pitch_range_semitones
    wide = (frames.pitch_range / spread) ** trust if has_pitch and spread > 0.5 and frames.pitch_range > 0.1 else 1.0
    is_whisper = profile.is_known and _is_whisper(frames, profile, level, brighter)
    return ProsodyTarget(
        level_db=_grained(level, _LEVEL_GRAIN_DB), contour_db=contour(frames),
        pitch_semitones=0.0 if is_whisper else _grained(pitch, _PITCH_GRAIN),
        range_ratio=1.0 if is_whisper else _grained(wide, _RATIO_GRAIN),
        rate=_grained(frames.rate / profile.rate, _RATIO_GRAIN) if profile.rate > 0 and frames.rate > 0 else 1.0,
        emphasis=() if is_whisper else _emphasis(frames, [(a - start, b - start) for a, b in words], duration_ms),
        voiced_share=_grained(frames.voiced_share, _RATIO_GRAIN), is_whisper=is_whisper,
        brightness_db=_grained(brighter, _LEVEL_GRAIN_DB), duration_ms=duration_ms)


def contour(frames: SpeechFrames, step_ms: float = STEP_MS) -> tuple[float | None, ...]:
    """Level (dB) of each step over the median of the steps in which somebody speaks; None in the others.

    A step's level is that of its louder frames (the 80th percentile): vowels count, consonants between them do not.
    """
    per_step = max(1.0, step_ms / HOP_MS)
    count = max(1, round(len(frames.level_db) / per_step))
    edges = np.minimum(np.round(np.arange(count + 1) * per_step), len(frames.level_db)).astype(int)
    edges[-1] = len(frames.level_db)
    levels = np.full(count, np.nan)
    for i, (first, stop) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        loud = frames.is_loud[first:stop]
        if loud.sum() * HOP_MS >= 0.2 * step_ms:
            levels[i] = np.percentile(frames.level_db[first:stop][loud], 80)
    heard = np.isfinite(levels)
    if not heard.any():
        return (None,) * count
    above = levels - np.median(levels[heard])
    # The dying away of a last vowel is no softer speech.
    return tuple(_grained(value, _LEVEL_GRAIN_DB) if ok and value >= -_CONTOUR_DEPTH_DB else None
                 for value, ok in zip(above, heard, strict=True))


def _grained(value: float, grain: float) -> float:
    return round(round(float(value) / grain) * grain, 4) + 0.0


def _trust(frames: SpeechFrames) -> float:
    """How far the pitch of a line is believed, in [0, 1)."""
    voiced_ms = len(frames.semitones) * HOP_MS
    return voiced_ms / (voiced_ms + _HALF_TRUST_MS)


def _is_whisper(frames: SpeechFrames, profile: SpeakerProfile, level: float, brighter: float) -> bool:
    return bool(frames.voiced_share < _WHISPER_VOICED and profile.voiced_share > _USUALLY_VOICED
                and brighter > _WHISPER_BRIGHTER_DB and level < _WHISPER_LOUDER_DB)


def _emphasis(frames: SpeechFrames, words: Sequence[tuple[float, float]],
              duration_ms: int) -> tuple[tuple[float, float], ...]:
    """Where the words are that stand out from the line by pitch and level together, strongest first."""
    pitched, louds, middles = [], [], []
    semitones = 12 * np.log2(np.maximum(frames.pitch_hz, 1.0))
    usual = frames.pitch_median
    for start, end in words:
        own = slice(int(start / HOP_MS), max(int(start / HOP_MS) + 1, int(end / HOP_MS)))
        loud = frames.is_loud[own]
        if not loud.any():
            continue
        level = frames.level_db[own]
        tones = semitones[own][frames.pitch_hz[own] > 0]
        tones = tones[np.abs(tones - usual) < 11]
        pitched.append(float(np.percentile(tones, 90)) if len(tones) else usual)
        louds.append(float(np.percentile(level[loud], 90)))
        middles.append(start + float(np.average(np.arange(len(level)) + 0.5, weights=10 ** (level / 10))) * HOP_MS)
    if len(middles) < _LEAST_WORDS or duration_ms <= 0:
        return ()
    at = np.array(middles)
    score = (_stands_out(np.array(pitched), at, _LEAST_SPREAD[0]) + _stands_out(np.array(louds), at, _LEAST_SPREAD[1]))
    strength = np.clip((score / 2 - _PROMINENT) / (_MOST_PROMINENT - _PROMINENT), 0.0, 1.0)
    best = [i for i in np.argsort(-strength) if strength[i] > 0.05][:_MOST_PEAKS]
    return tuple((round(float(np.clip(at[i] / duration_ms, 0, 1)), 2), _grained(max(0.1, strength[i]), 0.1))
                 for i in best)


def _stands_out(values: npt.NDArray[np.float64], at: npt.NDArray[np.float64],
                least: float) -> npt.NDArray[np.float64]:
    """By how many spreads each value lies over the line's slow fall; a word alone cannot widen the spread."""
    slope = min(0.0, float(np.polyfit(at, values, 1)[0])) if len(at) >= 4 else 0.0
    level = values - slope * (at - at.mean())
    middle = float(np.median(level))
    spread = max(least, 1.4826 * float(np.median(np.abs(level - middle))))
    return np.asarray((level - middle) / spread)
