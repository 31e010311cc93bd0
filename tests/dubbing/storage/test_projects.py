"""Projects, speakers and the review of lines as the database keeps them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.project import Project, VoiceChoice, new_id
from dubbing.domain.review import Layer, ReviewState, Role
from dubbing.errors import ConflictError, UsageError
from dubbing.storage.repository import Repository

S = ReviewState


def test_a_project_is_kept_as_given(repository: Repository) -> None:
    made = repository.projects.create(
        "  A film ", "a/film.mp4", source_sha256="0" * 64, media={"fps": [25, 1]}, source_language="en",
        targets=["es", "de", "es"], settings={"lipsync": "atlas"}, actor="Ada",
    )
    assert made == repository.projects.get(made.id)
    assert (made.name, made.targets, made.media, made.revision) == ("A film", ("es", "de"), {"fps": [25, 1]}, 1)
    assert made.created_at.tzinfo is not None and made.settings == {"lipsync": "atlas"}
    with pytest.raises(UsageError, match="needs a name"):
        repository.projects.create(" ", "film.mp4", source_sha256="0", media={})
    with pytest.raises(UsageError, match="no project"):
        repository.projects.get("nothing")


def test_a_project_changes_optimistically(repository: Repository, project: Project) -> None:
    changed = repository.projects.update(project.id, 1, name="The film", targets=["de", "fr"], actor="Ada")
    assert (changed.name, changed.targets, changed.revision) == ("The film", ("de", "fr"), 2)
    with pytest.raises(ConflictError) as caught:
        repository.projects.update(project.id, 1, name="A movie", actor="Bob")
    assert caught.value.saved.name == "The film"
    assert repository.projects.update(project.id, source_language="en").revision == 3
    edit = repository.history.latest(project.id, entity="project")[1]
    assert edit.actor == "Ada" and edit.before == {"name": "A film", "targets": ["es", "de"]}


def test_a_target_that_comes_back_has_its_translations(repository: Repository, project: Project) -> None:
    repository.translations.save(project.id, "u0001", "es", "Hola.", 0, actor="Ada")
    repository.projects.update(project.id, targets=["de"])
    repository.projects.update(project.id, targets=["de", "es"])
    assert repository.translations.all(project.id, "es")["u0001"].text == "Hola."


def test_archived_and_deleted_projects_are_out_of_sight(repository: Repository, project: Project) -> None:
    other = repository.projects.create("Other", "other.mp4", source_sha256="1" * 64, media={})
    assert [one.id for one in repository.projects.all()] == [other.id, project.id]
    repository.projects.archive(project.id, actor="Ada")
    repository.projects.delete(other.id, actor="Ada")
    repository.projects.delete(other.id, actor="Ada")
    assert repository.projects.all() == []
    assert [one.id for one in repository.projects.all(archived=True)] == [project.id]
    assert [one.id for one in repository.projects.all(deleted=True)] == [other.id]
    repository.projects.archive(project.id, archived=False, actor="Ada")
    assert [one.id for one in repository.projects.all()] == [project.id]
    assert repository.projects.get(other.id).deleted_at is not None


def test_speakers_have_names_and_voices(repository: Repository, project: Project) -> None:
    saved = repository.speakers.save(project.id, "S0", name="Ada", character="The Queen", voice_print=[0.6, 0.8],
                                     actor="Bob")
    assert saved.voice_print == (0.6, 0.8)
    repository.speakers.assign_voice(project.id, "S0", "es", VoiceChoice("kokoro", "v1"), actor="Bob")
    repository.speakers.assign_voice(project.id, "S0", "es", VoiceChoice("kokoro", "v2"), actor="Bob")
    first, second = repository.speakers.all(project.id)
    assert (first.name, first.character, first.voices) == ("Ada", "The Queen", {"es": VoiceChoice("kokoro", "v2")})
    assert (second.name, second.voices) == ("S1", {})
    assert repository.speakers.save(project.id, "S9").name == "S9"
    with pytest.raises(UsageError, match="no speaker"):
        repository.speakers.assign_voice(project.id, "nobody", "es", None)


def test_lines_move_together_or_not_at_all(repository: Repository, project: Project) -> None:
    move = repository.reviews.move
    assert move(project.id, ["u0001", "u0002"], Layer.TRANSLATION, S.NEEDS_REVIEW, language="es", actor="Ada") == 2
    with pytest.raises(UsageError, match='u0003 is "draft" and cannot become "approved"'):
        move(project.id, ["u0001", "u0003"], Layer.TRANSLATION, S.APPROVED, language="es", actor="Ada")
    states = repository.reviews.states(project.id, "es")
    assert states["u0001"] == {Layer.TRANSLATION: S.NEEDS_REVIEW} and "u0003" not in states
    assert repository.reviews.states(project.id, "de") == {}
    with pytest.raises(UsageError, match='A "translator" may not'):
        move(project.id, ["u0001"], Layer.TRANSLATION, S.APPROVED, language="es", role=Role.TRANSLATOR, actor="Ada")
    move(project.id, ["u0001"], Layer.TRANSLATION, S.APPROVED, language="es", role=Role.REVIEWER, actor="Bob")
    edit = repository.history.latest(project.id, entity="review")[0]
    assert (edit.actor, edit.language, edit.after) == ("Bob", "es", {"translation": "approved"})
    with pytest.raises(UsageError, match="no utterance"):
        move(project.id, ["u9999"], Layer.TRANSCRIPT, S.NEEDS_REVIEW)


def test_counts_cover_every_live_line(repository: Repository, project: Project) -> None:
    repository.reviews.move(project.id, ["u0001", "u0002"], Layer.TRANSLATION, S.NEEDS_REVIEW, language="es")
    repository.reviews.move(project.id, ["u0003"], Layer.TRANSCRIPT, S.NEEDS_REVIEW, language="ignored")
    repository.utterances.delete(project.id, "u0001", 1)
    counts = repository.reviews.counts(project.id, "es")
    assert counts[Layer.TRANSLATION] == {**dict.fromkeys(S, 0), S.NEEDS_REVIEW: 1, S.DRAFT: 1}
    assert counts[Layer.TRANSCRIPT] == {**dict.fromkeys(S, 0), S.NEEDS_REVIEW: 1, S.DRAFT: 1}
    assert counts[Layer.DUB] == {**dict.fromkeys(S, 0), S.DRAFT: 2}


def test_locked_layers_cannot_be_edited_and_others_can(repository: Repository, project: Project) -> None:
    repository.translations.save(project.id, "u0001", "es", "Hola.", 0, actor="Ada")
    for layer in (Layer.TRANSCRIPT, Layer.TRANSLATION):
        for state in (S.NEEDS_REVIEW, S.APPROVED, S.LOCKED):
            repository.reviews.move(project.id, ["u0001"], layer, state, language="es")
    with pytest.raises(UsageError, match="transcript of line u0001 is locked"):
        repository.utterances.update(project.id, "u0001", 1, text="No.", actor="Ada")
    with pytest.raises(UsageError, match="locked"):
        repository.utterances.update(project.id, "u0001", 1, end_ms=1100, actor="Ada")
    with pytest.raises(UsageError, match="locked"):
        repository.utterances.delete(project.id, "u0001", 1, actor="Ada")
    with pytest.raises(UsageError, match="translation of line u0001 is locked"):
        repository.translations.save(project.id, "u0001", "es", "No.", 1, actor="Ada")
    assert repository.translations.save(project.id, "u0001", "de", "Ja.", 0, actor="Ada").text == "Ja."
    stands = repository.translations.save_machine(project.id, "u0001", "es", "No.", engine="fake", source_revision=1)
    assert stands.text == "Hola."


def test_an_edit_takes_the_approval_back(repository: Repository, project: Project) -> None:
    for state in (S.NEEDS_REVIEW, S.APPROVED):
        repository.reviews.move(project.id, ["u0001"], Layer.TRANSCRIPT, state)
    repository.utterances.update(project.id, "u0001", 1, speaker="S1", actor="Ada")
    assert repository.reviews.states(project.id, "es")["u0001"][Layer.TRANSCRIPT] is S.APPROVED
    repository.utterances.update(project.id, "u0001", 2, text="Good night.", actor="Ada")
    assert repository.reviews.states(project.id, "es")["u0001"][Layer.TRANSCRIPT] is S.NEEDS_REVIEW


@given(st.integers(min_value=2, max_value=300))
def test_ids_sort_by_age(count: int) -> None:
    made = [new_id() for _ in range(count)]
    assert all(before < after for before, after in itertools.pairwise(made))
    assert all(len(one) == 20 and one.isalnum() for one in made)
