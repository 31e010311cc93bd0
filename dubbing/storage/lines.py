"""Lines as the review page shows them: utterance, translation, take and states, read in one go."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, func, or_, select
from sqlalchemy.orm import Session

from dubbing.domain.estimate import SpokenText
from dubbing.domain.lines import LineFacts, TimedLine
from dubbing.domain.project import Line, VoiceChoice, take_is_stale, translation_is_stale
from dubbing.domain.review import Layer, ReviewState
from dubbing.storage.base import Base
from dubbing.storage.mapping import to_take, to_translation, to_utterance
from dubbing.storage.projects import voices_of
from dubbing.storage.session import Database
from dubbing.storage.tables import ChosenTakeRow, ReviewRow, TakeRow, TranslationRow, UtteranceRow
from dubbing.storage.tables_people import CommentRow

#: SQLite takes at most 32,766 values in a statement, other databases less.
_MANY_IDS = 500
_SHIFT = re.compile(r"[+-]\d+(\.\d+)?st(\*\d+(\.\d+)?)?$")
_LAYERS = {layer.value: layer for layer in Layer}
_STATES = {state.value: state for state in ReviewState}
_NO_STATES: Mapping[Layer, ReviewState] = {}


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

    def some(self, project_id: str, language: str, utterance_ids: Sequence[str], *,
             deleted: bool = False) -> dict[str, Line]:
        """The named lines by utterance id; ids of no live utterance are left out, unless ``deleted``."""
        found: dict[str, Line] = {}
        with self._database.read() as session:
            for first in range(0, len(utterance_ids), _MANY_IDS):
                ids = utterance_ids[first:first + _MANY_IDS]
                query = _joined(language).where(UtteranceRow.project_id == project_id, UtteranceRow.id.in_(ids))
                if not deleted:
                    query = query.where(UtteranceRow.deleted_at.is_(None))
                lines = _read(session, project_id, language, query, ids)
                found.update((line.utterance.id, line) for line in lines)
        return found

    def times(self, project_id: str) -> list[TimedLine]:
        """Who speaks when: every live line, in the order in which they start."""
        with self._database.read() as session:
            return [TimedLine(*row) for row in session.execute(_times(project_id))]

    def facts(self, project_id: str, language: str) -> list[LineFacts]:
        """What is known of every live line without its words, in the order in which they start.

        Read as plain columns: thousands of lines in some ten milliseconds.
        """
        with self._database.read() as session:
            voices = {key: (choice.engine, choice.voice) for key, choices in voices_of(session, project_id).items()
                      if (choice := choices.get(language)) is not None}
            states = _states(session, project_id, language)
            talk = _open_comments(session, project_id, language)
            return [_facts(row, voices.get(row[1]), states.get(row[0], _NO_STATES), talk.get(row[0], 0))
                    for row in session.execute(_columns(project_id, language)).tuples()]

    def counts(self, project_id: str, language: str, utterance_ids: Sequence[str]) -> tuple[dict[str, int],
                                                                                            dict[str, int]]:
        """How many takes in ``language``, and how many open comments, each of a few lines has."""
        takes = select(TakeRow.utterance_id, func.count()).where(
            TakeRow.project_id == project_id, TakeRow.language == language, TakeRow.utterance_id.in_(utterance_ids)
        ).group_by(TakeRow.utterance_id)
        with self._database.read() as session:
            return ({key: count for key, count in session.execute(takes)},
                    _open_comments(session, project_id, language, utterance_ids))

    def spoken(self, project_id: str, language: str, *, newest: int = 300) -> dict[str, list[SpokenText]]:
        """What the newest takes say of their voices' paces, by "engine/voice"; a shift of a voice is left out."""
        query = (
            select(TakeRow.engine, TakeRow.voice, TakeRow.text, TakeRow.tempo, TakeRow.duration_ms)
            .where(TakeRow.project_id == project_id, TakeRow.language == language)
            .order_by(TakeRow.id.desc()).limit(newest)
        )
        found: dict[str, list[SpokenText]] = {}
        with self._database.read() as session:
            for engine, voice, text, tempo, duration_ms in session.execute(query):
                found.setdefault(_voice_key(engine, voice), []).append(SpokenText(text, tempo * duration_ms))
        return found

    def voices(self, project_id: str, language: str) -> dict[str, str]:
        """The voice, as "engine/voice", that speaks for each speaker: the assigned one, else that of the newest take
        that is heard; speakers without either are left out."""
        newest = (
            select(func.max(ChosenTakeRow.take_id).label("id"), UtteranceRow.speaker_id.label("speaker"))
            .join(UtteranceRow, (UtteranceRow.project_id == ChosenTakeRow.project_id)
                  & (UtteranceRow.id == ChosenTakeRow.utterance_id))
            .where(ChosenTakeRow.project_id == project_id, ChosenTakeRow.language == language)
            .group_by(UtteranceRow.speaker_id).subquery()
        )
        heard = select(newest.c.speaker, TakeRow.engine, TakeRow.voice).join(newest, TakeRow.id == newest.c.id)
        with self._database.read() as session:
            found = {speaker: _voice_key(engine, voice) for speaker, engine, voice in session.execute(heard)}
            for speaker, choices in voices_of(session, project_id).items():
                if language in choices:
                    found[speaker] = _voice_key(choices[language].engine, choices[language].voice)
            return found

    def count(self, project_id: str, language: str, *, speaker: str | None = None,
              search: str | None = None) -> int:
        """How many lines ``all`` would give without ``offset`` and ``limit``."""
        query = _joined(language).where(*_wanted(project_id, speaker, search))
        with self._database.read() as session:
            return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def _voice_key(engine: str, voice: str) -> str:
    """A voice has one pace, however its pitch is shifted ("jm_kumo+2.0st*1.04")."""
    return f"{engine}/{_SHIFT.sub('', voice)}"


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
          query: Select[UtteranceRow, TranslationRow, TakeRow],
          utterance_ids: Sequence[str] | None = None) -> list[Line]:
    voices = voices_of(session, project_id)
    states = _states(session, project_id, language, utterance_ids)
    return [
        _line(row, voices.get(row[0].speaker_id, {}).get(language), states.get(row[0].id, {}))
        for row in session.execute(query).tuples()
    ]


def _times(project_id: str) -> Select[Any]:
    line = _table(UtteranceRow).c
    return select(line.id, line.speaker_id, line.start_ms, line.end_ms).where(
        line.project_id == project_id, line.deleted_at.is_(None)).order_by(line.start_ms, line.end_ms, line.id)


def _columns(project_id: str, language: str) -> Select[Any]:
    """What ``_facts`` unpacks, of every live line: columns of tables, which come faster than objects."""
    lines, texts, heard, takes = (_table(row) for row in (UtteranceRow, TranslationRow, ChosenTakeRow, TakeRow))
    line, text, take = lines.c, texts.c, takes.c
    return select(
        line.id, line.speaker_id, line.start_ms, line.end_ms, line.text, line.confidence, line.edited_by_person,
        line.text_revision, line.cast_revision, text.text, text.revision, text.source_revision,
        take.text_revision, take.utterance_revision, take.engine, take.voice, take.tempo,
    ).select_from(
        lines
        .outerjoin(texts, and_(text.project_id == line.project_id, text.utterance_id == line.id,
                               text.language == language))
        .outerjoin(heard, and_(heard.c.project_id == line.project_id, heard.c.utterance_id == line.id,
                               heard.c.language == language))
        .outerjoin(takes, take.id == heard.c.take_id)
    ).where(line.project_id == project_id, line.deleted_at.is_(None)).order_by(line.start_ms, line.end_ms, line.id)


def _table(row: type[Base]) -> Table:
    assert isinstance(row.__table__, Table)
    return row.__table__


def _facts(row: Sequence[Any], assigned: tuple[str, str] | None, states: Mapping[Layer, ReviewState],
           talk: int) -> LineFacts:
    """The same answers as ``take_is_stale`` and ``translation_is_stale`` of the domain, from columns alone."""
    (key, speaker, start_ms, end_ms, text, confidence, edited, text_revision, cast_revision, target, translation,
     source_revision, spoken_text, spoken_cast, engine, voice, tempo) = row
    has_text, has_take = translation is not None, tempo is not None
    return LineFacts(
        key, speaker, start_ms, end_ms, text, confidence, edited, target,
        has_text and source_revision < text_revision,
        has_take and ((has_text and spoken_text < translation) or spoken_cast < cast_revision
                      or (assigned is not None and assigned != (engine, voice))),
        tempo, states, talk)


def _open_comments(session: Session, project_id: str, language: str,
                   utterance_ids: Collection[str] | None = None) -> dict[str, int]:
    """Unresolved comments by line: those about its language, and those about all languages."""
    query = select(CommentRow.utterance_id, func.count()).where(
        CommentRow.project_id == project_id, CommentRow.resolved_at.is_(None), CommentRow.utterance_id.is_not(None),
        CommentRow.answers_id.is_(None), CommentRow.language.in_(("", language)),
    ).group_by(CommentRow.utterance_id)
    if utterance_ids is not None:
        query = query.where(CommentRow.utterance_id.in_(utterance_ids))
    return {key: count for key, count in session.execute(query) if key is not None}


def _states(session: Session, project_id: str, language: str,
            utterance_ids: Sequence[str] | None = None) -> dict[str, dict[Layer, ReviewState]]:
    query = select(ReviewRow.utterance_id, ReviewRow.layer, ReviewRow.state).where(
        ReviewRow.project_id == project_id, ReviewRow.language.in_(("", language))
    )
    if utterance_ids is not None:
        query = query.where(ReviewRow.utterance_id.in_(utterance_ids))
    found: dict[str, dict[Layer, ReviewState]] = {}
    for utterance_id, layer, state in session.execute(query).tuples():
        found.setdefault(utterance_id, {})[_LAYERS[layer]] = _STATES[state]
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
