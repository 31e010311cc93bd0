"""From folders of talking heads to shards.

    python -m lipsync_core.train.data SRC... --out DIR [--sizes 96,192,256] [--layout auto] [--models FOLDER]

Every finished source is written down in ``DIR/journal.jsonl``; a run that was killed goes on where it stopped and ends
with the same files as one that was not, and a later run takes up what was added to the sources. Files that cannot be
read are counted and left out. The result is told in ``DIR/summary.json``, on the terminal, and with ``--json`` on
standard output.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lipsync_core.train.data.layouts import LAYOUTS, LayoutError, find_sources
from lipsync_core.train.data.shards import SPLITS, ShardError


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m lipsync_core.train.data", description=__doc__.split("\n")[0])
    made.add_argument("sources", nargs="+", type=Path, metavar="SRC", help="folders of videos, or videos")
    made.add_argument("--out", type=Path, required=True, help="folder of the shards; resumed when it is one")
    made.add_argument("--sizes", default="96,192,256", help="sides of the crops in pixels (default 96,192,256)")
    made.add_argument("--layout", choices=("auto", *LAYOUTS), default="auto", help="how the folders are laid out")
    made.add_argument("--models", type=Path,
                      help="folder of the face networks (default: LIPSYNC_MODELS, then the user's cache)")
    made.add_argument("--workers", type=int, default=1, help="processes, one core each (default 1)")
    made.add_argument("--test-share", type=float, default=0.1, help="share of people kept for the test (default 0.1)")
    made.add_argument("--val-share", type=float, default=0.1, help="share of people for validation (default 0.1)")
    made.add_argument("--split", choices=("people", *SPLITS), default="people",
                      help="people: by a hash of each; else all clips are of this split")
    made.add_argument("--shard-clips", type=int, default=64, help="clips a shard, at least (default 64)")
    made.add_argument("--shortest-seconds", type=float, default=1.5)
    made.add_argument("--longest-seconds", type=float, default=10.0, help="longer shots are divided (default 10)")
    made.add_argument("--least-px", type=float, default=64.0, help="height of a face below which it is left out")
    made.add_argument("--reach", type=int, default=10, help="frames by which a sound may be off and is moved back")
    made.add_argument("--trust-sound", action="store_true", help="do not ask whether sound and picture agree")
    made.add_argument("--json", action="store_true", help="the summary as JSON on standard output")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    made = parser()
    options = made.parse_args(arguments)
    from lipsync_core.face.models import ModelError, default_folder
    from lipsync_core.train.data.build import Plan, build
    from lipsync_core.train.data.extract import Wishes
    from lipsync_core.train.types import FPS

    models = options.models or default_folder()
    if models is None:
        made.error("give the folder of the face networks with --models")
    try:
        sizes = tuple(sorted({int(size) for size in options.sizes.split(",")}))
        if min(sizes) < 32 or max(sizes) > 1024:
            raise ValueError
    except ValueError:
        made.error(f"--sizes are whole numbers from 32 to 1024 with commas between, not {options.sizes!r}")
    wishes = Wishes(sizes, round(options.shortest_seconds * FPS), round(options.longest_seconds * FPS),
                    options.least_px, options.reach, not options.trust_sound)
    began = time.monotonic()
    try:
        found = find_sources(options.sources, options.layout)
        plan = Plan(options.out, models, wishes, options.workers, options.test_share, options.val_share,
                    None if options.split == "people" else options.split, options.shard_clips)
        summary = build(found, plan, _report(len(found), began))
    except (LayoutError, ShardError, ModelError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(summary) if options.json else told(summary))
    return 0


def told(summary: dict[str, Any]) -> str:
    """The summary for a terminal."""
    lines = [f"{summary['clips']} clips, {summary['seconds']:.0f} s of {summary['people']} people "
             f"from {summary['sources']} files ({summary['source_seconds']:.0f} s)"]
    for split, entry in summary["splits"].items():
        lines.append(f"  {split:<6}{entry['clips']:>7} clips {entry['seconds']:>9.0f} s {entry['people']:>6} people")
    lines += [f"  left out: {count} x {reason}" for reason, count in summary["dropped"].items()]
    if summary["unreadable"]:
        lines.append(f"  unreadable: {summary['unreadable']} files, such as {summary['unreadable_examples'][0]}")
    if summary["moved"]:
        lines.append("  sound moved (frames: clips): " +
                     ", ".join(f"{offset}: {count}" for offset, count in summary["moved"].items()))
    if summary["run_frames"]:
        lines.append(f"  this run: {summary['run_frames']} pictures, {summary['run_frames_per_second']:.0f} a second")
    return "\n".join(lines)


def _report(total: int, began: float) -> Any:
    def report(done: int, fresh: int, name: str) -> None:
        if fresh and fresh % 10 == 0:
            left = (time.monotonic() - began) / fresh * (total - done)
            print(f"{done} of {total} files, {left / 60:.0f} min left: {name}", file=sys.stderr, flush=True)

    return report


if __name__ == "__main__":
    sys.exit(main())
