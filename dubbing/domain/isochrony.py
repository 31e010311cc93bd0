"""Isochrony: how long a take should last, and how far it may be pressed to get there.

Tempo is natural duration over final duration: 1.2 is spoken a fifth faster than the voice would. Listening
tests put the comfortable window at -10 % to +20 % of natural tempo; beyond 0.85 to 1.30 a rewrite is wanted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

COMFORT = (0.90, 1.20)
TOLERABLE = (0.85, 1.30)
BORROW_LIMIT_MS = 3000
#: Silence left before the next line, so that two takes never touch.
BREATH_MS = 80
#: Compression beyond this is no longer speech; a longer take is cut there, with a fade.
TEMPO_CEILING = 2.0


class Fit(str, Enum):
    """How a take sits in its place: the colours a reviewer sees."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a line may be heard: it starts at ``start_ms``, was ``end_ms - start_ms`` long in the original,
    and must be silent from ``limit_ms`` on."""

    start_ms: int
    end_ms: int
    limit_ms: int

    @property
    def duration_ms(self) -> int:
        return self.end_ms - self.start_ms

    @property
    def room_ms(self) -> int:
        return self.limit_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class FitPlan:
    """The duration to aim at, and what it takes. ``borrowed_ms`` is silence taken after the original's end."""

    target_ms: int
    tempo: float
    borrowed_ms: int
    fit: Fit


def slot_for(start_ms: int, end_ms: int, next_start_ms: int | None, video_end_ms: int) -> Slot:
    """The slot of a line whose neighbour (of any speaker who is heard alone) begins at ``next_start_ms``.

    Where the original speakers overlap, the line keeps its own span: it cannot be moved off its mouth.
    """
    limit = min(end_ms + BORROW_LIMIT_MS, video_end_ms)
    if next_start_ms is not None:
        limit = min(limit, next_start_ms - BREATH_MS)
    limit = max(limit, min(end_ms, video_end_ms), start_ms + 1)
    return Slot(start_ms, end_ms, limit)


def colour(tempo: float) -> Fit:
    """Green inside the comfortable window, amber inside the tolerable one, else red."""
    if COMFORT[0] - 1e-6 <= tempo <= COMFORT[1] + 1e-6:
        return Fit.GREEN
    if TOLERABLE[0] - 1e-6 <= tempo <= TOLERABLE[1] + 1e-6:
        return Fit.AMBER
    return Fit.RED


def plan_fit(natural_ms: float, slot: Slot) -> FitPlan:
    """Decide a take's duration: the original's own if that sounds natural, else the least evil.

    A short line is slowed no further than the comfortable window and leaves silence after it. A long one is
    sped up to the window's edge, then borrows silence, then is pressed to the tolerable edge, and only when
    it would run into the next line beyond it (red).
    """
    if natural_ms <= 0:
        raise ValueError("a take has a positive duration")
    # Rounded inwards, so that a whole millisecond never leaves the window.
    shortest_comfortable, longest_comfortable = math.ceil(natural_ms / COMFORT[1]), int(natural_ms / COMFORT[0])
    target_ms = min(max(slot.duration_ms, shortest_comfortable), longest_comfortable)
    if target_ms > slot.room_ms:
        target_ms = max(slot.room_ms, math.ceil(natural_ms / TEMPO_CEILING))
    tempo = natural_ms / target_ms
    return FitPlan(target_ms, tempo, max(0, target_ms - slot.duration_ms), colour(tempo))
