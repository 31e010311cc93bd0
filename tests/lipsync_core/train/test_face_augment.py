from __future__ import annotations

import torch

from lipsync_core.train.expert_augment import generator_of
from lipsync_core.train.face_augment import FaceAugmentConfig, disturbed
from lipsync_core.train.types import FaceBatch

OFF = dict.fromkeys(("flip", "geometry", "apart", "colour", "sound"), 0.0)


def batch(size: int = 32) -> FaceBatch:
    random = torch.Generator().manual_seed(3)
    target = torch.rand(2, 3, 5, size, size, generator=random).clamp_min(0.01)
    hole = torch.zeros(2, 1, 5, size, size)
    hole[..., size // 2:, :] = 1
    mouth = torch.zeros_like(hole)
    mouth[..., size * 3 // 4, size // 4] = 1
    mels = torch.randn(2, 5, 1, 80, 16, generator=random).clamp(-4, 4)
    return FaceBatch(mels, torch.randn(2, 1, 80, 32, generator=random), target, target * (1 - hole), hole,
                     target.flip(2), mouth, mouth, torch.rand(2, 5), torch.arange(2))


def test_nothing_is_changed_when_all_is_off() -> None:
    one = batch()
    same = disturbed(one, FaceAugmentConfig(**OFF), generator_of(0, 0))
    for name in ("mels", "sound", "target", "masked", "hole", "reference", "mouth", "inner"):
        assert torch.equal(getattr(one, name), getattr(same, name))


def test_a_step_is_the_same_whenever_it_is_drawn() -> None:
    first, again, other = (disturbed(batch(), FaceAugmentConfig(), generator_of(1, step)) for step in (7, 7, 8))
    assert torch.equal(first.target, again.target) and torch.equal(first.mels, again.mels)
    assert not torch.equal(first.target, other.target)


def test_the_hole_stays_and_is_the_only_black() -> None:
    one = disturbed(batch(), FaceAugmentConfig(), generator_of(0, 1))
    assert torch.equal(one.hole, batch().hole)
    assert torch.equal((one.masked == 0).all(1, keepdim=True), one.hole == 1)
    assert torch.equal(one.masked[..., :16, :], one.target[..., :16, :])
    assert one.target.min() > 0 and one.target.max() <= 1


def test_a_mirrored_row_is_mirrored_in_all_its_pictures_but_the_hole() -> None:
    one = batch()
    turned = disturbed(one, FaceAugmentConfig(**(OFF | {"flip": 1.0})), generator_of(0, 0))
    for name in ("target", "reference", "mouth", "inner"):
        assert torch.allclose(getattr(turned, name), getattr(one, name).flip(-1), atol=1e-5)
    assert torch.equal(turned.sound, one.sound)


def test_target_and_reference_get_the_same_light() -> None:
    one = batch()
    lit = disturbed(one, FaceAugmentConfig(**(OFF | {"colour": 1.0})), generator_of(0, 2))
    assert torch.allclose(lit.target.flip(2), lit.reference)
    assert (lit.target - one.target).abs().mean() > 0.01


def test_the_expert_hears_the_sound_as_it_was() -> None:
    one = batch()
    heard = disturbed(one, FaceAugmentConfig(**(OFF | {"sound": 1.0, "sound_share": 1.0})), generator_of(0, 3))
    assert torch.equal(heard.sound, one.sound)
    assert (heard.mels - one.mels).abs().mean() > 0.05
    assert heard.mels.abs().max() <= 4
