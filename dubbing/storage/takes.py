"""Takes: every synthesis of a line is kept, one of them is heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from dubbing.domain.project import Take, new_id
from dubbing.domain.review import Layer, is_protected
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.history import note_edit
from dubbing.storage.mapping import to_take
from dubbing.storage.reviews import mark_edited, state_of
from dubbing.storage.session import Database
from dubbing.storage.tables import ChosenTakeRow, EditRow, TakeRow, UtteranceRow
from dubbing.storage.utterances import find_utterance


@dataclass(frozen=True, slots=True)
class HeardLine:
    """What decides whether a line's mouth is repainted; ``artifact_key`` is its take's, "" where it has none."""

    utterance_id: str
    speaker: str
    start_ms: int
    end_ms: int
    on_camera: bool | None
    artifact_key: str


class Takes:
    """Records takes and says which one is heard."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, project_id: str, utterance_id: str, language: str, *, artifact_key: str, text: str,
               text_revision: int, utterance_revision: int, engine: str, voice: str, tempo: float,
               duration_ms: int, details: Mapping[str, Any] | None = None, choose: bool = True,
               actor: str = "") -> Take:
        """Keep a take; with ``choose`` it is the one that is heard.

        A machine's take (``actor`` "") is kept but not chosen when the dub of the line is approved or
        locked and has a take. The same artifact recorded again is the same take, brought up to date.
        """
        with self._database.write() as session:
            utterance = find_utterance(session, project_id, utterance_id, hold=True)
            row = session.scalar(select(TakeRow).where(
                TakeRow.artifact_key == artifact_key, TakeRow.project_id == project_id,
                TakeRow.utterance_id == utterance_id, TakeRow.language == language,
            ))
            if row is None:
                row = TakeRow(id=new_id(), project_id=project_id, utterance_id=utterance.id, language=language,
                              artifact_key=artifact_key, created_at=utc_now())
                session.add(row)
            row.text, row.text_revision, row.utterance_revision = text, text_revision, utterance_revision
            row.engine, row.voice, row.tempo, row.duration_ms = engine, voice, tempo, duration_ms
            # The same sound may have a clip already.
            row.details = {**(row.details or {}), **(details or {})}
            session.flush()
            state = state_of(session, project_id, utterance_id, Layer.DUB, language)
            heard = session.get(ChosenTakeRow, (project_id, utterance_id, language))
            if choose and (actor or heard is None or not is_protected(state)):
                heard = _choose(session, row, heard, actor)
            return to_take(row, chosen=heard is not None and heard.take_id == row.id)

    def all(self, project_id: str, language: str, utterance_id: str | None = None) -> list[Take]:
        """Takes in a language, of one utterance or of all, oldest first."""
        query = select(TakeRow).where(TakeRow.project_id == project_id, TakeRow.language == language)
        if utterance_id is not None:
            query = query.where(TakeRow.utterance_id == utterance_id)
        with self._database.read() as session:
            chosen = set(chosen_ids(session, project_id, language).values())
            rows = session.scalars(query.order_by(TakeRow.utterance_id, TakeRow.created_at, TakeRow.id))
            return [to_take(row, chosen=row.id in chosen) for row in rows]

    def chosen(self, project_id: str, language: str) -> dict[str, Take]:
        """The takes that are heard, by utterance id."""
        return {take.utterance_id: take for take in self.all(project_id, language) if take.chosen}

    def heard(self, project_id: str, language: str) -> list[HeardLine]:
        """Every live line with the take that is heard there, in the order in which they start."""
        query = (
            select(UtteranceRow.id, UtteranceRow.speaker_id, UtteranceRow.start_ms, UtteranceRow.end_ms,
                   UtteranceRow.on_camera, TakeRow.artifact_key)
            .outerjoin(ChosenTakeRow, and_(
                ChosenTakeRow.project_id == UtteranceRow.project_id, ChosenTakeRow.utterance_id == UtteranceRow.id,
                ChosenTakeRow.language == language))
            .outerjoin(TakeRow, TakeRow.id == ChosenTakeRow.take_id)
            .where(UtteranceRow.project_id == project_id, UtteranceRow.deleted_at.is_(None))
            .order_by(UtteranceRow.start_ms, UtteranceRow.end_ms, UtteranceRow.id)
        )
        with self._database.read() as session:
            return [HeardLine(*row[:5], row[5] or "") for row in session.execute(query)]

    def choose(self, take_id: str, *, actor: str = "") -> Take:
        """Let this take be heard. Raises UsageError when there is none or the dub of its line is locked."""
        with self._database.write() as session:
            row = session.get(TakeRow, take_id)
            if row is None:
                raise UsageError(f"There is no take {take_id}.", "Reload the line.")
            find_utterance(session, row.project_id, row.utterance_id, hold=True)
            heard = session.get(ChosenTakeRow, (row.project_id, row.utterance_id, row.language))
            _choose(session, row, heard, actor)
            return to_take(row, chosen=True)

    def note(self, take_id: str, details: Mapping[str, Any]) -> None:
        """Add to a take's details; of a take that is gone nothing is noted."""
        with self._database.write() as session:
            row = session.get(TakeRow, take_id)
            if row is not None:
                row.details = {**row.details, **details}

    def chosen_by_people(self, project_id: str, language: str) -> set[str]:
        """Ids of the takes that are heard because a person said so."""
        query = select(EditRow.entity_id, EditRow.actor, EditRow.after).where(
            EditRow.project_id == project_id, EditRow.entity == "take", EditRow.language == language,
            EditRow.after.is_not(None),
        ).order_by(EditRow.id)
        last: dict[str, tuple[str, Any]] = {}
        with self._database.read() as session:
            for utterance_id, actor, after in session.execute(query):
                last[utterance_id] = (actor, after.get("take"))
            heard = chosen_ids(session, project_id, language)
        return {take for utterance_id, (actor, take) in last.items()
                if actor and take is not None and heard.get(utterance_id) == take}

    def get(self, take_id: str) -> Take:
        """Raises UsageError when there is no such take."""
        with self._database.read() as session:
            row = session.get(TakeRow, take_id)
            if row is None:
                raise UsageError(f"There is no take {take_id}.", "Reload the line.")
            heard = session.get(ChosenTakeRow, (row.project_id, row.utterance_id, row.language))
            return to_take(row, chosen=heard is not None and heard.take_id == take_id)

    def delete(self, take_id: str, *, actor: str = "") -> None:
        """Forget a take that is not heard; deleting one that is gone already does nothing."""
        with self._database.write() as session:
            row = session.get(TakeRow, take_id)
            if row is None:
                return
            heard = session.get(ChosenTakeRow, (row.project_id, row.utterance_id, row.language))
            if heard is not None and heard.take_id == take_id:
                raise UsageError("The take that is heard cannot be deleted.", "Choose another take first.")
            note_edit(session, row.project_id, "take", row.utterance_id, language=row.language, actor=actor,
                      before={"take": row.id, "text": row.text, "voice": row.voice}, after=None)
            session.delete(row)

    def artifact_keys(self) -> set[str]:
        """The artifacts that any take of any project needs: what a clean-up must keep."""
        with self._database.read() as session:
            return set(session.scalars(select(TakeRow.artifact_key)))


def chosen_ids(session: Session, project_id: str, language: str) -> dict[str, str]:
    """Ids of the takes that are heard, by utterance id."""
    query = select(ChosenTakeRow.utterance_id, ChosenTakeRow.take_id).where(
        ChosenTakeRow.project_id == project_id, ChosenTakeRow.language == language
    )
    return {utterance_id: take_id for utterance_id, take_id in session.execute(query)}


def _choose(session: Session, row: TakeRow, heard: ChosenTakeRow | None, actor: str) -> ChosenTakeRow:
    before = None if heard is None else heard.take_id
    if before == row.id and heard is not None:
        return heard
    mark_edited(session, row.project_id, row.utterance_id, Layer.DUB, row.language, actor)
    if heard is None:
        heard = ChosenTakeRow(project_id=row.project_id, utterance_id=row.utterance_id, language=row.language)
        session.add(heard)
    heard.take_id = row.id
    note_edit(session, row.project_id, "take", row.utterance_id, language=row.language, actor=actor,
              before={"take": before}, after={"take": row.id, "voice": row.voice, "engine": row.engine})
    return heard
