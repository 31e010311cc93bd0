"""The queue: claims, leases, killed workers, poison, cancelling; stage runs, exports and workers."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubbing.domain.project import JobProgress, JobStatus, Orders, Project, RunStatus
from dubbing.errors import UsageError
from dubbing.storage.jobs import Jobs, Workers
from dubbing.storage.repository import Repository, open_repository

FORK = multiprocessing.get_context("fork")


class Clock:
    """A time of day that moves when told to."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def url(database_file: Path) -> str | Path:
    """Where ``repository`` keeps its data, for other processes to open."""
    return os.environ.get("DUBBING_TEST_URL", database_file)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(repository: Repository, clock: Clock) -> Jobs:
    return Jobs(repository.database, clock)


def test_a_job_from_queue_to_result(jobs: Jobs, clock: Clock, project: Project) -> None:
    queued = jobs.enqueue("dub", {"to": ["es"]}, project_id=project.id)
    assert queued.status is JobStatus.QUEUED and queued.attempts == 0
    job = jobs.claim("w1", 30)
    assert job is not None and job.id == queued.id and job.payload == {"to": ["es"]}
    assert (job.status, job.worker, job.attempts, job.lease_until) == (
        JobStatus.RUNNING, "w1", 1, clock.now + timedelta(seconds=30))
    assert jobs.claim("w2", 30) is None
    progress = JobProgress("translate", 3, 10, "lines", "Translating", 12.5)
    assert jobs.heartbeat(job.id, "w1", 60, progress) is Orders.CONTINUE
    assert jobs.get(job.id).progress == progress
    assert jobs.finish(job.id, "w1", {"outputs": 1})
    done = jobs.get(job.id)
    assert (done.status, done.result, done.worker, done.lease_until) == (JobStatus.DONE, {"outputs": 1}, "", None)
    assert done.finished_at == clock.now and not jobs.finish(job.id, "w1")


def test_priority_then_age_then_kind(jobs: Jobs, clock: Clock) -> None:
    for kind, priority in [("a", 0), ("b", 5), ("c", 5), ("d", 0)]:
        jobs.enqueue(kind, {}, priority=priority)
        clock.pass_s(1)
    claimed = [jobs.claim("w", 30, kinds=["d"]), *[jobs.claim("w", 30) for _ in range(4)]]
    assert [job.kind if job else None for job in claimed] == ["d", "b", "c", "a", None]


def test_a_lease_that_ran_out_frees_the_job(jobs: Jobs, clock: Clock) -> None:
    jobs.enqueue("dub", {})
    first = jobs.claim("w1", 30)
    clock.pass_s(29)
    assert first is not None and jobs.claim("w2", 30) is None
    assert jobs.heartbeat(first.id, "w1", 30) is Orders.CONTINUE
    clock.pass_s(29)
    assert jobs.claim("w2", 30) is None
    clock.pass_s(2)
    second = jobs.claim("w2", 30)
    assert second is not None and second.id == first.id and second.attempts == 2
    assert jobs.heartbeat(first.id, "w1", 30) is Orders.LOST
    assert not jobs.finish(first.id, "w1") and not jobs.fail(first.id, "w1", "late")
    assert not jobs.release(first.id, "w1")
    assert jobs.get(first.id).worker == "w2"


def test_a_job_that_kills_every_worker_ends_as_failed(jobs: Jobs, clock: Clock) -> None:
    poison = jobs.enqueue("dub", {}, max_attempts=3)
    for attempt in range(1, 4):
        job = jobs.claim(f"w{attempt}", 10)
        assert job is not None and job.attempts == attempt
        clock.pass_s(11)
    assert jobs.claim("w4", 10) is None
    dead = jobs.get(poison.id)
    assert dead.status is JobStatus.FAILED and "died" in dead.error and dead.hint
    again = jobs.retry(poison.id)
    assert again.status is JobStatus.QUEUED and again.attempts == 0 and again.error == ""
    assert jobs.claim("w5", 10) is not None


def test_a_failure_rests_and_is_tried_again(jobs: Jobs, clock: Clock) -> None:
    job = jobs.enqueue("dub", {}, max_attempts=2)
    assert jobs.claim("w", 10) is not None
    assert jobs.fail(job.id, "w", "The server is busy.", "Wait.", retry_in_s=5)
    assert jobs.claim("w", 10) is None
    clock.pass_s(6)
    assert jobs.claim("w", 10) is not None
    assert jobs.fail(job.id, "w", "The server is busy.", retry_in_s=5)
    assert jobs.get(job.id).status is JobStatus.FAILED
    hopeless = jobs.enqueue("dub", {})
    jobs.claim("w", 10)
    assert jobs.fail(hopeless.id, "w", "No such file.", "Look.")
    told = jobs.get(hopeless.id)
    assert (told.status, told.error, told.hint) == (JobStatus.FAILED, "No such file.", "Look.")


def test_cancelling(jobs: Jobs, clock: Clock) -> None:
    waiting = jobs.enqueue("dub", {})
    assert jobs.request_cancel(waiting.id).status is JobStatus.CANCELLED
    running = jobs.enqueue("dub", {})
    assert jobs.claim("w", 10) is not None
    assert jobs.request_cancel(running.id).status is JobStatus.RUNNING
    assert jobs.heartbeat(running.id, "w", 10) is Orders.CANCEL
    assert jobs.cancelled(running.id, "w") and jobs.get(running.id).status is JobStatus.CANCELLED
    lost = jobs.enqueue("dub", {})
    jobs.claim("w", 10)
    jobs.request_cancel(lost.id)
    clock.pass_s(11)
    assert jobs.claim("w2", 10) is None and jobs.get(lost.id).status is JobStatus.CANCELLED
    assert jobs.request_cancel(lost.id).status is JobStatus.CANCELLED
    assert jobs.counts() == {**dict.fromkeys(JobStatus, 0), JobStatus.CANCELLED: 3}
    with pytest.raises(UsageError, match="no job"):
        jobs.request_cancel("nothing")


def test_a_released_job_costs_no_attempt(jobs: Jobs) -> None:
    job = jobs.enqueue("dub", {})
    jobs.claim("w1", 10)
    assert jobs.release(job.id, "w1")
    again = jobs.claim("w2", 10)
    assert again is not None and again.attempts == 1


def test_a_particular_job_is_taken_over_from_who_is_gone(jobs: Jobs) -> None:
    job = jobs.enqueue("dub", {})
    first = jobs.take(job.id, "w1", 10, holder="")
    assert first is not None and first.worker == "w1" and first.attempts == 1
    assert jobs.take(job.id, "w2", 10, holder="") is None and jobs.take(job.id, "w2", 10, holder="w0") is None
    second = jobs.take(job.id, "w2", 10, holder="w1")
    assert second is not None and second.worker == "w2" and second.attempts == 2
    assert not jobs.finish(job.id, "w1") and jobs.finish(job.id, "w2")
    assert jobs.take(job.id, "w3", 10, holder="") is None


def test_jobs_of_a_project(jobs: Jobs, project: Project) -> None:
    mine, other = jobs.enqueue("dub", {}, project_id=project.id), jobs.enqueue("dub", {})
    assert [job.id for job in jobs.all(project_id=project.id)] == [mine.id]
    assert [job.id for job in jobs.all(statuses=[JobStatus.QUEUED])] == [other.id, mine.id]
    with pytest.raises(UsageError, match="is queued"):
        jobs.retry(mine.id)


def _claim_all(url: str | Path, name: str, barrier: object, out: object) -> None:
    with open_repository(url) as repository:
        barrier.wait()  # type: ignore[attr-defined]
        mine = []
        while (job := repository.jobs.claim(name, 60)) is not None:
            mine.append(job.id)
        out.put(mine)  # type: ignore[attr-defined]


def test_processes_share_the_queue_without_claiming_twice(repository: Repository, url: str | Path) -> None:
    queued = [repository.jobs.enqueue("dub", {"n": n}).id for n in range(60)]
    repository.close()
    barrier, out = FORK.Barrier(3), FORK.Queue()
    workers = [FORK.Process(target=_claim_all, args=(url, f"w{n}", barrier, out)) for n in range(3)]
    for worker in workers:
        worker.start()
    shares = [out.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert sorted(job for share in shares for job in share) == sorted(queued)
    assert all(job.attempts == 1 for job in repository.jobs.all())


def _claim_and_hang(url: str | Path, claimed: object) -> None:
    with open_repository(url) as repository:
        job = repository.jobs.claim("doomed", 0.5)
        assert job is not None
        with repository.database.write() as session:  # killed inside a transaction, lock in hand
            session.connection().exec_driver_sql("UPDATE jobs SET rank = -99")
            claimed.set()  # type: ignore[attr-defined]
            time.sleep(60)


def test_the_job_of_a_killed_worker_is_taken_over(repository: Repository, url: str | Path) -> None:
    job = repository.jobs.enqueue("dub", {})
    repository.close()
    claimed = FORK.Event()
    worker = FORK.Process(target=_claim_and_hang, args=(url, claimed))
    worker.start()
    assert claimed.wait(30) and worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL
    assert repository.jobs.get(job.id).worker == "doomed"
    deadline = time.monotonic() + 30
    taken = None
    while taken is None and time.monotonic() < deadline:
        taken = repository.jobs.claim("heir", 60)
        time.sleep(0.05)
    assert taken is not None and taken.id == job.id and taken.attempts == 2
    assert taken.priority == 0, "what the killed process had not committed never happened"


STEPS = st.lists(st.sampled_from(["claim", "beat", "finish", "fail", "retry", "cancel", "wait"]), max_size=25)


@pytest.fixture(scope="module")
def fresh(new_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], tuple[Jobs, Clock]]:
    """One database for all examples; each one begins with an empty queue."""
    repository = open_repository(shutil.copyfile(new_database, tmp_path_factory.mktemp("fresh") / "dubbing.db"))

    def make() -> tuple[Jobs, Clock]:
        clock = Clock()
        with repository.database.write() as session:
            session.connection().exec_driver_sql("DELETE FROM jobs")
        return Jobs(repository.database, clock), clock

    return make


@settings(max_examples=30, deadline=None)
@given(STEPS)
def test_whatever_happens_a_job_has_one_holder_and_a_bounded_number_of_attempts(
    fresh: Callable[[], tuple[Jobs, Clock]], steps: list[str]
) -> None:
    jobs, clock = fresh()
    job_id, holder = jobs.enqueue("dub", {}, max_attempts=3).id, ""
    for number, step in enumerate(steps):
        before = jobs.get(job_id)
        if step == "claim" and jobs.claim(f"w{number}", 10) is not None:
            holder = f"w{number}"
        elif step == "beat":
            jobs.heartbeat(job_id, holder, 10)
        elif step == "finish":
            jobs.finish(job_id, holder)
        elif step == "fail":
            jobs.fail(job_id, holder, "no", retry_in_s=5)
        elif step == "cancel":
            jobs.request_cancel(job_id)
        elif step == "retry" and before.status in (JobStatus.FAILED, JobStatus.CANCELLED):
            jobs.retry(job_id)
        elif step == "wait":
            clock.pass_s(11)
        after = jobs.get(job_id)
        assert after.attempts <= after.max_attempts
        assert (after.status is JobStatus.RUNNING) == (after.worker != "") == (after.lease_until is not None)
        assert (after.finished_at is not None) == (after.status not in (JobStatus.QUEUED, JobStatus.RUNNING))
        if before.status is JobStatus.DONE:
            assert after == before, "what is done stays done"


def test_workers_come_and_go(repository: Repository, clock: Clock) -> None:
    workers = Workers(repository.database, clock)
    workers.seen("w1", host="here", pid=1, abilities={"gpu": False})
    clock.pass_s(20)
    workers.seen("w2", host="here", pid=2)
    assert workers.alive() == ["w1", "w2"]
    clock.pass_s(20)
    assert workers.alive() == ["w2"]
    workers.gone("w2")
    workers.gone("w2")
    assert workers.alive() == []


def test_stage_runs_count_attempts_and_tell_the_pace(repository: Repository, project: Project) -> None:
    runs = repository.runs
    assert runs.pace("translate") is None
    for seconds in (30.0, 60.0, 600.0):
        run = runs.start(project.id, "translate", artifact_key="a" * 64, engine="fake", language="es", media_ms=60_000)
        runs.finish(run.id, RunStatus.DONE, seconds=seconds, peak_memory_bytes=5_000_000_000)
    assert [run.attempt for run in runs.all(project.id)] == [3, 2, 1]
    assert runs.pace("translate") == runs.pace("translate", "fake") == 60.0
    assert runs.pace("translate", "other") is None and runs.pace("translate", last=1) == 600.0
    cached = runs.start(project.id, "translate", artifact_key="b" * 64, utterance_id="u0001", media_ms=60_000)
    closed = runs.finish(cached.id, RunStatus.CACHED, seconds=0.0)
    assert closed.attempt == 1 and closed.finished_at is not None and runs.pace("translate") == 60.0
    assert [run.id for run in runs.all(project.id, stage="translate", utterance_id="u0001")] == [cached.id]
    assert runs.all(project.id, language="es")[0].peak_memory_bytes == 5_000_000_000


def test_what_a_killed_process_left_running_is_closed(repository: Repository, project: Project) -> None:
    run = repository.runs.start(project.id, "lipsync", artifact_key="c" * 64)
    assert repository.runs.abandon(project.id) == 1 and repository.runs.abandon(project.id) == 0
    left = repository.runs.all(project.id)[0]
    assert left.id == run.id and left.status is RunStatus.FAILED and "gone" in left.error


def test_exports_are_remembered(repository: Repository, project: Project) -> None:
    first = repository.exports.record(project.id, "es", "out.mp4", sha256="0" * 64, preset="web",
                                      revisions={"u0001": 3})
    second = repository.exports.record(project.id, "de", "out.de.mp4", sha256="1" * 64, preset="web", revisions={})
    assert repository.exports.all(project.id) == [second, first]
    assert repository.exports.all(project.id, "es")[0].revisions == {"u0001": 3}
