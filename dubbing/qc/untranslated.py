"""Text that was left in the source's language, or that is in a script which the target's language does not use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from dubbing.domain.quality import Finding, Severity
from dubbing.domain.tongues import FUNCTION_WORDS, LATIN, scripts_of
from dubbing.qc.values import QcDub, QcLine

UNTRANSLATED = "untranslated"
#: So many words of the original in a row are no coincidence.
_RUN = 3
#: Share of a text's words that are function words of the source's language alone.
_FOREIGN = 0.3
#: Shorter words are too often the same in two languages.
_SHORTEST = 5
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def untranslated(dub: QcDub) -> Iterator[Finding]:
    """Lines that are not in the target's language, wholly or in part; the gravest finding of a line alone."""
    for line in dub.lines:
        if not line.target.strip() or dub.source_language == dub.language:
            continue
        finding = _wrong_script(line, dub) or _same(line, dub) or _foreign(line, dub) or _run(line, dub) \
            or _unknown(line, dub)
        if finding is not None:
            yield finding


def _wrong_script(line: QcLine, dub: QcDub) -> Finding | None:
    wanted = scripts_of(dub.language)
    letters = [unicodedata.name(c, "?").split()[0] for c in line.target if c.isalpha()]
    foreign = sum(not name.startswith(wanted) for name in letters)
    # Latin names and abbreviations are at home in every script.
    allowed = 0.7 if wanted is not LATIN else 0.3
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
    theirs = FUNCTION_WORDS.get(dub.source_language, frozenset()) - FUNCTION_WORDS.get(dub.language, frozenset())
    kept = _kept(dub)
    words = [word for word in _words(line.target) if word not in kept]
    own = FUNCTION_WORDS.get(dub.language, frozenset())
    if dub.language not in FUNCTION_WORDS or not words:
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


def _unknown(line: QcLine, dub: QcDub) -> Finding | None:
    """A word of the original that a recognizer of the target's language did not know: it would have heard a cognate."""
    heard, kept = set(_words(line.heard or "")), _kept(dub)
    if not heard:
        return None
    source = {word for word in _WORD.findall(line.source) if word.islower() and len(word) >= _SHORTEST}
    for word in _WORD.findall(line.target):
        if word in source and word not in heard and word not in kept:
            return Finding(UNTRANSLATED, Severity.WARNING, line.id,
                           f"“{word}” is a word of the original, and was not understood.", at_ms=line.start_ms,
                           subject=word)
    return None


def _kept(dub: QcDub) -> frozenset[str]:
    """Words that the glossary leaves as they are."""
    return frozenset(word for term in dub.terms if term.target in (None, term.source) for word in _words(term.source))


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
