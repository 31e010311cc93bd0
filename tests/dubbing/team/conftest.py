"""A workspace with a person for every role, and a project in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dubbing.api import Desk, Doors, Workspace, open_workspace
from dubbing.config import Settings
from dubbing.domain.project import Project
from dubbing.domain.review import Role
from dubbing.domain.speech import SpokenLine, Word
from dubbing.storage.repository import open_repository
from dubbing.team import passwords

PASSWORD = "correct horse battery"


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Argon2 as always, at a hundredth of the price."""
    from argon2 import PasswordHasher

    kept, quick = passwords._hasher, PasswordHasher(time_cost=1, memory_cost=256, parallelism=1)
    passwords._hasher = lambda: quick  # type: ignore[assignment]
    passwords._decoy.cache_clear()  # one that tests before these made at the full price
    yield
    passwords._hasher = kept
    passwords._decoy.cache_clear()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as the migrations make it; tests copy it, which is faster than to migrate each time."""
    file = tmp_path_factory.mktemp("empty-workspace") / "dubbing.db"
    open_repository(file).close()
    return file


@pytest.fixture(scope="session")
def database_with_project(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> tuple[Path, Project]:
    """A database that holds the project of ``project``."""
    file = shutil.copyfile(empty_database, tmp_path_factory.mktemp("workspace") / "dubbing.db")
    with open_repository(file) as storage:
        made = storage.projects.create("A film", "/films/film.mp4", source_sha256="0" * 64,
                                       media={"duration_ms": 60_000}, source_language="en", targets=["es", "de"],
                                       settings={"options": {"synthesizer": "fake"}})
        storage.utterances.import_lines(made.id, [
            say("Good morning.", 0, 1000), say("Who are you?", 1500, 2500, "S1"), say("A friend.", 3000, 4000)])
        for language, texts in (("es", ("Buenos días.", "¿Quién eres?", "Un amigo.")),
                                ("de", ("Guten Morgen.", "Wer bist du?", "Ein Freund."))):
            for number, text in enumerate(texts, 1):
                storage.translations.save_machine(made.id, f"u{number:04d}", language, text, engine="fake",
                                                  source_revision=1)
    return file, made


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest, empty_database: Path) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    wants_project = "project" in request.fixturenames
    file = request.getfixturevalue("database_with_project")[0] if wants_project else empty_database
    shutil.copyfile(file, home / "dubbing.db")
    return Settings(home=home)


@pytest.fixture
def workspace(settings: Settings) -> Iterator[Workspace]:
    """A workspace without anybody in it."""
    with open_workspace(settings) as opened:
        yield opened


@pytest.fixture
def single_user(settings: Settings) -> Iterator[Workspace]:
    with open_workspace(settings.model_copy(update={"single_user": True})) as opened:
        yield opened


@pytest.fixture
def doors(workspace: Workspace) -> Doors:
    return Doors(workspace)


@pytest.fixture
def project(workspace: Workspace, database_with_project: tuple[Path, Project]) -> Project:
    """A project of three lines by two speakers, dubbed into Spanish and German."""
    return database_with_project[1]


def say(text: str, start_ms: int, end_ms: int, speaker: str = "S0") -> SpokenLine:
    """A line whose words share its time evenly."""
    words = text.split()
    step = (end_ms - start_ms) // max(len(words), 1)
    timed = tuple(Word(word, start_ms + i * step, start_ms + (i + 1) * step, 0.5) for i, word in enumerate(words))
    return SpokenLine(speaker, text, start_ms, end_ms, timed, 0.5)


@pytest.fixture
def desk(workspace: Workspace) -> Callable[..., Desk]:
    """``desk("ana", Role.CLIENT)``: somebody with roles everywhere; without roles, a stranger to every project."""
    def at(login: str, *roles: Role) -> Desk:
        users = workspace.storage.users
        found = users.find(login=login) or users.create(login, login.title(), roles=roles, password_hash=None)
        return Desk(workspace, replace(found, roles=users.get(found.id).roles))
    return at


@pytest.fixture
def member(desk: Callable[..., Desk], workspace: Workspace, project: Project) -> Callable[..., Desk]:
    """``member("ana", Role.REVIEWER, "es")``: somebody with a role in the project, in all languages or in one."""
    def of(login: str, role: Role, language: str = "") -> Desk:
        seat = desk(login)
        workspace.storage.memberships.add(project.id, seat.person.id, role, language)
        return seat
    return of
