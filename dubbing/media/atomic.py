"""Files appear whole under their final name, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dubbing.errors import StorageError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


def storage_error(error: OSError, target: Path) -> StorageError:
    """Say in one sentence why ``target`` could not be written."""
    if error.errno in _NO_ROOM:
        return StorageError(f"There is no room left to write {target}.",
                            "Free some disk space or choose another folder.")
    if error.errno in _NOT_ALLOWED:
        return StorageError(f"Writing {target} is not allowed.", "Choose a folder that you may write to.")
    return StorageError(f"{target} could not be written ({error.strerror or error}).", "Check the disk and the folder.")


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``, with its suffix; on success it becomes ``target``.

    A missing folder is created. On any failure the temporary file is removed, ``target`` is untouched,
    and an ``OSError`` becomes a ``StorageError``.
    """
    target = Path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise StorageError(f"{target} is a folder, not a file.", "Name a file to write.")
        handle, name = tempfile.mkstemp(prefix=f".{target.stem[:40]}-", suffix=target.suffix, dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise storage_error(error, target) from error
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        sync_file(temporary)
        os.replace(temporary, target)
        sync_folder(target.parent)
    except OSError as error:
        raise storage_error(error, target) from error
    finally:
        temporary.unlink(missing_ok=True)


def copy_into_place(made: Path, target: Path) -> Path:
    """Copy a finished file to where a user wants it, whole or not at all; returns the absolute path."""
    with replacing(target) as temporary:
        shutil.copyfile(made, temporary)
    return Path(target).resolve()


def sync_file(path: Path) -> None:
    """Bring a file's content to the disk, so that a rename never outlives it in a power cut."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
