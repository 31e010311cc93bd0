"""Series: projects under one label, and the voices in which their speakers are heard."""

from __future__ import annotations

from sqlalchemy import and_, func, select

from dubbing.domain.project import VoiceChoice
from dubbing.storage.base import utc_now
from dubbing.storage.history import note_edit
from dubbing.storage.projects import locked_project
from dubbing.storage.session import Database
from dubbing.storage.tables import ChosenTakeRow, ProjectRow, TakeRow, UtteranceRow


class SeriesTable:
    """Reads and changes which series projects belong to. ``actor`` is the person's name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, project_id: str, series: str, *, actor: str = "") -> None:
        """Put a project into a series; "" takes it out."""
        with self._database.write() as session:
            row = locked_project(session, project_id)
            if row.series == series:
                return
            note_edit(session, project_id, "project", project_id, actor=actor, before={"series": row.series},
                      after={"series": series})
            row.series = series
            row.revision += 1
            row.updated_at = utc_now()

    def projects(self, series: str) -> list[str]:
        """Ids of the projects of a series that are not deleted, newest first; archived ones count."""
        query = select(ProjectRow.id).where(ProjectRow.series == series, ProjectRow.deleted_at.is_(None)).order_by(
            ProjectRow.created_at.desc(), ProjectRow.id.desc())
        with self._database.read() as session:
            return list(session.scalars(query)) if series else []

    def names(self) -> dict[str, list[str]]:
        """Every series with the ids of its projects, by name."""
        query = select(ProjectRow.series, ProjectRow.id).where(
            ProjectRow.series != "", ProjectRow.deleted_at.is_(None)).order_by(ProjectRow.series, ProjectRow.id)
        found: dict[str, list[str]] = {}
        with self._database.read() as session:
            for series, project_id in session.execute(query):
                found.setdefault(series, []).append(project_id)
        return found

    def heard(self, project_id: str) -> dict[str, dict[str, VoiceChoice]]:
        """The voice of most of a speaker's takes that are heard, with its engine: speaker id -> language -> voice."""
        query = (
            select(UtteranceRow.speaker_id, TakeRow.language, TakeRow.engine, TakeRow.voice, func.count())
            .join(ChosenTakeRow, and_(ChosenTakeRow.project_id == UtteranceRow.project_id,
                                      ChosenTakeRow.utterance_id == UtteranceRow.id))
            .join(TakeRow, TakeRow.id == ChosenTakeRow.take_id)
            .where(UtteranceRow.project_id == project_id, UtteranceRow.deleted_at.is_(None))
            .group_by(UtteranceRow.speaker_id, TakeRow.language, TakeRow.engine, TakeRow.voice)
            .order_by(func.count(), TakeRow.voice.desc())
        )
        found: dict[str, dict[str, VoiceChoice]] = {}
        with self._database.read() as session:
            # Later rows have more takes, and replace earlier ones.
            for speaker, language, engine, voice, _ in session.execute(query):
                found.setdefault(speaker, {})[language] = VoiceChoice(engine, voice)
        return found
