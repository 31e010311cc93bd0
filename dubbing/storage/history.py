"""The history of edits: written in the transaction of the edit itself, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from dubbing.domain.project import Edit, new_id
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.mapping import to_edit
from dubbing.storage.session import Database
from dubbing.storage.tables import EditRow

_AT = "time of the edits in this transaction"


def note_edit(session: Session, project_id: str, entity: str, entity_id: str, *, actor: str,
              before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, language: str = "") -> None:
    """Add an entry to the history. ``before`` None says created, ``after`` None says deleted.

    Of an entity that stays, only the fields that differ are kept; nothing is written when none does. All entries
    of a transaction have the same time: that is how they are known to belong together.
    """
    if before is not None and after is not None:
        changed = [name for name in after if before.get(name) != after[name]]
        if not changed:
            return
        before, after = {name: before.get(name) for name in changed}, {name: after[name] for name in changed}
    session.add(EditRow(
        id=new_id(), project_id=project_id, entity=entity, entity_id=entity_id, language=language, actor=actor,
        at=session.info.setdefault(_AT, utc_now()), before=None if before is None else dict(before),
        after=None if after is None else dict(after),
    ))


class History:
    """Reads the history of a project."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, edit_id: str) -> Edit:
        """Raises UsageError when there is no such entry."""
        with self._database.read() as session:
            row = session.get(EditRow, edit_id)
            if row is None:
                raise UsageError(f"There is no entry {edit_id} in the history.", "Reload the history.")
            return to_edit(row)

    def latest(self, project_id: str, *, entity: str | None = None, entity_id: str | None = None,
               language: str | None = None, languages: Collection[str] | None = None, actor: str | None = None,
               before_id: str | None = None, limit: int = 200) -> list[Edit]:
        """Edits, newest first; those older than the entry ``before_id`` only, to go on where a list ended.

        ``entity`` is "project", "speaker", "utterance", "translation", "take", "review" or "member".
        ``languages`` keeps others' entries out, ``actor`` "" asks for what machines did.
        """
        query = select(EditRow).where(EditRow.project_id == project_id)
        for column, wanted in ((EditRow.entity, entity), (EditRow.entity_id, entity_id),
                               (EditRow.language, language), (EditRow.actor, actor)):
            if wanted is not None:
                query = query.where(column == wanted)
        if languages is not None:
            query = query.where(EditRow.language.in_(languages))
        query = query.order_by(EditRow.at.desc(), EditRow.id.desc()).limit(limit)
        with self._database.read() as session:
            if before_id is not None and (last := session.get(EditRow, before_id)) is not None:
                query = query.where(or_(EditRow.at < last.at, and_(EditRow.at == last.at, EditRow.id < last.id)))
            return [to_edit(row) for row in session.scalars(query)]

    def together(self, edit: Edit) -> list[Edit]:
        """Everything that was changed in the transaction of an entry, in that order."""
        query = select(EditRow).where(
            EditRow.project_id == edit.project_id, EditRow.actor == edit.actor, EditRow.at == edit.at,
        ).order_by(EditRow.id)
        with self._database.read() as session:
            return [to_edit(row) for row in session.scalars(query)]

    def as_of(self, edit: Edit, *, after: bool) -> dict[str, Any]:
        """All that the history knows of an entity as it was before, or ``after``, an entry."""
        query = select(EditRow).where(
            EditRow.project_id == edit.project_id, EditRow.entity == edit.entity,
            EditRow.entity_id == edit.entity_id, EditRow.language == edit.language,
            or_(EditRow.at < edit.at, and_(EditRow.at == edit.at, EditRow.id < edit.id)),
        ).order_by(EditRow.at, EditRow.id)
        known: dict[str, Any] = {}
        with self._database.read() as session:
            for row in session.scalars(query):
                known.update(row.after or {})
        known.update(edit.before or {})
        return {**known, **(edit.after or {})} if after else known
