"""The workspace as people run it, ``dubbing ui`` with its processes, on a home of its own; and a home to look at."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from dubbing.api import DubOptions
from dubbing.domain.project import Project
from dubbing.domain.review import Role
from tests.media_factory import make
from tests.ui.factory import Home, make_home

REPOSITORY = Path(__file__).parents[3]
ADDRESS = re.compile(r"http://\S+:\d+")
#: Every engine is one that says that it is a fake: quick, and the same every time.
KINDS = ("recognizer", "diarizer", "translator", "synthesizer", "separator", "lipsync")
FAKES = {kind: "fake" for kind in KINDS}
#: The same for projects that a page makes: what the settings of the workspace prefer.
FAKE_SETTINGS = {f"DUBBING_{kind.upper()}": "fake" for kind in KINDS}


class Live:
    """A running workspace. ``said`` is what it printed."""

    def __init__(self, home: Path, *, workers: bool, environment: dict[str, str] | None = None) -> None:
        self.home, self.said = home, []
        variables = {**os.environ, "DUBBING_HOME": str(home), "DUBBING_SETTINGS_FILE": str(home / "no-settings.toml"),
                     "PYTHONUNBUFFERED": "1", **(environment or {})}
        command = [sys.executable, "-m", "dubbing", "ui", "--port", "0", "--no-browser",
                   *([] if workers else ["--no-worker"])]
        self.process = subprocess.Popen(command, cwd=REPOSITORY, env=variables, stderr=subprocess.PIPE, text=True)
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.url = self._address()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            self._lines.put(line)

    def _address(self) -> str:
        until = time.monotonic() + 90
        while time.monotonic() < until and self.process.poll() is None:
            try:
                found = ADDRESS.search(self._lines.get(timeout=0.2))
            except queue.Empty:
                continue
            if found:
                return found.group()
        self.stop()
        raise AssertionError(f"The workspace did not start:\n{''.join(self.said)}")

    def children(self, *words: str) -> list[psutil.Process]:
        """Its processes whose command line has all of ``words``."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in found if set(words) <= set(_command_line(one))]

    def stop(self) -> int:
        """Tell it to stop; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def running(home: Path, *, workers: bool = True, **environment: str) -> Iterator[Live]:
    """A workspace that stops at the end."""
    live = Live(home, workers=workers, environment=environment)
    try:
        yield live
    finally:
        live.stop()


def eventually(true: Callable[[], Any], *, within_s: float = 30.0, what: str = "") -> Any:
    """Wait until ``true()`` is, and return it. Raises AssertionError."""
    began = time.monotonic()
    while (waited := time.monotonic() - began) < within_s:
        found = true()
        if found:
            return found
        # Looked at ever more rarely: what takes long needs the processor itself.
        time.sleep(min(1.0, 0.05 + waited / 20))
    raise AssertionError(f"{what or 'It'} did not happen within {within_s:.0f} s")


def dubbed_home(folder: Path, *, seconds: int = 6) -> tuple[Home, Project]:
    """People of ``make_home`` and a short clip that fake engines have dubbed into English, all members in it."""
    home = make_home(folder, lines=3)
    clip = make(folder, "clip.mp4", frames=25 * seconds + 10, sound="bursts", height=180, width=320)
    options = DubOptions(targets=("en",), source="es", **FAKES)
    with home.workspace() as workspace:
        project = workspace.create(clip, options, name="Clip", actor="pablo")
        workspace.run(project)
        for login, role, language in (("tomas", Role.TRANSLATOR, "en"), ("rita", Role.REVIEWER, ""),
                                      ("clara", Role.CLIENT, "")):
            workspace.storage.memberships.add(project.id, home.people[login], role, language)
        return home, workspace.project(project.id)


