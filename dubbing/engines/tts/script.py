"""From text to what a Kokoro-like model reads, and from its pieces of sound to one take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Sound, Speech
from dubbing.engines.tts.alphabet import to_kokoro
from dubbing.engines.tts.espeak import Espeak
from dubbing.engines.tts.japanese import Japanese
from dubbing.engines.tts.text import clauses
from dubbing.engines.tts.timing import join
from dubbing.errors import DubbingError

MOST_SYMBOLS = 500
#: Longer inputs are spoken hurriedly; a text is cut at sentence ends before it gets there.
_COMFORTABLE_SYMBOLS = 260
_PAUSE_MS = {".": 320.0, "!": 320.0, "?": 320.0, "…": 420.0, ",": 140.0, ";": 220.0, ":": 220.0, "—": 220.0}
_WORD_PAUSE_MS = 60.0
_HIGHEST_PEAK = 0.98

#: Renders one piece: symbols -> sound without edge silence, and its phonemes.
Render = Callable[[str], tuple[Sound, list[Phoneme]]]


class Speller:
    """Writes text in Kokoro's symbols: espeak-ng for most languages, Open JTalk for Japanese."""

    def __init__(self) -> None:
        self._espeak = Espeak()
        self._japanese = Japanese()

    def load(self) -> None:
        self._espeak.load()

    def release(self) -> None:
        self._espeak.release()

    def sentences(self, text: str, language: str, known: frozenset[str]) -> list[str]:
        """Symbols (all of them in ``known``) for each sentence of ``text``, punctuation kept."""
        found: list[str] = []
        current = ""
        for clause in clauses(text, language):
            if language == "ja":
                symbols = "".join(c for c in self._japanese.phonemes(clause.words) if c in known)
            else:
                symbols = to_kokoro(self._espeak.phonemes(clause.words, language), language, known)
            if not re.search(r"\w", symbols):
                continue
            current = f"{current} {symbols}{clause.mark}".strip()
            if clause.ends_sentence:
                found.append(current)
                current = ""
        return [*found, current] if current else found


def pieces(sentences: Iterable[str]) -> list[str]:
    """Sentences packed to a comfortable length; one that is too long is cut at clauses, then at words."""
    packed: list[str] = []
    for sentence in sentences:
        if packed and len(packed[-1]) + 1 + len(sentence) <= _COMFORTABLE_SYMBOLS:
            packed[-1] += f" {sentence}"
        elif len(sentence) <= MOST_SYMBOLS:
            packed.append(sentence)
        else:
            packed.extend(_cut(sentence, r"(?<=[,;:—])\s"))
    return packed


def _cut(sentence: str, separator: str) -> list[str]:
    found: list[str] = []
    for part in re.split(separator, sentence):
        if found and len(found[-1]) + 1 + len(part) <= _COMFORTABLE_SYMBOLS:
            found[-1] += f" {part}"
        elif len(part) <= MOST_SYMBOLS:
            found.append(part)
        elif " " in part:
            found.extend(_cut(part, r"\s"))
        else:
            found.extend(part[start: start + MOST_SYMBOLS] for start in range(0, len(part), MOST_SYMBOLS))
    return found


def say(text: str, sentences: Iterable[str], render: Render, sample_rate: int, speed: float) -> Speech:
    """Render every piece and join them with the pauses that their punctuation asks for.

    Raises DubbingError when ``text`` holds nothing that can be spoken.
    """
    parts: list[tuple[Sound, list[Phoneme], float]] = []
    for piece in pieces(sentences):
        sound, phonemes = render(piece)
        if len(sound):
            parts.append((sound, phonemes, _PAUSE_MS.get(piece[-1], _WORD_PAUSE_MS) / speed))
    if not parts:
        raise DubbingError(f"There is nothing to say in {text[:40]!r}.", "Write at least one word.")
    sound, joined = join(parts, sample_rate)
    peak = float(np.abs(sound).max())
    return Speech(sound * np.float32(_HIGHEST_PEAK / peak) if peak > _HIGHEST_PEAK else sound, sample_rate, joined)
