"""The jury of an ablation: which clips are judged, by whom, and what is kept of each generator."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lipsync_core.train.ablation_judge import TRUTH, Bench, Judged, as_plain
from lipsync_core.train.ablation_runs import AblationError, generator_of, write_json
from lipsync_core.train.ablation_sheet import Pictures
from lipsync_core.train.types import Clip
from lipsync_core.train.validate import Mesh, first

RENDERED, REAL, START = "held-out people", "real clips", "start"
JUDGED, CONTROLS, _STRIPS = "judged.json", "controls", "strips.npz"


@dataclass(frozen=True, slots=True)
class Strip:
    """Frames of one clip to look at. frames: their numbers. pictures: uint8 [N, S, S, 3], BGR."""

    frames: tuple[int, ...]
    pictures: Pictures


@dataclass
class Jury:
    """Judges generators on the same clips: those of ``shards`` that nobody trains on, and all of ``real``.

    expert, judge, embedder, start: weights, None for the embedded ones (start: for none). clips, frames: of each group
    and clip, 0 for all. size, hole: of the crops. models: folder of the face networks; ``mesh`` may take their place.
    """

    shards: Path
    real: Path | None
    expert: Path | None
    judge: Path | None
    embedder: Path | None
    start: Path | None
    clips: int
    frames: int
    size: int
    hole: Any
    models: Path | None = None
    mesh: Mesh | None = None

    def judge_run(self, folder: Path) -> None:
        """Judge the generator of a run folder, and write what was found into it."""
        network = generator_of(folder / "weights.safetensors")
        self._write(folder, {group: bench(network) for group, bench in self._benches.items()})

    def judge_controls(self, folder: Path) -> None:
        """Judge the truth, another moment's mouth and what the variants began with, once."""
        if (folder / TRUTH / JUDGED).is_file():
            return
        found: dict[str, dict[str, Judged]] = {}
        for group, bench in self._benches.items():
            for name, judged in bench.controls().items():
                found.setdefault(name, {})[group] = judged
            if self.start is not None:
                found.setdefault(START, {})[group] = bench(generator_of(self.start))
        # The truth comes last: where it lies, all of them do.
        for name in sorted(found, key=lambda name: name == TRUTH):
            self._write(folder / name, found[name])

    @cached_property
    def _benches(self) -> dict[str, Bench]:
        from lipsync_core.train.embedder import load_embedder
        from lipsync_core.train.networks.expert import EMBEDDED, load_expert

        teacher, embedder = load_expert(self.expert), load_embedder(self.embedder)
        judge = load_expert(self.judge or EMBEDDED.with_name("sync_judge.safetensors"))
        groups = {RENDERED: self._clips(self.shards, ("val", "test"))}
        if self.real is not None:
            groups[REAL] = self._clips(self.real, (None,))
        return {name: Bench(clips, teacher, judge, embedder, self.models, hole=self.hole, mesh=self.mesh)
                for name, clips in groups.items()}

    def _clips(self, folder: Path, splits: Sequence[str | None]) -> list[Clip]:
        """Clips spread evenly over the people, cut to their first frames."""
        from lipsync_core.train.data.shards import Shards

        opened = [Shards(folder, self.size, split) for split in splits]
        every = sorted(((info.person, info.id, shards) for shards in opened for info in shards.infos),
                       key=lambda found: found[:2])
        if not every:
            raise AblationError(f"{folder} has no clips of held-out people")
        chosen = np.linspace(0, len(every) - 1, min(self.clips or len(every), len(every))).round().astype(int)
        return [first(every[i][2].load(every[i][1]), self.frames) for i in dict.fromkeys(chosen.tolist())]

    def _write(self, folder: Path, found: Mapping[str, Judged]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        strips: dict[str, Any] = {}
        for group, judged in found.items():
            for id, pictures in judged.strips.items():
                strips[f"{group}|{id}|pictures"] = pictures
                strips[f"{group}|{id}|frames"] = np.array(self._benches[group].frames_of[id])
        beside = folder / f".{os.getpid()}.npz"
        np.savez(beside, **strips)
        os.replace(beside, folder / _STRIPS)
        write_json(folder / JUDGED, {group: as_plain(judged.scores) for group, judged in found.items()})


def read_strips(folder: Path) -> dict[str, Strip]:
    """The frames to look at that a jury kept, by group and clip; empty where it has not been."""
    if not (folder / _STRIPS).is_file():
        return {}
    with np.load(folder / _STRIPS, allow_pickle=False) as kept:
        names = [name.removesuffix("|pictures") for name in kept.files if name.endswith("|pictures")]
        return {name: Strip(tuple(kept[f"{name}|frames"].tolist()), kept[f"{name}|pictures"]) for name in names}
