"""Tables of work: stage runs, jobs, workers, uploads, exports, findings of quality control."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from dubbing.domain.project import JobStatus, RunStatus
from dubbing.domain.quality import Severity
from dubbing.storage.base import Base, Bytes, Id, Label, Language, LongText, Milliseconds, Name, one_of, to_project


class StageRunRow(Base):
    __tablename__ = "stage_runs"
    __table_args__ = (
        to_project(),
        CheckConstraint(one_of("status", RunStatus), name="status"),
        CheckConstraint("attempt >= 1", name="attempt"),
        CheckConstraint("seconds >= 0 AND media_ms >= 0 AND peak_memory_bytes >= 0", name="figures"),
        Index(None, "project_id", "stage", "language", "utterance_id"),
        Index(None, "stage", "status", "engine"),
        Index(None, "artifact_key"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    project_id: Mapped[Id]
    stage: Mapped[Label]
    language: Mapped[Language]
    utterance_id: Mapped[Id]
    artifact_key: Mapped[Label]
    engine: Mapped[Label]
    status: Mapped[Id]
    attempt: Mapped[int]
    media_ms: Mapped[Milliseconds]
    seconds: Mapped[float]
    peak_memory_bytes: Mapped[Bytes]
    error: Mapped[LongText]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class JobRow(Base):
    """A job; ``rank`` is its priority negated, so that the queue's index is in the order of claims."""

    __tablename__ = "jobs"
    __table_args__ = (
        to_project(),
        CheckConstraint(one_of("status", JobStatus), name="status"),
        CheckConstraint("attempts >= 0 AND max_attempts >= 1", name="attempts"),
        CheckConstraint("status <> 'running' OR (worker <> '' AND lease_until IS NOT NULL)", name="lease"),
        Index("ix_jobs_queue", "status", "rank", "created_at", "id"),
        Index(None, "project_id", "created_at"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    kind: Mapped[Label]
    payload: Mapped[dict[str, Any]]
    status: Mapped[Id]
    rank: Mapped[int]
    project_id: Mapped[Id | None]
    worker: Mapped[Label]
    lease_until: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    attempts: Mapped[int]
    max_attempts: Mapped[int]
    cancel_requested: Mapped[bool]
    progress: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any]]
    error: Mapped[LongText]
    hint: Mapped[LongText]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class WorkerRow(Base):
    """A process that takes jobs; it is alive while ``seen_at`` is recent."""

    __tablename__ = "workers"

    id: Mapped[Label] = mapped_column(primary_key=True)
    host: Mapped[Name]
    pid: Mapped[int]
    abilities: Mapped[dict[str, Any]]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(index=True)


class UploadRow(Base):
    """A file on its way in, or in and not used yet; what has arrived lies at ``path``. ``owner`` is a user's id."""

    __tablename__ = "uploads"
    __table_args__ = (CheckConstraint("size_bytes >= 0", name="size"), Index(None, "owner", "created_at"))

    id: Mapped[Id] = mapped_column(primary_key=True)
    owner: Mapped[Label]
    name: Mapped[Name]
    size_bytes: Mapped[Bytes]
    purpose: Mapped[Label]
    path: Mapped[LongText]
    sha256: Mapped[Label] = mapped_column(default="")
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ExportRow(Base):
    __tablename__ = "exports"
    __table_args__ = (to_project(), Index(None, "project_id", "language", "created_at"))

    id: Mapped[Id] = mapped_column(primary_key=True)
    project_id: Mapped[Id]
    language: Mapped[Language]
    path: Mapped[LongText]
    sha256: Mapped[Label]
    preset: Mapped[Name]
    revisions: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    job_id: Mapped[Id] = mapped_column(default="")
    actor: Mapped[Name] = mapped_column(default="")
    size_bytes: Mapped[Bytes] = mapped_column(default=0)
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class FindingRow(Base):
    """What quality control found in a language's dub when it was last made.

    ``utterance_id`` is "" for what concerns the whole dub. ``fingerprint`` stands for the check, the line and its
    texts: what a person dismissed stays dismissed while it is the same.
    """

    __tablename__ = "findings"
    __table_args__ = (
        to_project(),
        CheckConstraint(one_of("severity", Severity), name="severity"),
        Index(None, "project_id", "language"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    project_id: Mapped[Id]
    language: Mapped[Language]
    utterance_id: Mapped[Id] = mapped_column(default="")
    check_name: Mapped[Label]
    severity: Mapped[Id]
    message: Mapped[LongText]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    fingerprint: Mapped[Label]
    created_at: Mapped[datetime]
    dismissed_at: Mapped[datetime | None]
    dismissed_by: Mapped[Name] = mapped_column(default="")
    dismissed_reason: Mapped[LongText] = mapped_column(default="")
