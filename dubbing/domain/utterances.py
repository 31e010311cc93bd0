"""Utterances from words and turns: what one speaker says without a break, in pieces that a human can dub.

A piece is a sentence where it can be: 1–7 s, 12 s at most, cut where a sentence, a clause or a pause ends, and
never across a change of speaker. No word is lost, their order is kept.
"""

from __future__ import annotations

import bisect
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from dubbing.domain.speech import SpeakerTurn, SpokenLine, Word

#: Who speaks where nobody was told apart.
ONLY_SPEAKER = "S1"

LONGEST_MS = 12_000
_COMFORTABLE_MS = 7_000
_SHORT_MS = 600
_BREAK_MS = 900
_CLAUSE_PAUSE_MS = 250
_JOIN_MS = 700
_FLICKER_MS = 350
_REACH_MS = 2_000

_SENTENCE_ENDS = ".!?…。！？؟।"
_CLAUSE_ENDS = ",;:—–、，；：،"
_CLOSERS = "\"'”’»)]」』"


def build_utterances(words: Sequence[Word], turns: Sequence[SpeakerTurn]) -> list[SpokenLine]:
    """Cut ``words`` (in order of time) into lines of one speaker each.

    A word belongs to the speaker whose turns cover most of it; where turns overlap evenly, to the one who was
    speaking; where no turn is near, to the nearest. A single short word between two of another speaker goes to
    that speaker: people are not interrupted for a third of a second without a turn of their own.
    """
    speakers = _smooth(words, _assign(words, sorted(turns, key=lambda turn: (turn.start_ms, turn.end_ms))), turns)
    lines: list[SpokenLine] = []
    start = 0
    for index in range(1, len(words) + 1):
        if index == len(words) or speakers[index] != speakers[start]:
            pieces = _merge_fragments(_sentences(words[start:index]))
            lines += [_line(speakers[start], piece) for piece in pieces]
            start = index
    return lines


def join_words(texts: Sequence[str]) -> str:
    """Text of words: with blanks, but none between characters of a script that is written without them."""
    joined = ""
    for text in texts:
        spaced = joined and text and not (is_spaceless(joined[-1]) and is_spaceless(text[0]))
        joined += (" " if spaced else "") + text
    return joined


def is_spaceless(char: str) -> bool:
    """Han, kana and their punctuation, Thai, Lao, Burmese and Khmer; not Hangul, which has blanks."""
    code = ord(char)
    if 0x0E00 <= code <= 0x0EFF or 0x1000 <= code <= 0x109F or 0x1780 <= code <= 0x17FF:
        return True
    return 0x3000 <= code <= 0x30FF or 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF \
        or 0x20000 <= code <= 0x3FFFF or (0xFF00 <= code <= 0xFFEF and unicodedata.east_asian_width(char) in "FW")


def _assign(words: Sequence[Word], turns: Sequence[SpeakerTurn]) -> list[str]:
    """The speaker of each word, looking only at turns that can reach it."""
    if not turns:
        return [ONLY_SPEAKER] * len(words)
    starts = [turn.start_ms for turn in turns]
    longest = max(turn.end_ms - turn.start_ms for turn in turns)
    speakers: list[str] = []
    for word in words:
        low = bisect.bisect_left(starts, word.start_ms - longest)
        high = bisect.bisect_right(starts, word.end_ms)
        previous = speakers[-1] if speakers else ""
        speakers.append(_covering(word, turns[low:high], previous) or _nearest(word, turns, starts, previous))
    return speakers


def _covering(word: Word, turns: Sequence[SpeakerTurn], previous: str) -> str:
    shares: dict[str, int] = {}
    for turn in turns:
        share = min(word.end_ms, turn.end_ms) - max(word.start_ms, turn.start_ms)
        if share > 0:
            shares[turn.speaker] = shares.get(turn.speaker, 0) + share
    if not shares:
        return ""
    most = max(shares.values())
    if shares.get(previous, 0) >= 0.9 * most:
        return previous
    return next(speaker for speaker, share in shares.items() if share == most)


def _nearest(word: Word, turns: Sequence[SpeakerTurn], starts: Sequence[int], previous: str) -> str:
    """The speaker of the turn nearest in time; the previous speaker when nothing is near."""
    def distance(turn: SpeakerTurn) -> int:
        return max(turn.start_ms - word.end_ms, word.start_ms - turn.end_ms, 0)

    place = bisect.bisect_left(starts, word.start_ms)
    around = turns[max(0, place - 8):place + 2] or turns[-1:]
    best = min(around, key=distance)
    return previous if previous and distance(best) > _REACH_MS else best.speaker


def _smooth(words: Sequence[Word], speakers: list[str], turns: Sequence[SpeakerTurn]) -> list[str]:
    """Give a lone short word between two of one other speaker to that speaker, unless it is a whole turn."""
    smoothed = list(speakers)
    for index in range(1, len(words) - 1):
        word, around = words[index], smoothed[index - 1]
        alone = smoothed[index] != around and around == speakers[index + 1]
        fluent = word.start_ms - words[index - 1].end_ms < _CLAUSE_PAUSE_MS \
            and words[index + 1].start_ms - word.end_ms < _CLAUSE_PAUSE_MS
        brief = word.end_ms - word.start_ms < _FLICKER_MS
        if alone and fluent and brief and not _is_interjection(word, smoothed[index], turns):
            smoothed[index] = around
    return smoothed


def _is_interjection(word: Word, speaker: str, turns: Sequence[SpeakerTurn]) -> bool:
    """Whether ``speaker`` has a turn of about this word's own length here."""
    return any(turn.speaker == speaker and turn.start_ms <= word.start_ms + 80 and turn.end_ms >= word.end_ms - 80
               and turn.end_ms - turn.start_ms < 2 * (word.end_ms - word.start_ms) + 200 for turn in turns)


def _sentences(words: Sequence[Word]) -> list[list[Word]]:
    """One speaker's run of words cut at sentence ends and long pauses; what is still too long is cut again."""
    pieces: list[list[Word]] = [[]]
    for index, word in enumerate(words):
        if pieces[-1] and word.start_ms - words[index - 1].end_ms >= _BREAK_MS:
            pieces.append([])
        pieces[-1].append(word)
        if _ends_sentence(words, index):
            pieces.append([])
    return [part for piece in pieces if piece for part in _shorten(piece)]


def _ends_sentence(words: Sequence[Word], index: int) -> bool:
    text = words[index].text.rstrip(_CLOSERS)
    if not text.endswith(tuple(_SENTENCE_ENDS)):
        return False
    if index + 1 == len(words) or not text.endswith("."):
        return True
    # "Dr. Smith", "z. B.", "J. Doe": a short capitalised word with a full stop and no pause after it goes on
    gap = words[index + 1].start_ms - words[index].end_ms
    short = len(text) <= 4 and (text[:1].isupper() or len(text) <= 2)
    return not (short and gap < _CLAUSE_PAUSE_MS) and not words[index + 1].text[:1].islower()


def _shorten(piece: list[Word]) -> list[list[Word]]:
    """Cut a piece longer than 7 s at a clause or a pause, one longer than 12 s anywhere it must be."""
    length = piece[-1].end_ms - piece[0].start_ms
    if length <= _COMFORTABLE_MS or len(piece) < 2:
        return [piece]
    cut = max(range(1, len(piece)), key=lambda index: _cut_value(piece, index))
    if length <= LONGEST_MS and _cut_value(piece, cut) < 0.5:
        return [piece]
    return _shorten(piece[:cut]) + _shorten(piece[cut:])


def _cut_value(piece: Sequence[Word], index: int) -> float:
    """How good it is to cut before ``index``: at clauses and pauses, and near the middle."""
    before, after = piece[index - 1], piece[index]
    length = piece[-1].end_ms - piece[0].start_ms
    left, right = before.end_ms - piece[0].start_ms, piece[-1].end_ms - after.start_ms
    value = min(1.0, max(0, after.start_ms - before.end_ms) / 500)
    if before.text.rstrip(_CLOSERS).endswith(tuple(_CLAUSE_ENDS + _SENTENCE_ENDS)):
        value += 1.0
    balance = 1.0 - abs(left - right) / max(length, 1)
    short = min(left, right) < 1000
    return value + 0.4 * balance - (2.0 if short else 0.0)


def _merge_fragments(pieces: list[list[Word]]) -> list[list[Word]]:
    """Join a piece shorter than 0.6 s with the nearer neighbour, when it is near and the two stay short enough."""
    merged = [list(piece) for piece in pieces]
    index = 0
    while index < len(merged):
        piece = merged[index]
        if piece[-1].end_ms - piece[0].start_ms >= _SHORT_MS:
            index += 1
            continue
        choices = []
        for other in (index - 1, index + 1):
            if 0 <= other < len(merged):
                first, second = (merged[other], piece) if other < index else (piece, merged[other])
                gap = second[0].start_ms - first[-1].end_ms
                if gap < _JOIN_MS and second[-1].end_ms - first[0].start_ms <= LONGEST_MS:
                    choices.append((gap, min(index, other)))
        if not choices:
            index += 1
            continue
        left = min(choices)[1]
        merged[left:left + 2] = [merged[left] + merged[left + 1]]
        index = left
    return merged


def _line(speaker: str, words: Sequence[Word]) -> SpokenLine:
    ordered = [replace(word, end_ms=max(word.start_ms, min(word.end_ms, following.start_ms)))
               for word, following in pairwise(words)] + [words[-1]]
    return SpokenLine(speaker, join_words([word.text for word in words]), words[0].start_ms,
                      max(word.end_ms for word in ordered), tuple(ordered),
                      round(sum(word.confidence for word in words) / len(words), 3))
