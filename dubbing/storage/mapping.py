"""Rows into the domain's values; no row object leaves this package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dubbing.domain.project import (
    Edit,
    Export,
    Job,
    JobProgress,
    JobStatus,
    Project,
    RunStatus,
    Speaker,
    StageRun,
    Take,
    Translation,
    Utterance,
    VoiceChoice,
)
from dubbing.domain.speech import Word
from dubbing.storage.tables import EditRow, ProjectRow, SpeakerRow, TakeRow, TranslationRow, UtteranceRow
from dubbing.storage.tables_work import ExportRow, JobRow, StageRunRow


def words_to_json(words: Iterable[Word]) -> list[Any]:
    """Words as ``[text, start_ms, end_ms, confidence]`` lists: a quarter of the size of objects."""
    return [[word.text, word.start_ms, word.end_ms, word.confidence] for word in words]


def to_project(row: ProjectRow, targets: Iterable[str]) -> Project:
    return Project(
        id=row.id,
        name=row.name,
        source_path=row.source_path,
        source_sha256=row.source_sha256,
        media=row.media,
        source_language=row.source_language,
        targets=tuple(targets),
        settings=row.settings,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        archived_at=row.archived_at,
        deleted_at=row.deleted_at,
        series=row.series,
    )


def to_speaker(row: SpeakerRow, voices: Mapping[str, VoiceChoice]) -> Speaker:
    return Speaker(
        project_id=row.project_id,
        id=row.id,
        name=row.name,
        character=row.character,
        voice_print=tuple(row.voice_print),
        voices=voices,
    )


def to_utterance(row: UtteranceRow) -> Utterance:
    return Utterance(
        project_id=row.project_id,
        id=row.id,
        speaker=row.speaker_id,
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        text=row.text,
        words=tuple(Word(*word) for word in row.words),
        confidence=row.confidence,
        on_camera=row.on_camera,
        revision=row.revision,
        text_revision=row.text_revision,
        cast_revision=row.cast_revision,
        edited_by_person=row.edited_by_person,
        deleted_at=row.deleted_at,
    )


def to_translation(row: TranslationRow) -> Translation:
    return Translation(
        project_id=row.project_id,
        utterance_id=row.utterance_id,
        language=row.language,
        text=row.text,
        engine=row.engine,
        revision=row.revision,
        source_revision=row.source_revision,
        edited_by_person=row.edited_by_person,
        updated_at=row.updated_at,
        details=row.details,
    )


def to_take(row: TakeRow, *, chosen: bool) -> Take:
    return Take(
        id=row.id,
        project_id=row.project_id,
        utterance_id=row.utterance_id,
        language=row.language,
        artifact_key=row.artifact_key,
        text=row.text,
        text_revision=row.text_revision,
        utterance_revision=row.utterance_revision,
        engine=row.engine,
        voice=row.voice,
        tempo=row.tempo,
        duration_ms=row.duration_ms,
        chosen=chosen,
        created_at=row.created_at,
        details=row.details,
    )


def to_run(row: StageRunRow) -> StageRun:
    return StageRun(
        id=row.id,
        project_id=row.project_id,
        stage=row.stage,
        language=row.language,
        utterance_id=row.utterance_id,
        artifact_key=row.artifact_key,
        engine=row.engine,
        status=RunStatus(row.status),
        attempt=row.attempt,
        media_ms=row.media_ms,
        seconds=row.seconds,
        peak_memory_bytes=row.peak_memory_bytes,
        error=row.error,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def to_job(row: JobRow) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        payload=row.payload,
        status=JobStatus(row.status),
        priority=-row.rank,
        project_id=row.project_id,
        worker=row.worker,
        lease_until=row.lease_until,
        heartbeat_at=row.heartbeat_at,
        attempts=row.attempts,
        max_attempts=row.max_attempts,
        cancel_requested=row.cancel_requested,
        progress=JobProgress(**row.progress),
        result=row.result,
        error=row.error,
        hint=row.hint,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def to_export(row: ExportRow) -> Export:
    return Export(
        id=row.id,
        project_id=row.project_id,
        language=row.language,
        path=row.path,
        sha256=row.sha256,
        preset=row.preset,
        revisions=row.revisions,
        created_at=row.created_at,
        job_id=row.job_id,
        actor=row.actor,
        size_bytes=row.size_bytes,
        details=row.details,
    )


def to_edit(row: EditRow) -> Edit:
    return Edit(
        id=row.id,
        project_id=row.project_id,
        entity=row.entity,
        entity_id=row.entity_id,
        language=row.language,
        actor=row.actor,
        at=row.at,
        before=row.before,
        after=row.after,
    )
