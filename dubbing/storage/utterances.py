"""Utterances: reading, optimistic saves, imports that respect a person's edits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dubbing.domain.project import UNCHANGED, ImportResult, Unchanged, Utterance
from dubbing.domain.review import Layer
from dubbing.domain.speech import SpokenLine
from dubbing.errors import ConflictError, UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.history import note_edit
from dubbing.storage.importing import match_lines
from dubbing.storage.mapping import to_utterance, words_to_json
from dubbing.storage.projects import locked_project, new_speaker
from dubbing.storage.reviews import mark_edited, protected_utterances, state_of
from dubbing.storage.session import Database
from dubbing.storage.tables import ProjectRow, SpeakerRow, TranslationRow, UtteranceRow

#: Where a value of an utterance has another name than its column.
_COLUMNS = {"speaker": "speaker_id"}


def find_utterance(session: Session, project_id: str, utterance_id: str, *, hold: bool) -> UtteranceRow:
    """The utterance's row, with ``hold`` kept from others until the transaction ends. Raises UsageError."""
    row = session.get(UtteranceRow, (project_id, utterance_id), with_for_update=True if hold else None)
    if row is None:
        raise UsageError(f"There is no utterance {utterance_id} in this project.", "Reload the list of lines.")
    return row


class Utterances:
    """The lines of a project as they were said. ``actor`` is the person's name, "" when a machine acts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, project_id: str, *, deleted: bool = False) -> list[Utterance]:
        """Utterances in the order in which they start; deleted ones only when asked for."""
        query = (
            select(UtteranceRow)
            .where(UtteranceRow.project_id == project_id)
            .order_by(UtteranceRow.start_ms, UtteranceRow.end_ms, UtteranceRow.id)
        )
        if not deleted:
            query = query.where(UtteranceRow.deleted_at.is_(None))
        with self._database.read() as session:
            return [to_utterance(row) for row in session.scalars(query)]

    def get(self, project_id: str, utterance_id: str) -> Utterance:
        """Raises UsageError when there is no such utterance."""
        with self._database.read() as session:
            return to_utterance(find_utterance(session, project_id, utterance_id, hold=False))

    def add(self, project_id: str, line: SpokenLine, *, actor: str = "") -> Utterance:
        """A new utterance; an unknown speaker is created."""
        with self._database.write() as session:
            project = locked_project(session, project_id)
            ensure_speakers(session, project_id, [line.speaker])
            return to_utterance(add_row(session, project, line, actor))

    def import_lines(self, project_id: str, lines: Sequence[SpokenLine], *, actor: str = "") -> ImportResult:
        """Take over a transcription without touching what a person did.

        An utterance that a person edited (itself, a translation of it, or by approving it) stays, and a
        new line that covers the same time is skipped. Other utterances take the text of the line that
        covers their time and keep their id, or are marked deleted when no line does.
        """
        with self._database.write() as session:
            project = locked_project(session, project_id)
            rows = {row.id: row for row in session.scalars(
                select(UtteranceRow).where(UtteranceRow.project_id == project_id, UtteranceRow.deleted_at.is_(None))
            )}
            kept = _touched_by_person(session, project_id, rows)
            plan = match_lines([to_utterance(row) for row in rows.values()], kept, lines)
            heard = [line.speaker for _, line in plan.updated] + [line.speaker for line in plan.added]
            ensure_speakers(session, project_id, heard)
            # What is approved or locked is kept, so no review state stands in the way of what follows.
            for utterance_id, line in plan.updated:
                values = {"text": line.text, "speaker": line.speaker, "start_ms": line.start_ms, "end_ms": line.end_ms}
                _change(session, rows[utterance_id], values, actor)
                rows[utterance_id].words = words_to_json(line.words)
                rows[utterance_id].confidence = _clamped(line.confidence)
            for utterance_id in plan.removed:
                _mark_deleted(session, rows[utterance_id], utc_now(), actor)
            added = [add_row(session, project, line, actor).id for line in plan.added]
        return ImportResult(
            added=tuple(added), updated=tuple(key for key, _ in plan.updated), unchanged=plan.unchanged,
            kept=tuple(sorted(kept)), removed=plan.removed, skipped=tuple(line.text for line in plan.skipped),
        )

    def update(self, project_id: str, utterance_id: str, expected_revision: int, *, text: str | None = None,
               speaker: str | None = None, start_ms: int | None = None, end_ms: int | None = None,
               on_camera: bool | None | Unchanged = UNCHANGED, actor: str = "") -> Utterance:
        """Save what is given on top of ``expected_revision``; None leaves a field as it is.

        ``on_camera`` None hands the decision back to the face tracker. Raises ConflictError, with the
        utterance as it stands in ``saved``, when the revision is no longer current; UsageError when the
        transcript of the line is locked, or the times are impossible.
        """
        given = {"text": text, "speaker": speaker, "start_ms": start_ms, "end_ms": end_ms}
        values: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        if not isinstance(on_camera, Unchanged):
            values["on_camera"] = on_camera
        with self._database.write() as session:
            row = find_utterance(session, project_id, utterance_id, hold=True)
            check_revision(row, expected_revision, values)
            if speaker is not None:
                ensure_speakers(session, project_id, [speaker])
            apply_values(session, row, values, actor)
            return to_utterance(row)

    def delete(self, project_id: str, utterance_id: str, expected_revision: int, *, deleted: bool = True,
               actor: str = "") -> Utterance:
        """Mark an utterance as deleted, or take it back; its translations and takes stay with it."""
        with self._database.write() as session:
            row = find_utterance(session, project_id, utterance_id, hold=True)
            check_revision(row, expected_revision, {"deleted": deleted})
            delete_row(session, row, utc_now() if deleted else None, actor)
            return to_utterance(row)


def check_revision(row: UtteranceRow, expected: int, attempted: dict[str, Any]) -> None:
    """Raises ConflictError when the row is not at the revision that the caller saw."""
    if row.revision != expected:
        raise ConflictError(
            f"Somebody else changed line {row.id} since you opened it.",
            "Compare both versions, then save the one you want.",
            saved=to_utterance(row), attempted=attempted,
        )


def apply_values(session: Session, row: UtteranceRow, values: dict[str, Any], actor: str) -> None:
    """Change a held row as its review allows: a locked one not, an approved one to be reviewed again."""
    if all(getattr(row, _COLUMNS.get(name, name)) == value for name, value in values.items()):
        return
    if values.get("text", row.text) != row.text:
        mark_edited(session, row.project_id, row.id, Layer.TRANSCRIPT, "", actor)
    elif values.keys() != {"on_camera"}:  # which says nothing about the transcript
        state_of(session, row.project_id, row.id, Layer.TRANSCRIPT, "", must_be_editable=True)
    _change(session, row, values, actor)


def _change(session: Session, row: UtteranceRow, values: dict[str, Any], actor: str) -> None:
    """Change a held row and what goes with a change whatever its review says: revisions and history."""
    before = to_utterance(row)
    after = dataclasses.replace(before, **values)
    if after == before:
        return
    if not 0 <= after.start_ms < after.end_ms:
        raise UsageError("A line must end after it starts, and not start before the video.", "Check its times.")
    row.revision += 1
    if after.text != before.text:
        row.text_revision = row.revision
    if (after.speaker, after.start_ms, after.end_ms) != (before.speaker, before.start_ms, before.end_ms):
        row.cast_revision = row.revision
    row.text, row.speaker_id, row.on_camera = after.text, after.speaker, after.on_camera
    row.start_ms, row.end_ms = after.start_ms, after.end_ms
    row.edited_by_person = row.edited_by_person or bool(actor)
    row.updated_at = utc_now()
    note_edit(session, row.project_id, "utterance", row.id, actor=actor,
              before=_told(before), after=_told(dataclasses.replace(after, revision=row.revision)))


def add_row(session: Session, project: ProjectRow, line: SpokenLine, actor: str) -> UtteranceRow:
    """A new utterance of a held project, under the next free id; its speaker must be known."""
    if not 0 <= line.start_ms < line.end_ms:
        raise UsageError("A line must end after it starts, and not start before the video.", "Check its times.")
    project.utterances_made += 1
    row = UtteranceRow(
        project_id=project.id, id=f"u{project.utterances_made:04d}", speaker_id=line.speaker,
        start_ms=line.start_ms, end_ms=line.end_ms, text=line.text, words=words_to_json(line.words),
        confidence=_clamped(line.confidence), on_camera=None, revision=1, text_revision=1,
        cast_revision=1, edited_by_person=bool(actor), updated_at=utc_now(), deleted_at=None,
    )
    session.add(row)
    note_edit(session, project.id, "utterance", row.id, actor=actor, before=None, after=_told(to_utterance(row)))
    return row


def delete_row(session: Session, row: UtteranceRow, at: datetime | None, actor: str) -> None:
    """Mark a held row as deleted at a time, or as there again. Raises UsageError when its transcript is locked."""
    state_of(session, row.project_id, row.id, Layer.TRANSCRIPT, "", must_be_editable=True)
    _mark_deleted(session, row, at, actor)


def _mark_deleted(session: Session, row: UtteranceRow, at: datetime | None, actor: str) -> None:
    before = row.deleted_at is not None
    row.deleted_at = at
    row.revision += 1
    row.edited_by_person = row.edited_by_person or bool(actor)
    row.updated_at = utc_now()
    note_edit(session, row.project_id, "utterance", row.id, actor=actor,
              before={"deleted": before}, after={"deleted": at is not None})


def ensure_speakers(session: Session, project_id: str, speaker_ids: Iterable[str]) -> None:
    """Create the speakers that nobody has heard of yet."""
    known = set(session.scalars(select(SpeakerRow.id).where(SpeakerRow.project_id == project_id)))
    session.add_all(new_speaker(project_id, one) for one in dict.fromkeys(speaker_ids) if one not in known)
    session.flush()


def _clamped(confidence: float) -> float:
    return min(max(confidence, 0.0), 1.0)


def _touched_by_person(session: Session, project_id: str, rows: dict[str, UtteranceRow]) -> set[str]:
    edited = {key for key, row in rows.items() if row.edited_by_person}
    translated = session.scalars(
        select(TranslationRow.utterance_id).where(
            TranslationRow.project_id == project_id, TranslationRow.edited_by_person.is_(True)
        )
    )
    return (edited | set(translated) | protected_utterances(session, project_id)) & rows.keys()


def _told(utterance: Utterance) -> dict[str, Any]:
    """What of an utterance goes into its history."""
    names = ("text", "speaker", "start_ms", "end_ms", "on_camera", "revision")
    return {name: getattr(utterance, name) for name in names}
