"""Remarks on lines and moments: who may, who is meant, and what is settled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dubbing.api import Desk, ForbiddenError, Workspace
from dubbing.domain.project import Project
from dubbing.domain.review import Role
from dubbing.errors import UsageError


def test_a_thread_on_a_line(member: Callable[..., Desk], project: Project) -> None:
    client, ana = member("client", Role.CLIENT), member("ana", Role.TRANSLATOR, "es")
    asked = client.comments.add(project.id, " Too formal? ", language="es", utterance_id="u0001", at_ms=500)
    assert (asked.text, asked.actor, asked.language, asked.utterance_id, asked.at_ms) == (
        "Too formal?", "client", "es", "u0001", 500)
    answer = ana.comments.add(project.id, "Yes.", answers_id=asked.id)
    again = client.comments.add(project.id, "Thanks.", answers_id=answer.id)
    assert {(one.answers_id, one.utterance_id, one.at_ms, one.language) for one in (answer, again)} == {
        (asked.id, "u0001", 500, "es")}, "answers share the place, and threads are one level deep"
    assert ana.comments.resolve(answer.id).resolved_by == "ana"
    thread = ana.comments.all(project.id, utterance_id="u0001")
    assert [one.text for one in thread] == ["Too formal?", "Yes.", "Thanks."]
    assert {one.resolved_by for one in thread} == {"ana"}
    assert ana.comments.all(project.id, open_only=True) == []
    client.comments.add(project.id, "One more thing.", answers_id=asked.id)
    assert len(ana.comments.all(project.id, open_only=True)) == 4, "an answer opens its thread again"
    client.comments.resolve(asked.id)
    client.comments.resolve(asked.id, False)
    assert len(ana.comments.all(project.id, open_only=True)) == 4


def test_comments_need_a_place_and_words(member: Callable[..., Desk], project: Project, workspace: Workspace) -> None:
    client = member("client", Role.CLIENT)
    other = workspace.storage.projects.create("Other", "x.mp4", source_sha256="1", media={}, targets=["es"])
    for text, place, said in [
        ("Hm.", {}, "belongs to a line"),
        ("  ", {"at_ms": 0}, "characters"), ("a" * 10_001, {"at_ms": 0}, "characters"),
        ("Hm.", {"at_ms": 60_001}, "outside the video"), ("Hm.", {"at_ms": -1}, "outside the video"),
        ("Hm.", {"utterance_id": "u9999"}, "no utterance"), ("Hm.", {"at_ms": 1, "language": "fr"}, "languages are"),
        ("Hm.", {"answers_id": "nothing"}, "no comment"),
    ]:
        with pytest.raises(UsageError, match=said):
            client.comments.add(project.id, text, **place)
    workspace.storage.memberships.add(other.id, client.person.id, Role.CLIENT)
    asked = client.comments.add(project.id, "Hm.", at_ms=60_000)
    with pytest.raises(UsageError, match="no comment"):
        client.comments.add(other.id, "Hm.", answers_id=asked.id)
    assert [one.text for one in client.comments.all(project.id)] == ["Hm."]


def test_only_one_s_own_words_can_be_changed(member: Callable[..., Desk], desk: Callable[..., Desk],
                                             project: Project, workspace: Workspace) -> None:
    client, boss = member("client", Role.CLIENT), member("boss", Role.PROJECT_MANAGER)
    asked = client.comments.add(project.id, "Hm.", at_ms=1)
    assert asked.edited_at is None
    with pytest.raises(ForbiddenError, match="of your own"):
        boss.comments.edit(asked.id, "All is well.")
    changed = client.comments.edit(asked.id, "Hmm, @boss?")
    assert changed.text == "Hmm, @boss?" and changed.edited_at is not None and changed.mentions == ("boss",)
    workspace.storage.memberships.remove(project.id, client.person.id, Role.CLIENT)
    for act in (lambda: client.comments.edit(asked.id, "Ha."), lambda: client.comments.resolve(asked.id),
                lambda: desk("stranger").comments.resolve(asked.id)):
        with pytest.raises(UsageError, match="no comment"):
            act()
    with pytest.raises(ForbiddenError):
        client.comments.all(project.id)
    with pytest.raises(ForbiddenError):
        client.comments.add(project.id, "Hm.", at_ms=1)


def test_mentions(member: Callable[..., Desk], desk: Callable[..., Desk], project: Project,
                  workspace: Workspace) -> None:
    client, ana = member("client", Role.CLIENT), member("ana.b", Role.TRANSLATOR, "es")
    boss, hans = desk("boss", Role.PROJECT_MANAGER), member("hans", Role.TRANSLATOR, "de")
    gone = member("gone", Role.REVIEWER)
    workspace.storage.users.set_disabled(gone.person.id, True)
    desk("stranger")
    assert client.comments.people(project.id) == ["ana.b", "boss", "client", "hans"]
    assert client.comments.people(project.id, "es") == ["ana.b", "boss", "client"]
    made = client.comments.add(project.id, "@Ana.B. and (@boss), @client, not @stranger, @gone, @hans nor x@boss.org "
                               "or @@boss", language="es", at_ms=1)
    assert made.mentions == ("ana.b", "boss", "client")
    assert [one.id for one in ana.comments.mentions_of_me()] == [made.id]
    assert [one.id for one in boss.comments.mentions_of_me()] == [made.id]
    assert client.comments.mentions_of_me() == [] == hans.comments.mentions_of_me()
    later = client.comments.add(project.id, "@ana.b look here", utterance_id="u0002")
    assert [one.id for one in ana.comments.mentions_of_me()] == [later.id, made.id]
    boss.comments.resolve(made.id)
    assert [one.id for one in ana.comments.mentions_of_me()] == [later.id]
    workspace.storage.projects.delete(project.id)
    assert ana.comments.mentions_of_me() == []
    workspace.storage.projects.delete(project.id, False)
    workspace.storage.memberships.remove(project.id, ana.person.id, Role.TRANSLATOR, "es")
    assert ana.comments.mentions_of_me() == []


def test_a_login_that_is_part_of_another_is_not_meant(member: Callable[..., Desk], project: Project) -> None:
    client, ana, anabel = (member(login, Role.CLIENT) for login in ("client", "ana", "anabel"))
    wild = member("a_a", Role.CLIENT)
    client.comments.add(project.id, "@anabel?", at_ms=1)
    assert len(anabel.comments.mentions_of_me()) == 1
    assert ana.comments.mentions_of_me() == [] == wild.comments.mentions_of_me()


def test_a_member_for_one_language_sees_what_concerns_it(member: Callable[..., Desk], project: Project) -> None:
    boss, ana = member("boss", Role.PROJECT_MANAGER), member("ana", Role.TRANSLATOR, "es")
    for language in ("", "es", "de"):
        boss.comments.add(project.id, f"about {language or 'all'}", language=language, at_ms=1)
    german = boss.comments.all(project.id, language="de")[-1]
    assert [one.text for one in ana.comments.all(project.id)] == ["about all", "about es"]
    assert [one.text for one in ana.comments.all(project.id, language="es")] == ["about all", "about es"]
    assert [one.text for one in boss.comments.all(project.id)] == ["about all", "about es", "about de"]
    with pytest.raises(ForbiddenError):
        ana.comments.all(project.id, language="de")
    with pytest.raises(ForbiddenError):
        ana.comments.add(project.id, "Hm.", language="de", at_ms=1)
    for act in (lambda: ana.comments.resolve(german.id), lambda: ana.comments.edit(german.id, "x"),
                lambda: ana.comments.add(project.id, "x", answers_id=german.id)):
        with pytest.raises(UsageError, match="no comment"):
            act()
