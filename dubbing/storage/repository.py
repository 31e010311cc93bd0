"""All that the rest of the product knows of the database: ``open_repository`` and what it returns.

Everything that comes out is a value of ``dubbing.domain``; everything that goes wrong is a DubbingError
(StorageError: the database is in the way, ConflictError: somebody was faster, UsageError: the request
makes no sense). Each call is a transaction of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

# Foreign keys of other tables point into these, so they must be known even where nobody reads them.
from dubbing.storage import tables_people  # noqa: F401
from dubbing.storage.cards import Cards
from dubbing.storage.casting import Casting
from dubbing.storage.comments import Comments
from dubbing.storage.consents import Consents
from dubbing.storage.findings import Findings
from dubbing.storage.history import History
from dubbing.storage.imported import Imported
from dubbing.storage.jobs import Jobs, Workers
from dubbing.storage.line_edits import LineEdits
from dubbing.storage.lines import Lines
from dubbing.storage.memberships import Memberships
from dubbing.storage.memory import Memory
from dubbing.storage.migrate import prepare
from dubbing.storage.projects import Projects, Speakers
from dubbing.storage.restoring import Restoring
from dubbing.storage.reviews import Reviews
from dubbing.storage.runs import Exports, StageRuns
from dubbing.storage.series import SeriesTable
from dubbing.storage.session import BUSY_MS, Database, make_engine, parse_url
from dubbing.storage.sessions import Sessions
from dubbing.storage.takes import Takes
from dubbing.storage.terms import Terms
from dubbing.storage.translations import Translations
from dubbing.storage.uploads import Uploads
from dubbing.storage.used import UsedArtifacts
from dubbing.storage.users import Users
from dubbing.storage.utterances import Utterances


@dataclass(frozen=True, slots=True)
class Repository:
    """The tables by aggregate. Safe to share between threads; every process opens its own."""

    database: Database
    projects: Projects
    speakers: Speakers
    utterances: Utterances
    translations: Translations
    takes: Takes
    lines: Lines
    line_edits: LineEdits
    memory: Memory
    terms: Terms
    reviews: Reviews
    history: History
    runs: StageRuns
    exports: Exports
    jobs: Jobs
    workers: Workers
    users: Users
    sessions: Sessions
    memberships: Memberships
    comments: Comments
    restoring: Restoring
    cards: Cards
    uploads: Uploads
    consents: Consents
    casting: Casting
    imported: Imported
    used: UsedArtifacts
    series: SeriesTable
    findings: Findings

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None,
                 _trace: TracebackType | None) -> None:
        self.close()


def open_database(url: str | Path, *, busy_ms: int = BUSY_MS) -> Database:
    """Open a database, after creating it or bringing it up to date where needed.

    ``url`` is an SQLAlchemy URL or the path of an SQLite file. A database of an older version is copied
    beside itself (``NAME.REVISION.TIME.backup``) before it is changed. Raises StorageError.
    """
    parsed = parse_url(url)
    prepare(parsed, busy_ms=busy_ms)
    name = parsed.database if parsed.get_backend_name() == "sqlite" else parsed.render_as_string(hide_password=True)
    return Database(make_engine(parsed, busy_ms=busy_ms), str(name))


def open_repository(url: str | Path, *, busy_ms: int = BUSY_MS) -> Repository:
    """Open a database and everything that reads and writes it; see ``open_database``."""
    database = open_database(url, busy_ms=busy_ms)
    return Repository(
        database=database,
        projects=Projects(database),
        speakers=Speakers(database),
        utterances=Utterances(database),
        translations=Translations(database),
        takes=Takes(database),
        lines=Lines(database),
        line_edits=LineEdits(database),
        memory=Memory(database),
        terms=Terms(database),
        reviews=Reviews(database),
        history=History(database),
        runs=StageRuns(database),
        exports=Exports(database),
        jobs=Jobs(database),
        workers=Workers(database),
        users=Users(database),
        sessions=Sessions(database),
        memberships=Memberships(database),
        comments=Comments(database),
        restoring=Restoring(database),
        cards=Cards(database),
        uploads=Uploads(database),
        consents=Consents(database),
        casting=Casting(database),
        imported=Imported(database),
        used=UsedArtifacts(database),
        series=SeriesTable(database),
        findings=Findings(database),
    )
