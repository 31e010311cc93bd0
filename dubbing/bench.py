"""``dubbing bench``: what a dub costs here, stage by stage, in multiples of the video's length.

Nothing is reused: every run works in a data folder of its own. Times depend on the machine and on what else it does;
the ratios between stages of one run are what to compare.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dubbing import __version__
from dubbing.api import DubOptions, DubResult, open_workspace
from dubbing.config import load_settings
from dubbing.pipeline.progress import Listener


@dataclass(frozen=True, slots=True)
class Bench:
    """One measured run. ``rows`` are the stages' summaries."""

    video: str
    target: str
    seconds: float
    duration_s: float
    rows: list[dict[str, Any]]

    @property
    def ratio(self) -> float:
        """Seconds of work for a second of video."""
        return self.seconds / self.duration_s

    def to_json(self) -> dict[str, Any]:
        return {"at": datetime.now(UTC).isoformat(timespec="seconds"), "version": __version__, "machine": machine(),
                "video": self.video, "target": self.target, "duration_s": round(self.duration_s, 2),
                "seconds": round(self.seconds, 2), "times_duration": round(self.ratio, 3),
                "peak_mb": max(row["peak_mb"] for row in self.rows), "stages": self.rows}


def measure(video: Path, options: DubOptions, listener: Listener) -> Bench:
    """Dub ``video`` from nothing and say what each stage took. Weights must be in the cache already."""
    with tempfile.TemporaryDirectory(prefix="dubbing-bench-") as folder:
        settings = load_settings().model_copy(update={"home": Path(folder), "database_url": ""})
        with open_workspace(settings) as workspace:
            started = time.monotonic()
            result: DubResult = workspace.dub(video, options, out=Path(folder) / "out", listener=listener)
            seconds = time.monotonic() - started
    return Bench(video.name, options.targets[0], seconds, result.duration_s, result.stages)


def machine() -> str:
    """The processor, how many cores, and the system."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def keep(bench: Bench, history: Path) -> None:
    """Append a run to the history, one JSON object a line."""
    history.parent.mkdir(parents=True, exist_ok=True)
    with open(history, "a") as file:
        file.write(json.dumps(bench.to_json(), ensure_ascii=False) + "\n")
