"""Who may say who may do what."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from dubbing.api import Desk, Doors, ForbiddenError, Workspace
from dubbing.domain.project import Project
from dubbing.domain.review import Role
from dubbing.domain.workspace import Person
from dubbing.errors import UsageError

PASSWORD = "correct horse battery"
NEW = "an even better battery"


@pytest.fixture
def ada(doors: Doors, workspace: Workspace) -> Desk:
    """The administrator."""
    person = doors.person_of(doors.redeem(doors.first_run("ada", "Ada", PASSWORD)))
    assert person is not None
    return Desk(workspace, person)


def everything_about_accounts(desk: Desk, other: Person) -> list[Callable[[], object]]:
    accounts = desk.accounts
    return [
        lambda: accounts.create("new", "New", PASSWORD, [Role.ADMINISTRATOR]),
        lambda: accounts.set_roles(desk.person.id, [Role.ADMINISTRATOR]),
        lambda: accounts.set_roles(other.id, []),
        lambda: accounts.set_password(other.id, NEW),
        lambda: accounts.disable(other.id),
        lambda: accounts.update(other.id, name="Fool"),
        lambda: accounts.update(desk.person.id, email="ada@example.org"),
    ]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_only_administrators_make_and_change_accounts(ada: Desk, desk: Callable[..., Desk], role: Role) -> None:
    before = ada.accounts.all()
    somebody = desk("somebody", role)
    for act in everything_about_accounts(somebody, ada.person):
        with pytest.raises(ForbiddenError):
            act()
    assert ada.accounts.all() == sorted([*before, somebody.person], key=lambda one: one.login)
    if role is Role.PROJECT_MANAGER:
        assert [one.login for one in somebody.accounts.all()] == ["ada", "somebody"]
    else:
        with pytest.raises(ForbiddenError):
            somebody.accounts.all()


def test_making_and_changing_accounts(ada: Desk, doors: Doors) -> None:
    bob = ada.accounts.create(" Bob ", "Bob", PASSWORD, [Role.CLIENT, Role.REVIEWER], "bob@example.org")
    assert (bob.login, bob.roles, bob.email, bob.has_password) == (
        "bob", {Role.CLIENT, Role.REVIEWER}, "bob@example.org", True)
    with pytest.raises(UsageError, match="an account bob already"):
        ada.accounts.create("BOB", "Bob", PASSWORD)
    with pytest.raises(UsageError, match="the address"):
        ada.accounts.create("bob2", "Bob", PASSWORD, email="Bob@Example.org")
    with pytest.raises(UsageError, match="no e-mail|not an e-mail"):
        ada.accounts.create("bob2", "Bob", PASSWORD, email="bob")
    with pytest.raises(UsageError, match="password or an e-mail"):
        ada.accounts.create("bob2", "Bob", None)
    with pytest.raises(UsageError, match="roles are"):
        ada.accounts.create("bob2", "Bob", PASSWORD, ["emperor"])  # type: ignore[list-item]
    assert ada.accounts.set_roles(bob.id, [Role.AUDIO_MIXER]).roles == {Role.AUDIO_MIXER}
    assert ada.accounts.update(bob.id, name="Robert", email="").name == "Robert"
    assert [one.login for one in ada.accounts.all()] == ["ada", "bob"]
    with pytest.raises(UsageError, match="no account"):
        ada.accounts.set_roles("nobody", [])
    assert doors.sign_in("bob", PASSWORD)


def test_the_last_administrator_cannot_be_lost(ada: Desk, doors: Doors) -> None:
    me = ada.person.id
    # An account that cannot sign in is no administrator to fall back on.
    ada.accounts.create("ghost", "Ghost", None, [Role.ADMINISTRATOR], "ghost@example.org")
    for act in (lambda: ada.accounts.set_roles(me, [Role.CLIENT]), lambda: ada.accounts.disable(me)):
        with pytest.raises(UsageError, match="this is the last one"):
            act()
    assert doors.sign_in("ada", PASSWORD)
    bob = ada.accounts.create("bob", "Bob", PASSWORD, [Role.ADMINISTRATOR])
    ada.accounts.disable(bob.id)
    with pytest.raises(UsageError, match="this is the last one"):
        ada.accounts.set_roles(me, [])
    ada.accounts.disable(bob.id, False)
    ada.accounts.set_roles(me, [])
    assert doors.sign_in("ada", PASSWORD), "she is still somebody, but no administrator"


def test_one_s_own_password(ada: Desk, doors: Doors, workspace: Workspace) -> None:
    bob = ada.accounts.create("bob", "Bob", PASSWORD, [Role.CLIENT])
    token = doors.redeem(doors.sign_in("bob", PASSWORD))
    mine = Desk(workspace, bob).accounts
    for old in (None, "", "wrong wrong wrong"):
        with pytest.raises(ForbiddenError, match="present password"):
            mine.set_password(bob.id, NEW, old)
    with pytest.raises(UsageError, match="at least 10"):
        mine.set_password(bob.id, "short", PASSWORD)
    assert doors.person_of(token) is not None
    ticket = mine.set_password(bob.id, NEW, PASSWORD)
    assert doors.person_of(token) is None, "whoever else had a session is out"
    assert ticket is not None and doors.person_of(doors.redeem(ticket)) == bob
    with pytest.raises(ForbiddenError):
        doors.sign_in("bob", PASSWORD)
    assert doors.sign_in("bob", NEW)


def test_a_session_left_open_is_no_way_to_guess_the_password(ada: Desk) -> None:
    for _ in range(5):
        with pytest.raises(ForbiddenError):
            ada.accounts.set_password(ada.person.id, NEW, "wrong wrong wrong")
    with pytest.raises(ForbiddenError):
        ada.accounts.set_password(ada.person.id, NEW, PASSWORD)


def test_somebody_else_s_password_by_an_administrator(ada: Desk, doors: Doors) -> None:
    bob = ada.accounts.create("bob", "Bob", PASSWORD, [Role.CLIENT])
    token = doors.redeem(doors.sign_in("bob", PASSWORD))
    for _ in range(5):
        with pytest.raises(ForbiddenError):
            doors.sign_in("bob", "wrong wrong wrong")
    assert ada.accounts.set_password(bob.id, NEW) is None
    assert doors.person_of(token) is None
    assert doors.sign_in("bob", NEW), "the lock is lifted, too"


def test_one_s_own_language(desk: Callable[..., Desk], workspace: Workspace) -> None:
    somebody = desk("somebody")
    assert somebody.accounts.set_locale("es").locale == "es"
    assert workspace.storage.users.get(somebody.person.id).locale == "es"
    assert somebody.accounts.update(somebody.person.id, name="Some  Body").name == "Some Body"
    for locale in ("", "english", "../x"):
        with pytest.raises(UsageError, match="not a language"):
            somebody.accounts.set_locale(locale)


# members ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_members_are_chosen_by_those_who_manage(desk: Callable[..., Desk], workspace: Workspace, project: Project,
                                                role: Role) -> None:
    somebody, other = desk("somebody", role), desk("other").person
    if role in (Role.ADMINISTRATOR, Role.PROJECT_MANAGER):
        somebody.accounts.add_member(project.id, other.id, Role.TRANSLATOR, "es")
        somebody.accounts.add_member(project.id, other.id, Role.TRANSLATOR, "es")
        (member,) = somebody.accounts.members(project.id)
        assert (member.login, member.role, member.language) == ("other", Role.TRANSLATOR, "es")
        somebody.accounts.remove_member(project.id, other.id, Role.TRANSLATOR, "es")
        somebody.accounts.remove_member(project.id, other.id, Role.TRANSLATOR, "es")
        told = [(one.after and one.after["role"], one.actor) for one in
                somebody.activity.latest(project.id, entity="member")]
        assert told == [(None, "somebody"), ("translator", "somebody")]
    else:
        with pytest.raises(ForbiddenError):
            somebody.accounts.add_member(project.id, somebody.person.id, Role.PROJECT_MANAGER)
        with pytest.raises(ForbiddenError):
            somebody.accounts.remove_member(project.id, other.id, Role.CLIENT)
    assert workspace.storage.memberships.all(project.id) == []


def test_a_role_in_a_part_is_no_way_to_the_rest(member: Callable[..., Desk], desk: Callable[..., Desk],
                                                workspace: Workspace, project: Project) -> None:
    boss = member("boss", Role.PROJECT_MANAGER)
    other = workspace.storage.projects.create("Other", "x.mp4", source_sha256="1", media={}, targets=["es"])
    me = boss.person.id
    with pytest.raises(UsageError, match="administrator of a single project"):
        boss.accounts.add_member(project.id, me, Role.ADMINISTRATOR)
    with pytest.raises(UsageError, match="manages all languages"):
        boss.accounts.add_member(project.id, me, Role.PROJECT_MANAGER, "es")
    with pytest.raises(UsageError, match="languages are es, de"):
        boss.accounts.add_member(project.id, me, Role.REVIEWER, "fr")
    with pytest.raises(ForbiddenError):
        boss.accounts.add_member(other.id, me, Role.CLIENT)
    with pytest.raises(ForbiddenError):
        boss.accounts.members(other.id)
    with pytest.raises(ForbiddenError):
        boss.accounts.members("no such project")
    with pytest.raises(ForbiddenError):
        boss.accounts.create("new", "New", PASSWORD)
    gone = desk("gone").person
    workspace.storage.users.set_disabled(gone.id, True)
    with pytest.raises(UsageError, match="disabled"):
        boss.accounts.add_member(project.id, gone.id, Role.CLIENT)
    with pytest.raises(UsageError, match="no account"):
        boss.accounts.add_member(project.id, "nobody", Role.CLIENT)
    boss.accounts.add_member(project.id, me, Role.REVIEWER, "es")
    assert boss.seat.rights(project.id, "es").roles == {Role.PROJECT_MANAGER, Role.REVIEWER}
    assert boss.seat.rights(project.id, "de").roles == {Role.PROJECT_MANAGER}
    assert boss.seat.rights(other.id).roles == set()


def test_managers_of_projects_see_names_and_no_addresses(member: Callable[..., Desk], workspace: Workspace) -> None:
    workspace.storage.users.create("bob", "Bob", email="bob@example.org")
    boss, client = member("boss", Role.PROJECT_MANAGER), member("client", Role.CLIENT)
    assert [(one.login, one.email) for one in boss.accounts.all()] == [("bob", ""), ("boss", ""), ("client", "")]
    with pytest.raises(ForbiddenError):
        client.accounts.all()


def test_purging_a_project_ends_its_memberships(member: Callable[..., Desk], workspace: Workspace,
                                                project: Project) -> None:
    client = member("client", Role.CLIENT)
    workspace.storage.projects.purge(project.id)
    assert workspace.storage.memberships.of_person(client.person.id) == []


def test_the_command_for_those_locked_out(own_home: object, capsys: pytest.CaptureFixture[str],
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import json

    from dubbing.api import open_workspace
    from dubbing.cli import main

    def run(*arguments: str, password: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        with pytest.raises(SystemExit) as left:
            main(["users", *arguments])
        return int(str(left.value.code)), capsys.readouterr().out

    assert "no account yet" in run("list")[1]
    assert run("add", "ada", "--role", "administrator", "--password-stdin", password=PASSWORD)[0] == 0
    code, out = run("add", "bob", "--no-password", "--email", "bob@example.org", "--role", "client", "--json")
    assert (code, json.loads(out)["roles"]) == (0, ["client"])
    assert run("disable", "ada")[0] == 2, "the last administrator"
    assert run("set-roles", "ada", "--role", "client")[0] == 2
    assert run("set-password", "ada", "--password-stdin", password="short")[0] == 2
    assert run("set-password", "ada", "--password-stdin", password=NEW)[0] == 0
    assert run("set-password", "nobody", "--password-stdin", password=NEW)[0] == 2
    assert run("disable", "bob")[0] == 0
    assert re.search(r"bob .*client .*disabled", run("list")[1])
    assert run("disable", "bob", "--undo")[0] == 0
    with open_workspace() as opened:
        doors = Doors(opened)
        assert doors.sign_in("ada", NEW) and not doors.needs_first_run
