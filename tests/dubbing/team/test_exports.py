"""Exports of a small project, made by the handler of export jobs with engines that say that they are fakes."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dubbing.api import DubOptions, ForbiddenError, Workspace
from dubbing.domain.project import JobStatus, Project
from dubbing.domain.review import Layer, ReviewState, Role
from dubbing.errors import StorageError, UsageError
from dubbing.exchange.imports import parse_import
from dubbing.exchange.subtitles import read_subtitles
from dubbing.jobs import export as module
from dubbing.ledger import LEASE_S, worker_name
from dubbing.media.probe import probe
from dubbing.pipeline.artifact import file_sha256
from tests.dubbing.team.desks import clip, desk, manager, take, workspace_in
from tests.dubbing.team.desks import project as project_of

FAKES = {name: "fake" for name in ("recognizer", "diarizer", "translator", "synthesizer", "separator", "lipsync")}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Project]]:
    """A workspace with a project of six seconds that the fakes have dubbed into Spanish."""
    folder = tmp_path_factory.mktemp("exports")
    with workspace_in(folder) as workspace:
        video = clip(folder / "a.mp4", frames=150, sound="bursts")
        options = DubOptions(targets=("es",), source="en", **FAKES)
        made = workspace.create(video, options, name="Harbour")
        workspace.run(made)
        yield workspace, workspace.storage.projects.get(made.id)


def _export(workspace: Workspace, made: Project, preset: str, **options: Any) -> dict[str, Any]:
    """What a worker does with an export job."""
    manager(workspace).jobs.export(made.id, "es", preset, **options)
    job = workspace.storage.jobs.claim(worker_name(), LEASE_S, kinds=["export", "text_export"])
    assert job is not None
    return dict(workspace.work_on(job))


def test_a_video_is_on_record(shared: tuple[Workspace, Project]) -> None:
    workspace, made = shared
    result = _export(workspace, made, "mp4")
    view, *_ = manager(workspace).exports.history(made.id)
    path = workspace.settings.home / "exports" / made.id / view.id / "Harbour.es.mp4"
    assert (view.preset, view.actor, view.is_there, view.is_stale, view.file_name) == (
        "mp4", "pablo", True, False, "Harbour.es.mp4")
    assert view.sha256 == file_sha256(path) == result["sha256"] and view.size_bytes == path.stat().st_size
    assert view.details["states"] == {"draft": 3} and result["same_as"] == "" and "lines" not in view.details
    assert [track.language for track in probe(path).audio] == ["spa"]
    again = _export(workspace, made, "mp4")
    assert again["same_as"] == view.id and again["sha256"] == result["sha256"]
    twin = manager(workspace).exports.history(made.id)[0]
    assert twin.details["same_as"] == view.id
    assert os.path.samefile(path, path.parents[1] / twin.id / path.name)
    assert [p.name for p in path.parent.iterdir()] == ["Harbour.es.mp4"]


@pytest.mark.parametrize(("preset", "name", "languages"), [
    ("mp4_original", "Harbour.es.2tracks.mp4", ["spa", "eng"]), ("mov", "Harbour.es.mov", ["spa"]),
    ("mkv", "Harbour.es.mkv", ["spa"]),
])
def test_other_containers(shared: tuple[Workspace, Project], preset: str, name: str, languages: list[str]) -> None:
    workspace, made = shared
    before = workspace.artifacts
    result = _export(workspace, made, preset)
    path = workspace.settings.home / "exports" / made.id / result["export_id"] / name
    info = probe(path)
    assert [track.language for track in info.audio] == languages and info.video is not None
    assert abs(info.duration_ms - 6000) < 120 and before.root.exists()
    # What the pages show stays the dub in its usual form.
    assert manager(workspace).files.find(made.id, "dub/es").path.endswith(".mp4")


def test_side_by_side(shared: tuple[Workspace, Project], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written is the preview's own business, and tested on the command line."""
    from dubbing import preview

    workspace, made = shared
    given: list[Path] = []

    def write(original: Path, dubbed: Path, out: Path, report: Any) -> Path:
        given.extend((original, dubbed))
        report(1, 2, "")
        out.parent.mkdir(parents=True)
        out.write_bytes(b"both")
        return out

    monkeypatch.setattr(preview, "side_by_side", write)
    result = _export(workspace, made, "preview")
    assert given == [Path(made.source_path), Path(manager(workspace).files.find(made.id, "dub/es").path)]
    assert (result["file_name"], result["size_bytes"]) == ("Harbour.es.side-by-side.mp4", 4)


def _archive(workspace: Workspace, made: Project, result: dict[str, Any]) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(workspace.settings.home / "exports" / made.id / result["export_id"] /
                              result["file_name"])
    assert archive.testzip() is None
    return archive


def test_stems(shared: tuple[Workspace, Project]) -> None:
    import numpy as np
    import soundfile

    workspace, made = shared
    result = _export(workspace, made, "stems")
    with _archive(workspace, made, result) as archive:
        assert archive.namelist() == [f"Harbour.es.{what}.wav" for what in ("dub", "me", "mix")]
        dub, me, mix = (soundfile.read(io.BytesIO(archive.read(name)))[0] for name in archive.namelist())
    assert abs(dub + me - mix).max() < 2e-6 and np.abs(dub).max() > 0.01
    assert _export(workspace, made, "stems")["sha256"] == result["sha256"]


@pytest.mark.parametrize("suffix", ["srt", "vtt", "ttml"])
def test_subtitles(shared: tuple[Workspace, Project], suffix: str) -> None:
    workspace, made = shared
    result = _export(workspace, made, suffix)
    path = workspace.settings.home / "exports" / made.id / result["export_id"] / f"Harbour.es.{suffix}"
    lines = workspace.lines(made, "es")
    back = parse_import(path.name, path.read_bytes())
    assert [(one.start_ms, one.text) for one in back] == [
        (line.utterance.start_ms, line.translation.text) for line in lines if line.translation]
    assert [one.end_ms for one in back] == [line.utterance.start_ms + line.take.duration_ms
                                            for line in lines if line.take]
    assert not workspace.storage.jobs.all(kinds=["export"], statuses=[JobStatus.QUEUED])


def test_a_job_that_is_taken_up_again_leaves_nothing_of_the_first_try(shared: tuple[Workspace, Project]) -> None:
    workspace, made = shared
    asked = manager(workspace).jobs.export(made.id, "es", "srt")
    folder = workspace.settings.home / "exports" / made.id / asked.id
    folder.mkdir(parents=True)
    (folder / ".half-written.srt").write_bytes(b"1\n00:0")
    job = workspace.storage.jobs.claim(worker_name(), LEASE_S, kinds=["text_export"])
    assert job is not None and job.id == asked.id
    workspace.work_on(job)
    assert [path.name for path in folder.iterdir()] == ["Harbour.es.srt"]


def test_subtitles_of_the_source(shared: tuple[Workspace, Project]) -> None:
    workspace, made = shared
    result = _export(workspace, made, "srt_source")
    path = workspace.settings.home / "exports" / made.id / result["export_id"] / "Harbour.en.srt"
    assert [cue.text for cue in read_subtitles(path)] == [line.utterance.text for line in workspace.lines(made, "es")]


def test_scripts(shared: tuple[Workspace, Project]) -> None:
    workspace, made = shared
    workspace.storage.comments.add(made.id, "Softer, please", actor="clara", language="es", utterance_id="u0002")
    speaker = workspace.storage.utterances.get(made.id, "u0001").speaker
    workspace.storage.speakers.save(made.id, speaker, name="=Ana/..")
    with _archive(workspace, made, _export(workspace, made, "script")) as archive:
        assert archive.namelist() == ["script.csv", "characters.csv", "characters/Ana.csv"]
        rows = list(csv.DictReader(io.StringIO(archive.read("script.csv").decode("utf-8-sig"))))
        counted = list(csv.DictReader(io.StringIO(archive.read("characters.csv").decode("utf-8-sig"))))
    assert [row["line"] for row in rows] == ["u0001", "u0002", "u0003"]
    assert rows[1]["comments"] == "clara: Softer, please" and rows[0]["character"] == "'=Ana/.."
    assert rows[0]["dialogue"].startswith("[es]") or rows[0]["dialogue"]
    assert counted[0]["lines"] == "3" and float(counted[0]["seconds"]) > 2
    result = _export(workspace, made, "manual_dub")
    path = workspace.settings.home / "exports" / made.id / result["export_id"] / "Harbour.es.manual-dub.csv"
    back = parse_import(path.name, path.read_bytes())
    assert [(one.speaker, one.start_ms, one.end_ms, one.text, one.translation) for one in back] == [
        ("=Ana/..", line.utterance.start_ms, line.utterance.end_ms, line.utterance.text,
         line.translation.text if line.translation else "") for line in workspace.lines(made, "es")]


def test_a_review_package(shared: tuple[Workspace, Project]) -> None:
    workspace, made = shared
    consent = workspace.storage.consents.add("Ana Ruiz", "voice", ["es"], None, None, evidence_sha256="e" * 64)
    speaker = workspace.storage.utterances.get(made.id, "u0001").speaker
    workspace.storage.consents.link(made.id, speaker, consent.id)
    with _archive(workspace, made, _export(workspace, made, "package", locale="es")) as archive:
        names = archive.namelist()
        page = archive.read("index.html").decode()
        manifest = json.loads(archive.read("manifest.json"))
        video = archive.read("dub.mp4")
    assert {"index.html", "dub.mp4", "dub.es.vtt", "dub.es.srt", "script.csv"} <= set(names)
    assert page.count("<tr data-at=") == 3 and "Personaje" in page and 'src="dub.mp4"' in page
    assert manifest["consents"][0]["person"] == "Ana Ruiz" and manifest["states"] == {"draft": 3}
    assert manifest["source_sha256"] == made.source_sha256 and manifest["synthetic"]["voices"]
    assert manifest["dub_sha256"] and len(video) > 1000


def test_what_a_project_says_of_itself_is_no_markup(shared: tuple[Workspace, Project]) -> None:
    from dubbing.exchange.review_page import review_page
    from dubbing.exchange.scripts import ScriptLine

    line = ScriptLine("u1", 0, 900, 950, "<b>", "</script><script>alert(1)</script>", '" onclick="x', None, "draft",
                      True, ("<img src=x onerror=y>",))
    page = review_page("<script>x</script>", "es", [line], "dub.mp4", "dub.vtt").decode()
    assert page.count("<script>") == 1 and "<img" not in page and "<b>" not in page and '" onclick=' not in page
    assert "changed since it was dubbed" in page


def test_a_failed_export_leaves_nothing(shared: tuple[Workspace, Project], monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, made = shared
    exports = workspace.settings.home / "exports" / made.id
    before = sorted(exports.iterdir())
    with pytest.raises(UsageError, match="no export preset vhs"):
        _export(workspace, made, "vhs")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(StorageError, match="The export needs about .* and 10 bytes are free"):
        _export(workspace, made, "mp4")
    assert workspace.storage.jobs.all()[0].status is JobStatus.FAILED and sorted(exports.iterdir()) == before


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with workspace_in(tmp_path) as opened:
        yield opened


def test_an_export_that_is_made_again_after_a_crash_is_one(workspace: Workspace) -> None:
    made = project_of(workspace)
    for sha in ("a", "b"):
        workspace.storage.exports.record(made.id, "es", "x.srt", sha256=sha, preset="srt", revisions={}, export_id="e")
    for _ in range(2):
        workspace.storage.exports.record(made.id, "es", "/home/me/film.mp4", sha256="c", preset="default", revisions={})
    kept = workspace.storage.exports.all(made.id)
    assert [(one.id == "e", one.sha256) for one in kept] == [(False, "c"), (True, "b")]


def test_what_is_said_before(workspace: Workspace) -> None:
    made, at = project_of(workspace, lines=4), manager(workspace)
    storage = workspace.storage
    take(workspace, made, "u0001", key="1" * 64)
    take(workspace, made, "u0002", key="2" * 64)
    storage.takes.record(made.id, "u0003", "es", artifact_key="3" * 64, text="x", text_revision=1,
                         utterance_revision=1, engine="fake", voice="v", tempo=1.5, duration_ms=2000)
    storage.utterances.update(made.id, "u0002", 1, text="New words.", actor="rita")
    for state in (ReviewState.NEEDS_REVIEW, ReviewState.APPROVED):
        storage.reviews.move(made.id, ["u0001"], Layer.DUB, state, language="es", actor="rita")
    storage.comments.add(made.id, "Hm.", actor="rita", language="es", utterance_id="u0001")
    check = at.exports.check(made.id, "es")
    assert (check.lines, check.stale, check.unapproved, check.without_take, check.does_not_fit,
            check.open_comments) == (4, ("u0002",), ("u0002", "u0003", "u0004"), ("u0004",), ("u0003",), 1)
    with pytest.raises(ForbiddenError):
        desk(workspace, "nobody").exports.check(made.id, "es")


def test_an_export_grows_old(workspace: Workspace) -> None:
    from dubbing.exchange import presets

    made, at = project_of(workspace, targets=("es", "de")), manager(workspace)
    storage = workspace.storage
    take(workspace, made, "u0001")
    names = {speaker.id: speaker.name for speaker in storage.speakers.all(made.id)}
    for preset in ("mp4", "srt", "script"):
        file = workspace.settings.home / "exports" / made.id / preset / f"{preset}.x"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x")
        marks = presets.marks(storage.lines.all(made.id, "es"), presets.preset(preset).what, names)
        storage.exports.record(made.id, "es", file, sha256="0" * 64, preset=preset, revisions={}, export_id=preset,
                               actor="pablo", size_bytes=1, details={"lines": marks})
    storage.exports.record(made.id, "es", "/elsewhere/film.mp4", sha256="0" * 64, preset="default",
                           revisions={key: 1 for key in ("u0001", "u0002", "u0003")})

    def stale() -> set[str]:
        return {view.preset for view in at.exports.history(made.id) if view.is_stale}

    assert stale() == set()
    storage.speakers.save(made.id, "S1", name="Ana")
    assert stale() == {"srt", "script"}
    storage.utterances.update(made.id, "u0002", 1, on_camera=False, actor="rita")
    assert stale() == {"mp4", "srt", "script"}
    views = {view.preset: view for view in at.exports.history(made.id)}
    assert views["mp4"].details["changed_lines"] == 1 and not views["default"].is_there
    storage.translations.save(made.id, "u0003", "es", "Otra cosa.", 1, actor="rita")
    assert stale() == {"mp4", "srt", "script", "default"}
    german = desk(workspace, "greta")
    storage.memberships.add(made.id, german.person.id, Role.TRANSLATOR, "de")
    assert german.exports.history(made.id) == []


def test_exports_are_deleted_by_those_who_may(workspace: Workspace, tmp_path: Path) -> None:
    made = project_of(workspace)
    inside = workspace.settings.home / "exports" / made.id / "e1" / "a.mp4"
    outside = tmp_path / "mine.mp4"
    for file in (inside, outside):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    for key, file in (("e1", inside), ("e2", outside)):
        workspace.storage.exports.record(made.id, "es", file, sha256=key, preset="mp4", revisions={}, export_id=key,
                                         actor="pablo")
    with pytest.raises(ForbiddenError):
        desk(workspace, "clara", Role.CLIENT).exports.delete("e1")
    with pytest.raises(ForbiddenError, match="somebody else's"):
        desk(workspace, "rita", Role.REVIEWER).exports.delete("e1")
    for key in ("e1", "e2"):
        manager(workspace).exports.delete(key)
    assert not inside.parent.exists() and outside.exists() and manager(workspace).exports.history(made.id) == []
    with pytest.raises(UsageError, match="no export e1"):
        manager(workspace).exports.delete("e1")
