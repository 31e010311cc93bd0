"""Projects, their target languages, speakers and assigned voices."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dubbing.domain.project import Project, Speaker, VoiceChoice, new_id
from dubbing.errors import ConflictError, UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.history import note_edit
from dubbing.storage.mapping import to_project, to_speaker
from dubbing.storage.session import Database
from dubbing.storage.tables import ProjectRow, SpeakerRow, TargetRow, VoiceRow


def locked_project(session: Session, project_id: str) -> ProjectRow:
    """The project's row, held until the transaction ends. Raises UsageError when there is none."""
    row = session.get(ProjectRow, project_id, with_for_update=True)
    if row is None:
        raise UsageError(f"There is no project {project_id}.", "List the projects to see their ids.")
    return row


def targets_of(session: Session, project_ids: Iterable[str]) -> dict[str, list[str]]:
    """Target languages by project id, in the order in which they were added."""
    found: dict[str, list[str]] = {project_id: [] for project_id in project_ids}
    query = select(TargetRow).where(TargetRow.project_id.in_(found)).order_by(TargetRow.added_at, TargetRow.language)
    for row in session.scalars(query):
        found[row.project_id].append(row.language)
    return found


class Projects:
    """Creates, finds and changes projects. ``actor`` is the person's name, "" when a machine acts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, source_path: Path | str, *, source_sha256: str, media: Mapping[str, Any],
               source_language: str | None = None, targets: Sequence[str] = (),
               settings: Mapping[str, Any] | None = None, project_id: str = "", actor: str = "") -> Project:
        """A new project; ``media`` is what probing the video said, ``project_id`` a new id made beforehand."""
        if not name.strip():
            raise UsageError("A project needs a name.", "Give it one, for example the title of the video.")
        now = utc_now()
        row = ProjectRow(
            id=project_id or new_id(), name=name.strip(), source_path=str(source_path), source_sha256=source_sha256,
            media=dict(media), source_language=source_language, settings=dict(settings or {}),
            utterances_made=0, revision=1, created_at=now, updated_at=now,
        )
        with self._database.write() as session:
            session.add(row)
            session.flush()
            self._set_targets(session, row.id, targets)
            project = to_project(row, tuple(dict.fromkeys(targets)))
            note_edit(session, row.id, "project", row.id, actor=actor, before=None,
                      after={"name": row.name, "source_path": row.source_path, "targets": list(project.targets)})
        return project

    def get(self, project_id: str) -> Project:
        """Raises UsageError when there is no such project; a deleted one is still found by its id."""
        with self._database.read() as session:
            row = session.get(ProjectRow, project_id)
            if row is None:
                raise UsageError(f"There is no project {project_id}.", "List the projects to see their ids.")
            return to_project(row, targets_of(session, [project_id])[project_id])

    def all(self, *, archived: bool = False, deleted: bool = False) -> list[Project]:
        """Projects, newest first; archived and deleted ones only when asked for."""
        query = select(ProjectRow).order_by(ProjectRow.created_at.desc(), ProjectRow.id.desc())
        if not archived:
            query = query.where(ProjectRow.archived_at.is_(None))
        if not deleted:
            query = query.where(ProjectRow.deleted_at.is_(None))
        with self._database.read() as session:
            rows = session.scalars(query).all()
            targets = targets_of(session, [row.id for row in rows])
            return [to_project(row, targets[row.id]) for row in rows]

    def update(self, project_id: str, expected_revision: int | None = None, *, name: str | None = None,
               source_language: str | None = None, targets: Sequence[str] | None = None,
               settings: Mapping[str, Any] | None = None, source_path: Path | str | None = None,
               media: Mapping[str, Any] | None = None, actor: str = "") -> Project:
        """Change what is given; None leaves a field as it is.

        Taking a target away keeps its translations and takes: they are back when the target is.
        Raises ConflictError when ``expected_revision`` is given and no longer current.
        """
        given = {"name": name, "source_language": source_language, "settings": settings, "media": media,
                 "source_path": None if source_path is None else str(source_path)}
        values = {key: value for key, value in given.items() if value is not None}
        with self._database.write() as session:
            row = locked_project(session, project_id)
            before = to_project(row, targets_of(session, [project_id])[project_id])
            if expected_revision is not None and row.revision != expected_revision:
                raise ConflictError("Somebody else changed the project since you opened it.",
                                    "Look at the new settings, then save yours again.",
                                    saved=before, attempted={**values, "targets": targets})
            for key, value in values.items():
                setattr(row, key, dict(value) if isinstance(value, Mapping) else value)
            if targets is not None:
                self._set_targets(session, project_id, targets)
            row.revision += 1
            row.updated_at = utc_now()
            session.flush()
            after = to_project(row, targets_of(session, [project_id])[project_id])
            note_edit(session, project_id, "project", project_id, actor=actor,
                      before=_told(before), after=_told(after))
        return after

    def archive(self, project_id: str, archived: bool = True, *, actor: str = "") -> None:
        """Put a project out of sight, or back."""
        self._mark(project_id, "archived_at", archived, actor)

    def delete(self, project_id: str, deleted: bool = True, *, actor: str = "") -> None:
        """Mark a project as deleted, or take it back; ``purge`` is what removes it."""
        self._mark(project_id, "deleted_at", deleted, actor)

    def purge(self, project_id: str) -> None:
        """Remove a project and everything that belongs to it for good; its files are the caller's."""
        with self._database.write() as session:
            session.execute(delete(ProjectRow).where(ProjectRow.id == project_id))

    def _mark(self, project_id: str, column: str, marked: bool, actor: str) -> None:
        with self._database.write() as session:
            row = locked_project(session, project_id)
            before = getattr(row, column)
            if (before is not None) == marked:
                return
            setattr(row, column, utc_now() if marked else None)
            row.revision += 1
            row.updated_at = utc_now()
            note_edit(session, project_id, "project", project_id, actor=actor,
                      before={column: before is not None}, after={column: marked})

    @staticmethod
    def _set_targets(session: Session, project_id: str, targets: Sequence[str]) -> None:
        known = set(targets_of(session, [project_id])[project_id])
        wanted = list(dict.fromkeys(targets))
        gone = known.difference(wanted)
        if gone:
            session.execute(
                delete(TargetRow).where(TargetRow.project_id == project_id, TargetRow.language.in_(gone))
            )
        for language in wanted:
            if language not in known:
                session.add(TargetRow(project_id=project_id, language=language, added_at=utc_now()))
                session.flush()


def _told(project: Project) -> dict[str, Any]:
    """What of a project goes into its history."""
    value = dataclasses.asdict(dataclasses.replace(project, targets=()))
    kept = ("name", "source_path", "source_language", "settings")
    return {**{key: value[key] for key in kept}, "targets": list(project.targets)}


class Speakers:
    """Speakers of a project and the voices that dub them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, project_id: str) -> list[Speaker]:
        """Speakers by id, with the voices assigned to them."""
        with self._database.read() as session:
            voices = voices_of(session, project_id)
            query = select(SpeakerRow).where(SpeakerRow.project_id == project_id).order_by(SpeakerRow.id)
            return [to_speaker(row, voices.get(row.id, {})) for row in session.scalars(query)]

    def save(self, project_id: str, speaker_id: str, *, name: str | None = None, character: str | None = None,
             voice_print: Sequence[float] | None = None, actor: str = "") -> Speaker:
        """Create a speaker or change what is given; None leaves a field as it is."""
        with self._database.write() as session:
            locked_project(session, project_id)
            row = session.get(SpeakerRow, (project_id, speaker_id))
            before = None if row is None else {"name": row.name, "character": row.character}
            if row is None:
                row = new_speaker(project_id, speaker_id)
                session.add(row)
            row.name = row.name if name is None else name
            row.character = row.character if character is None else character
            row.voice_print = row.voice_print if voice_print is None else [float(value) for value in voice_print]
            note_edit(session, project_id, "speaker", speaker_id, actor=actor, before=before,
                      after={"name": row.name, "character": row.character})
            return to_speaker(row, voices_of(session, project_id).get(speaker_id, {}))

    def assign_voice(self, project_id: str, speaker_id: str, language: str, choice: VoiceChoice | None, *,
                     actor: str = "") -> None:
        """Let a voice dub a speaker in a language; None hands the choice back to the machine.

        Takes in another voice become stale.
        """
        key = (project_id, speaker_id, language)
        with self._database.write() as session:
            locked_project(session, project_id)
            if session.get(SpeakerRow, key[:2]) is None:
                raise UsageError(f"There is no speaker {speaker_id} in this project.", "Choose one of its speakers.")
            row = session.get(VoiceRow, key)
            before = {"voice": None if row is None else [row.engine, row.voice]}
            if choice is None:
                if row is not None:
                    session.delete(row)
            elif row is None:
                session.add(VoiceRow(project_id=project_id, speaker_id=speaker_id, language=language,
                                     engine=choice.engine, voice=choice.voice, settings={}))
            else:
                row.engine, row.voice = choice.engine, choice.voice
            after = {"voice": None if choice is None else [choice.engine, choice.voice]}
            note_edit(session, project_id, "speaker", speaker_id, language=language, actor=actor,
                      before=before, after=after)


def new_speaker(project_id: str, speaker_id: str) -> SpeakerRow:
    """A speaker that nobody has named yet."""
    return SpeakerRow(project_id=project_id, id=speaker_id, name=speaker_id, character="", voice_print=[])


def voices_of(session: Session, project_id: str) -> dict[str, dict[str, VoiceChoice]]:
    """Assigned voices of a project: speaker id -> language -> voice."""
    found: dict[str, dict[str, VoiceChoice]] = {}
    for row in session.scalars(select(VoiceRow).where(VoiceRow.project_id == project_id)):
        found.setdefault(row.speaker_id, {})[row.language] = VoiceChoice(row.engine, row.voice)
    return found
