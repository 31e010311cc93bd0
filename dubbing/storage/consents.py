"""Consents: what people allowed to be done with their voice and face, and the speakers for whom it holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from dubbing.domain.project import new_id
from dubbing.domain.workspace import Consent
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.history import note_edit
from dubbing.storage.session import Database
from dubbing.storage.tables import SpeakerRow
from dubbing.storage.tables_people import ConsentRow, SpeakerConsentRow

USES = ("voice", "face", "voice_and_face")


class Consents:
    """Records consents; none is ever deleted, a withdrawn one is marked as revoked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, person: str = "") -> list[Consent]:
        """Consents, newest first; with ``person`` those whose name holds that text."""
        query = select(ConsentRow).order_by(ConsentRow.recorded_at.desc(), ConsentRow.id.desc())
        if person.strip():
            query = query.where(ConsentRow.person.icontains(person.strip(), autoescape=True))
        with self._database.read() as session:
            return [_to_consent(row) for row in session.scalars(query)]

    def get(self, consent_id: str) -> Consent:
        """Raises UsageError when there is no such consent."""
        with self._database.read() as session:
            return _to_consent(_found(session, consent_id))

    def evidence(self, consent_id: str) -> Path | None:
        """Where the evidence of a consent lies; None when none was given."""
        with self._database.read() as session:
            path = _found(session, consent_id).evidence_path
        return Path(path) if path else None

    def add(self, person: str, use: str, languages: Sequence[str], valid_from: date | None,
            valid_until: date | None, *, evidence: Path | None = None, evidence_sha256: str = "", note: str = "",
            consent_id: str = "", actor: str = "") -> Consent:
        """A new consent. Raises UsageError for one that says nothing, or ends before it begins."""
        if not person.strip():
            raise UsageError("A consent needs the name of the person who gave it.", "Fill in the name.")
        if use not in USES:
            raise UsageError(f"A consent for {use!r} is not known.", f"Choose one of: {', '.join(USES)}.")
        if valid_from is not None and valid_until is not None and valid_until < valid_from:
            raise UsageError("The consent ends before it begins.", "Check its dates.")
        row = ConsentRow(
            id=consent_id or new_id(), person=person.strip(), use=use, languages=list(dict.fromkeys(languages)),
            valid_from=valid_from, valid_until=valid_until, evidence_path="" if evidence is None else str(evidence),
            evidence_sha256=evidence_sha256, note=note.strip(), recorded_by=actor, recorded_at=utc_now(),
            revoked_at=None)
        with self._database.write() as session:
            session.add(row)
            session.flush()
            return _to_consent(row)

    def revoke(self, consent_id: str, *, actor: str = "") -> Consent:
        """Mark a consent as withdrawn from now on; the history of every project that it held in says by whom."""
        with self._database.write() as session:
            row = _found(session, consent_id)
            if row.revoked_at is None:
                row.revoked_at = utc_now()
                links = select(SpeakerConsentRow).where(SpeakerConsentRow.consent_id == consent_id)
                for link in session.scalars(links):
                    note_edit(session, link.project_id, "speaker", link.speaker_id, actor=actor,
                              before={"consent": consent_id, "consent_revoked": False},
                              after={"consent": consent_id, "consent_revoked": True})
            return _to_consent(row)

    def link(self, project_id: str, speaker_id: str, consent_id: str, linked: bool = True, *,
             actor: str = "") -> None:
        """Say that a consent holds for a speaker, or no longer; either may be said twice."""
        with self._database.write() as session:
            if session.get(SpeakerRow, (project_id, speaker_id), with_for_update=True) is None:
                raise UsageError(f"There is no speaker {speaker_id} in this project.", "Reload the speakers.")
            _found(session, consent_id)
            link = session.get(SpeakerConsentRow, (project_id, speaker_id, consent_id))
            if (link is not None) == linked:
                return
            if link is None:
                session.add(SpeakerConsentRow(project_id=project_id, speaker_id=speaker_id, consent_id=consent_id))
            else:
                session.delete(link)
            note_edit(session, project_id, "speaker", speaker_id, actor=actor,
                      before={"consent": None if linked else consent_id},
                      after={"consent": consent_id if linked else None})

    def of_speakers(self, project_id: str) -> dict[str, tuple[Consent, ...]]:
        """Linked consents of a project by speaker id, newest first, revoked and lapsed ones too."""
        query = select(SpeakerConsentRow.speaker_id, ConsentRow).join(
            ConsentRow, ConsentRow.id == SpeakerConsentRow.consent_id).where(
            SpeakerConsentRow.project_id == project_id).order_by(ConsentRow.recorded_at.desc(), ConsentRow.id.desc())
        found: dict[str, tuple[Consent, ...]] = {}
        with self._database.read() as session:
            for speaker_id, row in session.execute(query):
                found[speaker_id] = (*found.get(speaker_id, ()), _to_consent(row))
        return found

    def linked_in(self, project_ids: Sequence[str]) -> set[str]:
        """Ids of the consents that hold for a speaker of any of these projects."""
        query = select(SpeakerConsentRow.consent_id).where(SpeakerConsentRow.project_id.in_(project_ids))
        with self._database.read() as session:
            return set(session.scalars(query))


def _found(session: Session, consent_id: str) -> ConsentRow:
    row = session.get(ConsentRow, consent_id)
    if row is None:
        raise UsageError(f"There is no consent {consent_id}.", "Reload the consents.")
    return row


def _to_consent(row: ConsentRow) -> Consent:
    return Consent(
        id=row.id, person=row.person, use=row.use, languages=tuple(row.languages), valid_from=row.valid_from,
        valid_until=row.valid_until, evidence_name=Path(row.evidence_path).name if row.evidence_path else "",
        evidence_sha256=row.evidence_sha256, note=row.note, recorded_by=row.recorded_by,
        recorded_at=row.recorded_at, revoked_at=row.revoked_at)
