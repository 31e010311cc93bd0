"""What a run says while it goes on: a line for people, and the same figures as JSON lines for machines."""

from __future__ import annotations

import json
import math
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def duration(seconds: float) -> str:
    """For people: 40 s, 12 min, 3 h 05 min."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def figures(values: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in values.items())


class Progress:
    """Lines of one run.

    path: the file of JSON lines, None for none. say: where the lines for people go. An estimate of what is left
    counts the steps of this process alone, the last hundred more than older ones: a run that was resumed, or that
    shares its machine, still finds its pace.
    """

    def __init__(self, steps: int, path: Path | None, say: Callable[[str], None] = print) -> None:
        self._steps, self._path, self._say = steps, path, say
        self._ticks: deque[tuple[int, float]] = deque(maxlen=101)

    def begin(self, step: int) -> None:
        """Continue after ``step``: what was logged beyond it belongs to steps that are done again."""
        self._ticks.append((step, time.monotonic()))
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        kept = [line for line in lines if _step_of(line) <= step] if step else []
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        beside.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        os.replace(beside, self._path)

    def tick(self, step: int) -> None:
        """A step is done."""
        self._ticks.append((step, time.monotonic()))

    def rate(self) -> float:
        """Steps a second, NaN before the first."""
        (first, then), (last, now) = self._ticks[0], self._ticks[-1]
        return (last - first) / (now - then) if now > then else float("nan")

    def left_seconds(self, limit: float | None = None) -> float:
        """Until the last step at this pace, at most ``limit``."""
        rate = self.rate()
        left = (self._steps - self._ticks[-1][0]) / rate if rate > 0 else float("nan")
        return left if limit is None else min(left, limit)

    def losses(self, step: int, values: Mapping[str, float], rate: float, limit: float | None = None) -> None:
        """The mean losses since the last line. rate: the learning rate; limit: seconds that the run still has."""
        pace, left = self.rate(), self.left_seconds(limit)
        self._say(f"step {step}/{self._steps}  {figures(values)}  {pace:.2f} steps/s, {duration(left)} left")
        self._write({"step": step, "losses": dict(values), "rate": rate, "steps_per_s": pace, "left_s": left})

    def validated(self, step: int, values: Mapping[str, float], seconds: float) -> None:
        self._say(f"step {step} on held-out clips  {figures(values)}  ({duration(seconds)})")
        self._write({"step": step, "validation": dict(values), "seconds": seconds})

    def event(self, step: int, text: str, **more: float) -> None:
        """One sentence, e.g. why a run ended; ``more`` for machines alone."""
        self._say(text)
        self._write({"step": step, "event": text, **more})

    def _write(self, values: dict[str, Any]) -> None:
        if self._path is None:
            return
        line = json.dumps(_finite(values | {"time": time.time()}), ensure_ascii=False)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


class Means:
    """Means of losses since the last look; they stay on their device until then, so that nothing waits for them."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, losses: Mapping[str, Tensor]) -> None:
        for name, value in losses.items():
            value = value.detach().float()
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._counts[name] = self._counts.get(name, 0) + 1

    def take(self) -> dict[str, float]:
        means = {name: float(value) / self._counts[name] for name, value in self._sums.items()}
        self._sums, self._counts = {}, {}
        return means


def read_log(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a run's ``log.jsonl``; a last line that a kill cut off is left out."""
    found = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def _finite(value: Any) -> Any:
    """JSON knows no NaN: null."""
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
