"""From espeak-ng's IPA to the symbols that Kokoro knows, and back to plain IPA.

Kokoro was trained on misaki's spelling of IPA: one letter for a diphthong or an affricate, espeak's
own symbols otherwise (hexgrad/misaki, ``misaki/espeak.py``, Apache-2.0, documents the mapping).
Languages that Kokoro has not been trained on are written with the nearest of its symbols.
"""

from __future__ import annotations

import re

TIE = "\u0361"
STRESS = "ˈˌ"
#: Symbols that say something about the phone before them and have no sound of their own.
MODIFIERS = "ːʲʰᵝ\u0303"

_COMMON = (
    ("a͡ɪ", "I"), ("a͡ʊ", "W"), ("e͡ɪ", "A"), ("o͡ʊ", "O"), ("ə͡ʊ", "Q"), ("ɔ͡ɪ", "Y"),
    ("d͡z", "ʣ"), ("d͡ʒ", "ʤ"), ("t͡s", "ʦ"), ("t͡ʃ", "ʧ"), ("t͡ɕ", "ʨ"), ("d͡ʑ", "ʥ"), ("s͡s", "S"), ("g", "ɡ"),
)
_LANGUAGE: dict[str, tuple[tuple[str, str], ...]] = {
    # American English after misaki's espeak fallback, version 1.0 of the model.
    "en": (
        ("ʔˌn\u0329", "tᵊn"), ("ʔn\u0329", "tᵊn"), ("n\u0329", "ᵊn"), ("l\u0329", "ᵊl"), ("ə͡l", "ᵊl"), ("i͡ə", "iə"),
        ("ɔ͡ɹ", "ɔɹ"), ("e", "A"), ("ɜː", "ɜɹ"), ("ɚ", "əɹ"), ("ɪə", "iə"), ("r", "ɹ"), ("x", "k"), ("ç", "k"),
        ("ɐ", "ə"), ("ɬ", "l"), ("\u0303", ""), ("ʲ", ""), ("ː", ""), ("ɾ", "T"), ("ʔ", "t"),
    ),
    "de": (("ɔ͡ø", "Y"), ("ɜ", "ɐ"), ("ɾ", "ʁ"), ("r", "ʁ"), ("n\u0329", "ən"), ("l\u0329", "əl"),
           ("ʏ", "y"), ("ɐ̯", "ɐ")),
    "fr": (("œ\u0303", "ɛ\u0303"), ("-", "")),
}
_LAST_RESORT = {
    "ʏ": "y", "ɵ": "ø", "ʉ": "u", "ɱ": "m", "ʑ": "ʒ", "ɦ": "h", "ɭ": "l", "ɫ": "l", "ʐ": "ʒ", "ʀ": "ʁ", "ɶ": "œ",
    "ɘ": "ə", "ɓ": "b", "ɗ": "d", "ħ": "h", "ʕ": "ʔ", "ɞ": "ɜ", "ʍ": "w", "ʟ": "l", "ɬ": "l", "ɮ": "l", "ʙ": "b",
    "ʜ": "h", "ã": "a\u0303", "õ": "o\u0303", "ĩ": "i\u0303", "ũ": "u\u0303", "ẽ": "e\u0303", "ˑ": "", "ɝ": "ɜɹ",
}
_IPA = {
    "A": ("e", "ɪ"), "I": ("a", "ɪ"), "O": ("o", "ʊ"), "Q": ("ə", "ʊ"), "W": ("a", "ʊ"), "Y": ("ɔ", "ɪ"), "S": ("s",),
    "T": ("ɾ",), "ʣ": ("dz",), "ʤ": ("dʒ",), "ʦ": ("ts",), "ʧ": ("tʃ",), "ʨ": ("tɕ",), "ʥ": ("dʑ",), "ᵊ": ("ə",),
    "ᵻ": ("ɪ",), "ꭧ": ("tʂ",),
}


def to_kokoro(ipa: str, language: str, known: frozenset[str]) -> str:
    """``ipa`` (espeak's, with ties) in Kokoro's symbols; what is not in ``known`` is replaced or dropped."""
    text = re.sub(rf"\([a-z{TIE}-]+\)", "", ipa)  # espeak's language switches: "(en)", with ties inside
    for old, new in (*_COMMON, *_LANGUAGE.get(language, ())):
        text = text.replace(old, new)
    text = text.replace(TIE, "").replace("-", "").replace("_", "")
    text = "".join(c if c in known else _LAST_RESORT.get(c, "") for c in text)
    return re.sub(r"\s+", " ", text).strip()


def to_ipa(symbol: str) -> tuple[str, ...]:
    """The IPA phones that one of Kokoro's symbols stands for; two for a diphthong."""
    return _IPA.get(symbol, (symbol,))
