"""Tables of a project's content: projects, speakers, utterances, translations, takes, reviews, history.

Rows of a project carry its id in their primary keys, so that utterance ids stay short ("u0001") and a
project's rows lie together. People and their records are in ``tables_people``, work in ``tables_work``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dubbing.domain.review import Layer, ReviewState
from dubbing.storage.base import (
    Base,
    Id,
    Label,
    Language,
    LongText,
    Milliseconds,
    Name,
    one_of,
    to_project,
    to_utterance,
)


class ProjectRow(Base):
    __tablename__ = "projects"
    __table_args__ = (
        CheckConstraint("revision >= 1", name="revision"),
        CheckConstraint("utterances_made >= 0", name="utterances_made"),
        CheckConstraint("length(name) > 0", name="name"),
        Index(None, "deleted_at", "created_at"),
        Index(None, "series"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    name: Mapped[Name]
    source_path: Mapped[LongText]
    source_sha256: Mapped[Label]
    media: Mapped[dict[str, Any]]
    source_language: Mapped[Language | None]
    settings: Mapped[dict[str, Any]]
    series: Mapped[Label] = mapped_column(default="")
    utterances_made: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class TargetRow(Base):
    """A language that a project is dubbed into."""

    __tablename__ = "project_targets"
    __table_args__ = (to_project(),)

    project_id: Mapped[Id] = mapped_column(primary_key=True)
    language: Mapped[Language] = mapped_column(primary_key=True)
    added_at: Mapped[datetime]


class SpeakerRow(Base):
    __tablename__ = "speakers"
    __table_args__ = (to_project(),)

    project_id: Mapped[Id] = mapped_column(primary_key=True)
    id: Mapped[Label] = mapped_column(primary_key=True)
    name: Mapped[Name]
    character: Mapped[Name] = mapped_column(default="")
    voice_print: Mapped[list[Any]]


class VoiceRow(Base):
    """The voice that a person assigned to a speaker for a language."""

    __tablename__ = "speaker_voices"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "speaker_id"], ["speakers.project_id", "speakers.id"], ondelete="CASCADE"),
    )

    project_id: Mapped[Id] = mapped_column(primary_key=True)
    speaker_id: Mapped[Label] = mapped_column(primary_key=True)
    language: Mapped[Language] = mapped_column(primary_key=True)
    engine: Mapped[Label]
    voice: Mapped[Name]
    settings: Mapped[dict[str, Any]]


class UtteranceRow(Base):
    __tablename__ = "utterances"
    __table_args__ = (
        to_project(),
        ForeignKeyConstraint(["project_id", "speaker_id"], ["speakers.project_id", "speakers.id"]),
        CheckConstraint("start_ms >= 0 AND end_ms > start_ms", name="times"),
        CheckConstraint("confidence >= 0 AND confidence <= 1", name="confidence"),
        CheckConstraint(
            "text_revision >= 1 AND cast_revision >= 1 AND text_revision <= revision AND cast_revision <= revision",
            name="revision",
        ),
        Index(None, "project_id", "start_ms"),
        Index(None, "project_id", "speaker_id"),
    )

    project_id: Mapped[Id] = mapped_column(primary_key=True)
    id: Mapped[Id] = mapped_column(primary_key=True)
    speaker_id: Mapped[Label]
    start_ms: Mapped[Milliseconds]
    end_ms: Mapped[Milliseconds]
    text: Mapped[LongText]
    words: Mapped[list[Any]]
    confidence: Mapped[float]
    on_camera: Mapped[bool | None]
    revision: Mapped[int]
    text_revision: Mapped[int]
    cast_revision: Mapped[int]
    edited_by_person: Mapped[bool]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class TranslationRow(Base):
    __tablename__ = "translations"
    __table_args__ = (
        to_utterance(),
        CheckConstraint("revision >= 1 AND source_revision >= 1", name="revision"),
        Index(None, "project_id", "language"),
    )

    project_id: Mapped[Id] = mapped_column(primary_key=True)
    utterance_id: Mapped[Id] = mapped_column(primary_key=True)
    language: Mapped[Language] = mapped_column(primary_key=True)
    text: Mapped[LongText]
    engine: Mapped[Label]
    revision: Mapped[int]
    source_revision: Mapped[int]
    edited_by_person: Mapped[bool]
    updated_at: Mapped[datetime]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class TakeRow(Base):
    __tablename__ = "takes"
    __table_args__ = (
        to_utterance(),
        UniqueConstraint("project_id", "utterance_id", "language", "id"),
        CheckConstraint("tempo > 0", name="tempo"),
        CheckConstraint("duration_ms >= 0", name="duration"),
        CheckConstraint("text_revision >= 0 AND utterance_revision >= 1", name="revision"),
        Index(None, "artifact_key"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    project_id: Mapped[Id]
    utterance_id: Mapped[Id]
    language: Mapped[Language]
    artifact_key: Mapped[Label]
    text: Mapped[LongText]
    text_revision: Mapped[int]
    utterance_revision: Mapped[int]
    engine: Mapped[Label]
    voice: Mapped[Name]
    tempo: Mapped[float]
    duration_ms: Mapped[Milliseconds]
    details: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class ChosenTakeRow(Base):
    """The take that is heard: at most one a line and language, by its primary key."""

    __tablename__ = "chosen_takes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "utterance_id", "language", "take_id"],
            ["takes.project_id", "takes.utterance_id", "takes.language", "takes.id"],
            name="fk_chosen_takes_take",
            ondelete="CASCADE",
        ),
    )

    project_id: Mapped[Id] = mapped_column(primary_key=True)
    utterance_id: Mapped[Id] = mapped_column(primary_key=True)
    language: Mapped[Language] = mapped_column(primary_key=True)
    take_id: Mapped[Id]


class ReviewRow(Base):
    """The state of one layer of a line; a missing row is a draft. ``language`` is "" for the transcript."""

    __tablename__ = "reviews"
    __table_args__ = (
        to_utterance(),
        CheckConstraint(one_of("layer", Layer), name="layer"),
        CheckConstraint(one_of("state", ReviewState), name="state"),
        CheckConstraint("(layer = 'transcript') = (language = '')", name="language"),
        Index(None, "project_id", "language", "layer", "state"),
    )

    project_id: Mapped[Id] = mapped_column(primary_key=True)
    utterance_id: Mapped[Id] = mapped_column(primary_key=True)
    layer: Mapped[Id] = mapped_column(primary_key=True)
    language: Mapped[Language] = mapped_column(primary_key=True)
    state: Mapped[Id]
    actor: Mapped[Name]
    updated_at: Mapped[datetime]


class EditRow(Base):
    """History; ``actor`` is plain text, so that it outlives the account it names."""

    __tablename__ = "history"
    __table_args__ = (
        to_project(),
        Index(None, "project_id", "entity", "entity_id"),
        Index(None, "project_id", "at"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    project_id: Mapped[Id]
    entity: Mapped[Id]
    entity_id: Mapped[Label]
    language: Mapped[Language]
    actor: Mapped[Name]
    at: Mapped[datetime]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
