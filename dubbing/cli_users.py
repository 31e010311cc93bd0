"""``dubbing users``: accounts from the server's own shell, for a start without a browser and for those locked out.

Whoever may run this can read the database anyway, so nobody is asked who they are.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from dubbing import terminal
from dubbing.cli import cli, emit, json_option, workspace
from dubbing.domain.review import Role
from dubbing.domain.workspace import Person
from dubbing.errors import UsageError

role_option = click.option("--role", "roles", multiple=True, type=click.Choice([role.value for role in Role]),
                           help="Role in every project; may be given several times.")
stdin_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@cli.group()
def users() -> None:
    """List, add and disable accounts of the browser workspace, and set their passwords."""


@users.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """List the accounts and the roles that they hold in every project."""
    with workspace() as opened:
        people = opened.storage.users.all()
    if as_json:
        emit({"users": [_as_json(person) for person in people]})
    elif not people:
        click.echo("There is no account yet. Make one with: dubbing users add LOGIN --role administrator")
    else:
        terminal.table(("Login", "Name", "Roles", "E-mail", "State"),
                       [[p.login, p.name, ", ".join(sorted(p.roles)), p.email, _state(p)] for p in people])


@users.command()
@click.argument("login")
@click.option("--name", help="Name as others see it; the login when left out.")
@click.option("--email", default="", help="E-mail address, by which an OpenID identity finds the account.")
@role_option
@click.option("--no-password", is_flag=True, help="For somebody who signs in by OpenID only.")
@stdin_option
@json_option
def add(login: str, name: str | None, email: str, roles: tuple[str, ...], no_password: bool, password_stdin: bool,
        as_json: bool) -> None:
    """Make an account for LOGIN; its password is asked for, or read from standard input."""
    from dubbing.api import Desk

    password = None if no_password else _password(password_stdin)
    with workspace() as opened:
        made = Desk(opened, OPERATOR).accounts.create(login, name or login, password, [Role(r) for r in roles], email)
    emit(_as_json(made)) if as_json else click.echo(f"{made.login} can sign in now.")


@users.command("set-roles")
@click.argument("login")
@role_option
@json_option
def set_roles(login: str, roles: tuple[str, ...], as_json: bool) -> None:
    """Give LOGIN exactly these roles."""
    from dubbing.api import Desk

    with workspace() as opened:
        person = Desk(opened, OPERATOR).accounts.set_roles(_found(opened, login).id, [Role(role) for role in roles])
    emit(_as_json(person)) if as_json else click.echo(f"{login}: {', '.join(sorted(person.roles)) or 'no role'}")


@users.command("set-password")
@click.argument("login")
@stdin_option
def set_password(login: str, password_stdin: bool) -> None:
    """Give LOGIN a new password; their sessions end, and a lock after wrong passwords is lifted."""
    from dubbing.api import Desk

    with workspace() as opened:
        person = _found(opened, login)
        Desk(opened, OPERATOR).accounts.set_password(person.id, _password(password_stdin))
    click.echo(f"{person.login} has a new password.{' The account is still disabled.' if person.is_disabled else ''}")


@users.command()
@click.argument("login")
@click.option("--undo", is_flag=True, help="Let them in again.")
def disable(login: str, undo: bool) -> None:
    """Shut LOGIN out at once."""
    from dubbing.api import Desk

    with workspace() as opened:
        Desk(opened, OPERATOR).accounts.disable(_found(opened, login).id, not undo)
    click.echo(f"{login} can sign in again." if undo else f"{login} is shut out.")


#: Who acts here: whoever has the server's shell.
OPERATOR = Person(id="", login="operator", name="", roles=frozenset({Role.ADMINISTRATOR}))


def _found(opened: Any, login: str) -> Person:
    person = opened.storage.users.find(login=login.strip().lower())
    if person is None:
        raise UsageError(f"There is no account {login}.", "`dubbing users list` shows them.")
    return person


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _state(person: Person) -> str:
    if person.is_disabled:
        return "disabled"
    return "password" if person.has_password else "no password"


def _as_json(person: Person) -> dict[str, Any]:
    return {"id": person.id, "login": person.login, "name": person.name, "roles": sorted(person.roles),
            "email": person.email, "disabled": person.is_disabled, "has_password": person.has_password}
