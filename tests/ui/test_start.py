"""Keeping the processes of a workspace up, and what is refused before anything starts."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest

from dubbing.config import load_settings
from dubbing.errors import DubbingError, UsageError
from ui import start
from ui.start import FIRST_REST_S, LONGEST_REST_S, Child, address_of, listen, run


def test_a_process_that_dies_is_started_again_after_longer_and_longer_rests() -> None:
    said: list[str] = []
    child = Child("quick worker", [sys.executable, "-S", "-c", "raise SystemExit(3)"])
    child.start()
    rests = []
    for _ in range(3):
        assert child.process is not None
        child.process.wait(20)
        child.looked_after(said.append)
        assert child.process is None, "it rests first"
        rests.append(child.rest_s)
        child.next_at = 0.0
        child.looked_after(said.append)
    assert rests == [2 * FIRST_REST_S, 4 * FIRST_REST_S, 8 * FIRST_REST_S]
    assert said == ["The quick worker ended (exit code 3); it is started again."] * 3
    child.rest_s = LONGEST_REST_S
    assert child.process is not None
    child.process.wait(20)
    child.looked_after(said.append)
    assert child.rest_s == LONGEST_REST_S


def test_a_process_that_lived_long_is_started_again_at_once() -> None:
    child = Child("web server", [sys.executable, "-S", "-c", "pass"], rest_s=LONGEST_REST_S)
    child.start()
    assert child.process is not None
    child.process.wait(20)
    child.started_at -= 3600
    child.looked_after(lambda _text: None)
    assert child.rest_s == FIRST_REST_S


def test_a_process_that_does_not_listen_is_ended_all_the_same() -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    child = Child("heavy worker", [sys.executable, "-S", "-c", deaf])
    child.start()
    assert child.process is not None
    child.told_to_stop()
    child.waited_for(0.0)
    assert child.process.returncode is not None


def test_a_web_server_that_cannot_run_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "LONGEST_REST_S", 0.0)
    # It answered before it began to die, so that workers run.
    monkeypatch.setattr(start, "_announce", lambda *arguments: arguments[-1].set())
    said: list[str] = []
    children = [Child("web server", [sys.executable, "-S", "-c", "raise SystemExit(1)"], rest_s=0.0),
                Child("quick worker", [sys.executable, "-S", "-c", "import time; time.sleep(600)"])]
    with pytest.raises(DubbingError, match="does not stay up"):
        start._keep_up(children, "http://127.0.0.1:9", False, said.append)
    assert children[1].process is not None and children[1].process.returncode is not None
    assert said[-1] == "Stopping."


def test_workers_wait_until_the_pages_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "LONGEST_REST_S", 0.0)
    children = [Child("web server", [sys.executable, "-S", "-c", "raise SystemExit(1)"], rest_s=0.0),
                Child("quick worker", [sys.executable, "-S", "-c", "import time; time.sleep(600)"])]
    with pytest.raises(DubbingError, match="does not stay up"):
        start._keep_up(children, "http://127.0.0.1:9", False, lambda _text: None)
    assert children[1].process is None


def test_addresses_that_cannot_be_had_are_said_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="is taken") as refused:
        listen("127.0.0.1", taken.getsockname()[1])
    assert "PORT=" in refused.value.hint
    with pytest.raises(UsageError):
        listen("no such host.invalid", 0)


def test_people_are_told_an_address_that_they_can_open() -> None:
    for host, shown in (("127.0.0.1", "localhost"), ("0.0.0.0", "localhost")):
        with listen(host, 0) as listening:
            assert address_of(listening) == f"http://{shown}:{listening.getsockname()[1]}"


def test_a_workspace_without_sign_in_is_not_for_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBING_SINGLE_USER", "true")
    load_settings.cache_clear()
    with pytest.raises(UsageError, match="this machine only"):
        run(host="0.0.0.0", port=0, browser=False)


def test_signals_that_come_all_at_once_stop_it_all_the_same() -> None:
    code = ("import sys\nfrom ui.start import Child, _keep_up\n"
            "child = Child('child', [sys.executable, '-c', 'import time; print(1, flush=True); time.sleep(60)'])\n"
            "_keep_up([child], 'http://127.0.0.1:9', False, lambda text: print(text, flush=True))\n"
            "print(child.process.returncode, flush=True)")
    told = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert told.stdout is not None and told.stdout.readline() == "1\n"
    for _ in range(100):
        told.send_signal(signal.SIGTERM)
        told.send_signal(signal.SIGINT)
    out, _ = told.communicate(timeout=30)
    assert out.split() == ["Stopping.", str(-signal.SIGTERM)]
