"""Progress: one typed event, reported to a callable; the runner adds timing and fans it out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage (``translate:en`` where it has a language) is; ``eta_s`` is None while nobody can tell."""

    stage: str
    done: float
    total: float
    unit: str = ""
    message: str = ""
    elapsed_s: float = 0.0
    eta_s: float | None = None
    cached: bool = False

    @property
    def fraction(self) -> float:
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0


Listener = Callable[[Progress], None]


def nobody(_event: Progress) -> None:
    """The listener of a run that nobody watches."""


class Clock:
    """Adds elapsed time and ETA to a stage's events, and holds back all but a few a second."""

    def __init__(self, stage: str, unit: str, listener: Listener, interval_s: float = 0.1) -> None:
        self.stage, self.unit, self.listener, self.interval_s = stage, unit, listener, interval_s
        self.started = time.monotonic()
        self._last = 0.0

    def __call__(self, done: float, total: float, message: str = "") -> None:
        now = time.monotonic()
        if now - self._last < self.interval_s and done < total:
            return
        self._last = now
        elapsed = now - self.started
        # A stage's first moments (a model loads) say nothing about its rate.
        known = total > 0 and done > 0 and elapsed > 1.0
        eta = elapsed * (total - done) / done if known else None
        self.listener(Progress(self.stage, done, total, self.unit, message, elapsed, eta))


def fan_out(*listeners: Listener) -> Listener:
    """One listener that tells several."""

    def tell(event: Progress) -> None:
        for listener in listeners:
            listener(event)

    return tell

