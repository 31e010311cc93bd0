"""Training a generator: windows of faces, the parts of the loss under their schedule, judges that never move.

A critic, where one is asked for, learns in the same step: the generator's adversarial part goes through a copy of it
without gradients, its own loss through made pictures without gradients, so that one total serves both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lipsync_core.train.config import ConfigError, RunConfig
from lipsync_core.train.data.ahead import Ahead, Batches
from lipsync_core.train.expert_augment import generator_of
from lipsync_core.train.face_augment import FaceAugmentConfig, disturbed
from lipsync_core.train.loop import Task
from lipsync_core.train.losses import GeneratorLoss, LossConfig, layout
from lipsync_core.train.networks.generator import GeneratorConfig, GeneratorError, build
from lipsync_core.train.schedule import Schedule, ScheduleConfig
from lipsync_core.train.types import Embedder, Expert, FaceBatch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_core.train.place import Place
    from lipsync_core.train.validate import Validator


#: Weights of what our own generator is asked about the mouth, where it is told about it.
_HINTS = {"opening": 0.1, "layout": 0.1}


@dataclass(frozen=True, slots=True)
class GeneratorData:
    """shards: folder, relative to the configuration. size: of the crops, and of what the generator makes.

    batch: windows of five frames. hole, mask_margin: what is masked, and by how much its upper edge is off by chance.
    still: the reference is one frame instead of five neighbouring ones. cache_mb: decoded pictures kept in memory.
    """

    shards: str = ""
    size: int = 96
    batch: int = 8
    hole: Literal["half", "own"] = "half"
    mask_margin: tuple[float, ...] = (0.0, 0.12)
    still: bool = False
    cache_mb: int = 1024


@dataclass(frozen=True, slots=True)
class JudgesConfig:
    """Who judges. A judge is "embedded" (the package's own), "none", or a file relative to the configuration.

    expert: teaches, frozen. judge: only asked in validation. embedder: whose face it is, frozen. critic: learns
    beside the generator; its weight is the schedule's. critic_rate: its learning rate over the generator's.
    start: weights of a generator to begin with, "none" for a fresh one. sound: of a ``sound.SoundTask``, for the sound
    encoder of our own generator; its vector's length must be the same.
    """

    expert: str = "embedded"
    judge: str = "embedded"
    embedder: str = "embedded"
    critic: Literal["none", "picture", "sync"] = "none"
    critic_rate: float = 1.0
    start: str = "none"
    sound: str = "none"


@dataclass
class GeneratorTask(Task):
    """What ``loop.Trainer`` trains; see ``loop.Task`` for the methods.

    batches: of kind ``FaceBatch``. validator: None leaves validation out.
    """

    network: nn.Module
    config: GeneratorConfig
    batches: Batches
    losses: GeneratorLoss
    schedule: Schedule
    place: Place
    validator: Validator | None = None
    critic_rate: float = 1.0
    augment: FaceAugmentConfig = field(default_factory=FaceAugmentConfig)
    seed: int = 0
    about: Mapping[str, Any] = field(default_factory=dict)

    SECTIONS = {"data": GeneratorData, "generator": GeneratorConfig, "losses": LossConfig, "schedule": ScheduleConfig,
                "judges": JudgesConfig, "augment": FaceAugmentConfig}

    @classmethod
    def build(cls, run: RunConfig, place: Place) -> GeneratorTask:
        """From a configuration; ``ConfigError``, ``ShardError`` or ``CheckpointError`` when it cannot be."""
        import torch

        from lipsync_core.train.data.shards import Shards
        from lipsync_core.train.data.windows import FaceWindows
        from lipsync_core.train.networks import critic

        torch.manual_seed(run.loop.seed)
        data, judges = run["data"], run["judges"]
        config = replace(run["generator"], size=data.size)
        network: Any
        try:
            network = build(config)
        except GeneratorError as error:
            raise ConfigError(f"generator: {error}") from error
        _start(network, run, judges.start)
        _listen(network, run, judges.sound)
        expert, judge, embedder = judges_of(run, place.device)
        kinds = {"picture": critic.PictureCritic, "sync": critic.SyncCritic}
        beside = None if judges.critic == "none" else kinds[judges.critic]()
        schedule = Schedule(run["schedule"])
        if schedule.config.told and config.kind != "own":
            raise ConfigError("schedule.told is for our own generator: no other can be told anything")
        if (beside is None) != (schedule.config.critic == 0):
            raise ConfigError("a critic needs both judges.critic (which one) and schedule.critic (its weight)")
        losses = GeneratorLoss(run["losses"], expert, embedder, beside).to(place.device)
        shards = Shards(run.path(data.shards), data.size, "train", cache_bytes=data.cache_mb << 20)
        windows = FaceWindows(shards, data.batch, run.loop.seed, data.size, tuple(data.mask_margin), place.rank,
                              place.world, hole=data.hole, still=data.still)
        about = {"people": len(shards.people), "clips": len(shards), "frames": sum(i.frames for i in shards.infos),
                 "hole": data.hole, "expert": judges.expert, "judge": judges.judge, "embedder": judges.embedder}
        return cls(network.to(place.device, memory_format=torch.channels_last).train(), config,
                   Ahead(windows) if place.device.type == "cuda" else windows, losses, schedule, place,
                   _validator(run, place, {"expert": expert, "judge": judge}, embedder), judges.critic_rate,
                   run["augment"], run.loop.seed, about)

    def networks(self) -> Mapping[str, nn.Module]:
        critic = self.losses.critic
        return {"generator": self.network} | ({} if critic is None else {"critic": critic})

    def parameters(self) -> list[dict[str, Any]]:
        rates = {"generator": 1.0, "critic": self.critic_rate}
        return [{"params": list(network.parameters()), "scale": rates[name]}
                for name, network in self.networks().items()]

    def loss(self, step: int) -> Mapping[str, Tensor]:
        from lipsync_core.train.networks.critic import critic_loss

        batch = self.batches.batch(step).to(self.place.device)
        batch = disturbed(batch, self.augment, generator_of(self.seed, step, self.place.rank))
        hints: dict[str, Tensor] = {}
        if self.schedule.config.told:
            made, hints = self._taught(batch, step)
        else:
            made = paint(self.network, batch)
        found = dict(self.losses(batch, made, self.schedule.weights(step)))
        for name, hint in hints.items():
            found[name] = hint
            found["total"] = found["total"] + _HINTS[name] * hint
        if self.losses.critic is not None:
            found["critic_own"] = critic_loss(self.losses.critic, batch, made)
            found["total"] = found["total"] + found["critic_own"]
        return found

    def _taught(self, batch: FaceBatch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """What our own generator makes when some rows are told the true opening, and what it says about the mouth.

        ``opening``: how well that is heard, in usual spreads; pictures teach nothing about hearing it where it is told,
        and where it is not, they would rather have it always the same. ``layout``: see ``losses.layout``.
        """
        import torch
        from torch.nn.functional import smooth_l1_loss

        random = generator_of(self.seed + 1, step, self.place.rank)
        chosen = torch.rand(len(batch.opening), 1, generator=random) < self.schedule.config.told
        told = torch.where(chosen.to(batch.opening.device), batch.opening, torch.nan).flatten()
        mels, spread = batch.mels.flatten(0, 1), self.config.spread
        face = torch.cat([batch.masked, batch.reference], 1).transpose(1, 2).flatten(0, 1)
        network: Any = self.network  # of kind "own": the others have no such methods
        made, places, painted = network.laid_out(mels, face, told)
        heard = network.heard_opening(mels, gain=1.0)
        hints = {"opening": smooth_l1_loss(heard / spread, batch.opening.flatten() / spread),
                 "layout": layout(batch, places, painted)}
        return made.unflatten(0, batch.opening.shape).transpose(1, 2), hints

    def validate(self, step: int) -> Mapping[str, Any]:
        """The figures of ``validate.FIGURES``, ``sync_loss`` (the expert's, for the schedule), and a sheet."""
        self.losses.check_frozen()
        if self.validator is None:
            return {}
        heard: list[float] = []

        def watch(batch: FaceBatch, made: Tensor) -> None:
            if self.losses.expert is not None:
                heard.append(self._sync_loss(batch, made))

        told = self.validator(self._generate, watch)
        sync = {"sync_loss": sum(heard) / len(heard)} if heard else {}
        return told.figures | sync | {"held_out": told.sheet}

    def validated(self, step: int, figures: Mapping[str, float]) -> None:
        if "sync_loss" in figures:
            self.schedule.validated(step, figures["sync_loss"])

    def state(self) -> dict[str, Any]:
        return {"schedule": self.schedule.state_dict()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.schedule.load_state_dict(state["schedule"])

    def card(self) -> dict[str, Any]:
        return {"kind": "generator", "network": asdict(self.config), "data": dict(self.about)}

    def _generate(self, mels: Tensor, face: Tensor) -> Tensor:
        with self.place.autocast():
            return self.network(mels, face)

    def _sync_loss(self, batch: FaceBatch, made: Tensor) -> float:
        windows = made[0].unfold(1, 5, 1).permute(1, 0, 4, 2, 3)[::4]
        sound = batch.sound[: made.shape[2] - 4: 4]
        return float(self.losses.sync(replace(batch, sound=sound), windows.contiguous()))


def paint(network: nn.Module, batch: FaceBatch) -> Tensor:
    """What a generator makes of a batch, [B, 3, 5, S, S]."""
    import torch

    face = torch.cat([batch.masked, batch.reference], 1)
    rows, frames = face.shape[0], face.shape[2]
    made = network(batch.mels.flatten(0, 1), face.transpose(1, 2).flatten(0, 1))
    return made.unflatten(0, (rows, frames)).transpose(1, 2)


def judges_of(run: RunConfig, device: Any) -> tuple[Expert | None, Expert | None, Embedder | None]:
    """(expert, judge, embedder) of a run's section ``judges``, frozen; ``CheckpointError`` where a file is no good."""
    from lipsync_core.train.embedder import load_embedder
    from lipsync_core.train.networks.expert import EMBEDDED, load_expert

    judges = run["judges"]
    files = {name: _file(run, getattr(judges, name)) for name in ("expert", "judge", "embedder")}
    own = {"expert": EMBEDDED, "judge": EMBEDDED.with_name("sync_judge.safetensors"), "embedder": None}
    chosen = {name: own[name] if path is None else path for name, path in files.items()}

    def expert(name: str) -> Expert | None:
        return None if files[name] == _NONE else load_expert(chosen[name], device)

    embedder = None if files["embedder"] == _NONE else load_embedder(chosen["embedder"], device)
    return expert("expert"), expert("judge"), embedder


_NONE = Path("none")


def _file(run: RunConfig, given: str) -> Path | None:
    """None for "embedded"."""
    return {"embedded": None, "none": _NONE}.get(given, run.path(given))


def _start(network: nn.Module, run: RunConfig, given: str) -> None:
    if given == "none":
        return
    from lipsync_core.models.checkpoint import load_into

    load_into(network, run.path(given), "the configured generator")
    network.requires_grad_(True)


def _listen(network: nn.Module, run: RunConfig, given: str) -> None:
    """Give the network ears that were trained before."""
    if given == "none":
        return
    from lipsync_core.train.card import read_weights

    state, card = read_weights(run.path(given))
    if not hasattr(network, "read") or card.get("kind") != "sound-reader":
        raise ConfigError("judges.sound is for our own generator, and takes weights of the task sound")
    try:
        network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise ConfigError("judges.sound has a vector of another length than generator.sound") from error


def _validator(run: RunConfig, place: Place, experts: Mapping[str, Expert | None],
               embedder: Embedder | None) -> Validator | None:
    """None in all but the first process, and where nothing is held out or nothing is to be validated."""
    from lipsync_core.train.data.shards import Shards
    from lipsync_core.train.expert import spread
    from lipsync_core.train.validate import Validator

    held_out = Shards(run.path(run.data.shards), run.data.size, "val")
    if not place.is_first or not held_out.infos or run.loop.validate < 0:
        return None
    models = run.path(run.validate.models) if run.validate.models else None
    return Validator(spread(held_out, run.validate.clips), models, embedder,
                     {name: one for name, one in experts.items() if one is not None}, place.device, run.data.hole,
                     run.validate.frames)
