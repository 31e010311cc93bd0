"""Which voice speaks for whom, and how it is moved towards the person.

A speaker is measured (pitch, its range, the length of the vocal tract, loudness), the nearest free voice is chosen,
and that voice is shifted in pitch and formants, within bounds that keep it natural, by the WORLD vocoder.

Source: Lammert and Narayanan, "On Short-Time Estimation of Vocal Tract Length from Formant Frequencies" (PLoS ONE
2015).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound, Voice
from dubbing.errors import UsageError
from dubbing.media.audio import resample
from dubbing.pipeline.speech_frames import HOP_MS, SILENCE_DB, speech_frames
from dubbing.pipeline.world import Vocoded

MOST_SEMITONES = 5.0
MOST_FORMANT = 0.12
_RATE = 16_000
_MOST_SECONDS = 45
_MOST_LINES = 60
_LEAST_SPOKEN_MS = 150.0
#: So far off the median a pitch is a creak or an error, no tune.
_OFF_SEMITONES = 11.0
#: Spacing of formants (Hz) of a vocal tract of middle length; a profile's ``formant_scale`` is relative to it.
_MIDDLE_SPACING_HZ = 1080.0
_SCALE_OF_SEX = {"female": 1.06, "male": 0.96, "unknown": 1.0}
_PITCH_OF_SEX = {"female": 205.0, "male": 120.0, "unknown": 160.0}
_WRONG_SEX = 14.0
#: An accent weighs as much as this distance in pitch.
_ACCENT_SEMITONES = 6.0
_SAME_VOICE = 9.0
#: Two shifts of one voice are two people from this distance on: semitones, and formants at 3 semitones for 10 %.
_LEAST_APART = 3.0
_SEMITONES_A_FORMANT = 30.0
#: The vocoder costs more likeness than a smaller shift brings: 0.02 to 0.13 of a voice print's cosine (docs/voices.md).
_LEAST_SHIFT_SEMITONES = 1.5
_FORMANT_TRUST = 0.6


@dataclass(frozen=True, slots=True)
class SpeakerProfile:
    """How a person speaks. ``pitch_hz`` is 0 when too little voiced speech was heard; ``sex`` is a guess.

    ``pitch_range_semitones`` is the 10th to the 90th percentile; ``formant_scale`` above 1 means a shorter vocal
    tract than the middle one; ``loudness_db`` is RMS relative to full scale. The rest is of the median line:
    ``level_db`` of its loud parts re full scale, ``brightness_db`` its energy above over below 1 kHz, ``voiced_share``
    the part of its frames with a voice, ``rate`` its syllables a second (all as in ``speech_frames``), and
    ``line_range_semitones`` its range of pitch.
    """

    pitch_hz: float
    pitch_range_semitones: float
    formant_scale: float
    sex: str
    loudness_db: float
    level_db: float = SILENCE_DB
    brightness_db: float = 0.0
    voiced_share: float = 0.0
    rate: float = 0.0
    line_range_semitones: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether a line of this speaker was heard."""
        return self.level_db > SILENCE_DB


@dataclass(frozen=True, slots=True)
class VoiceSpec:
    """A voice and its shift; written ``jm_kumo+2.0st*1.04`` (no suffix when nothing is shifted)."""

    voice: str
    semitones: float = 0.0
    formant_ratio: float = 1.0

    @property
    def pitch_ratio(self) -> float:
        return float(2 ** (self.semitones / 12))

    @property
    def is_plain(self) -> bool:
        return self.semitones == 0.0 and self.formant_ratio == 1.0

    def __str__(self) -> str:
        if self.is_plain:
            return self.voice
        return f"{self.voice}{self.semitones:+.1f}st*{self.formant_ratio:.2f}"

    @classmethod
    def parse(cls, text: str) -> VoiceSpec:
        """The inverse of ``str``. Raises UsageError for a shift beyond the bounds or a text that is no voice."""
        number = r"\d+(?:\.\d+)?"
        pattern = rf"(?P<voice>.+?)(?:(?P<shift>[+-]{number})st(?:\*(?P<formant>{number}))?)?"
        match = re.fullmatch(pattern, text.strip())
        if match is None:
            raise UsageError(f"{text!r} is not a voice.", "Write a voice's name, or one like jm_kumo+2.0st*1.04.")
        spec = cls(match["voice"], float(match["shift"] or 0), float(match["formant"] or 1))
        if abs(spec.semitones) > MOST_SEMITONES + 1e-6 or abs(spec.formant_ratio - 1) > MOST_FORMANT + 1e-6:
            raise UsageError(f"The voice {text!r} is shifted too far to sound natural.",
                             f"Stay within {MOST_SEMITONES:g} semitones and {MOST_FORMANT:.0%} of formants.")
        return spec


def measure_speaker(sound_16k: Sound, spans: Sequence[tuple[int, int]]) -> SpeakerProfile:
    """Profile of the person who speaks in ``spans`` (ms) of 16 kHz mono sound; at most 45 s of it are used."""
    pieces = [sound_16k[start * _RATE // 1000: end * _RATE // 1000] for start, end in spans]
    speech = np.concatenate([np.zeros(0, np.float32), *pieces])[: _MOST_SECONDS * _RATE].astype(np.float64)
    loud_db = 20 * np.log10(max(1e-6, float(np.sqrt(np.mean(np.square(speech))))) if len(speech) else 1e-6)
    pitches = voiced_pitches(speech, _RATE)
    if len(pitches) < 20:
        return SpeakerProfile(0.0, 0.0, 1.0, "unknown", float(loud_db), *_median_line(sound_16k, spans))
    pitch = float(np.median(pitches))
    pitches = pitches[np.abs(12 * np.log2(pitches / pitch)) < _OFF_SEMITONES]
    low, high = np.percentile(pitches, [10, 90])
    scale = formant_scale(speech)
    return SpeakerProfile(pitch, float(12 * np.log2(high / low)), scale, _sex(pitch, scale), float(loud_db),
                          *_median_line(sound_16k, spans))


def _median_line(sound_16k: Sound, spans: Sequence[tuple[int, int]]) -> tuple[float, ...]:
    """Level, brightness, share of voiced frames, rate and range of the lines, their median weighted by length."""
    rows, weights = [], []
    for start, end in _spread(spans):
        frames = speech_frames(sound_16k[start * _RATE // 1000: end * _RATE // 1000])
        if frames.is_loud.sum() * HOP_MS >= _LEAST_SPOKEN_MS:
            rows.append((frames.loudness_db, frames.brightness_db, frames.voiced_share, frames.rate,
                         frames.pitch_range))
            weights.append(float(frames.is_loud.sum()))
    if not rows:
        return ()
    return tuple(_weighted_median(column, weights) for column in zip(*rows, strict=True))


def _spread(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """At most ``_MOST_LINES`` of the lines, from the first to the last."""
    step = max(1.0, len(spans) / _MOST_LINES)
    return [spans[int(i * step)] for i in range(min(len(spans), _MOST_LINES))]


def _weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    order = np.argsort(values)
    total = np.cumsum(np.asarray(weights)[order])
    return float(np.asarray(values)[order][np.searchsorted(total, total[-1] / 2)])


def voiced_pitches(speech: npt.NDArray[np.float64], sample_rate: int) -> npt.NDArray[np.float64]:
    """Pitch (Hz) of each voiced 10 ms of ``speech``."""
    if len(speech) < sample_rate // 10:
        return np.zeros(0)
    pitch = speech_frames(resample(speech.astype(np.float32), sample_rate, _RATE)).pitch_hz
    return np.asarray(pitch[pitch > 0])


def formant_scale(speech: npt.NDArray[np.float64]) -> float:
    """Formant spacing of 16 kHz ``speech`` relative to that of a middle vocal tract.

    Linear prediction (order 12 at 10 kHz) of loud frames; each of the first four resonances votes for the spacing of
    a uniform tube, whose resonances are odd multiples of half of it; the higher ones vary less with the vowel.
    """
    from scipy.linalg import solve_toeplitz
    from scipy.signal import resample_poly

    sound = resample_poly(speech, 5, 8)
    sound = np.append(sound[0], sound[1:] - 0.97 * sound[:-1])
    length, step = 256, 200
    if len(sound) < length * 4:
        return 1.0
    frames = np.lib.stride_tricks.sliding_window_view(sound, length)[::step] * np.hamming(length)
    power = np.square(frames).sum(1)
    spacings = []
    for frame in frames[power >= np.percentile(power, 60)][:1500]:
        correlation = np.correlate(frame, frame, "full")[length - 1: length + 12]
        correlation[0] *= 1 + 1e-6
        if correlation[0] <= 0:
            continue
        roots = np.roots(np.append(1.0, -solve_toeplitz(correlation[:-1], correlation[1:])))
        roots = roots[np.imag(roots) > 0]
        hertz = np.angle(roots) * 10_000 / (2 * np.pi)
        width = -np.log(np.abs(roots)) * 10_000 / np.pi
        formants = np.sort(hertz[(hertz > 200) & (hertz < 4700) & (width < 500)])[:4]
        if len(formants) == 4:
            order = np.array([0.5, 1.5, 2.5, 3.5])
            spacings.append(float(np.average(formants / order, weights=order)))
    if len(spacings) < 10:
        return 1.0
    return float(np.clip(np.median(spacings) / _MIDDLE_SPACING_HZ, 0.8, 1.25))


def _sex(pitch_hz: float, scale: float) -> str:
    """By pitch where it is clear; between 145 and 185 Hz the vocal tract decides."""
    if pitch_hz < 145:
        return "male"
    if pitch_hz > 185:
        return "female"
    return "male" if scale < 1.0 else "female"


def assign_voices(profiles: Mapping[str, SpeakerProfile], voices: Sequence[Voice],
                  scales: Mapping[str, float] | None = None) -> dict[str, VoiceSpec]:
    """A voice for each speaker: same sex and near pitch, distinct for distinct speakers as far as there are voices.

    When voices run out, speakers share one with clearly different shifts. ``scales`` gives the formant
    scale of a voice where it is known. Deterministic; raises UsageError when there is no voice at all.
    """
    from scipy.optimize import linear_sum_assignment

    if not profiles:
        return {}
    if not voices:
        raise UsageError("There is no voice for this language.", "Choose another engine or another language.")
    speakers = sorted(profiles)
    rounds = -(-len(speakers) // len(voices)) + 1
    slots = [(voice, turn) for turn in range(rounds) for voice in voices]
    cost = np.array([[_cost(profiles[who], voice) + turn * _SAME_VOICE for voice, turn in slots] for who in speakers])
    rows, columns = linear_sum_assignment(cost)
    chosen: dict[str, VoiceSpec] = {}
    for row, column in sorted(zip(rows, columns, strict=True), key=lambda pair: slots[pair[1]][1]):
        voice = slots[column][0]
        wanted = _shift(profiles[speakers[row]], voice, (scales or {}).get(voice.id))
        taken = [spec for spec in chosen.values() if spec.voice == voice.id]
        chosen[speakers[row]] = _apart(wanted, taken)
    return chosen


def _cost(profile: SpeakerProfile, voice: Voice) -> float:
    pitch = profile.pitch_hz or _PITCH_OF_SEX[profile.sex]
    distance = abs(12 * np.log2(pitch / (voice.pitch_hz or _PITCH_OF_SEX[voice.sex])))
    known = "unknown" not in (profile.sex, voice.sex)
    wrong_sex = _WRONG_SEX if known and profile.sex != voice.sex else 0.0
    return float(distance + wrong_sex + (0.0 if voice.is_native else _ACCENT_SEMITONES))


def _shift(profile: SpeakerProfile, voice: Voice, scale: float | None) -> VoiceSpec:
    """The shift that takes ``voice`` towards ``profile``, bounded; a small one is left out, and one whose measure is
    not known."""
    if profile.pitch_hz <= 0 or voice.pitch_hz <= 0:
        return VoiceSpec(voice.id)
    semitones = float(np.clip(12 * np.log2(profile.pitch_hz / voice.pitch_hz), -MOST_SEMITONES, MOST_SEMITONES))
    own = scale or _SCALE_OF_SEX.get(voice.sex, 1.0)
    ratio = 1 + _FORMANT_TRUST * (profile.formant_scale / own - 1)
    ratio = round(float(np.clip(ratio, 1 - MOST_FORMANT, 1 + MOST_FORMANT)), 2)
    if abs(semitones) < _LEAST_SHIFT_SEMITONES:
        return VoiceSpec(voice.id)
    return VoiceSpec(voice.id, round(semitones, 1), ratio)


def _apart(wanted: VoiceSpec, taken: Sequence[VoiceSpec]) -> VoiceSpec:
    """``wanted``, or the nearest shift that is clearly another person than each of ``taken``."""
    steps = np.arange(-MOST_SEMITONES, MOST_SEMITONES + 0.1, 0.5)
    ratios = (wanted.formant_ratio, 0.9, 0.95, 1.0, 1.05, 1.1)

    def distance(a: VoiceSpec, b: VoiceSpec) -> float:
        return abs(a.semitones - b.semitones) + _SEMITONES_A_FORMANT * abs(a.formant_ratio - b.formant_ratio)

    candidates = [wanted, *(VoiceSpec(wanted.voice, float(s), r) for s in steps for r in ratios)]
    free = [c for c in candidates if all(distance(c, other) >= _LEAST_APART for other in taken)]
    if free:
        return min(free, key=lambda c: distance(c, wanted))
    return max(candidates, key=lambda c: min(distance(c, other) for other in taken))


def apply_voice(sound: Sound, sample_rate: int, spec: VoiceSpec) -> Sound:
    """``sound`` (mono) moved by ``spec``'s shift; as long as before to the sample, nothing moves in time.

    WORLD analysis; pitch is scaled, the spectral envelope is read at frequencies divided by the formant ratio, and
    the two are put together again. A spec without a shift returns ``sound`` itself.
    """
    if spec.is_plain or len(sound) < sample_rate // 20:
        return sound
    vocoded = Vocoded.of(sound, sample_rate).formants_moved(spec.formant_ratio)
    out = vocoded.with_pitch(vocoded.pitch_hz * spec.pitch_ratio).sound()
    before, after = float(np.sqrt(np.mean(np.square(sound)))), float(np.sqrt(np.mean(np.square(out))))
    return out * np.float32(before / after) if after > 1e-6 else out
