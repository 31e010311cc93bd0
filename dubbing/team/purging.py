"""Removing a project for good: its rows, its folders, and stored results that nothing else was made from."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dubbing.domain.project import JobStatus
from dubbing.errors import UsageError
from dubbing.ledger import ACTIVE, is_free
from dubbing.pipeline.artifact import MANIFEST, ArtifactStore

if TYPE_CHECKING:
    from dubbing.api import Workspace

#: Folders under the data folder that hold one folder a project.
FOLDERS = ("projects", "segments", "derived", "exports")


def purge(workspace: Workspace, project_id: str) -> int:
    """Remove a deleted project; returns the bytes that its files took.

    The rows go first: whatever happens then, nothing refers to what is no longer there, and ``sweep`` finds what is
    left. Raises UsageError while the project is not deleted, or while somebody works on it.
    """
    storage = workspace.storage
    project = storage.projects.get(project_id)
    if project.deleted_at is None:
        raise UsageError(f"{project.name} is not deleted.", "Delete it first; until it is purged it can be taken back.")
    active = storage.jobs.all(project_id=project_id, statuses=ACTIVE)
    if any(job.status is JobStatus.RUNNING and not is_free(job) for job in active):
        raise UsageError(f"{project.name} is still being worked on.", "Its job was asked to stop; try again soon.")
    unshared = unshared_artifacts(workspace, project_id)
    storage.projects.purge(project_id)
    freed = sum(remove_tree(workspace.artifacts.folder(key)) for key in unshared)
    return freed + sum(remove_tree(workspace.settings.home / folder / project_id) for folder in FOLDERS)


def unshared_artifacts(workspace: Workspace, project_id: str) -> set[str]:
    """Keys of stored results that this project made or uses, and no other project does.

    Another project's are those that it recorded, what those were made from, and, because a result that was found
    done leaves no record, what this project made of the same video for languages that the other one has, too.
    """
    storage = workspace.storage
    project = storage.projects.get(project_id)
    own = storage.used.of(project_id)
    others = [one for one in storage.projects.all(archived=True, deleted=True) if one.id != project_id]
    twins = [one for one in others if one.source_sha256 == project.source_sha256]
    kept = storage.used.of_others(project_id)
    if twins:
        shared = {"", *(language for one in twins for language in one.targets)}
        kept |= storage.used.of(project_id, languages=shared)
    return own - made_from(workspace.artifacts, kept)


def made_from(store: ArtifactStore, keys: Iterable[str]) -> set[str]:
    """``keys`` and, as their recipes say, everything that they were made from."""
    found: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key in found:
            continue
        found.add(key)
        try:
            recipe = json.loads((store.folder(key) / MANIFEST).read_text())["recipe"]
        except (OSError, ValueError, KeyError):
            continue
        waiting += [value for value in recipe.get("inputs", {}).values() if value not in found]
    return found


def tree_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where there is none. Links are not followed."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue  # removed meanwhile, or never there
    return total


def artifact_sizes(root: Path) -> dict[str, int]:
    """Bytes of every stored result by its key, from one walk through their folders."""
    return {folder.name: tree_bytes(folder) for folder in root.glob("[0-9a-f][0-9a-f]/*")}


def remove_tree(folder: Path) -> int:
    """Delete a folder with all that is in it; returns the bytes that it held."""
    held = tree_bytes(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return held
