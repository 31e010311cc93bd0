"""People of the workspace and of its projects: who there is, and who may do what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from dubbing.domain.review import Action, Role
from dubbing.domain.workspace import Membership, Person
from dubbing.errors import UsageError
from dubbing.team import passwords
from dubbing.team.doors import ATTEMPTS, LOCAL_ID, LOCKED_S, Doors, checked_login, checked_name
from dubbing.team.seat import ForbiddenError, Seat

_LOCALE = re.compile(r"[a-z]{2}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,180}")


class Accounts:
    """Accounts are made by administrators, members are chosen by whoever manages the project."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._users, self._memberships = seat.workspace.storage.users, seat.workspace.storage.memberships

    # accounts -----------------------------------------------------------------------------------------------------

    def all(self) -> list[Person]:
        """Everybody with an account, by login: for administrators, and for those who choose members.

        E-mail addresses are for administrators alone.
        """
        if not self._manages_somewhere():
            raise ForbiddenError("You may not see the list of people.", "Ask an administrator.")
        people = self._users.all()
        if self._seat.person.is_administrator:
            return people
        return [replace(person, email="") for person in people]

    def create(self, login: str, name: str, password: str | None, roles: Iterable[Role] = (),
               email: str = "") -> Person:
        """A new account; without a password it is for whoever signs in by OpenID with that e-mail address.

        Raises ForbiddenError, or UsageError for a login, an address or a password that will not do.
        """
        self._seat.require_everywhere(Action.ADMINISTER)
        login, name, email = checked_login(login), checked_name(name), _checked_email(email)
        if password is None and not email:
            raise UsageError("An account needs a password or an e-mail address.", "Give one of them.")
        if password is not None:
            passwords.check_new(password, login, name, email)
        return self._users.create(login, name, roles=_checked_roles(roles), email=email,
                                  password_hash=None if password is None else passwords.hashed(password))

    def set_roles(self, person_id: str, roles: Iterable[Role]) -> Person:
        """Give exactly these roles, which hold in every project. The last administrator cannot be lost."""
        self._seat.require_everywhere(Action.ADMINISTER)
        self._not_the_only_user(person_id)
        return self._users.set_roles(person_id, _checked_roles(roles))

    def set_password(self, person_id: str, new: str, old: str | None = None) -> str | None:
        """A new password: one's own, for which ``old`` is asked, or, by an administrator, somebody else's.

        Every session of the account ends. Returns a ticket to go on with after changing one's own, else None.
        """
        person = self._users.get(person_id) if self._is_me(person_id) else self._of_another(person_id)
        passwords.check_new(new, person.login, person.name, person.email)
        if self._is_me(person_id):
            self._check_old(person, old)
        self._users.set_password(person_id, passwords.hashed(new))
        return Doors(self._seat.workspace).ticket_for(person_id) if self._is_me(person_id) else None

    def disable(self, person_id: str, disabled: bool = True) -> None:
        """Shut an account out at once, or let it in again. The last administrator cannot be lost."""
        self._seat.require_everywhere(Action.ADMINISTER)
        self._not_the_only_user(person_id)
        self._users.set_disabled(person_id, disabled)

    def update(self, person_id: str, *, name: str | None = None, email: str | None = None) -> Person:
        """Change a name (one's own, or by an administrator) or an e-mail address (by an administrator).

        An address decides who may sign in by OpenID, so that nobody sets their own.
        """
        if email is not None or not self._is_me(person_id):
            self._seat.require_everywhere(Action.ADMINISTER)
        return self._users.update(person_id, name=None if name is None else checked_name(name),
                                  email=None if email is None else _checked_email(email))

    def set_locale(self, locale: str) -> Person:
        """The language in which this person sees the workspace, such as "en"."""
        if not _LOCALE.fullmatch(locale):
            raise UsageError(f"“{locale}” is not a language of the workspace.", "Choose English or Spanish.")
        return self._users.update(self._seat.person.id, locale=locale)

    # members ------------------------------------------------------------------------------------------------------

    def members(self, project_id: str) -> list[Membership]:
        """Who is what in a project, by login."""
        self._seat.require(Action.VIEW, project_id)
        return self._memberships.all(project_id)

    def add_member(self, project_id: str, person_id: str, role: Role, language: str = "") -> None:
        """Give a role in a project, in all of its languages or in one.

        Managers are managers of the whole project, and administrators of the whole workspace: a role in part of
        a project must not be a way to the rest of it.
        """
        self._seat.require(Action.MANAGE_PROJECT, project_id)
        role = Role(role)
        if role is Role.ADMINISTRATOR:
            raise UsageError("Nobody is administrator of a single project.", "Make them its project manager.")
        if role is Role.PROJECT_MANAGER and language:
            raise UsageError("A project manager manages all languages.", "Leave the language open.")
        project = self._seat.workspace.storage.projects.get(project_id)
        if language and language not in project.targets:
            raise UsageError(f"The project's languages are {', '.join(project.targets)}.", "Choose one of them.")
        if self._users.get(person_id).is_disabled:
            raise UsageError("This account is disabled.", "Choose somebody who can sign in.")
        self._memberships.add(project_id, person_id, role, language, actor=self._seat.actor)

    def remove_member(self, project_id: str, person_id: str, role: Role, language: str = "") -> None:
        """Take a role away that was given in a project."""
        self._seat.require(Action.MANAGE_PROJECT, project_id)
        self._memberships.remove(project_id, person_id, Role(role), language, actor=self._seat.actor)

    # ------------------------------------------------------------------------------------------------------------

    def _is_me(self, person_id: str) -> bool:
        return person_id == self._seat.person.id

    def _of_another(self, person_id: str) -> Person:
        self._seat.require_everywhere(Action.ADMINISTER)
        return self._users.get(person_id)

    def _manages_somewhere(self) -> bool:
        if self._seat.person.roles & {Role.ADMINISTRATOR, Role.PROJECT_MANAGER}:
            return True
        return any(member.role is Role.PROJECT_MANAGER
                   for member in self._memberships.of_person(self._seat.person.id))

    def _not_the_only_user(self, person_id: str) -> None:
        if person_id == LOCAL_ID and self._seat.workspace.settings.single_user:
            raise UsageError("This is the only user of a single-user workspace.", "Nothing was changed.")

    def _check_old(self, person: Person, old: str | None) -> None:
        """A session left open must not be enough to take an account over, nor to guess its password."""
        if not person.has_password:
            raise ForbiddenError("This account has no password.", "Sign in as before, or ask an administrator for one.")
        found = self._users.attempt(person.login, limit=ATTEMPTS, lock_s=LOCKED_S)
        is_right = passwords.is_right(old or "", found.password_hash if found else None)
        if found is None or found.is_locked or not is_right:
            raise ForbiddenError("The present password is not right.",
                                 f"Check it. After {ATTEMPTS} wrong passwords an account rests for a minute.")


def _checked_roles(roles: Iterable[Role]) -> frozenset[Role]:
    try:
        return frozenset(Role(role) for role in roles)
    except ValueError as error:
        raise UsageError(f"{error}.", f"The roles are {', '.join(role.value for role in Role)}.") from error


def _checked_email(email: str) -> str:
    plain = email.strip()
    if plain and not _EMAIL.fullmatch(plain):
        raise UsageError(f"“{email}” is not an e-mail address.", "Write it like name@example.org.")
    return plain
