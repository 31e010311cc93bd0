"""What translators share: language codes, sentences, and candidates from an engine that has one answer a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from dubbing.domain.translation import Brief, Candidate
from dubbing.engines.base import Report, TranslationRequest

#: Scripts written without blanks between sentences.
UNSPACED = frozenset({"ja", "zh", "th", "lo", "my", "km"})
_UNSAID = re.compile(r"[\W_]+")
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+|(?<=[。！？])[」』）]*\s*(?=\S)")


def primary(language: str) -> str:
    """"pt" of "pt-BR"."""
    return language.replace("_", "-").split("-")[0].lower()


def sentences(text: str) -> list[str]:
    """The sentences of a line, without the blanks between them."""
    parts, start = [], 0
    for match in _SENTENCE.finditer(text):
        parts.append(text[start:match.end()].strip())
        start = match.end()
    return [part for part in (*parts, text[start:].strip()) if part]


def joined(parts: Iterable[str], language: str) -> str:
    """Sentences as one line of text in ``language``."""
    return ("" if primary(language) in UNSPACED else " ").join(part.strip() for part in parts if part.strip())


def one_by_one(requests: Sequence[TranslationRequest], brief: Brief, report: Report,
               answer: Callable[[TranslationRequest, Brief], tuple[Candidate, ...]]) -> list[tuple[Candidate, ...]]:
    """The candidates of an engine that takes a line at a time; empty texts and doubles are left out."""
    found = []
    for index, request in enumerate(requests):
        report(index, len(requests), "")
        found.append(different(answer(request, brief), request.wanted))
    report(len(requests), len(requests), "")
    return found


def different(candidates: Iterable[Candidate], wanted: int) -> tuple[Candidate, ...]:
    """The first ``wanted`` candidates that say something; those that differ in marks or case alone are one."""
    kept: dict[str, Candidate] = {}
    for candidate in candidates:
        if said := _UNSAID.sub("", candidate.text.casefold()):
            kept.setdefault(said, candidate)
    return tuple(kept.values())[:max(1, wanted)]


def ordinal(rank: int) -> str:
    """How the candidate of this rank (0: the favourite) came to be, for ``Candidate.how``."""
    return f"{rank + 1}{('', 'st', 'nd', 'rd')[rank + 1] if rank < 3 else 'th'} of the search" if rank else ""
