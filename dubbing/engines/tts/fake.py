"""A synthesizer for tests: a tone for every letter, in any language. Deterministic and instant."""

from __future__ import annotations

import unicodedata
from typing import ClassVar

import numpy as np

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Speech, Voice
from dubbing.errors import DubbingError, UnavailableError

SAMPLE_RATE = 24_000
_LETTER_MS = 70.0
_WORD_MS = 30.0
_PAUSE_MS = 200.0
_EDGE_MS = 20.0
_PITCH_HZ = {"fake_low": 110.0, "fake_middle": 160.0, "fake_high": 220.0}
_SEXES = {"fake_low": "male", "fake_middle": "unknown", "fake_high": "female"}
_VOWELS = "aeiouy"
_IPA = {"c": "k", "q": "k", "x": "s", "j": "ʒ", "r": "ɾ", "g": "ɡ", "h": "h", "y": "i"}
_OPENNESS = {"a": 1.0, "e": 0.7, "o": 0.7, "i": 0.5, "u": 0.5, "y": 0.5}


class FakeSynthesizer:
    """Says letters as tones of 70 ms: loud vowels, soft consonants, silence for p, b and m."""

    id: ClassVar[str] = "fake"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "Apache-2.0"
    is_fake: ClassVar[bool] = True

    def why_unavailable(self) -> str | None:
        return None

    def load(self) -> None:
        """Nothing to load."""

    def release(self) -> None:
        """Nothing to give back."""

    def languages(self) -> tuple[str, ...]:
        return ("de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "ru", "zh")

    def voices(self, language: str) -> tuple[Voice, ...]:
        languages = tuple(sorted({*self.languages(), language}))
        return tuple(Voice(name, languages, _SEXES[name], pitch) for name, pitch in _PITCH_HZ.items())

    def synthesize(self, text: str, language: str, voice: str, *, speed: float = 1.0) -> Speech:
        if voice not in _PITCH_HZ:
            raise UnavailableError(f"There is no voice {voice!r}.", f"The voices are {', '.join(_PITCH_HZ)}.")
        plan = _plan(text)
        if not any(symbol != " " for symbol, _, _ in plan):
            raise DubbingError(f"There is nothing to say in {text[:40]!r}.", "Write at least one word.")
        phonemes: list[Phoneme] = []
        pieces: list[np.ndarray] = []
        done = 0
        for symbol, length_ms, loudness in plan:
            count = round(length_ms / speed * SAMPLE_RATE / 1000)
            time_s = np.arange(done, done + count) / SAMPLE_RATE
            envelope = np.sin(np.pi * (np.arange(count) + 0.5) / count) ** 0.5
            pieces.append(loudness * 0.3 * envelope * np.sin(2 * np.pi * _PITCH_HZ[voice] * time_s))
            phonemes.append(Phoneme(symbol, done * 1000 / SAMPLE_RATE, (done + count) * 1000 / SAMPLE_RATE))
            done += count
        return Speech(np.concatenate(pieces).astype(np.float32), SAMPLE_RATE, tuple(phonemes))


def _plan(text: str) -> list[tuple[str, float, float]]:
    """(symbol, ms, loudness) for each letter and pause of ``text``."""
    plan: list[tuple[str, float, float]] = [(" ", _EDGE_MS, 0.0)]
    for char in text.lower():
        base = unicodedata.normalize("NFD", char)[0]
        if base.isalnum():
            letter = base if base.isascii() and base.isalpha() else (_VOWELS[ord(base) % 5])
            loudness = _OPENNESS.get(letter, 0.0 if letter in "pbm" else 0.15)
            plan.append((_IPA.get(letter, letter), _LETTER_MS, loudness))
        elif plan[-1][0] != " ":
            plan.append((" ", _WORD_MS if char.isspace() else _PAUSE_MS, 0.0))
    return [*plan, (" ", _EDGE_MS, 0.0)] if plan[-1][0] != " " else plan
