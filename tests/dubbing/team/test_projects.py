from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dubbing.api import DubOptions, ForbiddenError, Workspace
from dubbing.domain.project import JobStatus, VoiceChoice
from dubbing.domain.review import Layer, ReviewState, Role
from dubbing.domain.workspace import ImportedLine, LanguageProgress
from dubbing.errors import MediaError, UnavailableError, UsageError
from dubbing.ledger import worker_name
from dubbing.pipeline.artifact import ArtifactStore
from tests.dubbing.team.desks import clip, desk, manager, project, send, take, workspace_in

TO_SPANISH = DubOptions(targets=("es",), source="en")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with workspace_in(tmp_path) as opened:
        yield opened


def test_an_upload_becomes_a_project(workspace: Workspace, tmp_path: Path) -> None:
    at = manager(workspace)
    video = clip(tmp_path / "a film.mp4")
    made = at.projects.create("  Harbour ", send(at, video), TO_SPANISH)
    source = Path(made.source_path)
    assert made.name == "Harbour" and made.targets == ("es",) and made.media["duration_ms"] == 2000
    assert source.read_bytes() == video.read_bytes()
    assert source == workspace.settings.home / "projects" / made.id / "a film.mp4"
    assert at.uploads.mine() == [] and not list((workspace.settings.home / "uploads").iterdir())
    assert [(job.kind, job.status) for job in workspace.storage.jobs.all()] == [
        ("dub", JobStatus.QUEUED), ("prepare", JobStatus.QUEUED)]
    card = at.projects.card(made.id)
    assert (card.height, card.width, card.duration_ms, card.has_poster) == (144, 192, 2000, False)
    assert card.job is not None and (card.job.kind, card.job.status) == ("dub", JobStatus.QUEUED)
    assert [(member.login, member.role) for member in card.members] == [("pablo", Role.PROJECT_MANAGER)]


def test_what_is_no_video_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    at = manager(workspace)
    bad = tmp_path / "film.mp4"
    bad.write_bytes(b"no film" * 100)
    upload = send(at, bad)
    with pytest.raises(MediaError):
        at.projects.create("Bad", upload, TO_SPANISH)
    assert workspace.projects() == [] and at.uploads.get(upload).finished_at is not None
    assert not (workspace.settings.home / "projects").exists()
    with pytest.raises(UsageError, match="needs a name"):
        at.projects.create(" ", upload, TO_SPANISH)
    with pytest.raises(UsageError):
        at.projects.create("Part one", upload, TO_SPANISH, series="x" * 65)


def test_files_on_the_server_only_from_where_it_is_allowed(tmp_path: Path) -> None:
    inside, outside = clip(tmp_path / "media" / "in.mp4"), clip(tmp_path / "private" / "out.mp4")
    (tmp_path / "media" / "link.mp4").symlink_to(outside)
    with workspace_in(tmp_path, import_folders=[tmp_path / "media"]) as workspace:
        at = manager(workspace)
        assert at.projects.server_files() == [str(inside), str(tmp_path / "media" / "link.mp4")]
        made = at.projects.create("In", inside, TO_SPANISH, run=False)
        assert made.source_path == str(inside)
        assert [job.kind for job in workspace.storage.jobs.all()] == ["prepare"]
        for path in (outside, tmp_path / "media" / "link.mp4", tmp_path / "media" / ".." / "private" / "out.mp4",
                     tmp_path / "nowhere" / "x.mp4"):
            with pytest.raises(UsageError, match="in the folders to import from only"):
                at.projects.create("Out", str(path), TO_SPANISH)
        with pytest.raises(UsageError, match="no file"):
            at.projects.create("Gone", tmp_path / "media" / "gone.mp4", TO_SPANISH)
    with workspace_in(tmp_path, single_user=True) as workspace:
        assert manager(workspace).projects.create("Out", outside, TO_SPANISH, run=False).source_path == str(outside)


def test_lines_that_come_with_it(workspace: Workspace, tmp_path: Path) -> None:
    at = manager(workspace)
    lines = [ImportedLine(0, 800, "Hello.", "Ana", "Hola."), ImportedLine(900, 2400, "Bye.", "Bo (V.O.)", "")]
    made = at.projects.create("Lines", send(at, clip(tmp_path / "a.mp4")), TO_SPANISH, lines=lines, run=False)
    kept = workspace.lines(made, "es")
    assert [(k.utterance.id, k.utterance.speaker, k.utterance.start_ms, k.utterance.end_ms, k.utterance.text)
            for k in kept] == [("u0001", "S1", 0, 800, "Hello."), ("u0002", "S2", 900, 2000, "Bye.")]
    assert kept[0].translation is not None and kept[0].translation.text == "Hola."
    assert kept[0].translation.edited_by_person and not kept[0].translation_is_stale and kept[1].translation is None
    assert [(s.id, s.name) for s in workspace.storage.speakers.all(made.id)] == [("S1", "Ana"), ("S2", "Bo (V.O.)")]
    heard = [line.utterance for line in kept]
    assert workspace.storage.utterances.import_lines(made.id, []).kept == tuple(u.id for u in heard)
    assert json.loads(Path(made.settings["imported"]["path"]).read_text())[1]["speaker"] == "Bo (V.O.)"


def test_lines_that_cannot_be_placed(workspace: Workspace, tmp_path: Path) -> None:
    at = manager(workspace)
    upload = send(at, clip(tmp_path / "a.mp4"))
    with pytest.raises(UsageError, match=r"1 of 1 lines begin after the end of the video \(2\.0 s\)"):
        at.projects.create("Late", upload, TO_SPANISH, lines=[ImportedLine(2000, 3000, "Late.")])
    both = DubOptions(targets=("es", "de"), source="en")
    with pytest.raises(UsageError, match="into which language"):
        at.projects.create("Which", upload, both, lines=[ImportedLine(0, 900, "Hi.", "", "Hola.")])
    made = at.projects.create("Which", upload, both, lines=[ImportedLine(0, 900, "Hi.", "", "Hallo.")],
                              lines_language="de", run=False)
    assert workspace.storage.translations.all(made.id, "es") == {}
    assert [t.text for t in workspace.storage.translations.all(made.id, "de").values()] == ["Hallo."]
    assert [s.id for s in workspace.storage.speakers.all(made.id)] == ["S0"]


def test_what_cannot_work_is_said_at_once(workspace: Workspace, tmp_path: Path) -> None:
    at = manager(workspace)
    upload = send(at, clip(tmp_path / "a.mp4"))
    for options, said in ((DubOptions(("fr",), "en"), "does not speak fr"), (DubOptions(("xx",)), "not a language"),
                          (DubOptions(("es",), lipsync="siren"), "no lipsync engine called siren"),
                          (DubOptions(("es",), lipsync="wav2lip", checkpoint="/etc/passwd"), "cannot be named here")):
        with pytest.raises((UsageError, UnavailableError), match=said):
            at.projects.create("Film", upload, options)
    assert workspace.projects() == [] and workspace.storage.jobs.all() == []


def test_m_and_e_of_the_same_length(workspace: Workspace, tmp_path: Path) -> None:
    at = manager(workspace)
    sound = clip(tmp_path / "me.mp4", frames=55)
    made = at.projects.create("M&E", send(at, clip(tmp_path / "a.mp4")), TO_SPANISH, run=False,
                              m_and_e_upload_id=send(at, sound, "m_and_e"))
    kept = made.settings["m_and_e"]
    assert Path(kept["path"]).read_bytes() == sound.read_bytes() and at.uploads.mine() == []
    assert at.projects.settings(made.id).m_and_e_name == "me.mp4"
    assert at.projects.set_m_and_e(made.id, None).m_and_e_name == ""
    longer = send(at, clip(tmp_path / "long.mp4", frames=90), "m_and_e")
    with pytest.raises(UsageError, match=r"The M&E lasts 3\.6 s, the video 2\.0 s"):
        at.projects.set_m_and_e(made.id, longer)
    with pytest.raises(UsageError, match="another purpose"):
        at.projects.set_m_and_e(made.id, send(at, sound))


def test_who_sees_which_projects(workspace: Workspace) -> None:
    one, two = project(workspace, "One", targets=("es", "de")), project(workspace, "Two")
    tomas = desk(workspace, "tomas")
    assert tomas.projects.cards() == []
    with pytest.raises(ForbiddenError):
        tomas.projects.card(one.id)
    with pytest.raises(UsageError, match="There is no project"):
        tomas.projects.card("nothing")
    workspace.storage.memberships.add(one.id, tomas.person.id, Role.TRANSLATOR, "de")
    card, = tomas.projects.cards()
    assert (card.id, card.targets, [p.language for p in card.progress]) == (one.id, ("de",), ["de"])
    assert card.rights.roles == {Role.TRANSLATOR}
    assert {card.id for card in manager(workspace).projects.cards()} == {one.id, two.id}
    with pytest.raises(ForbiddenError):
        tomas.projects.rename(one.id, "Mine")
    with pytest.raises(ForbiddenError):
        tomas.projects.create("New", "x" * 20, TO_SPANISH)


def test_progress_counts_lines(workspace: Workspace) -> None:
    made = project(workspace, lines=5, targets=("es", "de"))
    storage = workspace.storage
    for n, key in enumerate(("u0001", "u0002", "u0003")):
        take(workspace, made, key, key=f"{n}" * 64)
    for state in (ReviewState.NEEDS_REVIEW, ReviewState.APPROVED):
        storage.reviews.move(made.id, ["u0001", "u0002"], Layer.TRANSLATION, state, language="es", actor="rita")
        storage.reviews.move(made.id, ["u0001"], Layer.DUB, state, language="es", actor="rita")
    # u0002: text older than its source; u0003: take in another voice than was assigned since; u0005: gone.
    storage.utterances.update(made.id, "u0002", 1, text="Changed.", actor="rita")
    storage.speakers.assign_voice(made.id, "S1", "es", VoiceChoice("fake", "fake-b"))
    storage.utterances.delete(made.id, "u0005", 1)
    card, = manager(workspace).projects.cards()
    assert card.progress == (LanguageProgress("es", 4, 4, 4, 3, 2, 1, 3), LanguageProgress("de", 4, 4, 4, 0, 0, 0, 1))
    lines = workspace.lines(made, "es")
    assert sum(line.translation_is_stale or line.take_is_stale for line in lines) == 3


def test_who_edits_a_line_changes_its_project(workspace: Workspace) -> None:
    edited, _ = project(workspace, "Edited"), project(workspace, "Other")
    at = manager(workspace)
    before = at.projects.card(edited.id).updated_at
    line = at.lines.get(edited.id, "es", "u0001")
    at.lines.save(edited.id, "es", "u0001", source_text="Said otherwise.",
                  seen_revision=line.line.utterance.revision)
    assert at.projects.card(edited.id).updated_at > before
    assert [card.name for card in at.projects.cards()] == ["Edited", "Other"]


def test_cards_are_found(workspace: Workspace) -> None:
    spanish, german = project(workspace, "Harbour 50%"), project(workspace, "Garden", targets=("de",))
    empty = project(workspace, "Empty", lines=0)
    at = manager(workspace).projects

    def names(**query: object) -> set[str]:
        return {card.name for card in at.cards(**query)}  # type: ignore[arg-type]

    assert names(search="bour 50%") == {"Harbour 50%"} and names(search="_") == set()
    assert names(language="de") == {"Garden"} and names(language="en") == {"Harbour 50%", "Garden", "Empty"}
    assert names(state="approved") == set() and names(state="unapproved") == {"Harbour 50%", "Garden", "Empty"}
    assert names(state="stale") == names(state="failed") == names(state="running") == set()
    workspace.enqueue(german)
    assert names(state="running") == {"Garden"}
    workspace.storage.jobs.claim("host:1:a", 60)
    job, = workspace.storage.jobs.all()
    workspace.storage.jobs.fail(job.id, "host:1:a", "It broke.", "Mend it.")
    assert names(state="failed") == {"Garden"} and at.card(german.id).job.error == "It broke."  # type: ignore[union-attr]
    at.archive(spanish.id)
    assert names() == {"Garden", "Empty"} and names(archived=True) == {"Harbour 50%"}
    at.archive(spanish.id, False)
    at.delete(empty.id)
    assert names() == {"Garden", "Harbour 50%"} and names(deleted=True) == {"Empty"}
    tomas = desk(workspace, "tomas", Role.TRANSLATOR)
    assert tomas.projects.cards(deleted=True) == []
    with pytest.raises(ForbiddenError):
        tomas.projects.card(empty.id)
    at.undelete(empty.id)
    assert names() == {"Garden", "Harbour 50%", "Empty"}
    with pytest.raises(UsageError, match="no state lost"):
        at.cards(state="lost")


def test_settings_of_a_project(workspace: Workspace) -> None:
    made, at = project(workspace), manager(workspace).projects
    now = at.settings(made.id)
    assert (now.consent_required, now.lipsync, now.keep_original, now.retention_days) == (False, "auto", False, 0)
    at.set_settings(made.id, consent_required=True, lipsync="off", keep_original=True)
    now = at.set_settings(made.id, retention_days=30, synthesizer="fake")
    assert (now.consent_required, now.lipsync, now.keep_original, now.retention_days, now.synthesizer) == (
        True, "off", True, 30, "fake")
    assert workspace.options(at.get(made.id)).lipsync == "off"
    with pytest.raises(UsageError, match="no tts engine called siren"):
        at.set_settings(made.id, synthesizer="siren")
    for wrong in ({"loudness": "very"}, {"duck_db": 99.0}, {"style": "x" * 3000}, {"colour": "red"},
                  {"by_language": {"es": {"translator": "siren"}}}):
        with pytest.raises(UsageError):
            at.set_settings(made.id, **wrong)
    with pytest.raises(UsageError, match="less than no time"):
        at.set_settings(made.id, retention_days=-1)
    at.set_targets(made.id, ["de", "es"])
    assert workspace.options(at.get(made.id)).targets == ("es", "de")
    with pytest.raises(UsageError, match="into en"):
        at.set_targets(made.id, ["en"])
    at.set_targets(made.id, ["de"])
    assert at.get(made.id).targets == ("de",) and len(workspace.storage.translations.all(made.id, "es")) == 3
    rita = desk(workspace, "rita", Role.REVIEWER).projects
    for change in (lambda: rita.set_settings(made.id, lipsync="auto"), lambda: rita.set_targets(made.id, ["fr"]),
                   lambda: rita.delete(made.id), lambda: rita.purge(made.id), lambda: rita.archive(made.id)):
        with pytest.raises(ForbiddenError):
            change()


def _artifact(store: ArtifactStore, key: str, **inputs: str) -> None:
    with store.build(key, {"inputs": inputs}) as (folder, _):
        (folder / "data").write_bytes(b"x" * 1000)


def test_a_purge_takes_what_is_the_projects_alone(workspace: Workspace, tmp_path: Path) -> None:
    at = manager(workspace)
    gone = at.projects.create("Gone", send(at, clip(tmp_path / "a.mp4")), TO_SPANISH, run=False)
    stays = project(workspace, "Stays", sha256="1" * 64)
    store, runs = workspace.artifacts, workspace.storage.runs
    sound, mix, take_, other_mix, own_take = (letter * 64 for letter in "abcde")
    for key, inputs in ((sound, {}), (take_, {}), (own_take, {}), (mix, {"sound": sound, "take": own_take}),
                        (other_mix, {"sound": sound, "take": take_})):
        _artifact(store, key, **inputs)
    for key in (sound, mix, own_take, take_):
        runs.start(gone.id, "mix", artifact_key=key)
    # The other project made its mix of a sound and a take that it found done, and has no record of them.
    runs.start(stays.id, "mix", artifact_key=other_mix)
    for folder in ("segments", "derived", "exports"):
        (workspace.settings.home / folder / gone.id).mkdir(parents=True)
        (workspace.settings.home / folder / gone.id / "x").write_bytes(b"y" * 10)
    with pytest.raises(UsageError, match="not deleted"):
        at.projects.purge(gone.id)
    job = workspace.storage.jobs.enqueue("dub", {}, project_id=gone.id)
    at.projects.delete(gone.id)
    assert workspace.storage.jobs.get(job.id).status is JobStatus.CANCELLED
    freed = at.projects.purge(gone.id)
    assert freed > 2000 + 30
    assert {key for key in (sound, mix, take_, other_mix, own_take) if store.find(key)} == {sound, take_, other_mix}
    assert not list(workspace.settings.home.glob(f"*/{gone.id}"))
    assert [one.id for one in workspace.storage.projects.all(archived=True, deleted=True)] == [stays.id]
    with pytest.raises(UsageError, match="There is no project"):
        at.projects.card(gone.id)


def test_a_purge_spares_a_twin_of_the_same_video(workspace: Workspace) -> None:
    at = manager(workspace).projects
    gone, twin = project(workspace, "Gone", targets=("es", "de")), project(workspace, "Twin", targets=("es",))
    for key, language in (("a", ""), ("b", "es"), ("c", "de")):
        _artifact(workspace.artifacts, key * 64)
        workspace.storage.runs.start(gone.id, "x", artifact_key=key * 64, language=language)
    at.delete(gone.id)
    at.purge(gone.id)
    assert [bool(workspace.artifacts.find(key * 64)) for key in "abc"] == [True, True, False]
    at.delete(twin.id)
    assert at.card(twin.id).deleted


def test_a_running_job_holds_a_purge_up(workspace: Workspace) -> None:
    made, at = project(workspace), manager(workspace).projects
    workspace.enqueue(made)
    workspace.storage.jobs.claim(worker_name(), 60)
    at.delete(made.id)
    with pytest.raises(UsageError, match="still being worked on"):
        at.purge(made.id)
