"""The manifest of a cached model: what each file must be, checked cheaply or fully."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
_BLOCK = 1 << 20


def sha256_of(path: Path, progress: Callable[[int], None] = lambda _: None) -> str:
    """Hex sha256 of a file; ``progress`` is called with the bytes of each block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            progress(len(block))
    return digest.hexdigest()


def write_manifest(folder: Path, name: str, hashes: dict[str, str], **facts: str) -> None:
    """Record the files of ``folder``: ``hashes`` maps a path inside it to the file's sha256."""
    files = {path: {"sha256": digest, **_stat(folder / path)} for path, digest in sorted(hashes.items())}
    _replace(folder, {"name": name, **facts, "files": files})


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest, or None when it is missing or unreadable."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return manifest if isinstance(manifest["files"], dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def problem(folder: Path, *, full: bool) -> str | None:
    """What is wrong with the cached files, or None.

    The cheap check compares size and modification time; a file that was touched since it was fetched is
    hashed, and trusted again when its content is the same. ``full`` hashes every file.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return "its manifest is missing or unreadable"
    touched = False
    for path, facts in manifest["files"].items():
        file = folder / path
        try:
            now = _stat(file)
        except OSError:
            return f"{path} is missing"
        if now["bytes"] != facts["bytes"]:
            return f"{path} has {now['bytes']} bytes instead of {facts['bytes']}"
        if full or now["mtime_ns"] != facts["mtime_ns"]:
            if sha256_of(file) != facts["sha256"]:
                return f"the content of {path} has changed"
            touched |= now["mtime_ns"] != facts["mtime_ns"]
            facts.update(now)
    if touched and os.access(folder, os.W_OK):
        _replace(folder, manifest)
    return None


def _stat(file: Path) -> dict[str, int]:
    stat = file.stat()
    return {"bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _replace(folder: Path, manifest: dict[str, Any]) -> None:
    partial = folder / f"{MANIFEST}.{os.getpid()}"
    partial.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    os.replace(partial, folder / MANIFEST)
