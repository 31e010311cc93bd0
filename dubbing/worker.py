"""Takes jobs from the database with leases and works on them, one at a time."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from dubbing.api import Workspace
from dubbing.domain.project import Job, JobStatus
from dubbing.errors import DubbingError
from dubbing.jobs.kinds import ANY, kinds_of
from dubbing.ledger import LEASE_S, is_free, worker_name
from dubbing.pipeline.progress import Listener, nobody
from dubbing.team.retention import Janitor

IDLE_S = 0.5
#: How often a worker says that it is alive, and looks for jobs whose worker is not.
SEEN_S = 5.0
#: How long an order to stop may take while a model computes; then the job is given back and the process ends.
GRACE_S = 6.0


def work(workspace: Workspace, *, lane: str = ANY, until_idle: bool = False, listener: Listener = nobody,
         say: Callable[[str], None] = lambda _text: None) -> int:
    """Work on jobs of ``lane`` as they come; with ``until_idle`` return when none waits. Returns how many were taken.

    A job that fails for a reason that its owner can mend stays failed, with the sentence; so does one that fails
    otherwise, and the worker goes on. SIGTERM and Ctrl-C give the job back and end the worker.
    """
    kinds, name, taken = kinds_of(lane), worker_name(), 0
    janitor = Janitor(workspace) if "dub" in kinds else None
    with _Presence(workspace, name, kinds) as presence, _stoppable(presence):
        while True:
            presence.collect()
            job = workspace.storage.jobs.claim(name, LEASE_S, kinds=kinds)
            if job is None:
                if until_idle:
                    return taken
                if janitor is not None:
                    janitor.now_and_then()
                time.sleep(IDLE_S)
                continue
            taken += 1
            presence.job = job
            say(f"Job {job.id}: {job.kind} of project {job.project_id}")
            try:
                workspace.work_on(job, listener=listener)
                say(f"Job {job.id}: done")
            except Exception as error:
                # Whatever it was stands in the job; another job may well succeed.
                say(f"Job {job.id}: {error if isinstance(error, DubbingError) else repr(error)}")
            finally:
                presence.job = None


class _Presence:
    """Says in the database that a worker is alive, whatever it is busy with."""

    def __init__(self, workspace: Workspace, name: str, kinds: list[str]) -> None:
        self.storage, self.name, self.kinds = workspace.storage, name, kinds
        self.job: Job | None = None
        self._collected = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="presence", daemon=True)

    def __enter__(self) -> _Presence:
        self._seen()
        self._thread.start()
        return self

    def __exit__(self, *_rest: object) -> None:
        self._stop.set()
        self._thread.join(timeout=SEEN_S)
        self.storage.workers.gone(self.name)

    def collect(self) -> None:
        """Free the jobs of processes of this machine that are no more, long before their leases end."""
        if time.monotonic() - self._collected < SEEN_S:
            return
        self._collected = time.monotonic()
        for job in self.storage.jobs.all(statuses=[JobStatus.RUNNING]):
            if job.worker.count(":") == 2 and is_free(job):
                self.storage.jobs.expire(job.id, job.worker)

    def give_back(self) -> None:
        """Put the job in hand back into the queue and leave, from another thread than the one that works."""
        job = self.job
        if job is not None:
            self.storage.jobs.release(job.id, self.name)
        self.storage.workers.gone(self.name)

    def _beat(self) -> None:
        while not self._stop.wait(SEEN_S):
            try:
                self._seen()
            except DubbingError:
                # A busy database is no reason to stop; the next beat is soon.
                continue

    def _seen(self) -> None:
        self.storage.workers.seen(self.name, host=socket.gethostname(), pid=os.getpid(),
                                  abilities={"kinds": self.kinds})


@contextmanager
def _stoppable(presence: _Presence) -> Iterator[None]:
    """Turn SIGTERM into SystemExit, at which a held job is released; a process that cannot stop in time is ended.

    Every result is written beside its place and moved in, so ending at any moment leaves nothing half-made.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    # While native code computes, Python hears no signal; this thread does, through the socket.
    heard, told = socket.socketpair()
    told.setblocking(False)

    def watch() -> None:
        while number := heard.recv(1):
            if number[0] == signal.SIGTERM:
                time.sleep(GRACE_S)
                try:
                    presence.give_back()
                finally:
                    os._exit(128 + signal.SIGTERM)

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    threading.Thread(target=watch, name="stop", daemon=True).start()
    before, fd_before = signal.signal(signal.SIGTERM, stop), signal.set_wakeup_fd(told.fileno())
    try:
        yield
    finally:
        signal.set_wakeup_fd(fd_before)
        signal.signal(signal.SIGTERM, before)
        told.close()
