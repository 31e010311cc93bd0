"""Lines that come with a project: a person's subtitles or script, taken over in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from dubbing.domain.speech import SpokenLine
from dubbing.storage.history import note_edit
from dubbing.storage.projects import locked_project, new_speaker
from dubbing.storage.session import Database
from dubbing.storage.tables import SpeakerRow, TranslationRow, UtteranceRow
from dubbing.storage.translations import BY_PERSON
from dubbing.storage.utterances import add_row


class Imported:
    """Writes imported lines as a person's, so that no transcription replaces them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, project_id: str, lines: Sequence[SpokenLine], translations: Sequence[str], language: str, *,
            speakers: Mapping[str, str], actor: str) -> tuple[str, ...]:
        """New utterances for ``lines``, with ``translations`` (as many; "" for none) into ``language``.

        ``speakers`` has a name for each speaker id. Returns the utterances' ids. All are written, or none.
        """
        with self._database.write() as session:
            project = locked_project(session, project_id)
            _name_speakers(session, project_id, speakers)
            rows = [add_row(session, project, line, actor) for line in lines]
            session.flush()
            for row, translation in zip(rows, translations, strict=True):
                if translation and language:
                    session.add(_translation(row, language, translation))
                    note_edit(session, project_id, "translation", row.id, language=language, actor=actor, before=None,
                              after={"text": translation, "engine": BY_PERSON, "revision": 1, "source_revision": 1})
            return tuple(row.id for row in rows)

    def give_speakers(self, project_id: str, found: Mapping[str, str], placeholder: str) -> int:
        """Give utterances (by id) the speakers that were heard, where they still have ``placeholder``.

        It is the machine's doing and makes no line older than its take. Returns how many were changed.
        """
        with self._database.write() as session:
            locked_project(session, project_id)
            _name_speakers(session, project_id, {speaker: speaker for speaker in found.values()})
            rows = session.scalars(select(UtteranceRow).where(
                UtteranceRow.project_id == project_id, UtteranceRow.speaker_id == placeholder)).all()
            changed = [row for row in rows if row.id in found and found[row.id] != placeholder]
            for row in changed:
                row.speaker_id = found[row.id]
            session.flush()
            if len(changed) == len(rows) and (gone := session.get(SpeakerRow, (project_id, placeholder))) is not None:
                session.delete(gone)
            return len(changed)


def _translation(row: UtteranceRow, language: str, text: str) -> TranslationRow:
    return TranslationRow(project_id=row.project_id, utterance_id=row.id, language=language, text=text,
                          engine=BY_PERSON, revision=1, source_revision=1, edited_by_person=True,
                          updated_at=row.updated_at)


def _name_speakers(session: Session, project_id: str, names: Mapping[str, str]) -> None:
    known = set(session.scalars(select(SpeakerRow.id).where(SpeakerRow.project_id == project_id)))
    for speaker_id, name in names.items():
        if speaker_id not in known:
            row = new_speaker(project_id, speaker_id)
            row.name = name
            session.add(row)
    session.flush()
