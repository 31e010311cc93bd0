"""Many sources into shards: in order, in several processes, and again after a kill.

Three steps, each whole or not at all: a source's clips are staged in files of their own, then the source is written
into the journal, and staged clips of one split become a shard as soon as there are enough. What was done is told by the
journal and by the shards in the index alone, so a kill between any two steps costs at most one source.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipsync_core.train.data.extract import Account, Wishes, clips_of
from lipsync_core.train.data.layouts import Source
from lipsync_core.train.data.shards import (
    INDEX,
    SPLITS,
    Packed,
    ShardError,
    read_index,
    read_shard,
    write_index,
    write_shard,
)
from lipsync_core.train.data.splits import assign
from lipsync_core.train.files import write_atomic
from lipsync_core.train.types import FPS, ClipInfo

JOURNAL, SUMMARY, STAGED, LOCK = "journal.jsonl", "summary.json", "staged", ".lock"
#: Clips of one long source that are staged together.
_PART = 32
_EXAMPLES = 20

#: (sources done of all, done in this run, name of the last)
Report = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Where and how: see the command line. split: of everybody, None for a split by person."""

    out: Path
    models: Path
    wishes: Wishes
    workers: int = 1
    test_share: float = 0.1
    val_share: float = 0.1
    split: str | None = None
    shard_clips: int = 64


def build(sources: Sequence[Source], plan: Plan, report: Report | None = None) -> dict[str, Any]:
    """Bring the shards of ``plan.out`` up to date with ``sources``; returns the summary.

    Raises ShardError when the folder was begun with other sizes, ModelError without the face networks.
    """
    from lipsync_core.face.models import FaceModels

    FaceModels(plan.models)
    plan.out.mkdir(parents=True, exist_ok=True)
    with _alone(plan.out):
        return _build(sources, plan, report)


def _build(sources: Sequence[Source], plan: Plan, report: Report | None) -> dict[str, Any]:
    work = _Work(plan)
    began, fresh, frames = time.monotonic(), 0, 0
    splits = assign(((s.person, s.official) for s in sources), work.people(), plan.test_share, plan.val_share)
    todo = [(source, plan.split or splits[source.person], plan) for source in sources if source.name not in work.done]
    for entry in _extracted(todo, plan.workers):
        work.add(entry)
        fresh, frames = fresh + 1, frames + entry["frames"]
        if report is not None:
            report(len(sources) - len(todo) + fresh, fresh, entry["name"])
    work.finish()
    seconds = time.monotonic() - began
    summary = {**work.summary(), "run_frames": frames, "run_seconds": round(seconds, 1),
               "run_frames_per_second": round(frames / max(seconds, 1e-6), 1)}
    write_atomic(plan.out / SUMMARY, json.dumps(summary, indent=1).encode())
    return summary


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No second run writes to the folder meanwhile; the lock goes with the process, however that ends."""
    import fcntl

    with open(folder / LOCK, "ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ShardError(f"another run is writing to {folder}: let it finish") from None
        yield


class _Work:
    """What is done so far, on disk and in memory."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._out = plan, plan.out
        self._shards: list[dict[str, Any]] = []
        if (self._out / INDEX).exists():
            index = read_index(self._out)
            if tuple(index["sizes"]) != plan.wishes.sizes:
                raise ShardError(f"{self._out} was begun with pictures of {index['sizes']} pixels: go on with these, "
                                 "or choose another folder")
            self._shards = index["shards"]
        self.entries = _read_journal(self._out / JOURNAL)
        self.done = {entry["name"] for entry in self.entries}
        self._infos = [ClipInfo(**entry) for shard in self._shards
                       for entry in json.loads((self._out / f"{shard['name']}.json").read_text())]
        sealed = {info.source for info in self._infos}
        for entry in self.entries:
            if entry["name"] in sealed:
                self._forget(entry)
        self._pending: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
        for entry in self.entries:
            if entry["clips"] and entry["name"] not in sealed:
                self._wait(entry)

    def people(self) -> dict[str, str]:
        """The split of everybody who is in the journal."""
        return {entry["person"]: entry["split"] for entry in self.entries}

    def add(self, entry: dict[str, Any]) -> None:
        """Write a source down whose clips are staged."""
        with open(self._out / JOURNAL, "ab") as file:
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.entries.append(entry)
        self.done.add(entry["name"])
        if entry["clips"]:
            self._wait(entry)

    def finish(self) -> None:
        """Seal what is left, and clear away what only a run needs."""
        for split in SPLITS:
            if self._pending[split]:
                self._seal(split)
        self._write_index()
        shutil.rmtree(self._out / STAGED, ignore_errors=True)
        for half_written in self._out.glob(".*.[0-9]*"):
            half_written.unlink()

    def _wait(self, entry: dict[str, Any]) -> None:
        waiting = self._pending[entry["split"]]
        waiting.append(entry)
        if sum(e["clips"] for e in waiting) >= self._plan.shard_clips:
            self._seal(entry["split"])

    def _seal(self, split: str) -> None:
        entries, self._pending[split] = self._pending[split], []
        clips = [clip for entry in entries for clip in self._staged(entry)]
        name = f"{len(self._shards):05d}"
        write_shard(self._out, name, clips)
        self._infos += [clip.info for clip in clips]
        self._shards.append({"name": name, "split": split, "clips": len(clips),
                             "frames": sum(clip.info.frames for clip in clips)})
        self._write_index()
        for entry in entries:
            self._forget(entry)

    def _write_index(self) -> None:
        write_index(self._out, self._plan.wishes.sizes, self._shards)

    def _staged(self, entry: dict[str, Any]) -> Iterator[Packed]:
        for part in range(entry["parts"]):
            yield from read_shard(self._out / STAGED, _stage(entry["name"], part), self._plan.wishes.sizes)

    def _forget(self, entry: dict[str, Any]) -> None:
        for part in range(entry["parts"]):
            for file in (self._out / STAGED).glob(f"{_stage(entry['name'], part)}.*"):
                file.unlink()

    def summary(self) -> dict[str, Any]:
        dropped: Counter[str] = Counter()
        for entry in self.entries:
            dropped.update(entry["dropped"])
        failed = [entry["error"] for entry in self.entries if entry["error"]]
        splits = {}
        for split in SPLITS:
            own = [info for info in self._infos if info.split == split]
            splits[split] = {"clips": len(own), "seconds": sum(i.frames for i in own) / FPS,
                             "people": len({i.person for i in own})}
        moved = Counter(info.offset_frames for info in self._infos if info.offset_frames)
        return {"sources": len(self.entries), "source_seconds": sum(e["seconds"] for e in self.entries),
                "clips": len(self._infos), "seconds": sum(i.frames for i in self._infos) / FPS,
                "people": len({i.person for i in self._infos}), "sizes": list(self._plan.wishes.sizes),
                "splits": splits, "dropped": dict(dropped.most_common()), "unreadable": len(failed),
                "unreadable_examples": failed[:_EXAMPLES], "moved": {str(k): v for k, v in sorted(moved.items())}}


def _read_journal(path: Path) -> list[dict[str, Any]]:
    """Whole lines; one that a kill cut short is taken off, its source is done again."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        write_atomic(path, whole)
    try:
        return [json.loads(line) for line in whole.splitlines()]
    except ValueError as error:
        raise ShardError(f"{path} is damaged: {error}") from error


def _extracted(todo: Sequence[tuple[Source, str, Plan]], workers: int) -> Iterator[dict[str, Any]]:
    """The journal's lines of all sources, in their order whatever finishes first."""
    if workers <= 1:
        yield from map(_extract, todo)
        return
    from multiprocessing import get_context

    # Forked networks and torch threads would hang.
    with get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(_extract, todo)


_models: dict[Path, Any] = {}


def _extract(task: tuple[Source, str, Plan]) -> dict[str, Any]:
    """Stage one source's clips; a file that cannot be read is told in the line."""
    import av
    import cv2
    import torch

    from lipsync_core.face.models import FaceModels

    source, split, plan = task
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if plan.models not in _models:
        _models[plan.models] = FaceModels(plan.models, threads=1)
    account, clips, parts, count, error = Account(), [], 0, 0, ""
    staged = plan.out / STAGED
    staged.mkdir(exist_ok=True)
    try:
        for clip in clips_of(source, _models[plan.models], plan.wishes, account, split=split):
            clips.append(clip)
            count += 1
            if len(clips) == _PART:
                write_shard(staged, _stage(source.name, parts), clips)
                clips, parts = [], parts + 1
        if clips:
            write_shard(staged, _stage(source.name, parts), clips)
            parts += 1
    except (ValueError, OSError, av.error.FFmpegError, cv2.error) as failure:
        first = str(failure).splitlines() or [type(failure).__name__]
        error, count, parts = f"{source.name}: {first[0].replace(str(source.path), source.path.name)}", 0, 0
    return {"name": source.name, "person": source.person, "split": split, "clips": count, "parts": parts,
            "frames": account.frames, "seconds": account.seconds, "dropped": dict(account.dropped), "error": error}


def _stage(name: str, part: int) -> str:
    return f"{hashlib.sha256(name.encode()).hexdigest()[:20]}-{part}"
