"""How a text sounds: words of IPA symbols in any language of espeak-ng (Japanese by Open JTalk).

What a synthesizer reads is made for its ear; this is plain IPA for whoever lays a known text onto a sound.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from dubbing.engines.tts.alphabet import TIE, to_ipa
from dubbing.engines.tts.espeak import Espeak
from dubbing.engines.tts.japanese import Japanese
from dubbing.engines.tts.text import clauses
from dubbing.errors import UnavailableError

_VOWELS = frozenset("aeiouyæɑɐɒɔəɚɛɜɤɨɪɯøœʊʌʉʏɵɞɘᵻ")
_MODIFIERS = frozenset("ːˑʲʰʷᵝˠˤ")
_DROPPED = frozenset("ˈˌ-_.ˈ̯̩̆|")
#: espeak-ng's own use of symbols, put right: what stands there is not the IPA for the sound.
_REPAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "pt": (("y", "i"), ("æ", "ɐ")),
    "ru": (("y", "ɨ"),),
    "de": (("ɾ", "ʁ"),),
    # Tones are digits and, for the rising one, an ɜ; a dot makes a sound retroflex.
    "zh": (("t" + TIE + "s.", "tʂ"), ("s.", "ʂ"), ("z.", "ʐ"), ("i.", "ɨ"), ("əɜ", "ə"), ("ɜ", ""), (TIE + "h", "ʰ"),
           ("n" + TIE + "ɡ", "ŋ"), ("i̪", "ɨ")),
}
#: Words by which a text in Latin letters shows its language.
_FREQUENT = {
    "en": "the and of to in is that you it for was with on are this have not be we they",
    "es": "el la los las de que y en un una es no por con para se lo más está como pero",
    "de": "der die das und ist nicht ein eine ich zu mit den von sie wir auf es auch im für",
    "fr": "le la les de et un une est que je pas pour dans il elle nous vous ce qui sur au du",
    "it": "il lo la gli di che e un una è non per con sono mi ho questo come più del della",
    "pt": "o a os as de que e um uma é não por com para se eu você mais na no do da em",
    "nl": "de het een en van is dat niet ik in op te zijn we met voor er maar ook je",
    "pl": "i w na nie się to jest z do że jak co ale tak o po mam czy przez za",
    "tr": "bir ve bu da de için çok ne ben mi ile daha var gibi değil",
    "sv": "och att det i på är som en för inte jag med till av ett vi har",
}
_SCRIPTS = (("぀", "ヿ", "ja"), ("가", "힣", "ko"), ("一", "鿿", "zh"), ("Ѐ", "ӿ", "ru"), ("؀", "ۿ", "ar"),
            ("ऀ", "ॿ", "hi"), ("Ͱ", "Ͽ", "el"), ("֐", "׿", "he"))


def phonemes_of(text: str, language: str) -> list[list[str]]:
    """The words of ``text`` as lists of IPA symbols, without stress; length and other marks stay on their symbol.

    A diphthong is two symbols, an affricate one. ``language`` is an ISO 639-1 code. Words that are spoken as one
    ("of the") come as one, so the result may be shorter than the text's words. Raises UnavailableError when espeak-ng
    does not know the language or is not installed.
    """
    words: list[list[str]] = []
    for clause in clauses(text, language):
        spelled = _japanese(clause.words) if language == "ja" else _spelled(clause.words, language)
        words += [word for word in spelled if word]
    return words


def language_of(text: str) -> str:
    """The likeliest language of ``text`` by its script and its short words; "" when nothing tells."""
    letters = [c for c in text if c.isalpha()]
    for first, last, code in _SCRIPTS:
        share = sum(first <= c <= last for c in letters)
        # A few kana are enough: Japanese writes most of its words in characters that it shares with Chinese.
        if share > (0.1 if code == "ja" else 0.4) * max(len(letters), 1):
            return code
    words = re.findall(r"[^\W\d_]+", text.lower())
    counts = {code: sum(word in frequent.split() for word in words) for code, frequent in _FREQUENT.items()}
    best = max(counts, key=lambda code: counts[code])
    return best if counts[best] else ""


@cache
def _espeak() -> Espeak:
    return Espeak()


@cache
def _open_jtalk() -> Japanese:
    return Japanese()


def _spelled(words: str, language: str) -> list[list[str]]:
    try:
        ipa = _espeak().phonemes(words, language)
    except RuntimeError as error:
        raise UnavailableError(f"espeak-ng cannot say what {language!r} sounds like.",
                               "Give the language as an ISO 639-1 code, such as en or es.") from error
    ipa = re.sub(rf"\([a-z{TIE}-]+\)", "", ipa)  # Marks of a switch to another language and back.
    for old, new in _REPAIRS.get(language, ()):
        ipa = ipa.replace(old, new)
    return [symbols(word) for word in ipa.split()]


def _japanese(words: str) -> list[list[str]]:
    found = []
    for word in _open_jtalk().phonemes(words).split():
        spelled: list[str] = []
        for symbol in symbols(word):
            first, *rest = to_ipa(symbol[0])
            spelled += [first, *rest]
            spelled[-1] += symbol[1:]
        found.append(spelled)
    return found


def symbols(word: str) -> list[str]:
    """IPA of one word cut into symbols: marks go to the letter before, a tie joins consonants and parts vowels."""
    found: list[str] = []
    tied = False
    for letter in word:
        if letter == TIE:
            tied = True
        elif letter in _DROPPED or letter.isdigit() or not (letter.isalpha() or _is_mark(letter)):
            continue
        elif _is_mark(letter):
            if found:
                found[-1] += letter
        elif tied and found and letter not in _VOWELS and found[-1][0] not in _VOWELS:
            found[-1] += letter
            tied = False
        else:
            found.append(letter)
            tied = False
    return found


def _is_mark(letter: str) -> bool:
    return letter in _MODIFIERS or unicodedata.category(letter) in ("Mn", "Lm")
