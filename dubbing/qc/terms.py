"""What the team has agreed about words: glossary entries that are not kept, and words that must not be there."""

from __future__ import annotations

from collections.abc import Iterator

from dubbing.domain.quality import Finding, Severity
from dubbing.domain.terms import notes
from dubbing.qc.values import QcDub

GLOSSARY, FORBIDDEN = "glossary", "forbidden"


def glossary(dub: QcDub) -> Iterator[Finding]:
    """Lines whose source has a term and whose translation lacks what the glossary wants for it."""
    for line in dub.lines:
        if not line.target.strip():
            continue
        for note in notes(line.source, line.target, dub.terms, ()):
            if note.kind == "missing":
                yield Finding(GLOSSARY, Severity.ERROR, line.id,
                              f"The glossary wants “{note.wanted}” for “{note.term}”.", at_ms=line.start_ms,
                              subject=note.term)


def forbidden(dub: QcDub) -> Iterator[Finding]:
    """Lines whose translation has a forbidden word."""
    for line in dub.lines:
        for note in notes("", line.target, (), dub.forbidden):
            yield Finding(
                FORBIDDEN, Severity.ERROR, line.id,
                f"“{note.term}” must not be written; write “{note.wanted}”." if note.wanted else
                f"“{note.term}” must not be written.", at_ms=line.start_ms, subject=note.term)
