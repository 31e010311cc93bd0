"""The history of a project, and the way back to any revision in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dubbing.api import Desk, ForbiddenError, Workspace
from dubbing.domain.project import Edit, Project, Utterance, VoiceChoice
from dubbing.domain.review import Layer, ReviewState, Role
from dubbing.domain.workspace import VoiceOption
from dubbing.errors import UsageError

_S = ReviewState


@pytest.fixture
def ana(member: Callable[..., Desk]) -> Desk:
    """A reviewer, who may edit every layer."""
    return member("ana", Role.REVIEWER)


@pytest.fixture
def speak(workspace: Workspace, project: Project) -> Callable[..., str]:
    """``speak("one")``: a take of the first line in Spanish; returns its id."""
    def record(key: str, **how: Any) -> str:
        return workspace.storage.takes.record(
            project.id, "u0001", "es", artifact_key=key, text="Buenos días.", text_revision=1, utterance_revision=1,
            engine="fake", voice="Maria", tempo=1.0, duration_ms=900, **how).id
    return record


def last(desk: Desk, project: Project, entity: str, **which: Any) -> Edit:
    return desk.activity.latest(project.id, entity=entity, **which)[0]


def line(desk: Desk, project: Project, utterance_id: str = "u0001") -> Utterance:
    return desk.seat.workspace.storage.utterances.get(project.id, utterance_id)


def text(desk: Desk, project: Project, utterance_id: str = "u0001", language: str = "es") -> str:
    found = desk.seat.workspace.storage.translations.get(project.id, utterance_id, language)
    assert found is not None
    return found.text


def live(desk: Desk, project: Project) -> list[tuple[str, str, int, int]]:
    return [(one.id, one.text, one.start_ms, one.end_ms)
            for one in desk.seat.workspace.storage.utterances.all(project.id)]


# reading ------------------------------------------------------------------------------------------------------------


def test_the_history_in_pieces_and_by_what_happened(ana: Desk, project: Project) -> None:
    ana.lines.save(project.id, "es", "u0001", source_text="Good evening.", target_text="Buenas noches.")
    ana.lines.save(project.id, "de", "u0002", target_text="Wer sind Sie?")
    everything = ana.activity.latest(project.id)
    assert [one.at for one in everything] == sorted((one.at for one in everything), reverse=True)
    pieces, before = [], None
    while piece := ana.activity.latest(project.id, before_id=before, limit=3):
        pieces += piece
        before = piece[-1].id
    assert pieces == everything and len(everything) > 6
    assert {one.actor for one in ana.activity.latest(project.id, actor="ana")} == {"ana"}
    assert {one.actor for one in ana.activity.latest(project.id, actor="")} == {""}
    assert {one.language for one in ana.activity.latest(project.id, language="de")} == {"de"}
    edit = ana.activity.latest(project.id, entity="translation", entity_id="u0001", actor="ana")[0]
    assert (edit.before or {})["text"] == "Buenos días." and (edit.after or {})["text"] == "Buenas noches."


def test_who_sees_what_of_it(ana: Desk, member: Callable[..., Desk], desk: Callable[..., Desk],
                             project: Project) -> None:
    ana.lines.save(project.id, "de", "u0001", target_text="Guten Abend.")
    german = last(ana, project, "translation")
    spanish = member("luz", Role.TRANSLATOR, "es")
    assert {one.language for one in spanish.activity.latest(project.id)} == {"", "es"}
    with pytest.raises(ForbiddenError):
        spanish.activity.latest(project.id, language="de")
    for somebody in (spanish, desk("stranger")):
        with pytest.raises(UsageError, match="no entry"):
            somebody.activity.restore(german.id)
    with pytest.raises(ForbiddenError):
        desk("stranger").activity.latest(project.id)
    made = last(spanish, project, "project")
    assert made.after == {"name": "A film", "targets": ["es", "de"]}, "where the file lies is not for everybody"
    boss = member("boss", Role.PROJECT_MANAGER)
    assert (last(boss, project, "project").after or {})["source_path"] == "/films/film.mp4"


# lines --------------------------------------------------------------------------------------------------------------


def test_an_edit_of_a_line(ana: Desk, project: Project) -> None:
    ana.lines.save(project.id, "es", "u0001", source_text="Good evening.", start_ms=100, on_camera=False)
    edit = last(ana, project, "utterance")
    ana.lines.save(project.id, "es", "u0001", end_ms=1200)
    ana.activity.restore(edit.id)
    now = line(ana, project)
    assert (now.text, now.start_ms, now.end_ms, now.on_camera, now.revision) == ("Good morning.", 0, 1200, None, 4)
    ana.activity.restore(edit.id, "after")
    now = line(ana, project)
    assert (now.text, now.start_ms, now.end_ms, now.on_camera, now.revision) == ("Good evening.", 100, 1200, False, 5)
    newest = last(ana, project, "utterance")
    assert newest.actor == "ana" and (newest.after or {})["text"] == "Good evening.", "restoring is history, too"


def test_a_deleted_line_comes_back_with_all_it_had(ana: Desk, project: Project) -> None:
    ana.lines.save(project.id, "es", "u0001", source_text="Good evening.")
    changed = last(ana, project, "utterance")
    ana.lines.delete(project.id, "u0001", line(ana, project).revision)
    edit = last(ana, project, "utterance")
    ana.activity.restore(edit.id)
    assert line(ana, project).deleted_at is None and text(ana, project) == "Buenos días."
    ana.activity.restore(edit.id, "after")
    assert line(ana, project).deleted_at is not None
    ana.activity.restore(changed.id)
    now = line(ana, project)
    assert now.deleted_at is None and now.text == "Good morning.", "an older revision of a deleted line brings it back"


def test_an_inserted_line_goes_and_comes(ana: Desk, project: Project) -> None:
    made = ana.lines.insert(project.id, "S1", 5000, 6000, "And you?")
    edit = last(ana, project, "utterance")
    ana.activity.restore(edit.id)
    assert line(ana, project, made).deleted_at is not None
    ana.activity.restore(edit.id, "after")
    assert line(ana, project, made).deleted_at is None


def test_a_split_is_undone_and_done_as_a_whole(ana: Desk, project: Project) -> None:
    before, words = live(ana, project), line(ana, project).words
    first, second = ana.lines.split(project.id, "u0001", 1, at_char=5)
    split = live(ana, project)
    parts = text(ana, project), text(ana, project, second)
    assert len(split) == len(before) + 1 and parts[0] != "Buenos días."
    entries = [one for one in ana.activity.latest(project.id, entity="utterance", actor="ana")]
    assert {one.entity_id for one in entries} == {first, second}
    for entry in entries:  # whichever of the two a person takes back
        ana.activity.restore(entry.id)
        assert live(ana, project) == before
        assert text(ana, project) == "Buenos días." and text(ana, project, language="de") == "Guten Morgen."
        assert line(ana, project).words == words
        view = ana.lines.get(project.id, "es", "u0001")
        assert not view.line.translation_is_stale
        ana.activity.restore(entry.id, "after")
        assert live(ana, project) == split
        assert (text(ana, project), text(ana, project, second)) == parts


def test_work_on_a_half_is_not_lost_with_a_split(ana: Desk, project: Project) -> None:
    ana.lines.split(project.id, "u0001", 1, at_char=5)
    entry = last(ana, project, "utterance", entity_id="u0001")
    ana.lines.save(project.id, "es", "u0001", target_text="Muy buenos")
    ana.activity.restore(entry.id)
    assert line(ana, project).text == "Good morning."
    assert text(ana, project) == "Muy buenos" and text(ana, project, language="de") == "Guten Morgen."


def test_a_merge_is_undone_and_done_as_a_whole(ana: Desk, project: Project) -> None:
    before = live(ana, project)
    words = [line(ana, project, one).words for one in ("u0002", "u0003")]
    ana.lines.merge(project.id, "u0002", "u0003", (1, 1))
    merged = live(ana, project)
    whole = text(ana, project, "u0002")
    assert len(merged) == len(before) - 1 and whole == "¿Quién eres? Un amigo."
    for entry in ana.activity.latest(project.id, entity="utterance", actor="ana"):
        ana.activity.restore(entry.id)
        assert live(ana, project) == before
        assert text(ana, project, "u0002") == "¿Quién eres?" and text(ana, project, "u0003") == "Un amigo."
        assert [line(ana, project, one).words for one in ("u0002", "u0003")] == words
        ana.activity.restore(entry.id, "after")
        assert live(ana, project) == merged and text(ana, project, "u0002") == whole


def test_what_is_locked_stays(ana: Desk, member: Callable[..., Desk], project: Project) -> None:
    boss = member("boss", Role.PROJECT_MANAGER)
    ana.lines.save(project.id, "es", "u0001", source_text="Good evening.", target_text="Buenas noches.")
    entries = [last(ana, project, entity) for entity in ("utterance", "translation")]
    boss.lines.move(project.id, "es", ["u0001"], Layer.TRANSLATION, _S.LOCKED)
    boss.lines.move(project.id, "", ["u0001"], Layer.TRANSCRIPT, _S.LOCKED)
    for entry in entries:
        with pytest.raises(UsageError, match="is locked"):
            boss.activity.restore(entry.id)
    assert line(ana, project).text == "Good evening." and text(ana, project) == "Buenas noches."


# translations, takes, speakers, reviews, projects -------------------------------------------------------------------


def test_a_translation(ana: Desk, project: Project) -> None:
    ana.lines.save(project.id, "es", "u0001", target_text="Buenas.")
    ana.lines.move(project.id, "es", ["u0001"], Layer.TRANSLATION, _S.APPROVED)
    edit = last(ana, project, "translation")
    ana.activity.restore(edit.id)
    view = ana.lines.get(project.id, "es", "u0001").line
    assert view.translation is not None
    assert (view.translation.text, view.translation.revision, view.translation.engine) == ("Buenos días.", 3, "fake")
    assert view.states[Layer.TRANSLATION] is _S.NEEDS_REVIEW, "what was approved is not what stands there now"
    ana.activity.restore(edit.id, "after")
    assert text(ana, project) == "Buenas."
    first = ana.activity.latest(project.id, entity="translation", entity_id="u0001", language="es")[-1]
    with pytest.raises(UsageError, match="first text"):
        ana.activity.restore(first.id)
    ana.activity.restore(first.id, "after")
    assert text(ana, project) == "Buenos días."


def test_an_old_translation_of_an_old_source_is_stale(ana: Desk, project: Project) -> None:
    ana.lines.save(project.id, "es", "u0001", source_text="Good evening.")
    ana.lines.save(project.id, "es", "u0001", target_text="Buenas noches.")
    ana.activity.restore(last(ana, project, "translation").id)
    assert ana.lines.get(project.id, "es", "u0001").line.translation_is_stale


def test_a_choice_of_a_take(ana: Desk, project: Project, speak: Callable[..., str]) -> None:
    one, two, three = speak("one"), speak("two", actor="ana"), speak("three", choose=False)
    heard = lambda: ana.seat.workspace.storage.takes.chosen(project.id, "es")["u0001"].id  # noqa: E731
    edit = last(ana, project, "take")
    ana.takes.choose(three)
    ana.activity.restore(edit.id)
    assert heard() == one
    ana.activity.restore(edit.id, "after")
    assert heard() == two
    with pytest.raises(UsageError, match="no take before"):
        ana.activity.restore(ana.activity.latest(project.id, entity="take")[-1].id)
    ana.takes.delete(one)
    deletion = last(ana, project, "take")
    for entry, side in ((edit, "before"), (deletion, "before"), (deletion, "after")):
        with pytest.raises(UsageError, match="was deleted|no take before"):
            ana.activity.restore(entry.id, side)


def names(desk: Desk, project: Project) -> dict[str, str]:
    return {one.id: one.name for one in desk.seat.workspace.storage.speakers.all(project.id)}


def test_a_speaker_s_name(ana: Desk, project: Project) -> None:
    ana.speakers.rename(project.id, "S0", "Ada", "Queen")
    edit = last(ana, project, "speaker")
    ana.speakers.rename(project.id, "S0", "Eva")
    ana.activity.restore(edit.id)
    assert names(ana, project)["S0"] == "S0"
    ana.activity.restore(edit.id, "after")
    found = ana.speakers.all(project.id)[0]
    assert (found.name, found.character) == ("Ada", "Queen")


def test_a_voice_of_a_speaker(ana: Desk, project: Project) -> None:
    voice = lambda: ana.seat.workspace.storage.speakers.all(project.id)[0].voices.get("es")  # noqa: E731
    for name in ("fake_low", "fake_high"):
        ana.speakers.assign_voice(project.id, "S0", "es", VoiceOption("fake", name, name, "es"))
    second, first = ana.activity.latest(project.id, entity="speaker", language="es")
    ana.activity.restore(second.id)
    assert voice() == VoiceChoice("fake", "fake_low")
    ana.activity.restore(first.id)
    assert voice() is None
    ana.activity.restore(second.id, "after")
    assert voice() == VoiceChoice("fake", "fake_high")


def test_a_voice_that_imitates_needs_consent_here_too(
        ana: Desk, member: Callable[..., Desk], project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from dubbing import registry

    ana.speakers.assign_voice(project.id, "S0", "es", VoiceOption("fake", "fake_low", "", "es"))
    ana.speakers.assign_voice(project.id, "S0", "es", None)
    edit = last(ana, project, "speaker")
    member("boss", Role.PROJECT_MANAGER).projects.set_settings(project.id, consent_required=True)
    monkeypatch.setattr(registry.choose("tts", "fake"), "clones", True, raising=False)
    with pytest.raises(ForbiddenError, match="has not allowed"):
        ana.activity.restore(edit.id)


def test_speakers_merged_and_split(ana: Desk, project: Project) -> None:
    spoken = lambda: [(one.text, names(ana, project)[one.speaker])  # noqa: E731
                      for one in ana.seat.workspace.storage.utterances.all(project.id)]
    ana.speakers.rename(project.id, "S0", "Ada")
    ana.speakers.rename(project.id, "S1", "Bob", "King")
    before = spoken()
    ana.speakers.merge(project.id, "S0", "S1")
    merged = spoken()
    assert {name for _, name in merged} == {"Ada"}
    ana.activity.restore(last(ana, project, "speaker").id)
    assert spoken() == before, "Bob is back, and says what he said"
    assert next(one for one in ana.speakers.all(project.id) if one.name == "Bob").character == "King"
    made = ana.speakers.split(project.id, "S0", ["u0001"])
    entry = last(ana, project, "speaker")
    ana.speakers.rename(project.id, made, "Cid")
    ana.activity.restore(entry.id)
    assert spoken() == before
    gone = ana.activity.latest(project.id, entity="speaker", entity_id="S1")[-1]
    with pytest.raises(UsageError):
        ana.activity.restore(gone.id)
    assert "S1" not in names(ana, project), "nobody comes back without lines"


def test_a_consent_of_a_speaker(ana: Desk, member: Callable[..., Desk], project: Project,
                                workspace: Workspace) -> None:
    boss, consents = member("boss", Role.PROJECT_MANAGER), workspace.storage.consents
    consent = consents.add("Ada", "voice", [], None, None, actor="boss")
    consents.link(project.id, "S0", consent.id, actor="boss")
    edit = last(boss, project, "speaker")
    with pytest.raises(ForbiddenError):
        ana.activity.restore(edit.id)
    boss.activity.restore(edit.id)
    assert consents.of_speakers(project.id) == {}
    boss.activity.restore(edit.id, "after")
    assert list(consents.of_speakers(project.id)) == ["S0"]
    boss.activity.restore(last(boss, project, "speaker").id)
    assert consents.of_speakers(project.id) == {}
    consents.link(project.id, "S0", consent.id, actor="boss")
    consents.revoke(consent.id, actor="boss")
    with pytest.raises(UsageError, match="withdrawn stays"):
        boss.activity.restore(last(boss, project, "speaker").id)
    assert workspace.storage.speakers.all(project.id)[0].name == "S0"


def test_a_review(ana: Desk, project: Project, member: Callable[..., Desk]) -> None:
    ana.lines.move(project.id, "es", ["u0001"], Layer.TRANSLATION, _S.APPROVED)
    approved = last(ana, project, "review")
    state = lambda: ana.lines.get(project.id, "es", "u0001").line.states[Layer.TRANSLATION]  # noqa: E731
    ana.activity.restore(approved.id)
    assert state() is _S.NEEDS_REVIEW
    translator, client = member("luz", Role.TRANSLATOR), member("client", Role.CLIENT)
    with pytest.raises(ForbiddenError):
        translator.activity.restore(approved.id, "after")
    client.activity.restore(approved.id, "after")
    assert state() is _S.APPROVED, "a client may approve"
    handed_in = ana.activity.latest(project.id, entity="review")[-1]
    with pytest.raises((UsageError, ForbiddenError)):
        ana.activity.restore(handed_in.id)  # from approved, no way leads to a draft
    assert state() is _S.APPROVED


def test_a_project(ana: Desk, project: Project, member: Callable[..., Desk], workspace: Workspace) -> None:
    boss, projects = member("boss", Role.PROJECT_MANAGER), workspace.storage.projects
    projects.update(project.id, name="Another film", targets=["es"], settings={"options": {"lipsync": "off"}},
                    actor="boss")
    edit = last(boss, project, "project")
    projects.update(project.id, settings={"options": {"lipsync": "off"}, "transcript_key": "k"})
    with pytest.raises(ForbiddenError):
        ana.activity.restore(edit.id)
    boss.activity.restore(edit.id)
    now = projects.get(project.id)
    assert (now.name, set(now.targets), dict(now.settings)) == (
        "A film", {"es", "de"}, {"options": {"synthesizer": "fake"}, "transcript_key": "k"})
    projects.archive(project.id, actor="boss")
    boss.activity.restore(last(boss, project, "project").id)
    projects.delete(project.id, actor="boss")
    boss.activity.restore(last(boss, project, "project").id)
    now = projects.get(project.id)
    assert now.archived_at is None and now.deleted_at is None
    with pytest.raises(UsageError, match="made here"):
        boss.activity.restore(boss.activity.latest(project.id, entity="project")[-1].id)


def test_a_membership(desk: Callable[..., Desk], member: Callable[..., Desk], project: Project) -> None:
    boss, bob = member("boss", Role.PROJECT_MANAGER), desk("bob")
    boss.accounts.add_member(project.id, bob.person.id, Role.TRANSLATOR, "es")
    edit = last(boss, project, "member")
    boss.activity.restore(edit.id)
    assert [one.login for one in boss.accounts.members(project.id)] == ["boss"]
    with pytest.raises(ForbiddenError):
        bob.activity.latest(project.id)
    boss.activity.restore(edit.id, "after")
    assert bob.seat.rights(project.id, "es").roles == {Role.TRANSLATOR}
    with pytest.raises(ForbiddenError):
        bob.activity.restore(edit.id)


# rights -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_rights_of_every_role(role: Role, ana: Desk, member: Callable[..., Desk], desk: Callable[..., Desk],
                              project: Project, workspace: Workspace, speak: Callable[..., str]) -> None:
    storage = workspace.storage
    speak("one")
    speak("two", actor="ana")
    ana.speakers.rename(project.id, "S0", "Ada")
    ana.speakers.assign_voice(project.id, "S0", "es", VoiceOption("fake", "fake_low", "", "es"))
    storage.projects.update(project.id, name="Another film", actor="ana")
    ana.lines.save(project.id, "es", "u0001", source_text="Good evening.", target_text="Buenas noches.")
    entries = {
        "transcript": last(ana, project, "utterance"), "translation": last(ana, project, "translation"),
        "dub": last(ana, project, "take"), "name": last(ana, project, "speaker", language=""),
        "voice": last(ana, project, "speaker", language="es"), "project": last(ana, project, "project"),
    }
    somebody = desk("somebody", role) if role is Role.ADMINISTRATOR else member("somebody", role)
    may = set()
    for what, entry in entries.items():
        try:
            somebody.activity.restore(entry.id)
            may.add(what)
            assert somebody.activity.may_restore(entry)
        except ForbiddenError:
            assert not somebody.activity.may_restore(entry)
    everything = set(entries)
    assert may == {
        Role.ADMINISTRATOR: everything, Role.PROJECT_MANAGER: everything, Role.REVIEWER: everything - {"project"},
        Role.TRANSLATOR: {"transcript", "translation", "dub", "name"}, Role.AUDIO_MIXER: {"dub", "voice"},
        Role.CLIENT: set(),
    }[role]
