"""Cutting a line in two and joining two to one: which words go where, and at what time.

The words of a line were heard by a recognizer and have times; its text may have been edited since. Where they differ
the two are aligned, so that a cut in the text is a cut in time and the other way round. No word is ever lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from dubbing.domain.speech import Word
from dubbing.domain.utterances import is_spaceless, join_words

#: A piece of a line is not cut shorter than this, where the line is long enough.
SHORTEST_MS = 100
#: How much of a translation's length a cut may move to end at a mark, as the source's cut does.
_REACH = 0.2
_MARKS = ".!?…。！？,;:、，；："
_CLOSERS = "\"'”’»)]」』"


@dataclass(frozen=True, slots=True)
class Cut:
    """A line cut in two. ``share`` is how much of its text is said before, 0 to 1; ``ends_clause`` whether a
    mark stands there."""

    text: str
    rest: str
    first_end_ms: int
    second_start_ms: int
    words: tuple[Word, ...]
    rest_words: tuple[Word, ...]
    share: float
    ends_clause: bool


def boundaries(text: str) -> list[int]:
    """Places at which ``text`` can be cut so that both parts say something: before a word, or before a character
    of a script that is written without blanks."""
    places = []
    for place in range(1, len(text)):
        before, after = text[place - 1], text[place]
        is_between = before.isspace() or (is_spaceless(before) and is_spaceless(after)
                                          and after not in _MARKS + _CLOSERS)
        if not after.isspace() and is_between and text[:place].strip():
            places.append(place)
    return places


def cut_line(text: str, words: Sequence[Word], start_ms: int, end_ms: int, *, at_char: int | None = None,
             at_ms: int | None = None) -> Cut:
    """Cut at the word boundary nearest to ``at_char`` or, when that is None, to what is said at ``at_ms``.

    With word times the first piece ends where its last word does and the second begins with its first word; without
    them they meet at ``at_ms``, or where the text's share of the time says. Raises ValueError when the line is a
    single word, or neither place is given.
    """
    places = boundaries(text)
    if not places or end_ms - start_ms < 2:
        raise ValueError("The line is a single word.")
    if at_char is None and at_ms is None:
        raise ValueError("Neither a place in the text nor a time was given.")
    starts = _word_places(text, words)
    if at_char is None:
        assert at_ms is not None
        at_char = _place_at(text, words, starts, start_ms, end_ms, at_ms)
    place = min(places, key=lambda one: abs(one - at_char))
    count = sum(1 for index in range(len(words)) if _middle(text, starts, index) < place)
    share = _said(text[:place]) / max(1, _said(text))
    if 0 < count < len(words):
        edges = max(w.end_ms for w in words[:count]), min(w.start_ms for w in words[count:])
    else:
        meeting = at_ms if at_ms is not None else start_ms + round(share * (end_ms - start_ms))
        edges = meeting, meeting
    first_end, second_start = _within(edges, start_ms, end_ms)
    return Cut(text[:place].rstrip(), text[place:].lstrip(), first_end, second_start, tuple(words[:count]),
               tuple(words[count:]), share, _ends_clause(text[:place]))


def cut_text(text: str, share: float, *, ends_clause: bool = False, at_char: int | None = None) -> tuple[str, str]:
    """A translation cut at the word boundary nearest to ``at_char``, else to ``share`` of its length.

    ``ends_clause`` looks for a mark nearby first. A single word stays whole: the second part is "".
    """
    places = boundaries(text)
    if not places:
        return text.strip(), ""
    if at_char is not None:
        place = min(places, key=lambda one: abs(one - at_char))
    else:
        total = max(1, _said(text))

        def distance(one: int) -> float:
            has_mark = ends_clause and _ends_clause(text[:one])
            return abs(_said(text[:one]) / total - share) - (_REACH if has_mark else 0.0)

        place = min(places, key=distance)
    return text[:place].strip(), text[place:].strip()


def join_texts(first: str, second: str) -> str:
    """Two texts as one, with a blank between them where their script has blanks."""
    return join_words([part for part in (first.strip(), second.strip()) if part])


def _said(text: str) -> int:
    """Characters that are not blanks."""
    return sum(1 for char in text if not char.isspace())


def _ends_clause(text: str) -> bool:
    return text.rstrip().rstrip(_CLOSERS).endswith(tuple(_MARKS))


def _within(edges: tuple[int, int], start_ms: int, end_ms: int) -> tuple[int, int]:
    """The end of the first and the start of the second piece, in order and leaving both some time."""
    least = max(1, min(SHORTEST_MS, (end_ms - start_ms) // 2))
    first_end, second_start = (min(max(edge, start_ms + least), end_ms - least) for edge in edges)
    if first_end > second_start:
        first_end = second_start = (first_end + second_start) // 2
    return first_end, second_start


def _word_places(text: str, words: Sequence[Word]) -> list[int]:
    """Where in ``text`` each word begins, and where the last one ends: never falling, whatever was edited."""
    letters = [(place, char.casefold()) for place, char in enumerate(text) if not char.isspace()]
    lengths = [max(1, _said(word.text)) for word in words]
    heard = "".join(("".join(word.text.split()) or "?").casefold()[:length].ljust(length, "?")
                    for word, length in zip(words, lengths, strict=True))
    known = [(0, 0)]
    matcher = SequenceMatcher(None, [char[:1] for _, char in letters], heard, autojunk=False)
    for block in matcher.get_matching_blocks():
        if block.size:
            known += [(block.b, block.a), (block.b + block.size, block.a + block.size)]
    known.append((len(heard), len(letters)))
    places, offset = [], 0
    for length in [*lengths, 0]:
        index = round(_between(known, offset))
        places.append(letters[index][0] if index < len(letters) else len(text))
        offset += length
    return places


def _between(known: Sequence[tuple[int, int]], offset: int) -> float:
    """The value at ``offset`` on the line through ``known`` points, which never falls."""
    for (x0, y0), (x1, y1) in zip(known, known[1:], strict=False):
        if x0 <= offset <= x1 and x1 > x0:
            return y0 + (offset - x0) * (y1 - y0) / (x1 - x0)
    return known[-1][1]


def _middle(text: str, starts: Sequence[int], index: int) -> float:
    """The middle of a word in the text. A word that was edited away lies between its neighbours."""
    end = starts[index + 1]
    while end > starts[index] + 1 and text[end - 1].isspace():
        end -= 1
    return (starts[index] + end) / 2


def _place_at(text: str, words: Sequence[Word], starts: Sequence[int], start_ms: int, end_ms: int, at_ms: int) -> int:
    """The place in the text that is said at ``at_ms``."""
    if not words:
        return round(len(text) * (at_ms - start_ms) / (end_ms - start_ms))
    return starts[sum(1 for word in words if (word.start_ms + word.end_ms) / 2 < at_ms)]
