"""Uploads: which files are on their way in, or lie ready to be used. The bytes themselves are files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select

from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.session import Database
from dubbing.storage.tables_work import UploadRow


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """An upload as it is stored. How much has arrived is the length of the file at ``path``.

    ``owner`` is a person's id; ``sha256`` is "" until the upload is finished.
    """

    id: str
    owner: str
    name: str
    size_bytes: int
    purpose: str
    path: Path
    sha256: str
    created_at: datetime
    finished_at: datetime | None


class Uploads:
    """Remembers uploads from their beginning until they become part of a project or are thrown away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, upload_id: str, owner: str, name: str, size_bytes: int, purpose: str, path: Path) -> UploadRecord:
        """A new upload, nothing of which has arrived."""
        row = UploadRow(id=upload_id, owner=owner, name=name, size_bytes=size_bytes, purpose=purpose, path=str(path),
                        sha256="", created_at=utc_now(), finished_at=None)
        with self._database.write() as session:
            session.add(row)
            session.flush()
            return _to_record(row)

    def get(self, upload_id: str) -> UploadRecord:
        """Raises UsageError when there is no such upload."""
        with self._database.read() as session:
            row = session.get(UploadRow, upload_id)
            if row is None:
                raise UsageError(f"There is no upload {upload_id}.", "Upload the file again.")
            return _to_record(row)

    def all(self, owner: str | None = None) -> list[UploadRecord]:
        """Uploads, oldest first, of one person or of all."""
        query = select(UploadRow).order_by(UploadRow.created_at, UploadRow.id)
        if owner is not None:
            query = query.where(UploadRow.owner == owner)
        with self._database.read() as session:
            return [_to_record(row) for row in session.scalars(query)]

    def finish(self, upload_id: str, sha256: str) -> UploadRecord:
        """Note that all of it is there. Finishing twice changes nothing."""
        with self._database.write() as session:
            row = session.get(UploadRow, upload_id, with_for_update=True)
            if row is None:
                raise UsageError(f"There is no upload {upload_id}.", "Upload the file again.")
            if row.finished_at is None:
                row.sha256, row.finished_at = sha256, utc_now()
            return _to_record(row)

    def remove(self, upload_id: str) -> None:
        """Forget an upload; its file is the caller's."""
        with self._database.write() as session:
            session.execute(delete(UploadRow).where(UploadRow.id == upload_id))


def _to_record(row: UploadRow) -> UploadRecord:
    return UploadRecord(id=row.id, owner=row.owner, name=row.name, size_bytes=row.size_bytes, purpose=row.purpose,
                        path=Path(row.path), sha256=row.sha256, created_at=row.created_at,
                        finished_at=row.finished_at)
