"""The file of a generator, looked at without PyTorch: whether it is there, whole, and what it says it is."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

#: The weights that come with the library.
EMBEDDED = Path(__file__).parents[1] / "train" / "weights" / "generator_96.safetensors"
#: What the card of a generator calls its kind.
KIND = "generator"
_LONGEST_HEADER = 16 << 20


def problem(path: Path) -> str | None:
    """What is wrong with a generator's file, in one sentence without a full stop; None when it looks right.

    Only the header is read: whether the tensors fit the network that the card describes is for ``own.load`` to find.
    """
    if not path.is_file():
        return f"there is no file {path}"
    try:
        header = _header(path)
        card = json.loads(header.pop("__metadata__", {}).get("card", "{}"))
        end = max(int(entry["data_offsets"][1]) for entry in header.values()) + header_bytes(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return f"{path.name} is damaged or no weights file of this library"
    if path.stat().st_size != end:
        return f"{path.name} is cut off: it has {path.stat().st_size:,} of {end:,} bytes"
    if not isinstance(card, dict) or card.get("kind") != KIND:
        return f"{path.name} holds no generator of this library"
    return None


def header_bytes(path: Path) -> int:
    """Where the tensors begin."""
    with open(path, "rb") as file:
        return 8 + int(struct.unpack("<Q", file.read(8))[0])


def _header(path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        length = int(struct.unpack("<Q", file.read(8))[0])
        if length > _LONGEST_HEADER:
            raise ValueError("no header")
        found = json.loads(file.read(length))
    if not isinstance(found, dict):
        raise ValueError("no header")
    return found
