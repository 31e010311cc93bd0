"""The runs of an ablation: which variants there are, and how one is trained, left and taken up again."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_core.train.files import write_atomic

if TYPE_CHECKING:
    from torch import nn

CONFIGS = Path(__file__).resolve().parent / "configs"


class AblationError(ValueError):
    """The ablation cannot be run as asked; the message says why in one sentence."""


class Stopped(Exception):
    """A signal asked to stop; what was done is kept."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the generators that are compared; ``config`` is its run.

    uses: which files of the command line are for it, "expert" or "embedder": others never see them.
    """

    name: str
    slug: str
    uses: tuple[str, ...] = ()

    @property
    def config(self) -> Path:
        return CONFIGS / f"ablation_{self.slug}.toml"


L1, L1_ID = "l1", "l1 + identity"
EXPERT, EXPERT_ID = "l1 + frozen expert", "l1 + frozen expert + identity"
CRITIC, CRITIC_ID = "l1 + co-trained critic", "l1 + co-trained critic + identity"
VARIANTS = (
    Variant(L1, "l1"),
    Variant(EXPERT, "l1_expert", ("expert",)),
    Variant(CRITIC, "l1_critic"),
    Variant(L1_ID, "l1_identity", ("embedder",)),
    Variant(EXPERT_ID, "l1_expert_identity", ("expert", "embedder")),
    Variant(CRITIC_ID, "l1_critic_identity", ("embedder",)),
)
#: What is asked, and the pairs of variants (before, after) that answer it.
QUESTIONS = (
    ("frozen expert against L1 alone", ((L1, EXPERT), (L1_ID, EXPERT_ID))),
    ("co-trained critic against L1 alone", ((L1, CRITIC), (L1_ID, CRITIC_ID))),
    ("frozen expert against co-trained critic", ((CRITIC, EXPERT), (CRITIC_ID, EXPERT_ID))),
    ("identity loss against none", ((L1, L1_ID), (EXPERT, EXPERT_ID), (CRITIC, CRITIC_ID))),
)


@dataclass(frozen=True, slots=True)
class Trained:
    """How far a run is. steps: done so far; is_done: none is missing; is_told: a signal asked to stop. seconds: of this
    call."""

    steps: int
    is_done: bool
    is_told: bool
    seconds: float


def train(variant: Variant, folder: Path, changes: Sequence[str], *, seconds: float | None,
          say: Callable[[str], None]) -> Trained:
    """Train one variant in ``folder``, or go on with it; for at most ``seconds``.

    Every variant of one seed must begin with the very weights that the first one began with, which is checked beside
    ``folder``; the frozen judges must end as they began. Raises ``AblationError`` otherwise, and what
    ``lipsync_core.train.run`` raises.
    """
    from lipsync_core.train import checkpoint
    from lipsync_core.train import run as runs
    from lipsync_core.train.place import joined

    described = runs.read(variant.config, changes)
    is_begun = bool(checkpoint.found(folder / "checkpoints"))
    with joined(described.loop.device, described.loop.precision) as place:
        trainer = runs.trainer_of(described, place, folder, resume=is_begun, say=say)
        if not is_begun:
            _same_beginning(folder.parent / f"begun_seed{described.loop.seed}.json", _hash(trainer.task.network))
        outcome = trainer.fit(seconds)
        trainer.task.losses.check_frozen()
    return Trained(outcome.step, outcome.step >= described.loop.steps, outcome.reason == "signal", outcome.seconds)


def generator_of(path: Path, device: Any = "cpu") -> Any:
    """The generator of a weights file, frozen. Raises ``CheckpointError``."""
    from lipsync_core.models.checkpoint import CheckpointError, load_into
    from lipsync_core.train import card
    from lipsync_core.train.networks.generator import GeneratorError, build

    try:
        network = build(card.read_card(path)["network"])
    except (KeyError, TypeError, GeneratorError) as error:
        raise CheckpointError(f"{path.name} holds no generator") from error
    load_into(network, path, "a generator")
    return network.to(device).eval()


@contextmanager
def owned(folder: Path) -> Iterator[bool]:
    """Whether this process has a run's folder to itself; several may share the work of one ablation."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".owner", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all."""
    write_atomic(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """None where there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def same_settings(path: Path, settings: Any) -> None:
    """Refuse to continue an ablation as another one."""
    then = read_json(path)
    if then is None:
        write_json(path, settings)
    elif then != json.loads(json.dumps(settings)):
        differs = next(key for key in sorted({*then, *settings}) if then.get(key) != settings.get(key))
        raise AblationError(f"{path.parent} holds an ablation with another setting: {differs} was "
                            f"{then.get(differs)!r} and is {settings.get(differs)!r}; choose another folder with --out")


def _hash(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def _same_beginning(path: Path, weights: str) -> None:
    then = read_json(path)
    if then is None:
        write_json(path, weights)
    elif then != weights:
        raise AblationError("the variants of one seed did not begin with the same weights")
