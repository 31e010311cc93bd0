"""Numbers of a line's two texts, however they are written: digits with either decimal sign, or words.

Words are read in languages that hardly inflect their numbers; of the others only digits are compared. "One" is also an
article, "both" may stand for "the two", and "half past" for thirty, so these may stand for a number and are not asked
for.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from dubbing.domain.quality import Finding, Severity
from dubbing.qc.values import QcDub

NUMBERS = "numbers"
#: Languages whose number words are read.
IN_WORDS = frozenset({"en", "es", "fr", "it", "pt", "de", "nl"})
#: Languages whose decimal sign is a point.
_POINT = frozenset({"en", "ja", "zh", "ko", "th", "he", "hi"})
_DIGITS = re.compile(r"\d+(?:[\u00a0\u202f\u2009 ]\d{3}(?!\d))+(?:[.,]\d+)?|\d+(?:[.,'’]\d+)*")
_SIGN = re.compile(r"[.,'’\u00a0\u202f\u2009 ]")
#: Words that are numbers and something more frequent: these may be meant.
_AMBIGUOUS = {"fr": {"neuf": 9}, "it": {"sei": 6}, "nl": {"acht": 8}}
#: "Halb sieben" is half past six.
_HALF_TO = {"de": "halb", "nl": "half"}
_JOINERS = frozenset({"and", "y", "e", "et", "und", "en"})
_SOFT = {
    2: "both twice couple pair double ambos ambas par pareja doble deux double entrambi entrambe paio coppia doppio "
       "casal dobro beide beiden paar doppelt zweimal allebei dubbel tweemaal",
    3: "triple thrice triplo dreimal driemaal", 10: "decade decada decennie decennio jahrzehnt ten",
    12: "dozen docena douzaine dozzina duzia dutzend dozijn midnight noon medianoche mediodia mittag mitternacht "
        "minuit midi mezzanotte mezzogiorno meianoite meiodia",
    15: "quarter cuarto quart quarto viertel kwart fortnight quinzaine quincena", 14: "fortnight",
    30: "half media demi mezza meia halb half", 100: "hundreds centenares centaines centinaia centenas hunderte "
        "century siglo siecle secolo seculo jahrhundert", 1000: "thousands miles milliers migliaia milhares tausende",
}
_SOFT_WORDS = {value: frozenset(words.split()) for value, words in _SOFT.items()}
_MILLIONS = {"million": 6, "millions": 6, "millon": 6, "millones": 6, "milione": 6, "milioni": 6, "milhao": 6,
             "milhoes": 6, "millionen": 6, "miljoen": 6, "billion": 9, "milliard": 9, "milliards": 9, "milliarde": 9,
             "milliarden": 9, "miliardo": 9, "miliardi": 9, "bilhao": 9, "bilhoes": 9, "miljard": 9}
#: Forms that a number has beside the one that it is counted with.
_FORMS = {
    "en": {},
    "es": {"ciento": 100, "doscientas": 200, "trescientas": 300, "cuatrocientas": 400, "quinientas": 500,
           "seiscientas": 600, "setecientas": 700, "ochocientas": 800, "novecientas": 900, "veintiun": 21},
    "pt": {"duas": 2, "cento": 100, "duzentas": 200, "trezentas": 300, "quatrocentas": 400, "quinhentas": 500,
           "dezasseis": 16, "dezassete": 17, "dezanove": 19, "quatorze": 14, "catorze": 14},
    "de": {"zwo": 2, "hundert": 100, "tausend": 1000, "zweien": 2, "dreien": 3},
    "fr": {"septante": 70, "octante": 80, "huitante": 80, "nonante": 90},
    "it": {"cent": 100, "ventun": 21, "vent": 20, "trent": 30, "quarant": 40, "cinquant": 50, "sessant": 60,
           "settant": 70, "ottant": 80, "novant": 90},
    "nl": {},
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a text counts: ``digits`` and ``words`` are values as they are written, ``soft`` those that it may mean."""

    digits: Counter[float] = field(default_factory=Counter)
    words: Counter[float] = field(default_factory=Counter)
    soft: frozenset[float] = frozenset()

    @property
    def all(self) -> Counter[float]:
        return self.digits + self.words


def numbers(dub: QcDub) -> Iterator[Finding]:
    """Numbers of the source that the translation lacks, and the other way round."""
    for line in dub.lines:
        if not line.target.strip():
            continue
        source, target = numbers_of(line.source, dub.source_language), numbers_of(line.target, dub.language)
        lost, added = _unmatched(source, target), _unmatched(target, source)
        if not _can_compare(source, target, dub):
            continue
        for value, other in _paired(lost, added):
            yield _finding(line.id, line.start_ms, value, other, source, target)


def numbers_of(text: str, language: str) -> Numbers:
    """Every number in ``text`` but 0 and 1."""
    text = unicodedata.normalize("NFKC", text).lower()
    digits: Counter[float] = Counter()

    def taken(match: re.Match[str]) -> str:
        values = _values(match[0], language)
        following = re.match(r"\s*([^\W\d_]+)", text[match.end():])
        power = _MILLIONS.get(_plain(following[1]), 0) if following else 0
        # "One" is not read as a word, and full hours are said without their zeros.
        digits.update(value * 10 ** power for value in values if value not in (0, 1) or power)
        return " # "

    rest = _DIGITS.sub(taken, text)
    tokens = [token for token in re.findall(r"[^\W\d_]+|#", _plain(rest))]
    soft = {float(value) for value, words in _SOFT_WORDS.items() if not words.isdisjoint(tokens)}
    soft |= {value + 12 for value in digits if 1 <= value <= 12} | {value - 12 for value in digits if 13 <= value <= 24}
    soft |= {float(value) for word, value in _AMBIGUOUS.get(language, {}).items() if word in tokens}
    return Numbers(digits, _spelled(tokens, language), frozenset(soft))


def _values(text: str, language: str) -> list[float]:
    """The number that digits stand for; a date or the like is its parts."""
    groups, signs = _SIGN.split(text), _SIGN.findall(text)
    if not signs:
        return [float(text)]
    decimal = "." if language in _POINT else ","
    last_is_decimal = signs[-1] in ".," and (signs.count(signs[-1]) == 1) and (
        signs[-1] == decimal or len(groups[-1]) != 3 or len(set(signs)) > 1)
    whole = groups[:-1] if last_is_decimal else groups
    if any(len(group) != 3 for group in whole[1:]):
        return [float(group) for group in groups]
    return [float("".join(whole) + ("." + groups[-1] if last_is_decimal else ""))]


def _spelled(tokens: list[str], language: str) -> Counter[float]:
    found: Counter[float] = Counter()
    if language not in IN_WORDS:
        return found
    known, longest = _dictionary(language)
    tokens = [token for token in tokens if token not in _JOINERS]
    if language == "en":  # "a hundred and twenty"
        tokens = ["one" if token == "a" and after in ("hundred", "thousand") else token
                  for token, after in zip(tokens, [*tokens[1:], ""], strict=True)]
    at = 0
    while at < len(tokens):
        for count in range(min(longest, len(tokens) - at), 0, -1):
            value = known.get(" ".join(tokens[at:at + count]))
            if value is not None:
                if at and tokens[at - 1] == _HALF_TO.get(language) and value <= 12:
                    value = value - 1 or 12
                at += count
                power = _MILLIONS.get(tokens[at], 0) if at < len(tokens) else 0
                if value >= 2 or power:
                    found[float(value) * 10 ** power] += 1
                break
        else:
            at += 1
    return found


@lru_cache(maxsize=16)
def _dictionary(language: str) -> tuple[dict[str, int], int]:
    """Words of the numbers up to 2100, of the round ones beyond, and of English years; and the most words of one."""
    from num2words import num2words

    lang = {"pt": "pt_BR"}.get(language, language)

    def said(number: int) -> str:
        return " ".join(t for t in re.findall(r"[^\W\d_]+", _plain(num2words(number, lang=lang))) if t not in _JOINERS)

    known = {said(n): n for n in [*range(1, 2100), *range(3000, 100_000, 1000)]}
    known |= {said(n): n for n in (100_000, 200_000, 300_000, 400_000, 500_000)}
    if language == "en":
        known |= {f"{said(y // 100)} {said(y % 100)}": y for y in range(1100, 2100) if y % 100 > 9}
    known |= _FORMS[language]
    for word in _AMBIGUOUS.get(language, ()):
        known.pop(word, None)
    return known, max(len(phrase.split()) for phrase in known)


def _unmatched(mine: Numbers, others: Numbers) -> list[float]:
    """Numbers of one text that the other does not have, and does not mean by another word either."""
    left = mine.all - others.all
    return sorted(value for value in left.elements() if value not in others.soft)


def _can_compare(source: Numbers, target: Numbers, dub: QcDub) -> bool:
    """Where the number words of one of the languages are not read, only texts that both use digits are compared."""
    if {dub.source_language, dub.language} <= IN_WORDS:
        return True
    return bool(source.digits) and bool(target.digits)


def _paired(lost: list[float], added: list[float]) -> Iterator[tuple[float | None, float | None]]:
    for number in range(max(len(lost), len(added))):
        yield lost[number] if number < len(lost) else None, added[number] if number < len(added) else None


def _finding(line: str, at_ms: int, lost: float | None, added: float | None, source: Numbers,
             target: Numbers) -> Finding:
    if lost is not None and added is not None:
        return Finding(NUMBERS, Severity.ERROR, line,
                       f"The original says {_told(lost)}, the translation {_told(added)}.", added, lost, "", at_ms,
                       _told(lost))
    number = lost if lost is not None else added
    assert number is not None
    in_digits = number in (source.digits if lost is not None else target.digits)
    severity = Severity.ERROR if in_digits else Severity.WARNING
    if lost is not None:
        return Finding(NUMBERS, severity, line, f"The original says {_told(number)}; the translation does not.", None,
                       number, "", at_ms, _told(number))
    return Finding(NUMBERS, severity, line, f"The translation says {_told(number)}; the original does not.", number,
                   None, "", at_ms, _told(number))


def _told(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:g}"


def _plain(text: str) -> str:
    """Lower case without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
