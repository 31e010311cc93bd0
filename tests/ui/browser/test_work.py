"""Work that goes on whatever happens: a page that is reloaded, a worker that is killed, a workspace that is stopped."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import expect

from dubbing.api import DubOptions
from dubbing.domain.project import Job, JobStatus, Project
from tests.media_factory import make
from tests.ui.browser.conftest import Open
from tests.ui.browser.live import FAKES, eventually, running
from tests.ui.factory import Home, make_home


def new_project(home: Home, folder: Path, name: str) -> Project:
    """A clip that nobody has worked on yet."""
    clip = make(folder, f"{name}.mp4", frames=160, sound="bursts", height=180, width=320)
    with home.workspace() as workspace:
        return workspace.create(clip, DubOptions(targets=("en",), source="es", **FAKES), name=name, actor="ada")


def caught(home: Home, job_id: str) -> tuple[Job, psutil.Process]:
    """Wait until a worker has a job in hand, and hold that worker still in the middle of it.

    Looked at often: with fake engines a quiet machine is through with a dub in less than a second.
    """
    with home.workspace() as workspace:
        until = time.monotonic() + 30
        while (job := workspace.storage.jobs.get(job_id)).status is not JobStatus.RUNNING:
            assert job.status is JobStatus.QUEUED and time.monotonic() < until, f"the job is {job.status}"
            time.sleep(0.005)
        worker = psutil.Process(int(job.worker.split(":")[1]))
        worker.suspend()
        return workspace.storage.jobs.get(job_id), worker


def test_a_job_outlives_a_reload_and_its_worker(town: Any, window: Open, tmp_path: Path) -> None:
    live, home, _ = town
    project = new_project(home, tmp_path, "Twice begun")
    one = window(live, home, "ada", "/")
    with home.desk("ada") as desk:
        started = desk.jobs.start(project.id)
    job, worker = caught(home, started.id)
    try:
        assert job.status is JobStatus.RUNNING
        bar = one.key(f"job_{job.id}")
        one.page.reload()
        one.settle()
        expect(bar.get_by_role("progressbar")).to_be_visible()
        shown = bar.inner_text()
        one.page.reload()
        one.settle()
        expect(bar).to_contain_text(shown.splitlines()[0])
    finally:
        worker.kill()
    eventually(lambda: "worker ended (signal SIGKILL)" in "".join(live.said), what="word of the killed worker")
    with home.desk("ada") as desk:
        done = eventually(lambda: (now := desk.jobs.get(job.id)).status is JobStatus.DONE and now, within_s=60,
                          what="the end of the job by another worker")
        assert done.result and desk.jobs.workers() >= 1
    expect(bar).to_have_count(0)
    expect(one.page.get_by_role("link", name="Twice begun").first).to_be_visible()


def test_stopping_ends_every_process_and_gives_the_job_back(tmp_path: Path) -> None:
    home = make_home(tmp_path, lines=1)
    project = new_project(home, tmp_path, "Interrupted")
    with running(home.path / "home") as live:
        with home.desk("ada") as desk:
            started = desk.jobs.start(project.id)
        _, worker = caught(home, started.id)
        processes = live.children()
        assert len(processes) == 3, "a web server and a worker for each lane"
        worker.resume()
        assert live.stop() == 0
        gone, alive = psutil.wait_procs(processes, timeout=5)
        assert not alive and len(gone) == 3
    with home.workspace() as workspace:
        job = workspace.storage.jobs.get(started.id)
        assert job.status in (JobStatus.QUEUED, JobStatus.DONE), "given back, or just finished"
        # On a busy machine one may have been killed before it said that it goes; nobody believes in it for long.
        until = time.monotonic() + 40
        while workspace.storage.workers.alive() and time.monotonic() < until:
            time.sleep(0.5)
        assert not workspace.storage.workers.alive()


def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path) -> None:
    from click.testing import CliRunner

    import dubbing.cli_ui  # noqa: F401  (registers the command)
    from dubbing.cli import cli

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = CliRunner().invoke(cli, ["ui", "--port", str(port), "--no-browser"])
    assert f"Port {port} of 127.0.0.1 is taken" in str(outcome.exception)
