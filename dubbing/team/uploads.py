"""Files that people send: written to the disk piece by piece, resumable at any byte, never held in memory.

How much has arrived is the length of the file itself, so neither a restart of the server nor a broken connection
loses more than the piece that was on its way. A piece that begins anywhere else than where the file ends is refused
with the right place, so a sender that was cut off asks, and goes on from there.
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock, Timeout

from dubbing.domain.project import new_id
from dubbing.domain.review import Action
from dubbing.domain.workspace import Rights, Upload
from dubbing.errors import ConflictError, StorageError, UsageError
from dubbing.media.atomic import storage_error, sync_file
from dubbing.pipeline.artifact import file_sha256
from dubbing.storage.uploads import UploadRecord
from dubbing.team.seat import ForbiddenError, Seat

#: What an upload can be for, and how large it may be at most ("video" and "m_and_e" by the settings).
VIDEO, M_AND_E, EVIDENCE = "video", "m_and_e", "evidence"
EVIDENCE_BYTES = 200_000_000
_NAME_BYTES = 150
_BUSY_S = 10.0
_RESERVED = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_GIGABYTE = 1_000_000_000


class Uploads:
    """The uploads of the person at the desk; nobody else's are seen, but by an administrator."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._workspace = seat.workspace
        self._stored = seat.workspace.storage.uploads

    def begin(self, name: str, size_bytes: int, purpose: str) -> Upload:
        """A new upload of ``size_bytes``. ``name`` may be any text: only a harmless last part of it is kept.

        Raises ForbiddenError, UsageError when it is empty or larger than is allowed, StorageError when the disk
        would be full before it is through (other uploads under way are counted).
        """
        self._check_purpose(purpose)
        if size_bytes <= 0:
            raise UsageError(f"{safe_name(name)} is empty.", "Choose another file.")
        limit = self._limit(purpose)
        if size_bytes > limit:
            raise UsageError(f"{safe_name(name)} has {told_size(size_bytes)}; at most {told_size(limit)} are taken.",
                             "Send a smaller file, or let an administrator raise DUBBING_UPLOAD_LIMIT_GB.")
        self._check_room(size_bytes)
        upload_id = new_id()
        path = self._workspace.settings.home / "uploads" / upload_id / safe_name(name)
        try:
            path.parent.mkdir(parents=True)
            path.touch()
        except OSError as error:
            raise storage_error(error, path) from error
        return _view(self._stored.add(upload_id, self._seat.person.id, path.name, size_bytes, purpose, path))

    def append(self, upload_id: str, offset: int, chunks: Iterable[bytes]) -> Upload:
        """Write ``chunks`` at ``offset``, which must be where the file ends; what arrived before a failure stays.

        Raises ConflictError with the upload as it is in ``saved`` (``received_bytes`` is the right offset) for a
        wrong one or while another request still writes, UsageError for more bytes than were announced, StorageError.
        """
        record = self._own(upload_id)
        if record.finished_at is not None:
            raise UsageError(f"{record.name} is complete already.", "Nothing more can be added to it.")
        try:
            # A connection that is thought dead may still deliver: one writer at a time.
            with FileLock(record.path.parent / ".lock", timeout=_BUSY_S):
                _write(record, offset, chunks)
        except Timeout:
            raise ConflictError(f"{record.name} is still being written by another request.",
                                "Ask how far it is, and go on from there.", saved=_view(record)) from None
        except ConnectionError:
            raise  # the sender's, not the disk's
        except OSError as error:
            raise storage_error(error, record.path) from error
        return _view(record)

    def get(self, upload_id: str) -> Upload:
        """The upload with what has arrived. Raises UsageError for one that is gone or somebody else's."""
        return _view(self._own(upload_id))

    def finish(self, upload_id: str) -> Upload:
        """Close an upload that is whole, and note its sha256. Raises UsageError while something is missing."""
        record = self._own(upload_id)
        if record.finished_at is not None:
            return _view(record)
        received = _received(record)
        if received != record.size_bytes:
            raise UsageError(f"{record.name} is not complete: {received} of {record.size_bytes} bytes have arrived.",
                             "Send the rest first.")
        sync_file(record.path)
        return _view(self._stored.finish(upload_id, file_sha256(record.path)))

    def cancel(self, upload_id: str) -> None:
        """Throw an upload away; one that is gone already is no error."""
        try:
            record = self._own(upload_id)
        except UsageError:
            return
        discard(record)
        self._stored.remove(upload_id)

    def mine(self) -> list[Upload]:
        """This person's uploads that no project has taken yet, oldest first: what can be resumed or used."""
        return [_view(record) for record in self._stored.all(self._seat.person.id) if record.path.is_file()]

    def finished(self, upload_id: str, *purposes: str) -> UploadRecord:
        """A whole upload of one of ``purposes``, for what is to be made of it. Raises UsageError."""
        record = self._own(upload_id)
        if record.finished_at is None:
            raise UsageError(f"{record.name} has not arrived completely.", "Wait for the upload, or resume it.")
        if record.purpose not in purposes:
            raise UsageError(f"{record.name} was sent for another purpose.", "Upload it in its own place.")
        return record

    def _own(self, upload_id: str) -> UploadRecord:
        record = self._stored.get(upload_id)
        if record.owner != self._seat.person.id and not self._seat.person.is_administrator:
            raise UsageError(f"There is no upload {upload_id}.", "Upload the file again.")
        if not record.path.is_file():
            raise UsageError(f"The upload {record.name} is not there any more.", "Upload the file again.")
        return record

    def _check_purpose(self, purpose: str) -> None:
        wanted = {VIDEO: Action.MANAGE_PROJECT, M_AND_E: Action.MANAGE_PROJECT, EVIDENCE: Action.MANAGE_CONSENT}
        if purpose not in wanted:
            raise UsageError(f"There are no uploads for {purpose!r}.", f"Choose one of: {', '.join(wanted)}.")
        roles = self._seat.person.roles | self._workspace.storage.cards.roles_of(self._seat.person.id)
        if not Rights(frozenset(roles)).may(wanted[purpose]):
            raise ForbiddenError("You may not upload files here.", "Ask a project manager.")

    def _limit(self, purpose: str) -> int:
        return EVIDENCE_BYTES if purpose == EVIDENCE else round(
            self._workspace.settings.upload_limit_gb * _GIGABYTE)

    def _check_room(self, size_bytes: int) -> None:
        settings = self._workspace.settings
        under_way = sum(max(0, one.size_bytes - _received(one)) for one in self._stored.all()
                        if one.finished_at is None)
        free = shutil.disk_usage(existing_parent(settings.home)).free
        room = free - under_way - round(settings.disk_reserve_gb * _GIGABYTE)
        if size_bytes > room:
            raise StorageError(f"The disk has no room for {told_size(size_bytes)}: {told_size(max(0, room))} can be "
                               "taken.", "Free some space, purge old projects, or set DUBBING_HOME to another disk.")


def safe_name(name: str) -> str:
    """The last part of a file name from outside, in characters that every file system takes; never a path.

    The suffix survives shortening; a name of which nothing is left becomes "file".
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    plain = _RESERVED.sub("_", kept).strip(" .")
    if not plain or _DEVICES.match(plain):
        plain = f"file{'_' + plain if plain else ''}"
    stem, dot, suffix = plain.rpartition(".")
    if not dot or not stem or len(suffix.encode()) > 16:
        stem, suffix = plain, ""
    room = _NAME_BYTES - len(suffix.encode()) - 1
    short = stem.encode()[:room].decode(errors="ignore").rstrip(" .") or "file"
    return f"{short}.{suffix}" if suffix else short


def told_size(size_bytes: int) -> str:
    """A size as people say it."""
    value, unit = float(size_bytes), "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if unit != "bytes" else f"{size_bytes} bytes"


def existing_parent(folder: Path) -> Path:
    """The nearest folder on the way up that exists: whose disk a new folder would be on."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def discard(record: UploadRecord) -> None:
    """Delete an upload's own folder with what has arrived."""
    shutil.rmtree(record.path.parent, ignore_errors=True)


def _write(record: UploadRecord, offset: int, chunks: Iterable[bytes]) -> None:
    received = _received(record)
    if offset != received:
        raise ConflictError(f"{record.name} goes on at byte {received}, not at {offset}.",
                            "Send it from there.", saved=_view(record), attempted=offset)
    with open(record.path, "r+b") as file:
        file.seek(received)
        for chunk in chunks:
            if received + len(chunk) > record.size_bytes:
                raise UsageError(f"More bytes than the {record.size_bytes} that were announced arrived for "
                                 f"{record.name}.", "The file may have changed; upload it anew.")
            file.write(chunk)
            received += len(chunk)


def _received(record: UploadRecord) -> int:
    try:
        return record.path.stat().st_size
    except OSError:
        return 0


def _view(record: UploadRecord) -> Upload:
    return Upload(id=record.id, name=record.name, size_bytes=record.size_bytes, received_bytes=_received(record),
                  purpose=record.purpose, owner=record.owner, created_at=record.created_at,
                  finished_at=record.finished_at)

