"""Judging the variants of an ablation: the same held-out clips for all, by the mesh and an expert that taught nobody.

Two controls stand beside the variants: the truth itself, and another moment's mouth (the reference pasted into the
hole), which is what is left when the sound is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lipsync_core.train import sync_measure
from lipsync_core.train.ablation_sheet import telling_frames
from lipsync_core.train.ablation_verdict import ClipScore
from lipsync_core.train.types import Clip, Embedder, FaceBatch
from lipsync_core.train.validate import Generate, Mesh, Validator, to_pictures

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_core.train.networks.expert import Judgement

Pictures = npt.NDArray[np.uint8]
#: Moments nearer than this are partly the same sound.
_FAR_FRAMES = 5
TRUTH, ANOTHER = "truth", "another moment"


@dataclass(frozen=True)
class Judged:
    """What came of one generator. scores: of every clip. strips: of the clips to look at, the telling frames as made,
    uint8 [N, S, S, 3], by clip."""

    scores: list[ClipScore]
    strips: dict[str, Pictures]


@dataclass
class Bench:
    """One group of held-out clips, judged again and again. teacher, judge: experts; embedder: whose face it is.

    models: folder of the face networks, None for the machine's own; or the mesh itself. looked_at: how many clips, of
    different people where possible, are kept for sheets; columns: frames of each.
    """

    clips: Sequence[Clip]
    teacher: Judgement | None
    judge: Judgement | None
    embedder: Embedder | None
    models: Path | None = None
    device: Any = "cpu"
    hole: Any = "half"
    mesh: Mesh | None = None
    looked_at: int = 2
    columns: int = 10
    frames_of: dict[str, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        experts = {name: one for name, one in (("teacher", self.teacher), ("judge", self.judge)) if one is not None}
        self._validator = Validator(self.clips, self.models, self.embedder, experts, self.device, self.hole, 0,
                                    self.mesh)
        self.frames_of = {clip.info.id: telling_frames(clip.opening, self.columns)
                          for clip in _of_different_people(self.clips, self.looked_at)}

    def __call__(self, generate: Generate) -> Judged:
        """Judge a generator, which should be in evaluation mode."""
        right: dict[str, float] = {}
        strips: dict[str, Pictures] = {}
        waiting = iter(self.clips)

        def watch(_batch: FaceBatch, made: Tensor) -> None:
            clip, pictures = next(waiting), to_pictures(made)
            if clip.info.id in self.frames_of:
                strips[clip.info.id] = pictures[self.frames_of[clip.info.id]]
            if self.judge is not None:
                right[clip.info.id] = found_share(self.judge, replace(clip, pictures=pictures), self.device)

        told = self._validator(generate, watch)
        people = {clip.info.id: clip.info.person for clip in self.clips}
        scores = []
        for id, figures in told.clips.items():
            more = {"closure_skill": figures["closure_hits"] - figures["false_closures"]}
            if id in right:
                more["judge_right"] = right[id]
            scores.append(ClipScore(id, people[id], dict(figures) | more))
        return Judged(scores, strips)

    def controls(self) -> dict[str, Judged]:
        """What the truth reaches, and what another moment's mouth does."""
        return {TRUTH: self(_replay(self.clips)), ANOTHER: self(lambda _mels, face: face[:, 3:])}

    def truth_strip(self, id: str) -> Pictures:
        """The telling frames of a clip to look at, as they were."""
        clip = next(c for c in self.clips if c.info.id == id)
        return clip.pictures[self.frames_of[id]]


def found_share(judge: Judgement, clip: Clip, device: Any = "cpu") -> float:
    """Share of pairs in which the judge finds a clip's own sound more fitting than one 5 to 15 frames away; NaN for a
    clip that is too short."""
    found = sync_measure.matrix(judge, clip, device=device)
    far = np.abs(np.array(sync_measure.OFFSETS)) >= _FAR_FRAMES
    values = found.values[found.free] if found.free.any() else found.values
    better = np.sign(values[:, [sync_measure.FARTHEST]] - values[:, far])
    known = better[np.isfinite(better)]
    return float((known.mean() + 1) / 2) if len(known) else float("nan")


def as_plain(scores: Sequence[ClipScore]) -> list[dict[str, Any]]:
    """For JSON; what is not finite is left out."""
    return [{"clip": s.clip, "person": s.person,
             "values": {k: round(float(v), 6) for k, v in s.values.items() if np.isfinite(v)}} for s in scores]


def from_plain(rows: Sequence[Mapping[str, Any]]) -> list[ClipScore]:
    """The other way."""
    return [ClipScore(row["clip"], row["person"], dict(row["values"])) for row in rows]


def _replay(clips: Sequence[Clip]) -> Callable[[Tensor, Tensor], Tensor]:
    """A generator that knows the answers, asked clip by clip in order."""
    import torch

    left = iter(np.concatenate([clip.pictures for clip in clips]))

    def generate(_mels: Tensor, face: Tensor) -> Tensor:
        frames = np.stack([next(left) for _ in range(len(face))]).transpose(0, 3, 1, 2)
        return torch.from_numpy(frames.copy()).to(face.device).float() / 255

    return generate


def _of_different_people(clips: Sequence[Clip], count: int) -> list[Clip]:
    """Who opens the mouth widest, one clip a person as long as there are people."""
    ranked = sorted(clips, key=lambda c: (-float(np.nanstd(c.opening)), c.info.id))
    firsts = list({c.info.person: c for c in reversed(ranked)}.values())
    firsts.sort(key=lambda c: (-float(np.nanstd(c.opening)), c.info.id))
    return firsts[:count]
