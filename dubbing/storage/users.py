"""Accounts: who there is, what they hold everywhere, and how they prove who they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from dubbing.domain.project import new_id
from dubbing.domain.review import Role
from dubbing.domain.workspace import Person
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.session import Database
from dubbing.storage.tables_people import SessionRow, TicketRow, UserRoleRow, UserRow


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in is checked against; ``password_hash`` None for an account without a password."""

    person_id: str
    password_hash: str | None
    is_disabled: bool
    is_locked: bool


class Users:
    """The accounts of the workspace. Logins are kept as they are given: lower case is the caller's to see to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Person]:
        """Everybody, disabled accounts too, by login."""
        with self._database.read() as session:
            rows = session.scalars(select(UserRow).order_by(UserRow.login)).all()
            roles = _roles_of(session, [row.id for row in rows])
            return [_to_person(row, roles[row.id]) for row in rows]

    def get(self, person_id: str) -> Person:
        """Raises UsageError when there is no such account."""
        with self._database.read() as session:
            row = _row(session, person_id)
            return _to_person(row, _roles_of(session, [row.id])[row.id])

    def find(self, *, person_id: str | None = None, login: str | None = None, email: str | None = None,
             identity: tuple[str, str] | None = None) -> Person | None:
        """The account of an id, a login, an OpenID identity (issuer, subject), or an e-mail address.

        By address only an account that no identity belongs to yet, and only where no other has that address too.
        """
        query = select(UserRow)
        if person_id is not None:
            query = query.where(UserRow.id == person_id)
        if login is not None:
            query = query.where(UserRow.login == login)
        if email is not None:
            query = query.where(func.lower(UserRow.email) == email.lower(), UserRow.oidc_subject.is_(None))
        if identity is not None:
            query = query.where(UserRow.oidc_issuer == identity[0], UserRow.oidc_subject == identity[1])
        with self._database.read() as session:
            rows = session.scalars(query.limit(2)).all()
            if len(rows) != 1:
                return None
            return _to_person(rows[0], _roles_of(session, [rows[0].id])[rows[0].id])

    def has_administrator(self) -> bool:
        """Whether any administrator has a way to sign in; a disabled account counts, so that disabling all
        of them never opens the workspace to whoever comes first."""
        with self._database.read() as session:
            return _is_administrated(session)

    def create(self, login: str, name: str, *, roles: Iterable[Role] = (), email: str = "",
               password_hash: str | None = None, identity: tuple[str, str] | None = None,
               person_id: str | None = None, only_first: bool = False) -> Person:
        """A new account. Raises UsageError for a login or an e-mail address that is taken.

        ``only_first`` is for the first administrator: it raises UsageError when there is one already, in the
        same transaction, and takes over a ``login`` that nobody can sign in with.
        """
        with self._database.write() as session:
            if only_first and _is_administrated(session):
                raise UsageError("This workspace has an administrator already.", "Sign in, or ask them for an account.")
            row = session.scalar(select(UserRow).where(UserRow.login == login))
            if row is not None and not (only_first and row.password_hash is None and row.oidc_subject is None):
                raise UsageError(f"There is an account {login} already.", "Choose another login.")
            if email and session.scalar(select(exists().where(func.lower(UserRow.email) == email.lower()))):
                raise UsageError(f"There is an account with the address {email} already.", "Use that account.")
            if row is None:
                row = UserRow(id=person_id or new_id(), login=login, created_at=utc_now())
                session.add(row)
            row.name, row.email, row.password_hash, row.disabled_at = name, email, password_hash, None
            row.oidc_issuer, row.oidc_subject = identity or (None, None)
            session.flush()
            _write_roles(session, row.id, roles)
            return _to_person(row, frozenset(roles))

    def set_roles(self, person_id: str, roles: Collection[Role]) -> Person:
        """Give exactly these roles. Raises UsageError when the last administrator would be lost."""
        with self._database.write() as session:
            row = _row(session, person_id)
            with _still_administrated(session):
                _write_roles(session, person_id, roles)
            return _to_person(row, frozenset(roles))

    def set_disabled(self, person_id: str, disabled: bool) -> None:
        """Shut an account out, its sessions with it, or let it in again. The last administrator stays."""
        with self._database.write() as session:
            row = _row(session, person_id)
            with _still_administrated(session):
                if disabled != (row.disabled_at is not None):
                    row.disabled_at = utc_now() if disabled else None
            if disabled:
                _sign_out_everywhere(session, person_id)

    def set_password(self, person_id: str, password_hash: str, *, keep_sessions: bool = False) -> None:
        """A new password; a lock is lifted, and without ``keep_sessions`` every session ends."""
        with self._database.write() as session:
            row = _row(session, person_id)
            row.password_hash, row.failed_sign_ins, row.locked_until = password_hash, 0, None
            if not keep_sessions:
                _sign_out_everywhere(session, person_id)

    def set_identity(self, person_id: str, identity: tuple[str, str]) -> bool:
        """Let an OpenID identity (issuer, subject) sign in to this account from now on; False when another does."""
        with self._database.write() as session:
            row = _row(session, person_id)
            if row.oidc_subject is None:
                row.oidc_issuer, row.oidc_subject = identity
            return (row.oidc_issuer, row.oidc_subject) == identity

    def update(self, person_id: str, *, name: str | None = None, email: str | None = None,
               locale: str | None = None) -> Person:
        """Change what is given. Raises UsageError for an e-mail address that another account has."""
        with self._database.write() as session:
            row = _row(session, person_id)
            if email and session.scalar(select(exists().where(
                    func.lower(UserRow.email) == email.lower(), UserRow.id != person_id))):
                raise UsageError(f"There is an account with the address {email} already.", "Use another address.")
            row.name = row.name if name is None else name
            row.email = row.email if email is None else email
            row.locale = row.locale if locale is None else locale
            return _to_person(row, _roles_of(session, [person_id])[person_id])

    def attempt(self, login: str, *, limit: int, lock_s: float) -> Credentials | None:
        """Count an attempt to sign in *before* the password is looked at, so that many at once count as many.

        After ``limit`` attempts without a success in between the account is locked for ``lock_s`` seconds;
        attempts while it is locked do not prolong that. None when there is no such account.
        """
        now = utc_now()
        with self._database.write(durable=False) as session:
            row = session.scalar(select(UserRow).where(UserRow.login == login).with_for_update())
            if row is None:
                return None
            is_locked = row.locked_until is not None and row.locked_until > now
            if not is_locked:
                if row.locked_until is not None:
                    row.failed_sign_ins, row.locked_until = 0, None
                row.failed_sign_ins += 1
                if row.failed_sign_ins >= limit:
                    row.locked_until = now + timedelta(seconds=lock_s)
            return Credentials(row.id, row.password_hash, row.disabled_at is not None, is_locked)

    def succeeded(self, person_id: str) -> None:
        """The attempt was right: forget the ones before it."""
        with self._database.write(durable=False) as session:
            row = _row(session, person_id)
            row.failed_sign_ins, row.locked_until = 0, None


def _row(session: Session, person_id: str) -> UserRow:
    row = session.get(UserRow, person_id, with_for_update=True)
    if row is None:
        raise UsageError(f"There is no account {person_id}.", "Reload the list of people.")
    return row


def _to_person(row: UserRow, roles: frozenset[Role]) -> Person:
    return Person(id=row.id, login=row.login, name=row.name, roles=roles, email=row.email, locale=row.locale,
                  is_disabled=row.disabled_at is not None, has_password=row.password_hash is not None)


def _roles_of(session: Session, person_ids: Collection[str]) -> dict[str, frozenset[Role]]:
    found: dict[str, set[Role]] = {person_id: set() for person_id in person_ids}
    for row in session.scalars(select(UserRoleRow).where(UserRoleRow.user_id.in_(person_ids))):
        found[row.user_id].add(Role(row.role))
    return {person_id: frozenset(roles) for person_id, roles in found.items()}


def _write_roles(session: Session, person_id: str, roles: Iterable[Role]) -> None:
    session.execute(delete(UserRoleRow).where(UserRoleRow.user_id == person_id))
    session.add_all(UserRoleRow(user_id=person_id, role=role.value) for role in set(roles))
    session.flush()


def _sign_out_everywhere(session: Session, person_id: str) -> None:
    session.execute(delete(SessionRow).where(SessionRow.user_id == person_id))
    session.execute(delete(TicketRow).where(TicketRow.user_id == person_id))


def _administrators(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """SQL that says whether there is an administrator who has something to sign in with."""
    return exists().where(and_(
        UserRow.id == UserRoleRow.user_id, UserRoleRow.role == Role.ADMINISTRATOR.value,
        or_(UserRow.password_hash.is_not(None), UserRow.oidc_subject.is_not(None)), *conditions,
    ))


def _is_administrated(session: Session) -> bool:
    return bool(session.scalar(select(_administrators())))


@contextmanager
def _still_administrated(session: Session) -> Iterator[None]:
    """Raises UsageError when the block takes away the last administrator who can sign in."""
    can_sign_in = select(_administrators(UserRow.disabled_at.is_(None)))
    before = session.scalar(can_sign_in)
    yield
    session.flush()
    if before and not session.scalar(can_sign_in):
        raise UsageError("Somebody has to be administrator, and this is the last one.",
                         "Make somebody else administrator first; nothing was changed.")
