"""When each phoneme of a synthesized sound is heard, where the model does not say: forced alignment of its text.

The phone network that the lip-syncer listens with lays the text's phonemes onto the sound. It works offline and in
every language that espeak-ng spells. A sound that does not say its text (autoregressive voices stammer, skip and
babble) is found out by the same means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Sound
from dubbing.engines.tts.phonemes import phonemes_of
from dubbing.errors import MediaError, UnavailableError

#: ``hear(sound, sample_rate, words)``: see LipSyncer in :mod:`dubbing.engines.base`.
Hear = Callable[[Sound, int, Sequence[Sequence[str]]], Sequence[Any]]

_FRAME_MS = 10.0
_QUIET_DB = 38.0
#: What is heard longer than this after the last phoneme, or before the first, is none of the text's.
_EDGE_MS = 120.0


@dataclass(frozen=True, slots=True)
class Aligned:
    """``phonemes`` cover the sound without gaps, pauses are " ". ``says_it``: the sound says its text, as far as can be
    told; where not, the phonemes are spread over what is not silent."""

    phonemes: tuple[Phoneme, ...]
    says_it: bool


def align(sound: Sound, sample_rate: int, text: str, language: str, hear: Hear | None = None) -> Aligned:
    """Times of the phonemes of ``text`` (ISO 639-1 ``language``) in mono ``sound``.

    Where nobody can spell the language, letters stand for phonemes and are spread. hear: who listens; the embedded
    network by default.
    """
    try:
        words: Sequence[Sequence[str]] = phonemes_of(text, language)
    except UnavailableError:
        words = [[letter for letter in word if letter.isalpha()] for word in text.lower().split()]
        return Aligned(_spread(sound, sample_rate, [word for word in words if word]), True)
    if not words or not len(sound):
        return Aligned((), False)
    try:
        heard = (hear or _embedded())(sound, sample_rate, words)
    except MediaError:
        return Aligned(_spread(sound, sample_rate, words), False)
    return Aligned(tuple(Phoneme(p.symbol, float(p.start_ms), float(p.end_ms)) for p in heard), True)


def without_edges(sound: Sound, sample_rate: int, aligned: Aligned) -> tuple[Sound, tuple[Phoneme, ...]]:
    """Cut what lies before the first and after the last phoneme, but for a little; times move along."""
    spoken = [p for p in aligned.phonemes if p.symbol.strip()]
    if not spoken:
        return sound, aligned.phonemes
    total = len(sound) * 1000 / sample_rate
    start, end = max(0.0, spoken[0].start_ms - _EDGE_MS), min(total, spoken[-1].end_ms + _EDGE_MS)
    first, stop = round(start * sample_rate / 1000), round(end * sample_rate / 1000)
    kept = [Phoneme(p.symbol, max(p.start_ms, start) - start, min(p.end_ms, end) - start) for p in aligned.phonemes
            if p.end_ms > start and p.start_ms < end]
    cut = np.array(sound[first:stop], np.float32)
    ramp = np.linspace(0, 1, min(len(cut) // 2, sample_rate // 200), dtype=np.float32)
    cut[: len(ramp)] *= ramp
    cut[len(cut) - len(ramp):] *= ramp[::-1]
    return cut, tuple(kept)


def _embedded() -> Hear:
    from dubbing import registry

    hear: Hear = registry.create("lipsync", "atlas").hear
    return hear


def _spread(sound: Sound, sample_rate: int, words: Sequence[Sequence[str]]) -> tuple[Phoneme, ...]:
    """Phonemes of equal length over the parts that are not silent; a silence inside the sound is a pause."""
    symbols = [symbol for word in words for symbol in word]
    runs = _loud_runs(sound, sample_rate)
    if not symbols or not runs:
        return ()
    each = sum(end - start for start, end in runs) / len(symbols)
    found: list[Phoneme] = []
    done = 0.0
    for index, (start, end) in enumerate(runs):
        if start > done:
            found.append(Phoneme(" ", done, start))
        # The last run takes what rounding has left.
        stop = len(symbols) if index == len(runs) - 1 else round(
            sum(b - a for a, b in runs[: index + 1]) / each)
        first = sum(1 for p in found if p.symbol != " ")
        own = symbols[first:stop]
        found += [Phoneme(symbol, start + i * (end - start) / len(own), start + (i + 1) * (end - start) / len(own))
                  for i, symbol in enumerate(own)]
        done = end if own else start
    total = len(sound) * 1000 / sample_rate
    return tuple([*found, Phoneme(" ", done, total)] if total > done else found)


def _loud_runs(sound: Sound, sample_rate: int) -> list[tuple[float, float]]:
    """Stretches (ms) that are not silent for 100 ms or more."""
    step = int(sample_rate * _FRAME_MS / 1000)
    frames: npt.NDArray[np.float64] = np.square(
        sound[: len(sound) // step * step].reshape(-1, step).astype(np.float64)).mean(1)
    if not len(frames) or not frames.max() > 0:
        return []
    loud = np.flatnonzero(frames > np.percentile(frames, 95) * 10 ** (-_QUIET_DB / 10))
    cuts = np.flatnonzero(np.diff(loud) > 10)
    starts, ends = np.concatenate([[0], cuts + 1]), np.concatenate([cuts, [len(loud) - 1]])
    return [(loud[a] * _FRAME_MS, (loud[b] + 1) * _FRAME_MS) for a, b in zip(starts, ends, strict=True)]
