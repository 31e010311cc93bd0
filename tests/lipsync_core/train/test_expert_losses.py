"""Losses of an expert prefer true pairs, and disturbances keep what matters."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from lipsync_core.train.data.shards import Shards
from lipsync_core.train.expert_augment import AugmentConfig, disturbed, disturbed_faces, disturbed_sounds, generator_of
from lipsync_core.train.expert_hints import HintedWindows, Hints, shapes_of
from lipsync_core.train.expert_losses import ExpertLoss, ExpertLossConfig, contrast, lineup, odds_bce, published_bce
from lipsync_core.train.networks.expert import TemporalExpert, unit
from lipsync_core.train.types import SyncBatch
from tests.lipsync_core.train.tiny_shards import make_tiny_shards


def _vectors(seed: int, *shape: int) -> torch.Tensor:
    return unit(torch.randn(shape, generator=torch.Generator().manual_seed(seed)).flatten(0, -2)).view(shape)


@pytest.mark.parametrize("published", [False, True])
def test_every_part_is_lower_for_true_pairs(published: bool) -> None:
    faces, shifted, clips = _vectors(0, 6, 8).abs(), _vectors(1, 6, 3, 8).abs(), torch.arange(6)
    loss = ExpertLoss(ExpertLossConfig(published=published)).requires_grad_(False)
    good = loss.parts(faces, faces, shifted, clips)
    bad = loss.parts(faces, shifted[:, 0], torch.cat([faces[:, None], shifted[:, 1:]], 1), clips)
    for part in ("bce", "contrast", "lineup", "total"):
        assert float(good[part]) < float(bad[part])
    assert float(good["accuracy"]) == 1 and float(bad["accuracy"]) < 0.7
    total = 0.5 * good["bce"] + good["contrast"] + good["lineup"]
    torch.testing.assert_close(good["total"], total)


def test_published_bce_is_that_of_the_cosine() -> None:
    cosine = torch.tensor([0.9, 0.2])
    torch.testing.assert_close(published_bce(cosine, torch.tensor([1.0, 0.0])),
                               torch.tensor([-math.log(0.9), -math.log(0.8)]))
    torch.testing.assert_close(odds_bce(torch.tensor([0.5]), torch.tensor([1.0]), 4.0, -2.0),
                               torch.tensor([math.log(2)]))


def test_lineup_and_contrast_by_hand() -> None:
    fit, unfit = torch.tensor([1.0]), torch.tensor([[0.0, 0.5]])
    expected = -math.log(math.e**2 / (math.e**2 + 1 + math.e))
    assert float(lineup(fit, unfit, 2.0)) == pytest.approx(expected, rel=1e-5)
    assert float(lineup(fit, torch.zeros(1, 0), 2.0)) == 0
    two = torch.eye(2)
    alone = contrast(two, two, torch.zeros(2, 0, 2), torch.arange(2), 3.0)
    assert float(alone) == pytest.approx(math.log(1 + math.exp(-3)), rel=1e-5)


def test_rows_of_one_clip_are_no_negatives_of_each_other() -> None:
    faces, shifted = _vectors(2, 4, 8), _vectors(3, 4, 2, 8)
    twins = faces.clone()
    twins[1] = twins[0]
    same_clip = contrast(twins, twins, shifted, torch.tensor([0, 0, 1, 2]), 10.0)
    other_clip = contrast(twins, twins, shifted, torch.tensor([0, 3, 1, 2]), 10.0)
    assert float(same_clip) < float(other_clip)


def test_gradients_stay_finite_where_clips_are_masked() -> None:
    faces = _vectors(4, 4, 8).requires_grad_()
    loss = ExpertLoss(ExpertLossConfig())
    loss.parts(faces, _vectors(5, 4, 8), _vectors(6, 4, 2, 8), torch.tensor([0, 0, 1, 1]))["total"].backward()
    assert bool(torch.isfinite(faces.grad).all())
    assert all(bool(torch.isfinite(p.grad).all()) for p in loss.parameters())


def _batch() -> SyncBatch:
    random = torch.Generator().manual_seed(1)
    return SyncBatch(torch.randn(6, 1, 80, 32, generator=random).clamp(-4, 4),
                     torch.rand(6, 3, 5, 64, 64, generator=random),
                     torch.randn(6, 2, 1, 80, 32, generator=random).clamp(-4, 4), torch.arange(6), torch.arange(6))


def test_disturbances_keep_shapes_and_ranges_and_follow_their_seed() -> None:
    batch, config = _batch(), AugmentConfig(blur=1.0, noise=1.0, jpeg=1.0, background=1.0, band=1.0)
    one, again = (disturbed(batch, config, generator_of(3, 7)) for _ in range(2))
    other = disturbed(batch, config, generator_of(3, 8))
    for name in ("sound", "faces", "shifted"):
        value = getattr(one, name)
        assert value.shape == getattr(batch, name).shape
        assert torch.equal(value, getattr(again, name)) and not torch.equal(value, getattr(other, name))
        low, high = (0, 1) if name == "faces" else (-4, 4)
        assert float(value.min()) >= low and float(value.max()) <= high
    assert torch.equal(one.clips, batch.clips)
    assert float(one.faces[..., :32, :].abs().max()) == 0
    unchanged = disturbed(batch, AugmentConfig(strength=0.0), generator_of(3, 7))
    assert torch.equal(unchanged.faces, batch.faces) and torch.equal(unchanged.sound, batch.sound)


def test_all_sounds_of_a_row_are_recorded_alike() -> None:
    """A microphone that only the true sound has gone through would give it away."""
    sounds = torch.zeros(5, 3, 80, 32)
    heard = disturbed_sounds(sounds, AugmentConfig(background=0.0), generator_of(0, 0))
    torch.testing.assert_close(heard, heard[:, :1].expand_as(heard), atol=1e-3, rtol=0)
    assert float((heard[0] - heard[1]).abs().max()) > 0.1


def test_whole_faces_stay_recognisable() -> None:
    y, x = torch.meshgrid(*(torch.linspace(0, 1, 64),) * 2, indexing="ij")
    faces = torch.stack([x, y, 1 - x]).expand(8, 3, 64, 64)[:, :, None]
    mild = disturbed_faces(faces, AugmentConfig(strength=0.05, flip=0, blur=0, noise=0, jpeg=0, grey=0),
                           generator_of(0, 0))
    assert float((mild - faces).abs().mean()) < 0.04
    packed = disturbed_faces(faces, AugmentConfig(strength=1e-6, flip=0, blur=0, noise=0, jpeg=1, grey=0),
                             generator_of(0, 0))
    assert 1e-4 < float((packed - faces).abs().mean()) < 0.03


def test_hints_are_the_gaps_and_width_of_the_batchs_own_mouths(tmp_path: Path) -> None:
    shards = Shards(make_tiny_shards(tmp_path / "s", people=2, clips=1, frames=40), 96)
    windows = HintedWindows(shards, 6, seed=3, shifts=1)
    batch, shapes = windows.batch(4), windows.shapes(4)
    assert shapes.shape == (6, 5, 4)
    # Open mouths are dark between the lips; the drawn lips are at 0.72 of the height.
    dark = 1 - batch.faces[:, :, :, 66:76, 44:52].amin((1, 3, 4))
    assert float(torch.corrcoef(torch.stack([shapes[..., 1].flatten(), dark.flatten()]))[0, 1]) > 0.4
    lips = torch.zeros(1, 40, 2)
    lips[0, 20, 0], lips[0, 30, 0], lips[0, 25, 1], lips[0, 35, 1] = 0.3, 0.66, 0.7, 0.8
    torch.testing.assert_close(shapes_of(lips), torch.tensor([[0.0, 2.0, 0.0, 0.0]]))


def test_hints_are_part_of_the_total_and_teach_the_expert() -> None:
    torch.manual_seed(0)
    expert, batch = TemporalExpert(), _batch()
    loss = ExpertLoss(ExpertLossConfig(bce=0, contrast=0, lineup=0, hints=0.5), Hints(expert))
    found = loss(expert, batch, torch.randn(6, 5, 4))
    torch.testing.assert_close(found["total"], 0.5 * found["hints"])
    found["total"].backward()
    assert all(p.grad is not None for p in (expert.frame_out.weight, expert.sound[0].conv_block[0].weight))
    assert "hints" not in loss(expert, batch)
