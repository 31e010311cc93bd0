"""Where engines are loaded: as many as fit a memory budget, whoever was used longest ago goes first."""

from __future__ import annotations

import ctypes
import gc
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dubbing.engines.base import Engine


class EngineRoom:
    """Holds loaded engines within ``budget_mb()``; without a budget one at a time.

    What an engine takes is its own word (``memory_mb``, where it has one) or what loading it was seen to take,
    whichever is more. The one that is needed now is loaded whatever it takes: what is too large is not to be
    chosen at all.
    """

    def __init__(self, budget_mb: Callable[[], float] | None = None) -> None:
        self._budget_mb = budget_mb
        self._resident: OrderedDict[int, tuple[Engine, float]] = OrderedDict()

    @property
    def resident(self) -> list[Engine]:
        """The loaded engines, whoever was used longest ago first."""
        return [engine for engine, _ in self._resident.values()]

    def admit(self, engine: Engine | None) -> None:
        """Load ``engine``, after sending out what it needs the place of."""
        if engine is None:
            return
        known = self._resident.pop(id(engine), None)
        own_mb = known[1] if known else said_mb(engine)
        self._make_place(own_mb)
        before = resident_mb()
        # An engine is the process's own, and another room may have released it since.
        engine.load()
        grown = resident_mb() - before
        self._resident[id(engine)] = engine, max(own_mb, grown)
        if grown > own_mb:
            self._make_place(0.0, keep=engine)

    def _make_place(self, needed_mb: float, keep: Engine | None = None) -> None:
        budget = self._budget_mb() if self._budget_mb is not None else 0.0
        while self._resident and (budget <= 0 or needed_mb + sum(mb for _, mb in self._resident.values()) > budget):
            oldest = next((key for key, (engine, _) in self._resident.items() if engine is not keep), None)
            if oldest is None:
                return
            self._resident.pop(oldest)[0].release()
            give_back()

    def clear(self) -> None:
        """Release everything."""
        while self._resident:
            self._resident.popitem()[1][0].release()
            give_back()


def give_back() -> None:
    """Hand what was released back to the system: the C library (glibc) keeps it otherwise."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def said_mb(engine: Engine) -> float:
    """What an engine says that it takes when it is loaded; 0.0 where it says nothing."""
    return float(getattr(engine, "memory_mb", 0.0) or 0.0)


def resident_mb() -> float:
    """What this process holds of the machine's memory now; 0.0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * 4096 / 1e6
