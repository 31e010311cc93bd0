"""When each phrase of a line begins in the dub, and how long it takes.

A phrase begins when the original's does, or as soon as the one before is done, and takes as long as the original's
where that sounds natural. What is too long runs into the pause that follows, then into the silence after the line,
and is pressed beyond the comfortable only where it would run into somebody else's words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dubbing.domain.isochrony import COMFORT, TEMPO_CEILING, TOLERABLE, Fit, Slot, colour
from dubbing.domain.phrases import Phrase

#: A pause that a phrase runs into keeps so much of itself, and no less than a breath.
_KEPT_PAUSE, _LEAST_PAUSE_MS = 0.5, 150
#: Where a line has to be pressed, so little is left.
_PRESSED_PAUSE_MS = 90
#: A phrase's tempo stays so near the line's own.
_EVEN = 1.15
#: What a person's pace can make of a take, in tempo.
SLOWEST_PACE, FASTEST_PACE = 0.6, 2.0
_BISECTIONS = 30


@dataclass(frozen=True, slots=True)
class Pacing:
    """``starts_ms`` and ``targets_ms`` of the phrases, from the line's start; ``end_ms`` of the last. tempo: natural
    over final duration of the speech itself, pauses left out. advance_ms, is_pressed: how ``place`` was called."""

    starts_ms: tuple[int, ...]
    targets_ms: tuple[int, ...]
    end_ms: int
    tempo: float
    fit: Fit
    advance_ms: int = 0
    is_pressed: bool = False


def plan(naturals_ms: Sequence[float], phrases: Sequence[Phrase], slot: Slot, pace: float = 1.0) -> Pacing:
    """How to say ``phrases``, each of which takes ``naturals_ms`` by itself, in ``slot``.

    pace: how much faster than fits best, within what is still speech and within the slot's room. Raises ValueError
    when there is no phrase, or one without a length.
    """
    if not naturals_ms or min(naturals_ms) <= 0:
        raise ValueError("a take has a positive duration")
    targets, layout = _fitted(naturals_ms, phrases, slot)
    if pace != 1.0:
        least = [math.ceil(natural / FASTEST_PACE) for natural in naturals_ms]
        wanted = [round(max(min(target / pace, natural / SLOWEST_PACE), short))
                  for target, natural, short in zip(targets, naturals_ms, least, strict=True)]
        layout.is_pressed |= pace > 1.0
        targets = layout.between(wanted, [min(pair) for pair in zip(wanted, targets, strict=True)])
    starts = layout.starts(targets)
    tempo = sum(naturals_ms) / sum(targets)
    return Pacing(tuple(starts), tuple(targets), starts[-1] + targets[-1], tempo, colour(tempo), layout.advance_ms,
                  layout.is_pressed)


def place(lengths_ms: Sequence[float], phrases: Sequence[Phrase], *, is_pressed: bool = False,
          advance_ms: int = 0) -> list[int]:
    """When phrases of these lengths begin: with the original's, or after a shortened pause where one is late.

    is_pressed: pauses may shrink to almost nothing. advance_ms: so much earlier than the original's may all but the
    first begin, where there is a pause to spare.
    """
    starts: list[int] = []
    end = 0.0
    for index, (length, phrase) in enumerate(zip(lengths_ms, phrases, strict=True)):
        if phrase.gap_ms is not None:
            start = end + phrase.gap_ms
        elif index == 0:
            start = 0.0
        else:
            pause = phrase.start_ms - phrases[index - 1].end_ms
            least = _PRESSED_PAUSE_MS if is_pressed else max(_LEAST_PAUSE_MS, _KEPT_PAUSE * pause)
            start = max(phrase.start_ms - advance_ms, end + min(pause, least))
        starts.append(math.ceil(start))
        end = starts[-1] + length
    return starts


@dataclass(slots=True)
class _Layout:
    """How phrases are placed in a slot while their lengths are looked for."""

    phrases: Sequence[Phrase]
    room_ms: int
    is_pressed: bool = False
    advance_ms: int = 0

    def starts(self, lengths_ms: Sequence[float]) -> list[int]:
        return place(lengths_ms, self.phrases, is_pressed=self.is_pressed, advance_ms=self.advance_ms)

    def fits(self, lengths_ms: Sequence[float]) -> bool:
        return self.starts(lengths_ms)[-1] + lengths_ms[-1] <= self.room_ms

    def advanced(self, lengths_ms: Sequence[int]) -> bool:
        """Whether they fit with phrases begun earlier; ``advance_ms`` is then the least that it takes."""
        low, high = 0, max(phrase.start_ms for phrase in self.phrases)
        self.advance_ms = high
        if not self.fits(lengths_ms):
            return False
        while low < high:
            self.advance_ms = (low + high) // 2
            if self.fits(lengths_ms):
                high = self.advance_ms
            else:
                low = self.advance_ms + 1
        self.advance_ms = high
        return True

    def between(self, wanted: Sequence[int], least: Sequence[int]) -> list[int]:
        """``wanted``, or as far from it towards ``least`` as it takes to fit."""
        if self.fits(wanted):
            return list(wanted)
        low, high, best = 0.0, 1.0, list(least)
        for _ in range(_BISECTIONS):
            share = (low + high) / 2
            tried = [max(m, math.floor(w + (m - w) * share)) for w, m in zip(wanted, least, strict=True)]
            if self.fits(tried):
                best, high = tried, share
            else:
                low = share
        return best


def _fitted(naturals_ms: Sequence[float], phrases: Sequence[Phrase], slot: Slot) -> tuple[list[int], _Layout]:
    """The lengths of the phrases: the originals' where that is comfortable, else what the room leaves.

    First the phrases keep their times, then they begin earlier, then they are pressed.
    """
    easy = _easy(naturals_ms, phrases)
    for fastest in (COMFORT[1], TOLERABLE[1], TEMPO_CEILING):
        least = [math.ceil(natural / fastest) for natural in naturals_ms]
        layout = _Layout(phrases, slot.room_ms, is_pressed=fastest > COMFORT[1])
        if layout.fits(least):
            return layout.between(easy, least), layout
        if layout.advanced(least):
            return least, layout
    return least, layout


def _easy(naturals_ms: Sequence[float], phrases: Sequence[Phrase]) -> list[int]:
    """As long as the original's phrases, within the comfortable, at an even tempo."""
    lengths = [phrase.end_ms - phrase.start_ms for phrase in phrases]
    common = min(max(sum(naturals_ms) / sum(lengths), COMFORT[0]), COMFORT[1])
    slowest, quickest = max(COMFORT[0], common / _EVEN), min(COMFORT[1], common * _EVEN)
    # Rounded inwards, so that a whole millisecond never leaves the window.
    return [min(max(length, math.ceil(natural / quickest)), max(1, int(natural / slowest)))
            for natural, length in zip(naturals_ms, lengths, strict=True)]
