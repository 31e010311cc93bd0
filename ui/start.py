"""Starts the workspace and keeps it up: the web server and one worker for each lane, each a process of its own.

This process loads neither Streamlit nor a model. It holds the listening socket, so that a server that died is
replaced without a refused connection, and it ends its children when it is told to stop.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from dubbing.api import load_settings, open_workspace
from dubbing.errors import DubbingError, UsageError

HOST, PORT = "127.0.0.1", 8501
LANES = ("quick", "heavy")
#: How long a process may take to finish what it is writing.
GOODBYE_S = 10.0
#: A process that dies at once, again and again, is started less and less often.
FIRST_REST_S, LONGEST_REST_S, HEALTHY_S = 0.5, 30.0, 60.0
READY_S = 60.0
#: A web server that died young so often does not come up by being started once more.
MOST_DEATHS = 5
#: How often the processes are looked after, and how late a signal may be obeyed.
LOOK_S = 0.25
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(slots=True)
class Child:
    """A process that is started again when it ends."""

    name: str
    command: Sequence[str]
    fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    rest_s: float = FIRST_REST_S
    next_at: float = 0.0
    #: How often in a row it died young.
    deaths: int = 0

    def start(self) -> None:
        # Its own session: Ctrl-C reaches this process alone, which then ends the children in order.
        self.process = subprocess.Popen(self.command, pass_fds=self.fds, stdin=subprocess.DEVNULL,
                                        start_new_session=True, preexec_fn=_end_with_parent)
        self.started_at = time.monotonic()

    def looked_after(self, say: Callable[[str], None]) -> None:
        """Start it when it does not run and its rest is over."""
        now = time.monotonic()
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            self.process = None
            was_healthy = now - self.started_at > HEALTHY_S
            self.deaths = 0 if was_healthy else self.deaths + 1
            self.rest_s = FIRST_REST_S if was_healthy else min(2 * self.rest_s, LONGEST_REST_S)
            self.next_at = now + self.rest_s
            say(f"The {self.name} ended ({_why(code)}); it is started again.")
        if now >= self.next_at:
            self.start()

    def told_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def waited_for(self, until: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _why(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _end_with_parent() -> None:
    """In a new child: be told to stop when the parent is killed (Linux; elsewhere a killed parent leaves it)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def listen(host: str, port: int) -> socket.socket:
    """A socket on which the server will answer. Raises UsageError when it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"{host} is not an address of this machine.", "Give --host 127.0.0.1 or 0.0.0.0.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise UsageError(f"Port {port} of {host} is taken or not allowed.",
                         "Give another one: `make ui PORT=8600` or `dubbing ui --port 8600`.") from error
    return listening


def address_of(listening: socket.socket) -> str:
    """What a person types into a browser on this machine."""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "localhost", "::": "localhost", "127.0.0.1": "localhost"}.get(host, host)
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"


def run(*, host: str = HOST, port: int = PORT, browser: bool = True, workers: bool = True,
        say: Callable[[str], None] = print) -> None:
    """Upgrade the database, start everything, and stay until Ctrl-C or SIGTERM. Raises UsageError."""
    settings = load_settings()
    if settings.single_user and host not in (HOST, "localhost", "::1"):
        raise UsageError("Single-user mode has no sign-in and is for this machine only.",
                         "Leave --host out, or set DUBBING_SINGLE_USER=0 and create accounts.")
    with listen(host, port) as listening:
        with open_workspace(settings):
            pass  # opening creates or upgrades the database, once, before several processes want to
        os.set_inheritable(listening.fileno(), True)
        children = [Child("web server", [sys.executable, "-m", "ui.server", str(listening.fileno())],
                          fds=(listening.fileno(),))]
        if workers:
            children += [Child(f"{lane} worker", [sys.executable, "-m", "dubbing", "worker", "--lane", lane])
                         for lane in LANES]
        _keep_up(children, address_of(listening), browser, say)


def _keep_up(children: Sequence[Child], address: str, browser: bool, say: Callable[[str], None]) -> None:
    """Until told to stop. The first child is the web server, without which there is nothing to keep up."""
    stop, answers = threading.Event(), threading.Event()
    signals: list[int] = []

    def told(number: int, _frame: FrameType | None) -> None:
        # Not ``stop.set()``: a second signal in the middle of it would wait for ever for the lock that the first holds.
        signals.append(number)

    # Set even where a shell ignores SIGINT for background jobs: what is ignored here would be ignored by workers.
    before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        children[0].start()
        threading.Thread(target=_announce, args=(address, browser, say, stop, answers), daemon=True).start()
        while not signals:
            # Workers start once the pages are there: a person waits for those, and two cores are soon full.
            for child in children if answers.is_set() else children[:1]:
                child.looked_after(say)
            if children[0].deaths >= MOST_DEATHS:
                raise DubbingError("The web server does not stay up.", "What it said above tells why.")
            time.sleep(LOOK_S)
    finally:
        stop.set()
        say("Stopping.")
        # Workers first: they hand back their jobs, and the pages still show it.
        for child in reversed(children):
            child.told_to_stop()
        until = time.monotonic() + GOODBYE_S
        for child in children:
            child.waited_for(until)
        for number, handler in before.items():
            signal.signal(number, handler)


def _announce(address: str, browser: bool, say: Callable[[str], None], stop: threading.Event,
              answers: threading.Event) -> None:
    """Say the address, and open it, once the server answers."""
    until = time.monotonic() + READY_S
    while not stop.wait(0.05) and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                break
        except OSError:
            continue
    answers.set()
    if stop.is_set():
        return
    say(f"The workspace is at {address}  (Ctrl-C stops it)")
    if browser and _has_screen():
        webbrowser.open(address)


def _has_screen() -> bool:
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
