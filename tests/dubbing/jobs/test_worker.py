"""Workers: lanes, order, jobs given back on SIGTERM, jobs of killed workers taken over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dubbing.api import Workspace
from dubbing.domain.project import Job, JobStatus
from dubbing.errors import UsageError
from dubbing.jobs import kinds
from dubbing.jobs.kinds import Kind, kinds_of
from dubbing.worker import work
from tests.dubbing.team.desks import project

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import sys
from dubbing import worker
from dubbing.api import open_workspace
from dubbing.config import load_settings
from dubbing.jobs import kinds
kinds.KINDS["prepare"] = kinds.Kind("tests.dubbing.jobs.slow:" + sys.argv[1], kinds.QUICK, 10)
worker.GRACE_S = 0.3
with open_workspace(load_settings()) as workspace:
    worker.work(workspace, lane="quick", until_idle=True)
"""


def child(workspace: Workspace, function: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, function], cwd=ROOT,
                            env={**os.environ, "DUBBING_HOME": str(workspace.settings.home)})


def waited(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)


def ask(workspace: Workspace, folder: Path, **payload: object) -> Job:
    made = project(workspace)
    return workspace.storage.jobs.enqueue("prepare", {"begun": str(folder / "begun"), **payload}, project_id=made.id)


def test_lanes_share_out_every_kind() -> None:
    quick, heavy = set(kinds_of("quick")), set(kinds_of("heavy"))
    assert quick | heavy == set(kinds_of("any")) == set(kinds.KINDS) and not quick & heavy
    assert {"take", "audition", "preflight", "prepare"} <= quick and {"dub", "export"} <= heavy
    with pytest.raises(UsageError, match="no lane"):
        kinds_of("fast")


def test_every_kind_has_a_handler() -> None:
    for kind in kinds.KINDS:
        assert callable(kinds.handler(kind))
    with pytest.raises(UsageError, match="no kind of job"):
        kinds.handler("dance")


def test_a_worker_takes_its_lane_only_and_the_urgent_first(empty: Workspace, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("take", "prepare"):
        monkeypatch.setitem(kinds.KINDS, kind, Kind("tests.dubbing.jobs.slow:run", "quick", 0))
    jobs, made = empty.storage.jobs, project(empty)
    payload = {"begun": str(tmp_path / "begun"), "quick": True}
    waiting = [jobs.enqueue(kind, payload, project_id=made.id, priority=kinds.KINDS[kind].priority + extra)
               for kind, extra in (("dub", 0), ("prepare", 10), ("take", 40))]
    order: list[str] = []
    assert work(empty, lane="quick", until_idle=True, say=order.append) == 2
    assert [line.split()[2] for line in order if "project" in line] == ["take", "prepare"]
    assert [jobs.get(job.id).status for job in waiting] == [JobStatus.QUEUED, JobStatus.DONE, JobStatus.DONE]
    assert empty.storage.workers.alive() == []


def test_a_job_that_fails_keeps_the_sentence_and_the_worker_goes_on(empty: Workspace, tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds.KINDS, "take", Kind("tests.dubbing.jobs.slow:missing", "quick", 0))
    monkeypatch.setitem(kinds.KINDS, "prepare", Kind("tests.dubbing.jobs.slow:run", "quick", 0))
    made = project(empty)
    broken = empty.storage.jobs.enqueue("take", {}, project_id=made.id, priority=1)
    fine = empty.storage.jobs.enqueue("prepare", {"begun": str(tmp_path / "x"), "quick": True}, project_id=made.id)
    assert work(empty, until_idle=True) == 2
    failed = empty.storage.jobs.get(broken.id)
    assert failed.status is JobStatus.FAILED
    assert "should not have" in failed.error and "Try the job again" in failed.hint
    assert empty.storage.jobs.get(fine.id).status is JobStatus.DONE


@pytest.mark.parametrize("function", ["run", "compute"])
def test_sigterm_gives_the_job_back(empty: Workspace, tmp_path: Path, function: str) -> None:
    """Also while native code computes, which hears no signal."""
    job = ask(empty, tmp_path)
    process = child(empty, function)
    waited(tmp_path / "begun", process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    left = empty.storage.jobs.get(job.id)
    assert (left.status, left.attempts, left.worker) == (JobStatus.QUEUED, 0, "")
    assert empty.storage.workers.alive() == []


def test_a_killed_workers_job_is_taken_over_at_once(empty: Workspace, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds.KINDS, "prepare", Kind("tests.dubbing.jobs.slow:run", "quick", 10))
    job = ask(empty, tmp_path)
    process = child(empty, "run")
    waited(tmp_path / "begun", process)
    process.kill()
    process.wait()
    assert empty.storage.jobs.get(job.id).status is JobStatus.RUNNING
    started = time.monotonic()
    assert work(empty, lane="quick", until_idle=True) == 1
    assert time.monotonic() - started < 10
    done = empty.storage.jobs.get(job.id)
    assert done.status is JobStatus.DONE and done.result == {"attempts": 2}


def test_a_living_workers_job_is_left_alone(empty: Workspace, tmp_path: Path) -> None:
    job = ask(empty, tmp_path)
    process = child(empty, "run")
    try:
        waited(tmp_path / "begun", process)
        assert work(empty, lane="quick", until_idle=True) == 0
        assert empty.storage.jobs.get(job.id).status is JobStatus.RUNNING
        empty.storage.jobs.request_cancel(job.id)
        process.wait(timeout=60)
        assert empty.storage.jobs.get(job.id).status is JobStatus.CANCELLED
    finally:
        process.kill()
        process.wait()
