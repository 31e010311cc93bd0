"""Jobs at the desk: who may ask for what, who sees it, who may stop it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dubbing.api import Desk, ForbiddenError, Workspace
from dubbing.domain.project import JobStatus, Project
from dubbing.domain.review import Role
from dubbing.errors import UsageError
from dubbing.ledger import LEASE_S, worker_name

Member = Callable[..., Desk]


def test_a_dub_that_waits_is_enough(member: Member, project: Project) -> None:
    at = member("ana", Role.PROJECT_MANAGER)
    first = at.jobs.start(project.id)
    assert first.kind == "dub" and first.status is JobStatus.QUEUED and first.payload["actor"] == "ana"
    assert at.jobs.start(project.id).id == first.id and at.jobs.start(project.id, ["de"]).id == first.id
    assert [job.id for job in at.jobs.active(project.id)] == [first.id]


def test_a_language_that_the_running_dub_leaves_out_gets_a_job(member: Member, project: Project,
                                                              workspace: Workspace) -> None:
    at = member("ana", Role.PROJECT_MANAGER)
    first = at.jobs.start(project.id, ["es"])
    workspace.storage.jobs.claim(worker_name(), LEASE_S)
    assert at.jobs.start(project.id, ["es"]).id == first.id
    second = at.jobs.start(project.id)
    assert second.id != first.id and second.payload["targets"] == ["es", "de"] and second.waits_behind == 1
    with pytest.raises(UsageError, match="not dubbed into fr"):
        at.jobs.start(project.id, ["fr"])


def test_small_jobs_are_no_dub(member: Member, project: Project, workspace: Workspace) -> None:
    at = member("ana", Role.PROJECT_MANAGER)
    at.jobs.prepare(project.id)
    at.jobs.take(project.id, "es", "u0001")
    assert workspace.enqueue(project).kind == "dub" and at.jobs.start(project.id).kind == "dub"
    assert at.jobs.prepare(project.id).id in [job.id for job in at.jobs.active(project.id)]
    assert len(at.jobs.active(project.id)) == 3


def test_a_take_that_waits_is_enough_and_nonsense_is_refused(member: Member, project: Project) -> None:
    at = member("ana", Role.TRANSLATOR, "es")
    first = at.jobs.take(project.id, "es", "u0001")
    assert at.jobs.take(project.id, "es", "u0001").id == first.id
    assert at.jobs.take(project.id, "es", "u0001", pace=1.2).id != first.id
    with pytest.raises(ForbiddenError):
        at.jobs.take(project.id, "de", "u0001")
    with pytest.raises(UsageError, match="no line u9999"):
        at.jobs.take(project.id, "es", "u9999")
    with pytest.raises(UsageError, match="no longer speech"):
        at.jobs.take(project.id, "es", "u0001", pace=5.0)


@pytest.mark.parametrize(("role", "may"), [
    (Role.PROJECT_MANAGER, {"start", "take", "audition", "export", "prepare"}),
    (Role.REVIEWER, {"start", "take", "audition", "export", "prepare"}),
    (Role.AUDIO_MIXER, {"start", "take", "audition", "export", "prepare"}),
    (Role.TRANSLATOR, {"start", "take", "audition", "export", "prepare"}),
    (Role.CLIENT, {"prepare"}),
    (None, set()),
])
def test_who_may_ask_for_what(member: Member, desk: Callable[..., Desk], project: Project, role: Role | None,
                              may: set[str]) -> None:
    at = desk("eve") if role is None else member("eve", role)
    asked = {"start": lambda: at.jobs.start(project.id), "take": lambda: at.jobs.take(project.id, "es", "u0001"),
             "audition": lambda: at.jobs.audition(project.id, "es", "fake", "fake_low", "hola"),
             "export": lambda: at.jobs.export(project.id, "es", "mp4"), "prepare": lambda: at.jobs.prepare(project.id)}
    for name, ask in asked.items():
        if name in may:
            assert ask().status is JobStatus.QUEUED
        else:
            with pytest.raises(ForbiddenError):
                ask()


def test_only_who_sees_a_project_sees_its_jobs(member: Member, desk: Callable[..., Desk], project: Project) -> None:
    job = member("ana", Role.PROJECT_MANAGER).jobs.start(project.id)
    stranger, client = desk("eve"), member("clara", Role.CLIENT)
    assert stranger.jobs.active() == [] and [one.id for one in client.jobs.active()] == [job.id]
    assert [one.id for one in desk("boss", Role.PROJECT_MANAGER).jobs.active()] == [job.id]
    assert client.jobs.get(job.id).id == job.id
    for ask in (lambda: stranger.jobs.get(job.id), lambda: stranger.jobs.active(project.id),
                lambda: stranger.jobs.recent(project.id), lambda: client.jobs.cancel(job.id),
                lambda: stranger.jobs.cancel(job.id)):
        with pytest.raises(ForbiddenError):
            ask()


def test_cancelled_and_tried_again(member: Member, project: Project) -> None:
    at = member("ana", Role.PROJECT_MANAGER)
    job = at.jobs.start(project.id)
    assert at.jobs.cancel(job.id).status is JobStatus.CANCELLED and at.jobs.active(project.id) == []
    assert at.jobs.retry(job.id).status is JobStatus.QUEUED
    with pytest.raises(UsageError, match="no job"):
        at.jobs.get("nothing")


def test_a_preflight_is_its_owners(desk: Callable[..., Desk], member: Member, project: Project, workspace: Workspace,
                                   tmp_path: Path) -> None:
    video = tmp_path / "in" / "a.mp4"
    video.parent.mkdir()
    video.write_bytes(b"x")
    workspace.settings.import_folders.append(video.parent)
    at = desk("boss", Role.PROJECT_MANAGER)
    job = at.jobs.preflight(str(video))
    assert at.jobs.get(job.id).payload["video"] == str(video)
    with pytest.raises(ForbiddenError):
        desk("other", Role.PROJECT_MANAGER).jobs.get(job.id)
    with pytest.raises(ForbiddenError):
        member("tom", Role.TRANSLATOR).jobs.preflight(str(video))
    with pytest.raises(UsageError, match="folders to import from"):
        at.jobs.preflight("/etc/passwd")


def test_workers_are_counted_and_a_job_knows_whether_any_would_take_it(member: Member, project: Project,
                                                                       workspace: Workspace) -> None:
    at = member("ana", Role.PROJECT_MANAGER)
    job = at.jobs.start(project.id)
    assert at.jobs.workers() == 0 and not job.worker_alive
    workspace.storage.workers.seen("quick", host="h", pid=1, abilities={"kinds": ["take"]})
    assert at.jobs.workers() == 1 and not at.jobs.get(job.id).worker_alive
    assert at.jobs.take(project.id, "es", "u0001").worker_alive
    workspace.storage.workers.seen("heavy", host="h", pid=2, abilities={"kinds": ["dub"]})
    assert at.jobs.get(job.id).worker_alive


def test_no_work_for_a_deleted_project(member: Member, project: Project, workspace: Workspace) -> None:
    at = member("ana", Role.PROJECT_MANAGER)
    workspace.storage.projects.delete(project.id)
    with pytest.raises(UsageError, match="is deleted"):
        at.jobs.start(project.id)


def test_a_member_of_one_language_runs_that_language_only(member: Member, project: Project) -> None:
    at = member("ana", Role.TRANSLATOR, "es")
    assert at.jobs.start(project.id).payload["targets"] == ["es"]
    with pytest.raises(ForbiddenError):
        at.jobs.start(project.id, ["es", "de"])
