"""Speakers as a cast: how much they say, in which voices they are heard, and merging and splitting them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.orm import Session

from dubbing.domain.casting import CAST, merged, parted
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.history import note_edit
from dubbing.storage.projects import locked_project, new_speaker
from dubbing.storage.session import Database
from dubbing.storage.tables import ChosenTakeRow, ProjectRow, SpeakerRow, TakeRow, UtteranceRow, VoiceRow
from dubbing.storage.tables_people import SpeakerConsentRow
from dubbing.storage.utterances import apply_values


class Casting:
    """Reads and changes who says what. ``actor`` is the person's name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def amounts(self, project_id: str) -> dict[str, tuple[int, int]]:
        """(live lines, their ms) by speaker id; speakers without lines are missing."""
        query = select(UtteranceRow.speaker_id, func.count(), func.sum(UtteranceRow.end_ms - UtteranceRow.start_ms)
                       ).where(UtteranceRow.project_id == project_id, UtteranceRow.deleted_at.is_(None)
                               ).group_by(UtteranceRow.speaker_id)
        with self._database.read() as session:
            return {speaker: (lines, int(ms or 0)) for speaker, lines, ms in session.execute(query)}

    def heard(self, project_id: str) -> dict[str, dict[str, str]]:
        """The voice of most of a speaker's takes that are heard: speaker id -> language -> voice."""
        query = (
            select(UtteranceRow.speaker_id, TakeRow.language, TakeRow.voice, func.count().label("takes"))
            .join(ChosenTakeRow, and_(ChosenTakeRow.project_id == UtteranceRow.project_id,
                                      ChosenTakeRow.utterance_id == UtteranceRow.id))
            .join(TakeRow, TakeRow.id == ChosenTakeRow.take_id)
            .where(UtteranceRow.project_id == project_id, UtteranceRow.deleted_at.is_(None))
            .group_by(UtteranceRow.speaker_id, TakeRow.language, TakeRow.voice)
            .order_by(func.count(), TakeRow.voice.desc())
        )
        found: dict[str, dict[str, str]] = {}
        with self._database.read() as session:
            # Later rows have more takes, and replace earlier ones.
            for speaker, language, voice, _ in session.execute(query):
                found.setdefault(speaker, {})[language] = voice
        return found

    def merge(self, project_id: str, into: str, other: str, *, actor: str) -> int:
        """Give all lines of ``other`` to ``into``, with voices and consents that ``into`` has none of; ``other`` is
        gone then. Returns the lines that moved. Raises UsageError when one is locked."""
        with self._database.write() as session:
            project = locked_project(session, project_id)
            if into == other:
                raise UsageError("A speaker cannot be merged with itself.", "Choose another one.")
            kept, gone = _found(session, project_id, into), _found(session, project_id, other)
            rows = _lines(session, project_id, other)
            for row in rows:
                _give(session, row, into, actor)
            _hand_over(session, project_id, other, into)
            _decide(project, merged(project.settings.get(CAST, ()), other, into), {other: into})
            note_edit(session, project_id, "speaker", other, actor=actor,
                      before={"name": gone.name, "character": gone.character, "merged_into": ""},
                      after={"name": gone.name, "character": gone.character, "merged_into": kept.id})
            session.flush()
            session.delete(gone)
            return sum(row.deleted_at is None for row in rows)

    def split(self, project_id: str, speaker_id: str, utterance_ids: Sequence[str], *, actor: str) -> str:
        """Give these lines of a speaker to a new one; returns its id. Raises UsageError when none is theirs."""
        with self._database.write() as session:
            project = locked_project(session, project_id)
            old = _found(session, project_id, speaker_id)
            rows = [row for row in _lines(session, project_id, speaker_id)
                    if row.id in set(utterance_ids) and row.deleted_at is None]
            if not rows:
                raise UsageError("None of these lines is this speaker's.", "Choose lines of the speaker.")
            new = _free_id(session, project_id, project.settings.get(CAST, ()))
            made = new_speaker(project_id, new)
            made.name = f"{old.name} 2"[:255]
            session.add(made)
            session.flush()
            for row in rows:
                _give(session, row, new, actor)
            spans = [(row.start_ms, row.end_ms) for row in rows]
            _decide(project, parted(project.settings.get(CAST, ()), speaker_id, new, spans), {})
            note_edit(session, project_id, "speaker", new, actor=actor, before=None,
                      after={"name": made.name, "character": "", "split_from": speaker_id})
            return new


def _found(session: Session, project_id: str, speaker_id: str) -> SpeakerRow:
    row = session.get(SpeakerRow, (project_id, speaker_id), with_for_update=True)
    if row is None:
        raise UsageError(f"There is no speaker {speaker_id} in this project.", "Reload the speakers.")
    return row


def _lines(session: Session, project_id: str, speaker_id: str) -> Sequence[UtteranceRow]:
    """All lines of a speaker, deleted ones too: they may come back."""
    return session.scalars(select(UtteranceRow).where(
        UtteranceRow.project_id == project_id, UtteranceRow.speaker_id == speaker_id).order_by(
        UtteranceRow.start_ms, UtteranceRow.id)).all()


def _give(session: Session, row: UtteranceRow, speaker_id: str, actor: str) -> None:
    if row.deleted_at is None:
        apply_values(session, row, {"speaker": speaker_id}, actor)
    else:
        row.speaker_id = speaker_id


def _hand_over(session: Session, project_id: str, other: str, into: str) -> None:
    """Voices and consents of ``other`` that ``into`` does not have."""
    for table, column in ((VoiceRow, VoiceRow.language), (SpeakerConsentRow, SpeakerConsentRow.consent_id)):
        own = select(column).where(table.project_id == project_id, table.speaker_id == into)
        session.execute(update(table).where(
            table.project_id == project_id, table.speaker_id == other, column.not_in(own)
        ).values(speaker_id=into), execution_options={"synchronize_session": False})
        session.execute(delete(table).where(table.project_id == project_id, table.speaker_id == other))


def _decide(project: ProjectRow, cast: list[dict[str, object]], renamed: dict[str, str]) -> None:
    """Keep the decisions, and let faces that were given to a speaker go along."""
    settings = {**project.settings, CAST: cast}
    faces = settings.get("faces", {})
    settings["faces"] = {key: {**said, "speaker": renamed.get(said.get("speaker"), said.get("speaker"))}
                         for key, said in faces.items()}
    if not faces:
        del settings["faces"]
    project.settings = settings
    project.updated_at = utc_now()


def _free_id(session: Session, project_id: str, cast: Sequence[dict[str, str]]) -> str:
    """An id that no speaker has, had, or may get from a recognizer."""
    known = set(session.scalars(select(SpeakerRow.id).where(SpeakerRow.project_id == project_id)))
    known |= {str(decision[end]) for decision in cast for end in ("from", "to")}
    return next(name for n in range(1, 100_000) if (name := f"P{n}") not in known)
