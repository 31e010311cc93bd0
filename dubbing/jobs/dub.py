"""dub: bring a project's target languages up to date."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dubbing.errors import DubbingError
from dubbing.jobs import warm
from dubbing.jobs.prepare import refresh
from dubbing.pipeline.progress import Clock
from dubbing.weights.store import Store

if TYPE_CHECKING:
    from dubbing.api import Workspace
    from dubbing.domain.project import Job
    from dubbing.ledger import HeldJob
    from dubbing.pipeline.progress import Listener


def run(workspace: Workspace, job: Job, held: HeldJob, listener: Listener) -> dict[str, Any]:
    """``payload["targets"]`` names the languages; all of the project's when it is missing or empty."""
    warm.ROOM.cool()
    project = workspace.storage.projects.get(job.project_id or "")
    options = workspace.checked_options(project, job.payload.get("targets") or None)
    if options.recognizer == "auto":
        fetch_models(held, listener)
    result, _, _ = workspace.bring_up_to_date(project, options, {}, listener, held)
    refresh(workspace, workspace.storage.projects.get(project.id), held.check, listener)
    return {"targets": list(options.targets), "lines": len(result.utterances), "notes": result.notes,
            "quality": result.quality, "seconds": round(sum(stage["seconds"] for stage in result.stages), 1)}


def fetch_models(held: HeldJob, listener: Listener) -> None:
    """Fetch what the default engines need and is not here yet, so that a first dub shows what it waits for.

    What cannot be had is left to the engine that needs it, which knows whether there is another way.
    """
    store = Store()
    for entry in store.defaults():
        held.check()
        if store.find(entry.name) is None:
            with suppress(DubbingError):
                store.fetch(entry.name, Clock("weights", "byte", listener))
