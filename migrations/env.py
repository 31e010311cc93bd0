"""What Alembic runs: from the program on a connection that it holds, or from the command line on alembic.ini's."""

from __future__ import annotations

from typing import Literal

from alembic import context
from sqlalchemy import Connection

from dubbing.storage import tables, tables_people, tables_work
from dubbing.storage.base import Base, UtcDateTime
from dubbing.storage.session import for_writing, make_engine, parse_url, sqlite_file

metadata = Base.metadata
# Importing the modules is what fills the metadata; naming them here keeps the imports from looking unused.
all_tables = (tables, tables_people, tables_work)


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Migrations are frozen: they name plain column types, never the program's own."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    """Run the migrations in the connection's transaction; SQLite changes tables by rebuilding them."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=connection.dialect.name in ("sqlite", "postgresql"),
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


if (held := context.config.attributes.get("connection")) is not None:
    run(held)
else:
    url = parse_url(context.config.get_main_option("sqlalchemy.url", ""))
    if (file := sqlite_file(url)) is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    engine = for_writing(make_engine(url, foreign_keys=False))
    with engine.begin() as connection:
        run(connection)
