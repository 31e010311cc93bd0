"""Remarks on lines and moments, in threads of a question and its answers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from dubbing.domain.project import new_id
from dubbing.domain.workspace import Comment
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.session import Database
from dubbing.storage.tables import ProjectRow
from dubbing.storage.tables_people import CommentRow
from dubbing.storage.utterances import find_utterance


class Comments:
    """Comments of projects. An answer has the place of the comment it answers, and is resolved with it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, comment_id: str) -> Comment:
        """Raises UsageError when there is no such comment."""
        with self._database.read() as session:
            return _to_comment(_row(session, comment_id))

    def all(self, project_id: str, *, language: str | None = None, utterance_id: str | None = None,
            open_only: bool = False) -> list[Comment]:
        """Comments, oldest first; those on every language ("") belong to each ``language``."""
        query = select(CommentRow).where(CommentRow.project_id == project_id)
        if language is not None:
            query = query.where(CommentRow.language.in_(("", language)))
        if utterance_id is not None:
            query = query.where(CommentRow.utterance_id == utterance_id)
        if open_only:
            query = query.where(CommentRow.resolved_at.is_(None))
        query = query.order_by(CommentRow.created_at, CommentRow.id)
        with self._database.read() as session:
            return [_to_comment(row) for row in session.scalars(query)]

    def mentioning(self, login: str) -> list[Comment]:
        """Open comments of projects that are not deleted which name ``login``, newest first."""
        # JSON is searched as text, which every database can; what it finds is looked at properly.
        named = cast(CommentRow.mentions, Text).contains(f'"{login}"', autoescape=True)
        query = (
            select(CommentRow).join(ProjectRow, ProjectRow.id == CommentRow.project_id)
            .where(named, CommentRow.resolved_at.is_(None), ProjectRow.deleted_at.is_(None))
            .order_by(CommentRow.created_at.desc(), CommentRow.id.desc())
        )
        with self._database.read() as session:
            return [_to_comment(row) for row in session.scalars(query) if login in row.mentions]

    def add(self, project_id: str, text: str, *, actor: str, mentions: Sequence[str] = (), language: str = "",
            utterance_id: str | None = None, at_ms: int | None = None, answers_id: str | None = None) -> Comment:
        """A new comment. An answer goes to the comment that began the thread and opens it again."""
        now = utc_now()
        with self._database.write() as session:
            if answers_id is not None:
                asked = _row(session, answers_id)
                if asked.project_id != project_id:
                    raise UsageError(f"There is no comment {answers_id} in this project.", "Reload the comments.")
                asked = asked if asked.answers_id is None else _row(session, asked.answers_id)
                language, utterance_id, at_ms = asked.language, asked.utterance_id, asked.at_ms
                answers_id = asked.id
                _mark_thread(session, asked, False, "")
            elif utterance_id is not None:
                find_utterance(session, project_id, utterance_id, hold=False)
            row = CommentRow(
                id=new_id(), project_id=project_id, language=language, utterance_id=utterance_id, at_ms=at_ms,
                answers_id=answers_id, actor=actor, text=text, mentions=list(mentions), created_at=now,
                edited_at=None, resolved_at=None, resolved_by="",
            )
            session.add(row)
            session.flush()
            return _to_comment(row)

    def edit(self, comment_id: str, text: str, mentions: Sequence[str]) -> Comment:
        """Another text; who may is the caller's to check."""
        with self._database.write() as session:
            row = _row(session, comment_id)
            if row.text != text:
                row.text, row.mentions, row.edited_at = text, list(mentions), utc_now()
            return _to_comment(row)

    def resolve(self, comment_id: str, resolved: bool, *, actor: str) -> Comment:
        """Close the thread that a comment is in, or open it again."""
        with self._database.write() as session:
            row = _row(session, comment_id)
            first = row if row.answers_id is None else _row(session, row.answers_id)
            _mark_thread(session, first, resolved, actor)
            return _to_comment(row)


def _row(session: Session, comment_id: str) -> CommentRow:
    row = session.get(CommentRow, comment_id)
    if row is None:
        raise UsageError(f"There is no comment {comment_id}.", "Reload the comments.")
    return row


def _mark_thread(session: Session, first: CommentRow, resolved: bool, actor: str) -> None:
    at = utc_now() if resolved else None
    for row in [first, *session.scalars(select(CommentRow).where(CommentRow.answers_id == first.id))]:
        if (row.resolved_at is not None) != resolved:
            row.resolved_at, row.resolved_by = at, actor if resolved else ""


def _to_comment(row: CommentRow) -> Comment:
    return Comment(
        id=row.id, project_id=row.project_id, language=row.language, utterance_id=row.utterance_id, at_ms=row.at_ms,
        answers_id=row.answers_id, actor=row.actor, text=row.text, mentions=tuple(row.mentions),
        created_at=row.created_at, edited_at=row.edited_at, resolved_at=row.resolved_at, resolved_by=row.resolved_by,
    )
