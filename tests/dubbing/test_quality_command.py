"""Quality control over the real pipeline and a real database, with engines that say that they are fakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dubbing.qc.report import CHECKS
from tests.media_factory import make

FAKES = ["--from", "es", "--recognizer", "fake", "--diarizer", "fake", "--translator", "fake", "--synthesizer", "fake",
         "--separator", "fake", "--lipsync", "fake"]


@pytest.fixture
def dubbing(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Call the command in this process; returns (exit code, standard output)."""
    from dubbing.cli import main

    def call(*arguments: str | Path) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in arguments])
        return int(stopped.value.code or 0), capsys.readouterr().out

    return call


def test_a_dub_is_checked_as_it_is_made_and_again_after_an_edit(tmp_path: Path, dubbing: Any) -> None:
    clip = make(tmp_path, "clip.mp4", frames=160, sound="bursts")
    made = json.loads(dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", "--json", *FAKES)[1])
    qc, project = made["quality"]["en"]["qc"], made["project"]
    assert set(qc) == {"errors", "warnings", "infos"}

    code, out = dubbing("project", "qc", project, "--json")
    report = json.loads(out)
    assert code == 0 and report["counts"] == {"error": qc["errors"], "warning": qc["warnings"], "info": qc["infos"]}
    assert not report["is_stale"] and set(report["checks"]) == set(CHECKS)
    assert report["figures"]["lines"] == len(made["utterances"]) and report["figures"]["integrated"] is not None
    assert {one["check"] for one in report["findings"]} <= set(CHECKS)

    # What a person breaks is found when the dub is made again.
    line = made["utterances"][0]["id"]
    dubbing("project", "set", project, line, "--text", "Quiero que no sea porque está muy lejos de los 1999")
    page = tmp_path / "report.html"
    again = json.loads(dubbing("project", "qc", project, "--to", "en", "--html", page, "--json")[1])
    broken = {(one["line"], one["check"]) for one in again["findings"]}
    assert {(line, "untranslated"), (line, "numbers")} <= broken
    assert "1999" in page.read_text() and page.read_text().startswith("<!doctype html>")
    code, table = dubbing("project", "qc", project)
    assert code == 0 and "numbers" in table and "error" in table


def test_a_dub_is_not_lost_because_nobody_can_listen(tmp_path: Path, dubbing: Any,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """A project whose lines came with it needs no recognizer until the dub is judged."""
    from dubbing import judging, registry
    from dubbing.errors import UnavailableError

    def choose(kind: str, wanted: str = "auto", **given: str | None) -> Any:
        if kind == "asr":
            raise UnavailableError("No asr engine can run here.", "Add one.")
        return registry.choose(kind, wanted, **given)

    monkeypatch.setattr(judging, "registry", SimpleNamespace(choose=choose))
    clip = make(tmp_path, "clip.mp4", frames=160, sound="bursts")
    code, out = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", "--json", *FAKES)
    made = json.loads(out)
    assert code == 0 and made["quality"]["en"]["word_error_rate"] is None
    report = json.loads(dubbing("project", "qc", made["project"], "--json")[1])
    assert report["skipped"]["word_errors"] == "No asr engine can run here."
