"""Translations: a person's optimistic saves, and a machine's, which give way to a person's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dubbing.domain.project import Translation
from dubbing.domain.review import Layer, is_protected
from dubbing.errors import ConflictError
from dubbing.storage.base import utc_now
from dubbing.storage.history import note_edit
from dubbing.storage.mapping import to_translation
from dubbing.storage.reviews import mark_edited, state_of
from dubbing.storage.session import Database
from dubbing.storage.tables import TranslationRow, UtteranceRow
from dubbing.storage.utterances import find_utterance

#: The engine's name under which a person's own text is kept.
BY_PERSON = "person"


class Translations:
    """The text of utterances in target languages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, project_id: str, language: str) -> dict[str, Translation]:
        """Translations into a language by utterance id, those of deleted utterances included."""
        query = select(TranslationRow).where(
            TranslationRow.project_id == project_id, TranslationRow.language == language
        )
        with self._database.read() as session:
            return {row.utterance_id: to_translation(row) for row in session.scalars(query)}

    def get(self, project_id: str, utterance_id: str, language: str) -> Translation | None:
        with self._database.read() as session:
            row = session.get(TranslationRow, (project_id, utterance_id, language))
            return None if row is None else to_translation(row)

    def save(self, project_id: str, utterance_id: str, language: str, text: str, expected_revision: int, *,
             actor: str, source_revision: int | None = None, engine: str = BY_PERSON) -> Translation:
        """Save a person's text on top of ``expected_revision``; 0 says that there was none.

        ``source_revision`` is the utterance's revision that the person saw (the present one when None);
        saving the same text again says that it fits that source. Raises ConflictError, with the
        translation as it stands in ``saved``, when the revision is no longer current; UsageError when
        the line is locked.
        """
        with self._database.write() as session:
            utterance = find_utterance(session, project_id, utterance_id, hold=True)
            row = session.get(TranslationRow, (project_id, utterance_id, language), with_for_update=True)
            if (0 if row is None else row.revision) != expected_revision:
                raise ConflictError(
                    f"Somebody else changed the {language} text of line {utterance_id} since you opened it.",
                    "Compare both texts, then save the one you want.",
                    saved=None if row is None else to_translation(row), attempted=text,
                )
            source = utterance.revision if source_revision is None else source_revision
            return to_translation(write_text(session, utterance, row, language, text, engine, source, actor))

    def save_machine(self, project_id: str, utterance_id: str, language: str, text: str, *, engine: str,
                     source_revision: int, details: Mapping[str, Any] | None = None) -> Translation:
        """Save a machine's text, unless a person edited or approved what is there.

        details: how it was come to; what is there stays when None. Returns the translation that stands now: compare
        its ``text`` to learn which one that is.
        """
        with self._database.write() as session:
            utterance = find_utterance(session, project_id, utterance_id, hold=True)
            row = session.get(TranslationRow, (project_id, utterance_id, language), with_for_update=True)
            state = state_of(session, project_id, utterance_id, Layer.TRANSLATION, language)
            if row is not None and (row.edited_by_person or is_protected(state)):
                return to_translation(row)
            row = write_text(session, utterance, row, language, text, engine, source_revision, "")
            if details is not None:
                row.details = dict(details)
            return to_translation(row)


def write_text(session: Session, utterance: UtteranceRow, row: TranslationRow | None, language: str, text: str,
           engine: str, source_revision: int, actor: str) -> TranslationRow:
    """Write a text and everything that goes with it: revision, review state, history."""
    before = None if row is None else told_text(row)
    if row is None:
        row = TranslationRow(
            project_id=utterance.project_id, utterance_id=utterance.id, language=language, text=text, engine=engine,
            revision=1, source_revision=source_revision, edited_by_person=bool(actor), updated_at=utc_now(),
        )
        session.add(row)
    if before is None or row.text != text:
        mark_edited(session, utterance.project_id, utterance.id, Layer.TRANSLATION, language, actor)
    else:
        state_of(session, utterance.project_id, utterance.id, Layer.TRANSLATION, language, must_be_editable=True)
    if before is not None:
        row.revision += row.text != text
        row.text, row.engine, row.source_revision = text, engine, source_revision
        row.edited_by_person = row.edited_by_person or bool(actor)
        row.updated_at = utc_now()
    note_edit(session, utterance.project_id, "translation", utterance.id, language=language, actor=actor,
              before=before, after=told_text(row))
    return row


def told_text(row: TranslationRow) -> dict[str, Any]:
    """What of a translation goes into its history."""
    return {"text": row.text, "engine": row.engine, "revision": row.revision, "source_revision": row.source_revision}
