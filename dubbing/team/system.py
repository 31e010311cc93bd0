"""The workspace itself at the desk: engines, models and their licences, room on the disk, what is removed when."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING

from dubbing.domain.review import Action
from dubbing.domain.workspace import EngineView, ModelView, Retention, StorageUse
from dubbing.errors import UsageError
from dubbing.rules import load_rules, save_rules
from dubbing.team import purging, retention
from dubbing.team.purging import artifact_sizes, tree_bytes
from dubbing.team.seat import Seat
from dubbing.team.uploads import existing_parent

if TYPE_CHECKING:
    from dubbing.registry import EngineStatus

_COMMAND = re.compile(r"`([^`]+)`")
_VARIABLE = re.compile(r"\bDUBBING_[A-Z0-9_]+")


class System:
    """What there is here; changes are for administrators."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._workspace = seat.workspace

    @property
    def version(self) -> str:
        """Of the product."""
        try:
            return package_version("dubbing-workspace")
        except PackageNotFoundError:  # run from a checkout that was never installed
            return "0"

    # engines and models -------------------------------------------------------------------------------------------

    def engines(self) -> list[EngineView]:
        """Every engine, by kind, best first; ``is_chosen`` where "auto", or the settings, take it.

        advice: the one line that adds it, a command where one does, and then why it is missing.
        """
        from dubbing import registry

        rows = registry.status()
        chosen = {kind: self._choice(kind, rows) for kind in registry.KINDS}
        return [EngineView(row.kind, row.name, row.licence, row.is_available, row.is_fake,
                           chosen[row.kind] == row.name, _advice(row.why_unavailable or "")) for row in rows]

    def _choice(self, kind: str, rows: list[EngineStatus]) -> str:
        from dubbing import registry

        settings = self._workspace.settings
        wanted = {"asr": settings.recognizer, "diarize": settings.diarizer, "translate": settings.translator,
                  "tts": settings.synthesizer, "separate": settings.separator, "lipsync": settings.lipsync}[kind]
        if wanted != "auto":
            return wanted
        able = (row.name for row in rows if row.kind == kind and row.is_available and not row.is_fake
                and not getattr(registry.create(kind, row.name), "on_request_only", False))
        return next(able, "")

    def models(self) -> list[ModelView]:
        """Every model of the catalog with its licence; a name with "*" stands for a family."""
        from dubbing.weights.store import Store

        store = Store()
        return [ModelView(entry.name, entry.licence, entry.commercial_use is not False, entry.size_bytes,
                          bool(store.present(entry.name.partition("*")[0])) if "*" in entry.name
                          else store.find(entry.name) is not None) for entry in store.entries()]

    def text_server(self) -> str:
        """The address of the server to which texts are sent for translation, without what could be secret in it; ""
        where none is set: then no text leaves this machine."""
        from urllib.parse import urlsplit

        parts = urlsplit(self._workspace.settings.openai_url)
        if not parts.hostname:
            return ""
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"

    def memory_budget_gb(self) -> float:
        """Memory that loaded models may take together, in GB."""
        from dubbing.memory import budget_mb

        return budget_mb() / 1000

    @property
    def commercial_only(self) -> bool:
        """Whether models that forbid commercial use are refused: by the settings, or by an administrator."""
        settings = self._workspace.settings
        return settings.commercial_only or load_rules(settings.home).commercial_only

    def set_commercial_only(self, wanted: bool) -> None:
        """Switch it for the whole workspace; workers obey from their next model on. For administrators.

        Raises UsageError when the settings demand it: only whoever runs the workspace can change those.
        """
        self._seat.require_everywhere(Action.ADMINISTER)
        settings = self._workspace.settings
        if settings.commercial_only and not wanted:
            raise UsageError("The settings of this installation refuse such models.",
                             "Unset DUBBING_COMMERCIAL_ONLY, or change it in the settings file, and start again.")
        save_rules(settings.home, replace(load_rules(settings.home), commercial_only=wanted))

    # room ---------------------------------------------------------------------------------------------------------

    def storage_use(self) -> StorageUse:
        """Bytes on the disk. by_project: what a purge of each project would at least free (without stored results
        that are shared). For people who may create projects or keep consents; others are told no more than the rest
        of the disk."""
        settings = self._workspace.settings
        home = settings.home
        free = shutil.disk_usage(existing_parent(home)).free
        if not self._seat.may_create:
            return StorageUse({}, {}, free)
        results = artifact_sizes(home / "artifacts")
        by_kind = {"database": sum(path.stat().st_size for path in home.glob("dubbing.db*")),
                   "artifacts": sum(results.values()), "segments": tree_bytes(home / "segments"),
                   "uploads": sum(tree_bytes(home / name) for name in ("uploads", "projects", "consents")),
                   "exports": tree_bytes(home / "exports"), "previews": tree_bytes(home / "derived"),
                   "models": tree_bytes(settings.cache)}
        return StorageUse(by_kind, self._by_project(home, results), free)

    def _by_project(self, home: Path, results: Mapping[str, int]) -> Mapping[str, int]:
        """Folders of a project, and the stored results that it made, each counted for the first who made it."""
        counted: set[str] = set()
        found: dict[str, int] = {}
        storage = self._workspace.storage
        for project in reversed(storage.projects.all(archived=True, deleted=True)):
            own = storage.used.of(project.id) - counted
            counted |= own
            found[project.id] = sum(results.get(key, 0) for key in own) + sum(
                tree_bytes(home / name / project.id) for name in purging.FOLDERS)
        return found

    # retention ----------------------------------------------------------------------------------------------------

    def retention(self) -> Retention:
        """After how long what is removed by itself."""
        settings = self._workspace.settings
        return Retention(deleted_days=settings.deleted_days, upload_days=settings.upload_days,
                         export_days=settings.export_days, superseded_days=retention.SUPERSEDED_DAYS)

    def sweep(self, now: datetime | None = None) -> Mapping[str, int]:
        """Remove what its time has come for, now; returns how many of each kind, and "bytes". For administrators."""
        self._seat.require_everywhere(Action.ADMINISTER)
        return retention.sweep(self._workspace, now)


def _advice(reason: str) -> str:
    if not reason:
        return ""
    command, variable = _COMMAND.search(reason), _VARIABLE.search(reason)
    line = command.group(1) if command else f"{variable.group(0)}=" if variable else ""
    return f"{line}  # {reason.replace('`', '')}" if line else reason
