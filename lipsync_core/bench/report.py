"""The bench's table and its history, one JSON object a run, kept in the repository with the device's name."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HISTORY = Path("bench/lipsync_core.jsonl")
#: One measurement: "group" and "name", then figures whose keys carry their unit.
Row = dict[str, Any]


def record(part: str, device: str, rows: list[Row], **details: Any) -> dict[str, Any]:
    """One entry of the history."""
    return {"at": datetime.now(UTC).isoformat(timespec="seconds"), "part": part, "device": device, **details,
            "rows": rows}


def keep(entry: dict[str, Any], history: Path = HISTORY) -> None:
    """Append a run to the history."""
    history.parent.mkdir(parents=True, exist_ok=True)
    with open(history, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def table(rows: list[Row]) -> str:
    """Rows as text, a block for each group; a block's columns are the figures that its rows have."""
    lines: list[str] = []
    for group in dict.fromkeys(row["group"] for row in rows):
        members = [row for row in rows if row["group"] == group]
        columns = [k for k in dict.fromkeys(k for row in members for k in row) if k not in ("group", "name")]
        cells = [[str(row["name"]), *(_text(row.get(c)) for c in columns)] for row in members]
        heads = [group, *columns]
        widths = [max(len(line[i]) for line in [heads, *cells]) for i in range(len(heads))]
        for line in (heads, *cells):
            first, *rest = (cell.ljust(w) if i == 0 else cell.rjust(w)
                            for i, (cell, w) in enumerate(zip(line, widths, strict=True)))
            lines.append("  ".join([first, *rest]).rstrip())
        lines.append("")
    return "\n".join(lines).rstrip()


def processor() -> str:
    """The processor, how many cores, and the system."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = found[0].partition(":")[2].strip() if found else name
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 1 else f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)
