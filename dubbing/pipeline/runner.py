"""Runs steps: reuses what is there, computes what is not, tells who listens, writes it all down."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dubbing.pipeline.artifact import Artifact, ArtifactStore
from dubbing.pipeline.engine_room import EngineRoom
from dubbing.pipeline.progress import Clock, Listener, Progress, nobody
from dubbing.pipeline.stage import Step


class Ledger(Protocol):
    """Where step runs are written down; in the product, the database."""

    def begin(self, step: Step) -> str:
        """Note that a step has started; returns a handle for ``end``."""

    def end(self, handle: str, seconds: float, peak_bytes: int, error: str | None) -> None: ...

    def reuse(self, step: Step) -> None:
        """Note that a step's result was there already."""


class Blank:
    """The ledger of a run that nobody keeps."""

    def begin(self, step: Step) -> str:
        return step.key

    def end(self, handle: str, seconds: float, peak_bytes: int, error: str | None) -> None:
        return None

    def reuse(self, step: Step) -> None:
        return None


@dataclass(slots=True)
class StageSummary:
    """What a stage cost in this run, all its steps together."""

    name: str
    language: str | None
    engine: str
    seconds: float = 0.0
    computed: int = 0
    reused: int = 0
    peak_bytes: int = 0

    @property
    def is_cached(self) -> bool:
        return self.computed == 0


class Runner:
    """Runs steps one after another over an artifact store.

    ``check`` is called before every step and at every progress report; it raises to stop the run (a cancel
    was asked for, a lease was lost). What was finished by then is kept. ``room`` is where engines are loaded; one of
    its own when None.
    """

    def __init__(self, store: ArtifactStore, ledger: Ledger | None = None, listener: Listener = nobody,
                 check: Callable[[], None] = lambda: None, room: EngineRoom | None = None) -> None:
        self.store, self.listener, self.check = store, listener, check
        self.ledger: Ledger = ledger or Blank()
        self.room = room or EngineRoom()
        self.summaries: dict[tuple[str, str | None], StageSummary] = {}

    def run(self, step: Step) -> Artifact:
        """The step's artifact, computed if it is not there."""
        clock = Clock(_bar(step), step.unit, self.listener)
        artifact = self._run(step, clock)
        self._finished(step, clock, 1)
        return artifact

    def run_each(self, steps: Sequence[Step], before: Callable[[int], None] = lambda _i: None) -> list[Artifact]:
        """Run one stage's steps for many utterances under one bar."""
        if not steps:
            return []
        clock = Clock(_bar(steps[0]), "line", self.listener)
        artifacts = []
        for i, step in enumerate(steps):
            before(i)
            artifacts.append(self._run(step, _Share(clock, i, len(steps))))
            clock(i + 1, len(steps))
        self._finished(steps[-1], clock, len(steps))
        return artifacts

    def _run(self, step: Step, report: Callable[[float, float, str], None]) -> Artifact:
        self.check()
        summary = self._summary(step)
        key = step.key
        if (found := self.store.find(key)) is not None:
            self.ledger.reuse(step)
            summary.reused += 1
            return found

        def checked(done: float, total: float, message: str = "") -> None:
            self.check()
            report(done, total, message)

        handle, started, error = self.ledger.begin(step), time.monotonic(), None
        reset_peak()
        try:
            report(0, 1, "")
            self.room.admit(step.engine)
            with self.store.build(key, step.recipe) as (folder, facts):
                step.build(folder, facts, checked)
        except BaseException as problem:
            error = f"{type(problem).__name__}: {problem}"
            raise
        finally:
            seconds, peak = time.monotonic() - started, peak_bytes()
            summary.seconds += seconds
            summary.peak_bytes = max(summary.peak_bytes, peak)
            self.ledger.end(handle, seconds, peak, error)
        summary.computed += 1
        artifact = self.store.find(key)
        assert artifact is not None, f"{step.stage} left no artifact"
        return artifact

    def _summary(self, step: Step) -> StageSummary:
        place = (step.stage, step.language)
        return self.summaries.setdefault(place, StageSummary(step.stage, step.language, step.engine_name))

    def _finished(self, step: Step, clock: Clock, count: int) -> None:
        cached = self._summary(step).is_cached
        elapsed = time.monotonic() - clock.started
        self.listener(Progress(clock.stage, count, count, clock.unit, "", elapsed, 0.0, cached))


def _bar(step: Step) -> str:
    """What a step's progress goes under: its stage, and its language where it has one."""
    return f"{step.stage}:{step.language}" if step.language else step.stage


class _Share:
    """Maps one step's progress into its share of the whole stage."""

    def __init__(self, clock: Clock, index: int, count: int) -> None:
        self.clock, self.index, self.count = clock, index, count

    def __call__(self, done: float, total: float, message: str = "") -> None:
        part = min(1.0, done / total) if total > 0 else 0.0
        self.clock(self.index + part, self.count, message)


def reset_peak() -> None:
    """Start the kernel's record of this process's peak memory afresh (Linux; elsewhere it just goes on)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """The most memory this process held since ``reset_peak``."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found.group(1)) * 1024 if found else 0


def summaries_json(summaries: Iterable[StageSummary]) -> list[dict[str, object]]:
    """The ``stages`` list of the command line's JSON."""
    return [{"name": s.name, "language": s.language, "seconds": round(s.seconds, 3), "cached": s.is_cached,
             "engine": s.engine, "steps": s.computed + s.reused, "computed": s.computed,
             "peak_mb": round(s.peak_bytes / 1e6)} for s in summaries]
