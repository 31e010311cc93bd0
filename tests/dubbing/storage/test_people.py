"""Accounts, sessions, memberships and comments in the database: what holds whoever asks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from dubbing.domain.project import Project
from dubbing.domain.review import Role
from dubbing.domain.speech import SpokenLine
from dubbing.errors import UsageError
from dubbing.storage import sessions
from dubbing.storage.base import utc_now
from dubbing.storage.repository import Repository, open_repository

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def test_accounts_are_found_by_what_is_known_of_them(repository: Repository) -> None:
    users = repository.users
    ada = users.create("ada", "Ada", roles=[Role.CLIENT, Role.REVIEWER], email="Ada@example.org", password_hash="h")
    bob = users.create("bob", "Bob", identity=("https://id", "7"))
    assert users.find(login="ada") == users.find(email="ada@EXAMPLE.org") == users.find(person_id=ada.id) == ada
    assert ada.roles == {Role.CLIENT, Role.REVIEWER} and ada.has_password and not bob.has_password
    assert users.find(identity=("https://id", "7")) == bob
    assert users.find(identity=("https://other", "7")) is None and users.find(login="eve") is None
    assert [one.login for one in users.all()] == ["ada", "bob"]
    assert users.set_identity(ada.id, ("https://id", "8"))
    assert not users.set_identity(ada.id, ("https://id", "9")), "who is there first stays"
    assert users.find(email="ada@example.org") is None, "an address leads to no account that has an identity"
    assert users.find(email="") is None
    with pytest.raises(UsageError, match="no account"):
        users.get("nobody")


def test_logins_and_addresses_are_nobody_else_s(repository: Repository) -> None:
    users = repository.users
    ada = users.create("ada", "Ada", email="ada@example.org")
    users.create("bob", "Bob")
    users.create("eve", "Eve")  # no address is not an address
    with pytest.raises(UsageError, match="account ada already"):
        users.create("ada", "Other")
    with pytest.raises(UsageError, match="address"):
        users.create("fay", "Fay", email="ADA@example.org")
    with pytest.raises(UsageError, match="address"):
        users.update(users.all()[1].id, email="ada@example.org")
    assert users.update(ada.id, email="ada@example.org", locale="es").locale == "es"
    assert len(users.all()) == 3


def test_an_administrator_is_one_who_can_sign_in(repository: Repository) -> None:
    users = repository.users
    ghost = users.create("ghost", "Ghost", roles=[Role.ADMINISTRATOR])
    assert not users.has_administrator()
    users.set_disabled(ghost.id, True)  # nobody is lost who was not there
    users.set_roles(ghost.id, [])
    ada = users.create("ada", "Ada", roles=[Role.ADMINISTRATOR], password_hash="h", only_first=True)
    assert users.has_administrator()
    for act in (lambda: users.set_roles(ada.id, [Role.CLIENT]), lambda: users.set_disabled(ada.id, True)):
        with pytest.raises(UsageError, match="last one"):
            act()
    assert users.get(ada.id) == ada
    with pytest.raises(UsageError, match="administrator already"):
        users.create("eve", "Eve", roles=[Role.ADMINISTRATOR], password_hash="h", only_first=True)


def test_tickets_and_sessions(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = repository.users.create("ada", "Ada", password_hash="h")
    now = utc_now()
    monkeypatch.setattr(sessions, "utc_now", lambda: now)
    repository.sessions.add_ticket(ada.id, "ticket", MINUTE)
    assert repository.sessions.redeem("ticket", "token", DAY) == ada.id
    assert repository.sessions.redeem("ticket", "other", DAY) is None
    assert repository.sessions.person_id_of("token", DAY, 10 * DAY) == ada.id
    assert repository.sessions.person_id_of("other", DAY, 10 * DAY) is None
    now += DAY - MINUTE
    assert repository.sessions.person_id_of("token", DAY, 10 * DAY) == ada.id
    now += DAY - MINUTE
    assert repository.sessions.person_id_of("token", DAY, 10 * DAY) == ada.id, "it was used a day ago"
    assert repository.sessions.count(ada.id) == 1
    now += DAY
    assert repository.sessions.person_id_of("token", DAY, 10 * DAY) is None
    assert repository.sessions.count(ada.id) == 0
    repository.sessions.add_ticket(ada.id, "late", MINUTE)
    now += MINUTE
    assert repository.sessions.redeem("late", "token", DAY) is None, "and a ticket that is too late is used up"
    now -= MINUTE
    assert repository.sessions.redeem("late", "token", DAY) is None


def test_somebody_who_writes_for_long_turns_nobody_away(repository: Repository, database_file: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    ada = repository.users.create("ada", "Ada", password_hash="h")
    now = utc_now()
    monkeypatch.setattr(sessions, "utc_now", lambda: now)
    repository.sessions.add_ticket(ada.id, "ticket", MINUTE)
    repository.sessions.redeem("ticket", "token", DAY)
    now += 60 * MINUTE
    with closing(sqlite3.connect(database_file, isolation_level=None)) as other, \
            open_repository(database_file, busy_ms=20) as mine:
        other.execute("BEGIN IMMEDIATE")
        assert mine.sessions.person_id_of("token", DAY, DAY) == ada.id
        other.execute("ROLLBACK")


def test_what_ends_sessions(repository: Repository) -> None:
    ada = repository.users.create("ada", "Ada", password_hash="h")

    def enter() -> None:
        repository.sessions.add_ticket(ada.id, "ticket", MINUTE)
        repository.sessions.redeem("ticket", "token", DAY)
        repository.sessions.add_ticket(ada.id, "open", MINUTE)

    for ends in (lambda: repository.users.set_disabled(ada.id, True),
                 lambda: repository.users.set_password(ada.id, "new")):
        repository.users.set_disabled(ada.id, False)
        enter()
        assert repository.sessions.count(ada.id) == 1
        ends()
        assert repository.sessions.count(ada.id) == 0
        assert repository.sessions.redeem("open", "token", DAY) is None
    enter()
    repository.users.set_password(ada.id, "stronger", keep_sessions=True)
    assert repository.sessions.count(ada.id) == 1
    repository.sessions.end("token")
    assert repository.sessions.count(ada.id) == 0


def test_memberships(repository: Repository, project: Project) -> None:
    ada, bob = (repository.users.create(login, login.title()) for login in ("ada", "bob"))
    for person, role, language in [(bob, Role.CLIENT, ""), (ada, Role.TRANSLATOR, "es"), (ada, Role.REVIEWER, "de")]:
        repository.memberships.add(project.id, person.id, role, language, actor="boss")
        repository.memberships.add(project.id, person.id, role, language, actor="boss")
    assert [(one.login, one.role, one.language) for one in repository.memberships.all(project.id)] == [
        ("ada", Role.REVIEWER, "de"), ("ada", Role.TRANSLATOR, "es"), ("bob", Role.CLIENT, "")]
    assert len(repository.memberships.of(project.id, ada.id)) == 2
    assert repository.memberships.of_person(bob.id)[0].project_id == project.id
    assert {key: len(them) for key, them in repository.memberships.of_projects([project.id, "other"]).items()} == {
        project.id: 3, "other": 0}
    repository.memberships.remove(project.id, ada.id, Role.TRANSLATOR, "es", actor="boss")
    repository.memberships.remove(project.id, ada.id, Role.TRANSLATOR, "es", actor="boss")
    assert [one.role for one in repository.memberships.of(project.id, ada.id)] == [Role.REVIEWER]
    assert len(repository.history.latest(project.id, entity="member")) == 4
    for key, person in ((project.id, "nobody"), ("nothing", ada.id)):
        with pytest.raises(UsageError):
            repository.memberships.add(key, person, Role.CLIENT)


def test_comments_go_with_their_project(repository: Repository, project: Project) -> None:
    comments = repository.comments
    first = comments.add(project.id, "Hm.", actor="ada", utterance_id="u0001", mentions=["bob"])
    comments.add(project.id, "Yes.", actor="bob", answers_id=first.id)
    other = comments.add(project.id, "There!", actor="bob", language="es", at_ms=7)
    assert [one.text for one in comments.all(project.id, language="de")] == ["Hm.", "Yes."]
    assert [one.text for one in comments.all(project.id, utterance_id="u0001")] == ["Hm.", "Yes."]
    comments.resolve(first.id, True, actor="ada")
    assert [one.id for one in comments.all(project.id, open_only=True)] == [other.id]
    assert comments.mentioning("bob") == []
    repository.projects.purge(project.id)
    with pytest.raises(UsageError, match="no comment"):
        comments.get(first.id)


def test_edits_of_a_transaction_have_one_time(repository: Repository, project: Project,
                                              say: Callable[..., SpokenLine]) -> None:
    repository.line_edits.merge(project.id, ("u0001", 1), ("u0002", 1), actor="ada")
    merged = repository.history.latest(project.id, actor="ada")
    assert len(merged) == 2 and len({one.at for one in merged}) == 1
    repository.utterances.add(project.id, say("Well.", 5000, 6000), actor="ada")
    assert len({one.at for one in repository.history.latest(project.id, actor="ada")}) == 2


def test_what_was_known_at_an_entry(repository: Repository, project: Project) -> None:
    for number, text in enumerate(("Hola.", "Buenas."), 1):
        repository.translations.save(project.id, "u0001", "es", text, number - 1, actor="ada")
    repository.utterances.update(project.id, "u0001", 1, text="Good evening.", actor="ada")
    repository.translations.save(project.id, "u0001", "es", "Buenas noches.", 2, actor="ada")
    newest, middle, first = repository.history.latest(project.id, entity="translation")
    known = repository.history.as_of(newest, after=False)
    assert (known["text"], known["source_revision"], known["revision"]) == ("Buenas.", 1, 2)
    assert repository.history.as_of(newest, after=True)["source_revision"] == 2
    assert repository.history.as_of(first, after=False) == {}
    assert repository.history.get(middle.id) == middle
    with pytest.raises(UsageError, match="no entry"):
        repository.history.get("nothing")
