"""Kinds of jobs: which function does each, and which worker takes it.

Quick jobs are those that a person waits for with the line before them; heavy ones take minutes. Each lane has workers
of its own, so that a line is heard anew while a whole film is being dubbed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dubbing.errors import UsageError

if TYPE_CHECKING:
    from dubbing.api import Workspace
    from dubbing.domain.project import Job
    from dubbing.ledger import HeldJob
    from dubbing.pipeline.progress import Listener

    #: ``handler(workspace, job, held, listener)`` does a claimed job; what it returns (small, JSON) is its result.
    Handler = Callable[[Workspace, Job, HeldJob, Listener], Mapping[str, Any]]

QUICK, HEAVY, ANY = "quick", "heavy", "any"
LANES = (QUICK, HEAVY, ANY)


@dataclass(frozen=True, slots=True)
class Kind:
    """``target`` is "module:function"; of two waiting jobs the one of higher ``priority`` comes first."""

    target: str
    lane: str
    priority: int


KINDS: dict[str, Kind] = {
    "take": Kind("dubbing.jobs.take:run", QUICK, 40),
    "audition": Kind("dubbing.jobs.audition:run", QUICK, 30),
    "preflight": Kind("dubbing.jobs.preflight:run", QUICK, 20),
    "prepare": Kind("dubbing.jobs.prepare:run", QUICK, 10),
    # Subtitles and scripts come from the database alone: nobody waits for them behind a film.
    "text_export": Kind("dubbing.jobs.export:run", QUICK, 15),
    "export": Kind("dubbing.jobs.export:run", HEAVY, 5),
    "dub": Kind("dubbing.jobs.dub:run", HEAVY, 0),
}


def handler(kind: str) -> Handler:
    """The function that does jobs of this kind. Raises UsageError when there is none."""
    if kind not in KINDS:
        raise UsageError(f"There is no kind of job called {kind}.", "A newer version may have made it.")
    module, _, name = KINDS[kind].target.partition(":")
    found: Handler = getattr(importlib.import_module(module), name)
    return found


def kinds_of(lane: str) -> list[str]:
    """The kinds that a worker of this lane takes. Raises UsageError for an unknown lane."""
    if lane not in LANES:
        raise UsageError(f"There is no lane {lane}.", f"Choose one of: {', '.join(LANES)}.")
    return [name for name, kind in KINDS.items() if lane in (kind.lane, ANY)]


def neighbours(kind: str) -> list[str]:
    """The kinds that wait in the same queue."""
    lane = KINDS[kind].lane if kind in KINDS else HEAVY
    return kinds_of(lane)
