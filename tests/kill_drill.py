"""Kill a real dub with SIGKILL in every stage, again and again, and see whether the result is the same.

Run by hand, with the weights in the cache:  python -m tests.kill_drill VIDEO --to en --rounds 2

An undisturbed dub comes first. Then, in a second data folder, each stage is hit ``rounds`` times at a random moment
after it began; whatever that leaves is continued by the same command. At the end the file must be the undisturbed one
byte for byte, and no step may have been computed after it was finished.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

STAGES = ("sound", "transcribe", "diarize", "separate", "profile", "faces", "mouths", "translate", "synthesize",
          "lipsync", "mix", "export", "quality")


def start(video: Path, language: str, out: Path, home: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dubbing", "dub", str(video), "--to", language, "--out", str(out), "--json"]
    return subprocess.Popen(command, env={**os.environ, "DUBBING_HOME": str(home)}, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def running(home: Path, since: str) -> str | None:
    """The stage that runs now and began after ``since``, as the database says."""
    try:
        with sqlite3.connect(f"file:{home / 'dubbing.db'}?mode=ro", uri=True, timeout=2) as database:
            rows = database.execute("select stage from stage_runs where status = 'running' and started_at > ? "
                                    "order by started_at desc limit 1", (since,)).fetchall()
            return str(rows[0][0]) if rows else None
    except sqlite3.Error:
        return None


def hit(video: Path, language: str, out: Path, home: Path, stage: str, wait_s: float) -> str:
    """Let a dub run until ``stage``, kill it ``wait_s`` later; says in what stage it died."""
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    child = start(video, language, out, home)
    while child.poll() is None and running(home, since) != stage:
        time.sleep(0.01)
    time.sleep(wait_s)
    died_in = running(home, since) or "between stages"
    if child.poll() is None:
        child.send_signal(signal.SIGKILL)
        child.wait()
        return died_in
    return "finished first"


def typical(home: Path) -> dict[str, float]:
    with sqlite3.connect(home / "dubbing.db") as database:
        return dict(database.execute("select stage, max(seconds) from stage_runs group by stage").fetchall())


def computed_twice(home: Path) -> list[str]:
    """Stages of which a finished step was computed again."""
    with sqlite3.connect(home / "dubbing.db") as database:
        rows = database.execute("select stage, artifact_key from stage_runs where status = 'done'").fetchall()
    return [f"{stage} {key[:12]}" for (stage, key), count in Counter(rows).items() if count > 1]


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("video", type=Path)
    parser.add_argument("--to", default="en")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="kill-drill-") as folder:
        calm, stormy = Path(folder, "calm"), Path(folder, "stormy")
        whole, killed = Path(folder, "whole.mp4"), Path(folder, "killed.mp4")
        assert start(arguments.video, arguments.to, whole, calm).wait() == 0
        seconds = typical(calm)
        deaths: Counter[str] = Counter()
        for stage in STAGES:
            for _ in range(arguments.rounds):
                wait_s = moments.uniform(0, 0.9 * seconds.get(stage, 0.1))
                where = hit(arguments.video, arguments.to, killed, stormy, stage, wait_s)
                deaths[where] += 1
                print(f"aimed at {stage:<11} after {wait_s:6.2f} s: died in {where}", flush=True)
                assert not killed.exists() or sha(killed) == sha(whole), "a half-made file stood under its final name"
        assert start(arguments.video, arguments.to, killed, stormy).wait() == 0
        kills = sum(deaths.values()) - deaths["finished first"]
        print(f"{kills} kills; the same file: {sha(killed) == sha(whole)}; "
              f"computed twice: {computed_twice(stormy) or 'nothing'}")
        half_made = [p for p in Path(folder).glob(".killed*")]
        print(f"left behind: {half_made or 'nothing'}")
        assert sha(killed) == sha(whole) and not computed_twice(stormy)


if __name__ == "__main__":
    main()
