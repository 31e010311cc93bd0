"""What a recognizer heard in the dub, against what was to be said: wrong words, lines not heard, lines said twice."""

from __future__ import annotations

from collections.abc import Iterator

from dubbing.domain.quality import Finding, Severity
from dubbing.qc.values import QcDub, QcLine

WORD_ERRORS, NOT_HEARD, SAID_TWICE = "word_errors", "not_heard", "said_twice"
#: Share of wrong words from which a line is looked at, and from which it is not shipped, where the recognizer itself
#: hears nearly all words right.
WARN_AT, ERROR_AT = 0.15, 0.30
#: Words of which at least this share of letters was heard are spelled otherwise ("Marcus"), not said wrongly.
SPELLING = 0.10
#: So many more words than meant are a repetition.
TWICE = 1.7


def word_errors(dub: QcDub) -> Iterator[Finding]:
    """Lines of which a recognizer heard other words. One wrong word is worth a look, never an error."""
    for line in dub.lines:
        if not line.heard or not line.words or _is_twice(line):
            continue
        share = line.wrong_words / line.words
        if share <= WARN_AT or line.letter_errors < SPELLING:
            continue
        is_grave = share > ERROR_AT and line.wrong_words > 1 and line.letter_errors > 2 * SPELLING
        yield Finding(
            WORD_ERRORS, Severity.ERROR if is_grave else Severity.WARNING, line.id,
            f"{line.wrong_words} of {line.words} words were heard otherwise: “{line.heard.rstrip('.')}”.",
            round(share, 4), ERROR_AT if is_grave else WARN_AT, at_ms=line.start_ms)


def not_heard(dub: QcDub) -> Iterator[Finding]:
    """Lines with words of which a recognizer heard none."""
    for line in dub.lines:
        if line.take_ms and line.words and line.heard == "":
            yield Finding(NOT_HEARD, Severity.ERROR if line.words > 1 else Severity.WARNING, line.id,
                          "Nothing is heard where this line should be spoken.", 0.0, None, at_ms=line.start_ms)


def said_twice(dub: QcDub) -> Iterator[Finding]:
    """Lines that were heard nearly twice over."""
    for line in dub.lines:
        if _is_twice(line):
            yield Finding(SAID_TWICE, Severity.ERROR, line.id, f"The line is heard twice: “{line.heard}”.",
                          at_ms=line.start_ms)


def _is_twice(line: QcLine) -> bool:
    """Whether most of the line's words, in their order, are heard a second time."""
    heard, meant = _tokens(line.heard or ""), _tokens(line.target)
    if len(meant) < 2 or len(heard) < TWICE * len(meant):
        return False
    halves = heard[:len(meant)], heard[-len(meant):]
    return all(sum(word in meant for word in half) >= 0.7 * len(meant) for half in halves)


def _tokens(text: str) -> list[str]:
    """Words, in lower case; letters where words are not spaced."""
    plain = "".join(c if c.isalnum() else " " for c in text.lower())
    words = plain.split()
    return words if len(words) > 1 or len(plain) < 8 else list("".join(words))
