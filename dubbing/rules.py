"""Rules that an administrator sets in the workspace itself, kept beside its database: every process obeys at once.

Settings (environment, settings file) are read when a process starts and belong to whoever runs it; these belong to
the people who use the workspace, and can only make the settings stricter.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dubbing.media.atomic import replacing

FILE = "rules.json"


@dataclass(frozen=True, slots=True)
class Rules:
    """``commercial_only``: models whose licence forbids commercial use are refused."""

    commercial_only: bool = False


def load_rules(home: Path) -> Rules:
    """The rules of the workspace in ``home``; a file that cannot be read is as good as the strictest."""
    path = home / FILE
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Rules(commercial_only=bool(said["commercial_only"]))
    except FileNotFoundError:
        return Rules()
    except (OSError, ValueError, KeyError, TypeError):
        return Rules(commercial_only=True)


def save_rules(home: Path, rules: Rules) -> None:
    """Raises StorageError when they cannot be written."""
    with replacing(home / FILE) as temporary:
        temporary.write_text(json.dumps(asdict(rules)), encoding="utf-8")
