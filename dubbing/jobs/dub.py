"""dub: bring a project's target languages up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dubbing.jobs import warm
from dubbing.jobs.prepare import refresh

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
    result, _, _ = workspace.bring_up_to_date(project, options, {}, listener, held)
    refresh(workspace, workspace.storage.projects.get(project.id), held.check, listener)
    return {"targets": list(options.targets), "lines": len(result.utterances), "notes": result.notes,
            "quality": result.quality, "seconds": round(sum(stage["seconds"] for stage in result.stages), 1)}
