"""What quality control found, a language at a time; what a person dismissed stays dismissed while its text is the
same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from dubbing.domain.project import new_id
from dubbing.domain.quality import Finding, Severity
from dubbing.domain.workspace import QcFinding
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.projects import locked_project
from dubbing.storage.session import Database
from dubbing.storage.tables_work import FindingRow

_ORDER = {severity.value: rank for rank, severity in enumerate(Severity)}


class Findings:
    """Findings of projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, project_id: str, language: str) -> list[QcFinding]:
        """Findings of a language, the gravest first, then those of the whole dub, then in order of time; dismissed ones
        among them."""
        query = select(FindingRow).where(FindingRow.project_id == project_id, FindingRow.language == language)
        with self._database.read() as session:
            found = [_to_finding(row) for row in session.scalars(query)]
        return sorted(found, key=lambda one: (_ORDER[one.severity], -1 if one.at_ms is None else one.at_ms,
                                              one.utterance_id, one.check, one.id))

    def place(self, finding_id: str) -> tuple[str, str]:
        """(project id, language) of a finding. Raises UsageError when it is gone."""
        with self._database.read() as session:
            row = _row(session, finding_id)
            return row.project_id, row.language

    def replace(self, project_id: str, language: str, findings: Sequence[Finding], texts: Mapping[str, str]) -> None:
        """Let ``findings`` be those of a language, all or none.

        texts: what is said in each line, source and target; a finding that was there for the same text keeps its id
        and whether it was dismissed.
        """
        with self._database.write() as session:
            locked_project(session, project_id)
            query = select(FindingRow).where(FindingRow.project_id == project_id, FindingRow.language == language)
            known = {row.fingerprint: row for row in session.scalars(query)}
            for finding in findings:
                mark = fingerprint(finding, texts.get(finding.utterance_id, ""))
                row = known.pop(mark, None)
                if row is None:
                    row = FindingRow(id=new_id(), project_id=project_id, language=language, fingerprint=mark,
                                     created_at=utc_now(), dismissed_by="", dismissed_reason="")
                    session.add(row)
                row.utterance_id, row.check_name = finding.utterance_id, finding.check
                row.severity, row.message = finding.severity.value, finding.message
                row.details = {"value": finding.value, "limit": finding.limit, "unit": finding.unit,
                               "at_ms": finding.at_ms, "subject": finding.subject}
            for gone in known.values():
                session.delete(gone)

    def dismiss(self, finding_id: str, reason: str, *, actor: str) -> QcFinding:
        """Put a finding aside. Raises UsageError when it is gone."""
        with self._database.write() as session:
            row = _row(session, finding_id)
            row.dismissed_at, row.dismissed_by, row.dismissed_reason = utc_now(), actor, reason
            return _to_finding(row)

    def restore(self, finding_id: str) -> QcFinding:
        """Take a dismissal back. Raises UsageError when the finding is gone."""
        with self._database.write() as session:
            row = _row(session, finding_id)
            row.dismissed_at, row.dismissed_by, row.dismissed_reason = None, "", ""
            return _to_finding(row)


def fingerprint(finding: Finding, text: str) -> str:
    """Equal for findings of one check, line and subject as long as the line's text is the same; what concerns the
    whole dub is the same as long as it is told in the same words."""
    about = text if finding.utterance_id else finding.message
    return hashlib.sha256("\0".join((finding.check, finding.utterance_id, finding.subject, about)).encode()).hexdigest()


def _row(session: Session, finding_id: str) -> FindingRow:
    row = session.get(FindingRow, finding_id)
    if row is None:
        raise UsageError("This finding is gone: quality control was run again since.", "Reload the report.")
    return row


def _to_finding(row: FindingRow) -> QcFinding:
    details = row.details
    return QcFinding(
        id=row.id, check=row.check_name, severity=Severity(row.severity), utterance_id=row.utterance_id,
        message=row.message, value=details.get("value"), limit=details.get("limit"), unit=details.get("unit", ""),
        at_ms=details.get("at_ms"), dismissed_at=row.dismissed_at, dismissed_by=row.dismissed_by,
        dismissed_reason=row.dismissed_reason)
