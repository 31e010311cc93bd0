"""Who is signed in. Only hashes of the secrets that browsers hold are kept."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from dubbing.errors import StorageError
from dubbing.storage.base import utc_now
from dubbing.storage.session import Database
from dubbing.storage.tables_people import SessionRow, TicketRow, UserRow

#: How far apart two notes of the same session being in use are: a page asks many times a second.
_TOUCH = timedelta(minutes=10)


class Sessions:
    """Tickets (a sign-in that was granted) and the sessions that they are turned into, once each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_ticket(self, person_id: str, ticket_hash: str, valid_for: timedelta) -> None:
        """Keep a ticket; those that ran out are thrown away on this occasion."""
        now = utc_now()
        with self._database.write() as session:
            session.execute(delete(TicketRow).where(TicketRow.expires_at <= now))
            session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
            session.add(TicketRow(ticket_hash=ticket_hash, user_id=person_id, expires_at=now + valid_for))

    def redeem(self, ticket_hash: str, token_hash: str, valid_for: timedelta) -> str | None:
        """Turn a ticket into a session; the person's id, or None for one that is unknown, used or too old."""
        now = utc_now()
        with self._database.write() as session:
            row = session.get(TicketRow, ticket_hash, with_for_update=True)
            if row is None:
                return None
            session.delete(row)
            user = session.get(UserRow, row.user_id)
            if row.expires_at <= now or user is None or user.disabled_at is not None:
                return None
            session.add(SessionRow(token_hash=token_hash, user_id=row.user_id, created_at=now, seen_at=now,
                                   expires_at=now + valid_for))
            return row.user_id

    def person_id_of(self, token_hash: str, valid_for: timedelta, at_most: timedelta) -> str | None:
        """Whose session it is, or None when it is unknown or over.

        In use it goes on for ``valid_for`` from now, but never longer than ``at_most`` after it began.
        """
        now = utc_now()
        with self._database.read() as session:
            row = session.get(SessionRow, token_hash)
            if row is None or row.expires_at <= now:
                return None
            person_id, seen_at, began_at = row.user_id, row.seen_at, row.created_at
        if now - seen_at > _TOUCH:
            self._touch(token_hash, now, min(now + valid_for, began_at + at_most))
        return person_id

    def _touch(self, token_hash: str, now: datetime, expires_at: datetime) -> None:
        # Whoever only looks at a page must not be turned away because somebody else is writing for long.
        with suppress(StorageError), self._database.write(durable=False) as session:
            row = session.get(SessionRow, token_hash)
            if row is not None:
                row.seen_at, row.expires_at = now, expires_at

    def end(self, token_hash: str) -> None:
        """Sign out; a session that is over already stays so."""
        with self._database.write() as session:
            session.execute(delete(SessionRow).where(SessionRow.token_hash == token_hash))

    def count(self, person_id: str) -> int:
        """How many sessions of a person are open."""
        query = select(SessionRow.token_hash).where(SessionRow.user_id == person_id, SessionRow.expires_at > utc_now())
        with self._database.read() as session:
            return len(session.scalars(query).all())
