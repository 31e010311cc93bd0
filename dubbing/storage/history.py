"""The history of edits: written in the transaction of the edit itself, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dubbing.domain.project import Edit, new_id
from dubbing.storage.base import utc_now
from dubbing.storage.mapping import to_edit
from dubbing.storage.session import Database
from dubbing.storage.tables import EditRow


def note_edit(session: Session, project_id: str, entity: str, entity_id: str, *, actor: str,
              before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, language: str = "") -> None:
    """Add an entry to the history. ``before`` None says created, ``after`` None says deleted.

    Of an entity that stays, only the fields that differ are kept; nothing is written when none does.
    """
    if before is not None and after is not None:
        changed = [name for name in after if before.get(name) != after[name]]
        if not changed:
            return
        before, after = {name: before.get(name) for name in changed}, {name: after[name] for name in changed}
    session.add(EditRow(
        id=new_id(), project_id=project_id, entity=entity, entity_id=entity_id, language=language, actor=actor,
        at=utc_now(), before=None if before is None else dict(before), after=None if after is None else dict(after),
    ))


class History:
    """Reads the history of a project."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, project_id: str, *, entity: str | None = None, entity_id: str | None = None,
             language: str | None = None, limit: int = 200) -> list[Edit]:
        """Edits, newest first. ``entity`` is "project", "speaker", "utterance", "translation", "take" or "review"."""
        query = select(EditRow).where(EditRow.project_id == project_id)
        if entity is not None:
            query = query.where(EditRow.entity == entity)
        if entity_id is not None:
            query = query.where(EditRow.entity_id == entity_id)
        if language is not None:
            query = query.where(EditRow.language == language)
        query = query.order_by(EditRow.at.desc(), EditRow.id.desc()).limit(limit)
        with self._database.read() as session:
            return [to_edit(row) for row in session.scalars(query)]
