"""Glossary entries, forbidden words and pronunciations: of one project, or (without a project) of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from dubbing.domain.project import new_id
from dubbing.domain.workspace import ForbiddenTerm, Pronunciation, Term
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.session import Database
from dubbing.storage.tables_people import ForbiddenTermRow, PronunciationRow, TermRow

_AnyRow = TermRow | ForbiddenTermRow | PronunciationRow
_Row = TypeVar("_Row", TermRow, ForbiddenTermRow, PronunciationRow)


class Terms:
    """What a team has agreed about words. An ``id`` of "" makes a new entry; a known one changes it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, project_id: str | None, *, source_language: str = "", target_language: str = "") -> list[Term]:
        """Entries of a project and those that hold everywhere, by their source; of one language pair when given."""
        query = select(TermRow).where(_holds(TermRow.project_id, project_id)).order_by(TermRow.source, TermRow.id)
        if source_language:
            query = query.where(TermRow.source_language == source_language)
        if target_language:
            query = query.where(TermRow.target_language == target_language)
        with self._database.read() as session:
            return [_to_term(row) for row in session.scalars(query)]

    def save(self, terms: Sequence[Term], *, actor: str) -> list[Term]:
        """Save entries, all or none. Raises UsageError when one that was to be changed is gone."""
        with self._database.write() as session:
            rows = []
            for term in terms:
                row = _row(session, TermRow, term.id)
                _set(row, project_id=term.project_id, source_language=term.source_language,
                     target_language=term.target_language, source=term.source, target=term.target,
                     case_sensitive=term.case_sensitive, note=term.note, actor=actor, updated_at=utc_now())
                rows.append(row)
            return [_to_term(row) for row in rows]

    def get(self, term_id: str) -> Term:
        """Raises UsageError when there is no such entry."""
        with self._database.read() as session:
            return _to_term(_row(session, TermRow, term_id))

    def delete(self, term_id: str) -> None:
        self._delete(TermRow, term_id)

    def forbidden(self, project_id: str | None, *, language: str = "") -> list[ForbiddenTerm]:
        """Words that must not be written, of a project and everywhere."""
        query = (select(ForbiddenTermRow).where(_holds(ForbiddenTermRow.project_id, project_id))
                 .order_by(ForbiddenTermRow.term, ForbiddenTermRow.id))
        if language:
            query = query.where(ForbiddenTermRow.language == language)
        with self._database.read() as session:
            return [_to_forbidden(row) for row in session.scalars(query)]

    def save_forbidden(self, term: ForbiddenTerm) -> ForbiddenTerm:
        with self._database.write() as session:
            row = _row(session, ForbiddenTermRow, term.id)
            _set(row, project_id=term.project_id, language=term.language, term=term.term, instead=term.instead,
                 note=term.note, updated_at=utc_now())
            return _to_forbidden(row)

    def get_forbidden(self, term_id: str) -> ForbiddenTerm:
        """Raises UsageError when there is no such entry."""
        with self._database.read() as session:
            return _to_forbidden(_row(session, ForbiddenTermRow, term_id))

    def delete_forbidden(self, term_id: str) -> None:
        self._delete(ForbiddenTermRow, term_id)

    def pronunciations(self, project_id: str | None, *, language: str = "") -> list[Pronunciation]:
        """How words are spoken, in a project and everywhere; a project's own come last, so that they win."""
        query = (select(PronunciationRow).where(_holds(PronunciationRow.project_id, project_id))
                 .order_by(PronunciationRow.project_id.is_not(None), PronunciationRow.word, PronunciationRow.id))
        if language:
            query = query.where(PronunciationRow.language == language)
        with self._database.read() as session:
            return [_to_pronunciation(row) for row in session.scalars(query)]

    def save_pronunciation(self, entry: Pronunciation) -> Pronunciation:
        with self._database.write() as session:
            row = _row(session, PronunciationRow, entry.id)
            _set(row, project_id=entry.project_id, language=entry.language, word=entry.word, ipa=entry.ipa,
                 spelling=entry.spelling, updated_at=utc_now())
            return _to_pronunciation(row)

    def get_pronunciation(self, entry_id: str) -> Pronunciation:
        """Raises UsageError when there is no such entry."""
        with self._database.read() as session:
            return _to_pronunciation(_row(session, PronunciationRow, entry_id))

    def delete_pronunciation(self, entry_id: str) -> None:
        self._delete(PronunciationRow, entry_id)

    def _delete(self, kind: type[_AnyRow], entry_id: str) -> None:
        """Forget an entry; one that is gone already is no error."""
        with self._database.write() as session:
            row = session.get(kind, entry_id)
            if row is not None:
                session.delete(row)


def _holds(column: InstrumentedAttribute[str | None], project_id: str | None) -> ColumnElement[bool]:
    return column.is_(None) if project_id is None else or_(column.is_(None), column == project_id)


def _row(session: Session, kind: type[_Row], entry_id: str) -> _Row:
    """The entry's row, a new one for "". Raises UsageError when a named one is gone."""
    if not entry_id:
        row = kind(id=new_id())
        session.add(row)
        return row
    found = session.get(kind, entry_id)
    if found is None:
        raise UsageError("This entry is not there any more.", "Reload the list.")
    return found


def _set(row: _AnyRow, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _to_term(row: TermRow) -> Term:
    return Term(row.id, row.project_id, row.source_language, row.target_language, row.source, row.target,
                row.case_sensitive, row.note)


def _to_forbidden(row: ForbiddenTermRow) -> ForbiddenTerm:
    return ForbiddenTerm(row.id, row.project_id, row.language, row.term, row.instead, row.note)


def _to_pronunciation(row: PronunciationRow) -> Pronunciation:
    return Pronunciation(row.id, row.project_id, row.language, row.word, row.ipa, row.spelling)
