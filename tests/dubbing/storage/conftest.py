"""A database of its own for every test, and a project in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dubbing.domain.project import Project
from dubbing.domain.speech import SpokenLine, Word
from dubbing.storage import migrate
from dubbing.storage.repository import Repository, open_repository


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "dubbing.db"


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as the migrations make it; tests copy it, which is faster than to migrate each time."""
    file = tmp_path_factory.mktemp("new") / "dubbing.db"
    open_repository(file).close()
    return file


@pytest.fixture
def repository(new_database: Path, database_file: Path) -> Iterator[Repository]:
    """An empty repository: an SQLite file, or what ``DUBBING_TEST_URL`` names, a database to play with.

    ``DUBBING_TEST_URL=postgresql+psycopg://… pytest test_utterances.py test_projects.py test_jobs.py`` shows
    that another database does as well; the other files of this folder are about SQLite itself.
    """
    if url := os.environ.get("DUBBING_TEST_URL"):
        with open_repository(url) as opened:
            yield opened
        migrate.downgrade(url, "base")
        return
    database_file.parent.mkdir()
    shutil.copyfile(new_database, database_file)
    with open_repository(database_file) as opened:
        yield opened


def _say(text: str, start_ms: int, end_ms: int, speaker: str = "S0") -> SpokenLine:
    words = text.split()
    step = (end_ms - start_ms) // max(len(words), 1)
    timed = tuple(Word(word, start_ms + i * step, start_ms + (i + 1) * step, 0.5) for i, word in enumerate(words))
    return SpokenLine(speaker, text, start_ms, end_ms, timed, 0.5)


@pytest.fixture
def say() -> Callable[..., SpokenLine]:
    """``say(text, start_ms, end_ms, speaker="S0")``: a line whose words share its time evenly."""
    return _say


@pytest.fixture
def project(repository: Repository) -> Project:
    """A project of three lines by two speakers, dubbed into Spanish and German."""
    made = repository.projects.create(
        "A film", "film.mp4", source_sha256="0" * 64, media={"duration_ms": 60_000}, targets=["es", "de"]
    )
    repository.utterances.import_lines(made.id, [
        _say("Good morning.", 0, 1000), _say("Who are you?", 1500, 2500, "S1"), _say("A friend.", 3000, 4000),
    ])
    return made
