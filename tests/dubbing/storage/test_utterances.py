"""Utterances, translations and takes: optimistic saves, history, imports, staleness."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from dubbing.domain.project import Project, Take, VoiceChoice
from dubbing.domain.review import Layer, ReviewState
from dubbing.domain.speech import SpokenLine, Word
from dubbing.errors import ConflictError, UsageError
from dubbing.storage.line_edits import CutAt
from dubbing.storage.repository import Repository
from dubbing.storage.tables import UtteranceRow

Say = Callable[..., SpokenLine]


def record(repository: Repository, project: Project, utterance_id: str = "u0001", *, key: str = "k" * 64,
           voice: str = "v1", actor: str = "") -> Take:
    """A take of the line as it stands now."""
    line = repository.lines.some(project.id, "es", [utterance_id])[utterance_id]
    translation = line.translation
    return repository.takes.record(
        project.id, utterance_id, "es", artifact_key=key, text="" if translation is None else translation.text,
        text_revision=0 if translation is None else translation.revision, utterance_revision=line.utterance.revision,
        engine="kokoro", voice=voice, tempo=1.1, duration_ms=900, actor=actor,
    )


def test_what_goes_in_comes_out(repository: Repository, project: Project) -> None:
    first = repository.utterances.get(project.id, "u0001")
    assert (first.speaker, first.text, first.start_ms, first.end_ms) == ("S0", "Good morning.", 0, 1000)
    assert first.words == (Word("Good", 0, 500, 0.5), Word("morning.", 500, 1000, 0.5))
    assert first.confidence == 0.5 and first.revision == 1 and not first.edited_by_person
    assert [one.id for one in repository.utterances.all(project.id)] == ["u0001", "u0002", "u0003"]
    assert [speaker.id for speaker in repository.speakers.all(project.id)] == ["S0", "S1"]


def test_a_save_bumps_the_revision_and_writes_history(repository: Repository, project: Project) -> None:
    saved = repository.utterances.update(project.id, "u0001", 1, text="Good evening.", actor="Ada")
    assert saved.revision == saved.text_revision == 2 and saved.cast_revision == 1 and saved.edited_by_person
    moved = repository.utterances.update(project.id, "u0001", 2, start_ms=100, on_camera=False, actor="Ada")
    assert (moved.revision, moved.text_revision, moved.cast_revision, moved.on_camera) == (3, 2, 3, False)
    newest, older, made = repository.history.latest(project.id, entity="utterance", entity_id="u0001")
    assert newest.before == {"start_ms": 0, "on_camera": None, "revision": 2}
    assert newest.after == {"start_ms": 100, "on_camera": False, "revision": 3}
    assert older.actor == "Ada" and older.before is not None and older.before["text"] == "Good morning."
    assert made.before is None and made.actor == ""
    assert repository.utterances.update(project.id, "u0001", 3, on_camera=None, actor="Ada").on_camera is None


def test_saving_what_stands_there_changes_nothing(repository: Repository, project: Project) -> None:
    assert repository.utterances.update(project.id, "u0001", 1, text="Good morning.", actor="Ada").revision == 1
    assert len(repository.history.latest(project.id, entity="utterance", entity_id="u0001")) == 1


def test_a_conflict_shows_both_versions_and_changes_nothing(repository: Repository, project: Project) -> None:
    repository.utterances.update(project.id, "u0001", 1, text="Ada's", actor="Ada")
    with pytest.raises(ConflictError) as caught:
        repository.utterances.update(project.id, "u0001", 1, text="Bob's", actor="Bob")
    assert caught.value.saved.text == "Ada's" and caught.value.attempted == {"text": "Bob's"}
    assert caught.value.hint
    assert repository.utterances.get(project.id, "u0001").text == "Ada's"
    assert all(edit.actor != "Bob" for edit in repository.history.latest(project.id))


def test_of_many_simultaneous_saves_exactly_one_wins(repository: Repository, project: Project) -> None:
    start, results = threading.Barrier(8), []

    def save(name: str) -> None:
        start.wait()
        try:
            repository.utterances.update(project.id, "u0002", 1, text=name, actor=name)
            results.append(name)
        except ConflictError:
            results.append(None)

    threads = [threading.Thread(target=save, args=(f"person {index}",)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [name for name in results if name]
    assert len(results) == 8 and len(winners) == 1
    assert repository.utterances.get(project.id, "u0002").text == winners[0]


def test_impossible_edits_are_told(
    repository: Repository, project: Project, say: Say
) -> None:
    with pytest.raises(UsageError, match="end after it starts"):
        repository.utterances.update(project.id, "u0001", 1, start_ms=1000, actor="Ada")
    with pytest.raises(UsageError, match="no utterance u9999"):
        repository.utterances.get(project.id, "u9999")
    with pytest.raises(UsageError, match="no project"):
        repository.utterances.add("nowhere", say("Hello", 0, 10))
    assert repository.utterances.get(project.id, "u0001").revision == 1


def test_the_database_itself_refuses_nonsense(repository: Repository, project: Project) -> None:
    with pytest.raises(IntegrityError), repository.database.write() as session:
        session.execute(text("UPDATE utterances SET end_ms = start_ms"))
    with pytest.raises(IntegrityError), repository.database.write() as session:
        session.execute(text("UPDATE utterances SET speaker_id = 'nobody'"))


def test_an_import_keeps_ids_and_what_a_person_edited(
    repository: Repository, project: Project, say: Say
) -> None:
    repository.utterances.update(project.id, "u0002", 1, text="Who the hell are you?", actor="Ada")
    result = repository.utterances.import_lines(project.id, [
        say("Good morning.", 0, 1000),  # as before
        say("Who are you now?", 1480, 2490, "S7"),  # where a person edited
        say("A friend of yours.", 3000, 4200),  # heard better
        say("Come in.", 5000, 6000, "S1"),  # new
    ])
    assert result.unchanged == ("u0001",) and result.kept == ("u0002",) and result.updated == ("u0003",)
    assert result.skipped == ("Who are you now?",) and result.added == ("u0004",) and result.removed == ()
    assert [one.text for one in repository.utterances.all(project.id)] == [
        "Good morning.", "Who the hell are you?", "A friend of yours.", "Come in.",
    ]
    third = repository.utterances.get(project.id, "u0003")
    assert third.revision == third.text_revision == third.cast_revision == 2 and len(third.words) == 4
    assert not third.edited_by_person
    assert "S7" not in {speaker.id for speaker in repository.speakers.all(project.id)}


def test_an_import_removes_what_is_not_heard_any_more(
    repository: Repository, project: Project, say: Say
) -> None:
    result = repository.utterances.import_lines(project.id, [say("Good morning.", 0, 1000)])
    assert result.removed == ("u0002", "u0003")
    assert [one.id for one in repository.utterances.all(project.id)] == ["u0001"]
    assert len(repository.utterances.all(project.id, deleted=True)) == 3
    assert repository.utterances.add(project.id, say("Later.", 9000, 9500)).id == "u0004"


def test_an_import_keeps_lines_with_a_translation_by_a_person_or_an_approval(
    repository: Repository, project: Project
) -> None:
    repository.translations.save(project.id, "u0001", "es", "Buenos días.", 0, actor="Ada")
    for state in (ReviewState.NEEDS_REVIEW, ReviewState.APPROVED):
        repository.reviews.move(project.id, ["u0003"], Layer.DUB, state, language="de", actor="Ada")
    result = repository.utterances.import_lines(project.id, [])
    assert result.kept == ("u0001", "u0003") and result.removed == ("u0002",)


def test_split_and_merge_keep_words_and_time(repository: Repository, project: Project) -> None:
    first, second = repository.line_edits.split(project.id, "u0002", 1, CutAt(char=7), actor="Ada")
    before, after = repository.utterances.get(project.id, first), repository.utterances.get(project.id, second)
    assert (before.text, before.start_ms, before.end_ms) == ("Who are", 1500, 2166)
    assert (after.text, after.start_ms, after.end_ms) == ("you?", 2166, 2500)
    assert second == "u0004" and after.speaker == "S1"
    assert [word.text for word in before.words + after.words] == ["Who", "are", "you?"]
    whole = repository.utterances.get(project.id, repository.line_edits.merge(
        project.id, (first, before.revision), (second, after.revision), actor="Ada"))
    assert whole.text == "Who are you?" and (whole.start_ms, whole.end_ms) == (1500, 2500)
    assert [one.id for one in repository.utterances.all(project.id)] == ["u0001", "u0002", "u0003"]


def test_a_deleted_line_comes_back_with_its_translation(repository: Repository, project: Project) -> None:
    repository.translations.save(project.id, "u0001", "es", "Buenos días.", 0, actor="Ada")
    gone = repository.utterances.delete(project.id, "u0001", 1, actor="Ada")
    assert gone.deleted_at is not None and "u0001" not in repository.lines.some(project.id, "es", ["u0001"])
    repository.utterances.delete(project.id, "u0001", gone.revision, deleted=False, actor="Ada")
    line = repository.lines.some(project.id, "es", ["u0001"])["u0001"]
    assert line.translation is not None and line.translation.text == "Buenos días."


def test_a_translation_is_stale_when_its_source_text_changed(repository: Repository, project: Project) -> None:
    repository.translations.save_machine(project.id, "u0001", "es", "Hola.", engine="fake", source_revision=1)

    def is_stale() -> bool:
        return repository.lines.all(project.id, "es")[0].translation_is_stale

    assert not is_stale()
    repository.utterances.update(project.id, "u0001", 1, end_ms=1100, actor="Ada")
    assert not is_stale()
    changed = repository.utterances.update(project.id, "u0001", 2, text="Good evening.", actor="Ada")
    assert is_stale()
    repository.translations.save(project.id, "u0001", "es", "Hola.", 1, actor="Ada",
                                 source_revision=changed.revision)
    assert not is_stale()
    assert repository.translations.all(project.id, "es")["u0001"].revision == 1


def test_a_machine_gives_way_to_a_person(repository: Repository, project: Project) -> None:
    save_machine = repository.translations.save_machine
    assert save_machine(project.id, "u0001", "es", "uno", engine="fake", source_revision=1).revision == 1
    assert save_machine(project.id, "u0001", "es", "dos", engine="fake", source_revision=1).revision == 2
    mine = repository.translations.save(project.id, "u0001", "es", "tres", 2, actor="Ada")
    assert mine.edited_by_person and mine.engine == "person"
    stands = save_machine(project.id, "u0001", "es", "cuatro", engine="fake", source_revision=1)
    assert stands == mine
    with pytest.raises(ConflictError) as caught:
        repository.translations.save(project.id, "u0001", "es", "cinco", 2, actor="Bob")
    assert caught.value.saved == mine and caught.value.attempted == "cinco"
    with pytest.raises(ConflictError) as caught:
        repository.translations.save(project.id, "u0001", "de", "Hallo", 3, actor="Bob")
    assert caught.value.saved is None


def test_a_take_is_stale_when_what_it_speaks_changed(repository: Repository, project: Project) -> None:
    repository.translations.save(project.id, "u0001", "es", "Hola.", 0, actor="Ada")
    first = record(repository, project)
    assert first.chosen and first.text == "Hola." and first.tempo == 1.1

    def is_stale() -> bool:
        return repository.lines.all(project.id, "es")[0].take_is_stale

    assert not is_stale()
    repository.utterances.update(project.id, "u0001", 1, on_camera=True, actor="Ada")
    assert not is_stale()
    repository.translations.save(project.id, "u0001", "es", "Buenas.", 1, actor="Ada")
    assert is_stale()
    second = record(repository, project, key="l" * 64)
    assert not is_stale() and repository.takes.chosen(project.id, "es") == {"u0001": second}
    repository.utterances.update(project.id, "u0001", 2, end_ms=1200, actor="Ada")
    assert is_stale()
    record(repository, project, key="m" * 64)
    repository.speakers.assign_voice(project.id, "S0", "es", VoiceChoice("kokoro", "v2"), actor="Ada")
    assert is_stale()
    record(repository, project, key="n" * 64, voice="v2")
    assert not is_stale()
    repository.speakers.assign_voice(project.id, "S0", "es", None, actor="Ada")
    assert not is_stale()
    assert len(repository.takes.all(project.id, "es", "u0001")) == 4


def test_one_take_is_heard(repository: Repository, project: Project) -> None:
    first, second = record(repository, project), record(repository, project, key="l" * 64)
    takes = repository.takes.all(project.id, "es", "u0001")
    assert [(take.id, take.chosen) for take in takes] == [(first.id, False), (second.id, True)]
    assert repository.takes.choose(first.id, actor="Ada").chosen
    assert repository.takes.chosen(project.id, "es")["u0001"].id == first.id
    with pytest.raises(UsageError, match="cannot be deleted"):
        repository.takes.delete(first.id)
    repository.takes.delete(second.id, actor="Ada")
    repository.takes.delete(second.id, actor="Ada")
    assert repository.takes.artifact_keys() == {"k" * 64}
    with pytest.raises(UsageError, match="no take"):
        repository.takes.choose(second.id)


def test_the_same_artifact_is_the_same_take(repository: Repository, project: Project) -> None:
    first = record(repository, project)
    repository.utterances.update(project.id, "u0001", 1, end_ms=1100, actor="Ada")
    again = record(repository, project)
    assert again.id == first.id and again.utterance_revision == 2
    assert not repository.lines.all(project.id, "es")[0].take_is_stale


def test_a_machine_does_not_replace_an_approved_take(repository: Repository, project: Project) -> None:
    first = record(repository, project)
    for state in (ReviewState.NEEDS_REVIEW, ReviewState.APPROVED):
        repository.reviews.move(project.id, ["u0001"], Layer.DUB, state, language="es", actor="Ada")
    assert not record(repository, project, key="l" * 64).chosen
    assert repository.takes.chosen(project.id, "es")["u0001"].id == first.id
    mine = record(repository, project, key="m" * 64, actor="Ada")
    assert mine.chosen
    assert repository.reviews.states(project.id, "es")["u0001"][Layer.DUB] is ReviewState.NEEDS_REVIEW


def test_lines_page_and_search(repository: Repository, project: Project) -> None:
    repository.translations.save(project.id, "u0003", "es", "Un amigo, 100 %.", 0, actor="Ada")
    read = repository.lines
    assert [line.utterance.id for line in read.all(project.id, "es", offset=1, limit=1)] == ["u0002"]
    assert [line.utterance.id for line in read.all(project.id, "es", speaker="S0")] == ["u0001", "u0003"]
    assert [line.utterance.id for line in read.all(project.id, "es", search="AMIGO")] == ["u0003"]
    assert [line.utterance.id for line in read.all(project.id, "es", search="%")] == ["u0003"]
    assert read.all(project.id, "de", search="amigo") == []
    assert read.count(project.id, "es") == 3 and read.count(project.id, "es", speaker="S1") == 1
    assert list(read.some(project.id, "es", ["u0003", "u9999"])) == ["u0003"]
    assert read.all(project.id, "de")[2].translation is None


def test_a_purge_leaves_nothing_behind(repository: Repository, project: Project) -> None:
    repository.translations.save(project.id, "u0001", "es", "Hola.", 0, actor="Ada")
    record(repository, project)
    repository.speakers.assign_voice(project.id, "S0", "es", VoiceChoice("kokoro", "v2"), actor="Ada")
    repository.projects.purge(project.id)
    with repository.database.read() as session:
        assert session.scalars(select(UtteranceRow)).all() == []
        for table in UtteranceRow.metadata.sorted_tables:
            assert session.execute(select(table)).first() is None, table.name
