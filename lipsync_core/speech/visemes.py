"""What the lips do for each IPA symbol.

A target is relative to the speaker's own range: ``opening`` 0 is lips together and 1 the usual wide
vowel, ``width`` -1 is fully rounded and 1 fully spread. ``strength`` says how firmly the sound insists
on its opening: a /b/ needs closed lips, a /k/ takes whatever its neighbours want (the dominance idea of
Cohen and Massaro, 1993). ``width_strength`` does the same for the width.

The inventory covers what espeak-ng writes for the offered languages and falls back on phonetic
features: a symbol that is not listed is treated as an average consonant, and modifiers (aspiration,
palatalization, length, tone) change the symbol before them.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Viseme:
    """Lip targets of one sound; see the module's docstring for the units."""

    opening: float
    width: float
    strength: float
    width_strength: float
    is_closure: bool = False
    is_vowel: bool = False


def _vowels(opening: float, width: float, symbols: str) -> dict[str, Viseme]:
    rounded = abs(width) > 0.45
    return {s: Viseme(opening, width, 1.2, 1.6 if rounded else 0.8, is_vowel=True) for s in symbols}


def _consonants(opening: float, width: float, strength: float, width_strength: float, symbols: str,
                is_closure: bool = False) -> dict[str, Viseme]:
    return {s: Viseme(opening, width, strength, width_strength, is_closure) for s in symbols}


# Openings of English sounds are means over 300 sounds of four real speakers (lips measured by the face mesh at the
# sound's centre, times by forced alignment) drawn to round numbers; kindred sounds of other languages follow them. Only
# the lips count: for a /t/ or a /k/ the tongue closes the mouth and the lips stay apart.
_TABLE: dict[str, Viseme] = {
    **_vowels(1.00, 0.05, "aA"),
    **_vowels(0.95, 0.00, "ɑ"),
    **_vowels(0.90, 0.20, "æ"),
    **_vowels(0.75, -0.40, "ɒ"),
    **_vowels(0.62, 0.00, "ɐʌ"),
    **_vowels(0.92, 0.35, "ɛ"),
    **_vowels(0.82, 0.50, "eE"),
    **_vowels(0.48, -0.70, "ɔ"),
    **_vowels(0.50, -0.80, "oOɵ"),
    **_vowels(0.50, -0.10, "ɤ"),
    **_vowels(0.56, -0.60, "œɶ"),
    **_vowels(0.44, -0.80, "ø"),
    **_vowels(0.58, 0.70, "iI"),
    **_vowels(0.66, 0.40, "ɪ"),
    **_vowels(0.52, 0.35, "ɨ"),
    **_vowels(0.32, -1.00, "uʉ"),
    **_vowels(0.34, -0.85, "yʏ"),
    **_vowels(0.42, -0.80, "ʊ"),
    **_vowels(0.45, 0.10, "ɯ"),
    **_vowels(0.60, 0.00, "əɘᵻ"),
    **_vowels(0.54, -0.30, "ɜɝɚ"),
    **_consonants(0.00, 0.00, 20.0, 0.2, "pbmɓ", is_closure=True),
    # Bilabial fricatives and approximants: the lips come near and may not touch.
    **_consonants(0.10, -0.15, 4.0, 0.4, "β"),
    **_consonants(0.14, -0.40, 3.0, 0.8, "ɸ"),
    # Lower lip against the upper teeth: the mesh sees nearly closed lips.
    **_consonants(0.08, 0.10, 8.0, 0.4, "fɱ"),
    **_consonants(0.12, 0.10, 7.0, 0.4, "vʋ"),
    **_consonants(0.16, -0.95, 1.8, 1.6, "wʍɥ"),
    **_consonants(0.52, 0.25, 1.1, 0.5, "sz"),
    **_consonants(0.46, -0.55, 1.1, 1.1, "ʃʒʧʤɕʑʂʐɧ"),
    **_consonants(0.60, 0.10, 0.7, 0.3, "tdɗʈɖʦʣ"),
    **_consonants(0.57, 0.05, 0.7, 0.3, "nɳlɫɬɭɾɽ"),
    **_consonants(0.47, 0.15, 0.9, 0.3, "θð"),
    **_consonants(0.44, -0.45, 0.7, 0.6, "ɹɻ"),
    **_consonants(0.52, 0.00, 0.5, 0.2, "rʀʁ"),
    **_consonants(0.54, 0.45, 0.7, 0.6, "jʝɲʎcɟç"),
    **_consonants(0.62, 0.00, 0.4, 0.15, "kɡgŋɣxqɢχɴɠ"),
    **_consonants(0.72, 0.00, 0.25, 0.1, "hɦħʕʔ"),
}
_AVERAGE_CONSONANT = Viseme(0.55, 0.0, 0.4, 0.2)
_AVERAGE_VOWEL = Viseme(0.60, 0.0, 0.9, 0.5, is_vowel=True)

#: Symbols that belong to the sound after them (stress) or before them (everything else).
STRESS = frozenset("ˈˌ'ˈ↗↘↑↓→")
_LENGTH = frozenset("ːˑ:")
_ROUNDING = frozenset("ʷᵝ")
_SPREADING = frozenset("ʲ")
_PAUSES = frozenset(" ,.;:!?¡¿…—–-\"'«»“”()^$_|‖")


def is_pause(symbol: str) -> bool:
    """Whether ``symbol`` stands for no sound at all: a blank, punctuation or an edge marker."""
    return all(c in _PAUSES for c in symbol)


def is_stress(symbol: str) -> bool:
    """Whether ``symbol`` is a stress or intonation mark: its time belongs to the sound that follows."""
    return bool(symbol) and all(c in STRESS for c in symbol)


def is_modifier(symbol: str) -> bool:
    """Whether ``symbol`` only changes the sound before it: length, tone, aspiration, combining marks."""
    return bool(symbol) and all(
        c in _LENGTH or c in _ROUNDING or c in _SPREADING or c.isdigit()
        or unicodedata.category(c) in ("Mn", "Lm", "Sk") and c not in STRESS
        for c in symbol
    )


def is_known(symbol: str) -> bool:
    """Whether every letter of ``symbol`` is listed here; one that is not is treated as an average consonant."""
    letters = [part for c in unicodedata.normalize("NFC", symbol)
               for part in ([c] if c in _TABLE else unicodedata.normalize("NFD", c))]
    return all(c in _TABLE or is_modifier(c) or is_stress(c) or is_pause(c) for c in letters)


def viseme(symbol: str) -> Viseme | None:
    """Lip targets of an IPA symbol with its modifiers; ``None`` for a pause or a bare modifier.

    An affricate or diphthong written as one symbol takes its first sound's lips for consonants (the
    closure of ``pf``) and its average for vowels.
    """
    if is_pause(symbol) or is_stress(symbol) or is_modifier(symbol):
        return None
    found: list[Viseme] = []
    # A letter of its own such as ç stays whole; others with marks above or below are taken apart.
    letters = (part for c in unicodedata.normalize("NFC", symbol)
               for part in ([c] if c in _TABLE else unicodedata.normalize("NFD", c)))
    for letter in letters:
        if letter in _ROUNDING and found:
            found[-1] = replace(found[-1], width=min(found[-1].width, -0.6), width_strength=1.2)
        elif letter in _SPREADING and found:
            found[-1] = replace(found[-1], width=max(found[-1].width, 0.35))
        elif letter in _TABLE:
            found.append(_TABLE[letter])
        elif letter.isalpha() and unicodedata.category(letter) in ("Ll", "Lo", "Lu"):
            found.append(_AVERAGE_VOWEL if letter in "ᴇᵊᵿ" else _AVERAGE_CONSONANT)
    if not found:
        return _AVERAGE_CONSONANT
    if len(found) == 1 or not all(v.is_vowel for v in found):
        return found[0]
    n = len(found)
    return replace(found[0], opening=sum(v.opening for v in found) / n, width=sum(v.width for v in found) / n)
