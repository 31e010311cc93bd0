"""The voices that come with the product, behind one engine: Kokoro's, and for English Hibari's as well."""

from __future__ import annotations

from typing import ClassVar

from dubbing.engines.base import Speech, Voice
from dubbing.engines.tts.hibari import HibariSynthesizer
from dubbing.engines.tts.kokoro import KokoroSynthesizer


class EmbeddedSynthesizer:
    """Synthesizer of :mod:`dubbing.engines.base`: a voice's name says which of the two models speaks."""

    id: ClassVar[str] = "embedded"
    version: ClassVar[str] = f"kokoro {KokoroSynthesizer.version}, hibari {HibariSynthesizer.version}"
    licence: ClassVar[str] = "Apache-2.0 (models), GPL-3.0 (espeak-ng)"
    is_fake: ClassVar[bool] = False

    def __init__(self) -> None:
        self._kokoro, self._hibari = KokoroSynthesizer(), HibariSynthesizer()

    def why_unavailable(self) -> str | None:
        return self._kokoro.why_unavailable()

    def load(self) -> None:
        """Nothing yet: each model loads when one of its voices first speaks."""

    def release(self) -> None:
        self._kokoro.release()
        self._hibari.release()

    def languages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._kokoro.languages(), *self._hibari.languages())))

    def voices(self, language: str) -> tuple[Voice, ...]:
        """Hibari's first: where two voices fit a speaker equally well, the native one is taken."""
        found: list[Voice] = []
        for engine in (self._hibari, self._kokoro):
            if language in engine.languages():
                found += engine.voices(language)
        return tuple(found)

    def synthesize(self, text: str, language: str, voice: str, *, speed: float = 1.0) -> Speech:
        own = {v.id for v in self._hibari.voices(language)} if language in self._hibari.languages() else set()
        return (self._hibari if voice in own else self._kokoro).synthesize(text, language, voice, speed=speed)
