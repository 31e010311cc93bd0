"""What a user is told: one sentence that says what is wrong, and a hint that says what to do."""

from __future__ import annotations

from typing import Any


class DubbingError(Exception):
    """A failure that a user can cause or cure. Shown without a traceback."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(DubbingError):
    """The command itself does not make sense."""

    exit_code = 2


class MediaError(DubbingError):
    """The input file cannot be dubbed as it is."""

    exit_code = 3


class UnavailableError(DubbingError):
    """An engine, a model or a language pair is not there."""

    exit_code = 4


class StorageError(DubbingError):
    """The database, the data folder or the disk is in the way."""

    exit_code = 5


class ConflictError(DubbingError):
    """Somebody else changed the same line since it was read.

    ``saved`` is what stands in the database now, ``attempted`` what the caller wanted to save.
    """

    exit_code = 6

    def __init__(self, message: str, hint: str = "", *, saved: Any = None, attempted: Any = None) -> None:
        super().__init__(message, hint)
        self.saved = saved
        self.attempted = attempted
