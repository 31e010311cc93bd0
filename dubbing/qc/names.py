"""Proper names of a line's two texts.

A name is a word with a capital inside a sentence, which no language here but German writes otherwise; German texts are
only searched for the names of the other side. A name may be spelled a little differently, or be an exonym.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache

from dubbing.domain.quality import Finding, Severity
from dubbing.qc.values import QcDub

NAMES = "names"
#: Languages that write other words with a capital, too, or have none.
_NO_CAPITALS = frozenset({"de", "ja", "zh", "ko", "th", "ar", "he", "hi", "fa", "ur", "ta", "bn"})
#: Two spellings are one name from so much of their letters in common on.
_ALIKE = 0.6
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?…:;¿¡«»“”\"()\[\]—–-]\s*$|^\s*$")
#: What English, French and others write with a capital and is no name.
_COMMON_WORDS = """
i i'm i'll i've i'd monday tuesday wednesday thursday friday saturday sunday january february march april may june
july august september october november december english spanish french german italian portuguese russian chinese
japanese korean american british european african asian latin mexican christmas easter god ok okay tv dvd usa uk us
eu un mr mrs ms miss dr sir lady madam sr sra srta señor señora don doña monsieur madame mademoiselle herr frau
signor signora dios dieu dio deus noel navidad natale natal internet mom dad mum mama papa president doctor
professor captain king queen profesor capitán rey reina presidente sie ihr ihnen ihre ihrer usted ustedes
"""
_COMMON = frozenset(_COMMON_WORDS.split())
#: Spellings of one name, a group of words each.
_PLACES = """
germany alemania allemagne germania alemanha deutschland | france francia frança frankreich | spain españa espagne
spagna espanha spanien | italy italia italie itália italien | england inglaterra angleterre inghilterra | united
estados états stati vereinigte kingdom reino royaume regno unidos unis uniti staaten states königreich | london
londres londra | new nueva nouvelle nuova nova neu york orleans | japan japón japon giappone japão | china chine
cina | russia rusia russie rússia russland | greece grecia grèce grécia griechenland | switzerland suiza suisse
svizzera suíça schweiz | netherlands holanda holland paesi países pays bajos bas bassi baixos niederlande low |
belgium bélgica belgique belgio belgien | austria autriche áustria österreich | poland polonia pologne polónia
polônia polen | turkey turquía turquie turchia türkei | egypt egipto égypte egitto egito ägypten | morocco marruecos
maroc marocco marrocos marokko | vienna viena vienne wien | venice venecia venise venezia veneza venedig | florence
florencia firenze florença florenz | rome roma rom | milan milán milano milão mailand | geneva ginebra genève
ginevra genebra genf | munich münchen monaco munique | cologne colonia köln | prague praga prag | athens atenas
athènes atene athen | moscow moscú moscou mosca moskau | lisbon lisboa lisbonne lisbona lissabon | seville sevilla
séville siviglia sevilha | peking beijing pekín pékin pechino pequim | europe europa | africa áfrica afrique afrika
| asia asie ásia asien | america américa amérique amerika | brazil brasil brésil brasile brasilien | sweden suecia
suède svezia suécia schweden | ireland irlanda irlande irland | scotland escocia écosse scozia escócia schottland |
wales gales galles | hungary hungría hongrie ungheria hungria ungarn | croatia croacia croatie croazia croácia
kroatien | jesus jesús jésus gesù | paris parís parigi | berlin berlín berlino berlim | john juan jean giovanni joão
johann | joseph josé giuseppe josef | mary maría marie maria | peter pedro pierre pietro | paul pablo paolo paulo
"""


def names(dub: QcDub) -> Iterator[Finding]:
    """Names of the source that the translation lacks, and names in the translation that the source does not have."""
    for line in dub.lines:
        if not line.target.strip():
            continue
        # A name is one wherever it stands: at the begin of this line, it may be inside of another.
        for name in _missing(line.source, dub.source_language, line.target, dub.language):
            yield Finding(NAMES, Severity.WARNING, line.id, f"The name “{name}” of the original is missing.",
                          at_ms=line.start_ms, subject=name)
        for name in _missing(line.target, dub.language, line.source, dub.source_language):
            yield Finding(NAMES, Severity.WARNING, line.id, f"The name “{name}” is not in the original.",
                          at_ms=line.start_ms, subject=name)


def names_in(text: str, language: str) -> list[str]:
    """Words with a capital that no sentence begins with."""
    if language in _NO_CAPITALS:
        return []
    found = []
    for match in _WORD.finditer(text):
        word = match[0]
        if not word[0].isupper() or _SENTENCE_END.search(text[:match.start()]):
            continue
        if word.casefold().replace("’", "'") in _COMMON or (word.isupper() and _shouts(text)):
            continue
        found.append(word)
    return found


def _missing(text: str, language: str, other: str, other_language: str) -> list[str]:
    if other_language in _NO_CAPITALS - {"de"} or _script(text) != _script(other):
        return []  # written in other letters: names look different there
    others = [_plain(match[0]) for match in _WORD.finditer(other)]
    return [name for name in dict.fromkeys(names_in(text, language)) if not _is_in(name, others)]


def _is_in(name: str, others: list[str]) -> bool:
    wanted = _plain(name)
    group = _groups().get(wanted, -1)
    for word in others:
        if wanted == word or (group >= 0 and _groups().get(word, -2) == group):
            return True
        if SequenceMatcher(None, wanted, word, autojunk=False).ratio() >= _ALIKE and wanted[:1] == word[:1]:
            return True
    # A name of several words may be one word there, and the other way round.
    return len(wanted) > 3 and wanted in "".join(others)


@lru_cache(maxsize=1)
def _groups() -> dict[str, int]:
    groups = _PLACES.split("|")
    return {_plain(word): number for number, group in enumerate(groups) for word in group.split()}


def _script(text: str) -> str:
    """The script of most of a text's letters, as their Unicode names begin."""
    counted: dict[str, int] = {}
    for letter in text:
        if letter.isalpha():
            kind = unicodedata.name(letter, "?").split()[0]
            counted[kind] = counted.get(kind, 0) + 1
    return max(counted, key=lambda kind: counted[kind], default="")


def _shouts(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return sum(c.isupper() for c in letters) > 0.6 * len(letters)


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if c.isalnum())
