"""Which stored results belong to which project: what a purge may remove and a clean-up must keep."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from dubbing.storage.session import Database
from dubbing.storage.tables import TakeRow
from dubbing.storage.tables_work import StageRunRow


class UsedArtifacts:
    """Keys of artifacts, as stage runs and takes name them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, project_id: str, *, languages: Collection[str] | None = None) -> set[str]:
        """What a project made or plays; with ``languages`` only for those ("": what belongs to none)."""
        runs = select(StageRunRow.artifact_key).where(StageRunRow.project_id == project_id)
        takes = select(TakeRow.artifact_key).where(TakeRow.project_id == project_id)
        if languages is not None:
            runs = runs.where(StageRunRow.language.in_(languages))
            takes = takes.where(TakeRow.language.in_(languages))
        return self._keys(runs, takes)

    def of_others(self, project_id: str) -> set[str]:
        """What all projects but this one made or play."""
        return self._keys(select(StageRunRow.artifact_key).where(StageRunRow.project_id != project_id),
                          select(TakeRow.artifact_key).where(TakeRow.project_id != project_id))

    def all(self) -> set[str]:
        """What any project made or plays."""
        return self._keys(select(StageRunRow.artifact_key), select(TakeRow.artifact_key))

    def superseded(self, before: datetime) -> set[str]:
        """Results of runs that ended before ``before`` and were followed by two newer ones of the same thing.

        Two, because an edit that is taken back finds the older result again. Takes are never among them.
        """
        query = select(StageRunRow.project_id, StageRunRow.stage, StageRunRow.language, StageRunRow.utterance_id,
                       StageRunRow.artifact_key, StageRunRow.finished_at).order_by(StageRunRow.started_at.desc())
        newer: dict[tuple[str, ...], set[str]] = {}
        old: set[str] = set()
        kept: set[str] = set()
        with self._database.read() as session:
            for *thing, key, finished_at in session.execute(query):
                seen = newer.setdefault(tuple(thing), set())
                is_old = len(seen - {key}) >= 2 and finished_at is not None and finished_at < before
                (old if is_old and key not in seen else kept).add(key)
                seen.add(key)
            kept |= set(session.scalars(select(TakeRow.artifact_key)))
        return old - kept

    def _keys(self, *queries: object) -> set[str]:
        with self._database.read() as session:
            return {key for query in queries for key in session.scalars(query) if key}  # type: ignore[call-overload]
