"""The queue of jobs, and the workers that take them.

A worker holds a job for as long as its lease; a heartbeat renews it. A lease that has run out (the worker
was killed, or its machine is gone) leaves the job free for the next one. Every claim counts as an
attempt, so that a job that kills its worker does not do so for ever: after ``max_attempts`` it has failed.

A worker's id must be unique to its process: it is what tells two holders of the same job apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from dubbing.domain.project import Job, JobProgress, JobStatus, Orders, new_id
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.mapping import to_job
from dubbing.storage.session import Database
from dubbing.storage.tables_work import JobRow, WorkerRow

_QUEUED, _RUNNING, _DONE, _FAILED, _CANCELLED = (status.value for status in JobStatus)


class Jobs:
    """Queues jobs and hands them out. ``clock`` gives the time of day, for tests."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def enqueue(self, kind: str, payload: Mapping[str, Any], *, project_id: str | None = None, priority: int = 0,
                max_attempts: int = 3) -> Job:
        """A new job; the highest ``priority`` comes first, then the oldest."""
        row = JobRow(
            id=new_id(), kind=kind, payload=dict(payload), status=_QUEUED, rank=-priority, project_id=project_id,
            worker="", lease_until=None, heartbeat_at=None, not_before=None, attempts=0, max_attempts=max_attempts,
            cancel_requested=False, progress=asdict(JobProgress()), result={}, error="", hint="",
            created_at=self._clock(), started_at=None, finished_at=None,
        )
        with self._database.write() as session:
            session.add(row)
            session.flush()
            return to_job(row)

    def take(self, job_id: str, worker: str, lease_s: float, *, holder: str) -> Job | None:
        """Take one particular job over from ``holder`` ("" when it waits), who is known to be gone.

        None when the job is not ``holder``'s any more, or is finished: somebody else was faster.
        """
        with self._database.write() as session:
            row = self._found(session, job_id, hold=True)
            if row.status not in (_QUEUED, _RUNNING) or row.worker != holder:
                return None
            return self._claimed(row, worker, lease_s)

    def claim(self, worker: str, lease_s: float, *, kinds: Sequence[str] | None = None) -> Job | None:
        """Take the next job for ``lease_s`` seconds; None when there is none. No two workers get the same."""
        with self._database.write() as session:
            now = self._clock()
            self._collect(session, now)
            query = (
                select(JobRow)
                .where(JobRow.status == _QUEUED, or_(JobRow.not_before.is_(None), JobRow.not_before <= now))
                .order_by(JobRow.rank, JobRow.created_at, JobRow.id)
                .limit(1)
                # Where writers do not queue up for the whole database, each one skips rows that another holds.
                .with_for_update(skip_locked=True)
            )
            if kinds is not None:
                query = query.where(JobRow.kind.in_(kinds))
            row = session.scalar(query)
            if row is None:
                return None
            return self._claimed(row, worker, lease_s)

    def _claimed(self, row: JobRow, worker: str, lease_s: float) -> Job:
        now = self._clock()
        row.status, row.worker, row.attempts = _RUNNING, worker, row.attempts + 1
        row.lease_until, row.heartbeat_at = now + timedelta(seconds=lease_s), now
        row.started_at = row.started_at or now
        return to_job(row)

    def heartbeat(self, job_id: str, worker: str, lease_s: float, progress: JobProgress | None = None) -> Orders:
        """Renew a lease and note progress; says whether to go on, to stop, or that the job is another's now."""
        with self._database.write(durable=False) as session:
            row = self._held(session, job_id, worker)
            if row is None:
                return Orders.LOST
            now = self._clock()
            row.lease_until, row.heartbeat_at = now + timedelta(seconds=lease_s), now
            if progress is not None:
                row.progress = asdict(progress)
            return Orders.CANCEL if row.cancel_requested else Orders.CONTINUE

    def finish(self, job_id: str, worker: str, result: Mapping[str, Any] | None = None) -> bool:
        """Close a job as done. False, and nothing changes, when the job is not this worker's any more."""
        return self._close(job_id, worker, _DONE, result=dict(result or {}))

    def cancelled(self, job_id: str, worker: str) -> bool:
        """Close a job that was stopped on request. False when it is not this worker's any more."""
        return self._close(job_id, worker, _CANCELLED)

    def fail(self, job_id: str, worker: str, error: str, hint: str = "", *, retry_in_s: float | None = None) -> bool:
        """Close a job as failed, with what the user is told.

        With ``retry_in_s`` it goes back into the queue for that long a rest, while it has attempts left.
        False when it is not this worker's any more.
        """
        with self._database.write() as session:
            row = self._held(session, job_id, worker)
            if row is None:
                return False
            now = self._clock()
            row.error, row.hint, row.worker, row.lease_until = error, hint, "", None
            if retry_in_s is not None and row.attempts < row.max_attempts and not row.cancel_requested:
                row.status, row.not_before = _QUEUED, now + timedelta(seconds=retry_in_s)
            else:
                row.status, row.finished_at = _FAILED, now
            return True

    def release(self, job_id: str, worker: str) -> bool:
        """Put a job back as if it had not been claimed: for a worker that is asked to go home."""
        with self._database.write() as session:
            row = self._held(session, job_id, worker)
            if row is None:
                return False
            row.status, row.worker, row.lease_until, row.attempts = _QUEUED, "", None, row.attempts - 1
            return True

    def expire(self, job_id: str, holder: str) -> None:
        """End the lease of a holder who is known to be gone; whoever looks for work next finds the job."""
        with self._database.write() as session:
            row = self._held(session, job_id, holder)
            if row is not None:
                row.lease_until = self._clock() - timedelta(seconds=1)

    def request_cancel(self, job_id: str) -> Job:
        """Ask for a job to be stopped: at once while it waits, at the next heartbeat while it runs."""
        with self._database.write() as session:
            row = self._found(session, job_id, hold=True)
            if row.status in (_QUEUED, _RUNNING):
                row.cancel_requested = True
            if row.status == _QUEUED:
                row.status, row.finished_at = _CANCELLED, self._clock()
            return to_job(row)

    def retry(self, job_id: str) -> Job:
        """Put a failed or cancelled job back into the queue with all its attempts."""
        with self._database.write() as session:
            row = self._found(session, job_id, hold=True)
            if row.status not in (_FAILED, _CANCELLED):
                raise UsageError(f"Job {job_id} is {row.status}.", "Only a failed or cancelled job can be tried again.")
            row.status, row.attempts, row.cancel_requested, row.not_before = _QUEUED, 0, False, None
            row.error, row.hint, row.finished_at, row.progress = "", "", None, asdict(JobProgress())
            return to_job(row)

    def get(self, job_id: str) -> Job:
        """Raises UsageError when there is no such job."""
        with self._database.read() as session:
            return to_job(self._found(session, job_id, hold=False))

    def all(self, *, project_id: str | None = None, statuses: Sequence[JobStatus] | None = None,
            kinds: Sequence[str] | None = None, limit: int = 200) -> list[Job]:
        """Jobs, newest first."""
        query = select(JobRow)
        if kinds is not None:
            query = query.where(JobRow.kind.in_(kinds))
        if project_id is not None:
            query = query.where(JobRow.project_id == project_id)
        if statuses is not None:
            query = query.where(JobRow.status.in_([status.value for status in statuses]))
        with self._database.read() as session:
            rows = session.scalars(query.order_by(JobRow.created_at.desc(), JobRow.id.desc()).limit(limit))
            return [to_job(row) for row in rows]

    def ahead(self, job: Job, kinds: Sequence[str]) -> int:
        """How many jobs of ``kinds`` run or wait before a waiting one."""
        earlier = or_(JobRow.rank < -job.priority,
                      and_(JobRow.rank == -job.priority, JobRow.created_at < job.created_at))
        query = select(func.count()).where(
            JobRow.kind.in_(kinds), JobRow.id != job.id,
            or_(JobRow.status == _RUNNING, and_(JobRow.status == _QUEUED, earlier)),
        )
        with self._database.read() as session:
            return session.scalar(query) or 0

    def counts(self) -> dict[JobStatus, int]:
        """How many jobs are in each status; every status is present."""
        with self._database.read() as session:
            found = session.execute(select(JobRow.status, func.count()).group_by(JobRow.status)).tuples()
            return {**dict.fromkeys(JobStatus, 0), **{JobStatus(status): count for status, count in found}}

    def _collect(self, session: Session, now: datetime) -> None:
        """Put jobs whose lease has run out back into the queue; end those that must not be claimed again."""
        lost = (JobRow.status == _RUNNING, JobRow.lease_until < now)
        gone = {"worker": "", "lease_until": None, "finished_at": now}
        session.execute(
            update(JobRow).where(*lost, JobRow.cancel_requested.is_(True)).values(status=_CANCELLED, **gone)
        )
        session.execute(
            update(JobRow).where(*lost, JobRow.attempts >= JobRow.max_attempts).values(
                status=_FAILED, error="Every worker that took this job has died or stalled.",
                hint="Look into the worker's log; memory may have run out. Then try the job again.", **gone,
            )
        )
        session.execute(update(JobRow).where(*lost).values(status=_QUEUED, worker="", lease_until=None))

    def _close(self, job_id: str, worker: str, status: str, **values: Any) -> bool:
        with self._database.write() as session:
            row = self._held(session, job_id, worker)
            if row is None:
                return False
            row.status, row.worker, row.lease_until, row.finished_at = status, "", None, self._clock()
            row.error, row.hint = "", ""
            for name, value in values.items():
                setattr(row, name, value)
            return True

    @staticmethod
    def _found(session: Session, job_id: str, *, hold: bool) -> JobRow:
        row = session.get(JobRow, job_id, with_for_update=True if hold else None)
        if row is None:
            raise UsageError(f"There is no job {job_id}.", "It may have been removed with its project.")
        return row

    @staticmethod
    def _held(session: Session, job_id: str, worker: str) -> JobRow | None:
        """The job's row while ``worker`` still holds it, even past its lease as long as nobody looked for work."""
        row = session.get(JobRow, job_id, with_for_update=True)
        return row if row is not None and row.status == _RUNNING and row.worker == worker else None


class Workers:
    """Says which worker processes are alive."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def seen(self, worker: str, *, host: str, pid: int, abilities: Mapping[str, Any] | None = None) -> None:
        """Note that a worker is alive: call it when it starts, and now and then while it waits."""
        with self._database.write(durable=False) as session:
            row = session.get(WorkerRow, worker)
            if row is None:
                row = WorkerRow(id=worker, host=host, pid=pid, abilities={}, started_at=self._clock())
                session.add(row)
            row.abilities, row.seen_at = dict(abilities or {}), self._clock()

    def alive(self, within_s: float = 30.0) -> list[str]:
        """Ids of the workers that were seen in the last ``within_s`` seconds."""
        since = self._clock() - timedelta(seconds=within_s)
        with self._database.read() as session:
            return list(session.scalars(select(WorkerRow.id).where(WorkerRow.seen_at >= since).order_by(WorkerRow.id)))

    def abilities(self, within_s: float = 30.0) -> list[dict[str, Any]]:
        """What each worker that was seen in the last ``within_s`` seconds says that it can do."""
        since = self._clock() - timedelta(seconds=within_s)
        with self._database.read() as session:
            return [dict(found) for found in session.scalars(
                select(WorkerRow.abilities).where(WorkerRow.seen_at >= since).order_by(WorkerRow.id))]

    def gone(self, worker: str) -> None:
        """Forget a worker that goes home."""
        with self._database.write(durable=False) as session:
            row = session.get(WorkerRow, worker)
            if row is not None:
                session.delete(row)
