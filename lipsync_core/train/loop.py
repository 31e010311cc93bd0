"""The training loop, the same for every network: a ``Task`` knows its loss, the ``Trainer`` everything else.

A step is a pure function of the weights, the step's number and the rank: batches are drawn by number (see
``data.windows``), and every generator of random numbers is set anew from seed, step and rank. With all else that
changes in the checkpoint, a run that is killed and resumed ends with the very bits of one that never was. On CUDA that
takes deterministic algorithms, which ``python -m lipsync_core.train --exact`` asks PyTorch for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lipsync_core.train import card, checkpoint
from lipsync_core.train.board import Board
from lipsync_core.train.config import ConfigError, LoopConfig, OptimizerConfig
from lipsync_core.train.ema import Ema
from lipsync_core.train.optimize import Optimizer
from lipsync_core.train.place import Place
from lipsync_core.train.process import random_kept, seed_all, signals
from lipsync_core.train.progress import Means, Progress

if TYPE_CHECKING:
    from torch import Tensor, nn

Values = Mapping[str, Any]
#: So many steps in a row whose gradient is not finite end a run.
_PATIENCE_STEPS = 50


class TrainingError(ValueError):
    """Training cannot go on; the message says why in one sentence."""


class Task(Protocol):
    """What is trained. Subclass it: only ``networks`` and ``loss`` must be written.

    always_uses_all: whether every trained parameter has a part in every step's total (asked by several processes).
    """

    always_uses_all: bool = True

    def networks(self) -> Mapping[str, nn.Module]:
        """The networks that are trained, on their device; the first is what the run is for."""
        ...

    def parameters(self) -> list[dict[str, Any]]:
        """Groups for the optimizer, each clipped for itself: ``{"params": [...], "scale": factor of the rate}``."""
        return [{"params": [p for p in network.parameters() if p.requires_grad], "scale": 1.0}
                for network in self.networks().values()]

    def loss(self, step: int) -> Mapping[str, Tensor]:
        """``total``, which is differentiated, and its parts; scalars. A pure function of the weights and ``step``.
        Runs under autocast: what needs float32 says so itself."""
        ...

    def validate(self, step: int) -> Values:
        """Figures (numbers) and pictures (uint8 [H, W, 3], BGR) of the networks as they are, in evaluation mode and
        without gradients; with several processes only the first is asked."""
        return {}

    def validated(self, step: int, figures: Mapping[str, float]) -> None:
        """Told to every process after a validation; a schedule may follow it."""
        return None

    def state(self) -> dict[str, Any]:
        """What else changes while training, as tensors and plain values."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Back to an earlier ``state``."""
        return None

    def card(self) -> dict[str, Any]:
        """What the weights' card says beside configuration, step and figures: at least ``kind``; ``data`` is compared
        when a run goes on."""
        return {}


@dataclass(frozen=True)
class Outcome:
    """How a call of ``Trainer.fit`` ended. step: steps done in the whole run. reason: "done", "time", "signal" or
    "asked". figures: of the last validation. skipped: steps whose gradient was not finite. seconds: of this call."""

    step: int
    reason: str
    figures: dict[str, float]
    skipped: int
    seconds: float


@dataclass
class Trainer:
    """Trains a task.

    folder: where checkpoints, logs, pictures and weights go; None keeps nothing. recorded: the run's configuration, for
    the folder and the weights' card. resume: continue what is in the folder; without it a folder that holds a run is
    refused with ``ConfigError``. say: where lines for people go.
    """

    task: Task
    optimizer: OptimizerConfig
    loop: LoopConfig
    place: Place
    folder: Path | None = None
    recorded: Mapping[str, Any] = field(default_factory=dict)
    resume: bool = False
    say: Callable[[str], None] = print

    def __post_init__(self) -> None:
        self._networks = dict(self.task.networks())
        self.ema = Ema(self._networks, self.loop.ema)
        self._optimizer = Optimizer(self.task.parameters(), self.optimizer, self.loop.steps, self.place)
        self._loss = self._shared_loss()
        self.step, self.skipped, self._skipped_in_a_row = 0, 0, 0
        self.figures: dict[str, float] = {}
        self._best: float | None = None
        if not self.place.is_first:
            self.say = _nothing
        self._restore()

    # -- the whole -------------------------------------------------------------------------------------------------

    def fit(self, seconds: float | None = None, should_stop: Callable[[], bool] | None = None) -> Outcome:
        """Train until the last step, for at most ``seconds``, until ``should_stop`` or a signal to end.

        However it ends, a checkpoint and the weights lie in the folder afterwards. Raises ``TrainingError`` when
        nothing finite comes out any more.
        """
        begun = saved = time.monotonic()
        progress = Progress(self.loop.steps, self._file("log.jsonl"), self.say)
        progress.begin(self.step)
        board = self._board()
        losses = Means()
        reason, fresh = "done", False
        with random_kept(), signals() as told:
            while self.step < self.loop.steps:
                losses.add(self._one_step())
                progress.tick(self.step)
                fresh = False
                if _due(self.step, self.loop.log):
                    left = None if seconds is None else seconds - (time.monotonic() - begun)
                    self._log(progress, board, losses.take(), left)
                if _due(self.step, self.loop.validate):
                    self._validate(progress, board)
                    fresh = True
                now = time.monotonic()
                if _due(self.step, self.loop.save) or now - saved >= self.loop.save_seconds > 0:
                    self.save()
                    saved = time.monotonic()
                stop = self._stop(told, seconds is not None and now - begun >= seconds, should_stop)
                if stop:
                    reason = stop
                    break
            if not fresh and reason == "done" and self.loop.validate >= 0:
                self._validate(progress, board)
        taken = time.monotonic() - begun
        self._end(progress, board, reason, taken)
        return Outcome(self.step, reason, self.figures, self.skipped, taken)

    def save(self) -> None:
        """Write a checkpoint of this very step."""
        if self.folder is None or not self.place.is_first:
            return
        checkpoint.save(self.folder / "checkpoints", self.step, {
            "step": self.step, "skipped": self.skipped, "best": self._best, "figures": self.figures,
            "networks": {name: network.state_dict() for name, network in self._networks.items()},
            "training": {name: network.training for name, network in self._networks.items()},
            "optimizer": self._optimizer.state_dict(), "ema": self.ema.state_dict(), "task": self.task.state(),
            "data": self._data(),
        }, self.loop.keep)

    def save_weights(self, name: str = "weights.safetensors") -> Path | None:
        """Write the running mean of the first network with its card; None without a folder."""
        if self.folder is None or not self.place.is_first:
            return None
        first = next(iter(self._networks))
        told = {"config": dict(self.recorded), "step": self.step, "metrics": _rounded(self.figures)} | self.task.card()
        card.save_weights(self.folder / name, self.ema.network_state(first), told)
        return self.folder / name

    # -- one step --------------------------------------------------------------------------------------------------

    def _one_step(self) -> Mapping[str, Tensor]:
        seed_all(self.loop.seed, self.step, self.place.rank)
        self._optimizer.begin(self.step)
        with self.place.autocast():
            losses = self._loss(self.step)
        if self._optimizer.step(losses["total"]):
            self.ema.update()
            self._skipped_in_a_row = 0
        else:
            self.skipped += 1
            self._skipped_in_a_row += 1
            if self._skipped_in_a_row >= _PATIENCE_STEPS:
                raise TrainingError(f"the gradient has not been finite for {_PATIENCE_STEPS} steps up to step "
                                    f"{self.step + 1}; try a smaller optimizer.rate or loop.precision = \"fp32\"")
        self.step += 1
        return losses

    def _shared_loss(self) -> Callable[[int], Mapping[str, Tensor]]:
        if self.place.world == 1:
            return self.task.loss
        from torch import nn
        from torch.nn.parallel import DistributedDataParallel

        loss = self.task.loss

        class Whole(nn.Module):
            """All that is trained as one module whose output is the loss: gradients are shared wherever they arise,
            however often a network is called in a step."""

            def __init__(self, networks: Mapping[str, nn.Module]) -> None:
                super().__init__()
                self.networks = nn.ModuleDict(networks)

            def forward(self, step: int) -> Mapping[str, Tensor]:
                return loss(step)

        devices = [self.place.device] if self.place.device.type == "cuda" else None
        return DistributedDataParallel(Whole(self._networks), devices,
                                       find_unused_parameters=not self.task.always_uses_all)

    # -- beside the steps ------------------------------------------------------------------------------------------

    def _validate(self, progress: Progress, board: Board | None) -> None:
        figures: dict[str, float] = {}
        if self.place.is_first:
            import torch

            begun = time.monotonic()
            modes = {name: network.training for name, network in self._networks.items()}
            with self.ema.applied(), torch.no_grad():
                for network in self._networks.values():
                    network.eval()
                found = self.task.validate(self.step)
            for name, network in self._networks.items():
                network.train(modes[name])
            figures = {name: float(value) for name, value in found.items() if np.ndim(value) == 0}
            pictures = {name: value for name, value in found.items() if np.ndim(value) == 3}
            if figures:
                progress.validated(self.step, figures, time.monotonic() - begun)
            if board is not None:
                board.scalars(self.step, "validation", figures)
                board.pictures(self.step, pictures if self.loop.images else {})
                board.flush()
        self.figures = self.place.from_first(figures)
        self.task.validated(self.step, self.figures)
        self._keep_best()

    def _keep_best(self) -> None:
        name = self.loop.best.removeprefix("-")
        if not name or not self.figures:
            return
        if name not in self.figures:
            raise ConfigError(f"loop.best is {name}, which validation does not give; it gives "
                              f"{', '.join(sorted(self.figures))}")
        value = self.figures[name] * (-1 if self.loop.best.startswith("-") else 1)
        if np.isfinite(value) and (self._best is None or value > self._best):
            self._best = value
            self.save_weights("best.safetensors")

    def _log(self, progress: Progress, board: Board | None, own: Mapping[str, float], limit: float | None) -> None:
        means = dict(zip(own, self.place.mean(list(own.values())), strict=True))
        if self.place.is_first:
            progress.losses(self.step, means, self._optimizer.rate, limit)
            if board is not None:
                board.scalars(self.step, "loss", means | {"rate": self._optimizer.rate})

    def _stop(self, told: list[int], is_late: bool, should_stop: Callable[[], bool] | None) -> str:
        """Why to stop now, the same in all processes; "" to go on."""
        reason = "signal" if told else "time" if is_late else "asked" if should_stop and should_stop() else ""
        if self.place.world > 1 and self.place.any(bool(reason)):
            reason = self.place.from_first(reason) or "signal"
        return reason

    def _end(self, progress: Progress, board: Board | None, reason: str, seconds: float) -> None:
        self.save()
        self.save_weights()
        if board is not None:
            board.close()
        if self.place.is_first:
            where = "" if self.folder is None else f"; continue with --resume from {self.folder}"
            why = {"time": "The time is up", "signal": "Told to stop", "asked": "Told to stop"}.get(reason)
            progress.event(self.step, f"{why} after step {self.step} of {self.loop.steps}{where}" if why else
                           f"All {self.step} steps are done", seconds=round(seconds, 1),
                           peak_mb=self.place.peak_mb())

    def _board(self) -> Board | None:
        if self.folder is None or not self.place.is_first or not self.loop.board:
            return None
        return Board(self.folder / "board", self.step, self.say)

    def _file(self, name: str) -> Path | None:
        return None if self.folder is None or not self.place.is_first else self.folder / name

    def _data(self) -> str:
        return json.dumps(self.task.card().get("data"), sort_keys=True, default=str)

    def _restore(self) -> None:
        if self.folder is None:
            return
        folder = self.folder / "checkpoints"
        if not self.resume:
            if self.place.is_first and checkpoint.found(folder):
                raise ConfigError(f"{self.folder} holds a run already: continue it with --resume, or choose another "
                                  f"folder with --out")
            return
        kept = checkpoint.newest(folder, self.say)
        if kept is None:
            return
        try:
            for name, network in self._networks.items():
                network.load_state_dict(kept["networks"][name])
                network.train(kept["training"][name])
            self._optimizer.load_state_dict(kept["optimizer"])
            self.ema.load_state_dict(kept["ema"])
            self.task.load_state(kept["task"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise checkpoint.ResumeError(f"the checkpoint in {folder} belongs to another configuration: {error}"
                                         ) from error
        self.step, self.skipped = int(kept["step"]), int(kept["skipped"])
        self._best, self.figures = kept["best"], dict(kept["figures"])
        self.say(f"Resumed after step {self.step} of {self.loop.steps}")
        if kept.get("data") != self._data():
            self.say("The data are not those that the run began with: it goes on, but not bit by bit")


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _nothing(_: str) -> None:
    """Only the first process speaks."""


def _rounded(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: round(value, 6) if np.isfinite(value) else None for name, value in figures.items()}
