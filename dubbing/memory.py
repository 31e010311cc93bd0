"""How much memory loaded models may take on this machine."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from dubbing.config import load_settings

_SHARE = 0.75
#: Where neither setting nor system says anything.
_UNKNOWN_MB = 6000.0
_GROUPS = ((Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
           (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"))


def budget_mb() -> float:
    """The setting ``memory_budget_gb``, else three quarters of what was free when this process first asked."""
    asked = load_settings().memory_budget_gb * 1000
    return asked if asked > 0 else _free_at_first() * _SHARE


def why_too_large(engine: Any) -> str | None:
    """One sentence when ``engine`` says that it takes more than the budget, else None."""
    needed, budget = float(getattr(engine, "memory_mb", 0.0) or 0.0), budget_mb()
    if needed <= budget:
        return None
    return (f"It takes about {needed / 1000:.1f} GB of memory, and models may take {budget / 1000:.1f} GB here "
            "(DUBBING_MEMORY_BUDGET_GB).")


@cache
def _free_at_first() -> float:
    return free_mb()


def free_mb() -> float:
    """What is free of the machine's memory, or of this process's part of it where that is less."""
    free = [_available(), *(_left(*group) for group in _GROUPS)]
    known = [amount for amount in free if amount is not None]
    return min(known) if known else _UNKNOWN_MB / _SHARE


def _available() -> float | None:
    return _named(Path("/proc/meminfo"), "MemAvailable:", 1e3)


def _left(folder: Path, limit: str, usage: str, reclaimable: str) -> float | None:
    """What a control group leaves; None where there is none or it sets no limit."""
    try:
        most, used = (folder / limit).read_text().strip(), int((folder / usage).read_text())
        if not most.isdigit():
            return None
    except (OSError, ValueError):
        return None
    return max(0.0, (int(most) - used) / 1e6 + (_named(folder / "memory.stat", reclaimable, 1e6) or 0.0))


def _named(file: Path, name: str, divisor: float) -> float | None:
    """The number after ``name`` in a file of names and numbers."""
    try:
        for line in file.read_text().splitlines():
            parts = line.split()
            if parts and parts[0] == name:
                return int(parts[1]) / divisor
    except (OSError, ValueError, IndexError):
        return None
    return None
