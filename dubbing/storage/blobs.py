"""Content-addressed files: a file's name is the SHA-256 of what is in it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dubbing.errors import StorageError

_KEY = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 1 << 20
_TEMPORARY = ".part-"


class BlobStore:
    """Files under ``root`` as ``ab/abcdef…``. Any number of processes may share one."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, content: Path | bytes) -> str:
        """Keep a copy of a file or of bytes; returns its key. The same content is kept once.

        The file is on the disk, and whole, before its name exists, and so is its name when this returns:
    what the database says of it survives a power cut. Raises StorageError.
        """
        with _told(self.root), tempfile.NamedTemporaryFile(
            dir=self._made(self.root), prefix=_TEMPORARY, delete=False
        ) as file:
            partial = Path(file.name)
            try:
                key = _copy(content, file.file)
                file.flush()
                target = self.path(key)
                if target.exists():
                    partial.unlink()
                    os.utime(target)
                    return key
                os.fsync(file.fileno())
                os.replace(partial, self._made(target.parent) / target.name)
                _flush_folder(target.parent)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
        return key

    def path(self, key: str) -> Path:
        """Where the blob lies, or would lie. Raises ValueError for what is no key."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not the key of a blob.")
        return self.root / key[:2] / key

    def has(self, key: str) -> bool:
        return self.path(key).is_file()

    def verify(self, key: str) -> bool:
        """Whether the blob is there and holds what its key says."""
        path = self.path(key)
        if not path.is_file():
            return False
        with _told(self.root), path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == key

    def keys(self) -> Iterator[str]:
        """The keys of all blobs."""
        for path in sorted(self.root.glob("[0-9a-f][0-9a-f]/*")):
            if _KEY.fullmatch(path.name):
                yield path.name

    def gc(self, keep: Collection[str], *, older_than_s: float = 3600.0) -> int:
        """Delete blobs that are not in ``keep``, and what killed processes left; returns the bytes freed.

        Files younger than ``older_than_s`` stay: another process may be about to refer to them.
        """
        kept = frozenset(keep)
        freed = 0
        with _told(self.root):
            limit = _now(self.root) - older_than_s if self.root.is_dir() else 0.0
            unwanted = [self.path(key) for key in self.keys() if key not in kept]
            for path in [*unwanted, *self.root.glob(f"{_TEMPORARY}*")]:
                status = path.stat()
                if status.st_mtime <= limit:
                    path.unlink()
                    freed += status.st_size
        return freed

    @staticmethod
    def _made(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _copy(content: Path | bytes, file: IO[bytes]) -> str:
    """Write ``content`` into ``file``; returns its hash."""
    digest = hashlib.sha256()
    if isinstance(content, bytes):
        digest.update(content)
        file.write(content)
        return digest.hexdigest()
    with content.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _flush_folder(folder: Path) -> None:
    """Bring a new name to the disk, where the system knows how to (Windows does not)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _now(folder: Path) -> float:
    """The time by the clock of the disk: a network drive's may differ from ours."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=_TEMPORARY) as probe:
        return os.fstat(probe.fileno()).st_mtime


@contextmanager
def _told(root: Path) -> Iterator[None]:
    """Turn what the file system reports into a StorageError."""
    try:
        yield
    except OSError as error:
        free = shutil.disk_usage(root).free if root.is_dir() else 0
        raise StorageError(
            f"A file cannot be kept in {root}: {error.strerror or error}.",
            f"Check that you may write there and that the disk has space ({free // 1_000_000} MB are free).",
        ) from error
