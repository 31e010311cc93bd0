"""Takes jobs from the database with leases and works on them, one at a time."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

from dubbing.api import Workspace
from dubbing.errors import DubbingError
from dubbing.ledger import LEASE_S, worker_name
from dubbing.pipeline.progress import Listener, nobody

IDLE_S = 2.0


def work(workspace: Workspace, *, until_idle: bool = False, listener: Listener = nobody,
         say: Callable[[str], None] = lambda _text: None) -> int:
    """Work on jobs as they come; with ``until_idle`` return when none waits. Returns how many were taken.

    A job that fails for a reason that its owner can mend stays failed, with the sentence; the worker goes on.
    """
    name, taken = worker_name(), 0
    storage = workspace.storage
    try:
        while True:
            storage.workers.seen(name, host=socket.gethostname(), pid=os.getpid())
            job = storage.jobs.claim(name, LEASE_S, kinds=["dub"])
            if job is None:
                if until_idle:
                    return taken
                time.sleep(IDLE_S)
                continue
            taken += 1
            say(f"Job {job.id}: project {job.project_id}")
            try:
                workspace.work_on(job, listener=listener)
                say(f"Job {job.id}: done")
            except DubbingError as error:
                say(f"Job {job.id}: {error}")
    finally:
        storage.workers.gone(name)
