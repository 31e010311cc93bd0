"""Every role against every action, through what pages call; the table in ``dubbing.domain.review`` is the law."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from dubbing.api import Desk, ForbiddenError, Workspace
from dubbing.domain.project import Project
from dubbing.domain.review import PERMISSIONS, Action, Layer, ReviewState, Role
from dubbing.domain.workspace import Person

_S = ReviewState
PASSWORD = "correct horse battery"
Deeds = Mapping[Action, Callable[[Desk, str], object]]


def deeds(project: Project, other: Person) -> Deeds:
    """One thing to do for each action, in a language; each leaves the project so that the next can be done."""
    key = project.id
    return {
        Action.VIEW: lambda desk, language: desk.lines.page(key, language),
        Action.COMMENT: lambda desk, language: desk.comments.add(key, "Hm.", language=language, utterance_id="u0001"),
        Action.EDIT_TRANSCRIPT: lambda desk, language: desk.lines.save(key, language, "u0001", source_text="Hello."),
        Action.EDIT_TRANSLATION: lambda desk, language: desk.lines.save(key, language, "u0001", target_text="Eh."),
        Action.EDIT_DUB: lambda desk, language: desk.lines.move(key, language, ["u0002"], Layer.DUB, _S.NEEDS_REVIEW),
        Action.REVIEW: lambda desk, language: desk.lines.move(
            key, language, ["u0003"], Layer.TRANSLATION, _S.CHANGES_REQUESTED),
        Action.LOCK: lambda desk, language: desk.lines.move(
            key, language, ["u0001"], Layer.TRANSLATION, _S.LOCKED),
        Action.RUN: lambda desk, language: desk.jobs.start(key, [language]),
        Action.EXPORT: lambda desk, language: desk.jobs.export(key, language, "mp4"),
        Action.MANAGE_TERMS: lambda desk, language: desk.terms.save_term(key, "en", language, "friend", "x"),
        Action.MANAGE_CONSENT: lambda desk, language: desk.projects.set_settings(key, consent_required=True),
        Action.MANAGE_PROJECT: lambda desk, language: desk.projects.rename(key, "Another film"),
        Action.ADMINISTER: lambda desk, language: desk.accounts.set_password(other.id, PASSWORD),
    }


def ready(workspace: Workspace, project: Project, language: str) -> None:
    """States in which each deed is possible."""
    move = workspace.storage.reviews.move
    move(project.id, ["u0003"], Layer.TRANSLATION, _S.NEEDS_REVIEW, language=language)
    move(project.id, ["u0001"], Layer.TRANSLATION, _S.APPROVED, language=language, on_the_way=True)


def done_by(desk: Desk, to_do: Deeds, language: str, workspace: Workspace, project: Project) -> set[Action]:
    """What the person could do. Whatever is not allowed is a ForbiddenError, and nothing else."""
    ready(workspace, project, language)
    done = set()
    # The lock comes last: a locked line would refuse the other deeds for a reason that is not the person's.
    for action in sorted(to_do, key=lambda one: one is Action.LOCK):
        if action is Action.LOCK:
            workspace.storage.reviews.move(project.id, ["u0001"], Layer.TRANSLATION, _S.APPROVED, language=language,
                                           on_the_way=True)
        try:
            to_do[action](desk, language)
            done.add(action)
        except ForbiddenError as error:
            assert error.hint, action
    return done


@pytest.fixture
def to_do(project: Project, workspace: Workspace, desk: Callable[..., Desk]) -> Deeds:
    """The deeds; every action has one."""
    made = deeds(project, desk("other").person)
    assert set(made) == set(Action)
    return made


@pytest.mark.parametrize("role", Role)
def test_a_role_everywhere(role: Role, desk: Callable[..., Desk], to_do: Deeds, workspace: Workspace,
                           project: Project) -> None:
    assert done_by(desk("somebody", role), to_do, "es", workspace, project) == PERMISSIONS[role]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_a_role_in_a_project(role: Role, member: Callable[..., Desk], to_do: Deeds, workspace: Workspace,
                             project: Project, desk: Callable[..., Desk]) -> None:
    somebody = member("somebody", role)
    assert done_by(somebody, to_do, "es", workspace, project) == PERMISSIONS[role]
    elsewhere = workspace.storage.projects.create("Other", "x.mp4", source_sha256="1", media={"duration_ms": 1},
                                                  source_language="en", targets=["es"])
    for act in deeds(elsewhere, desk("other").person).values():
        with pytest.raises(ForbiddenError):
            act(somebody, "es")


@pytest.mark.parametrize("role", [Role.TRANSLATOR, Role.REVIEWER, Role.AUDIO_MIXER, Role.CLIENT])
def test_a_role_in_one_language(role: Role, member: Callable[..., Desk], to_do: Deeds, workspace: Workspace,
                                project: Project) -> None:
    somebody = member("somebody", role, "es")
    assert done_by(somebody, to_do, "es", workspace, project) == PERMISSIONS[role]
    assert done_by(somebody, to_do, "de", workspace, project) & {
        Action.VIEW, Action.COMMENT, Action.EDIT_TRANSCRIPT, Action.EDIT_TRANSLATION, Action.EDIT_DUB, Action.REVIEW,
        Action.LOCK, Action.EXPORT} == set(), "the other language is somebody else's"


def test_roles_add_up(member: Callable[..., Desk], to_do: Deeds, workspace: Workspace, project: Project) -> None:
    somebody = member("somebody", Role.CLIENT)
    member("somebody", Role.TRANSLATOR, "es")
    assert done_by(somebody, to_do, "es", workspace, project) == (
        PERMISSIONS[Role.CLIENT] | PERMISSIONS[Role.TRANSLATOR])
    assert Action.EDIT_TRANSLATION not in done_by(somebody, to_do, "de", workspace, project)


def test_a_stranger_may_nothing(desk: Callable[..., Desk], to_do: Deeds, workspace: Workspace,
                                project: Project) -> None:
    assert done_by(desk("stranger"), to_do, "es", workspace, project) == set()


def test_a_client_comments_and_approves_and_does_not_edit(member: Callable[..., Desk], workspace: Workspace,
                                                          project: Project) -> None:
    client, key = member("client", Role.CLIENT), project.id
    ready(workspace, project, "es")
    client.comments.add(key, "Lovely.", language="es", utterance_id="u0003")
    client.lines.move(key, "es", ["u0003"], Layer.TRANSLATION, _S.APPROVED)
    client.lines.move(key, "es", ["u0003"], Layer.TRANSLATION, _S.CHANGES_REQUESTED)
    before = workspace.storage.lines.all(key, "es")
    for act in (
        lambda: client.lines.save(key, "es", "u0001", source_text="x"),
        lambda: client.lines.save(key, "es", "u0001", target_text="x"),
        lambda: client.lines.save(key, "es", "u0001", speaker="S1"),
        lambda: client.lines.save(key, "es", "u0001", start_ms=1),
        lambda: client.lines.save(key, "es", "u0001", on_camera=True),
        lambda: client.lines.split(key, "u0001", 1, at_char=5),
        lambda: client.lines.merge(key, "u0001", "u0002", (1, 1)),
        lambda: client.lines.insert(key, "S0", 5000, 6000, "x"),
        lambda: client.lines.delete(key, "u0001", 1),
        lambda: client.lines.undelete(key, "u0001"),
        lambda: client.lines.replace(key, "es", "o", "x"),
        lambda: client.lines.move(key, "es", ["u0002"], Layer.TRANSLATION, _S.NEEDS_REVIEW),
        lambda: client.lines.move(key, "es", ["u0002"], Layer.TRANSLATION, _S.APPROVED),
        lambda: client.lines.move(key, "es", ["u0001"], Layer.TRANSLATION, _S.LOCKED),
        lambda: client.jobs.start(key), lambda: client.jobs.take(key, "es", "u0001"),
        lambda: client.jobs.audition(key, "es", "fake", "x"), lambda: client.jobs.takes_for_stale(key, "es"),
        lambda: client.jobs.export(key, "es", "mp4"), lambda: client.jobs.preflight("x"),
        lambda: client.terms.save_term(key, "en", "es", "friend", "amigo"),
        lambda: client.terms.save_term(None, "en", "es", "friend", "amigo"),
        lambda: client.memory.search("friend", "en", "es"),
        lambda: client.projects.rename(key, "x"), lambda: client.projects.set_targets(key, ["fr"]),
        lambda: client.projects.archive(key), lambda: client.projects.delete(key),
        lambda: client.projects.purge(key), lambda: client.projects.set_settings(key, lipsync="off"),
        lambda: client.accounts.add_member(key, client.person.id, Role.REVIEWER),
    ):
        with pytest.raises(ForbiddenError):
            act()
    assert workspace.storage.lines.all(key, "es") == before
