"""Text that was left in the source's language, or that is in a script which the target's language does not use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from dubbing.domain.quality import Finding, Severity
from dubbing.qc.values import QcDub, QcLine

UNTRANSLATED = "untranslated"
#: So many words of the original in a row are no coincidence.
_RUN = 3
#: Share of a text's words that are function words of the source's language alone.
_FOREIGN = 0.3
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
_FUNCTION_WORDS = {language: frozenset(words.split()) for language, words in _FUNCTION.items()}
#: How the names of the letters of a language begin, where it is not written in Latin letters.
_SCRIPTS = {"ru": ("CYRILLIC",), "uk": ("CYRILLIC",), "bg": ("CYRILLIC",), "sr": ("CYRILLIC", "LATIN"),
            "el": ("GREEK",), "he": ("HEBREW",), "ar": ("ARABIC",), "fa": ("ARABIC",), "ur": ("ARABIC",),
            "hi": ("DEVANAGARI",), "mr": ("DEVANAGARI",), "ta": ("TAMIL",), "th": ("THAI",), "ko": ("HANGUL", "CJK"),
            "zh": ("CJK",), "ja": ("HIRAGANA", "KATAKANA", "CJK"), "bn": ("BENGALI",), "ka": ("GEORGIAN",)}
_LATIN = ("LATIN", "MODIFIER", "FEMININE", "MASCULINE")


def untranslated(dub: QcDub) -> Iterator[Finding]:
    """Lines that are not in the target's language, wholly or in part; the gravest finding of a line alone."""
    for line in dub.lines:
        if not line.target.strip() or dub.source_language == dub.language:
            continue
        finding = _wrong_script(line, dub) or _same(line, dub) or _foreign(line, dub) or _run(line, dub)
        if finding is not None:
            yield finding


def _wrong_script(line: QcLine, dub: QcDub) -> Finding | None:
    wanted = _SCRIPTS.get(dub.language, _LATIN)
    letters = [unicodedata.name(c, "?").split()[0] for c in line.target if c.isalpha()]
    foreign = sum(not name.startswith(wanted) for name in letters)
    # Latin names and abbreviations are at home in every script.
    allowed = 0.7 if wanted is not _LATIN else 0.3
    if len(letters) < 4 or foreign <= allowed * len(letters):
        return None
    return Finding(UNTRANSLATED, Severity.ERROR, line.id,
                   "The text is not written in the letters of the language it should be in.",
                   round(foreign / len(letters), 4), allowed, at_ms=line.start_ms)


def _same(line: QcLine, dub: QcDub) -> Finding | None:
    source, target = _words(line.source), _words(line.target)
    kept = _kept(dub)
    told = [word for word in target if word not in kept]
    names = {word.casefold() for word in _WORD.findall(line.source) if word[0].isupper()}
    if source != target or not told or (len(told) == 1 and (told[0] in names or len(told[0]) < 5)) \
            or all(word in names for word in told[1:] or told):
        return None
    return Finding(UNTRANSLATED, Severity.ERROR if len(told) > 1 else Severity.INFO, line.id,
                   "The translation is the same as the original.", 1.0, at_ms=line.start_ms)


def _foreign(line: QcLine, dub: QcDub) -> Finding | None:
    """Function words of the source's language are what an untranslated clause cannot be without."""
    theirs = _FUNCTION_WORDS.get(dub.source_language, frozenset()) - _FUNCTION_WORDS.get(dub.language, frozenset())
    kept = _kept(dub)
    words = [word for word in _words(line.target) if word not in kept]
    own = _FUNCTION_WORDS.get(dub.language, frozenset())
    if dub.language not in _FUNCTION_WORDS or not words:
        return None
    foreign = [word for word in words if word in theirs]
    if len(foreign) < 2 or len(foreign) < _FOREIGN * len(words) or len(foreign) <= sum(word in own for word in words):
        return None
    return Finding(UNTRANSLATED, Severity.ERROR, line.id,
                   f"The text is still in the language of the original: “{' '.join(foreign[:5])}”.",
                   round(len(foreign) / len(words), 4), _FOREIGN, at_ms=line.start_ms)


def _run(line: QcLine, dub: QcDub) -> Finding | None:
    """Words in a row that stand in both texts; names, numbers and what the glossary keeps do not count."""
    kept = _kept(dub)
    names = {word.casefold() for word in _WORD.findall(line.source) if word[0].isupper()}
    source, target = _words(line.source), _words(line.target)
    at = {tuple(source[i:i + _RUN]) for i in range(len(source) - _RUN + 1)}
    for i in range(len(target) - _RUN + 1):
        piece = target[i:i + _RUN]
        if tuple(piece) in at and sum(word not in names and word not in kept for word in piece) > 1:
            return Finding(UNTRANSLATED, Severity.WARNING, line.id,
                           f"“{' '.join(piece)}” was taken over from the original.", float(_RUN), float(_RUN), "words",
                           line.start_ms)
    return None


def _kept(dub: QcDub) -> frozenset[str]:
    """Words that the glossary leaves as they are."""
    return frozenset(word for term in dub.terms if term.target in (None, term.source) for word in _words(term.source))


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
