"""Text as it is spoken: numbers and signs in words, and clauses with the pause that ends them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from dubbing.domain import marks

#: Punctuation that a synthesizer is told about; every other mark is mapped to one of these or dropped.
MARKS = ".!?…,;:—"

_MARK_OF = {
    "。": ".", "．": ".", "！": "!", "？": "?", "、": ",", "，": ",", "；": ";", "：": ":", "‥": "…",
    "–": "—", "―": "—", "〜": "—", "～": "—", "(": ",", ")": ",", "（": ",", "）": ",", "[": ",", "]": ",",
    "؟": "?", "،": ",", "।": ".", "\n": ".",
}
_DROPPED = re.compile(r"[¿¡«»„“”‟\"「」『』《》【】*_#~^|<>{}\\]|(?<!\w)['‘’]|['‘’](?!\w)")
_ABBREVIATIONS = {
    "en": "mr mrs ms dr prof st jr sr vs no etc mt", "de": "dr prof hr fr bzw usw ca nr st str evtl ggf z b d h u a",
    "es": "sr sra srta dr dra prof ud uds etc pág núm", "fr": "m mm mme mlle dr prof st ste etc av env",
    "it": "sig sigra dott dottssa prof ing avv ecc pag", "pt": "sr sra srta dr dra prof profa etc pág",
    "nl": "dhr mevr dr prof bijv enz nr",
}
#: How money is said: sign -> (whole, fraction joiner) in a language; the fraction's unit is left out, as people do.
_MONEY = {
    "en": {"€": "euros", "$": "dollars", "£": "pounds", "¥": "yen"},
    "de": {"€": "Euro", "$": "Dollar", "£": "Pfund", "¥": "Yen"},
    "es": {"€": "euros", "$": "dólares", "£": "libras", "¥": "yenes"},
    "fr": {"€": "euros", "$": "dollars", "£": "livres", "¥": "yens"},
    "it": {"€": "euro", "$": "dollari", "£": "sterline", "¥": "yen"},
    "pt": {"€": "euros", "$": "dólares", "£": "libras", "¥": "ienes", "R$": "reais"},
    "nl": {"€": "euro", "$": "dollar", "£": "pond", "¥": "yen"},
}
_JOINER = {"en": " ", "de": " ", "es": " con ", "fr": " ", "it": " e ", "pt": " e ", "nl": " "}
_CLOCK = {"de": r"\1 Uhr \2", "fr": r"\1 heures \2", "en": r"\1 \2", "es": r"\1 y \2", "it": r"\1 e \2",
          "pt": r"\1 e \2", "nl": r"\1 uur \2"}
_AND = {"en": "and", "de": "und", "es": "y", "fr": "et", "it": "e", "pt": "e", "nl": "en"}
_GERMAN_ORDINALS = (
    "", "erste", "zweite", "dritte", "vierte", "fünfte", "sechste", "siebte", "achte", "neunte", "zehnte",
    "elfte", "zwölfte",
)
_GERMAN_MONTHS = ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
                  "November", "Dezember"]


@dataclass(frozen=True, slots=True)
class Clause:
    """Words without punctuation and the mark that ends them ("" when nothing does)."""

    words: str
    mark: str

    @property
    def ends_sentence(self) -> bool:
        return self.mark in (".", "!", "?", "…")


def speakable(text: str, language: str) -> str:
    """``text`` with money, clock times, years and ordinals written as they are said in ``language``.

    Plain numbers stay digits: the phonemizer reads them.
    """
    text = unicodedata.normalize("NFC", text).replace("\u00a0", " ").replace("\u202f", " ").replace("’", "'")
    text = re.sub(r"https?://|www\.", "", text)
    if language in _MONEY:
        text = _money(text, language)
        text = re.sub(r"\b(\d{1,2}):00\b", r"\1" + (" Uhr" if language == "de" else ""), text)
        text = re.sub(r"\b(\d{1,2}):([0-5]\d)(?:\s*Uhr)?\b", _CLOCK[language], text)
        text = re.sub(r"(?<=\s)&(?=\s)", _AND[language], text)
    if language == "en":
        text = re.sub(r"\b(1[1-9])([1-9]\d)\b(?!,\d)", r"\1 \2", text)
    if language == "de":
        text = re.sub(r"\b(1[1-9])(\d\d)\b(?![.,]\d)", lambda m: f"{m[1]} hundert {int(m[2]) or ''}".strip(), text)
        text = re.sub(rf"\b(\d{{1,2}})\.\s+(?=(?:{'|'.join(_GERMAN_MONTHS)})\b)", _german_ordinal, text)
    return text


def _money(text: str, language: str) -> str:
    names = _MONEY[language]
    signs = "|".join(re.escape(sign) for sign in sorted(names, key=len, reverse=True))
    number = r"\d+(?:[.,]\d{3})*(?:[.,]\d{2})?"

    def said(match: re.Match[str]) -> str:
        sign, amount = match["before"] or match["after"], match["left"] or match["right"]
        whole, _, fraction = re.sub(r"[.,](?=\d{3}(?!\d))", "", amount).replace(",", ".").partition(".")
        unit = names[sign]
        if whole == "1" and language in ("en", "es", "fr", "pt") and unit.endswith("s"):
            unit = re.sub("es$" if language in ("es",) and unit == "dólares" else "s$", "", unit)
        return f"{whole} {unit}" + (f"{_JOINER[language]}{int(fraction)}" if int(fraction or 0) else "")

    pattern = rf"(?P<before>{signs})\s*(?P<right>{number})|(?P<left>{number})\s*(?P<after>{signs})"
    return re.sub(pattern, said, text)


def _german_ordinal(match: re.Match[str]) -> str:
    number = int(match[1])
    if number < len(_GERMAN_ORDINALS):
        return f"{_GERMAN_ORDINALS[number]}n "
    return f"{number}ten " if number < 20 else f"{number}sten "


def clauses(text: str, language: str) -> list[Clause]:
    """Split ``text`` at its punctuation; decimal points and abbreviations do not split it.

    Marks (see ``dubbing.domain.marks``) are left out, and words with a pronunciation come as they are written.
    """
    text = marks.spoken(marks.without_ipa(text))
    text = _DROPPED.sub(" ", speakable(text, language)).replace("...", "…")
    text = re.sub(r"\s[-–—]+\s", " — ", text)
    short = set(_ABBREVIATIONS.get(language, "").split())
    found: list[Clause] = []
    begin = 0
    for match in re.finditer(r"[.!?…,;:—–―。．！？、，；：‥〜～()（）\[\]؟،।\n]+", text):
        mark = _MARK_OF.get(match[0][0], match[0][0])
        before, after = text[: match.start()], text[match.end():]
        if mark in ".,:" and match[0].isascii() and after[:1].strip() and before[-1:].strip():
            continue  # "3.5", "example.com", "z.B."
        if match[0] == "." and after.strip():
            word = re.split(r"[\s.]", before)[-1].lower()
            if word in short or (len(word) == 1 and word.isalpha()):
                continue
        strongest = next((m for m in match[0] if m in "?!…"), mark)
        words = " ".join(text[begin: match.start()].split())
        begin = match.end()
        if any(c.isalnum() for c in words):
            found.append(Clause(words, strongest))
        elif found and strongest in ".!?…" and not found[-1].ends_sentence:
            found[-1] = Clause(found[-1].words, strongest)
    rest = " ".join(text[begin:].split())
    if any(c.isalnum() for c in rest):
        found.append(Clause(rest, ""))
    return found
