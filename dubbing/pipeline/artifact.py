"""Artifacts: a stage's stored results, found by what they were made from.

An artifact is a folder named after a hash of the stage's name and version, the engine's id and version, its
parameters and its inputs' keys. It is built beside its place and moved in, so a half-written one is never
seen, whatever kills the process.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dubbing.errors import StorageError
from dubbing.media.atomic import sync_file, sync_folder

MANIFEST = "artifact.json"


def artifact_key(stage: str, version: str, engine: str, params: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """The sha256 that names a result; ``engine`` is ``id@version`` or empty."""
    recipe = {"stage": stage, "version": version, "engine": engine, "params": params, "inputs": inputs}
    text = json.dumps(recipe, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def file_sha256(path: Path, report: Callable[[float, float, str], None] | None = None) -> str:
    """The sha256 of a file's content, read in blocks."""
    digest, total, done = hashlib.sha256(), path.stat().st_size, 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            done += len(block)
            if report is not None:
                report(done, total, "")
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored result. ``facts`` is what the stage noted about it (small, JSON)."""

    key: str
    folder: Path
    facts: dict[str, Any]

    def path(self, name: str) -> Path:
        return self.folder / name

    def json(self, name: str) -> Any:
        return json.loads(self.path(name).read_text())


class ArtifactStore:
    """Artifacts under one root folder; safe for several processes at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._building = root / "building"

    def folder(self, key: str) -> Path:
        return self.root / key[:2] / key

    def find(self, key: str) -> Artifact | None:
        folder = self.folder(key)
        try:
            facts = json.loads((folder / MANIFEST).read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StorageError(f"A stored result cannot be read ({folder}).",
                               "Delete that folder; it is computed again.") from error
        return Artifact(key, folder, facts["facts"])

    @contextmanager
    def build(self, key: str, recipe: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield (folder to write into, facts to fill); on a clean exit the artifact is in its place."""
        with storage_errors(self.root):
            self._building.mkdir(parents=True, exist_ok=True)
            work = self._building / f"{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex[:8]}"
            work.mkdir()
            facts: dict[str, Any] = {}
            try:
                yield work, facts
                manifest = {"recipe": dict(recipe), "facts": facts}
                (work / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True))
                sync_tree(work)
                self._move_in(work, self.folder(key))
            finally:
                shutil.rmtree(work, ignore_errors=True)

    def _move_in(self, work: Path, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(work, folder)
        except OSError as error:
            # Another process finished the same result first: both are the same, keep theirs.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not (folder / MANIFEST).exists():
                raise
        sync_folder(folder.parent)

    def sweep(self) -> int:
        """Remove what processes that are gone left half-built; returns how many."""
        swept = 0
        for work in self._building.glob("*.*.*") if self._building.exists() else ():
            host, pid, _ = work.name.rsplit(".", 2)
            if host == socket.gethostname() and not _alive(int(pid)):
                shutil.rmtree(work, ignore_errors=True)
                swept += 1
        return swept


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sync_tree(folder: Path) -> None:
    """Flush every file below ``folder`` to the disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            sync_file(path)
        else:
            sync_folder(path)
    sync_folder(folder)


@contextmanager
def storage_errors(place: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(f"The disk of {place} is full.",
                               "Free some space, or set DUBBING_HOME to another disk.") from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise StorageError(f"{place} cannot be written.",
                               "Check its permissions, or set DUBBING_HOME to another folder.") from error
        raise
