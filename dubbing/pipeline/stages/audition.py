"""audition: a sentence as a voice says it by itself, pressed into no slot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import soundfile

from dubbing.engines.base import Report, Synthesizer
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.synthesize import TAKE, duration_ms, faded, trimmed
from dubbing.pipeline.voice_match import VoiceSpec, apply_voice

VERSION = "1"


def step(synthesizer: Synthesizer, text: str, language: str, voice: str) -> Step:
    """``voice`` as in ``synthesize``; the sound is in the file ``TAKE``."""

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        spec = VoiceSpec.parse(voice)
        speech = trimmed(synthesizer.synthesize(text, language, spec.voice))
        sound = apply_voice(speech.sound, speech.sample_rate, spec)
        soundfile.write(folder / TAKE, faded(sound, speech.sample_rate), speech.sample_rate, subtype="PCM_16")
        facts.update(duration_ms=round(duration_ms(speech)), sample_rate=speech.sample_rate)
        report(1, 1, "")

    return Step("audition", VERSION, build, {"text": text, "language": language, "voice": voice}, {}, synthesizer,
                "line", None, language)
