"""Workspaces with people at their desks, and projects in them, for tests of delivery."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from dubbing.api import Desk, DubOptions, Workspace
from dubbing.config import Settings
from dubbing.domain.project import Project
from dubbing.domain.review import Role
from dubbing.domain.speech import SpokenLine
from dubbing.storage.repository import open_repository
from tests.media_factory import Clip, write_clip


@cache
def _new_database() -> Path:
    """A database as the migrations make it: copying one is faster than to migrate for every test."""
    file = Path(tempfile.mkdtemp(prefix="dubbing-tests-")) / "dubbing.db"
    atexit.register(shutil.rmtree, file.parent, ignore_errors=True)
    open_repository(file).close()
    return file


@contextmanager
def workspace_in(folder: Path, **settings: Any) -> Iterator[Workspace]:
    """A workspace in ``folder``; opening it again later finds what was there."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    given = Settings(home=home, **settings)
    if not (home / "dubbing.db").exists():
        shutil.copyfile(_new_database(), home / "dubbing.db")
    with open_repository(given.url) as storage:
        yield Workspace(given, storage)


def desk(workspace: Workspace, login: str = "pablo", *roles: Role) -> Desk:
    """The desk of ``login``, made with ``roles`` (a project manager's by default) where there is none."""
    person = next((one for one in workspace.storage.users.all() if one.login == login), None)
    if person is None:
        person = workspace.storage.users.create(login, login.title(), roles=roles)
    return Desk(workspace, person)


def manager(workspace: Workspace) -> Desk:
    return desk(workspace, "pablo", Role.PROJECT_MANAGER)


def clip(path: Path, **what: Any) -> Path:
    """A short video that can be dubbed as far as a probe knows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_clip(path, Clip(**{"frames": 50, **what}))
    return path


def send(at: Desk, file: Path, purpose: str = "video") -> str:
    """Upload a file; returns the finished upload's id."""
    upload = at.uploads.begin(file.name, file.stat().st_size, purpose)
    at.uploads.append(upload.id, 0, [file.read_bytes()])
    at.uploads.finish(upload.id)
    return upload.id


def project(workspace: Workspace, name: str = "A film", *, targets: Sequence[str] = ("es",), lines: int = 3,
            source: Path | None = None, sha256: str = "0" * 64) -> Project:
    """A project with lines by two speakers, translated into every target, as if it had been understood."""
    made = workspace.storage.projects.create(
        name, source or "film.mp4", source_sha256=sha256, media={"duration_ms": 60_000, "video": {
            "height": 1080, "width": 1920, "rotation": 0}}, source_language="en", targets=targets,
        settings={"options": DubOptions(targets=tuple(targets), source="en").to_json()})
    workspace.storage.utterances.import_lines(made.id, [
        SpokenLine(f"S{n % 2 + 1}", f"Line {n}.", n * 3000, n * 3000 + 2000) for n in range(lines)])
    for utterance in workspace.storage.utterances.all(made.id):
        for language in targets:
            workspace.storage.translations.save_machine(
                made.id, utterance.id, language, f"{language}: {utterance.text}", engine="fake",
                source_revision=utterance.revision)
    return made


def take(workspace: Workspace, made: Project, utterance_id: str, language: str = "es", *, key: str = "a" * 64,
         **more: Any) -> str:
    """A chosen take of a line as it stands; returns its id."""
    utterance = workspace.storage.utterances.get(made.id, utterance_id)
    translation = workspace.storage.translations.get(made.id, utterance_id, language)
    assert translation is not None
    return workspace.storage.takes.record(
        made.id, utterance_id, language, artifact_key=key, text=translation.text, text_revision=translation.revision,
        utterance_revision=utterance.revision, engine="fake", voice="fake-a", tempo=1.0, duration_ms=1900, **more).id


