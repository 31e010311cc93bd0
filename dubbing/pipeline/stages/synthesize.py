"""synthesize: a take of one line, fitted to its slot, with the exact time of every phoneme."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import soundfile

from dubbing.domain import marks
from dubbing.domain.isochrony import TEMPO_CEILING, Slot, colour
from dubbing.domain.pacing import Pacing, place, plan
from dubbing.domain.phrases import Phrase
from dubbing.domain.speech import Phoneme
from dubbing.engines.base import CLONE, Report, Sound, Speech, Synthesizer
from dubbing.errors import DubbingError
from dubbing.pipeline import records
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.delivery import (
    Spoken,
    duration_ms,
    emphasised_times,
    faded,
    joined,
    onset_ms,
    said_naturally,
    said_within,
    stretched,
    trimmed,
)
from dubbing.pipeline.prosody import ProsodyTarget, follow
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.reference import REFERENCE
from dubbing.pipeline.voice_match import VoiceSpec, apply_voice

__all__ = ["PHONEMES", "TAKE", "duration_ms", "faded", "load_take", "step", "trimmed"]

VERSION = "6"
TAKE, PHONEMES = "take.wav", "phonemes.json"
#: The pause that a voice makes by itself between phrases, by the mark that ends the first.
_OWN_PAUSE_MS = {",": 140.0, "、": 140.0, ";": 220.0, ":": 220.0, "—": 220.0}
_SENTENCE_PAUSE_MS = 320.0
#: What a take may be over its room without being pressed for it: there is only the edge.
_ROUNDING_MS = 10.0


def step(synthesizer: Synthesizer, text: str, language: str, voice: str, slot: Slot, *, pace: float = 1.0,
         utterance: str | None = None, phrases: Sequence[Phrase] = (), prosody: ProsodyTarget | None = None,
         reference: Artifact | None = None) -> Step:
    """``voice`` names one of the engine's, and how it is moved towards the speaker's (see VoiceSpec).

    text: with its marks. pace: how much faster the take is to be than fits its slot best; a slower one still ends in
    its room. phrases: how the line is divided; all of it in one go when there are none. prosody: how the original was
    said. reference: the speaker, for an engine that imitates.
    """
    # Only the slot's lengths matter to the take, not where in the video it lies.
    params: dict[str, Any] = {"text": text, "language": language, "voice": voice, "slot_ms": slot.duration_ms,
                              "room_ms": slot.room_ms}
    own = tuple(phrases) or (Phrase(0, max(1, slot.duration_ms), marks.spoken(text)),)
    if pace != 1.0:
        params["pace"] = pace
    if phrases:
        params["phrases"] = [[one.start_ms, one.end_ms, one.text, one.gap_ms, [list(span) for span in one.emphasised]]
                             for one in own]
    if prosody is not None:
        params["prosody"] = prosody.to_json()
    spec = VoiceSpec.parse(voice)
    speak = _speaker(synthesizer, language, spec.voice, reference)

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        naturals = []
        for index, phrase in enumerate(own):
            naturals.append(said_naturally(_saying(speak, phrase)))
            report(index + 1, 2 * len(own) + 1, "")
        pacing = plan([one.natural_ms for one in naturals], own, slot, pace)
        parts = []
        for index, (phrase, natural, target) in enumerate(zip(own, naturals, pacing.targets_ms, strict=True)):
            said = said_within(_saying(speak, phrase), natural, target)
            parts.append(stretched(said, target))
            report(len(own) + index + 1, 2 * len(own) + 1, "")
        parts, starts = _within(parts, own, pacing, slot)
        whole = joined([part.speech for part in parts], starts, slot.room_ms)
        sound = _voiced(whole, spec, prosody, own, parts, starts)
        soundfile.write(folder / TAKE, faded(sound, whole.sample_rate), whole.sample_rate, subtype="FLOAT")
        records.dump(whole.phonemes, folder / PHONEMES)
        facts.update(_facts(own, parts, starts, whole, sound, slot))
        report(1, 1, "")

    inputs = {} if reference is None else {"reference": reference}
    return Step("synthesize", VERSION, build, params, inputs, synthesizer, "line", utterance, language)


def load_take(take: Artifact) -> tuple[Sound, int, tuple[Phoneme, ...]]:
    """(mono sound, sample rate, phonemes) of a finished take."""
    sound, rate = soundfile.read(take.path(TAKE), dtype="float32")
    return sound, rate, records.load_phonemes(take.path(PHONEMES))


def _speaker(synthesizer: Any, language: str, voice: str, reference: Artifact | None) -> Callable[[str, float], Speech]:
    """Who says a text at a speed: one of the engine's voices, or the engine in the voice of ``reference``."""

    def imitate(text: str, speed: float) -> Speech:
        if reference is None:
            raise DubbingError("There is nobody to imitate for this line.", "Choose one of the engine's own voices.")
        made: Speech = synthesizer.imitate(text, language, reference.path(REFERENCE), speed=speed)
        return made

    def speak(text: str, speed: float) -> Speech:
        made: Speech = synthesizer.synthesize(text, language, voice, speed=speed)
        return made

    return imitate if voice == CLONE else speak


def _saying(speak: Callable[[str, float], Speech], phrase: Phrase) -> Callable[[float], Speech]:
    return lambda speed: speak(phrase.text, speed)


def _within(parts: list[Spoken], phrases: Sequence[Phrase], pacing: Pacing,
            slot: Slot) -> tuple[list[Spoken], list[int]]:
    """The phrases and when they start; pressed further where what was said is longer than was planned."""
    lengths = [part.duration_ms for part in parts]
    starts = place(lengths, phrases, is_pressed=pacing.is_pressed, advance_ms=pacing.advance_ms)
    if starts[-1] + lengths[-1] <= slot.room_ms + _ROUNDING_MS:
        return parts, starts
    pacing = plan(lengths, phrases, slot)
    parts = [stretched(part, min(target, part.duration_ms), (1.0, TEMPO_CEILING))
             for part, target in zip(parts, pacing.targets_ms, strict=True)]
    return parts, place([part.duration_ms for part in parts], phrases, is_pressed=pacing.is_pressed,
                        advance_ms=pacing.advance_ms)


def _voiced(whole: Speech, spec: VoiceSpec, prosody: ProsodyTarget | None, phrases: Sequence[Phrase],
            parts: Sequence[Spoken], starts: Sequence[int]) -> Sound:
    """The take in the speaker's voice, said as the original was where that is asked, emphasised where the text is."""
    emphasised = [(a + start, b + start) for phrase, part, start in zip(phrases, parts, starts, strict=True)
                  for a, b in emphasised_times(phrase, part.speech)]
    if prosody is None and not emphasised:
        return apply_voice(whole.sound, whole.sample_rate, spec)
    return follow(whole.sound, whole.sample_rate, whole.phonemes, prosody or ProsodyTarget(), spec, emphasised)


def _facts(phrases: Sequence[Phrase], parts: Sequence[Spoken], starts: Sequence[int], whole: Speech, sound: Sound,
           slot: Slot) -> dict[str, Any]:
    """``natural_ms`` is the line said in one go; ``tempo`` that of the speech itself, pauses left out."""
    final_ms = len(sound) * 1000 / whole.sample_rate
    natural, spoken = sum(part.natural_ms for part in parts), sum(part.duration_ms for part in parts)
    tempo = natural / min(spoken, final_ms)
    between = sum(_own_pause(one, following) for one, following in zip(phrases, phrases[1:], strict=False))
    facts: dict[str, Any] = {
        "natural_ms": round(natural + between), "speech_ms": round(spoken), "duration_ms": round(final_ms),
        "tempo": round(tempo, 4), "fit": colour(tempo).value, "sample_rate": whole.sample_rate,
        "speed": round(sum(part.speed * part.natural_ms for part in parts) / natural, 4),
        "calls": sum(part.calls for part in parts), "borrowed_ms": max(0, round(final_ms) - slot.duration_ms),
        "onset_ms": round(onset_ms(sound, whole.sample_rate)),
        "pauses": [[round(start + part.duration_ms), following]
                   for start, part, following in zip(starts, parts, starts[1:], strict=False)]}
    harmed = [(part.harm.spectral_db, part.stretch, part.harm) for part in parts if part.harm is not None]
    if harmed:
        _, tempo, worst = max(harmed, key=lambda one: one[0])
        facts["stretch"] = {"tempo": round(tempo, 4), **worst.to_json()}
    return facts


def _own_pause(phrase: Phrase, following: Phrase) -> float:
    """What a voice leaves between two phrases when it says them in one go."""
    if following.gap_ms is not None:
        return float(following.gap_ms)
    last = phrase.text.rstrip("\"'”’»)]」』")[-1:]
    return _OWN_PAUSE_MS.get(last, _SENTENCE_PAUSE_MS if last in ".!?…。！？" else 0.0)
