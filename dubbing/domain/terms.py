"""What a line's texts do with the terms that a team has agreed on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

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
    by_source: dict[str, Term] = {}
    for term in sorted(terms, key=lambda one: one.project_id is not None):
        by_source[term.source if term.case_sensitive else term.source.casefold()] = term
    found = []
    for term in by_source.values():
        if contains(source, term.source, case_sensitive=term.case_sensitive):
            wanted = term.target if term.target is not None else term.source
            is_used = contains(target, wanted, case_sensitive=term.case_sensitive,
                               may_be_inflected=len(wanted) >= _INFLECTED_FROM)
            found.append(TermNote("used" if is_used else "missing", term.source, wanted, term.note))
    found += [TermNote("forbidden", one.term, one.instead, one.note) for one in forbidden
              if contains(target, one.term)]
    return sorted(found, key=lambda note: ("forbidden", "missing", "used").index(note.kind))
