"""Series: speakers who are known from another video, and what is taken over of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dubbing.api import Desk, DubOptions, ForbiddenError, Workspace
from dubbing.domain.project import Project, VoiceChoice
from dubbing.domain.review import Role
from dubbing.domain.workspace import Term
from dubbing.errors import UsageError
from dubbing.series import known_names
from tests.media_factory import make


def prints(seed: int) -> list[float]:
    return list(map(float, np.abs(np.random.default_rng(seed).normal(size=256))))


def mixed(first: list[float], second: list[float], share: float) -> list[float]:
    return [(1 - share) * a + share * b for a, b in zip(first, second, strict=True)]


@pytest.fixture
def first(workspace: Workspace, project: Project) -> Project:
    """An earlier video of a series: Ana, whose voice was chosen by a person, and S1, whom nobody named."""
    storage = workspace.storage
    storage.speakers.save(project.id, "S0", name="Ana Ruiz", character="The Queen", voice_print=prints(1))
    storage.speakers.save(project.id, "S1", voice_print=[-value for value in prints(2)])
    storage.speakers.assign_voice(project.id, "S0", "es", VoiceChoice("fake", "fake-b"))
    take = storage.takes.record(project.id, "u0001", "de", artifact_key="a" * 64, text="Guten Morgen.",
                                text_revision=1, utterance_revision=1, engine="fake", voice="fake-a", tempo=1.0,
                                duration_ms=900)
    assert take.chosen
    storage.series.set(project.id, "The Saga")
    return storage.projects.get(project.id)


@pytest.fixture
def second(workspace: Workspace, first: Project) -> Project:
    """A later video, not in the series yet: S0 sounds nearly like Ana, S9 like nobody."""
    storage = workspace.storage
    made = storage.projects.create("Part two", "/films/two.mp4", source_sha256="1" * 64,
                                   media={"duration_ms": 60_000}, source_language="en", targets=["es", "de", "fr"])
    storage.speakers.save(made.id, "S0", voice_print=mixed(prints(1), prints(3), 0.2))
    storage.speakers.save(made.id, "S9", voice_print=[value if i % 2 else -value for i, value in enumerate(prints(4))])
    return made


def test_a_known_speaker_is_found_and_named(workspace: Workspace, desk: Callable[..., Desk], first: Project,
                                            second: Project) -> None:
    at = desk("pm", Role.PROJECT_MANAGER)
    assert at.series.matches(second.id) == []
    assert at.series.set(second.id, "  The   Saga ").series == "The Saga"
    assert at.series.names() == ["The Saga"]
    assert [card.name for card in at.series.projects("The Saga")] == ["Part two", "A film"]
    found, = at.series.matches(second.id)
    assert (found.speaker, found.other, found.name, found.character, found.project_name) == (
        "S0", "S0", "Ana Ruiz", "The Queen", "A film")
    assert found.likeness > 0.9 and found.is_sure
    assert found.voices == {"es": VoiceChoice("fake", "fake-b"), "de": VoiceChoice("fake", "fake-a")}
    assert [match.speaker for match in at.series.adopt(second.id)] == ["S0"]
    ana, other = workspace.storage.speakers.all(second.id)
    assert (ana.name, ana.character, ana.voices) == ("Ana Ruiz", "The Queen", found.voices)
    assert (other.id, other.name, other.voices) == ("S9", "S9", {})
    assert at.series.adopt(second.id) == [], "nothing is left to take over"
    assert at.series.set(second.id, "").series == "" and at.series.matches(second.id) == []


def test_what_a_person_gave_stays(workspace: Workspace, desk: Callable[..., Desk], first: Project,
                                  second: Project) -> None:
    storage = workspace.storage
    storage.speakers.save(second.id, "S0", name="Anita")
    storage.speakers.assign_voice(second.id, "S0", "es", VoiceChoice("fake", "fake-a"))
    storage.speakers.assign_voice(first.id, "S0", "fr", VoiceChoice("coqui", "clone"))
    at = desk("pm", Role.PROJECT_MANAGER)
    at.series.set(second.id, "The Saga")
    at.series.adopt(second.id, "S0")
    ana = storage.speakers.all(second.id)[0]
    assert (ana.name, ana.character) == ("Anita", "The Queen")
    assert ana.voices == {"es": VoiceChoice("fake", "fake-a"), "de": VoiceChoice("fake", "fake-a")}, \
        "a voice that imitates needs a consent in each project"


def test_who_may(desk: Callable[..., Desk], member: Callable[..., Desk], workspace: Workspace, first: Project,
                 second: Project) -> None:
    stranger = desk("zoe")
    workspace.storage.memberships.add(second.id, stranger.person.id, Role.PROJECT_MANAGER, "")
    with pytest.raises(ForbiddenError, match="not yours to see"):
        stranger.series.set(second.id, "The Saga")
    assert stranger.series.names() == []
    assert stranger.series.set(second.id, "Mine").series == "Mine" and stranger.series.names() == ["Mine"]
    workspace.storage.series.set(second.id, "The Saga")
    assert stranger.series.matches(second.id) == [], "what she does not see is not told"
    with pytest.raises(ForbiddenError):
        member("rita", Role.REVIEWER).series.set(first.id, "Other")
    with pytest.raises(UsageError, match="at most 64"):
        desk("pm", Role.PROJECT_MANAGER).series.set(first.id, "x" * 65)


def test_names_that_may_be_said(workspace: Workspace, first: Project, second: Project) -> None:
    storage = workspace.storage
    storage.terms.save([
        Term("", first.id, "en", "es", "Winterfell", "Invernalia"), Term("", None, "en", "es", "the wall", "el muro"),
        Term("", None, "en", "es", "kubernetes", None), Term("", None, "fr", "es", "Valjean", None)], actor="pm")
    assert set(known_names(storage, second)) == {"kubernetes"}
    storage.series.set(second.id, "The Saga")
    joined = storage.projects.get(second.id)
    assert set(known_names(storage, joined)) == {"kubernetes", "Winterfell", "Ana Ruiz", "The Queen"}
    heard = storage.projects.update(second.id, settings={"transcript_key": "k", "names": ["Winterfell"]})
    assert known_names(storage, heard) == ("Winterfell",), "what was heard was heard with these"
    before = storage.projects.update(second.id, settings={"transcript_key": "k"})
    assert known_names(storage, before) == ()


def test_a_video_is_heard_again_with_names_that_came_later(workspace: Workspace, desk: Callable[..., Desk],
                                                           second: Project) -> None:
    storage, at = workspace.storage, desk("pm", Role.PROJECT_MANAGER)
    storage.terms.save([Term("", None, "en", "es", "Winterfell", None)], actor="pm")
    assert at.terms.new_names(second.id) == [], "before the video is heard, every name is told"
    with pytest.raises(UsageError, match="with these names already"):
        at.terms.hear_again(second.id)
    heard = storage.projects.update(second.id, settings={"transcript_key": "k", "names": []})
    assert at.terms.new_names(second.id) == ["Winterfell"] and known_names(storage, heard) == ()
    busy = storage.jobs.enqueue("dub", {"targets": ["es"]}, project_id=second.id)
    assert storage.jobs.claim("worker", 60.0) is not None
    with pytest.raises(UsageError, match="being made"):
        at.terms.hear_again(second.id)
    assert at.terms.new_names(second.id) == ["Winterfell"], "it is offered still"
    storage.jobs.finish(busy.id, "worker")
    job = at.terms.hear_again(second.id)
    now = storage.projects.get(second.id)
    assert job.kind == "dub" and known_names(storage, now) == ("Winterfell",) and at.terms.new_names(second.id) == []
    storage.projects.update(second.id, settings={"transcript_key": "k", "imported": {"sha256": "0"}})
    assert at.terms.new_names(second.id) == [], "lines that were brought along are not heard"
    with pytest.raises(ForbiddenError):
        desk("zoe").terms.hear_again(second.id)


def test_a_first_analysis_takes_over_what_the_series_knows(workspace: Workspace, tmp_path: Path) -> None:
    fakes = {kind: "fake" for kind in ("recognizer", "diarizer", "translator", "synthesizer", "separator")}
    options = DubOptions(targets=("en",), source="es", lipsync="off", speakers=2, **fakes)
    clips = [make(tmp_path, f"part{n}.mp4", frames=110 + n, sound="bursts", height=90, width=160) for n in (1, 2)]
    first, second = (workspace.create(clip, options, actor="pm") for clip in clips)
    workspace.run(first)
    workspace.storage.speakers.save(first.id, "S1", name="Ana Ruiz", character="The Queen", actor="pm")
    workspace.storage.terms.save([Term("", None, "es", "en", "Comala", None)], actor="pm")
    for project in (first, second):
        workspace.storage.series.set(project.id, "The Saga")
    workspace.run(workspace.storage.projects.get(second.id))
    ana, other = workspace.storage.speakers.all(second.id)
    assert (ana.id, ana.name, ana.character) == ("S1", "Ana Ruiz", "The Queen")
    assert ana.voices["en"] == workspace.storage.series.heard(first.id)["S1"]["en"]
    assert (other.id, other.name) == ("S2", "S2")
    assert workspace.storage.projects.get(second.id).settings["names"] == ["Comala", "The Queen", "Ana Ruiz"]
    assert "names" in workspace.storage.projects.get(first.id).settings
