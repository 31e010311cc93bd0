"""Times of words: cleaned of pauses, in order, and there for every word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dubbing.domain.speech import Segment, Word
from dubbing.engines.base import Sound

_PAUSE_S = 0.2
_CLOSURE_S = 0.12
_LONGEST_WORD_S = 2.0
SENTENCE_ENDS = ".!?…。！？؟।"


@dataclass(slots=True)
class TimedText:
    """A word while its times are being made, in seconds of the whole sound; None where nothing is known yet."""

    text: str
    start: float | None
    end: float | None
    confidence: float = 1.0


def glue(words: Sequence[TimedText]) -> list[TimedText]:
    """Join pieces that the tokenizer split inside a word: "91" ".290", "quest" "'epoca"."""
    glued: list[TimedText] = []
    for word in words:
        if not glued or word.text.startswith(" "):
            glued.append(word)
            continue
        last = glued[-1]
        last.confidence = (last.confidence * len(last.text) + word.confidence * len(word.text)) \
            / max(len(last.text) + len(word.text), 1)
        last.text, last.end = last.text + word.text, word.end
    return glued


def loud_parts(sound: Sound, voiced: Sequence[tuple[float, float]], sample_rate: int) -> list[tuple[float, float]]:
    """The parts of ``voiced`` (seconds) that stand out of the background, in frames of 10 ms.

    Voice activity is smooth and begins early; loudness tells where a word really begins. Where speech is not at
    least 18 dB above the background, loudness says nothing and the stretches come back as they are.
    """
    hop = sample_rate // 100
    found: list[tuple[float, float]] = []
    for start, end in voiced:
        piece = sound[int(start * sample_rate):int(end * sample_rate)]
        frames = piece[:len(piece) // hop * hop].reshape(-1, hop)
        if not len(frames):
            continue
        level = 10 * np.log10(np.mean(frames.astype(np.float64) ** 2, axis=1) + 1e-10)
        floor, top = np.percentile(level, 5), np.percentile(level, 90)
        loud = level > max(floor + 0.25 * (top - floor), top - 35.0) if top - floor > 18.0 else level > -np.inf
        edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(np.int8), [0]))))
        for left, right in edges.reshape(-1, 2):
            begin, finish = start + left / 100, min(end, start + right / 100)
            if found and begin - found[-1][1] < _CLOSURE_S:
                found[-1] = (found[-1][0], finish)
            else:
                found.append((begin, finish))
    return [(begin, finish) for begin, finish in found if finish - begin > 0.03]


def fill_gaps(words: list[TimedText], start: float, end: float) -> None:
    """Give every word without times (a number, a symbol) its share of the room between its neighbours."""
    index = 0
    while index < len(words):
        if words[index].start is not None and words[index].end is not None:
            index += 1
            continue
        last = index
        while last + 1 < len(words) and (words[last + 1].start is None or words[last + 1].end is None):
            last += 1
        left = words[index - 1].end if index else start
        right = words[last + 1].start if last + 1 < len(words) else end
        left = start if left is None else left
        right = max(left, end if right is None else right)
        letters = sum(len(word.text) for word in words[index:last + 1])
        for word in words[index:last + 1]:
            word.start = left
            left += (right - word.start) * len(word.text) / max(letters, 1)
            letters -= len(word.text)
            word.end = left
        index = last + 1


def leave_pauses(words: list[TimedText], voiced: Sequence[tuple[float, float]]) -> None:
    """Cut the pauses off each word's ends; ``voiced`` are the stretches of voice, in order.

    Attention hands the silence before a word to the word. A word that spans a pause keeps the side on which
    it has more voice; one that touches no voice at all is left as it is.
    """
    for word in words:
        if word.start is None or word.end is None:
            continue
        begin, finish = word.start, word.end
        inside = [(max(begin, a), min(finish, b)) for a, b in voiced if min(finish, b) - max(begin, a) > 0.02]
        if not inside:
            continue
        groups = [[inside[0][0], inside[0][1]]]
        for left, right in inside[1:]:
            if left - groups[-1][1] < _PAUSE_S:
                groups[-1][1] = right
            else:
                groups.append([left, right])
        word.start, word.end = max(groups, key=lambda group: group[1] - group[0])
        if word.end - word.start > _LONGEST_WORD_S:
            word.start = word.end - _LONGEST_WORD_S


def to_words(timed: Sequence[TimedText], limit_s: float) -> list[Word]:
    """Words in milliseconds, in order, not overlapping, at least 20 ms long where there is room for it."""
    words: list[Word] = []
    limit, floor = round(limit_s * 1000), 0
    for item in timed:
        if item.start is None or item.end is None or not item.text.strip():
            continue
        start = min(max(round(item.start * 1000), floor), limit)
        end = min(max(round(item.end * 1000), start + 20), limit)
        words.append(Word(item.text.strip(), start, end, round(min(max(item.confidence, 0.0), 1.0), 3)))
        floor = end
    return words


def sentences(words: Sequence[Word], join: str) -> list[Segment]:
    """Cut at the ends of sentences; ``join`` is what stands between words ("" for Japanese and Chinese)."""
    segments: list[Segment] = []
    current: list[Word] = []
    for index, word in enumerate(words):
        current.append(word)
        ends = word.text.rstrip("\"'”’»)」』]").endswith(tuple(SENTENCE_ENDS))
        abbreviated = len(word.text) <= 3 and word.text.endswith(".") and index + 1 < len(words) \
            and words[index + 1].start_ms - word.end_ms < 250 and word.text[:1].isupper()
        if (ends and not abbreviated) or index == len(words) - 1:
            text = join.join(each.text for each in current)
            segments.append(Segment(text, current[0].start_ms, current[-1].end_ms, tuple(current)))
            current = []
    return segments
