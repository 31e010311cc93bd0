"""Passwords: what makes one acceptable, and Argon2id, so that a stolen database gives none away."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from dubbing.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_CHARACTERS, MAX_CHARACTERS = 10, 256
_MIN_DIFFERENT = 4

#: A check takes 64 MiB: as many at once as there are guesses would be a way to bring the server down.
_at_once = threading.BoundedSemaphore(2)
_PATIENCE_S = 20.0


def check_new(password: str, *known: str) -> None:
    """Raises UsageError for a password that is too short, or that is ``known`` (the login, the name)."""
    if len(password) < MIN_CHARACTERS:
        raise UsageError(f"A password needs at least {MIN_CHARACTERS} characters.", "Three or four words make one.")
    if len(password) > MAX_CHARACTERS:
        raise UsageError(f"A password may have at most {MAX_CHARACTERS} characters.", "Choose a shorter one.")
    same = password.strip().casefold()
    if len(set(same)) < _MIN_DIFFERENT or same in {one.strip().casefold() for one in known}:
        raise UsageError("This password would be guessed at once.", "Three or four words make a good one.")


def hashed(password: str) -> str:
    """What is kept of a password."""
    with _turn():
        return _hasher().hash(_plain(password))


def is_right(password: str, kept: str | None) -> bool:
    """Whether ``password`` is the one that ``kept`` was made of; takes as long when there is none (None)."""
    from argon2.exceptions import Argon2Error, InvalidHashError

    with _turn():
        decoy = _decoy()  # made at the first check, whoever that is about
        try:
            found = _hasher().verify(kept or decoy, _plain(password[:MAX_CHARACTERS + 1]))
        except (Argon2Error, InvalidHashError):
            return False
    return found and kept is not None


def is_outdated(kept: str) -> bool:
    """Whether ``kept`` was made with weaker parameters than are used today."""
    return _hasher().check_needs_rehash(kept)


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for one's turn. Raises UnavailableError when the queue is too long."""
    if not _at_once.acquire(timeout=_PATIENCE_S):
        raise UnavailableError("Too many people are signing in at this moment.", "Try again in a minute.")
    try:
        yield
    finally:
        _at_once.release()


def _plain(password: str) -> bytes:
    """The same bytes for the same keys, whatever the keyboard made of them."""
    return unicodedata.normalize("NFKC", password).encode(errors="replace")


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()  # Argon2id with the parameters of RFC 9106 for little memory: 64 MiB, 3 passes


@cache
def _decoy() -> str:
    """What the password of nobody is compared with. Nobody knows what it was made of."""
    return _hasher().hash(secrets.token_urlsafe(32))
