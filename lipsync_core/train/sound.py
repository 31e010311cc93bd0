"""The ears of a generator, trained before its hands: what does the mouth do while this is heard?

The sound's part of the gradient of a picture is small, since most of a face has nothing to do with what is said; a
generator that starts from nothing spends its first thousands of steps as if deaf. Its sound encoder alone is some
thirty times cheaper to train, on the lips' places that every clip has anyway. ``judges.sound`` of a generator's
configuration names the weights that come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lipsync_core.train.data.shards import ShardError, Shards
from lipsync_core.train.data.windows import heard
from lipsync_core.train.expert_augment import AugmentConfig, disturbed_sounds, generator_of
from lipsync_core.train.loop import Task
from lipsync_core.train.networks.generator import READINGS
from lipsync_core.train.networks.layers import SoundEncoder, activate

if TYPE_CHECKING:
    from lipsync_core.train.config import RunConfig
    from lipsync_core.train.place import Place
    from lipsync_core.train.types import ClipInfo

#: What is read: the gap of the inner lips, the height and the width of the outer ones; each with mean 0 and spread 1
#: over its clip, for nobody's voice tells how wide their mouth is.
SIGNALS = ("opening", "height", "width")
_LEAST_SPREAD = 0.004
_FRAMES_A_CLIP = 8

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SoundData:
    """shards: folder, relative to the configuration. size: of pictures that the shards have; none is read. batch:
    frames a step, of ``batch`` / 8 clips."""

    shards: str = ""
    size: int = 96
    batch: int = 384


@dataclass(frozen=True, slots=True)
class SoundConfig:
    """sound: length of the vector, as in the generator's configuration. strength, share: of the disturbances of what
    is heard (``expert_augment.disturbed_sounds``), and the chance that a clip's are disturbed."""

    sound: int = 192
    strength: float = 0.7
    share: float = 0.7


class SoundReader(nn.Module):
    """A generator's sound encoder with a linear reading on top."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.sound = SoundEncoder(size)
        self.read = nn.Linear(size, READINGS)

    def forward(self, mels: Tensor) -> Tensor:
        """[N, 1, 80, 16] -> [N, 3], see ``SIGNALS``."""
        return self.read(activate(self.sound(mels))).float()


@dataclass
class SoundTask(Task):
    """What ``loop.Trainer`` trains; see ``loop.Task`` for the methods."""

    reader: SoundReader
    shards: Shards
    held_out: Shards
    batch: int
    config: SoundConfig
    seed: int
    place: Place
    about: Mapping[str, Any] = field(default_factory=dict)

    SECTIONS = {"data": SoundData, "sound": SoundConfig}

    @classmethod
    def build(cls, run: RunConfig, place: Place) -> SoundTask:
        """From a configuration; ``ShardError`` when it cannot be."""
        torch.manual_seed(run.loop.seed)
        data = run["data"]
        shards, held_out = (Shards(run.path(data.shards), data.size, split) for split in ("train", "val"))
        if not shards.infos:
            raise ShardError(f"{shards.folder} has no clip to learn from")
        reader = SoundReader(run["sound"].sound).to(place.device)
        about = {"people": len(shards.people), "clips": len(shards), "frames": sum(i.frames for i in shards.infos)}
        return cls(reader, shards, held_out, data.batch, run["sound"], run.loop.seed, place, about)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"reader": self.reader}

    def loss(self, step: int) -> Mapping[str, Tensor]:
        random = np.random.default_rng([7, self.seed, step, self.place.rank])
        mels, wanted = self._draw(random)
        mels, wanted = mels.to(self.place.device), wanted.to(self.place.device)
        with torch.autocast(mels.device.type, enabled=False):
            chance = generator_of(self.seed, step, self.place.rank)
            other = disturbed_sounds(mels, AugmentConfig(strength=self.config.strength), chance)
            chosen = torch.rand(len(mels), 1, 1, 1, generator=chance) < self.config.share
            mels = torch.where(chosen.to(mels.device), other, mels)
        off = self.reader(mels.flatten(0, 1)[:, None]) - wanted.flatten(0, 1)
        return {"total": off.square().mean(), "opening": off[:, 0].detach().square().mean()}

    def validate(self, step: int) -> Mapping[str, float]:
        """Correlation with the truth of each signal, the mean over the held-out clips."""
        found = []
        for info in self.held_out.infos:
            common = self.held_out.common(info.id)
            mels = torch.from_numpy(heard(common["mel"], range(info.frames))).to(self.place.device)
            read, true = self.reader(mels).cpu().numpy(), signals(common)
            found.append([np.corrcoef(read[:, k], true[:, k])[0, 1] for k in range(len(SIGNALS))])
        return {f"{name}_r": float(np.nanmean([row[k] for row in found])) for k, name in enumerate(SIGNALS) if found}

    def card(self) -> dict[str, Any]:
        return {"kind": "sound-reader", "network": {"sound": self.config.sound}, "data": dict(self.about)}

    def _draw(self, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """[clips, 8, 80, 16] and [clips, 8, 3]."""
        people: dict[str, list[ClipInfo]] = {}
        for info in self.shards.infos:
            people.setdefault(info.person, []).append(info)
        names = sorted(people)
        mels, wanted = [], []
        for _ in range(max(self.batch // _FRAMES_A_CLIP, 1)):
            clips = people[names[int(random.integers(len(names)))]]
            info = clips[int(random.integers(len(clips)))]
            common = self.shards.common(info.id)
            frames = random.integers(0, info.frames, _FRAMES_A_CLIP)
            mels.append(heard(common["mel"], frames.tolist())[:, 0])
            wanted.append(signals(common)[frames])
        return torch.from_numpy(np.stack(mels)), torch.from_numpy(np.stack(wanted))


def signals(common: Mapping[str, npt.NDArray[Any]]) -> Floats:
    """[T, 3] of a clip's arrays, see ``SIGNALS``; a mouth that does not move gives zeros."""
    outer = common["lips"][:, :20].astype(np.float64)
    height = outer[:, 11:20, 1].mean(1) - outer[:, 1:10, 1].mean(1)
    width = np.linalg.norm(outer[:, 10] - outer[:, 0], axis=1)
    raw = np.stack([common["opening"].astype(np.float64), height, width], 1)
    return ((raw - raw.mean(0)) / np.maximum(raw.std(0), _LEAST_SPREAD)).astype(np.float32)
