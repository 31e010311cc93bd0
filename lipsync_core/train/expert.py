"""Train an expert: ``python -m lipsync_core.train.expert CONFIG.toml [--out RUN] [--resume] [--seconds N]``.

The configuration says ``task = "expert"`` (our own network, the teacher) or ``task = "judge"`` (another network
that never learns from the teacher's people: what the teacher has taught a generator is measured with it). A person's
part is decided by the name alone, so that it stays the same while a corpus grows.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lipsync_core.train.data.shards import Shards
from lipsync_core.train.expert_augment import AugmentConfig, disturbed, generator_of
from lipsync_core.train.expert_hints import HintedWindows, Hints
from lipsync_core.train.expert_losses import ExpertLoss, ExpertLossConfig
from lipsync_core.train.loop import Task
from lipsync_core.train.networks.expert import Judgement, build, load_expert
from lipsync_core.train.types import Clip, ClipInfo

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_core.train.config import RunConfig
    from lipsync_core.train.place import Place

__all__ = ["ExpertTask", "JudgeTask", "belongs_to", "load_expert"]

People = Literal["teacher", "judge", "all"]
_JUDGES_PERCENT = 40


@dataclass(frozen=True, slots=True)
class ExpertData:
    """shards: folder, relative to the configuration. size: of the crops. batch: rows. shifts: hard negatives a row.

    per_person: rows of one person in a batch, whose other clips are hard negatives. nearest: least shift in frames.
    people: whose clips are learnt from. cache_mb: decoded pictures kept in memory.
    """

    shards: str = ""
    size: int = 96
    batch: int = 64
    shifts: int = 4
    per_person: int = 2
    nearest: int = 2
    people: People = "teacher"
    cache_mb: int = 1024


@dataclass(frozen=True, slots=True)
class JudgeData(ExpertData):
    """The same, with the judge's people."""

    people: People = "judge"


@dataclass(frozen=True, slots=True)
class ExpertConfig:
    """Which network: ``kind`` "temporal", "grey" or "wav2lip", the latter with ``width`` times the public channels."""

    kind: Literal["temporal", "grey", "wav2lip"] = "temporal"
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class JudgeConfig(ExpertConfig):
    """Another architecture than the teacher's."""

    kind: Literal["temporal", "grey", "wav2lip"] = "grey"


def belongs_to(person: str) -> People:
    """Who may learn from a person's clips: the "judge" (two fifths of all) or the "teacher"."""
    number = int.from_bytes(hashlib.sha256(f"judge {person}".encode()).digest()[:4], "little")
    return "judge" if number % 100 < _JUDGES_PERCENT else "teacher"


@dataclass
class ExpertTask(Task):
    """What ``loop.Trainer`` trains; see ``loop.Task`` for the methods."""

    expert: Judgement
    windows: HintedWindows
    held_out: list[Clip]
    criterion: ExpertLoss
    augment: AugmentConfig
    place: Place
    about: Mapping[str, Any] = field(default_factory=dict)

    SECTIONS = {"data": ExpertData, "expert": ExpertConfig, "losses": ExpertLossConfig, "augment": AugmentConfig}

    @classmethod
    def build(cls, run: RunConfig, place: Place) -> ExpertTask:
        """From a configuration; ``ShardError`` or ``ConfigError`` when it cannot be."""
        import torch

        torch.manual_seed(run.loop.seed)
        data, kind = run["data"], run["expert"]
        expert = build(asdict(kind))
        expert = expert.to(place.device, memory_format=torch.channels_last)
        folder = run.path(data.shards)

        def keep(info: ClipInfo) -> bool:
            return data.people == "all" or belongs_to(info.person) == data.people

        shards = Shards(folder, data.size, "train", keep=keep, cache_bytes=data.cache_mb << 20)
        windows = HintedWindows(shards, data.batch, run.loop.seed, data.shifts, place.rank, place.world,
                                per_person=data.per_person, nearest=data.nearest)
        about = {"people": f"{len(shards.people)} of the group {data.people}", "clips": len(shards.infos),
                 "frames": sum(info.frames for info in shards.infos)}
        hints = Hints(expert) if run["losses"].hints > 0 else None
        return cls(expert, windows, spread(Shards(folder, data.size, "val"), run.validate.clips),
                   ExpertLoss(run["losses"], hints).to(place.device), run["augment"], place, about)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"expert": self.expert, "criterion": self.criterion}

    def loss(self, step: int) -> Mapping[str, Tensor]:
        batch = self.windows.batch(step).to(self.place.device)
        batch = disturbed(batch, self.augment, generator_of(self.windows.seed, step, self.place.rank))
        shapes = None if self.criterion.hints is None else self.windows.shapes(step).to(self.place.device)
        return self.criterion(self.expert, batch, shapes)

    def validate(self, step: int) -> Mapping[str, Any]:
        """Figures on held-out people, after the calibration was fitted to those same clips."""
        from lipsync_core.train import sync_measure

        if not self.held_out:
            return {}
        found = sync_measure.matrices(self.expert, self.held_out, self.place.autocast(), self.place.device)
        self.expert.calibrate(*sync_measure.fit_calibration(*sync_measure.pairs(found)))
        told = sync_measure.figures(found, float(self.expert.scale), float(self.expert.bias))
        return {"pairwise_2": told.pairwise[2], "pairwise_5_15": told.pairwise_from(5), "top3": told.top3,
                "auc": told.auc, "ece": told.ece, "clips_in_place": told.found_share(),
                "decision_5_15": float(np.mean([v for k, v in told.decision.items() if k >= 5]))}

    def state(self) -> dict[str, Any]:
        return {"calibration": self._calibration()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.expert.calibrate(state["calibration"]["scale"], state["calibration"]["bias"])

    def card(self) -> dict[str, Any]:
        return {"kind": "sync-expert", "network": self.expert.config(), "calibration": self._calibration(),
                "data": dict(self.about)}

    def _calibration(self) -> dict[str, float]:
        return {"scale": float(self.expert.scale), "bias": float(self.expert.bias)}


class JudgeTask(ExpertTask):
    """The independent judge: by default another network on other people."""

    SECTIONS = ExpertTask.SECTIONS | {"data": JudgeData, "expert": JudgeConfig}


def spread(shards: Shards, count: int) -> list[Clip]:
    """``count`` clips (0: all) evenly over the order of the index, which goes by person."""
    chosen = np.linspace(0, len(shards) - 1, min(count or len(shards), len(shards))).round().astype(int)
    return [shards.load(shards.infos[i].id) for i in dict.fromkeys(chosen.tolist())]


def main(arguments: list[str] | None = None) -> int:
    """As ``python -m lipsync_core.train``: the configuration names the task."""
    from lipsync_core.train.__main__ import main as train

    return train(arguments)


if __name__ == "__main__":
    sys.exit(main())
