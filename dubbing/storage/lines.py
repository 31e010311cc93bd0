"""Lines as the review page shows them: utterance, translation, take and states, read in one go."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from dubbing.domain.project import Line, VoiceChoice, take_is_stale, translation_is_stale
from dubbing.domain.review import Layer, ReviewState
from dubbing.storage.mapping import to_take, to_translation, to_utterance
from dubbing.storage.projects import voices_of
from dubbing.storage.session import Database
from dubbing.storage.tables import ChosenTakeRow, ReviewRow, TakeRow, TranslationRow, UtteranceRow

#: SQLite takes at most 32,766 values in a statement, other databases less.
_MANY_IDS = 500


class Lines:
    """Reads live lines of a project in a target language, in the order in which they start."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, project_id: str, language: str, *, offset: int = 0, limit: int | None = None,
            speaker: str | None = None, search: str | None = None) -> list[Line]:
        """Lines from ``offset`` on, at most ``limit``; of one speaker, or with ``search`` in either text."""
        query = _joined(language).where(*_wanted(project_id, speaker, search))
        query = query.order_by(UtteranceRow.start_ms, UtteranceRow.end_ms, UtteranceRow.id).offset(offset)
        if limit is not None:
            query = query.limit(limit)
        with self._database.read() as session:
            return _read(session, project_id, language, query)

    def some(self, project_id: str, language: str, utterance_ids: Sequence[str]) -> dict[str, Line]:
        """The named lines by utterance id; ids of no live utterance are left out."""
        found: dict[str, Line] = {}
        with self._database.read() as session:
            for first in range(0, len(utterance_ids), _MANY_IDS):
                query = _joined(language).where(
                    *_wanted(project_id, None, None),
                    UtteranceRow.id.in_(utterance_ids[first:first + _MANY_IDS]),
                )
                found.update((line.utterance.id, line) for line in _read(session, project_id, language, query))
        return found

    def count(self, project_id: str, language: str, *, speaker: str | None = None,
              search: str | None = None) -> int:
        """How many lines ``all`` would give without ``offset`` and ``limit``."""
        query = _joined(language).where(*_wanted(project_id, speaker, search))
        with self._database.read() as session:
            return session.scalar(select(func.count()).select_from(query.subquery())) or 0


_Row = tuple[UtteranceRow, TranslationRow | None, TakeRow | None]


def _joined(language: str) -> Select[UtteranceRow, TranslationRow, TakeRow]:
    return (
        select(UtteranceRow, TranslationRow, TakeRow)
        .outerjoin(TranslationRow, and_(
            TranslationRow.project_id == UtteranceRow.project_id,
            TranslationRow.utterance_id == UtteranceRow.id,
            TranslationRow.language == language,
        ))
        .outerjoin(ChosenTakeRow, and_(
            ChosenTakeRow.project_id == UtteranceRow.project_id,
            ChosenTakeRow.utterance_id == UtteranceRow.id,
            ChosenTakeRow.language == language,
        ))
        .outerjoin(TakeRow, TakeRow.id == ChosenTakeRow.take_id)
    )


def _wanted(project_id: str, speaker: str | None, search: str | None) -> list[ColumnElement[bool]]:
    conditions = [UtteranceRow.project_id == project_id, UtteranceRow.deleted_at.is_(None)]
    if speaker is not None:
        conditions.append(UtteranceRow.speaker_id == speaker)
    if search:
        conditions.append(or_(
            UtteranceRow.text.icontains(search, autoescape=True),
            TranslationRow.text.icontains(search, autoescape=True),
        ))
    return conditions


def _read(session: Session, project_id: str, language: str,
          query: Select[UtteranceRow, TranslationRow, TakeRow]) -> list[Line]:
    voices = voices_of(session, project_id)
    states = _states(session, project_id, language)
    return [
        _line(row, voices.get(row[0].speaker_id, {}).get(language), states.get(row[0].id, {}))
        for row in session.execute(query).tuples()
    ]


def _states(session: Session, project_id: str, language: str) -> dict[str, dict[Layer, ReviewState]]:
    query = select(ReviewRow.utterance_id, ReviewRow.layer, ReviewRow.state).where(
        ReviewRow.project_id == project_id, ReviewRow.language.in_(("", language))
    )
    found: dict[str, dict[Layer, ReviewState]] = {}
    for utterance_id, layer, state in session.execute(query):
        found.setdefault(utterance_id, {})[Layer(layer)] = ReviewState(state)
    return found


def _line(row: _Row, assigned: VoiceChoice | None, states: dict[Layer, ReviewState]) -> Line:
    utterance = to_utterance(row[0])
    translation = None if row[1] is None else to_translation(row[1])
    take = None if row[2] is None else to_take(row[2], chosen=True)
    return Line(
        utterance=utterance,
        translation=translation,
        take=take,
        states={layer: states.get(layer, ReviewState.DRAFT) for layer in Layer},
        translation_is_stale=translation is not None and translation_is_stale(utterance, translation),
        take_is_stale=take is not None and take_is_stale(utterance, translation, take, assigned),
    )
