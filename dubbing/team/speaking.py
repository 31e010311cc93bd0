"""The words that a synthesizer is given: a line's text with the team's pronunciations written in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dubbing.domain.marks import between
from dubbing.domain.respelling import respelled
from dubbing.domain.terms import word_pattern

if TYPE_CHECKING:
    from dubbing.storage.repository import Repository

_BRACES = re.compile(r"[{}|]")


def spoken_text(storage: Repository, project_id: str, language: str, text: str, *, takes_ipa: bool = False) -> str:
    """``text`` with each word that has a pronunciation spelled as it is to be spoken.

    Longer words win over shorter ones, a project's own over those that hold everywhere. IPA is written as
    ``{word|ipa}`` for a synthesizer that takes it, else in the language's own spelling, as nearly as that can (see
    ``dubbing.domain.respelling``). Marks stay as they are.
    """
    said = {entry.word.casefold(): entry
            for entry in storage.terms.pronunciations(project_id, language=language)}
    if not said:
        return text
    words = sorted(said, key=len, reverse=True)
    pattern = re.compile("|".join(f"({word_pattern(word)})" for word in words), re.IGNORECASE)

    def replaced(match: re.Match[str]) -> str:
        entry = said[words[(match.lastindex or 1) - 1]]
        if takes_ipa and entry.ipa and not _BRACES.search(entry.ipa):
            return f"{{{match[0]}|{entry.ipa}}}"
        return entry.spelling or respelled(entry.ipa, language)

    return between(text, lambda part: pattern.sub(replaced, part))
