"""A task so small that it trains in a second, with everything that a real one has; also a command line for it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lipsync_core.train import run
from lipsync_core.train.config import RunConfig
from lipsync_core.train.loop import Task
from lipsync_core.train.place import Place


@dataclass(frozen=True, slots=True)
class ToyData:
    """rows: of a step, over all processes. dropout: of the network. broken: the step from which losses are NaN."""

    rows: int = 16
    dropout: float = 0.2
    broken: int = 1 << 30


class ToyTask(Task):
    """Learns the sum of four numbers; ``heard`` is a schedule that follows validation, as a generator's does."""

    SECTIONS = {"data": ToyData}

    def __init__(self, data: ToyData, place: Place, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.data, self.place, self.heard = data, place, 0.0
        self.network = nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32) if data.dropout else nn.Identity(), nn.ReLU(),
                                     nn.Dropout(data.dropout), nn.Linear(32, 1))
        self.critic = nn.Linear(1, 1)

    @classmethod
    def build(cls, given: RunConfig, place: Place) -> ToyTask:
        return cls(given.data, place, given.loop.seed)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"toy": self.network, "critic": self.critic}

    def loss(self, step: int) -> Mapping[str, Tensor]:
        # Rows of a step are the same however many processes share them.
        random = np.random.default_rng([7, step])
        x = torch.from_numpy(random.normal(size=(self.data.rows, 4)).astype(np.float32))
        x = x[self.place.rank :: self.place.world]
        made = self.network(x)
        error = (made - x.sum(1, keepdim=True)).float().square().mean()
        critic = (self.critic(made.detach().float()) - 1).square().mean()
        total = error * (1 + self.heard) + critic
        if step >= self.data.broken:
            total = total * float("nan")
        return {"total": total, "error": error, "critic": critic}

    def validate(self, step: int) -> Mapping[str, Any]:
        error = float((self.network(torch.ones(1, 4)) - 4).abs())
        return {"error": error, "made": np.full((8, 12, 3), (10, 20, 200), np.uint8)}

    def validated(self, step: int, figures: Mapping[str, float]) -> None:
        self.heard = figures["error"] / 10

    def state(self) -> dict[str, Any]:
        return {"heard": self.heard}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.heard = state["heard"]

    def card(self) -> dict[str, Any]:
        return {"kind": "toy", "network": {"inputs": 4}, "data": {"rows": self.data.rows}}


run.TASKS["toy"] = f"{__name__}:ToyTask"

if __name__ == "__main__":
    from lipsync_core.train.__main__ import main

    sys.exit(main())
