"""Pronunciations written into a text, ``{word|ipa}``, as synthesizers that read espeak-ng's IPA want them."""

from __future__ import annotations

import re

from dubbing.domain.marks import IPA
from dubbing.engines.tts.alphabet import STRESS, TIE

#: Stands for a pronounced word while a text is cut into clauses: a letter that no dubbed language writes.
STAND_IN = "ꙮ"
_MARK = re.compile(IPA)
_VOWELS = "aeiouyæɑɐɒɔəɚɛɜɝɤɨɪɯøœʊʌʉʏɵɞɘᵻ"
_TIED = ("aɪ", "aʊ", "eɪ", "oʊ", "əʊ", "ɔɪ", "ɔʏ", "tʃ", "dʒ", "tɕ", "dʑ")
_OTHERWISE = str.maketrans({"g": "ɡ", "'": "ˈ", ":": "ː", ",": "ˌ"})
#: Which vowel is stressed where nothing says so, counted from the first (0) or the last (-1).
_USUAL_STRESS = {"es": -2, "it": -2, "pt": -2, "pl": -2, "fr": -1}
_VOICELESS, _SIBILANT = "ptkfθ", "szʃʒ"


def taken_out(text: str) -> tuple[str, list[tuple[str, str]]]:
    """(``text`` with a stand-in for each ``{word|ipa}``, the words and their IPA in order)."""
    found = [(match[1].strip(), match[2].strip()) for match in _MARK.finditer(text)]
    return _MARK.sub(STAND_IN, text.replace(STAND_IN, "")), found


def as_espeak(ipa: str, language: str) -> str:
    """``ipa`` as people write it in espeak-ng's manner: ties, stress before the vowel and not before the syllable."""
    plain = ipa.strip().strip("/[]").translate(_OTHERWISE)
    plain = re.sub(r"[.‿͜]", "", plain)
    for pair in _TIED:
        plain = plain.replace(pair, f"{pair[0]}{TIE}{pair[1]}")
    plain = re.sub(rf"([{STRESS}])([^{_VOWELS}{STRESS}\s]+)", r"\2\1", plain)
    return " ".join(word if "ˈ" in word else _stressed(word, language) for word in plain.split())


def with_possessive(ipa: str) -> str:
    """English "'s" after a word."""
    last = next((sound for sound in reversed(ipa) if sound.isalpha()), "")
    return ipa + ("ᵻz" if last and last in _SIBILANT else "s" if last and last in _VOICELESS else "z")


def _stressed(word: str, language: str) -> str:
    vowels = [match.start() for match in re.finditer(rf"(?<!{TIE})[{_VOWELS}]", word)]
    if not vowels:
        return word
    wanted = _USUAL_STRESS.get(language, 0)
    place = vowels[max(wanted, -len(vowels))]
    return f"{word[:place]}ˈ{word[place:]}"
