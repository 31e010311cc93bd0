"""When each phone of a known text is heard: forced alignment by the phone network.

The best path (Viterbi) lays the text's phones onto the sound in order; between words there may be silence, and each
phone lasts at least 20 ms. Anchors (the times of subtitles, say) keep long sounds on track and make them fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lipsync_core.speech.features import HOP_MS, Float
from lipsync_core.speech.network import Heard, PhoneNetwork, shipped
from lipsync_core.speech.phones import classes_of
from lipsync_core.speech.timeline import TimedPhone
from lipsync_core.speech.visemes import is_modifier, is_pause, is_stress
from lipsync_core.speech.viterbi import chain_path

#: How much a frame that fits nothing may cost: an unusual pronunciation must not bend its neighbours.
_LOWEST = -7.0
_PRIOR_SHARE = 0.5
_PHONE_FRAMES, _SILENCE_FRAMES = 2, 3
_LONGEST_CLOSURE_MS = 150.0
#: Frames that an anchor's words may lie outside it.
_SLACK_MS = 250.0
#: A text that is really said fits better than the same text backwards: by 0.58 and more (log-mel, real clips in nine
#: languages), 1.29 and more (Whisper); another text by 0.32 at most. Fewer phones than these prove nothing.
LOWEST_SCORE, _FEWEST = 0.45, 8

Ints = npt.NDArray[np.int64]


class AlignmentError(ValueError):
    """The text cannot be what is said in the sound."""


class Anchor(NamedTuple):
    """Words ``first`` to ``stop`` (exclusive) are said between ``start_ms`` and ``end_ms``, give or take a quarter
    of a second. A plain tuple of the four will do."""

    first: int
    stop: int
    start_ms: float
    end_ms: float


Anchored = Anchor | tuple[int, int, float, float]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Phones and pauses (" ") that cover the sound without gaps; ``word_of[i]`` is the word of phone i (-1: a pause).

    fit: mean over spoken frames of log(p(the text's phone) / p(the likeliest phone)), 0 at best.
    """

    phones: tuple[TimedPhone, ...]
    word_of: tuple[int, ...]
    fit: float


@dataclass(frozen=True, slots=True)
class _Chain:
    """States of the text: class, unit (index of symbol, -1 a silence), word, and how a path may move."""

    classes: Ints
    symbol: Ints
    can_stay: npt.NDArray[np.bool_]
    skips_to: Ints
    symbols: tuple[str, ...]
    word_of_symbol: tuple[int, ...]


def align(sound: npt.NDArray[np.floating], sample_rate: int, words: Sequence[Sequence[str]],
          anchors: Sequence[Anchored] | None = None, *, network: PhoneNetwork | None = None) -> list[TimedPhone]:
    """Phones of ``words`` (each a sequence of IPA symbols) with their times in mono ``sound``, pauses as " ".

    Raises AlignmentError when there is nothing to align, the sound is too short for the words, or it clearly says
    something else.
    """
    heard = (network or shipped()).hear(sound, sample_rate)
    found = aligned(heard, words, anchors, network=network)
    score = found.fit - aligned(heard, _backwards(words, anchors), anchors, network=network).fit
    if score < LOWEST_SCORE and sum(word >= 0 for word in found.word_of) >= _FEWEST:
        raise AlignmentError(f"the sound does not say these words (score {score:.1f}, {LOWEST_SCORE} is the least)")
    return list(found.phones)


def aligned(heard: Heard, words: Sequence[Sequence[str]], anchors: Sequence[Anchored] | None = None, *,
            network: PhoneNetwork | None = None) -> Alignment:
    """As ``align``, of a sound already heard, with its fit and without judging it."""
    chain = _chain(words)
    scores = np.maximum(heard.logp, _LOWEST) - np.float32(_PRIOR_SHARE) * (network or shipped()).log_prior
    # Silence is so common that its prior would make every quiet consonant one.
    scores[:, 0] = np.maximum(heard.logp[:, 0], _LOWEST) + np.float32(_PRIOR_SHARE * np.log(len(scores[0])))
    path = None
    for attempt in ([anchors, None] if anchors else [None]):
        path = _path(chain, scores, attempt)
        if path is not None:
            break
    if path is None:
        seconds = len(scores) * HOP_MS / 1000
        raise AlignmentError(f"{len(chain.symbols)} phones do not fit into {seconds:.1f} s of sound")
    return _read(chain, path, heard)


def _backwards(words: Sequence[Sequence[str]], anchors: Sequence[Anchored] | None) -> list[Sequence[str]]:
    """The same sounds in the wrong order: each anchor's words, and all others, from the last phone to the first."""
    turned: list[Sequence[str]] = [list(word)[::-1] for word in words[::-1]]
    for first, stop, *_ in anchors or ():
        turned[first:stop] = [list(word)[::-1] for word in words[first:stop][::-1]]
    return turned


def _chain(words: Sequence[Sequence[str]]) -> _Chain:
    classes: list[int] = [0] * _SILENCE_FRAMES
    symbol, stay, skips = [-1] * _SILENCE_FRAMES, [False] * (_SILENCE_FRAMES - 1) + [True], [-1] * _SILENCE_FRAMES
    symbols: list[str] = []
    owners: list[int] = []
    for number, word in enumerate(words):
        before_silence = len(classes) - _SILENCE_FRAMES - 1
        is_first = True
        for name in _folded(word):
            for kind in classes_of(name):
                classes += [kind] * _PHONE_FRAMES
                symbol += [len(symbols)] * _PHONE_FRAMES
                stay += [False] * (_PHONE_FRAMES - 1) + [True]
                skips += [before_silence if is_first else -1] + [-1] * (_PHONE_FRAMES - 1)
                is_first = False
            symbols.append(name)
            owners.append(number)
        if not is_first:
            classes += [0] * _SILENCE_FRAMES
            symbol += [-1] * _SILENCE_FRAMES
            stay += [False] * (_SILENCE_FRAMES - 1) + [True]
            skips += [-1] * _SILENCE_FRAMES
    if not symbols:
        raise AlignmentError("there is no phone in the text")
    return _Chain(np.array(classes), np.array(symbol), np.array(stay), np.array(skips), tuple(symbols), tuple(owners))


def _folded(word: Sequence[str]) -> list[str]:
    """The word's sounds: stress and pauses dropped, marks joined to the sound before them."""
    out: list[str] = []
    for name in word:
        if is_modifier(name):
            if out:
                out[-1] += name
        elif not is_stress(name) and not is_pause(name):
            out.append(name)
    return out


def _path(chain: _Chain, scores: Float, anchors: Sequence[Anchored] | None) -> Ints | None:
    count, states = len(scores), len(chain.classes)
    first = np.zeros(states, np.int64)
    last = np.full(states, count - 1)
    words = np.array(chain.word_of_symbol)[np.maximum(chain.symbol, 0)]
    for anchor in anchors or ():
        begin, stop, start_ms, end_ms = anchor
        inside = (chain.symbol >= 0) & (words >= begin) & (words < stop)
        first[inside] = max(int((start_ms - _SLACK_MS) / HOP_MS), 0)
        last[inside] = min(int((end_ms + _SLACK_MS) / HOP_MS), count - 1)
    first = np.maximum.accumulate(first)
    last = np.minimum.accumulate(last[::-1])[::-1]
    begins = np.array([0, _SILENCE_FRAMES])
    ends = np.array([states - 1, states - _SILENCE_FRAMES - 1])
    return chain_path(scores, chain.classes, chain.can_stay, chain.skips_to, (first, last), begins, ends)


def _ms(phone: TimedPhone) -> float:
    return phone.end_ms - phone.start_ms


def _is_closing(chain: _Chain, unit: int) -> bool:
    """A short silence before a /p/ or /b/ is its closure, not a pause."""
    return unit >= 0 and chain.symbols[unit][0] in "pb"


def _read(chain: _Chain, path: Ints, heard: Heard) -> Alignment:
    classes, symbol = chain.classes[path], chain.symbol[path]
    spoken = symbol >= 0
    odds = heard.logp[np.arange(len(path)), classes] - heard.logp.max(1)
    edges = np.flatnonzero(np.diff(symbol, prepend=symbol[0] - 9, append=-9))
    phones: list[TimedPhone] = []
    words: list[int] = []
    for begin, stop in zip(edges[:-1], edges[1:], strict=True):
        unit = int(symbol[begin])
        if _is_closing(chain, unit) and len(phones) > 1 and words[-1] < 0 and _ms(phones[-1]) <= _LONGEST_CLOSURE_MS:
            begin -= round(_ms(phones.pop()) / HOP_MS)
            words.pop()
        name = chain.symbols[unit] if unit >= 0 else " "
        phones.append(TimedPhone(name, float(begin * HOP_MS), float(stop * HOP_MS)))
        words.append(chain.word_of_symbol[unit] if unit >= 0 else -1)
    return Alignment(tuple(phones), tuple(words), float(odds[spoken].mean()))
