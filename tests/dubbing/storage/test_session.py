"""Connections and transactions: pragmas, waiting, and what a user is told when neither helps."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from dubbing.domain.project import Project
from dubbing.errors import StorageError
from dubbing.storage.failures import storage_error
from dubbing.storage.repository import Repository, open_repository


def pragma(repository: Repository, name: str) -> object:
    with repository.database.read() as session:
        return session.execute(text(f"PRAGMA {name}")).scalar()


def test_every_connection_is_set_up(repository: Repository) -> None:
    seen = []

    def look() -> None:
        seen.append([pragma(repository, name) for name in ("journal_mode", "foreign_keys", "busy_timeout")])

    with repository.database.read() as held:
        held.execute(text("SELECT 1"))
        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    repository.close()
    look()
    assert seen == [["wal", 1, 10_000]] * 4


def test_what_matters_is_flushed_and_notes_are_not(repository: Repository) -> None:
    with repository.database.write() as session:
        assert session.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
    with repository.database.write(durable=False) as session:
        assert session.execute(text("PRAGMA synchronous")).scalar() == 1  # NORMAL
    with repository.database.write() as session:
        assert session.execute(text("PRAGMA synchronous")).scalar() == 2


def test_a_failed_block_leaves_nothing(repository: Repository, project: Project) -> None:
    with pytest.raises(RuntimeError), repository.database.write() as session:
        session.execute(text("DELETE FROM projects"))
        raise RuntimeError
    assert len(repository.projects.all()) == 1


def test_readers_do_not_wait_for_a_writer(repository: Repository, project: Project, database_file: Path) -> None:
    with closing(sqlite3.connect(database_file, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("UPDATE projects SET name = 'not yet'")
        assert repository.projects.get(project.id).name == "A film"
        writer.execute("ROLLBACK")


def test_a_locked_database_is_told(repository: Repository, project: Project, database_file: Path) -> None:
    with (
        open_repository(database_file, busy_ms=50) as impatient,
        closing(sqlite3.connect(database_file, isolation_level=None)) as writer,
    ):
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="in use by another process") as caught:
            impatient.projects.archive(project.id)
        assert "try again" in caught.value.hint and str(database_file) in caught.value.message
        writer.execute("ROLLBACK")
        impatient.projects.archive(project.id)
    assert repository.projects.all() == []


def test_a_writer_waits_for_the_other(repository: Repository, project: Project, database_file: Path) -> None:
    with closing(sqlite3.connect(database_file, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, lambda: writer.execute("COMMIT"))
        timer.start()
        repository.projects.archive(project.id)
        timer.join()
    assert repository.projects.get(project.id).archived_at is not None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (sqlite3.SQLITE_READONLY, "read-only"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "read-only"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened"),
        (sqlite3.SQLITE_CORRUPT, "damaged"),
        (sqlite3.SQLITE_NOTADB, "not a database"),
        (sqlite3.SQLITE_FULL, "is full"),
        (sqlite3.SQLITE_IOERR_READ, "disk reports an error"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "in use"),
    ],
)
def test_what_sqlite_reports_is_said_plainly(code: int, said: str) -> None:
    error = sqlite3.OperationalError("something")
    error.sqlite_errorcode = code
    told = storage_error(error, "/data/dubbing.db")
    assert said in told.message and "/data/dubbing.db" in told.message and told.hint


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Where the tests run as root, whom no permission stops: act as somebody else for a while."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_read_only_folder_is_told(repository: Repository, database_file: Path, tmp_path: Path) -> None:
    repository.close()
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    database_file.chmod(0o444)
    database_file.parent.chmod(0o555)
    try:
        with ordinary_user():
            with pytest.raises(StorageError, match="cannot be written|cannot be opened") as caught:
                open_repository(database_file)
            assert "write" in caught.value.hint
            with pytest.raises(StorageError, match="cannot be opened or created"):
                open_repository(database_file.with_name("new.db"))
            with pytest.raises(StorageError, match="cannot be opened or created"):
                open_repository(database_file.parent / "folder" / "new.db")
    finally:
        database_file.parent.chmod(0o755)
