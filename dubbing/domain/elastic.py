"""Where speech gives way when it is said faster or slower: vowels and pauses, closures and bursts hardly.

Source: Demol et al., "Efficient Non-Uniform Time-Scaling of Speech with WSOLA" (SPECOM 2005), after measurements of
how people's own fast and slow speech differs; Covell, Withgott and Slaney, "Mach1" (ICASSP 1998).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from dubbing.domain.speech import Phoneme

#: How far a phone follows a change of tempo, a vowel being 1.
PAUSE, VOWEL, SONORANT, FRICATIVE, STOP = 1.2, 1.0, 0.7, 0.5, 0.15
#: No phone is made longer or shorter than this times its length.
LIMITS = (0.45, 2.2)
_STOPS = frozenset("pbtdkgɡqɢcɟʈɖʔʡ")
_SONORANTS = frozenset("mɱnɲŋɳɴlɫʎɭʟɹɻɾɽrʀwjɥɰʋβ̞")
_FRICATIVES = frozenset("fvθðszʃʒçʝxɣχʁħʕhɦɸβɕʑʂʐɬɮ")
_BISECTIONS = 40


def elasticity(symbol: str) -> float:
    """How far the phone (one IPA symbol, with any modifiers) or pause ``symbol`` follows a change of tempo."""
    base = next((char for char in unicodedata.normalize("NFD", symbol) if char.isalpha()), "")
    if not base:
        return PAUSE
    if base in _STOPS:
        return STOP
    if base in _FRICATIVES:
        return FRICATIVE
    return SONORANT if base in _SONORANTS else VOWEL


def curve(phonemes: Sequence[Phoneme], total_ms: float, target_ms: float) -> list[tuple[float, float]]:
    """The curve of time that makes a take of ``total_ms`` last ``target_ms``: knots (before, after), strictly rising.

    Where the phones' limits do not let it, the rest of the change is spread evenly. What lies between phones, and a
    take without any, gives way as a vowel does. Raises ValueError unless both lengths are positive.
    """
    if total_ms <= 0 or target_ms <= 0:
        raise ValueError("a take has a positive length")
    pieces = _pieces(phonemes, total_ms)

    def scale(elastic: float, change: float) -> float:
        return min(max(1 + elastic * change, LIMITS[0]), LIMITS[1])

    low, high = -1.0 / STOP, LIMITS[1] / STOP
    for _ in range(_BISECTIONS):
        change = (low + high) / 2
        if sum(length * scale(elastic, change) for length, elastic in pieces) < target_ms:
            low = change
        else:
            high = change
    lengths = [length * scale(elastic, (low + high) / 2) for length, elastic in pieces]
    rest = target_ms / sum(lengths)
    knots, before, after = [(0.0, 0.0)], 0.0, 0.0
    for (length, _), stretched in zip(pieces, lengths, strict=True):
        before, after = before + length, after + stretched * rest
        knots.append((before, after))
    return [*knots[:-1], (total_ms, target_ms)]


def along(knots: Sequence[tuple[float, float]], time_ms: float) -> float:
    """Where ``time_ms`` of a take lies once the take has gone along ``knots``; beyond the ends, the ends."""
    for (before, after), (end, landed) in zip(knots, knots[1:], strict=False):
        if time_ms <= end:
            return after + max(0.0, time_ms - before) * (landed - after) / (end - before)
    return knots[-1][1]


def _pieces(phonemes: Sequence[Phoneme], total_ms: float) -> list[tuple[float, float]]:
    """(length, elasticity) of everything from 0 to ``total_ms``, in order; gaps are their own."""
    pieces: list[tuple[float, float]] = []
    done = 0.0
    for phoneme in phonemes:
        start, end = max(done, phoneme.start_ms), min(total_ms, phoneme.end_ms)
        if end - start <= 1e-6:
            continue
        if start - done > 1e-6:
            pieces.append((start - done, VOWEL))
        else:
            start = done
        pieces.append((end - start, elasticity(phoneme.symbol)))
        done = end
    if total_ms - done > 1e-6 or not pieces:
        pieces.append((total_ms - done, VOWEL))
    return pieces
