from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_core.train import losses
from lipsync_core.train.losses import GeneratorLoss, LossConfig, NotFrozen
from lipsync_core.train.networks.critic import PictureCritic, SyncCritic, critic_loss, generator_side, hinge
from lipsync_core.train.types import FaceBatch

SIZE = 48


def batch(count: int = 2, seed: int = 0, size: int = SIZE) -> FaceBatch:
    random = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=random)

    target = draw(count, 3, 5, size, size)
    hole = torch.zeros(count, 1, 5, size, size)
    hole[..., size // 2:, :] = 1
    mouth, inner = torch.zeros_like(hole), torch.zeros_like(hole)
    mouth[..., size * 5 // 8:size * 7 // 8, size // 4:-size // 4] = 1
    inner[..., size * 11 // 16:size * 3 // 4, size * 3 // 8:-size * 3 // 8] = 1
    mels, sound = (torch.randn(count, *shape, generator=random) for shape in ((5, 1, 80, 16), (1, 80, 32)))
    return FaceBatch(mels, sound, target, target * (1 - hole), hole, draw(count, 3, 5, size, size), mouth, inner,
                     draw(count, 5), torch.arange(count))


class Judge(nn.Module):
    """An expert and embedder of a few weights, with a norm whose buffers training would change."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.faces, self.sounds = nn.Linear(3 * 4 * 4, 6), nn.Linear(80 * 32, 6)

    def embed(self, faces: Tensor) -> Tensor:
        return functional.normalize(self.faces(functional.adaptive_avg_pool2d(self.norm(faces), 4).flatten(1)))

    def similarity(self, sound: Tensor, faces: Tensor) -> Tensor:
        return (self.embed(faces.mean(2)) * functional.normalize(self.sounds(sound.flatten(1)))).sum(1)

    def probability(self, sound: Tensor, faces: Tensor) -> Tensor:
        return torch.sigmoid(5 * self.similarity(sound, faces))


def test_the_truth_costs_nothing() -> None:
    one = batch()
    found = GeneratorLoss(LossConfig(), embedder=Judge())(one, one.target)
    assert found["total"] == pytest.approx(0, abs=1e-6)
    assert set(found) == {"total", "pixels", "edges", "smoothness", "identity"}


def test_the_mouth_counts_more_and_outside_of_the_hole_nothing() -> None:
    one = batch()
    at_mouth, at_chin, outside = (one.target.clone() for _ in range(3))
    at_mouth[..., 31:33, 20:22] += 0.5
    at_chin[..., 46:48, 20:22] += 0.5
    outside[..., 2:4, 20:22] += 0.5
    weight = losses.importance_of(one, 4.0, 4.0)
    cost = [float(losses.pixels(made, one.target, weight)) for made in (at_mouth, at_chin, outside)]
    assert cost[0] == pytest.approx(5 * cost[1], rel=1e-4)
    assert cost[2] == 0
    assert losses.edges(outside, one.target, weight) == 0
    assert set(weight.unique().tolist()) == {0.0, 1.0, 5.0, 9.0}


def test_softness_costs_edges() -> None:
    one = batch()
    soft = functional.avg_pool3d(one.target, (1, 3, 3), 1, (0, 1, 1))
    lifted = one.target + (soft - one.target).abs().mean()
    weight = one.hole
    assert losses.edges(lifted, one.target, weight) < 1e-5 < losses.edges(soft, one.target, weight)


def test_even_motion_does_not_shake() -> None:
    one = batch()
    time = torch.arange(5.0).view(1, 1, 5, 1, 1)
    even = 0.1 * time * one.reference[:, :, :1]
    weight = one.hole
    assert losses.smoothness(even, torch.zeros_like(even), weight) == pytest.approx(0, abs=1e-7)
    jump = even + 0.3 * (time == 2)
    assert losses.smoothness(jump, torch.zeros_like(even), weight) > 0.1
    assert losses.smoothness(jump, jump, weight) == 0
    assert losses.smoothness(even[:, :, :2], even[:, :, :2], weight[:, :, :2]) == 0


@pytest.mark.parametrize("form", ["probability", "cosine"])
def test_sync_reaches_the_face_and_not_the_expert(form: str) -> None:
    expert = Judge().train()
    loss = GeneratorLoss(LossConfig(sync_form=form), expert)  # type: ignore[arg-type]
    one = batch()
    made = one.reference.clone().requires_grad_()
    before = loss.sync(one, made).item()
    for _ in range(30):
        found = loss(one, made, {"sync": 1.0, "base": 0.0})
        (gradient,) = torch.autograd.grad(found["total"], made)
        made = (made - 20 * gradient).detach().requires_grad_()
    assert set(found) == {"total", "sync"}
    assert found["sync"].item() < before - 1e-3
    assert not expert.training
    assert all(p.grad is None and not p.requires_grad for p in expert.parameters())
    loss.check_frozen()


def test_an_expert_that_moved_is_noticed() -> None:
    expert = Judge()
    loss = GeneratorLoss(LossConfig(), expert)
    expert.norm.running_mean += 1e-6
    with pytest.raises(NotFrozen, match="expert"):
        loss.check_frozen()


def test_published_form_is_minus_the_logarithm_of_the_cosine() -> None:
    class Half:
        def similarity(self, sound: Tensor, faces: Tensor) -> Tensor:
            return torch.full((len(faces),), 0.5)

        def probability(self, sound: Tensor, faces: Tensor) -> Tensor:
            return torch.full((len(faces),), 0.25)

    one = batch()
    found = {form: GeneratorLoss(LossConfig(sync_form=form), Half()).sync(one, one.target).item()  # type: ignore[arg-type]
             for form in ("published", "cosine", "probability")}
    assert found == {"published": pytest.approx(0.6931, abs=1e-3), "cosine": pytest.approx(0.2877, abs=1e-3),
                     "probability": pytest.approx(1.3863, abs=1e-3)}


def test_identity_has_a_margin() -> None:
    one, judge = batch(), Judge()
    loss = GeneratorLoss(LossConfig(identity_margin=0.05), embedder=judge)
    with torch.no_grad():
        cosine = (judge.embed(one.target[:, :, 2]) * judge.embed(one.reference[:, :, 2])).sum(1)
    made = one.reference.clone().requires_grad_()
    found = loss.identity(one, made)
    assert found.item() == pytest.approx(float((0.95 - cosine).clamp_min(0).mean()), abs=1e-6)
    assert GeneratorLoss(LossConfig(identity_margin=2.0), embedder=judge).identity(one, made).item() == 0


def test_perceptual_compares_features_of_any_network() -> None:
    one = batch()
    loss = GeneratorLoss(LossConfig(perceptual=1.0), features=lambda x: [functional.avg_pool2d(x, 4), x.mean((2, 3))])
    assert loss(one, one.target)["perceptual"] == 0
    assert loss(one, one.target * 0.5)["perceptual"] == pytest.approx(0.5, abs=1e-3)


def test_weights_of_the_schedule_decide_what_is_computed() -> None:
    one = batch(size=96)
    loss = GeneratorLoss(LossConfig(), Judge(), critic=PictureCritic(8))
    parts = loss(one, one.reference, {"sync": 0.03, "critic": 0.07, "base": 0.9})
    by_hand = 0.9 * (parts["pixels"] + 0.5 * parts["edges"] + 0.2 * parts["smoothness"]) \
        + 0.03 * parts["sync"] + 0.07 * parts["critic"]
    assert parts["total"].item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert not {"sync", "critic"} & set(loss(one, one.reference))


def test_hinge_is_nothing_when_both_sides_are_clear() -> None:
    assert hinge(torch.tensor([1.5]), torch.tensor([-1.0])) == 0
    assert hinge(torch.tensor([0.0]), torch.tensor([0.0])) == 2


@pytest.mark.parametrize("kind", [PictureCritic, SyncCritic])
def test_critics_learn_and_keep_gradients_apart(kind: type[PictureCritic | SyncCritic]) -> None:
    torch.manual_seed(0)
    critic = kind(8)
    one = batch(4, size=96)
    made = functional.avg_pool3d(one.target, (1, 5, 5), 1, (0, 2, 2)).requires_grad_()
    generator_side(critic, one, made).backward()
    assert made.grad is not None and made.grad.abs().sum() > 0
    assert all(p.grad is None for p in critic.parameters())
    made.grad = None
    optimizer = torch.optim.Adam(critic.parameters(), 2e-3)
    costs = []
    for _ in range(12):
        optimizer.zero_grad()
        cost = critic_loss(critic, one, made)
        cost.backward()
        optimizer.step()
        costs.append(cost.item())
    assert made.grad is None
    assert costs[-1] < 0.8 * costs[0]


def test_a_critic_that_hears_refuses_real_mouths_with_another_sound() -> None:
    torch.manual_seed(0)
    critic, one = SyncCritic(8), batch(4, size=96)
    optimizer = torch.optim.Adam(critic.parameters(), 2e-3)
    for _ in range(30):
        optimizer.zero_grad()
        critic_loss(critic, one, one.reference).backward()
        optimizer.step()
    with torch.no_grad():
        own, other = critic(one.sound, one.target), critic(one.sound.roll(1, 0), one.target)
    assert (own > other).all()
    assert critic(one.sound, replace(one).target).shape == (4,)


def test_layout_is_cheap_where_the_mouth_is_known() -> None:
    one = batch(size=96)
    rows = 64
    lips, gap = (mask.transpose(1, 2).flatten(0, 1)[:, :, -rows:] for mask in (one.mouth, one.inner))
    both = functional.avg_pool2d(torch.cat((lips, gap), 1), 4)
    known = losses.layout(one, 20 * (both - 0.5), gap.clamp(0.01, 0.99))
    lost = losses.layout(one, torch.zeros_like(both), torch.full_like(gap, 0.5))
    assert known < 0.2 * lost
    share = torch.full_like(gap, 0.5).requires_grad_()
    losses.layout(one, torch.zeros_like(both), share).backward()
    assert (share.grad[gap == 1] < 0).all() and (share.grad[lips == 0] == 0).all()
