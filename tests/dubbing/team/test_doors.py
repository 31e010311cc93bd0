"""Who comes in, who does not, and what those outside can find out."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest

from dubbing.api import Desk, Doors, ForbiddenError, Workspace
from dubbing.config import Settings
from dubbing.domain.project import Project
from dubbing.domain.review import Role
from dubbing.errors import UnavailableError, UsageError
from dubbing.storage import sessions, users
from dubbing.storage.base import utc_now
from dubbing.team import passwords

PASSWORD = "correct horse battery"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """``clock(seconds)``: let time pass, for whatever asks the storage for it."""
    passed = timedelta()

    def later(seconds: float) -> None:
        nonlocal passed
        passed += timedelta(seconds=seconds)

    for module in (sessions, users):
        monkeypatch.setattr(module, "utc_now", lambda: utc_now() + passed)
    return later


def enter(doors: Doors, ticket: str) -> str:
    return doors.redeem(ticket)


def test_the_first_run_makes_the_administrator_once(doors: Doors, workspace: Workspace) -> None:
    assert doors.needs_first_run and doors.person_of(None) is None
    token = enter(doors, doors.first_run(" Ada ", "Ada  Lovelace", PASSWORD))
    person = doors.person_of(token)
    assert person is not None
    assert (person.login, person.name, person.is_administrator) == ("ada", "Ada Lovelace", True)
    assert not doors.needs_first_run
    with pytest.raises(UsageError, match="administrator already"):
        doors.first_run("eve", "Eve", PASSWORD)
    assert [one.login for one in workspace.storage.users.all()] == ["ada"]


def test_of_two_first_runs_at_once_one_is_too_late(doors: Doors, workspace: Workspace) -> None:
    said: list[str] = []
    ready = threading.Barrier(2)

    def run(login: str) -> None:
        ready.wait()
        try:
            doors.first_run(login, login, PASSWORD)
        except UsageError as error:
            said.append(error.message)

    threads = [threading.Thread(target=run, args=(login,)) for login in ("ada", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["This workspace has an administrator already."]
    assert len(workspace.storage.users.all()) == 1


def test_disabling_everybody_does_not_open_the_first_run(doors: Doors, workspace: Workspace) -> None:
    doors.first_run("ada", "Ada", PASSWORD)
    file = workspace.settings.home / "dubbing.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE users SET disabled_at = '2026-01-01'")
    assert not doors.needs_first_run


@pytest.mark.parametrize(("login", "name", "password", "said"), [
    ("", "Ada", PASSWORD, "cannot be a login"), ("ada lovelace", "Ada", PASSWORD, "cannot be a login"),
    ("аda", "Ada", PASSWORD, "cannot be a login"), ("person", "Ada", PASSWORD, "cannot be a login"),
    ("a" * 65, "Ada", PASSWORD, "cannot be a login"), ("ada", " ", PASSWORD, "needs a name"),
    ("ada", "Ada", "short", "at least 10"), ("ada", "Ada", "a" * 300, "at most"),
    ("ada", "Ada", "aaaaaaaaaaaa", "guessed"), ("ada.lovelace", "Ada", "Ada.Lovelace", "guessed"),
])
def test_what_will_not_do_is_told(doors: Doors, login: str, name: str, password: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        doors.first_run(login, name, password)
    assert doors.needs_first_run


def test_signing_in_and_out(doors: Doors) -> None:
    doors.first_run("ada", "Ada", PASSWORD)
    token = enter(doors, doors.sign_in("ADA ", PASSWORD))
    other = enter(doors, doors.sign_in("ada", PASSWORD))
    assert token != other and doors.person_of(token) == doors.person_of(other)
    doors.sign_out(token)
    doors.sign_out(token)
    doors.sign_out(None)
    assert doors.person_of(token) is None and doors.person_of(other) is not None
    assert doors.person_of("") is None and doors.person_of("nonsense") is None


def test_outsiders_learn_nothing_about_accounts(doors: Doors) -> None:
    doors.first_run("ada", "Ada", PASSWORD)
    told = []
    for login, password in [("nobody", PASSWORD), ("ada", "wrong wrong wrong"), ("ada", ""), ("", ""),
                            ("a\0da", PASSWORD), ("ada", "\ud800" * 12), ("ada", "x" * 100_000)]:
        with pytest.raises(ForbiddenError) as caught:
            doors.sign_in(login, password)
        told.append(str(caught.value))
    assert len(set(told)) == 1


def test_an_unknown_login_costs_a_password_check_too(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    doors.first_run("ada", "Ada", PASSWORD)
    hasher = passwords._hasher()
    checked: list[str] = []

    class Counting:
        hash = hasher.hash

        def verify(self, kept: str, password: str) -> bool:
            checked.append(kept)
            return hasher.verify(kept, password)

    monkeypatch.setattr(passwords, "_hasher", Counting)
    for login in ("nobody", "ada"):
        with pytest.raises(ForbiddenError):
            doors.sign_in(login, "wrong wrong wrong")
    assert len(checked) == 2
    assert checked[0].split("$")[:4] == checked[1].split("$")[:4], "the same work, so the same time"


def test_a_crowd_at_the_door_is_told_to_wait(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_PATIENCE_S", 0.01)
    monkeypatch.setattr(passwords, "_at_once", threading.BoundedSemaphore(1))
    with passwords._turn(), pytest.raises(UnavailableError, match="Too many"):
        doors.sign_in("ada", PASSWORD)
    with pytest.raises(ForbiddenError):
        doors.sign_in("ada", PASSWORD)


def test_the_same_password_from_another_keyboard(doors: Doors) -> None:
    doors.first_run("ada", "Ada", "cafe\u0301 con leche")
    assert doors.sign_in("ada", "caf\u00e9 con leche")


def test_five_wrong_passwords_lock_for_a_minute(doors: Doors, clock: Callable[[float], None]) -> None:
    doors.first_run("ada", "Ada", PASSWORD)
    for _ in range(5):
        with pytest.raises(ForbiddenError):
            doors.sign_in("ada", "wrong wrong wrong")
    with pytest.raises(ForbiddenError):
        doors.sign_in("ada", PASSWORD)
    clock(50)
    with pytest.raises(ForbiddenError):
        doors.sign_in("ada", "wrong wrong wrong")
    clock(11)  # attempts during the lock have not prolonged it
    assert doors.sign_in("ada", PASSWORD)
    for _ in range(4):
        with pytest.raises(ForbiddenError):
            doors.sign_in("ada", "wrong wrong wrong")
    assert doors.sign_in("ada", PASSWORD), "four do not lock, and a success makes them forgotten"
    for _ in range(4):
        with pytest.raises(ForbiddenError):
            doors.sign_in("ada", "wrong wrong wrong")
    assert doors.sign_in("ada", PASSWORD)


def test_guesses_at_once_count_as_many(doors: Doors, workspace: Workspace) -> None:
    doors.first_run("ada", "Ada", PASSWORD)
    found = [workspace.storage.users.attempt("ada", limit=5, lock_s=60) for _ in range(7)]
    assert [one.is_locked for one in found if one] == [False] * 5 + [True] * 2


def test_a_ticket_is_good_once(doors: Doors) -> None:
    ticket = doors.first_run("ada", "Ada", PASSWORD)
    assert doors.person_of(ticket) is None, "a ticket is no session"
    enter(doors, ticket)
    with pytest.raises(ForbiddenError, match="used already"):
        enter(doors, ticket)
    with pytest.raises(ForbiddenError):
        enter(doors, "nonsense")
    for nonsense in ("", "\ud800", "x" * 100_000):
        with pytest.raises(ForbiddenError):
            enter(doors, nonsense)
        assert doors.person_of(nonsense) is None


def test_of_two_that_redeem_one_ticket_at_once_one_comes_in(doors: Doors) -> None:
    ticket = doors.first_run("ada", "Ada", PASSWORD)
    came_in: list[str] = []
    ready = threading.Barrier(4)

    def redeem() -> None:
        ready.wait()
        try:
            came_in.append(doors.redeem(ticket))
        except ForbiddenError:
            return

    threads = [threading.Thread(target=redeem) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(came_in) == 1


def test_a_ticket_is_good_for_a_minute(doors: Doors, clock: Callable[[float], None]) -> None:
    ticket = doors.first_run("ada", "Ada", PASSWORD)
    clock(61)
    with pytest.raises(ForbiddenError):
        enter(doors, ticket)


def test_sessions_end_when_they_are_not_used(doors: Doors, clock: Callable[[float], None]) -> None:
    token = enter(doors, doors.first_run("ada", "Ada", PASSWORD))
    for _ in range(3):
        clock(20 * 86_400)
        assert doors.person_of(token) is not None, "in use, a session goes on"
    clock(31 * 86_400)
    assert doors.person_of(token) is None


def test_no_session_goes_on_for_ever(doors: Doors, clock: Callable[[float], None]) -> None:
    token = enter(doors, doors.first_run("ada", "Ada", PASSWORD))
    for _ in range(8):
        clock(20 * 86_400)
        assert doors.person_of(token) is not None
    clock(21 * 86_400)
    assert doors.person_of(token) is None


def test_a_copy_of_the_database_lets_nobody_in(doors: Doors, workspace: Workspace) -> None:
    ticket = doors.first_run("ada", "Ada", PASSWORD)
    token = enter(doors, doors.sign_in("ada", PASSWORD))
    with closing(sqlite3.connect(workspace.settings.home / "dubbing.db")) as connection:
        everything = "\n".join(connection.iterdump())
    assert "$argon2id$" in everything
    assert not any(secret in everything for secret in (PASSWORD, ticket, token))


def test_a_disabled_account_is_out_at_once(doors: Doors, workspace: Workspace) -> None:
    ada = doors.person_of(enter(doors, doors.first_run("ada", "Ada", PASSWORD)))
    assert ada is not None
    accounts = Desk(workspace, ada).accounts
    bob = accounts.create("bob", "Bob", PASSWORD, [Role.CLIENT])
    token, ticket = enter(doors, doors.sign_in("bob", PASSWORD)), doors.sign_in("bob", PASSWORD)
    accounts.disable(bob.id)
    assert doors.person_of(token) is None
    with pytest.raises(ForbiddenError):
        enter(doors, ticket)
    with pytest.raises(ForbiddenError, match="disabled"):
        doors.sign_in("bob", PASSWORD)
    with pytest.raises(ForbiddenError, match="do not belong together"):
        doors.sign_in("bob", "wrong wrong wrong")
    accounts.disable(bob.id, False)
    assert doors.person_of(token) is None, "sessions of before do not come back"
    assert doors.sign_in("bob", PASSWORD)


def test_roles_of_this_moment(doors: Doors, workspace: Workspace) -> None:
    ada = doors.person_of(enter(doors, doors.first_run("ada", "Ada", PASSWORD)))
    assert ada is not None
    accounts = Desk(workspace, ada).accounts
    bob = accounts.create("bob", "Bob", PASSWORD, [Role.PROJECT_MANAGER])
    token = enter(doors, doors.sign_in("bob", PASSWORD))
    accounts.set_roles(bob.id, [Role.CLIENT])
    found = doors.person_of(token)
    assert found is not None and found.roles == {Role.CLIENT}


# a single user ------------------------------------------------------------------------------------------------------


def test_a_single_user_is_asked_nothing(single_user: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "Zoë Müller")
    doors = Doors(single_user)
    assert doors.is_single_user and not doors.needs_first_run
    person = doors.person_of(None)
    assert person is not None and person.is_administrator
    assert (person.id, person.login, person.name) == ("local", "zo-m-ller", "Zoë Müller")
    assert doors.person_of("nonsense") == person
    assert len(single_user.storage.users.all()) == 1
    desk = Desk(single_user, person)
    assert desk.accounts.set_locale("es").locale == "es"
    with pytest.raises(UsageError, match="only user"):
        desk.accounts.disable("local")
    with pytest.raises(UsageError, match="only user"):
        desk.accounts.set_roles("local", [])


def test_from_a_single_user_to_a_team(single_user: Workspace, settings: Settings,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    assert Doors(single_user).person_of(None) is not None
    team = Doors(Workspace(settings, single_user.storage))
    assert team.person_of(None) is None and team.needs_first_run, "an account without a password lets nobody in"
    with pytest.raises(ForbiddenError):
        team.sign_in("ada", "")
    person = team.person_of(team.redeem(team.first_run("ada", "Ada", PASSWORD)))
    assert person is not None and person.id == "local", "the history of before is still hers"
    assert not team.needs_first_run


# OpenID -------------------------------------------------------------------------------------------------------------


ISSUER = "https://id.example.org"


def test_a_stranger_has_to_ask(doors: Doors, workspace: Workspace, project: Project) -> None:
    doors.first_run("ada", "Ada", PASSWORD)
    for _ in range(2):
        with pytest.raises(ForbiddenError, match="account bob has no role yet"):
            doors.sign_in_oidc(ISSUER, "1", "Bob", "Bob@example.org", email_verified=True)
    bob = workspace.storage.users.find(login="bob")
    assert bob is not None and bob.roles == frozenset() and not bob.has_password
    workspace.storage.memberships.add(project.id, bob.id, Role.CLIENT)
    found = doors.person_of(enter(doors, doors.sign_in_oidc(ISSUER, "1", "Bob", "")))
    assert found == bob
    with pytest.raises(ForbiddenError, match="account bob-2 has"):
        doors.sign_in_oidc("https://other.example.org", "1", "Bob", "bob@elsewhere.org")
    for issuer, subject in ((ISSUER, ""), ("", "1"), (ISSUER, "1" * 256)):
        with pytest.raises(UsageError, match="did not say"):
            doors.sign_in_oidc(issuer, subject, "Bob", "")


def test_an_account_that_was_made_for_an_address(doors: Doors, workspace: Workspace) -> None:
    ada = doors.person_of(enter(doors, doors.first_run("ada", "Ada", PASSWORD)))
    assert ada is not None
    made = Desk(workspace, ada).accounts.create("bob", "Bob", None, [Role.TRANSLATOR], "bob@example.org")
    with pytest.raises(ForbiddenError, match="has no role"):  # anybody can claim an address
        doors.sign_in_oidc(ISSUER, "666", "Mallory", "bob@example.org", email_verified=False)
    found = doors.person_of(enter(doors, doors.sign_in_oidc(ISSUER, "1", "B.", "BOB@example.org", email_verified=True)))
    assert found == made
    with pytest.raises(ForbiddenError, match="has no role"):  # it belongs to the first one now
        doors.sign_in_oidc(ISSUER, "2", "Bob", "bob@example.org", email_verified=True)


@pytest.mark.parametrize(("how", "verified", "is_found"), [
    ("verified", False, False), ("trusted", False, True), ("ignored", True, False)])
def test_which_addresses_are_believed(settings: Settings, workspace: Workspace, how: str, verified: bool,
                                      is_found: bool) -> None:
    doors = Doors(Workspace(settings.model_copy(update={"oidc_email": how}), workspace.storage))
    workspace.storage.users.create("bob", "Bob", roles=[Role.CLIENT], email="bob@example.org")
    if is_found:
        assert doors.sign_in_oidc(ISSUER, "1", "Bob", "bob@example.org", email_verified=verified)
    else:
        with pytest.raises(ForbiddenError, match="no role"):
            doors.sign_in_oidc(ISSUER, "1", "Bob", "bob@example.org", email_verified=verified)


def test_only_people_of_a_domain_may_ask(settings: Settings, workspace: Workspace,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBING_OIDC_DOMAINS", "Studio.org, other.org")
    assert Settings().oidc_domains == ["studio.org", "other.org"]
    doors = Doors(Workspace(settings.model_copy(update={"oidc_domains": ["studio.org"]}), workspace.storage))
    for email, verified in [("eve@evil.org", True), ("eve@studio.org", False), ("eve@studio.org.evil.org", True)]:
        with pytest.raises(ForbiddenError, match="no account for you"):
            doors.sign_in_oidc(ISSUER, "1", "Eve", email, email_verified=verified)
    assert workspace.storage.users.all() == []
    with pytest.raises(ForbiddenError, match="no role yet"):
        doors.sign_in_oidc(ISSUER, "1", "Eve", "eve@studio.org", email_verified=True)


def test_a_disabled_identity_stays_out(doors: Doors, workspace: Workspace) -> None:
    bob = workspace.storage.users.create("bob", "Bob", roles=[Role.CLIENT], identity=(ISSUER, "1"))
    workspace.storage.users.set_disabled(bob.id, True)
    with pytest.raises(ForbiddenError, match="disabled"):
        doors.sign_in_oidc(ISSUER, "1", "Bob", "bob@example.org", email_verified=True)
