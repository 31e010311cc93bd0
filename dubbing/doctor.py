"""``dubbing doctor``: looks at this machine and says what is missing, why it matters and what adds it."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dubbing.config import load_settings
from dubbing.errors import DubbingError

ENOUGH_DISK_BYTES = 5 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. An optional one that is missing makes results better or faster, no more."""

    name: str
    is_ok: bool
    is_optional: bool
    state: str
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def examine() -> list[Finding]:
    """Every finding, the necessary ones first."""
    return [_python(), _home(), _database(), *_weights(), *_engines(), _memory(), _gpu(), _hub()]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info[:2] == (3, 11), False, version, "" if sys.version_info[:2] == (3, 11)
                   else "The pinned packages are for Python 3.11: make setup PYTHON=python3.11")


def _home() -> Finding:
    home = load_settings().home
    place = home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    is_ok = free >= ENOUGH_DISK_BYTES
    return Finding("Disk", is_ok, False, f"{free / 1e9:.0f} GB free for {home}",
                   "" if is_ok else "Free some space or set DUBBING_HOME to another disk.")


def _database() -> Finding:
    from dubbing.storage.repository import open_repository

    try:
        open_repository(load_settings().url).close()
    except DubbingError as error:
        return Finding("Database", False, False, error.message, error.hint)
    return Finding("Database", True, False, load_settings().url)


def _weights() -> list[Finding]:
    from dubbing.weights.store import Store

    store, findings = Store(), []
    for entry in store.defaults():
        is_here = store.find(entry.name) is not None
        reason = None if is_here else store.why_unavailable(entry.name)
        state = "here" if is_here else reason or "not fetched yet; the first use fetches it"
        findings.append(Finding(f"Weights: {entry.name}", is_here or reason is None, False, state,
                                "" if is_here else f"dubbing models pull {entry.name}"))
    return findings


def _engines() -> list[Finding]:
    from dubbing import registry

    findings = []
    for kind in registry.KINDS:
        rows = [row for row in registry.status() if row.kind == kind and not row.is_fake]
        able = [row.name for row in rows if row.is_available]
        findings.append(Finding(f"Engines: {kind}", bool(able), False, ", ".join(able) or "none", ""))
        findings += [Finding(f"Engine: {kind} {row.name}", False, True, row.why_unavailable or "")
                     for row in rows if not row.is_available]
    return findings


def _memory() -> Finding:
    from dubbing.memory import budget_mb, free_mb

    asked = load_settings().memory_budget_gb > 0
    state = f"models may take {budget_mb() / 1000:.1f} GB; {free_mb() / 1000:.1f} GB are free"
    return Finding("Memory", True, True, state,
                   "" if asked else "DUBBING_MEMORY_BUDGET_GB sets another bound.")


def _gpu() -> Finding:
    has_driver = Path("/proc/driver/nvidia/version").exists()
    if not has_driver:
        return Finding("GPU", False, True, "none; everything runs on the CPU", "An NVIDIA card makes it faster.")
    import torch

    usable = torch.cuda.is_available()
    return Finding("GPU", usable, True, torch.cuda.get_device_name() if usable else "a driver, but torch sees no card")


def _hub() -> Finding:
    if load_settings().offline:
        return Finding("Model hub", False, True, "not asked: DUBBING_OFFLINE is set", "Unset it for better models.")
    if find_spec("huggingface_hub") is None:
        return Finding("Model hub", False, True, "the package huggingface-hub is not installed")
    from dubbing.weights.hub import hub_answers

    answers = hub_answers()
    return Finding("Model hub", answers, True, "answers" if answers else "does not answer",
                   "" if answers else "The embedded models are used; better ones need a model hub in reach.")
