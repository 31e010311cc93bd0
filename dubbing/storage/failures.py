"""What a database driver reports, turned into one sentence and a hint."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, TimeoutError

from dubbing.errors import StorageError

_SQLITE = {
    sqlite3.SQLITE_BUSY: (
        "The database {name} is in use by another process that does not let go of it.",
        "Wait until that process has finished, or stop it, and try again; nothing was changed.",
    ),
    sqlite3.SQLITE_LOCKED: (
        "The database {name} is in use by another process that does not let go of it.",
        "Wait until that process has finished, or stop it, and try again; nothing was changed.",
    ),
    sqlite3.SQLITE_READONLY: (
        "The database {name} cannot be written: the file or its folder is read-only.",
        "Give yourself write permission on the folder, or choose another data folder.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "The database {name} cannot be opened or created.",
        "Check that its folder exists and that you may write there, or choose another data folder.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "The database {name} is damaged.",
        "Put a backup in its place (backups lie beside it and end in .backup), or move it away to start afresh.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "The file {name} is not a database.",
        "Choose another file, or move this one away; it was left as it is.",
    ),
    sqlite3.SQLITE_FULL: (
        "The disk that holds {name} is full.",
        "Free some space and try again; what was saved before is safe.",
    ),
    sqlite3.SQLITE_IOERR: (
        "The database {name} cannot be read or written: the disk reports an error.",
        "Check the disk or the network drive that it lies on.",
    ),
}


def storage_error(error: Exception, name: str) -> StorageError:
    """The StorageError that tells a user about ``error``; ``name`` is what they know the database by."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None and (told := _SQLITE.get(code & 0xFF)):  # extended codes keep the plain one in the low byte
        return StorageError(told[0].format(name=name), told[1])
    if isinstance(error, DBAPIError):
        reason = " ".join(str(cause).split()).rstrip(".?")
        return StorageError(f"The database {name} refuses to work: {reason}.",
                            "Check that its server runs and lets you in.")
    return StorageError(f"The database {name} does not answer: {error}.", "Try again when it has less to do.")


@contextmanager
def told_plainly(name: str) -> Iterator[None]:
    """Turn failures of the database ``name`` into StorageError; a mistake of ours stays what it is."""
    try:
        yield
    except (IntegrityError, ProgrammingError, DataError):
        raise
    except (DBAPIError, TimeoutError, sqlite3.Error) as error:
        raise storage_error(error, name) from error
    except OSError as error:
        raise StorageError(
            f"The database {name} cannot be opened or created: {error.strerror or error}.",
            "Check that you may read and write there, or choose another data folder.",
        ) from error
