"""From text to what a Kokoro-like model reads, and from its pieces of sound to one take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Sound, Speech
from dubbing.engines.tts.alphabet import to_kokoro
from dubbing.engines.tts.espeak import Espeak
from dubbing.engines.tts.ipa import STAND_IN, as_espeak, taken_out, with_possessive
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
        """Symbols (all of them in ``known``) for each sentence of ``text``, punctuation kept.

        ``{word|ipa}`` is read as its IPA says, as nearly as the symbols can.
        """
        found: list[str] = []
        current = ""
        plain, pronounced = taken_out(text)
        words_left = iter(pronounced)
        for clause in clauses(plain, language):
            symbols = self._symbols(clause.words, language, known, words_left)
            if not re.search(r"\w", symbols):
                continue
            current = f"{current} {symbols}{clause.mark}".strip()
            if clause.ends_sentence:
                found.append(current)
                current = ""
        return [*found, current] if current else found

    def _symbols(self, words: str, language: str, known: frozenset[str], pronounced: Iterator[tuple[str, str]]) -> str:
        """Symbols of a clause; each stand-in in it takes the next of ``pronounced``."""
        first, *others = words.split(STAND_IN)
        parts = [self._spelled(first, language, known)]
        for rest in others:
            word, ipa = next(pronounced)
            wanted = as_espeak(ipa, language)
            if language == "en" and (ending := re.match(r"'s\b", rest)):
                wanted, rest = with_possessive(wanted), rest[ending.end():]
            symbols = to_kokoro(wanted, language, known)
            parts += [symbols if re.search(r"\w", symbols) else self._spelled(word, language, known),
                      self._spelled(rest, language, known)]
        return " ".join(part for part in parts if part)

    def _spelled(self, words: str, language: str, known: frozenset[str]) -> str:
        if not any(char.isalnum() for char in words):
            return ""
        if language == "ja":
            return "".join(c for c in self._japanese.phonemes(words) if c in known)
        return to_kokoro(self._espeak.phonemes(words, language), language, known)


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
