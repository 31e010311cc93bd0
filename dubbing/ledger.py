"""Writes stage runs and a job's progress into the database, and keeps the job's lease alive."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dubbing.domain.project import Job, JobProgress, JobStatus, Orders, RunStatus
from dubbing.errors import ConflictError, DubbingError
from dubbing.pipeline.progress import Progress
from dubbing.pipeline.stage import Step

if TYPE_CHECKING:
    from dubbing.storage.repository import Repository

LEASE_S = 45.0
BEAT_S = 1.0


class Cancelled(DubbingError):
    """Somebody asked for the job to be stopped."""

    exit_code = 130


class DatabaseLedger:
    """A pipeline Ledger that records a project's stage runs; ``media_ms`` is the video's length."""

    def __init__(self, storage: Repository, project_id: str, media_ms: int) -> None:
        self.storage, self.project_id, self.media_ms = storage, project_id, media_ms

    def begin(self, step: Step) -> str:
        run = self.storage.runs.start(self.project_id, step.stage, artifact_key=step.key, engine=step.engine_name,
                                      language=step.language or "", utterance_id=step.utterance or "",
                                      media_ms=self.media_ms if step.utterance is None else 0)
        return run.id

    def end(self, handle: str, seconds: float, peak_bytes: int, error: str | None) -> None:
        status = RunStatus.DONE if error is None else RunStatus.FAILED
        self.storage.runs.finish(handle, status, seconds=seconds, peak_memory_bytes=peak_bytes, error=error or "")

    def reuse(self, step: Step) -> None:
        # A reused result is no run: the row of the run that made it is still there.
        return None


class HeldJob:
    """A claimed job. ``check`` raises when it was cancelled or lost; ``listener`` takes its progress.

    ``result`` (small, JSON) is what the job hands back when it is done.
    """

    def __init__(self, storage: Repository, job: Job, worker: str) -> None:
        self.storage, self.job, self.worker = storage, job, worker
        self.result: dict[str, Any] = {}
        self._progress: JobProgress | None = None
        self._orders = Orders.CONTINUE
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def listener(self, event: Progress) -> None:
        self._progress = JobProgress(event.stage, event.done, event.total, event.unit, event.message, event.eta_s)

    def check(self) -> None:
        if self._orders is Orders.CANCEL:
            raise Cancelled("The job was cancelled.", "Start it again to go on where it was.")
        if self._orders is Orders.LOST:
            raise ConflictError("Another process took this job over.",
                                "This one stalled for longer than its lease; follow the other one.")

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                self._orders = self.storage.jobs.heartbeat(self.job.id, self.worker, LEASE_S, self._progress)
            except DubbingError:
                # A busy database is no reason to stop; the lease outlasts several missed beats.
                continue
            if self._orders is not Orders.CONTINUE:
                return

    @contextmanager
    def held(self) -> Iterator[HeldJob]:
        """Renew the lease for as long as the block runs; then close the job as what it became."""
        self._thread.start()
        try:
            yield self
        except Cancelled:
            self._end()
            self.storage.jobs.cancelled(self.job.id, self.worker)
            raise
        except DubbingError as error:
            self._end()
            self.storage.jobs.fail(self.job.id, self.worker, error.message, error.hint)
            raise
        except (KeyboardInterrupt, SystemExit):
            # Asked to go home: the job waits for whoever comes next.
            self._end()
            self.storage.jobs.release(self.job.id, self.worker)
            raise
        except BaseException as error:
            self._end()
            self.storage.jobs.fail(self.job.id, self.worker,
                                   f"Something went wrong that should not have ({type(error).__name__}: {error}).",
                                   "What was finished is kept. Try the job again; if it fails again, report it.")
            raise
        else:
            self._end()
            self.storage.jobs.finish(self.job.id, self.worker, self.result)

    def _end(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5.0)


def worker_name() -> str:
    """A name that is unique to this process and says where it runs."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


def is_free(job: Job) -> bool:
    """Whether nobody works on an active job: it waits, its lease has run out, or its process is no more."""
    if job.status is JobStatus.QUEUED or job.lease_until is None or job.lease_until < datetime.now(UTC):
        return True
    host, pid, _ = job.worker.split(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
