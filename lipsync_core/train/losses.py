"""What a generator is trained with.

All parts are means, so that none depends on the batch's size. Pictures are compared inside the hole alone: outside
it a generator has nothing to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_core.train.networks.critic import generator_side
from lipsync_core.train.types import WINDOW, Embedder, Expert, FaceBatch

if TYPE_CHECKING:
    from lipsync_core.train.networks.critic import Critic

#: Features of pictures [N, 3, S, S], BGR in [0, 1], from coarse to fine or back: for the perceptual part.
Features = Callable[[Tensor], Sequence[Tensor]]


class NotFrozen(AssertionError):
    """The expert or the embedder changed while a generator was trained."""


@dataclass(frozen=True, slots=True)
class LossConfig:
    """Weights of the parts; 0 leaves one out. Those of sync and critic come from the schedule.

    pixels: L1. mouth, inner: how much more a pixel counts around the lips and between them. edges: L1 of the
    differences of neighbours (what is soft loses). perceptual: L1 of a given network's features. identity: the cosine
    to the true frame's face that is missing beyond ``identity_margin``. smoothness: shaking of neighbouring frames that
    the true ones do not have. sync_form: "probability" is -log of the expert's calibrated probability; "cosine"
    -log((1 + cosine) / 2), for experts without a calibration; "published" -log(cosine), for Wav2Lip's own.
    """

    pixels: float = 1.0
    mouth: float = 4.0
    inner: float = 4.0
    edges: float = 0.5
    perceptual: float = 0.0
    identity: float = 0.02
    identity_margin: float = 0.05
    smoothness: float = 0.2
    sync_form: Literal["probability", "cosine", "published"] = "probability"


class GeneratorLoss:
    """The parts of one configuration; judges are frozen when they are handed over.

    expert: None leaves the sync part out, embedder the identity, critic the critic's, features the perceptual one.
    The critic is not frozen: it learns, through ``critic.critic_loss``, but no gradient reaches it from here.
    """

    def __init__(self, config: LossConfig, expert: Expert | None = None, embedder: Embedder | None = None,
                 critic: Critic | None = None, features: Features | None = None) -> None:
        if config.sync_form not in ("probability", "cosine", "published"):
            raise ValueError(f"there is no form {config.sync_form!r} of the sync loss; there are 'probability', "
                             "'cosine' and 'published'")
        self.config, self.critic, self.features = config, critic, features
        self.expert, self.embedder = freeze(expert), freeze(embedder)
        self._prints = self._fingerprints()

    def __call__(self, batch: FaceBatch, made: Tensor, weights: Mapping[str, float] | None = None) -> dict[str, Tensor]:
        """Scalars by name: ``total`` and the parts that it sums, unweighted.

        made: [B, 3, 5, S, S] in [0, 1]. weights: ``sync``, ``critic`` and ``base``, as ``Schedule.weights`` gives
        them; without them sync and critic count 0 and are left out.
        """
        config, weights = self.config, weights or {}
        made = made.float()
        importance = importance_of(batch, config.mouth, config.inner)
        base = weights.get("base", 1.0)
        shares = {name: base * getattr(config, name) for name in ("pixels", "edges", "smoothness")}
        shares["perceptual"] = base * config.perceptual if self.features is not None else 0.0
        shares["identity"] = base * config.identity if self.embedder is not None else 0.0
        shares["sync"] = weights.get("sync", 0.0) if self.expert is not None else 0.0
        shares["critic"] = weights.get("critic", 0.0) if self.critic is not None else 0.0
        makers: dict[str, Callable[[], Tensor]] = {
            "pixels": lambda: pixels(made, batch.target, importance),
            "edges": lambda: edges(made, batch.target, importance),
            "smoothness": lambda: smoothness(made, batch.target, importance),
            "perceptual": lambda: self._perceptual(batch, made),
            "identity": lambda: self.identity(batch, made),
            "sync": lambda: self.sync(batch, made),
            "critic": lambda: generator_side(self.critic, batch, made),  # type: ignore[arg-type]
        }
        parts = {name: makers[name]() for name, share in shares.items() if share}
        total = sum((shares[name] * value for name, value in parts.items()), made.new_zeros(()))
        return {"total": total, **parts}

    def sync(self, batch: FaceBatch, made: Tensor) -> Tensor:
        """The frozen expert's mean loss on the made windows: how surprised it would be if they were real."""
        assert self.expert is not None
        form = self.config.sync_form
        if form == "probability":
            chance = self.expert.probability(batch.sound, made)
        else:
            cosine = self.expert.similarity(batch.sound, made)
            chance = cosine if form == "published" else (1 + cosine) / 2
        return -chance.float().clamp_min(1e-6).log().mean()

    def identity(self, batch: FaceBatch, made: Tensor) -> Tensor:
        """By how much the cosine of the middle frame's face and the true frame's falls short of 1 minus the margin."""
        assert self.embedder is not None
        middle = made.shape[2] // 2
        with torch.no_grad():
            true = self.embedder.embed(batch.target[:, :, middle]).float()
        cosine = (self.embedder.embed(made[:, :, middle]).float() * true).sum(1)
        return functional.relu(1 - self.config.identity_margin - cosine).mean()

    def _perceptual(self, batch: FaceBatch, made: Tensor) -> Tensor:
        assert self.features is not None
        middle = made.shape[2] // 2
        with torch.no_grad():
            true = self.features(batch.target[:, :, middle])
        found = self.features(made[:, :, middle])
        return torch.stack([(a - b).abs().mean() / b.abs().mean().clamp_min(1e-6)
                            for a, b in zip(found, true, strict=True)]).mean()

    def to(self, device: Any) -> GeneratorLoss:
        """The judges on ``device``; returns itself."""
        for judge in (self.expert, self.embedder, self.critic, self.features):
            if isinstance(judge, nn.Module):
                judge.to(device)
        return self

    def check_frozen(self) -> None:
        """Raise ``NotFrozen`` unless the expert and the embedder are, bit by bit, what they were at first."""
        for name, now in self._fingerprints().items():
            if now != self._prints[name]:
                raise NotFrozen(f"the {name} changed while the generator was trained")

    def _fingerprints(self) -> dict[str, str]:
        return {"expert": fingerprint(self.expert), "embedder": fingerprint(self.embedder)}


def freeze(judge: Any) -> Any:
    """Put a judge in evaluation mode for good and ask for no gradients of its weights; returns it."""
    if isinstance(judge, nn.Module):
        judge.eval().requires_grad_(False)
    return judge


def fingerprint(judge: Any) -> str:
    """SHA-256 over all weights and buffers, on whatever device they are; "" for what is no network."""
    if not isinstance(judge, nn.Module):
        return ""
    digest = hashlib.sha256()
    for name, value in (*judge.named_parameters(), *judge.named_buffers()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def importance_of(batch: FaceBatch, mouth: float, inner: float) -> Tensor:
    """How much each pixel counts, [B, 1, 5, S, S]: 0 outside the hole, 1 inside, more at the mouth."""
    return batch.hole * (1 + mouth * batch.mouth + inner * batch.inner)


def pixels(made: Tensor, target: Tensor, importance: Tensor) -> Tensor:
    """Mean absolute difference of [B, 3, T, S, S], weighted by ``importance`` [B, 1, T, S, S]."""
    return _mean((made - target).abs(), importance)


def edges(made: Tensor, target: Tensor, importance: Tensor) -> Tensor:
    """Mean absolute difference of the differences to the right and lower neighbour, weighted."""
    off = made - target
    across = _mean(off.diff(dim=4).abs(), importance[..., 1:])
    return across + _mean(off.diff(dim=3).abs(), importance[..., 1:, :])


def smoothness(made: Tensor, target: Tensor, importance: Tensor) -> Tensor:
    """How much more the made frames shake than the true ones: second differences along time, weighted.

    0 where every pixel changes evenly, and where it changes no more abruptly than in truth: a plosive may be sudden.
    """
    if made.shape[2] < 3:
        return made.new_zeros(())
    shake, true = (x.diff(n=2, dim=2).abs() for x in (made, target))
    return _mean(functional.relu(shake - true), importance[:, :, 1:-1])


def layout(batch: FaceBatch, logits: Tensor, painted: Tensor) -> Tensor:
    """How badly a generator of ours knows where the mouth is: it learns to move it long after it can say where it is.

    logits: [B * 5, 2, h, w] and painted: [B * 5, 1, 4 h, 4 w], see ``OwnGenerator.laid_out``. The gap between the lips
    shall be painted, for a reference may not show it; what is near it rather moved.
    """
    gap, lips = (mask.transpose(1, 2).flatten(0, 1)[:, :, -painted.shape[2]:] for mask in (batch.inner, batch.mouth))
    both = functional.avg_pool2d(torch.cat((lips, gap), 1), 4)
    places = functional.binary_cross_entropy_with_logits(logits.float(), both, weight=1 + 8 * both)
    share = painted.float().clamp(1e-4, 1 - 1e-4)
    # Written out: the ready-made one refuses half precision's autocast.
    chosen = -(gap * share.log() + 0.3 * (1 - gap) * (1 - share).log()) * lips
    return places + chosen.sum() / lips.sum().clamp_min(1.0)


def windows_per_second(batch: FaceBatch) -> float:
    """How many seconds of picture a batch holds, for progress."""
    return len(batch.target) * WINDOW / 25


def _mean(values: Tensor, importance: Tensor) -> Tensor:
    weighted = (values * importance).sum() / values.shape[1]
    return weighted / importance.sum().clamp_min(1.0)
