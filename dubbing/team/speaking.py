"""The words that a synthesizer is given: a line's text with the team's pronunciations written in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dubbing.domain.respelling import respelled
from dubbing.domain.terms import word_pattern

if TYPE_CHECKING:
    from dubbing.storage.repository import Repository


def spoken_text(storage: Repository, project_id: str, language: str, text: str) -> str:
    """``text`` with each word that has a pronunciation spelled as it is to be spoken.

    Longer words win over shorter ones, a project's own over those that hold everywhere. IPA is written in the
    language's own spelling, as nearly as that can (see ``dubbing.domain.respelling``).
    """
    said = {entry.word.casefold(): entry.spelling or respelled(entry.ipa, language)
            for entry in storage.terms.pronunciations(project_id, language=language)}
    if not said:
        return text
    words = sorted(said, key=len, reverse=True)
    pattern = re.compile("|".join(f"({word_pattern(word)})" for word in words), re.IGNORECASE)
    return pattern.sub(lambda match: said[words[(match.lastindex or 1) - 1]], text)
