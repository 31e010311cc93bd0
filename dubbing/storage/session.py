"""The open database: connections, transactions, and how they are set up.

SQLite runs with a write-ahead log, so that readers never wait for the one writer, and with foreign keys
enforced. A write transaction takes the write lock when it begins (BEGIN IMMEDIATE): two writers queue up
for ``BUSY_MS`` instead of failing half-way when a read turns into a write.

``synchronous`` is chosen per transaction. What a person was told is saved must survive a power cut:
FULL, one disk flush a commit. Heartbeats and progress come several times a second and are worth nothing
after a power cut: NORMAL, no flush. Neither can corrupt the file, and a killed process loses nothing
that was committed either way.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session

from dubbing.errors import StorageError
from dubbing.storage.failures import told_plainly

#: How long a writer waits for another one before it gives up.
BUSY_MS = 10_000

_WRITE = "dubbing_write"
_DURABLE = "dubbing_durable"


class Database:
    """An engine with the two kinds of transaction that repositories use. Safe to share between threads."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name
        self._saving = for_writing(engine)
        self._noting = engine.execution_options(**{_WRITE: True, _DURABLE: False})

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one consistent state of the database; what it writes is thrown away."""
        with told_plainly(self.name), Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back when it raises.

        ``durable`` False is for notes that a power cut may take (heartbeats, progress).
        """
        with told_plainly(self.name), Session(self._saving if durable else self._noting) as session, session.begin():
            yield session

    def close(self) -> None:
        """Let go of all connections; the object can still be used and opens new ones."""
        self.engine.dispose()


def parse_url(url: str | Path) -> URL:
    """A database address from an SQLAlchemy URL or the path of an SQLite file. Raises StorageError."""
    if isinstance(url, Path) or "://" not in url:
        return URL.create("sqlite", database=str(Path(url).expanduser()))
    try:
        return make_url(url)
    except ArgumentError as error:
        raise StorageError(f"{url!r} is not a database address.", "Write it like sqlite:////folder/file.db.") from error


def sqlite_file(url: URL) -> Path | None:
    """The file of an SQLite address; None for a database in memory or on a server."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def make_engine(url: URL, *, foreign_keys: bool = True, wal: bool = True, busy_ms: int = BUSY_MS) -> Engine:
    """An engine whose SQLite connections are set up as this module says. Raises StorageError.

    ``foreign_keys`` False is for migrations alone: SQLite changes a table by rebuilding it, and dropping
    the old one would take along the rows that refer to it. ``wal`` False is for a look at a file that may not be ours.
    """
    try:
        engine = create_engine(url)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StorageError(
            f"There is no driver for {url.drivername} databases here.",
            "Install the driver's Python package, or use an SQLite file.",
        ) from error
    if engine.dialect.name == "sqlite":
        _set_up_sqlite(engine, foreign_keys=foreign_keys, wal=wal, busy_ms=busy_ms)
    return engine


def _set_up_sqlite(engine: Engine, *, foreign_keys: bool, wal: bool, busy_ms: int) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions behind our back
        connection.execute(f"PRAGMA busy_timeout = {busy_ms}")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        if wal:
            _switch_to_wal(connection, busy_ms)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get(_WRITE, False):
            durable = options.get(_DURABLE, True)
            connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("BEGIN")


def _switch_to_wal(connection: sqlite3.Connection, busy_ms: int) -> None:
    """Turn the write-ahead log on; the file remembers it. SQLite does not wait for others here, so we do."""
    deadline = time.monotonic() + busy_ms / 1000
    while connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def for_writing(engine: Engine) -> Engine:
    """The same engine, its transactions taking the write lock at once and flushing to disk."""
    return engine.execution_options(**{_WRITE: True, _DURABLE: True})
