"""Tables of people and of what a team keeps: accounts, memberships, comments, terms, memory, consent."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dubbing.domain.review import Role
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


class UserRow(Base):
    """An account: a password (its Argon2 hash) or an identity of an OpenID provider, or both."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("login"),
        UniqueConstraint("oidc_issuer", "oidc_subject"),
        CheckConstraint("(oidc_issuer IS NULL) = (oidc_subject IS NULL)", name="oidc"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    login: Mapped[Name]
    name: Mapped[Name]
    email: Mapped[Name] = mapped_column(default="")
    password_hash: Mapped[Name | None]
    oidc_issuer: Mapped[Name | None]
    oidc_subject: Mapped[Name | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    locale: Mapped[Language] = mapped_column(default="en")
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]


class SessionRow(Base):
    """Somebody who is signed in, by the sha256 of what their browser holds."""

    __tablename__ = "sessions"
    __table_args__ = (ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),)

    token_hash: Mapped[Label] = mapped_column(primary_key=True)
    user_id: Mapped[Id] = mapped_column(index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class TicketRow(Base):
    """A sign-in that was granted and waits to be turned into a session, once, by the sha256 of its secret."""

    __tablename__ = "tickets"
    __table_args__ = (ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),)

    ticket_hash: Mapped[Label] = mapped_column(primary_key=True)
    user_id: Mapped[Id] = mapped_column(index=True)
    expires_at: Mapped[datetime]


class UserRoleRow(Base):
    """A role that a person has in every project."""

    __tablename__ = "user_roles"
    __table_args__ = (
        ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        CheckConstraint(one_of("role", Role), name="role"),
    )

    user_id: Mapped[Id] = mapped_column(primary_key=True)
    role: Mapped[Id] = mapped_column(primary_key=True)


class MembershipRow(Base):
    """A role that a person has in one project; ``language`` "" stands for all of its languages."""

    __tablename__ = "memberships"
    __table_args__ = (
        to_project(),
        ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        CheckConstraint(one_of("role", Role), name="role"),
    )

    project_id: Mapped[Id] = mapped_column(primary_key=True)
    user_id: Mapped[Id] = mapped_column(primary_key=True, index=True)
    role: Mapped[Id] = mapped_column(primary_key=True)
    language: Mapped[Language] = mapped_column(primary_key=True, default="")
    added_at: Mapped[datetime]


class CommentRow(Base):
    """A remark on a line or on a moment of the video; an answer names the comment it answers."""

    __tablename__ = "comments"
    __table_args__ = (
        to_project(),
        to_utterance(),
        ForeignKeyConstraint(["answers_id"], ["comments.id"], ondelete="CASCADE"),
        CheckConstraint("utterance_id IS NOT NULL OR at_ms IS NOT NULL", name="anchor"),
        Index(None, "project_id", "utterance_id"),
        Index(None, "project_id", "resolved_at"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    project_id: Mapped[Id]
    language: Mapped[Language]
    utterance_id: Mapped[Id | None]
    at_ms: Mapped[Milliseconds | None]
    answers_id: Mapped[Id | None] = mapped_column(index=True)
    actor: Mapped[Name]
    text: Mapped[LongText]
    mentions: Mapped[list[Any]]
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[Name]


class TermRow(Base):
    """A glossary entry; without a project it holds everywhere. ``target`` None keeps the term as it is."""

    __tablename__ = "terms"
    __table_args__ = (to_project(), Index(None, "source_language", "target_language", "source"))

    id: Mapped[Id] = mapped_column(primary_key=True)
    project_id: Mapped[Id | None] = mapped_column(index=True)
    source_language: Mapped[Language]
    target_language: Mapped[Language]
    source: Mapped[Name]
    target: Mapped[Name | None]
    case_sensitive: Mapped[bool]
    note: Mapped[LongText]
    actor: Mapped[Name]
    updated_at: Mapped[datetime]


class ForbiddenTermRow(Base):
    """A word that a translation must not hold, and what to write instead."""

    __tablename__ = "forbidden_terms"
    __table_args__ = (to_project(), Index(None, "language", "term"))

    id: Mapped[Id] = mapped_column(primary_key=True)
    project_id: Mapped[Id | None] = mapped_column(index=True)
    language: Mapped[Language]
    term: Mapped[Name]
    instead: Mapped[Name]
    note: Mapped[LongText]
    updated_at: Mapped[datetime]


class PronunciationRow(Base):
    """How a word is spoken: as IPA, or as another spelling."""

    __tablename__ = "pronunciations"
    __table_args__ = (
        to_project(),
        CheckConstraint("(ipa <> '') <> (spelling <> '')", name="one_way"),
        Index(None, "language", "word"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    project_id: Mapped[Id | None] = mapped_column(index=True)
    language: Mapped[Language]
    word: Mapped[Name]
    ipa: Mapped[Name]
    spelling: Mapped[Name]
    updated_at: Mapped[datetime]


class MemoryRow(Base):
    """A translation memory unit; ``source_key`` is the hash of the normalized source, for exact hits."""

    __tablename__ = "memory_units"
    __table_args__ = (
        ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="SET NULL"),
        UniqueConstraint("source_language", "target_language", "source_key", "target_key", name="uq_memory_units_pair"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    source_language: Mapped[Language]
    target_language: Mapped[Language]
    source_key: Mapped[Label]
    target_key: Mapped[Label]
    source: Mapped[LongText]
    target: Mapped[LongText]
    project_id: Mapped[Id | None] = mapped_column(index=True)
    actor: Mapped[Name]
    uses: Mapped[int]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ConsentRow(Base):
    """What a person allowed to be done with their voice or face, and the evidence for it."""

    __tablename__ = "consents"
    __table_args__ = (
        CheckConstraint("use IN ('voice', 'face', 'voice_and_face')", name="use"),
        CheckConstraint("valid_until IS NULL OR valid_from IS NULL OR valid_until >= valid_from", name="term"),
        Index(None, "person"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    person: Mapped[Name]
    use: Mapped[Id]
    languages: Mapped[list[Any]]
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    evidence_path: Mapped[LongText]
    evidence_sha256: Mapped[Label]
    note: Mapped[LongText]
    recorded_by: Mapped[Name]
    recorded_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class SpeakerConsentRow(Base):
    """A consent that holds for a speaker of a project."""

    __tablename__ = "speaker_consents"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "speaker_id"], ["speakers.project_id", "speakers.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["consent_id"], ["consents.id"], ondelete="CASCADE"),
    )

    project_id: Mapped[Id] = mapped_column(primary_key=True)
    speaker_id: Mapped[Label] = mapped_column(primary_key=True)
    consent_id: Mapped[Id] = mapped_column(primary_key=True, index=True)
