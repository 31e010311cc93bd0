"""Who comes in: the first administrator, passwords, OpenID identities, sessions.

Signing in gives a *ticket*, good once and for a minute. It is what a page can put into an address; the server
turns it into a session, whose token only the browser and a cookie that scripts cannot read ever hold. Of both,
the database has nothing but a hash, so a copy of it lets nobody in.
"""

from __future__ import annotations

import getpass
import hashlib
import re
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from dubbing.domain.review import Role
from dubbing.domain.workspace import Person
from dubbing.errors import UsageError
from dubbing.team import passwords
from dubbing.team.seat import ForbiddenError

if TYPE_CHECKING:
    from dubbing.api import Workspace

#: The account of whoever sits at a single-user workspace.
LOCAL_ID = "local"

TICKET_FOR = timedelta(seconds=60)
SESSION_FOR, SESSION_AT_MOST = timedelta(days=30), timedelta(days=180)
ATTEMPTS, LOCKED_S = 5, 60.0

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MAX_IDENTITY = 255
_NOT_IN_LOGIN = re.compile(r"[^a-z0-9._-]+")
#: The history calls edits of the command line so; nobody else may be called that.
_RESERVED = frozenset({"person", LOCAL_ID})


class Doors:
    """Lets people into a workspace. Keeps no state of its own: every process may have its own doors."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._users, self._sessions = workspace.storage.users, workspace.storage.sessions

    @property
    def is_single_user(self) -> bool:
        """Whether nobody is asked who they are (``DUBBING_SINGLE_USER``)."""
        return self._workspace.settings.single_user

    @property
    def needs_first_run(self) -> bool:
        """Whether the administrator is still to be made."""
        return not self.is_single_user and not self._users.has_administrator()

    def first_run(self, login: str, name: str, password: str) -> str:
        """Make the administrator and sign them in: a ticket. Raises UsageError when there is one already."""
        if not self.needs_first_run:
            raise UsageError("This workspace has an administrator already.", "Sign in, or ask them for an account.")
        login, name = checked_login(login), checked_name(name)
        passwords.check_new(password, login, name)
        person = self._users.create(login, name, roles=[Role.ADMINISTRATOR],
                                    password_hash=passwords.hashed(password), only_first=True)
        return self.ticket_for(person.id)

    def sign_in(self, login: str, password: str) -> str:
        """A ticket for whoever knows the password.

        Raises ForbiddenError with the same sentence, after the same time, for a login that does not exist, a
        wrong password and an account that is locked, so that nobody learns which accounts there are.
        """
        login = plain_login(login)
        found = self._users.attempt(login, limit=ATTEMPTS, lock_s=LOCKED_S) if _LOGIN.fullmatch(login) else None
        is_right = passwords.is_right(password, found.password_hash if found else None)
        if found is None or found.is_locked or not is_right:
            raise ForbiddenError("This login and this password do not belong together.",
                                 f"Check both. After {ATTEMPTS} wrong passwords an account rests for a minute.")
        if found.is_disabled:
            raise ForbiddenError("This account is disabled.", "Ask an administrator.")
        self._users.succeeded(found.person_id)
        if found.password_hash and passwords.is_outdated(found.password_hash):
            self._users.set_password(found.person_id, passwords.hashed(password), keep_sessions=True)
        return self.ticket_for(found.person_id)

    def sign_in_oidc(self, issuer: str, subject: str, name: str, email: str, *, email_verified: bool = False) -> str:
        """A ticket for an identity that an OpenID provider vouches for; ``email_verified`` is its claim.

        An unknown identity gets the account that an administrator made for its e-mail address, else a new one
        without any role. Raises ForbiddenError for those who have no role anywhere yet, and for disabled accounts.
        """
        if not (0 < len(issuer) <= _MAX_IDENTITY and 0 < len(subject) <= _MAX_IDENTITY):
            raise UsageError("The sign-in service did not say who you are.",
                             "Ask an administrator to check how it is set up.")
        person = self._users.find(identity=(issuer, subject)) or self._known_by_email(
            issuer, subject, email, email_verified) or self._stranger(issuer, subject, name, email, email_verified)
        if person.is_disabled:
            raise ForbiddenError("This account is disabled.", "Ask an administrator.")
        if not person.roles and not self._workspace.storage.memberships.of_person(person.id):
            raise ForbiddenError(f"Your account {person.login} has no role yet.",
                                 "Ask an administrator for one, then sign in again.")
        return self.ticket_for(person.id)

    def ticket_for(self, person_id: str) -> str:
        """A ticket for a person who has proved to be that; not for pages."""
        ticket = secrets.token_urlsafe(32)
        self._sessions.add_ticket(person_id, _hash(ticket), TICKET_FOR)
        return ticket

    def redeem(self, ticket: str) -> str:
        """Turn a ticket into the token of a new session, once. Raises ForbiddenError when it is used or too old."""
        token = secrets.token_urlsafe(32)
        if self._sessions.redeem(_hash(ticket), _hash(token), SESSION_FOR) is None:
            raise ForbiddenError("This sign-in was used already, or took too long.", "Sign in again.")
        return token

    def person_of(self, token: str | None) -> Person | None:
        """Whose session it is, with the roles of this moment; None for nobody's."""
        if self.is_single_user:
            return self._local_person()
        if not token:
            return None
        person_id = self._sessions.person_id_of(_hash(token), SESSION_FOR, SESSION_AT_MOST)
        person = None if person_id is None else self._users.find(person_id=person_id)
        return None if person is None or person.is_disabled else person

    def sign_out(self, token: str | None) -> None:
        """End a session."""
        if token:
            self._sessions.end(_hash(token))

    def _known_by_email(self, issuer: str, subject: str, email: str, verified: bool) -> Person | None:
        if not self._may_trust(email, verified):
            return None
        person = self._users.find(email=email)
        is_theirs = person is not None and self._users.set_identity(person.id, (issuer, subject))
        return person if is_theirs else None

    def _stranger(self, issuer: str, subject: str, name: str, email: str, verified: bool) -> Person:
        trusted = self._may_trust(email, verified)
        domains = self._workspace.settings.oidc_domains
        if domains and not (trusted and email.rpartition("@")[2].lower() in domains):
            raise ForbiddenError("There is no account for you in this workspace.", "Ask an administrator for one.")
        login = _free_login(self._workspace, email.partition("@")[0] or name)
        taken = trusted and any(one.email.lower() == email.lower() for one in self._users.all())
        return self._users.create(login, (name.strip() or login)[:200], email=email if trusted and not taken else "",
                                  identity=(issuer, subject))

    def _may_trust(self, email: str, verified: bool) -> bool:
        how = self._workspace.settings.oidc_email
        return "@" in email and (how == "trusted" or (how == "verified" and verified))

    def _local_person(self) -> Person:
        person = self._users.find(person_id=LOCAL_ID)
        if person is None:
            name = _os_user()
            try:
                person = self._users.create(_free_login(self._workspace, name), name, roles=[Role.ADMINISTRATOR],
                                            person_id=LOCAL_ID)
            except UsageError:  # another request was faster
                person = self._users.get(LOCAL_ID)
        return replace(person, roles=person.roles | {Role.ADMINISTRATOR}, is_disabled=False)


def plain_login(login: str) -> str:
    """A login as it is kept: without blanks around it, lower case."""
    return login.strip().lower()


def checked_login(login: str) -> str:
    """A login as it is kept. Raises UsageError for one that cannot be mentioned in a comment."""
    plain = plain_login(login)
    if not _LOGIN.fullmatch(plain) or plain in _RESERVED:
        raise UsageError(f"“{login}” cannot be a login.",
                         "Use up to 64 letters a to z, digits, dots, hyphens and underlines, a letter or digit first.")
    return plain


def checked_name(name: str) -> str:
    """A person's name without blanks around it. Raises UsageError for an empty or an endless one."""
    plain = " ".join(name.split())
    if not 0 < len(plain) <= 200:
        raise UsageError("A person needs a name of at most 200 characters.", "Write it as others should see it.")
    return plain


def _free_login(workspace: Workspace, wanted: str) -> str:
    base = _NOT_IN_LOGIN.sub("-", wanted.lower()).strip("-._")[:50] or "someone"
    taken = {one.login for one in workspace.storage.users.all()} | _RESERVED
    if base not in taken:
        return base
    return next(login for number in range(2, len(taken) + 3) if (login := f"{base}-{number}") not in taken)


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "someone"


def _hash(secret: str) -> str:
    """What is kept of a ticket or a token: they are random and long, so a plain hash cannot be reversed."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
