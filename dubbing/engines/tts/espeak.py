"""IPA by espeak-ng (GPL-3.0), through phonemizer-fork's wrapper; nothing else in the product touches them."""

from __future__ import annotations

import threading
from typing import Any

from dubbing.errors import UnavailableError

#: ISO 639-1 code -> espeak-ng voice, where the two differ.
_VOICES = {"en": "en-us", "fr": "fr-fr", "pt": "pt-br", "no": "nb", "zh": "cmn"}


class Espeak:
    """One espeak-ng instance; safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrapper: Any = None

    def load(self) -> None:
        if self._wrapper is not None:
            return
        try:
            import espeakng_loader
            from phonemizer.backend.espeak.wrapper import EspeakWrapper
        except ImportError as error:
            raise UnavailableError(
                "espeak-ng, which turns text into phonemes, is not installed.",
                "Install the packages espeakng-loader and phonemizer-fork.",
            ) from error
        EspeakWrapper.set_library(espeakng_loader.get_library_path())
        EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
        self._wrapper = EspeakWrapper()

    def release(self) -> None:
        self._wrapper = None

    def phonemes(self, words: str, language: str) -> str:
        """IPA of ``words`` with stress marks; diphthongs and affricates are joined by U+0361."""
        self.load()
        with self._lock:
            self._wrapper.set_voice(_VOICES.get(language, language))
            return str(self._wrapper.text_to_phonemes(words, tie=True))
