"""The sounds that the phone network tells apart, and which of them each IPA symbol is.

The classes are broad: what sounds alike in the world's languages and looks alike on the lips is one class, so that a
network trained on six languages serves others. A symbol that is not listed is folded by its phonetic kin (retroflex
to alveolar, uvular to velar ...); see ``classes_of``.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from lipsync_core.speech.visemes import is_modifier, is_pause, is_stress

#: Class 0: nobody speaks.
SILENCE = " "
_KIN: dict[str, str] = {
    "p": "pʘ", "b": "bɓʙ", "m": "mɱ", "f": "fɸ", "v": "vʋⱱ", "β": "β", "w": "wʍɥ",
    "t": "tʈ", "d": "dɖɗ", "k": "kcqʡ", "ɡ": "ɡgɟɠɢʄʛ", "ʔ": "ʔ",
    "s": "s", "z": "z", "ʃ": "ʃʂɕɧ", "ʒ": "ʒʐʑ", "ç": "ç", "θ": "θ", "ð": "ð",
    "tʃ": "ʧʨꭧ", "dʒ": "ʤʥ", "ts": "ʦ", "dz": "ʣ",
    "h": "hɦħʜʢ", "x": "xχ", "ɣ": "ɣɰʕ", "ʁ": "ʁʀ", "r": "r", "ɾ": "ɾɽɺ", "ɹ": "ɹɻ",
    "l": "lɫɭɬɮʟ", "j": "jʝʎ", "n": "nɳ", "ɲ": "ɲ", "ŋ": "ŋɴ",
    "a": "aɑᴀA", "æ": "æ", "ʌ": "ʌɐ", "ɛ": "ɛᴇ", "e": "eE", "ɪ": "ɪᵻI", "i": "i", "ɔ": "ɔɒ", "o": "oO", "ʊ": "ʊᵿ",
    "u": "uʉ", "ɯ": "ɯɨɤ", "ə": "əɘɜɝɚɞᵊ", "y": "yʏ", "ø": "øɵ", "œ": "œɶ",
}
CLASSES: tuple[str, ...] = (SILENCE, *_KIN)
CLOSURES: list[int] = [CLASSES.index(c) for c in "pbm"]
_INDEX = {letter: CLASSES.index(name) for name, letters in _KIN.items() for letter in letters}
_PAIRS = {pair: CLASSES.index(name) for name, pairs in {
    "tʃ": ("tʃ", "tɕ", "tʂ"), "dʒ": ("dʒ", "dʑ", "dʐ"), "ts": ("ts",), "dz": ("dz",)}.items() for pair in pairs}
_UNKNOWN = CLASSES.index("ə")


def is_listed(letter: str) -> bool:
    """Whether a single IPA letter has a class of its own or of its kin."""
    return letter in _INDEX


@cache
def classes_of(symbol: str) -> tuple[int, ...]:
    """Class indices that ``symbol`` is made of: one for most, two for a diphthong or ``pf``, none for a mark.

    A pause is ``(0,)``; a letter that nobody listed counts as a schwa, the sound nearest to all others.
    """
    if not symbol or is_stress(symbol) or is_modifier(symbol):
        return ()
    if is_pause(symbol):
        return (0,)
    # A letter with a cedilla or a tilde of its own may be a class; only others are taken apart.
    letters = [part for c in unicodedata.normalize("NFC", symbol)
               for part in ([c] if c in _INDEX else unicodedata.normalize("NFD", c))
               if not (is_modifier(part) or is_stress(part) or is_pause(part))]
    found: list[int] = []
    i = 0
    while i < len(letters):
        pair = "".join(letters[i: i + 2])
        if pair in _PAIRS:
            found.append(_PAIRS[pair])
            i += 2
        else:
            found.append(_INDEX.get(letters[i], _UNKNOWN))
            i += 1
    # A long or repeated sound is one sound that lasts.
    return tuple(c for n, c in enumerate(found) if n == 0 or c != found[n - 1])
