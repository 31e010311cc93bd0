"""How the languages of dubs look in writing: their letters, and the small words that no clause does without."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
#: Function words that are frequent in one of these languages and are none, or rare, in the others.
_FUNCTION = {
    "en": "the and is are was were you he she we they it this that these those with for from have has had not what "
          "where when who why how of to my your his their our will would can could do does did been there here at on",
    "es": "el los las que y es en un una por con para pero como está están estoy eres soy muy más ya yo tú él ella "
          "nosotros ustedes esto eso esta este qué cómo dónde cuándo quién porque hay tengo tiene su mi lo se del al",
    "fr": "le les des et est en une un du que qui dans pour pas ne sur avec ce cette ces je tu il elle nous vous ils "
          "sont suis es mais où quand comme plus très c'est j'ai n'est d'un aux au mon ma mes votre leur leurs",
    "de": "der die das und ist nicht ein eine einen mit für auf ich du er sie wir ihr es sind war hat habe haben wie "
          "was wo wer warum wenn aber auch noch nur sehr den dem des von zu im am bei nach mein dein sein unser",
    "it": "il lo gli che e è un una di del della con per ma come sono sei siamo io tu lui lei noi voi loro questo "
          "questa non più molto anche cosa dove quando chi perché ho ha hai al alla nel nella mio tuo suo",
    "pt": "o os as que e é um uma do da dos das em no na com por para mas como está são estou sou eu tu ele ela nós "
          "você vocês isto isso este esta não mais muito também onde quando quem porque tem tenho meu seu ao",
    "nl": "de het een en is niet van met voor op ik jij hij zij wij zijn was heeft heb hebben hoe wat waar wie waarom "
          "als maar ook nog zeer te bij naar mijn jouw ons dat deze dit die er",
}
FUNCTION_WORDS = {language: frozenset(words.split()) for language, words in _FUNCTION.items()}
#: How the names of the letters of a language begin, where it is not written in Latin letters.
_SCRIPTS = {"ru": ("CYRILLIC",), "uk": ("CYRILLIC",), "bg": ("CYRILLIC",), "sr": ("CYRILLIC", "LATIN"),
            "el": ("GREEK",), "he": ("HEBREW",), "ar": ("ARABIC",), "fa": ("ARABIC",), "ur": ("ARABIC",),
            "hi": ("DEVANAGARI",), "mr": ("DEVANAGARI",), "ta": ("TAMIL",), "th": ("THAI",), "ko": ("HANGUL", "CJK"),
            "zh": ("CJK",), "ja": ("HIRAGANA", "KATAKANA", "CJK"), "bn": ("BENGALI",), "ka": ("GEORGIAN",)}
LATIN = ("LATIN", "MODIFIER", "FEMININE", "MASCULINE")


def scripts_of(language: str) -> tuple[str, ...]:
    """How the Unicode names of a language's letters begin."""
    return _SCRIPTS.get(language, LATIN)


def words_of(text: str) -> list[str]:
    """The words of a text, all in small letters, without numbers and marks."""
    return [word.casefold() for word in _WORD.findall(text)]


def is_in_foreign_script(text: str, language: str) -> bool:
    """Whether most letters of a text are none of the language's; Latin names are at home in every script."""
    wanted = scripts_of(language)
    letters = [unicodedata.name(char, "?").split()[0] for char in text if char.isalpha()]
    foreign = sum(not name.startswith(wanted) for name in letters)
    return len(letters) >= 4 and foreign > (0.7 if wanted is not LATIN else 0.3) * len(letters)


def is_still_in(text: str, source: str, target: str) -> bool:
    """Whether the small words of a text are the source language's rather than the target's; False where unknown."""
    own, theirs = FUNCTION_WORDS.get(target, frozenset()), FUNCTION_WORDS.get(source, frozenset())
    words = words_of(text)
    foreign = sum(word in theirs - own for word in words)
    return bool(own) and foreign >= 2 and foreign >= 0.3 * len(words) and foreign > sum(word in own for word in words)


def language_among(text: str) -> str | None:
    """The language whose small words clearly prevail in a text; None where none does."""
    words = words_of(text)
    counts = sorted(((sum(word in small for word in words), language)
                     for language, small in FUNCTION_WORDS.items()), reverse=True)
    (most, language), (second, _other) = counts[:2]
    return language if most >= 3 and most >= 2 * second and most >= 0.25 * len(words) else None
