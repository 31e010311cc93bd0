"""What a translation must not lose, whatever else it says: numbers, a "not", a question.

Blunt by design: the checks look at words, not at sense. They are for telling candidates of one line apart, where what
they cannot know is the same for all; a line's own quality is judged elsewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache

NUMBERS, NEGATION, QUESTION = "numbers", "negation", "question"

_ONES: Mapping[str, str] = {
    "en": "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
          "eighteen nineteen",
    "es": "dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
          "dieciocho diecinueve",
    "it": "due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici "
          "diciassette diciotto diciannove",
    "pt": "dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete dezoito "
          "dezenove",
    "fr": "deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit "
          "dix-neuf",
    "de": "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
          "achtzehn neunzehn",
}
_TENS: Mapping[str, str] = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "it": "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    "pt": "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
    "fr": "vingt trente quarante cinquante soixante soixante-dix quatre-vingts quatre-vingt-dix",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
}
#: Other forms of the same number, and numbers that are larger.
_MORE: Mapping[str, Mapping[str, int]] = {
    "en": {"hundred": 100, "thousand": 1000},
    "es": {"cien": 100, "ciento": 100, "mil": 1000, "doscientos": 200, "doscientas": 200, "quinientos": 500},
    "it": {"cento": 100, "mille": 1000, "mila": 1000},
    "pt": {"duas": 2, "dezasseis": 16, "dezassete": 17, "dezanove": 19, "quatorze": 14, "cem": 100, "cento": 100,
           "mil": 1000},
    "fr": {"cent": 100, "mille": 1000},
    "de": {"zwo": 2, "hundert": 100, "einhundert": 100, "tausend": 1000, "eintausend": 1000, "dreissig": 30},
}
_ONE = {"en": "one", "es": "uno", "it": "uno", "pt": "um", "fr": "un", "de": "ein"}
_DIGITS = re.compile(r"\d+(?:[.,  ]\d{3})*(?:[.,]\d+)?")
#: Words that deny, by language. What is left out ("hardly", "sin") denies in one language and not in another.
_DENIALS: Mapping[str, str] = {
    "en": r"not|no|never|nobody|nothing|none|nowhere|neither|nor|cannot|without|\w+n['’]t|no one",
    "es": r"no|nunca|jamás|nadie|nada|ningun[oa]s?|ningún|tampoco|ni|sin",
    "it": r"non|no|mai|nessun[oa]?|niente|nulla|neanche|nemmeno|neppure|né|senza",
    "pt": r"não|nunca|jamais|ninguém|nada|nenhuma?|nem|tampouco|sem",
    "fr": r"ne|n['’]\w+|pas|non|jamais|personne|rien|aucune?|ni|sans",
    "de": r"nicht|nein|nie|niemals|niemand\w*|nichts|kein\w*|weder|noch nie|ohne",
}


def slips(source: str, text: str, source_language: str, language: str) -> tuple[str, ...]:
    """What of ``source`` is changed in ``text``: any of NUMBERS, NEGATION, QUESTION.

    Where the words of a language are not known here, only what does not depend on them is checked.
    """
    found = []
    if numbers(source, source_language) != numbers(text, language):
        found.append(NUMBERS)
    if source_language in _DENIALS and language in _DENIALS and \
            denies(source, source_language) != denies(text, language):
        found.append(NEGATION)
    if asks(source) != asks(text):
        found.append(QUESTION)
    return tuple(found)


def numbers(text: str, language: str) -> Counter[str]:
    """The numbers from two on that ``text`` names, in digits or in words."""
    found: Counter[str] = Counter()
    for match in _DIGITS.finditer(text):
        plain = re.sub(r"[.,  ](?=\d{3}(?!\d))", "", match.group()).replace(",", ".")
        if plain not in ("0", "1"):
            found[plain.lstrip("0") or "0"] += 1
    pattern, values = _named(language)
    if pattern is not None:
        for match in pattern.finditer(text.lower()):
            found[str(values[re.sub(r"[\s-]+", " ", match.group())])] += 1
    return found


def denies(text: str, language: str) -> bool:
    """Whether ``text`` says "not" in any of the ways of a language."""
    pattern = _DENIALS.get(language)
    return pattern is not None and re.search(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.IGNORECASE) is not None


def asks(text: str) -> bool:
    """Whether ``text`` holds a question."""
    return any(mark in text for mark in "?？؟")


@cache
def _named(language: str) -> tuple[re.Pattern[str] | None, dict[str, int]]:
    """A pattern of the number words of a language, and what each is (blanks for hyphens)."""
    if language not in _ONES:
        return None, {}
    values = {re.sub(r"[\s-]+", " ", name): value for name, value in _names(language)}
    longest = sorted(values, key=len, reverse=True)
    body = "|".join(r"[\s-]+".join(map(re.escape, name.split())) for name in longest)
    return re.compile(rf"(?<!\w)(?:{body})(?!\w)"), values


def _names(language: str) -> Iterator[tuple[str, int]]:
    ones = dict(zip(range(2, 20), _ONES[language].split(), strict=True))
    tens = dict(zip(range(20, 100, 10), _TENS[language].split(), strict=True))
    yield from ((name, value) for value, name in (ones | tens).items())
    yield from _MORE[language].items()
    for ten, name in tens.items():
        for unit in range(1, 10):
            small = _ONE[language] if unit == 1 else ones[unit]
            for written in _joined(language, ten, name, small, ones.get(unit + 10, "onze")):
                yield written, ten + unit


def _joined(language: str, ten: int, name: str, small: str, teen: str) -> Iterator[str]:
    """How a ten and a unit are said together; ``teen`` is the unit plus ten, which French needs."""
    if language == "en":
        yield f"{name} {small}"
    elif language == "es":
        yield f"{name} y {small}"
        if ten == 20:
            yield "veinti" + {"dos": "dós", "tres": "trés", "seis": "séis"}.get(small, small)
            yield "veintiún" if small == "uno" else "veinti" + small
    elif language == "it":
        yield (name[:-1] if small[0] in "uo" else name) + ("tré" if small == "tre" else small)
        if small == "tre":
            yield name + small
    elif language == "pt":
        yield f"{name} e {small}"
    elif language == "fr":
        stem = name.removesuffix("s") if ten == 80 else name
        if ten in (70, 90):
            yield f"{stem.removesuffix('-dix')}-{teen}"
            yield f"{stem.removesuffix('-dix')} et {teen}"
        else:
            yield f"{stem}-{small}"
            yield f"{stem} et {small}"
    elif language == "de":
        yield f"{small}und{name}"
