"""The training of an adaptation: one speaker, minutes in place of days, and a clock that is kept.

The loop, its checkpoints and its running mean are those of every other run (``lipsync_core.train.loop``); what is
different is that time is the bound. A few steps of a copy are timed first, which gives the number of steps and with it
the learning rate's course; a run that is killed goes on with the same plan and with the time that was left.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic as now
from typing import TYPE_CHECKING, Any

from lipsync_core.models.checkpoint import CheckpointError
from lipsync_core.train.config import LoopConfig, OptimizerConfig
from lipsync_core.train.files import write_atomic
from lipsync_core.train.loop import Task, Trainer
from lipsync_core.train.place import Place, find

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_core.neural.own import Weights
    from lipsync_core.train.data.windows import FaceWindows
    from lipsync_core.train.losses import GeneratorLoss

#: Windows (of five frames) in a step.
BATCH = 2
#: More steps learn a short clip by heart; fewer are not worth the comparison.
MOST_STEPS, LEAST_STEPS = 3000, 20
SYNC_WEIGHT = 0.03
_RATE, _TIMED_STEPS, _SAVE_S = 6e-4, 4, 30.0
_PLAN, _SPENT, _RUN = "plan.json", "spent.json", "run"

#: ``say(sentence)`` for people; ``report(done, total, message)`` for a bar.
Say = Callable[[str], None]
Report = Callable[[float, float, str], None]


class TooSlow(ValueError):
    """The time that is given holds too few steps; the message says how long it would take."""


@dataclass(frozen=True, slots=True)
class Plan:
    """steps: of the whole run; step_s: seconds of each, as timed."""

    steps: int
    step_s: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """weights: the file of the adapted generator. seconds: of training in all, over every try."""

    weights: Path
    plan: Plan
    steps: int
    seconds: float


class AdaptTask(Task):
    """The generator on its speaker's windows; judged by ``losses`` alone, never by what is held out."""

    def __init__(self, network: nn.Module, windows: FaceWindows, losses: GeneratorLoss, place: Place,
                 card: Mapping[str, Any]) -> None:
        self._network, self._windows, self._losses, self._place = network, windows, losses, place
        self._card = dict(card)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"generator": self._network}

    def loss(self, step: int) -> Mapping[str, Tensor]:
        import torch

        batch = self._windows.batch(step).to(self._place.device)
        face = torch.cat([batch.masked, batch.reference], 1)
        rows, frames = face.shape[0], face.shape[2]
        # What can be told how far the lips are apart will be: ``own.OwnLipSync.told``.
        told = (batch.opening.flatten(),) if hasattr(self._network, "heard_opening") else ()
        made = self._network(batch.mels.flatten(0, 1), face.transpose(1, 2).flatten(0, 1), *told)
        made = made.unflatten(0, (rows, frames)).transpose(1, 2)
        return self._losses(batch, made, {"sync": SYNC_WEIGHT, "base": 1.0})

    def card(self) -> dict[str, Any]:
        return self._card


def fit(base: Weights, shards: Path, folder: Path, seconds: float, *, device: str = "auto", say: Say, report: Report,
        losses: GeneratorLoss | None = None) -> Fitted:
    """Adapt a copy of ``base`` to the clips in ``shards`` for at most ``seconds`` in all, tries before included.

    folder: where the run is kept; one that is there already goes on. losses: ``usual_losses`` unless given.
    Raises TooSlow when fewer than 20 steps fit in, and KeyboardInterrupt when a signal asked to stop.
    """
    from lipsync_core.train.data.shards import Shards
    from lipsync_core.train.data.windows import FaceWindows

    place = find(device)
    network = copy.deepcopy(base.network).requires_grad_(True).train().to(place.device)
    windows = FaceWindows(Shards(shards, base.size), BATCH, seed=0, size=base.size, still=True)
    card = {"kind": base.card.get("kind"), "network": base.card.get("network"), "licence": base.card.get("licence"),
            "data": "one speaker of one video", "adapted_from": base.card.get("name", "")}
    task = AdaptTask(network, windows, (losses or usual_losses()).to(place.device), place, card)
    begun = now()
    spent = _read(folder / _SPENT).get("seconds", 0.0)
    plan = _plan(task, network, place, seconds - spent, folder)
    done = _read(folder / _SPENT).get("steps", 0)
    say(f"Adapting: {plan.step_s:.2f} s a step on this machine, so {plan.steps - done} steps take about "
        f"{_clock((plan.steps - done) * plan.step_s)}.")
    loop = LoopConfig(plan.steps, ema=0.995, log=0, validate=-1, save=0, save_seconds=_SAVE_S, keep=1, images=False)
    trainer = Trainer(task, OptimizerConfig(rate=_RATE, warmup=min(20, plan.steps // 5), decay=0.0), loop, place,
                      folder / _RUN, resume=True, say=_quiet)

    def tick() -> bool:
        so_far = spent + now() - begun
        report(trainer.step, plan.steps, "Adapting to the speaker")
        if trainer.step % 10 == 0:
            _write(folder / _SPENT, {"seconds": so_far, "steps": trainer.step})
        return so_far >= seconds

    ended = trainer.fit(should_stop=tick)
    if ended.reason == "signal":
        raise KeyboardInterrupt
    path = trainer.save_weights()
    assert path is not None
    total = spent + now() - begun
    _write(folder / _SPENT, {"seconds": total, "steps": trainer.step})
    return Fitted(path, plan, trainer.step, total)


def usual_losses() -> GeneratorLoss:
    """Pixels, edges and smoothness, with the library's own expert and embedder as far as their weights are here."""
    from lipsync_core.train.losses import GeneratorLoss, LossConfig
    from lipsync_core.train.networks.expert import load_expert

    try:
        expert = load_expert()
    except CheckpointError:
        expert = None
    try:
        from lipsync_core.train.embedder import load_embedder

        embedder = load_embedder(None)
    except (ImportError, CheckpointError):
        embedder = None
    return GeneratorLoss(LossConfig(), expert, embedder)


def _plan(task: AdaptTask, network: nn.Module, place: Place, seconds: float, folder: Path) -> Plan:
    """What was planned at the first try, else what a few steps of a copy say."""
    known = _read(folder / _PLAN)
    if known:
        return Plan(int(known["steps"]), float(known["step_s"]))
    kept = copy.deepcopy(network.state_dict())
    begun = now()
    step_s = _step_seconds(task, network, place)
    network.load_state_dict(kept)
    network.zero_grad(set_to_none=True)
    left = seconds - (now() - begun)
    steps = min(int(left / step_s), MOST_STEPS)
    if steps < LEAST_STEPS:
        raise TooSlow(f"Adapting takes {step_s:.1f} s a step here, and only {max(steps, 0)} fit into the time; "
                      f"{LEAST_STEPS} are the least")
    plan = Plan(steps, step_s)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / _PLAN, asdict(plan))
    return plan


def _step_seconds(task: AdaptTask, network: nn.Module, place: Place) -> float:
    import torch

    times = []
    for step in range(_TIMED_STEPS + 1):
        begun = now()
        with place.autocast():
            total = task.loss(step)["total"]
        total.backward()
        if place.device.type == "cuda":
            torch.cuda.synchronize(place.device)
        times.append(now() - begun)
    # The first one sets up kernels and memory; the optimizer's own work is a few per cent.
    return max(1.05 * sum(times[1:]) / _TIMED_STEPS, 1e-4)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"


def _quiet(_: str) -> None:
    """Lines of the loop that nobody reads here."""


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, value: Mapping[str, Any]) -> None:
    write_atomic(path, json.dumps(dict(value)))
