"""IPA written in the spelling of a language, as a foreign name is written for people who cannot read IPA.

A respelling is an approximation: a language has no letters for sounds that it does not have, and takes the nearest.
It is what every synthesizer can be given, whatever it reads with.
"""

from __future__ import annotations

from collections.abc import Mapping

_STRESS, _SECOND_STRESS, _LONG = "ˈ", "ˌ", "ː"
_DROPPED = frozenset("ˌ.‿͜͡ˑ̩̯̃ʰʲˠʼ̪̥ -")

#: What is the same nearly everywhere; a language's own table goes before it.
_COMMON = {
    "tʃ": "ch", "dʒ": "j", "ts": "ts", "dz": "dz", "p": "p", "b": "b", "t": "t", "d": "d", "k": "k", "g": "g",
    "ɡ": "g", "q": "k", "ʔ": "", "m": "m", "n": "n", "ɱ": "m", "ŋ": "ng", "ɲ": "ny", "f": "f", "v": "v", "θ": "th",
    "ð": "d", "s": "s", "z": "z", "ʃ": "sh", "ʒ": "zh", "ɕ": "sh", "ʑ": "zh", "ç": "h", "x": "h", "χ": "h", "ɣ": "g",
    "h": "h", "ɦ": "h", "β": "b", "ɸ": "f", "r": "r", "ɾ": "r", "ɹ": "r", "ʁ": "r", "ʀ": "r", "ɻ": "r", "l": "l",
    "ɫ": "l", "ʎ": "ly", "j": "y", "w": "w", "ɥ": "y", "ʋ": "v", "i": "i", "ɪ": "i", "ɨ": "i", "y": "u", "ʏ": "u",
    "e": "e", "ɛ": "e", "ə": "e", "ɜ": "e", "ɝ": "er", "ɚ": "er", "ø": "e", "œ": "e", "æ": "a", "a": "a", "ɐ": "a",
    "ɑ": "a", "ʌ": "a", "ɒ": "o", "ɔ": "o", "o": "o", "ɤ": "o", "u": "u", "ʊ": "u", "ɯ": "u",
}
_OWN: Mapping[str, Mapping[str, str]] = {
    "es": {"dʒ": "y", "ɲ": "ñ", "ŋ": "n", "θ": "z", "z": "s", "ʒ": "y", "ç": "j", "x": "j", "χ": "j", "h": "j",
           "ʎ": "ll", "w": "u", "v": "b", "j": "i"},
    "it": {"tʃ": "C", "dʒ": "G", "ts": "z", "dz": "z", "ɲ": "gn", "ŋ": "n", "ʃ": "sC", "ʒ": "G", "ʎ": "gl", "j": "i",
           "w": "u", "θ": "t"},
    "pt": {"tʃ": "tch", "dʒ": "dj", "ɲ": "nh", "ŋ": "n", "ʃ": "x", "ʒ": "j", "ʎ": "lh", "h": "rr", "x": "rr",
           "s": "ss", "w": "u", "j": "i"},
    "fr": {"tʃ": "tch", "dʒ": "dj", "ɲ": "gn", "ʃ": "ch", "ʒ": "j", "u": "ou", "ʊ": "ou", "w": "ou", "y": "u",
           "ʏ": "u", "e": "é", "ɛ": "è", "ə": "e", "ø": "eu", "œ": "eu", "ɜ": "eu", "s": "ss", "j": "y"},
    "de": {"tʃ": "tsch", "dʒ": "dsch", "ts": "z", "ŋ": "ng", "ɲ": "nj", "ʃ": "sch", "ʒ": "sch", "ç": "ch", "x": "ch",
           "χ": "ch", "s": "ss", "z": "s", "v": "w", "w": "u", "j": "j", "y": "ü", "ʏ": "ü", "ø": "ö", "œ": "ö",
           "ɜ": "ö", "æ": "ä", "ɛ": "ä", "aɪ": "ei", "aʊ": "au", "ɔɪ": "eu", "ɔʏ": "eu", "θ": "s", "ð": "s",
           "iː": "ie", "eː": "eh", "aː": "ah", "ɑː": "ah", "oː": "oh", "uː": "uh", "eɪ": "eh", "oʊ": "oh",
           "əʊ": "oh", "ʎ": "lj"},
    "en": {"iː": "ee", "i": "ee", "uː": "oo", "u": "oo", "ʊ": "oo", "ɑː": "ah", "a": "ah", "ɑ": "ah", "ɔː": "aw",
           "ɔ": "aw", "ɒ": "o", "ʌ": "u", "ə": "uh", "ɜː": "ur", "ɜ": "ur", "eɪ": "ay", "e": "eh", "ɛ": "eh",
           "aɪ": "igh", "aʊ": "ow", "ɔɪ": "oy", "oʊ": "oh", "əʊ": "oh", "o": "oh", "ð": "th", "y": "ew"},
}
_ACCENTS = {"es": "áéíóú", "pt": "áéíóú", "it": "àèìòù"}
_VOWELS = "aeiou"


def respelled(ipa: str, language: str) -> str:
    """``ipa`` in the letters of a language (ISO 639-1). Symbols that are not known are left out.

    Where the language can write stress (Spanish, Portuguese, Italian), it is written.
    """
    table = {**_COMMON, **_OWN.get(language, {})}
    pieces: list[str] = []
    is_stressed, place = False, 0
    while place < len(ipa):
        if ipa[place] == _STRESS:
            is_stressed, place = True, place + 1
            continue
        length = next((size for size in (2, 1) if ipa[place:place + size] in table), 1)
        symbol = ipa[place:place + length]
        place += length
        if symbol in _DROPPED or symbol not in table:
            pieces += [" "] if symbol == " " and pieces else []
            continue
        letters = table[symbol]
        if is_stressed and letters[:1] in tuple(_VOWELS) and letters:
            letters, is_stressed = _accented(letters, language), False
        pieces.append(letters)
    return _spelled(pieces, language)


def _accented(letters: str, language: str) -> str:
    accents = _ACCENTS.get(language)
    return letters if accents is None else accents[_VOWELS.index(letters[0])] + letters[1:]


def _spelled(pieces: list[str], language: str) -> str:
    """Joined as the language's spelling wants it: hard and soft consonants before front vowels."""
    text = ""
    for index, letters in enumerate(pieces):
        following = next((piece[:1] for piece in pieces[index + 1:] if piece), "")
        is_front = following in tuple("eiéíèìêy")
        if language in ("es", "fr", "pt") and letters == "g" and is_front:
            letters = "gu"
        elif language == "it" and letters in ("C", "G", "sC", "gl"):  # "ciao", "giorno", but "cena", "gente"
            letters = letters.lower() + ("" if is_front and letters != "gl" else "i" if following != "i" else "")
        elif language == "it" and letters == "g" and is_front:
            letters = "gh"
        elif letters == "ss" and (not text or not following or text[-1] not in "aeiouáéíóúàèéêöüä"):
            letters = "s"
        text += letters
    return text.strip()
