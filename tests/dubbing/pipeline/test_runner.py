"""Artifacts and the runner: what is done stays done, what is half-done is never seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.errors import StorageError
from dubbing.pipeline.artifact import ArtifactStore, artifact_key
from dubbing.pipeline.progress import Clock, Progress
from dubbing.pipeline.runner import Runner, summaries_json
from dubbing.pipeline.stage import Step


def writing(text: str, calls: list[str] | None = None, **params: Any) -> Step:
    def build(folder: Path, facts: dict[str, Any], report: Any) -> None:
        (folder / "out.txt").write_text(text)
        facts["length"] = len(text)
        if calls is not None:
            calls.append(text)

    return Step("write", "1", build, {"text": text, **params})


def test_a_result_is_computed_once(tmp_path: Path) -> None:
    calls: list[str] = []
    first = Runner(ArtifactStore(tmp_path)).run(writing("hello", calls))
    again = Runner(ArtifactStore(tmp_path)).run(writing("hello", calls))
    assert calls == ["hello"]
    assert again == first and again.facts == {"length": 5} and again.path("out.txt").read_text() == "hello"


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                           lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


@given(st.dictionaries(st.text(), json_values), st.dictionaries(st.text(), json_values))
def test_the_key_depends_on_the_parameters_and_not_on_their_order(a: dict[str, Any], b: dict[str, Any]) -> None:
    key = artifact_key("s", "1", "e@1", a, {})
    assert key == artifact_key("s", "1", "e@1", dict(reversed(a.items())), {})
    assert (key == artifact_key("s", "1", "e@1", b, {})) == (repr_json(a) == repr_json(b))


def repr_json(value: dict[str, Any]) -> str:
    import json

    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("other", [("t", "1", "e@1"), ("s", "2", "e@1"), ("s", "1", "e@2")])
def test_stage_engine_and_versions_are_part_of_the_key(other: tuple[str, str, str]) -> None:
    assert artifact_key("s", "1", "e@1", {}, {}) != artifact_key(*other, {}, {})


def test_a_failing_build_leaves_nothing(tmp_path: Path) -> None:
    def build(folder: Path, facts: dict[str, Any], report: Any) -> None:
        (folder / "half.txt").write_text("half")
        raise RuntimeError("boom")

    store = ArtifactStore(tmp_path)
    step = Step("fail", "1", build)
    with pytest.raises(RuntimeError):
        Runner(store).run(step)
    assert store.find(step.key) is None
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_kill_minus_nine_leaves_nothing_visible_and_the_sweep_cleans_up(tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import sys, pathlib, time
        from dubbing.pipeline.artifact import ArtifactStore
        store = ArtifactStore(pathlib.Path(sys.argv[1]))
        with store.build("ab" * 32, {}) as (folder, facts):
            (folder / "half.txt").write_text("half")
            print("ready", flush=True)
            time.sleep(60)
    """)
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline().strip() == "ready"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    store = ArtifactStore(tmp_path)
    assert store.find("ab" * 32) is None
    assert store.sweep() == 1
    assert not list(tmp_path.rglob("half.txt"))


def test_the_second_of_two_builders_keeps_the_first_result(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    with store.build("cd" * 32, {}) as (slow, _):
        (slow / "who").write_text("slow")
        with store.build("cd" * 32, {}) as (fast, _):
            (fast / "who").write_text("fast")
    found = store.find("cd" * 32)
    assert found is not None and found.path("who").read_text() == "fast"


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    def build(folder: Path, facts: dict[str, Any], report: Any) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="full"):
        Runner(ArtifactStore(tmp_path)).run(Step("big", "1", build))


def test_a_check_stops_the_run_and_what_was_done_is_kept(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    allowed = 3

    def check() -> None:
        nonlocal allowed
        allowed -= 1
        if allowed < 0:
            raise Stop

    store, calls = ArtifactStore(tmp_path), list[str]()
    steps = [writing(f"line {i}", calls) for i in range(6)]
    with pytest.raises(Stop):
        Runner(store, check=check).run_each(steps)
    assert calls == ["line 0", "line 1", "line 2"]
    Runner(store).run_each(steps)
    assert calls == [f"line {i}" for i in range(6)]


def test_summaries_say_what_was_reused(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    Runner(store).run(writing("a"))
    runner = Runner(store)
    runner.run_each([writing("a"), writing("b")])
    (row,) = summaries_json(runner.summaries.values())
    assert (row["name"], row["steps"], row["computed"], row["cached"]) == ("write", 2, 1, False)


def test_every_language_has_a_bar_of_its_own(tmp_path: Path) -> None:
    seen: list[Progress] = []
    runner = Runner(ArtifactStore(tmp_path), listener=seen.append)
    for language in ("en", "it"):
        runner.run_each([replace(writing(language), language=language)])
    assert {event.stage for event in seen} == {"write:en", "write:it"}


def test_the_clock_guesses_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    seen: list[Progress] = []
    clock = Clock("s", "frame", seen.append)
    for now in (0.5, 10.0, 20.0):
        clock(now, 100)
    assert [event.eta_s for event in seen] == [None, 90.0, 80.0]
