"""What the workspace removes by itself, and when: a worker calls ``sweep`` now and then.

Everything has a term of its own: unused uploads, deleted projects, exports, results that newer ones replaced; and a
project may have one after which it is deleted (marked, not purged: there is time to take it back).
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dubbing.derived import Derived
from dubbing.domain.project import Project
from dubbing.errors import DubbingError
from dubbing.ledger import ACTIVE
from dubbing.team import purging
from dubbing.team.exports import remove_file
from dubbing.team.projects import RULES
from dubbing.team.uploads import discard

if TYPE_CHECKING:
    from dubbing.api import Workspace

#: Results that two newer ones have replaced are kept this long: an edit that is taken back finds them again.
SUPERSEDED_DAYS = 14
#: What no row refers to may belong to a process that is just about to write one.
_GRACE = timedelta(days=1)


def sweep(workspace: Workspace, now: datetime | None = None) -> Mapping[str, int]:
    """Remove everything whose time has come; returns how many of each kind, and the bytes that it took.

    Safe to call at any time and from several processes. What cannot be removed now (somebody works on it) waits.
    """
    moment = now or datetime.now(UTC)
    work = _Sweep(workspace, moment)
    work.uploads()
    work.outlived()
    work.deleted()
    work.exports()
    work.superseded()
    work.orphans()
    return work.removed


class Janitor:
    """Sweeps now and then, for a process that runs on and on; a sweep that fails is tried again next time."""

    EVERY_S = 6 * 3600.0
    #: A process that has just started has something better to do.
    FIRST_AFTER_S = 300.0

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._due = time.monotonic() + self.FIRST_AFTER_S

    def now_and_then(self) -> None:
        """Call it whenever there is nothing to do."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self.EVERY_S
        with contextlib.suppress(DubbingError, OSError):
            sweep(self._workspace)


class _Sweep:
    def __init__(self, workspace: Workspace, now: datetime) -> None:
        self.workspace, self.storage, self.now = workspace, workspace.storage, now
        self.settings = workspace.settings
        self.removed = dict.fromkeys(("uploads", "outlived", "projects", "exports", "results", "orphans", "bytes"), 0)

    def uploads(self) -> None:
        """Uploads that no project took, and those that never arrived."""
        for record in self.storage.uploads.all():
            touched = max(record.created_at, _changed(record.path))
            if touched < self._before(self.settings.upload_days):
                self._count("uploads", purging.tree_bytes(record.path.parent))
                discard(record)
                self.storage.uploads.remove(record.id)

    def outlived(self) -> None:
        """Projects that nobody changed for longer than they ask to be kept: marked as deleted."""
        for project in self.storage.projects.all(archived=True):
            days = int(project.settings.get(RULES, {}).get("retention_days", 0))
            if days and self._last_change(project) < self._before(days) and \
                    not self.storage.jobs.all(project_id=project.id, statuses=ACTIVE):
                self.storage.projects.delete(project.id)
                self._count("outlived", 0)

    def _last_change(self, project: Project) -> datetime:
        edits = self.storage.history.latest(project.id, limit=1)
        return max([project.updated_at, *(edit.at for edit in edits)])

    def deleted(self) -> None:
        """Deleted projects whose time to be taken back is over: purged."""
        for project in self.storage.projects.all(archived=True, deleted=True):
            if project.deleted_at is not None and project.deleted_at < self._before(self.settings.deleted_days):
                try:
                    freed = purging.purge(self.workspace, project.id)
                except DubbingError:
                    continue  # still being worked on: next time
                self._count("projects", freed)

    def exports(self) -> None:
        """Files of old exports; that they were made stays on record."""
        if not self.settings.export_days:
            return
        for project in self.storage.projects.all(archived=True, deleted=True):
            for export in self.storage.exports.all(project.id):
                path = Path(export.path)
                if export.created_at < self._before(self.settings.export_days) and path.is_file():
                    before = purging.tree_bytes(path.parent)
                    remove_file(self.settings.home, export)
                    if not path.exists():
                        self._count("exports", before)

    def superseded(self) -> None:
        """Stored results that two newer ones of the same thing have replaced, and that nothing in use is made of."""
        old = self.storage.used.superseded(self._before(SUPERSEDED_DAYS))
        if not old:
            return
        used = purging.made_from(self.workspace.artifacts, (self.storage.used.all() - old) | self._standing())
        for key in old - used:
            freed = purging.remove_tree(self.workspace.artifacts.folder(key))
            if freed:
                self._count("results", freed)

    def _standing(self) -> set[str]:
        """What the dubs that people see now consist of, however old."""
        found: set[str] = set()
        for project in self.storage.projects.all(archived=True, deleted=True):
            derived = Derived(self.settings.home, project.id)
            for language in project.targets:
                if (standing := derived.standing(language)) is not None:
                    found |= {standing.video, standing.mix, *standing.takes.values(), *standing.rendered.values()}
        return found

    def orphans(self) -> None:
        """Folders that no row refers to: what a purge or a creation left that was killed half-way."""
        known = {project.id for project in self.storage.projects.all(archived=True, deleted=True)}
        uploads = {record.path.parent.name for record in self.storage.uploads.all()}
        consents = {one.id for one in self.storage.consents.all()}
        of = {**dict.fromkeys(purging.FOLDERS, known), "uploads": uploads, "consents": consents}
        for name, kept in of.items():
            for folder in (self.settings.home / name).glob("*"):
                if folder.is_dir() and folder.name not in kept and _changed(folder) < self.now - _GRACE:
                    held = purging.tree_bytes(folder)
                    shutil.rmtree(folder, ignore_errors=True)
                    self._count("orphans", held)

    def _before(self, days: int) -> datetime:
        return self.now - timedelta(days=days)

    def _count(self, kind: str, freed: int) -> None:
        self.removed[kind] += 1
        self.removed["bytes"] += freed


def _changed(path: Path) -> datetime:
    """When a file or folder was last written; long ago when it is not there."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)
