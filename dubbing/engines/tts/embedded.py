"""The voices that come with the product, behind one engine: Kokoro's, and for English Hibari's as well."""

from __future__ import annotations

from dataclasses import replace
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
    takes_ipa: ClassVar[bool] = True

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
        """Hibari's, and Kokoro's: their accent is Japanese, which counts where Hibari has a native voice."""
        native = self._hibari.voices(language)
        return (*native, *(replace(voice, is_native=not native) for voice in self._kokoro.voices(language)))

    def synthesize(self, text: str, language: str, voice: str, *, speed: float = 1.0) -> Speech:
        own = {v.id for v in self._hibari.voices(language)}
        return (self._hibari if voice in own else self._kokoro).synthesize(text, language, voice, speed=speed)
