"""What a line's texts do with the terms that a team has agreed on, and how they are brought into a translation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from dubbing.domain.translation import TermRule
from dubbing.domain.utterances import is_spaceless
from dubbing.domain.workspace import ForbiddenTerm, Term, TermNote

#: From this length on a target term may be inflected: "contrato" is found in "contratos".
_INFLECTED_FROM = 4


def word_pattern(word: str, *, may_be_inflected: bool = False) -> str:
    """A regular expression that finds ``word`` as a word: not inside another, where its script has blanks."""
    begin = "" if is_spaceless(word[0]) or not word[0].isalnum() else r"(?<!\w)"
    end = "" if is_spaceless(word[-1]) or not word[-1].isalnum() or may_be_inflected else r"(?!\w)"
    return begin + r"\s+".join(re.escape(part) for part in word.split()) + end


def contains(text: str, word: str, *, case_sensitive: bool = False, may_be_inflected: bool = False) -> bool:
    """Whether ``text`` has ``word`` as a word."""
    if not word.strip():
        return False
    pattern = word_pattern(word.strip(), may_be_inflected=may_be_inflected)
    return re.search(pattern, text, 0 if case_sensitive else re.IGNORECASE) is not None


def notes(source: str, target: str, terms: Iterable[Term], forbidden: Sequence[ForbiddenTerm]) -> list[TermNote]:
    """Glossary terms of ``source`` that ``target`` lacks ("missing") or has ("used"), and what it must not have.

    A project's term wins over one of the same source that holds everywhere. Without a target text nothing is missing
    yet: the wanted words are told as "missing" all the same, so that whoever translates sees them.
    """
    found = []
    for term in _holding(source, terms):
        wanted = term.target if term.target is not None else term.source
        kind = "used" if _is_used(target, wanted, case_sensitive=term.case_sensitive) else "missing"
        found.append(TermNote(kind, term.source, wanted, term.note))
    found += [TermNote("forbidden", one.term, one.instead, one.note) for one in forbidden
              if contains(target, one.term)]
    return sorted(found, key=lambda note: ("forbidden", "missing", "used").index(note.kind))


def rules(source: str, terms: Iterable[Term]) -> tuple[TermRule, ...]:
    """The glossary's entries that hold for a line, for whoever translates it; longer terms first."""
    found = [TermRule(term.source, term.target, term.note) for term in _holding(source, terms)]
    return tuple(sorted(found, key=lambda rule: (-len(rule.source), rule.source)))


def missed(text: str, held: Iterable[TermRule]) -> tuple[TermRule, ...]:
    """The rules that ``text``, a translation, breaks."""
    return tuple(rule for rule in held if not _is_used(text, wanted(rule)))


def wanted(rule: TermRule) -> str:
    """What a translation must have."""
    return rule.source if rule.target is None else rule.target


def breaches(text: str, held: Iterable[TermRule], forbidden: Iterable[tuple[str, str]]) -> int:
    """How many rules a translation breaks and how many forbidden words it has."""
    return len(missed(text, held)) + sum(contains(text, word) for word, _instead in forbidden)


def applied(text: str, held: Iterable[TermRule], renderings: Mapping[str, Sequence[str]]) -> str:
    """``text`` with what it broke mended, where what stands in the term's place is known.

    renderings: by source term, how translators put it into words when nobody tells them; a term that was left as it
    is in the source is found too. Only whole words are replaced, once each; an inflected form stays, as the wanted
    term might need another form itself.
    """
    for rule in missed(text, held):
        for known in (*renderings.get(rule.source, ()), rule.source):
            pattern = re.compile(word_pattern(known.strip()), re.IGNORECASE) if known.strip() else None
            match = pattern.search(text) if pattern is not None else None
            if match is not None:
                text = text[:match.start()] + _cased(wanted(rule), match) + text[match.end():]
                break
    return text


def without_forbidden(text: str, forbidden: Iterable[tuple[str, str]]) -> str:
    """``text`` with every forbidden word replaced for which another was named."""
    for word, instead in forbidden:
        if word.strip() and instead.strip():
            pattern = re.compile(word_pattern(word.strip()), re.IGNORECASE)
            text = pattern.sub(partial(_cased, instead), text)
    return text


def protect(text: str, words: Iterable[str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """(``text`` with stand-ins for ``words``, the stand-ins and what they stand for), for translators that know no
    glossary: a name that nobody knows comes back from them as it is."""
    tokens: list[tuple[str, str]] = []
    for word in sorted({word.strip() for word in words if word.strip()}, key=lambda word: (-len(word), word)):
        pattern = re.compile(word_pattern(word), re.IGNORECASE)
        match = pattern.search(text)
        if match is not None:
            token = _stand_in(len(tokens), text)
            tokens.append((token, match.group()))
            text = pattern.sub(token, text)
    return text, tuple(tokens)


def restore(text: str, tokens: Iterable[tuple[str, str]]) -> str | None:
    """``text`` with what the stand-ins stand for; None where one of them was lost."""
    for token, word in tokens:
        text, count = re.subn(rf"(?<!\w){token}(?!\w)", word.replace("\\", r"\\"), text, flags=re.IGNORECASE)
        if not count:
            return None
    return text


def _holding(source: str, terms: Iterable[Term]) -> list[Term]:
    """The terms that occur in ``source``; a project's own instead of those that hold everywhere."""
    by_source: dict[str, Term] = {}
    for term in sorted(terms, key=lambda one: one.project_id is not None):
        by_source[term.source if term.case_sensitive else term.source.casefold()] = term
    return [term for term in by_source.values() if contains(source, term.source, case_sensitive=term.case_sensitive)]


def _is_used(target: str, word: str, *, case_sensitive: bool = False) -> bool:
    return contains(target, word, case_sensitive=case_sensitive, may_be_inflected=len(word) >= _INFLECTED_FROM)


def _cased(word: str, match: re.Match[str]) -> str:
    """``word`` in the place of ``match``, with a capital where it comes to begin a sentence that began with one."""
    begins = re.search(r"(?:^|[.!?…]\s+)[¿¡\"“‘«(]*$", match.string[:match.start()]) is not None
    return word[:1].upper() + word[1:] if begins and match.group()[:1].isupper() else word


def _stand_in(number: int, text: str) -> str:
    """A name of letters alone that ``text`` does not have."""
    while True:
        name = "X" + "".join(chr(ord("a") + digit) for digit in divmod(number, 26)) + "q"
        if name.casefold() not in text.casefold():
            return name
        number += 26
