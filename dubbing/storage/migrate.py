"""Versions of the database: creates it, brings it up to date, takes it back.

A brand-new database is made by the same migrations as an old one is changed by, so that there is one
way to a schema. All of an upgrade happens in one transaction where the database can (SQLite,
PostgreSQL): killed half-way, it never happened. Alembic is imported when there is something to migrate:
it takes longer to import than a database that is up to date takes to open.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import URL

from dubbing.errors import StorageError
from dubbing.storage.failures import told_plainly
from dubbing.storage.session import BUSY_MS, for_writing, make_engine, parse_url, sqlite_file

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

#: The newest migration; a test holds it to what lies in the folder.
REVISION = "0003"

_SQLITE_HEADER = b"SQLite format 3\x00"


def migrations_folder() -> Path:
    """Where the migrations lie: beside the package, in the source tree as in an installation."""
    return Path(__file__).parents[2] / "migrations"


def head(*, folder: Path | None = None) -> str:
    """The newest revision that this version of the program knows."""
    revision = _scripts(folder).get_current_head()
    if revision is None:
        raise StorageError("The program's migrations are missing.", "Install it again.")
    return revision


def current(url: str | Path | URL) -> str | None:
    """The revision of a database; None for one that is empty or does not exist yet."""
    parsed = url if isinstance(url, URL) else parse_url(url)
    file = sqlite_file(parsed)
    if file is not None and not file.exists():
        return None
    _check_file(parsed)
    engine = make_engine(parsed, wal=False)
    try:
        with told_plainly(_name(parsed)), engine.connect() as connection:
            return _current(connection)
    finally:
        engine.dispose()


def upgrade(url: str | Path | URL, revision: str = "head", *, busy_ms: int = BUSY_MS,
            folder: Path | None = None) -> None:
    """Bring a database to ``revision``, creating it where it does not exist. Raises StorageError."""
    _migrate(url, revision, forward=True, busy_ms=busy_ms, folder=folder)


def downgrade(url: str | Path | URL, revision: str, *, busy_ms: int = BUSY_MS, folder: Path | None = None) -> None:
    """Take a database back to ``revision``, "base" for an empty one, after copying it. Raises StorageError."""
    parsed = url if isinstance(url, URL) else parse_url(url)
    backup(parsed)
    _migrate(parsed, revision, forward=False, busy_ms=busy_ms, folder=folder)


def prepare(url: URL, *, busy_ms: int = BUSY_MS, folder: Path | None = None) -> Path | None:
    """Make a database ready for this version of the program; returns the backup where one was made.

    Raises StorageError for one that a newer version made, that is not ours, or that cannot be used.
    """
    file = sqlite_file(url)
    if file is None and url.get_backend_name() == "sqlite":
        raise StorageError("A database in memory cannot hold projects.", "Give the path of a file.")
    if file is not None:
        with told_plainly(str(file)):
            file.parent.mkdir(parents=True, exist_ok=True)
    _check_file(url)
    found = current(url)
    if found == (REVISION if folder is None else head(folder=folder)):
        return None
    if found is not None and found not in {script.revision for script in _scripts(folder).walk_revisions()}:
        raise StorageError(
            f"The database {_name(url)} was made by a newer version of this program.",
            "Update the program, or open one of the backups beside the database; nothing was changed.",
        )
    made = None if found is None else backup(url)
    upgrade(url, busy_ms=busy_ms, folder=folder)
    return made


def backup(url: str | Path | URL) -> Path | None:
    """Copy an SQLite database beside itself, whole even while others write; None for other databases."""
    parsed = url if isinstance(url, URL) else parse_url(url)
    file = sqlite_file(parsed)
    if file is None or not file.exists():
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    target = file.with_name(f"{file.name}.{current(parsed) or 'base'}.{stamp}.backup")
    partial = target.with_name(target.name + ".part")
    try:
        with (
            told_plainly(str(file)),
            closing(sqlite3.connect(file)) as source,
            closing(sqlite3.connect(partial)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _migrate(url: str | Path | URL, revision: str, *, forward: bool, busy_ms: int, folder: Path | None) -> None:
    from alembic import command
    from alembic.util import CommandError

    parsed = url if isinstance(url, URL) else parse_url(url)
    engine = make_engine(parsed, foreign_keys=False, busy_ms=busy_ms)
    config = _config(folder)
    try:
        # The write lock is taken before the revision is read: of two processes that both want to upgrade,
        # the second one waits and finds nothing left to do.
        with told_plainly(_name(parsed)), for_writing(engine).begin() as connection:
            _current(connection)
            config.attributes["connection"] = connection
            (command.upgrade if forward else command.downgrade)(config, revision)
            _check_references(connection, _name(parsed))
    except CommandError as error:
        raise StorageError(f"The database {_name(parsed)} cannot be brought to version {revision}: {error}.",
                           "Use a version that this program knows; nothing was changed.") from error
    finally:
        engine.dispose()


def _current(connection: Connection) -> str | None:
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise StorageError("The database holds somebody else's tables.", "Choose another one; nothing was changed.")
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _check_references(connection: Connection, name: str) -> None:
    """Foreign keys are off during a migration; it must not leave one that leads nowhere."""
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise StorageError(f"The database {name} holds rows that belong to nothing, so it was not migrated.",
                           "Restore a backup of it; nothing was changed.")


def _check_file(url: URL) -> None:
    """SQLite would take an empty or foreign file for its own until the first read; look first."""
    file = sqlite_file(url)
    if file is None or not file.exists():
        return
    with told_plainly(str(file)), file.open("rb") as stream:
        start = stream.read(len(_SQLITE_HEADER))
    if start not in (b"", _SQLITE_HEADER):
        raise StorageError(f"The file {file} is not a database.",
                           "Choose another file, or move this one away; it was left as it is.")


def _scripts(folder: Path | None) -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config(folder))


def _config(folder: Path | None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder or migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _name(url: URL) -> str:
    file = sqlite_file(url)
    return url.render_as_string(hide_password=True) if file is None else str(file)
