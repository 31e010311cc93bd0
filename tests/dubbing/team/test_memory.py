"""The translation memory and takes at the desk."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from dubbing.api import Desk, Workspace
from dubbing.domain.isochrony import Fit
from dubbing.domain.project import Project
from dubbing.domain.review import Layer, ReviewState, Role
from dubbing.errors import ConflictError, UsageError
from dubbing.team.seat import ForbiddenError

At = Callable[..., Desk]


@pytest.fixture
def ada(desk: At) -> Desk:
    return desk("ada", Role.ADMINISTRATOR)


def test_what_is_approved_is_found_for_the_same_and_for_similar_lines(ada: Desk, project: Project) -> None:
    lines = ada.lines
    lines.move(project.id, "es", ["u0001", "u0002"], Layer.TRANSLATION, ReviewState.APPROVED)
    same = lines.insert(project.id, "S0", 9000, 9900, "good  MORNING.")
    alike = lines.insert(project.id, "S0", 10_000, 10_900, "Good mornings!")
    other = lines.insert(project.id, "S0", 11_000, 11_900, "Something else entirely.")
    exact, = ada.memory.hits(project.id, "es", same)
    assert (exact.score, exact.target, exact.actor, exact.project_id) == (100.0, "Buenos días.", "ada", project.id)
    fuzzy, = ada.memory.hits(project.id, "es", alike)
    assert 80 < fuzzy.score < 100 and fuzzy.unit_id == exact.unit_id
    assert ada.memory.hits(project.id, "es", other) == [] == ada.memory.hits(project.id, "de", same)
    assert ada.memory.hits(project.id, "es", "u0001") == []  # which says so already
    applied = ada.memory.apply(project.id, "es", same, exact.unit_id, 0)
    assert applied.line.translation is not None and applied.line.translation.text == "Buenos días."
    with pytest.raises(ConflictError):
        ada.memory.apply(project.id, "es", same, exact.unit_id, 0)
    with pytest.raises(UsageError, match="another language"):
        ada.memory.apply(project.id, "de", same, exact.unit_id, 0)


def test_units_are_kept_once_searched_and_deleted(ada: Desk, project: Project) -> None:
    for _ in range(2):
        ada.lines.move(project.id, "es", ["u0003"], Layer.TRANSLATION, ReviewState.APPROVED)
        ada.lines.move(project.id, "es", ["u0003"], Layer.TRANSLATION, ReviewState.NEEDS_REVIEW)
    assert ada.memory.count() == 1
    unit, = ada.memory.search("AMIGO", "en", "es")
    assert unit.source == "A friend." and ada.memory.search("un  ÁMIGO", "en", "es") == []
    assert ada.memory.search("amigo", "en", "de") == []
    assert len(ada.memory.search("", "", "")) == 1
    ada.memory.delete(unit.unit_id)
    assert ada.memory.count() == 0
    with pytest.raises(UsageError):
        ada.memory.apply(project.id, "es", "u0003", unit.unit_id, 1)


def test_a_search_knows_the_case_of_every_letter(ada: Desk, project: Project) -> None:
    ada.lines.move(project.id, "es", ["u0002"], Layer.TRANSLATION, ReviewState.APPROVED)
    assert len(ada.memory.search("QUIÉN", "", "")) == 1


def test_a_stale_translation_is_not_remembered(ada: Desk, project: Project) -> None:
    ada.lines.save(project.id, "es", "u0001", source_text="Good evening.")
    ada.lines.move(project.id, "es", ["u0001"], Layer.TRANSLATION, ReviewState.APPROVED)
    assert ada.memory.count() == 0


def test_a_client_sees_nothing_of_other_projects(ada: Desk, desk: At, member: At, project: Project) -> None:
    ada.lines.move(project.id, "es", ["u0001"], Layer.TRANSLATION, ReviewState.APPROVED)
    same = ada.lines.insert(project.id, "S0", 9000, 9900, "Good morning.")
    clara, tom = member("clara", Role.CLIENT), member("tom", Role.TRANSLATOR, "es")
    assert clara.memory.hits(project.id, "es", same) == [] and len(tom.memory.hits(project.id, "es", same)) == 1
    unit, = tom.memory.search("morning", "en", "es")
    for refused in (lambda: clara.memory.search("morning", "en", "es"),
                    lambda: clara.memory.apply(project.id, "es", same, unit.unit_id, 0),
                    lambda: clara.memory.delete(unit.unit_id),
                    lambda: desk("eve").memory.hits(project.id, "es", same)):
        with pytest.raises(ForbiddenError):
            refused()


def test_a_large_memory_answers_while_a_person_waits(ada: Desk, workspace: Workspace, project: Project) -> None:
    pairs = [(f"Sentence number {n} of a long series about {n * 7 % 91} things.", f"Frase {n}.") for n in range(3000)]
    assert workspace.storage.memory.remember("en", "es", pairs, project_id=None, actor="ada") == 3000
    line = ada.lines.insert(project.id, "S0", 9000, 9900, "Sentence number 77 of a long series about 84 things.")
    began = time.perf_counter()
    hits = ada.memory.hits(project.id, "es", line)
    assert time.perf_counter() - began < 1.0
    assert len(hits) == 5 and hits[0].target == "Frase 77." and hits[0].score == 100.0
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_takes_are_compared_chosen_and_deleted(ada: Desk, workspace: Workspace, member: At, project: Project) -> None:
    for key, tempo in (("a", 1.0), ("b", 1.5)):
        workspace.storage.takes.record(
            project.id, "u0001", "es", artifact_key=key * 64, text="Buenos días.", text_revision=1,
            utterance_revision=1, engine="kokoro", voice="ef_dora", tempo=tempo, duration_ms=900,
            details={"clip": "c" * 64, "word_error_rate": 0.25} if key == "b" else {})
    newest, oldest = ada.takes.all(project.id, "es", "u0001")
    assert (newest.fit, newest.has_clip, newest.word_error_rate) == (Fit.RED, True, 0.25)
    assert (oldest.fit, oldest.has_clip, oldest.word_error_rate) == (Fit.GREEN, False, None)
    assert newest.take.chosen and not newest.is_stale
    clara = member("clara", Role.CLIENT)
    for refused in (lambda: clara.takes.choose(oldest.take.id), lambda: clara.takes.delete(oldest.take.id)):
        with pytest.raises(ForbiddenError):
            refused()
    with pytest.raises(UsageError, match="heard"):
        ada.takes.delete(newest.take.id)
    ada.takes.choose(oldest.take.id)
    ada.takes.delete(newest.take.id)
    ada.lines.save(project.id, "es", "u0001", target_text="Muy buenos días.")
    only, = ada.takes.all(project.id, "es", "u0001")
    assert only.take.id == oldest.take.id and only.take.chosen and only.is_stale
    with pytest.raises(UsageError):
        ada.takes.choose(newest.take.id)
