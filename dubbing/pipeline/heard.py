"""What a recognizer heard in a whole dub, shared out among the lines, and compared with what each was to say."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from dubbing.domain.speech import Word
from dubbing.pipeline.word_errors import BY_LETTER, normalized

#: A word so far outside every line belongs to none: it is the original, where nothing was dubbed.
_NEAR_MS = 400
#: So many words on either side of a border between two lines may be the other's: a recognizer's times are not exact.
_BORDER_WORDS, _BORDER_MS = 3, 700


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line is said in the dub, and what."""

    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """``heard`` as it was written; words and wrong of the text that was meant (letters, where words are not spaced);
    letter_errors: share of its letters that were heard otherwise."""

    heard: str
    words: int
    wrong: int
    letter_errors: float


def heard_by_line(words: Sequence[Word], places: Sequence[Place], language: str) -> list[list[Word]]:
    """The words of each of ``places`` (in order of their start) by their times; at the border between two lines that
    follow each other closely, where they fit the texts best."""
    shared: list[list[Word]] = [[] for _ in places]
    starts = [place.start_ms for place in places]
    longest = max((place.end_ms - place.start_ms for place in places), default=0)
    for word in sorted(words, key=lambda one: one.start_ms):
        first = bisect_left(starts, word.start_ms - longest - _NEAR_MS)
        stop = bisect_right(starts, word.end_ms + _NEAR_MS)
        index = _place_of(word, places[first:stop], language)
        if index is not None:
            shared[first + index].append(word)
    for left in range(len(places) - 1):
        if places[left + 1].start_ms - places[left].end_ms <= _BORDER_MS:
            shared[left], shared[left + 1] = _best_border(shared[left], shared[left + 1], places[left],
                                                          places[left + 1], language)
    return shared


def compare(meant: str, heard: Sequence[Word], language: str) -> Comparison:
    """One line's text with the words that were heard in its place."""
    from rapidfuzz.distance import Levenshtein

    spaced = language not in BY_LETTER
    text = (" " if spaced else "").join(word.text.strip() for word in heard)
    reference, hypothesis = _units(meant, language), _units(text, language)
    joined = ["".join(units) for units in (reference, hypothesis)]
    letters = Levenshtein.distance(*joined)
    return Comparison(text, len(reference), Levenshtein.distance(reference, hypothesis),
                      round(min(1.0, letters / max(1, len(joined[0]))), 4))


def _place_of(word: Word, places: Sequence[Place], language: str) -> int | None:
    """The line in whose time a word lies, or nearly; where lines overlap, one that has the word."""
    middle = (word.start_ms + word.end_ms) // 2
    near = [(max(place.start_ms - middle, middle - place.end_ms, 0), index) for index, place in enumerate(places)]
    inside = [index for away, index in near if away == 0]
    if len(inside) > 1:
        said = set(_units(word.text, language))
        having = [index for index in inside if said & set(_units(places[index].text, language))]
        return (having or inside)[-1]
    if inside:
        return inside[0]
    away, index = min(near, default=(_NEAR_MS + 1, 0))
    return index if away <= _NEAR_MS else None


def _best_border(left: list[Word], right: list[Word], before: Place, after: Place, language: str,
                 ) -> tuple[list[Word], list[Word]]:
    """The same words cut where both lines have fewest errors; as they were where nothing is gained."""
    words, now = [*left, *right], len(left)
    border = (before.end_ms + after.start_ms) / 2

    def errors(cut: int) -> int:
        return sum(compare(place.text, part, language).wrong
                   for place, part in ((before, words[:cut]), (after, words[cut:])))

    best, fewest = now, errors(now)
    for cut in range(max(0, now - _BORDER_WORDS), min(len(words), now + _BORDER_WORDS) + 1):
        moved = words[min(cut, now):max(cut, now)]
        if moved and all(abs((w.start_ms + w.end_ms) / 2 - border) <= _BORDER_MS for w in moved):
            count = errors(cut)
            if count < fewest:
                best, fewest = cut, count
    return words[:best], words[best:]


def _units(text: str, language: str) -> list[str]:
    plain = normalized(text, language)
    return list(plain) if language in BY_LETTER else plain.split()
