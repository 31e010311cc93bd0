"""Versions of the database: up, down, backups, and databases that are not ours to use."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from dubbing.domain.project import Project
from dubbing.errors import StorageError
from dubbing.storage import migrate, tables, tables_people, tables_work
from dubbing.storage.base import Base
from dubbing.storage.repository import Repository, open_repository
from dubbing.storage.session import make_engine, parse_url

assert tables and tables_people and tables_work, "importing them is what fills the metadata"
ALL_TABLES = set(Base.metadata.tables)

NEXT = '''
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = {before!r}


def upgrade() -> None:
    with op.batch_alter_table("utterances") as table:
        table.add_column(sa.Column("mood", sa.String(length=16), nullable=False, server_default="calm"))
        table.create_check_constraint("mood", "mood <> ''")


def downgrade() -> None:
    with op.batch_alter_table("utterances") as table:
        table.drop_constraint(op.f("ck_utterances_mood"), type_="check")
        table.drop_column("mood")
'''


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Migrations of a version of the program that is one revision ahead, and rebuilds a table with references."""
    folder = tmp_path / "newer"
    shutil.copytree(migrate.migrations_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "next.py").write_text(NEXT.format(before=migrate.head()))
    return folder


def rows(file: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


def tables_in(file: Path) -> set[str]:
    engine = make_engine(parse_url(file))
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_models_are_what_the_migrations_make(new_database: Path) -> None:
    engine = make_engine(parse_url(new_database))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()
    # Autogeneration does not look at check constraints: compare those as the database tells them.
    for name, table in Base.metadata.tables.items():
        declared = {str(one.name) for one in table.constraints if type(one).__name__ == "CheckConstraint"}
        found = {one["name"] for one in inspect(make_engine(parse_url(new_database))).get_check_constraints(name)}
        assert found == declared, name


def test_up_down_up_down(tmp_path: Path) -> None:
    file = tmp_path / "new" / "dubbing.db"
    assert migrate.current(file) is None and not file.exists()
    file.parent.mkdir()
    for _ in range(2):
        migrate.upgrade(file)
        assert migrate.current(file) == migrate.head()
        assert tables_in(file) == ALL_TABLES | {"alembic_version"}
        with open_repository(file) as repository:
            repository.projects.create("A film", "film.mp4", source_sha256="0", media={}, targets=["es"])
        migrate.downgrade(file, "base")
        assert migrate.current(file) is None and tables_in(file) == {"alembic_version"}
    assert len(list(file.parent.glob("*.backup"))) == 2


def test_what_the_first_version_held_is_carried_through_the_workspace_migration(tmp_path: Path) -> None:
    file = tmp_path / "dubbing.db"
    migrate.upgrade(file, "0001")
    with closing(sqlite3.connect(file)) as old:
        old.executescript("""
            INSERT INTO projects VALUES ('p', 'A film', 'f.mp4', '0', '{}', 'en', '{}', 0, 1,
                '2026-01-01', '2026-01-01', NULL, NULL);
            INSERT INTO consents VALUES ('c', 'Ada', 'voice', '[]', NULL, NULL, '', '', '', '', '2026-01-01', NULL);
            INSERT INTO speakers VALUES ('p', 'S0', 'Ada', '', '[]', 'c'), ('p', 'S1', 'Bob', '', '[]', NULL);
            INSERT INTO utterances VALUES ('p', 'u0001', 'S0', 0, 9, 'Hi', '[]', 1, NULL, 1, 1, 1, 0,
                '2026-01-01', NULL);
            INSERT INTO users VALUES ('a', 'ada', 'Ada', '', NULL, NULL, NULL, '2026-01-01', NULL);
            INSERT INTO exports VALUES ('e', 'p', 'es', 'f.es.mp4', '0', 'default', '{}', '2026-01-01');
        """)
    for _ in range(2):
        migrate.upgrade(file)
        assert rows(file, "SELECT * FROM speaker_consents") == [("p", "S0", "c")]
        assert rows(file, "SELECT locale, failed_sign_ins, locked_until FROM users") == [("en", 0, None)]
        assert rows(file, "SELECT job_id, actor, size_bytes, details FROM exports") == [("", "", 0, "{}")]
        migrate.downgrade(file, "0001")
        assert rows(file, "SELECT id, consent_id FROM speakers ORDER BY id") == [("S0", "c"), ("S1", None)]
        assert rows(file, "SELECT text FROM utterances") == [("Hi",)]
        assert "sessions" not in tables_in(file)


def test_texts_and_projects_are_carried_through_the_migration_of_quality_control(tmp_path: Path) -> None:
    file = tmp_path / "dubbing.db"
    migrate.upgrade(file, "0002")
    with closing(sqlite3.connect(file)) as old:
        old.executescript("""
            INSERT INTO projects VALUES ('p', 'A film', 'f.mp4', '0', '{}', 'en', '{}', 0, 1,
                '2026-01-01', '2026-01-01', NULL, NULL);
            INSERT INTO speakers VALUES ('p', 'S0', 'Ada', '', '[]');
            INSERT INTO utterances VALUES ('p', 'u0001', 'S0', 0, 9, 'Hi', '[]', 1, NULL, 1, 1, 1, 0,
                '2026-01-01', NULL);
            INSERT INTO translations VALUES ('p', 'u0001', 'es', 'Hola', 'apertium', 1, 1, 0, '2026-01-01');
        """)
    for _ in range(2):
        migrate.upgrade(file)
        with open_repository(file) as repository:
            assert repository.projects.get("p").series == ""
            kept = repository.translations.all("p", "es")["u0001"]
        assert (kept.text, kept.details) == ("Hola", {})
        assert rows(file, "SELECT count(*) FROM findings") == [(0,)]
        migrate.downgrade(file, "0002")
        assert rows(file, "SELECT text, engine FROM translations") == [("Hola", "apertium")]
        assert "findings" not in tables_in(file)


def test_the_newest_migration_is_the_one_that_is_expected() -> None:
    assert migrate.head() == migrate.REVISION


def test_an_up_to_date_database_is_used_without_alembic(new_database: Path, tmp_path: Path) -> None:
    file = shutil.copyfile(new_database, tmp_path / "dubbing.db")
    code = (
        "import sys; from pathlib import Path; from dubbing.storage.repository import open_repository; "
        "repository = open_repository(Path(sys.argv[1])); "
        "project = repository.projects.create('A film', 'film.mp4', source_sha256='0', media={}); "
        "repository.speakers.save(project.id, 'S0'); repository.jobs.enqueue('dub', {}); "
        "print('alembic' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    result = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, cwd=root,
                            check=True)
    assert result.stdout.strip() == "False"


def test_names_fit_every_database(new_database: Path) -> None:
    longest = 63  # PostgreSQL's limit; MySQL's is 64
    assert all(len(name) <= longest for (name,) in rows(new_database, "SELECT name FROM sqlite_master"))
    for table in Base.metadata.tables.values():
        for item in [*table.constraints, *table.indexes]:
            assert item.name is not None and len(str(item.name)) <= longest, item


def test_an_older_database_is_upgraded_after_a_backup(
    repository: Repository, project: Project, database_file: Path, newer: Path
) -> None:
    repository.translations.save(project.id, "u0001", "es", "Hola.", 0, actor="Ada")
    made = migrate.prepare(parse_url(database_file), folder=newer)
    assert made is not None and made.parent == database_file.parent and made.suffix == ".backup"
    assert rows(made, "SELECT count(*) FROM utterances") == [(3,)]
    assert migrate.current(made) == migrate.head()
    assert migrate.current(database_file) == "next"
    assert rows(database_file, "SELECT DISTINCT mood FROM utterances") == [("calm",)]
    assert rows(database_file, "SELECT text FROM translations") == [("Hola.",)], "rebuilding must not cascade"
    assert not list(database_file.parent.glob("*.part"))
    assert migrate.prepare(parse_url(database_file), folder=newer) is None

    migrate.downgrade(database_file, migrate.head(), folder=newer)
    assert migrate.current(database_file) == migrate.head()
    lines = repository.lines.all(project.id, "es")
    assert [line.utterance.text for line in lines] == ["Good morning.", "Who are you?", "A friend."]
    assert lines[0].translation is not None and lines[0].translation.text == "Hola."


def test_a_database_of_a_newer_version_is_left_alone(
    repository: Repository, project: Project, database_file: Path, newer: Path
) -> None:
    migrate.upgrade(database_file, folder=newer)
    before = sorted(database_file.parent.iterdir())
    with pytest.raises(StorageError, match="newer version") as caught:
        open_repository(database_file)
    assert "Update the program" in caught.value.hint
    assert migrate.current(database_file) == "next"
    assert {path.name for path in before} >= {path.name for path in database_file.parent.glob("*.backup")}


def test_a_failing_migration_never_happened(
    repository: Repository, project: Project, database_file: Path, newer: Path
) -> None:
    script = newer / "versions" / "next.py"
    mistake = "    op.execute('DELETE FROM speakers')\n\n\n"
    script.write_text(script.read_text().replace("def downgrade", mistake + "def downgrade"))
    with pytest.raises(StorageError, match="belong to nothing"):
        migrate.upgrade(database_file, folder=newer)
    assert migrate.current(database_file) == migrate.head()
    assert len(repository.speakers.all(project.id)) == 2
    with repository.database.read() as session:
        assert "mood" not in {column["name"] for column in inspect(session.connection()).get_columns("utterances")}


def test_an_unknown_revision_is_told(database_file: Path, repository: Repository) -> None:
    with pytest.raises(StorageError, match="cannot be brought to version 9999"):
        migrate.upgrade(database_file, "9999")


def _open(file: Path, barrier: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    open_repository(file).close()


def test_processes_that_create_one_database_at_once_all_get_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    processes = [context.Process(target=_open, args=(tmp_path / "one.db", barrier)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert migrate.current(tmp_path / "one.db") == migrate.head()


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_bytes(b"These are my notes." * 100)
    with pytest.raises(StorageError, match="is not a database"):
        open_repository(file)
    assert file.read_bytes() == b"These are my notes." * 100 and list(tmp_path.iterdir()) == [file]


def test_a_damaged_database_is_told(repository: Repository, project: Project, database_file: Path) -> None:
    repository.database.read()
    repository.close()
    with closing(sqlite3.connect(database_file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(database_file.read_bytes())
    content[100:8192] = os.urandom(8092)
    database_file.write_bytes(content)
    with pytest.raises(StorageError, match="is damaged|is not a database") as caught:
        open_repository(database_file)
    assert caught.value.hint


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    before = file.read_bytes()
    with pytest.raises(StorageError, match="somebody else's tables"):
        open_repository(file)
    assert file.read_bytes() == before


def test_addresses_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    for url, said in [("nonsense://", "no driver"), ("sqlite://", "in memory"), ("://x", "not a database address")]:
        with pytest.raises(StorageError, match=said):
            open_repository(url)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be opened"):
        open_repository(tmp_path / "file" / "dubbing.db")
    with pytest.raises(StorageError, match="cannot be opened"):
        open_repository(tmp_path)
