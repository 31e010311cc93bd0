"""Stage runs and exports: what was computed, how long it took, what came out."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select

from dubbing.domain.project import Export, RunStatus, StageRun, new_id
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.mapping import to_export, to_run
from dubbing.storage.session import Database
from dubbing.storage.tables import UtteranceRow
from dubbing.storage.tables_work import ExportRow, StageRunRow


class StageRuns:
    """Records attempts at stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, project_id: str, stage: str, *, artifact_key: str, engine: str = "", language: str = "",
              utterance_id: str = "", media_ms: int = 0) -> StageRun:
        """A new attempt that runs from now on; attempts at the same artifact are counted.

        ``media_ms`` is the length of media that the stage works on: what its pace is measured against.
        """
        with self._database.write(durable=False) as session:
            earlier = session.scalar(select(func.max(StageRunRow.attempt)).where(
                StageRunRow.artifact_key == artifact_key, StageRunRow.project_id == project_id,
                StageRunRow.stage == stage, StageRunRow.utterance_id == utterance_id,
            ))
            row = StageRunRow(
                id=new_id(), project_id=project_id, stage=stage, language=language, utterance_id=utterance_id,
                artifact_key=artifact_key, engine=engine, status=RunStatus.RUNNING.value,
                attempt=(earlier or 0) + 1, media_ms=media_ms, seconds=0.0, peak_memory_bytes=0, error="",
                started_at=utc_now(), finished_at=None,
            )
            session.add(row)
            return to_run(row)

    def finish(self, run_id: str, status: RunStatus, *, seconds: float, peak_memory_bytes: int = 0,
               error: str = "") -> StageRun:
        """Close an attempt; ``error`` is the sentence that a user was told."""
        with self._database.write(durable=False) as session:
            row = session.get(StageRunRow, run_id)
            if row is None:
                raise UsageError(f"There is no stage run {run_id}.", "Its project may have been removed.")
            row.status, row.seconds, row.peak_memory_bytes = status.value, seconds, peak_memory_bytes
            row.error, row.finished_at = error, utc_now()
            return to_run(row)

    def abandon(self, project_id: str) -> int:
        """Close as failed what a killed process left running in a project; returns how many there were."""
        query = select(StageRunRow).where(
            StageRunRow.project_id == project_id, StageRunRow.status == RunStatus.RUNNING.value
        )
        with self._database.write(durable=False) as session:
            rows = session.scalars(query).all()
            for row in rows:
                row.status, row.finished_at = RunStatus.FAILED.value, utc_now()
                row.error = "The process that ran this stage is gone."
            return len(rows)

    def all(self, project_id: str, *, stage: str | None = None, language: str | None = None,
            utterance_id: str | None = None, limit: int = 1000) -> list[StageRun]:
        """Attempts, newest first."""
        query = select(StageRunRow).where(StageRunRow.project_id == project_id)
        if stage is not None:
            query = query.where(StageRunRow.stage == stage)
        if language is not None:
            query = query.where(StageRunRow.language == language)
        if utterance_id is not None:
            query = query.where(StageRunRow.utterance_id == utterance_id)
        query = query.order_by(StageRunRow.started_at.desc(), StageRunRow.id.desc()).limit(limit)
        with self._database.read() as session:
            return [to_run(row) for row in session.scalars(query)]

    def pace(self, stage: str, engine: str | None = None, *, last: int = 50) -> float | None:
        """Median seconds a minute of media of the last finished runs, in all projects; None when there is none."""
        query = select(StageRunRow.seconds, StageRunRow.media_ms).where(
            StageRunRow.stage == stage, StageRunRow.status == RunStatus.DONE.value, StageRunRow.media_ms > 0
        )
        if engine is not None:
            query = query.where(StageRunRow.engine == engine)
        query = query.order_by(StageRunRow.started_at.desc()).limit(last)
        with self._database.read() as session:
            paces = [60_000 * seconds / media_ms for seconds, media_ms in session.execute(query)]
        return statistics.median(paces) if paces else None

    def costs(self, *, last: int = 1000) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
        """Of the last finished runs of all projects, by stage: seconds a millisecond of media for runs over a whole
        video, and seconds for runs over one line."""
        done = select(StageRunRow.stage, StageRunRow.seconds, StageRunRow.media_ms).where(
            StageRunRow.status == RunStatus.DONE.value).order_by(StageRunRow.started_at.desc()).limit(last)
        per_ms: dict[str, list[float]] = {}
        per_line: dict[str, list[float]] = {}
        with self._database.read() as session:
            for stage, seconds, media_ms in session.execute(done.where(StageRunRow.media_ms > 0)):
                per_ms.setdefault(stage, []).append(seconds / media_ms)
            for stage, seconds, _ in session.execute(done.where(StageRunRow.utterance_id != "")):
                per_line.setdefault(stage, []).append(seconds)
        return per_ms, per_line

    def lines_per_ms(self) -> float | None:
        """How many lines a millisecond of the videos transcribed so far holds; None before the first."""
        heard = select(StageRunRow.project_id, func.max(StageRunRow.media_ms).label("media_ms")).where(
            StageRunRow.stage == "transcribe", StageRunRow.status == RunStatus.DONE.value).group_by(
            StageRunRow.project_id).subquery()
        lines = select(func.count()).select_from(UtteranceRow).where(
            UtteranceRow.project_id.in_(select(heard.c.project_id)), UtteranceRow.deleted_at.is_(None))
        with self._database.read() as session:
            media_ms = session.scalar(select(func.sum(heard.c.media_ms))) or 0
            count = session.scalar(lines) or 0
        return count / media_ms if media_ms and count else None


class Exports:
    """Keeps the finished files of a project in mind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, project_id: str, language: str, path: Path | str, *, sha256: str, preset: str,
               revisions: Mapping[str, int], export_id: str = "", job_id: str = "", actor: str = "",
               size_bytes: int = 0, details: Mapping[str, Any] | None = None) -> Export:
        """Remember a finished file; ``revisions`` maps utterance ids to the translation revision in it.

        The same content at the same place for the same preset is the same export, and so is what is recorded under
        the same ``export_id``: it is brought up to date, not recorded again.
        """
        with self._database.write() as session:
            row = session.get(ExportRow, export_id) if export_id else session.scalar(select(ExportRow).where(
                ExportRow.project_id == project_id, ExportRow.language == language, ExportRow.preset == preset,
                ExportRow.sha256 == sha256, ExportRow.path == str(path)))
            if row is None:
                row = ExportRow(id=export_id or new_id(), project_id=project_id, language=language, preset=preset,
                                created_at=utc_now())
                session.add(row)
            row.path, row.sha256, row.revisions, row.size_bytes = str(path), sha256, dict(revisions), size_bytes
            row.job_id, row.actor, row.details = job_id, actor, dict(details or {})
            session.flush()
            return to_export(row)

    def get(self, export_id: str) -> Export:
        """Raises UsageError when there is no such export."""
        with self._database.read() as session:
            row = session.get(ExportRow, export_id)
            if row is None:
                raise UsageError(f"There is no export {export_id}.", "It may have been deleted.")
            return to_export(row)

    def remove(self, export_id: str) -> None:
        """Forget an export; its file is the caller's."""
        with self._database.write() as session:
            session.execute(delete(ExportRow).where(ExportRow.id == export_id))

    def all(self, project_id: str, language: str | None = None) -> list[Export]:
        """Exports, newest first."""
        query = select(ExportRow).where(ExportRow.project_id == project_id)
        if language is not None:
            query = query.where(ExportRow.language == language)
        with self._database.read() as session:
            rows = session.scalars(query.order_by(ExportRow.created_at.desc(), ExportRow.id.desc()))
            return [to_export(row) for row in rows]
