"""synthesize: a take of one line, fitted to its slot, with the exact time of every phoneme."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from dubbing.domain.isochrony import FitPlan, Slot, colour, plan_fit
from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Report, Sound, Speech, Synthesizer
from dubbing.media.stretch import FASTEST, SLOWEST, stretch
from dubbing.pipeline import records
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step
from dubbing.pipeline.voice_match import VoiceSpec, apply_voice

VERSION = "2"
TAKE, PHONEMES = "take.wav", "phonemes.json"
#: What a synthesizer is asked for itself; the rest is time-stretch.
SPEED_LIMITS = (0.8, 1.4)
#: A stretch below this is not worth its artefacts.
STRETCH_FLOOR = 0.01
EDGE_MS = 30.0
#: Tempo beyond which a pace that a person asks for is not followed.
SLOWEST_PACE, FASTEST_PACE = 0.6, 2.0
FADE_MS = 8.0


def step(synthesizer: Synthesizer, text: str, language: str, voice: str, slot: Slot, *, pace: float = 1.0,
         utterance: str | None = None) -> Step:
    """``voice`` names one of the engine's, and how it is moved towards the speaker's (see VoiceSpec).

    pace: how much faster the take is to be than fits its slot best; a slower one still ends in its room.
    """

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        spec = VoiceSpec.parse(voice)
        natural = trimmed(synthesizer.synthesize(text, language, spec.voice))
        natural_ms = duration_ms(natural)
        plan = paced(plan_fit(natural_ms, slot), natural_ms, slot, pace)
        report(1, 3, "")
        speech = natural
        speed = min(max(plan.tempo, SPEED_LIMITS[0]), SPEED_LIMITS[1])
        if abs(speed - 1) > STRETCH_FLOOR:
            speech = trimmed(synthesizer.synthesize(text, language, spec.voice, speed=speed))
        report(2, 3, "")
        speech = fitted(speech, plan, slot)
        sound = apply_voice(speech.sound, speech.sample_rate, spec)
        sound = faded(sound, speech.sample_rate)
        soundfile.write(folder / TAKE, sound, speech.sample_rate, subtype="FLOAT")
        records.dump(speech.phonemes, folder / PHONEMES)
        final_ms = len(sound) * 1000 / speech.sample_rate
        tempo = natural_ms / final_ms
        facts.update(natural_ms=round(natural_ms), duration_ms=round(final_ms), tempo=round(tempo, 4),
                     speed=round(speed, 4), fit=plan.fit.value, sample_rate=speech.sample_rate,
                     borrowed_ms=max(0, round(final_ms) - slot.duration_ms))
        report(3, 3, "")

    # Only the slot's lengths matter to the take, not where in the video it lies.
    params = {"text": text, "language": language, "voice": voice, "slot_ms": slot.duration_ms,
              "room_ms": slot.room_ms}
    if pace != 1.0:
        params["pace"] = pace
    return Step("synthesize", VERSION, build, params, {}, synthesizer, "line", utterance, language)


def load_take(take: Artifact) -> tuple[Sound, int, tuple[Phoneme, ...]]:
    """(mono sound, sample rate, phonemes) of a finished take."""
    sound, rate = soundfile.read(take.path(TAKE), dtype="float32")
    return sound, rate, records.load_phonemes(take.path(PHONEMES))


def paced(plan: FitPlan, natural_ms: float, slot: Slot, pace: float) -> FitPlan:
    """``plan`` at another pace, within what is still speech and within the slot's room."""
    if pace == 1.0:
        return plan
    shortest, longest = natural_ms / FASTEST_PACE, min(natural_ms / SLOWEST_PACE, float(slot.room_ms))
    target_ms = round(max(min(plan.target_ms / pace, longest), shortest))
    tempo = natural_ms / target_ms
    return FitPlan(target_ms, tempo, max(0, target_ms - slot.duration_ms), colour(tempo))


def duration_ms(speech: Speech) -> float:
    return len(speech.sound) * 1000 / speech.sample_rate


def trimmed(speech: Speech) -> Speech:
    """Without the silence before the first and after the last phoneme, but for a small edge."""
    spoken = [p for p in speech.phonemes if p.symbol.strip()]
    if not spoken:
        return speech
    total = duration_ms(speech)
    start, end = max(0.0, spoken[0].start_ms - EDGE_MS), min(total, spoken[-1].end_ms + EDGE_MS)
    first, last = round(start * speech.sample_rate / 1000), round(end * speech.sample_rate / 1000)
    phonemes = tuple(replace(p, start_ms=max(0.0, p.start_ms - start), end_ms=min(end, p.end_ms) - start)
                     for p in speech.phonemes if p.end_ms > start and p.start_ms < end)
    return Speech(speech.sound[first:last], speech.sample_rate, phonemes)


def fitted(speech: Speech, plan: FitPlan, slot: Slot) -> Speech:
    """Stretched to the plan's duration where that is worth it, and never longer than the slot's room."""
    now = duration_ms(speech)
    tempo = now / plan.target_ms
    if abs(tempo - 1) <= STRETCH_FLOOR and now <= slot.room_ms:
        return speech
    sound = stretch(speech.sound, speech.sample_rate, min(max(tempo, SLOWEST), FASTEST))
    scale = len(sound) / len(speech.sound)
    phonemes = tuple(Phoneme(p.symbol, p.start_ms * scale, p.end_ms * scale) for p in speech.phonemes)
    room = int(slot.room_ms * speech.sample_rate / 1000)
    if len(sound) > room:
        room_ms = room * 1000 / speech.sample_rate
        sound = sound[:room]
        phonemes = tuple(replace(p, end_ms=min(p.end_ms, room_ms)) for p in phonemes if p.start_ms < room_ms)
    return Speech(sound, speech.sample_rate, phonemes)


def faded(sound: Sound, sample_rate: int) -> Sound:
    """With a few milliseconds of fade at both edges, so that nothing clicks."""
    n = min(int(FADE_MS * sample_rate / 1000), len(sound) // 2)
    if n == 0:
        return sound
    ramp = np.linspace(0, 1, n, dtype=np.float32)
    out = np.array(sound, np.float32)
    out[:n] *= ramp
    out[-n:] *= ramp[::-1]
    return out
