from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from dubbing.api import DubOptions, ForbiddenError, Workspace
from dubbing.derived import Derived
from dubbing.domain.casting import merged, parted, recast
from dubbing.domain.project import VoiceChoice
from dubbing.domain.review import Layer, ReviewState, Role
from dubbing.domain.speech import SpokenLine
from dubbing.domain.workspace import ImportedLine, VoiceOption
from dubbing.errors import UsageError
from dubbing.team.consent import allowed
from tests.dubbing.team.desks import clip, desk, manager, project, send, take, workspace_in

FAKES = {name: "fake" for name in ("recognizer", "diarizer", "translator", "synthesizer", "separator", "lipsync")}
TODAY = datetime.now(UTC).date()


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with workspace_in(tmp_path) as opened:
        yield opened


def test_who_says_how_much(workspace: Workspace) -> None:
    made, at = project(workspace, lines=3), manager(workspace)
    take(workspace, made, "u0001")
    take(workspace, made, "u0002", key="b" * 64)
    workspace.storage.speakers.assign_voice(made.id, "S2", "es", VoiceChoice("fake", "fake-b"))
    workspace.storage.speakers.save(made.id, "S9", name="Silent")
    first, second, third = at.speakers.all(made.id)
    assert (first.id, first.lines, first.speech_ms, first.heard, first.has_sample) == (
        "S1", 2, 4000, {"es": "fake-a"}, False)
    assert (second.id, second.lines, second.voices["es"].id) == ("S2", 1, "fake-b")
    assert (third.id, third.lines, third.speech_ms, third.voice_allowed) == ("S9", 0, 0, True)
    sample = workspace.settings.home / "derived" / made.id / "speakers"
    sample.mkdir(parents=True)
    Derived(workspace.settings.home, made.id).speaker("S1").write_bytes(b"RIFF")
    assert at.speakers.all(made.id)[0].has_sample
    with pytest.raises(ForbiddenError):
        desk(workspace, "nobody").speakers.all(made.id)


def test_names(workspace: Workspace) -> None:
    made, at = project(workspace), manager(workspace).speakers
    at.rename(made.id, "S1", " Ana ", "The Queen")
    at.rename(made.id, "S1", character="")
    assert [(one.name, one.character) for one in at.all(made.id) if one.id == "S1"] == [("Ana", "")]
    for name in ("", "  ", "x" * 256):
        with pytest.raises(UsageError):
            at.rename(made.id, "S1", name)
    with pytest.raises(UsageError, match="no speaker S7"):
        at.rename(made.id, "S7", "Bo")
    with pytest.raises(ForbiddenError):
        desk(workspace, "clara", Role.CLIENT).speakers.rename(made.id, "S1", "Mine")


def test_two_who_are_one(workspace: Workspace) -> None:
    made, at = project(workspace, lines=4), manager(workspace).speakers
    storage = workspace.storage
    take(workspace, made, "u0002")
    storage.utterances.delete(made.id, "u0004", 1)
    storage.speakers.assign_voice(made.id, "S2", "es", VoiceChoice("fake", "fake-b"))
    consent = storage.consents.add("Ana", "voice", [], None, None)
    for speaker in ("S1", "S2"):
        storage.consents.link(made.id, speaker, consent.id)
    storage.projects.update(made.id, settings={**made.settings, "faces": {"f1": {"speaker": "S2", "tracks": [3]}}})
    assert at.merge(made.id, "S1", "S2") == 1
    view, = at.all(made.id)
    assert (view.id, view.lines, view.voices["es"].id, len(view.consents)) == ("S1", 3, "fake-b", 1)
    assert {u.speaker for u in storage.utterances.all(made.id, deleted=True)} == {"S1"}
    assert workspace.lines(made, "es")[1].take_is_stale
    settings = storage.projects.get(made.id).settings
    assert settings["cast"] == [{"from": "S2", "to": "S1"}] and settings["faces"]["f1"]["speaker"] == "S1"
    assert "faces" not in storage.projects.get(project(workspace, "Other").id).settings
    with pytest.raises(UsageError, match="no speaker S2"):
        at.merge(made.id, "S1", "S2")
    with pytest.raises(UsageError, match="with itself"):
        at.merge(made.id, "S1", "S1")
    assert any((edit.after or {}).get("merged_into") == "S1" and edit.actor == "pablo"
               for edit in storage.history.latest(made.id, entity="speaker"))


def test_one_who_is_two(workspace: Workspace) -> None:
    made, at = project(workspace, lines=5), manager(workspace).speakers
    new = at.split(made.id, "S1", ["u0003", "u0005", "u0002"])
    assert new == "P1" and {u.id: u.speaker for u in workspace.storage.utterances.all(made.id)} == {
        "u0001": "S1", "u0002": "S2", "u0003": "P1", "u0004": "S2", "u0005": "P1"}
    assert {view.id: view.name for view in at.all(made.id)} == {"S1": "S1", "S2": "S2", "P1": "S1 2"}
    assert workspace.storage.projects.get(made.id).settings["cast"] == [
        {"from": "S1", "to": "P1", "spans": [[6000, 8000], [12000, 14000]]}]
    assert at.split(made.id, "S2", ["u0002"]) == "P2"
    with pytest.raises(UsageError, match="None of these lines"):
        at.split(made.id, "S1", ["u0002"])


def test_locked_lines_stay_whose_they_are(workspace: Workspace) -> None:
    made, at = project(workspace, lines=4), manager(workspace).speakers
    for state in (ReviewState.NEEDS_REVIEW, ReviewState.APPROVED, ReviewState.LOCKED):
        workspace.storage.reviews.move(made.id, ["u0004"], Layer.TRANSCRIPT, state, actor="rita")
    for change in (lambda: at.merge(made.id, "S1", "S2"), lambda: at.split(made.id, "S2", ["u0002", "u0004"])):
        with pytest.raises(UsageError, match="locked"):
            change()
    assert [u.speaker for u in workspace.storage.utterances.all(made.id)] == ["S1", "S2", "S1", "S2"]
    assert len(at.all(made.id)) == 2


def test_decisions_hold_for_what_is_heard_anew() -> None:
    lines = [SpokenLine("S1", "a", 0, 1000), SpokenLine("S2", "b", 1000, 2000), SpokenLine("S1", "c", 5000, 6000)]
    cast = parted(merged([], "S2", "S1"), "S1", "P1", [(900, 1900)])
    assert [line.speaker for line in recast(lines, cast)] == ["S1", "P1", "S1"]
    assert recast(lines, []) == lines


def test_voices(workspace: Workspace) -> None:
    made, at = project(workspace), manager(workspace).speakers
    manager(workspace).projects.set_settings(made.id, synthesizer="fake")
    options = at.voices(made.id, "es")
    assert options and all(one.engine == "fake" and one.language == "es" and not one.clones for one in options)
    at.assign_voice(made.id, "S1", "es", options[1])
    assert next(one for one in at.all(made.id) if one.id == "S1").voices["es"].id == options[1].id
    at.assign_voice(made.id, "S1", "es", None)
    assert next(one for one in at.all(made.id) if one.id == "S1").voices == {}
    for voice, said in ((VoiceOption("fake", "nobody", "", "es"), "no voice nobody"),
                        (VoiceOption("kokoro", "x", "", "es"), "spoken by fake")):
        with pytest.raises(UsageError, match=said):
            at.assign_voice(made.id, "S1", "es", voice)
    with pytest.raises(UsageError, match="not dubbed into de"):
        at.assign_voice(made.id, "S1", "de", None)
    with pytest.raises(ForbiddenError):
        desk(workspace, "tomas", Role.TRANSLATOR).speakers.assign_voice(made.id, "S1", "es", None)


def test_a_voice_that_imitates_needs_consent(workspace: Workspace) -> None:
    made, at = project(workspace), manager(workspace)
    at.projects.set_settings(made.id, synthesizer="fake", consent_required=True)
    voice = at.speakers.voices(made.id, "es")[0]
    clone = VoiceOption(voice.engine, voice.id, voice.name, "es", clones=True)
    with pytest.raises(ForbiddenError, match="has not allowed it"):
        at.speakers.assign_voice(made.id, "S1", "es", clone)
    consent = at.speakers.record_consent("Ana", "voice", ["es"])
    at.speakers.link_consent(made.id, "S1", consent.id)
    at.speakers.assign_voice(made.id, "S1", "es", clone)
    at.speakers.revoke_consent(consent.id)
    with pytest.raises(ForbiddenError):
        at.speakers.assign_voice(made.id, "S1", "es", clone)


@pytest.mark.parametrize(("use", "languages", "first", "last", "voice", "face"), [
    ("voice", [], None, None, True, False), ("face", [], None, None, False, True),
    ("voice_and_face", ["es"], None, None, True, True), ("voice_and_face", ["de"], None, None, False, False),
    ("voice_and_face", [], TODAY, TODAY, True, True),
    ("voice_and_face", [], None, TODAY - timedelta(days=1), False, False),
    ("voice_and_face", [], TODAY + timedelta(days=1), None, False, False),
])
def test_what_a_consent_allows(workspace: Workspace, use: str, languages: list[str], first: date | None,
                               last: date | None, voice: bool, face: bool) -> None:
    made, at = project(workspace), manager(workspace)
    storage = workspace.storage
    assert allowed(storage, storage.projects.get(made.id), "S1", "face", "es")
    at.projects.set_settings(made.id, consent_required=True)
    demanding = storage.projects.get(made.id)
    assert not allowed(storage, demanding, "S1", "face", "es")
    consent = at.speakers.record_consent("Ana", use, languages, first, last)
    assert not allowed(storage, demanding, "S1", "voice", "es") and not allowed(storage, demanding, "S1", "face", "es")
    at.speakers.link_consent(made.id, "S1", consent.id)
    assert [allowed(storage, demanding, "S1", one, "es") for one in ("voice", "face")] == [voice, face]
    view = next(one for one in at.speakers.all(made.id) if one.id == "S1")
    assert (view.voice_allowed, view.face_allowed) == (voice, face)
    at.speakers.revoke_consent(consent.id)
    assert not any(allowed(storage, demanding, "S1", one, "es") for one in ("voice", "face"))


def test_evidence_is_kept_apart_from_projects(workspace: Workspace, tmp_path: Path) -> None:
    made, at = project(workspace), manager(workspace)
    paper = tmp_path / "signed.pdf"
    paper.write_bytes(b"%PDF signed")
    consent = at.speakers.record_consent(" Ana ", "voice", ["es", "es"], None, None, send(at, paper, "evidence"),
                                         "by letter")
    kept = workspace.storage.consents.evidence(consent.id)
    assert kept is not None and kept.read_bytes() == b"%PDF signed" and "consents" in kept.parts
    assert (consent.person, consent.languages, consent.evidence_name, consent.recorded_by) == (
        "Ana", ("es",), "signed.pdf", "pablo")
    assert len(consent.evidence_sha256) == 64 and at.uploads.mine() == []
    at.speakers.link_consent(made.id, "S1", consent.id)
    seen = next(one for one in desk(workspace, "tomas", Role.TRANSLATOR).speakers.all(made.id) if one.id == "S1")
    assert (seen.consents[0].person, seen.consents[0].note, seen.consents[0].evidence_name) == ("Ana", "", "")
    at.projects.delete(made.id)
    at.projects.purge(made.id)
    assert kept.is_file() and [one.id for one in at.speakers.consents("ana")] == [consent.id]
    assert at.speakers.consents("bo") == []
    for use, person, first, last in (("dance", "Ana", None, None), ("voice", " ", None, None),
                                     ("voice", "Ana", TODAY, TODAY - timedelta(days=1))):
        upload = send(at, paper, "evidence")
        with pytest.raises(UsageError):
            at.speakers.record_consent(person, use, [], first, last, upload)
        at.uploads.cancel(upload)
    assert len(list((workspace.settings.home / "consents").iterdir())) == 1


def test_who_keeps_which_consents(workspace: Workspace) -> None:
    one, two = project(workspace, "One"), project(workspace, "Two")
    at = manager(workspace).speakers
    first, second = at.record_consent("Ana", "voice"), at.record_consent("Bo", "voice")
    local = desk(workspace, "lola")
    with pytest.raises(ForbiddenError):
        local.speakers.consents()
    workspace.storage.memberships.add(one.id, local.person.id, Role.PROJECT_MANAGER)
    assert local.speakers.consents() == []
    at.link_consent(one.id, "S1", first.id)
    assert [consent.id for consent in local.speakers.consents()] == [first.id]
    own = local.speakers.record_consent("Cy", "face")
    assert {consent.id for consent in local.speakers.consents()} == {first.id, own.id}
    refused: list[Callable[[], object]] = [
        lambda: local.speakers.revoke_consent(second.id), lambda: local.speakers.link_consent(one.id, "S1", second.id),
        lambda: local.speakers.link_consent(two.id, "S1", own.id),
        lambda: desk(workspace, "rita", Role.REVIEWER).speakers.record_consent("X", "voice"),
        lambda: desk(workspace, "rita", Role.REVIEWER).speakers.consents()]
    for act in refused:
        with pytest.raises(ForbiddenError):
            act()
    at.link_consent(one.id, "S1", first.id, False)
    at.link_consent(one.id, "S1", first.id, False)
    assert [consent.id for consent in local.speakers.consents()] == [own.id]


def test_imported_lines_get_the_speakers_who_are_heard(workspace: Workspace, tmp_path: Path) -> None:
    at = manager(workspace)
    lines = [ImportedLine(0, 1200, "One.", "", "Uno."), ImportedLine(2200, 3400, "Two.", "", "Dos.")]
    made = at.projects.create("Lines", send(at, clip(tmp_path / "a.mp4", frames=150, sound="bursts")),
                              DubOptions(targets=("es",), source="en", **FAKES), lines=lines, run=False)
    assert [s.id for s in workspace.storage.speakers.all(made.id)] == ["S0"]
    result = workspace.run(made)
    kept = workspace.lines(made, "es")
    assert [line.utterance.text for line in kept] == ["One.", "Two."]
    assert [line.translation.text for line in kept if line.translation] == ["Uno.", "Dos."]
    assert "S0" not in {s.id for s in workspace.storage.speakers.all(made.id)}
    assert all(line.take is not None and not line.take_is_stale for line in kept) and len(result.utterances) == 2
    speaker = kept[0].utterance.speaker
    new = at.speakers.split(made.id, speaker, ["u0002"])
    workspace.run(workspace.storage.projects.get(made.id))
    assert [line.utterance.speaker for line in workspace.lines(made, "es")] == [speaker, new]
    assert at.speakers.merge(made.id, speaker, new) == 1
    workspace.run(workspace.storage.projects.get(made.id))
    assert {one.id for one in at.speakers.all(made.id)} == {speaker}
