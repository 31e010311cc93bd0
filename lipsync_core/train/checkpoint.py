"""Checkpoints of a run: written whole or not at all, checked when read, the one before used when one is damaged."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_NAME = re.compile(r"step_(\d{9})\.pt")


class ResumeError(ValueError):
    """A run cannot be continued; the message says why."""


def save(folder: Path, step: int, content: Mapping[str, Any], keep: int = 2) -> Path:
    """Write ``step_<step>.pt`` (tensors and plain values alone) and drop all but the newest ``keep``.

    The file appears under its name only when all of it is on the disk.
    """
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step_{step:09d}.pt"
    beside = folder / f".step_{step:09d}.{os.getpid()}"
    try:
        with beside.open("wb") as file:
            torch.save(dict(content), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(folder)
    for old in found(folder)[:-max(keep, 1)]:
        old.unlink(missing_ok=True)
    # What a killed process left half written.
    for left in folder.glob(".step_*"):
        left.unlink(missing_ok=True)
    return path


def found(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(path for path in folder.glob("step_*.pt") if _NAME.fullmatch(path.name))


def step_of(path: Path) -> int:
    """The step after which a checkpoint was written."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ResumeError(f"{path.name} is no checkpoint of a run")
    return int(match[1])


def newest(folder: Path, say: Callable[[str], None] = print) -> dict[str, Any] | None:
    """The newest checkpoint that is whole, None when there is none at all; each damaged one is named through ``say``.

    Raises ``ResumeError`` when there are checkpoints and all are damaged.
    """
    paths = found(folder)
    for path in reversed(paths):
        try:
            return load(path)
        except ResumeError as error:
            say(f"{error}; the one before it is used")
    if paths:
        raise ResumeError(f"no checkpoint in {folder} can be read; start the run again without --resume")
    return None


def load(path: Path) -> dict[str, Any]:
    """One checkpoint, on the CPU. Raises ``ResumeError`` when it is cut off, altered or holds anything but values."""
    import torch

    try:
        # PyTorch's own reader does not compare checksums.
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                raise ResumeError(f"{path.name} is damaged")
        return torch.load(path, map_location="cpu", weights_only=True)
    except ResumeError:
        raise
    except Exception as error:  # each kind of damage fails in its own way
        raise ResumeError(f"{path.name} is cut off or damaged") from error


def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders; there the rename itself is durable
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
