"""The command line over the real pipeline and a real database, with engines that say that they are fakes."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.media_factory import make

FAKES = ["--from", "es", "--recognizer", "fake", "--diarizer", "fake", "--translator", "fake", "--synthesizer", "fake",
         "--separator", "fake", "--lipsync", "fake"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six seconds of something that a fake recognizer takes for three lines."""
    return make(tmp_path, "clip.mp4", frames=160, sound="bursts")


@pytest.fixture
def dubbing(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    """Call the command in this process; returns (exit code, its JSON or text, standard error)."""
    from dubbing.cli import main

    def call(*arguments: str | Path) -> tuple[int, Any, str]:
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), json.loads(out) if "--json" in arguments else out, err

    return call


def stages(result: dict[str, Any]) -> dict[tuple[str, str | None], dict[str, Any]]:
    return {(s["name"], s["language"]): s for s in result["stages"]}


def sha(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_dub_prints_one_object_with_the_promised_fields(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    code, result, _ = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", "--json", *FAKES)
    assert code == 0
    assert {"project", "outputs", "duration_s", "utterances", "stages", "quality"} <= result.keys()
    assert result["outputs"] == {"en": str(tmp_path / "out.mp4")} and (tmp_path / "out.mp4").stat().st_size > 1000
    assert result["utterances"]
    for line in result["utterances"]:
        assert line["target_text"]["en"] and line["take_ms"]["en"] > 0 and line["tempo"]["en"] > 0
        assert 0 <= line["start_ms"] < line["end_ms"] <= result["duration_s"] * 1000 + 1
    assert all({"name", "seconds", "cached", "engine"} <= stage.keys() for stage in result["stages"])


def test_a_second_run_computes_nothing_and_gives_the_same_file(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    arguments = ("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", "--json", *FAKES)
    first = dubbing(*arguments)[1]
    before = sha(tmp_path / "out.mp4")
    second = dubbing(*arguments)[1]
    assert all(stage["cached"] for stage in second["stages"])
    assert sha(tmp_path / "out.mp4") == before
    assert second["project"] == first["project"] and second["utterances"] == first["utterances"]


def test_the_mix_has_the_loudness_that_was_asked_for_in_the_file_itself(clip: Path, tmp_path: Path,
                                                                        dubbing: Any) -> None:
    from dubbing.media.loudness_file import measure_file

    code, result, _ = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", "--json", *FAKES,
                              "--loudness", "web-16", "--duck", "6")
    assert code == 0 and result["peak_mb"] > 50
    account = result["loudness"]["en"]
    assert (account["preset"], account["target"], account["is_kept"], account["note"]) == ("web-16", -16.0, True, "")
    found = measure_file(tmp_path / "out.mp4")
    assert found.integrated == pytest.approx(-16, abs=0.5) and found.integrated == pytest.approx(
        account["file"]["integrated"], abs=0.01)
    assert found.true_peak is not None and found.true_peak <= -1.0
    assert dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", "--json", *FAKES)[1]["loudness"]["en"][
        "preset"] == "source"


def test_engines_are_chosen_for_one_language(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    own = [*FAKES, "--voice-engine", "it=kokoro"]
    _, options, _ = dubbing("project", "new", clip, "--to", "en", "--to", "it", *own, "--json")
    from dubbing.api import open_workspace

    with open_workspace() as workspace:
        kept = workspace.options(workspace.projects()[0])
    assert kept.synthesizer == "fake" and kept.by_language == {"it": {"synthesizer": "kokoro"}}
    assert kept.for_language("it").synthesizer == "kokoro" and kept.for_language("en").synthesizer == "fake"
    for wrong in (["--translator", "=fake"], ["--translator", "pt=fake"], ["--duck", "99"], ["--loudness", "11"]):
        assert dubbing("dub", clip, "--to", "en", *FAKES, *wrong)[0] != 0


def test_two_languages_share_the_source_side(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    _, result, _ = dubbing("dub", clip, "--to", "en", "--to", "it", "--out", tmp_path, "--json", *FAKES)
    by_stage = stages(result)
    assert {lang for name, lang in by_stage if name == "translate"} == {"en", "it"}
    assert [key for key in by_stage if key[0] == "transcribe"] == [("transcribe", None)]
    assert set(result["outputs"]) == {"en", "it"} and all(Path(p).is_file() for p in result["outputs"].values())


def test_an_edit_renews_exactly_what_it_made_stale(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    _, first, _ = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", "--json", *FAKES)
    project, line = first["project"], first["utterances"][1]["id"]
    code, edited, _ = dubbing("project", "set", project, line, "--text", "A quite different line", "--json")
    assert code == 0 and edited["languages"]["en"]["stale"]
    _, again, _ = dubbing("project", "run", project, "--json")
    computed = {name: s["computed"] for (name, _), s in stages(again).items() if s["computed"]}
    assert computed == {"synthesize": 1, "mix": 1, "export": 1, "measure": 1, "quality": 1} | (
        {"lipsync": 1} if again["utterances"][1]["on_camera"] else {})
    assert again["utterances"][1]["target_text"]["en"] == "A quite different line"
    _, shown, _ = dubbing("project", "show", project, "--json")
    assert not any(row["stale"] for row in shown["languages"]["en"])


def test_a_persons_translation_survives_a_new_source_text(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    _, first, _ = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", "--json", *FAKES)
    project, line = first["project"], first["utterances"][0]["id"]
    dubbing("project", "set", project, line, "--text", "My own words", "--json")
    _, edited, _ = dubbing("project", "set", project, line, "--source-text", "otra cosa", "--json")
    assert edited["languages"]["en"]["stale"] and edited["languages"]["en"]["target_text"] == "My own words"
    _, again, _ = dubbing("project", "run", project, "--json")
    assert again["utterances"][0]["target_text"]["en"] == "My own words"


def test_retiming_speaker_and_voice(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    _, first, _ = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", "--json", *FAKES)
    project, line = first["project"], first["utterances"][0]
    start = line["start_ms"] + 100
    assert dubbing("project", "set", project, line["id"], "--start", f"{start}ms", "--speaker", "Ana", "--json")[0] == 0
    _, again, _ = dubbing("project", "run", project, "--json")
    changed = next(u for u in again["utterances"] if u["id"] == line["id"])
    assert changed["start_ms"] == start and changed["speaker"] == "Ana"
    code, _, err = dubbing("project", "set", project, line["id"], "--voice", "nobody")
    assert code == 2 and "no voice nobody" in err


def test_stems_and_subtitles(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    import soundfile

    _, first, _ = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", "--json", *FAKES)
    _, stems, _ = dubbing("project", "export", first["project"], "stems", "--out", tmp_path / "stems", "--json")
    assert set(stems["files"]) == {"speech", "me", "mix"}
    lengths = {soundfile.info(path).frames for path in stems["files"].values()}
    assert len(lengths) == 1
    for fmt in ("srt", "vtt"):
        _, subs, _ = dubbing("project", "export", first["project"], "subtitles", "--out", tmp_path / "subs", "--format",
                             fmt, "--json")
        texts = {name: Path(path).read_text() for name, path in subs["files"].items()}
        assert len(texts) == 2
        assert first["utterances"][0]["target_text"]["en"].split()[0] in texts["subtitles en"]


def test_a_preview_shows_original_and_dub_side_by_side(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    from dubbing.media.probe import probe

    _, first, _ = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", "--json", *FAKES)
    code, _, err = dubbing("project", "export", first["project"], "preview", "--out", tmp_path / "both.mp4")
    assert code == 0, err
    both, one = probe(tmp_path / "both.mp4").video, probe(clip).video
    assert both is not None and one is not None
    assert both.width == 2 * round(540 * one.width / one.height) and both.height == 540
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def run_in_child(clip: Path, out: Path, home: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "DUBBING_HOME": str(home)}
    return subprocess.Popen([sys.executable, "-m", "dubbing", "dub", str(clip), "--to", "en", "--out", str(out),
                             "--json", *FAKES], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_killed_at_random_moments_the_same_command_goes_on_and_ends_the_same(clip: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole.mp4", tmp_path / "killed.mp4"
    started = time.monotonic()
    assert run_in_child(clip, whole, tmp_path / "home1").wait() == 0
    usual = time.monotonic() - started
    moments = random.Random(7)
    for _ in range(4):
        child = run_in_child(clip, killed, tmp_path / "home2")
        time.sleep(moments.uniform(0.2, 0.95) * usual)
        child.send_signal(signal.SIGKILL)
        child.wait()
        leftovers = [p for p in tmp_path.glob("*killed*") if p != killed]
        assert not killed.exists() or sha(killed) == sha(whole), leftovers
    child = run_in_child(clip, killed, tmp_path / "home2")
    _, errors = child.communicate()
    assert child.returncode == 0, errors.decode()
    assert sha(killed) == sha(whole)


def test_two_processes_do_not_work_on_one_project_at_once(clip: Path, tmp_path: Path, dubbing: Any, own_home: Path,
                                                         ) -> None:
    from dubbing.api import open_workspace
    from dubbing.ledger import LEASE_S

    _, made, _ = dubbing("project", "new", clip, "--to", "en", "--json", *FAKES)
    with open_workspace() as workspace:
        job = workspace.storage.jobs.enqueue("dub", {}, project_id=made["project"])
        workspace.storage.jobs.claim(f"elsewhere:{os.getpid()}:1", LEASE_S)
        code, answer, _ = dubbing("project", "run", made["project"], "--json")
        assert code == 6 and "another process" in answer["error"]
        assert workspace.storage.jobs.get(job.id).worker.startswith("elsewhere")
