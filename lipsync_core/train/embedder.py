"""Whose face is it? The embedded network, the user's own, and the training of the former.

``load_embedder(None)`` is the small network whose weights are part of this package; ``load_embedder("w600k_r50.onnx")``
any ArcFace-like ONNX file of the user's. ``python -m lipsync_core.train.embedder CONFIG.toml`` (``task = "embedder"``)
trains the former on shards.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lipsync_core.train.data.shards import ShardError, Shards
from lipsync_core.train.expert_augment import AugmentConfig, disturbed_faces, generator_of
from lipsync_core.train.loop import Task
from lipsync_core.train.types import ClipInfo, Embedder

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from lipsync_core.train.config import RunConfig
    from lipsync_core.train.networks.identity_net import CosFace, FaceEmbedder
    from lipsync_core.train.place import Place

EMBEDDED = Path(__file__).resolve().parent / "weights" / "face_embedder.safetensors"
_PICTURES_A_PERSON = 12


def load_embedder(path: str | Path | None = None, device: str | torch.device = "cpu") -> Embedder:
    """A frozen embedder; gradients flow to the faces.

    path: an ONNX file, weights of this training (safetensors), or None for the embedded ones. Raises
    ``lipsync_core.models.checkpoint.CheckpointError`` in one sentence when the file cannot be used.
    """
    path = EMBEDDED if path is None else Path(path)
    if path.suffix == ".onnx":
        from lipsync_core.train.networks.arcface import load_arcface

        return load_arcface(path, device)
    from lipsync_core.models import checkpoint
    from lipsync_core.train import card
    from lipsync_core.train.networks.identity_net import FaceEmbedder

    if path.suffix == ".safetensors" and card.read_card(path).get("network", {}).get("kind") != FaceEmbedder.kind:
        raise checkpoint.CheckpointError(f"{path.name} holds no face embedder of this library")
    network = FaceEmbedder()
    checkpoint.load_into(network, path, "a face embedder")
    return network.to(device)


@dataclass(frozen=True, slots=True)
class EmbedderData:
    """shards: folder, relative to the configuration. size: of the crops. people, pictures: of a batch, and of each.

    hidden: share of the pictures whose upper half is black, so that mouth, chin and skin alone must do: what a
    generator repaints is the lower half. cache_mb: decoded pictures kept in memory.
    """

    shards: str = ""
    size: int = 96
    people: int = 24
    pictures: int = 4
    hidden: float = 0.4
    cache_mb: int = 1024


@dataclass(frozen=True, slots=True)
class EmbedderConfig:
    """The margin between people, and by what their cosines are multiplied."""

    margin: float = 0.2
    scale: float = 24.0


class FacePictures:
    """Single pictures of people; ``batch(step)`` is a pure function of (seed, step, rank)."""

    def __init__(self, shards: Shards, people: int, pictures: int, seed: int, rank: int = 0) -> None:
        self.shards, self.count, self.pictures, self.seed, self.rank = shards, people, pictures, seed, rank
        self.people = shards.people
        self._of: dict[str, list[ClipInfo]] = {}
        for info in shards.infos:
            self._of.setdefault(info.person, []).append(info)
        if len(self.people) < 2:
            raise ShardError(f"{shards.folder} has {len(self.people)} people in the split {shards.split}: whose face "
                             "it is can be learnt from two or more")

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """(faces [N, 3, S, S] in [0, 1], people [N], numbers in ``self.people``)."""
        import torch

        random = np.random.default_rng([3, self.seed, step, self.rank])
        chosen = random.permutation(len(self.people))[: self.count]
        rows, numbers = [], []
        for number in chosen:
            clips = self._of[self.people[number]]
            for _ in range(self.pictures):
                info = clips[int(random.integers(len(clips)))]
                rows.append(self.shards.pictures(info.id, [int(random.integers(info.frames))])[0])
                numbers.append(int(number))
        return faces_of(np.stack(rows)), torch.tensor(numbers)


@dataclass
class EmbedderTask(Task):
    """What ``loop.Trainer`` trains; see ``loop.Task`` for the methods."""

    embedder: FaceEmbedder
    criterion: CosFace
    source: FacePictures
    held_out: tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]
    hidden: float
    augment: AugmentConfig
    place: Place
    about: Mapping[str, Any] = field(default_factory=dict)

    SECTIONS = {"data": EmbedderData, "embedder": EmbedderConfig, "augment": AugmentConfig}

    @classmethod
    def build(cls, run: RunConfig, place: Place) -> EmbedderTask:
        """From a configuration; ``ShardError`` when there is nothing to learn from."""
        import torch

        from lipsync_core.train.networks.identity_net import CosFace, FaceEmbedder

        torch.manual_seed(run.loop.seed)
        data = run["data"]
        shards = Shards(run.path(data.shards), data.size, "train", cache_bytes=data.cache_mb << 20)
        source = FacePictures(shards, data.people, data.pictures, run.loop.seed, place.rank)
        criterion = CosFace(len(source.people), run["embedder"].margin, run["embedder"].scale)
        embedder = FaceEmbedder().to(place.device, memory_format=torch.channels_last)
        return cls(embedder, criterion.to(place.device), source,
                   held_out(Shards(run.path(data.shards), data.size, "val")), data.hidden, run["augment"], place,
                   {"people": len(source.people), "clips": len(shards.infos)})

    def networks(self) -> Mapping[str, nn.Module]:
        return {"embedder": self.embedder, "criterion": self.criterion}

    def loss(self, step: int) -> Mapping[str, Tensor]:
        import torch

        faces, people = self.source.batch(step)
        faces, people = faces.to(self.place.device), people.to(self.place.device)
        random = generator_of(self.source.seed, step, self.place.rank)
        faces = disturbed_faces(faces[:, :, None], self.augment, random)[:, :, 0]
        hide = torch.rand(len(faces), generator=random).to(faces.device) < self.hidden
        faces[hide, :, : faces.shape[2] // 2] = 0
        vectors = self.embedder.embed(faces)
        cosine = vectors @ vectors.T
        same = (people[:, None] == people) & ~torch.eye(len(people), dtype=torch.bool, device=people.device)
        return {"total": self.criterion(vectors, people), "same": cosine.detach()[same].mean(),
                "other": cosine.detach()[people[:, None] != people].mean()}

    def validate(self, step: int) -> Mapping[str, Any]:
        """How well people never seen are told apart, by whole faces and by lower halves."""
        pictures, people = self.held_out
        return likeness(self.embedder, pictures, people, self.place.device) if len(set(people.tolist())) > 1 else {}

    def card(self) -> dict[str, Any]:
        return {"kind": "face-embedder", "network": self.embedder.config(), "data": dict(self.about)}


def likeness(embedder: Embedder, pictures: npt.NDArray[np.uint8], people: npt.NDArray[np.int64],
             device: Any = "cpu") -> dict[str, float]:
    """Figures of an embedder on pictures [N, S, S, 3] of people [N] it has not learnt from.

    auc: chance that two pictures of one person are more alike than two of two people; ``lower_``: the same with upper
    halves hidden; same, other: mean cosines; best: share of right answers at the best threshold, both kinds alike.
    """
    import torch
    from scipy.stats import rankdata

    found: dict[str, float] = {}
    for name, rows in (("", 0), ("lower_", pictures.shape[1] // 2)):
        faces = faces_of(pictures).to(device)
        faces[:, :, :rows] = 0
        with torch.no_grad():
            vectors = torch.cat([embedder.embed(part) for part in faces.split(64)]).cpu().double().numpy()
        upper = np.triu_indices(len(people), 1)
        cosine, same = (vectors @ vectors.T)[upper], people[upper[0]] == people[upper[1]]
        ranks = rankdata(cosine)[same]
        count, rest = int(same.sum()), int((~same).sum())
        order = np.argsort(-cosine)
        hits = np.cumsum(same[order]) / max(count, 1)
        slips = np.cumsum(~same[order]) / max(rest, 1)
        found |= {f"{name}auc": float((ranks.sum() - count * (count + 1) / 2) / max(count * rest, 1)),
                  f"{name}same": _mean(cosine[same]), f"{name}other": _mean(cosine[~same]),
                  f"{name}best": float(np.max(hits + 1 - slips) / 2)}
    return found


def held_out(shards: Shards, pictures: int = _PICTURES_A_PERSON) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """(pictures [N, S, S, 3], people [N]): of everyone ``pictures``, evenly over all their clips."""
    rows: list[npt.NDArray[np.uint8]] = []
    numbers: list[int] = []
    for number, person in enumerate(shards.people):
        moments = [(info.id, frame) for info in shards.infos if info.person == person for frame in range(info.frames)]
        for i in np.linspace(0, len(moments) - 1, min(pictures, len(moments))).round().astype(int):
            rows.append(shards.pictures(moments[i][0], [moments[i][1]])[0])
            numbers.append(number)
    empty = np.zeros((0, shards.size, shards.size, 3), np.uint8)
    return (np.stack(rows) if rows else empty), np.array(numbers, np.int64)


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def faces_of(pictures: Sequence[npt.NDArray[np.uint8]] | npt.NDArray[np.uint8]) -> Tensor:
    """uint8 [N, S, S, 3] -> float32 [N, 3, S, S] in [0, 1]."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(np.asarray(pictures).transpose(0, 3, 1, 2))).float() / 255


def main(arguments: list[str] | None = None) -> int:
    """As ``python -m lipsync_core.train``: the configuration names the task."""
    from lipsync_core.train.__main__ import main as train

    return train(arguments)


if __name__ == "__main__":
    sys.exit(main())
