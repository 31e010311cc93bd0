"""Jobs as people follow them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dubbing.domain.project import Job, JobStatus
from dubbing.domain.workspace import JobView
from dubbing.jobs.eta import Costs, Work, costs, eta_s, own_eta_s
from dubbing.jobs.kinds import neighbours

if TYPE_CHECKING:
    from dubbing.api import Workspace


class Views:
    """Makes views of jobs; what several of them share is read once."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.storage = workspace, workspace.storage
        self._costs: Costs | None = None
        self._kinds: set[str] | None = None

    def of(self, jobs: Iterable[Job]) -> list[JobView]:
        return [self.one(job) for job in jobs]

    def one(self, job: Job, *, counts_ahead: bool = True) -> JobView:
        """``counts_ahead`` False leaves out how many jobs come before it, which asks the database for each."""
        must_count = counts_ahead and job.status is JobStatus.QUEUED
        waits = self.storage.jobs.ahead(job, neighbours(job.kind)) if must_count else 0
        return JobView(job.id, job.kind, job.status, job.project_id, job.progress, job.payload, job.result, job.error,
                       job.hint, job.created_at, job.started_at, job.finished_at, self._eta(job), waits,
                       self._is_alive(job))

    def _is_alive(self, job: Job) -> bool:
        """Whether somebody works on a job, or will when its turn comes."""
        if job.status is JobStatus.RUNNING:
            return job.lease_until is not None and job.lease_until > datetime.now(UTC)
        if self._kinds is None:
            self._kinds = {kind for one in self.storage.workers.abilities() for kind in one.get("kinds", [])}
        return job.status is not JobStatus.QUEUED or job.kind in self._kinds

    def _eta(self, job: Job) -> float | None:
        now = datetime.now(UTC)
        if job.status is not JobStatus.RUNNING:
            return None
        if job.kind != "dub" or job.project_id is None:
            return own_eta_s(job, now)
        if self._costs is None:
            self._costs = costs(self.storage)
        return eta_s(job, self._work(job, job.project_id), self._costs, now)

    def _work(self, job: Job, project_id: str) -> Work:
        project = self.storage.projects.get(project_id)
        options = self.workspace.options(project)
        due: dict[str, int] = {}
        for progress in self.storage.cards.all(ids=[project_id])[0].progress:
            if progress.lines:
                due[f"translate:{progress.language}"] = progress.lines - progress.translated
                due |= dict.fromkeys((f"synthesize:{progress.language}", f"lipsync:{progress.language}"),
                                     progress.lines - progress.dubbed + progress.stale)
        return Work(int(project.media["duration_ms"]), job.payload.get("targets") or options.targets,
                    options.lipsync != "off", self.workspace.is_analysed(project), due)
