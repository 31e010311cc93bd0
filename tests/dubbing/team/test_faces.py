"""Faces at the desk: who is seen, whose face it is, and why a mouth stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from dubbing.api import Desk, ForbiddenError, Workspace
from dubbing.derived import Derived, Standing, write_json
from dubbing.domain.project import Project
from dubbing.domain.review import Role
from dubbing.engines.base import SeenPerson
from dubbing.errors import UsageError
from dubbing.understand import assigned_faces

Member = Callable[..., Desk]


@pytest.fixture
def seen(workspace: Workspace, project: Project) -> Derived:
    """S0 is seen for the first two seconds, a second face all the time; S1 is never seen."""
    derived = Derived(workspace.settings.home, project.id)
    people = [SeenPerson("f0001", "", (1, 4), ((0, 9000),), 0.2, 100.0, (0.1, 0.1, 0.5, 0.5), 0.8),
              SeenPerson("f0000", "S0", (0,), ((0, 2000),), 0.4, 500.0, (0.1, 0.5, 0.6, 0.9), 0.0)]
    write_json(derived.faces, {"people": [asdict(p) for p in people], "on_camera": {"S0": [[0, 2000]], "S1": []}})
    return derived


def test_nobody_before_the_video_was_analysed(member: Member, project: Project) -> None:
    at = member("ana", Role.CLIENT)
    assert at.faces.all(project.id) == []
    assert set(at.faces.lip_sync_plan(project.id, "es").values()) == {(False, "no_take")}


def test_who_is_seen_and_who_speaks(member: Member, project: Project, seen: Derived) -> None:
    other, first = member("ana", Role.CLIENT).faces.all(project.id)
    assert (first.id, first.speaker, first.seen, first.speaking) == ("f0000", "S0", ((0, 2000),), ((0, 1000),))
    assert (other.speaker, other.speaking, other.note, other.has_thumbnail) == (None, (), "turned", False)
    assert first.height_share == 0.4


def test_a_person_says_whose_face_it_is(member: Member, project: Project, workspace: Workspace, seen: Derived) -> None:
    at = member("ana", Role.REVIEWER)
    at.faces.assign(project.id, "f0001", "S1")
    at.faces.assign(project.id, "f0000", None)
    other, first = at.faces.all(project.id)
    assert (other.speaker, other.note, other.speaking) == ("S1", "waits", ((1500, 2500),))
    assert (first.speaker, first.note) == (None, "waits")
    assert assigned_faces(workspace.storage.projects.get(project.id)) == {"S1": [1, 4], "": [0]}
    at.faces.assign(project.id, "f0000", "S0")
    assert assigned_faces(workspace.storage.projects.get(project.id)) == {"S1": [1, 4]}
    for face, speaker in (("f0009", "S0"), ("f0000", "S9")):
        with pytest.raises(UsageError):
            at.faces.assign(project.id, face, speaker)
    with pytest.raises(ForbiddenError):
        member("clara", Role.CLIENT).faces.assign(project.id, "f0000", "S0")


def test_why_a_mouth_stays_as_it_is(member: Member, project: Project, workspace: Workspace, seen: Derived) -> None:
    at, storage = member("ana", Role.REVIEWER), workspace.storage
    for line in ("u0001", "u0002"):
        storage.takes.record(project.id, line, "es", artifact_key=line * 8, text="x", text_revision=1,
                             utterance_revision=1, engine="fake", voice="v", tempo=1.0, duration_ms=900)
    plan = at.faces.lip_sync_plan(project.id, "es")
    assert plan == {"u0001": (True, ""), "u0002": (False, "no_face"), "u0003": (False, "off_camera")}
    assert at.faces.lip_sync_plan(project.id, "de")["u0001"] == (False, "no_take")
    seen.set_standing("es", Standing("v", "d.mp4", "m", {"u0001": "u0001" * 8}, {}, {"u0001": 0}, {"u0001": True}))
    assert at.faces.lip_sync_plan(project.id, "es")["u0001"] == (False, "no_face")
    storage.utterances.update(project.id, "u0001", 1, on_camera=False)
    storage.utterances.update(project.id, "u0003", 1, on_camera=True)
    plan = at.faces.lip_sync_plan(project.id, "es")
    assert plan["u0001"] == (False, "marked_off") and plan["u0003"] == (False, "no_take")
    settings = storage.projects.get(project.id).settings
    storage.projects.update(project.id, settings={**settings, "rules": {"consent_required": True}})
    assert at.faces.lip_sync_plan(project.id, "es")["u0003"] == (False, "no_consent")
    storage.projects.update(project.id, settings={**settings, "options": {"lipsync": "off"}})
    assert set(at.faces.lip_sync_plan(project.id, "es").values()) == {(False, "disabled")}


@pytest.mark.real
def test_who_is_seen_in_our_sample_and_whose_face_a_person_says_it_is(samples: Path, tmp_path: Path) -> None:
    from dubbing import registry
    from dubbing.engines.base import SpeakerSpan

    lipsyncer = registry.choose("lipsync", "atlas")
    tracks, models, taught = tmp_path / "tracks", tmp_path / "models", tmp_path / "taught"
    for folder in (tracks, models, taught):
        folder.mkdir()
    video = samples / "es_solo.mp4"
    lipsyncer.track(video, tracks)
    spans = [SpeakerSpan("S1", 500, 12_000)]
    lipsyncer.model(video, tracks, spans, models)
    (person,) = lipsyncer.people(tracks, models)
    assert person.speaker == "S1" and person.seen[0][0] == 0 and person.seen[-1][1] > 12_000
    assert 0.3 < person.height_share < 0.5 and person.turned < 0.2
    top, left, bottom, right = person.box
    assert 0 <= top < 0.3 and 0.5 < bottom < 0.9 and left < 0.5 < right
    lipsyncer.model(video, tracks, [*spans, SpeakerSpan("S2", 0, 400)], taught, assigned={"S2": list(person.tracks)})
    assert [p.speaker for p in lipsyncer.people(tracks, taught)] == ["S2"]
