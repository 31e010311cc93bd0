"""How long a job still takes, told from what its stages have cost before.

A stage's cost is the median of its past runs: seconds a millisecond of media for what works on the whole video,
seconds a line for what works line by line. Where a stage that is still to come has never run here, nobody can tell.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from dubbing.domain.project import Job

if TYPE_CHECKING:
    from dubbing.storage.repository import Repository

#: The stages of a dub in the order in which they run; those of the second row once a language.
SOURCE_STAGES = ("sound", "transcribe", "diarize", "separate", "profile", "faces", "mouths")
TARGET_STAGES = ("translate", "synthesize", "lipsync", "mix", "export", "quality")
LINE_STAGES = frozenset({"translate", "synthesize", "lipsync"})
#: Short stages between those, and which of them comes after each.
PREPARING = {"edges": "profile", "prosody": "synthesize", "reference": "synthesize", "room": "mix", "reach": "mix",
             "loudness": "export", "measure": "quality"}


@dataclass(frozen=True, slots=True)
class Costs:
    """``per_ms``: seconds a millisecond of media, ``per_line``: seconds a line, both by stage; ``lines_per_ms``: how
    many lines a video of a length is likely to have, None where no video was heard yet."""

    per_ms: Mapping[str, float]
    per_line: Mapping[str, float]
    lines_per_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What a dub has to do. ``due``: lines to do by "stage:language"; empty while the lines are not known.

    is_analysed: the source side is there from an earlier dub.
    """

    media_ms: int
    targets: Sequence[str]
    has_lip_sync: bool = True
    is_analysed: bool = False
    due: Mapping[str, int] = field(default_factory=dict)

    def stages(self) -> list[str]:
        """The stages that are to run, in their order; those of the target side with their language."""
        skipped = set() if self.has_lip_sync else {"faces", "mouths", "lipsync"}
        source = [stage for stage in SOURCE_STAGES if not self.is_analysed and stage not in skipped]
        return source + [f"{stage}:{language}" for language in self.targets for stage in TARGET_STAGES
                         if stage not in skipped]

    def cost(self, stage: str, known: Costs) -> float | None:
        """Seconds of a whole stage; None when nobody can tell."""
        name = stage.partition(":")[0]
        if name not in LINE_STAGES:
            return known.per_ms[name] * self.media_ms if name in known.per_ms else None
        lines: float | None = self.due.get(stage)
        if lines is None and known.lines_per_ms is not None:
            lines = known.lines_per_ms * self.media_ms
        if lines == 0:
            return 0.0
        return None if lines is None or name not in known.per_line else known.per_line[name] * lines


def costs(storage: Repository) -> Costs:
    """What stages have cost so far, in all projects."""
    per_ms, per_line = storage.runs.costs()
    return Costs({stage: statistics.median(found) for stage, found in per_ms.items()},
                 {stage: statistics.median(found) for stage, found in per_line.items()}, storage.runs.lines_per_ms())


def own_eta_s(job: Job, now: datetime) -> float | None:
    """What the running stage itself says, less the time since it said so."""
    if job.progress.eta_s is None:
        return None
    age_s = (now - job.heartbeat_at).total_seconds() if job.heartbeat_at is not None else 0.0
    return max(0.0, job.progress.eta_s - age_s)


def eta_s(job: Job, work: Work, known: Costs, now: datetime) -> float | None:
    """Seconds until a running dub is done; None while nobody can tell."""
    stages, now_at, progress = work.stages(), job.progress.stage, job.progress
    to_come = stages
    total = 0.0
    if now_at in stages:
        at = stages.index(now_at)
        left = 1 - min(1.0, progress.done / progress.total) if progress.total > 0 else 1.0
        own, cost = own_eta_s(job, now), work.cost(now_at, known)
        to_come = stages[at + 1:]
        if left > 0:
            if own is None and cost is None:
                return None
            total = own if own is not None else (cost or 0.0) * left
    elif (following := _prepared_by(now_at)) in stages:
        to_come = stages[stages.index(following):]
        total = own_eta_s(job, now) or 0.0
    elif now_at == "adapt":
        # Once a speaker, before the first language's lip-sync: what it still takes is bounded and told by itself.
        to_come = [stage for stage in stages if stage.startswith(("lipsync:", "mix:", "export:", "quality:"))]
        total = own_eta_s(job, now) or 0.0
    elif now_at and now_at not in SOURCE_STAGES:
        # What follows a dub: copies for browsers.
        return own_eta_s(job, now)
    for stage in to_come:
        cost = work.cost(stage, known)
        if cost is None:
            return None
        total += cost
    return total


def _prepared_by(stage: str) -> str:
    """The stage that one of ``PREPARING`` comes before, in its language; "" for any other."""
    name, _, language = stage.partition(":")
    following = PREPARING.get(name, "")
    return f"{following}:{language}" if following and language else following
