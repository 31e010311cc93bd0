"""Projects as a list shows them: progress in every language, members, open comments, what runs; read in one pass.

A fixed number of statements, whatever the number of projects; counting is the database's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from dubbing.domain.project import Job, JobStatus
from dubbing.domain.review import Layer, ReviewState, Role
from dubbing.domain.workspace import LanguageProgress, Membership, ProjectCard
from dubbing.storage.mapping import to_job
from dubbing.storage.projects import targets_of
from dubbing.storage.session import Database
from dubbing.storage.tables import (
    ChosenTakeRow,
    EditRow,
    ProjectRow,
    ReviewRow,
    TakeRow,
    TargetRow,
    TranslationRow,
    UtteranceRow,
    VoiceRow,
)
from dubbing.storage.tables_people import CommentRow, MembershipRow, UserRoleRow, UserRow
from dubbing.storage.tables_work import JobRow

_ACCEPTED = (ReviewState.APPROVED.value, ReviewState.LOCKED.value)
_ACTIVE = (JobStatus.QUEUED.value, JobStatus.RUNNING.value)


class Cards:
    """Reads cards of projects. Their ``job``, ``has_poster`` and ``rights`` are left for the caller to fill in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, *, search: str = "", archived: bool = False, deleted: bool = False, member: str | None = None,
            language: str | None = None, ids: Sequence[str] | None = None) -> list[ProjectCard]:
        """Cards, the project that was changed last first.

        Either live projects, or with ``archived`` only archived ones, or with ``deleted`` only deleted ones; with
        ``ids`` those, whatever they are. ``member`` is a person's id, ``language`` a target or the source language.
        """
        conditions = [ProjectRow.id.in_(ids)] if ids is not None else _standing(archived, deleted)
        if search.strip():
            conditions.append(ProjectRow.name.icontains(search.strip(), autoescape=True))
        if member is not None:
            conditions.append(ProjectRow.id.in_(select(MembershipRow.project_id).where(
                MembershipRow.user_id == member)))
        if language:
            conditions.append(or_(ProjectRow.source_language == language, ProjectRow.id.in_(
                select(TargetRow.project_id).where(TargetRow.language == language))))
        query = select(ProjectRow).where(*conditions)
        with self._database.read() as session:
            rows = session.scalars(query).all()
            wanted = [row.id for row in rows]
            targets = targets_of(session, wanted)
            progress = _progress(session, wanted)
            members = _members(session, wanted)
            comments = _open_comments(session, wanted)
            edits = _last_edits(session, wanted)
            cards = [_card(row, targets[row.id], progress, members.get(row.id, ()), comments.get(row.id, 0),
                           max(row.updated_at, edits.get(row.id, row.updated_at))) for row in rows]
        return sorted(cards, key=lambda card: (card.updated_at, card.id), reverse=True)

    def jobs(self, project_ids: Iterable[str]) -> dict[str, Job]:
        """What a project does now, else its last job where that failed, by project id."""
        latest = select(JobRow.project_id, func.max(JobRow.id).label("id")).where(
            JobRow.project_id.in_(list(project_ids)), JobRow.kind == "dub").group_by(JobRow.project_id).subquery()
        query = select(JobRow).where(or_(
            and_(JobRow.project_id.in_(list(project_ids)), JobRow.status.in_(_ACTIVE)),
            and_(JobRow.id.in_(select(latest.c.id)), JobRow.status == JobStatus.FAILED.value),
        )).order_by(JobRow.status.in_(_ACTIVE), JobRow.status == JobStatus.RUNNING.value, JobRow.kind == "dub",
                    JobRow.created_at)
        with self._database.read() as session:
            # Later ones replace earlier ones: a running job wins over a waiting one, a dub over smaller work.
            return {row.project_id: to_job(row) for row in session.scalars(query) if row.project_id is not None}

    def roles_of(self, person_id: str) -> frozenset[Role]:
        """Every role that a person holds anywhere, in any project or in all."""
        with self._database.read() as session:
            held = [*session.scalars(select(UserRoleRow.role).where(UserRoleRow.user_id == person_id)),
                    *session.scalars(select(MembershipRow.role).where(MembershipRow.user_id == person_id))]
        return frozenset(Role(role) for role in held)


def _standing(archived: bool, deleted: bool) -> list[ColumnElement[bool]]:
    if deleted:
        return [ProjectRow.deleted_at.is_not(None)]
    return [ProjectRow.deleted_at.is_(None),
            ProjectRow.archived_at.is_not(None) if archived else ProjectRow.archived_at.is_(None)]


_Counts = dict[tuple[str, str], LanguageProgress]


def _progress(session: Session, project_ids: Sequence[str]) -> _Counts:
    """Progress by project id and target language; languages without lines are missing."""
    accepted: dict[tuple[str, str, str], int] = {
        (project_id, language, layer): count
        for project_id, language, layer, count in session.execute(_accepted_query(project_ids))}
    found: _Counts = {}
    for row in session.execute(_lines_query(project_ids)):
        where = (row.project_id, row.language)
        found[where] = LanguageProgress(
            language=row.language, lines=row.lines, transcribed=row.transcribed, translated=row.translated,
            dubbed=row.dubbed, reviewed=accepted.get((*where, Layer.TRANSLATION.value), 0),
            approved=accepted.get((*where, Layer.DUB.value), 0), stale=row.stale)
    return found


def _lines_query(project_ids: Sequence[str]) -> Select[Any]:
    """One row a project and target language; what is stale is as ``dubbing.domain.project`` defines it."""
    stale_text = TranslationRow.source_revision < UtteranceRow.text_revision
    stale_take = or_(
        TakeRow.text_revision < TranslationRow.revision,
        TakeRow.utterance_revision < UtteranceRow.cast_revision,
        and_(VoiceRow.voice.is_not(None), or_(VoiceRow.engine != TakeRow.engine, VoiceRow.voice != TakeRow.voice)))
    return (
        select(TargetRow.project_id, TargetRow.language, func.count().label("lines"),
               _count(UtteranceRow.text != "").label("transcribed"),
               _count(and_(TranslationRow.text.is_not(None), TranslationRow.text != "")).label("translated"),
               func.count(TakeRow.id).label("dubbed"), _count(or_(stale_text, stale_take)).label("stale"))
        .join(UtteranceRow, and_(UtteranceRow.project_id == TargetRow.project_id, UtteranceRow.deleted_at.is_(None)))
        .outerjoin(TranslationRow, _same_line(TranslationRow))
        .outerjoin(ChosenTakeRow, _same_line(ChosenTakeRow))
        .outerjoin(TakeRow, TakeRow.id == ChosenTakeRow.take_id)
        .outerjoin(VoiceRow, and_(VoiceRow.project_id == UtteranceRow.project_id,
                                  VoiceRow.speaker_id == UtteranceRow.speaker_id,
                                  VoiceRow.language == TargetRow.language))
        .where(TargetRow.project_id.in_(project_ids))
        .group_by(TargetRow.project_id, TargetRow.language)
    )


def _same_line(row: Any) -> ColumnElement[bool]:
    return and_(row.project_id == UtteranceRow.project_id, row.utterance_id == UtteranceRow.id,
                row.language == TargetRow.language)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _accepted_query(project_ids: Sequence[str]) -> Select[Any]:
    return (
        select(ReviewRow.project_id, ReviewRow.language, ReviewRow.layer, func.count())
        .join(UtteranceRow, and_(UtteranceRow.project_id == ReviewRow.project_id,
                                 UtteranceRow.id == ReviewRow.utterance_id, UtteranceRow.deleted_at.is_(None)))
        .where(ReviewRow.project_id.in_(project_ids), ReviewRow.state.in_(_ACCEPTED), ReviewRow.language != "")
        .group_by(ReviewRow.project_id, ReviewRow.language, ReviewRow.layer)
    )


def _members(session: Session, project_ids: Sequence[str]) -> dict[str, tuple[Membership, ...]]:
    query = (
        select(MembershipRow, UserRow.login, UserRow.name)
        .join(UserRow, UserRow.id == MembershipRow.user_id)
        .where(MembershipRow.project_id.in_(project_ids))
        .order_by(UserRow.name, UserRow.login, MembershipRow.role, MembershipRow.language)
    )
    found: dict[str, tuple[Membership, ...]] = {}
    for row, login, name in session.execute(query):
        member = Membership(row.project_id, row.user_id, login, name, Role(row.role), row.language)
        found[row.project_id] = (*found.get(row.project_id, ()), member)
    return found


def _open_comments(session: Session, project_ids: Sequence[str]) -> dict[str, int]:
    """Threads that nobody has resolved; answers are part of theirs."""
    query = select(CommentRow.project_id, func.count()).where(
        CommentRow.project_id.in_(project_ids), CommentRow.resolved_at.is_(None), CommentRow.answers_id.is_(None)
    ).group_by(CommentRow.project_id)
    return {project_id: count for project_id, count in session.execute(query)}


def _last_edits(session: Session, project_ids: Sequence[str]) -> dict[str, datetime]:
    """When a person last changed anything in a project: a line edited is the project changed."""
    query = select(EditRow.project_id, func.max(EditRow.at)).where(
        EditRow.project_id.in_(project_ids)).group_by(EditRow.project_id)
    return {project_id: at for project_id, at in session.execute(query)}


def _card(row: ProjectRow, targets: Sequence[str], progress: Mapping[tuple[str, str], LanguageProgress],
          members: Sequence[Membership], open_comments: int, updated_at: datetime) -> ProjectCard:
    height, width = _size(row.media)
    return ProjectCard(
        id=row.id, name=row.name, duration_ms=int(row.media.get("duration_ms", 0)), height=height, width=width,
        source_language=row.source_language, targets=tuple(targets), has_poster=False,
        progress=tuple(progress.get((row.id, one), LanguageProgress(one, 0, 0, 0, 0, 0, 0, 0)) for one in targets),
        members=tuple(members), job=None, open_comments=open_comments, created_at=row.created_at,
        updated_at=updated_at, archived=row.archived_at is not None, deleted=row.deleted_at is not None)


def _size(media: Mapping[str, Any]) -> tuple[int, int]:
    """(height, width) of the picture as it stands upright; zeros where nothing is known."""
    video = media.get("video") or media
    height, width = int(video.get("height", 0)), int(video.get("width", 0))
    return (width, height) if int(video.get("rotation", 0)) % 180 else (height, width)
