from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lipsync_core.models.wav2lip import Wav2Lip
from lipsync_core.train.networks.generator import GeneratorConfig, GeneratorError, build, top_of
from lipsync_core.train.networks.layers import Modulated, warp


def example(count: int, size: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Sound and faces whose lower half is the hole."""
    random = torch.Generator().manual_seed(seed)
    mels = torch.randn(count, 1, 80, 16, generator=random)
    face = torch.rand(count, 6, size, size, generator=random).clamp_min(0.01)
    face[:, :3, size // 2:] = 0
    return mels, face


def test_width_one_is_the_public_layout_key_by_key() -> None:
    ours, public = build({"kind": "wav2lip", "width": 1.0}), Wav2Lip()
    found = {name: tuple(value.shape) for name, value in ours.state_dict().items()}
    assert found == {name: tuple(value.shape) for name, value in public.state_dict().items()}


def test_a_slim_wav2lip_answers_with_faces() -> None:
    network = build({"kind": "wav2lip", "width": 0.125}).eval()
    with torch.no_grad():
        made = network(*example(2, 96))
    assert made.shape == (2, 3, 96, 96)
    assert made.min() >= 0 and made.max() <= 1


@pytest.mark.parametrize(("config", "words"), [
    ({"kind": "wav2lip", "size": 192}, "96 pixels"), ({"kind": "own", "size": 128}, "192"),
    ({"kind": "wav2lip", "width": 0.3}, "sixteenths"), ({"kind": "unet"}, "unet")])
def test_what_cannot_be_built_is_said(config: dict[str, object], words: str) -> None:
    with pytest.raises(GeneratorError, match=words):
        build(config)


def test_96_pixels_are_small_enough_for_a_cpu() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    network = build(GeneratorConfig())
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        network(*example(1, 96))
    assert counted.get_total_flops() / 2 < 0.125e9
    assert sum(p.numel() for p in network.parameters()) < 2e6


@pytest.mark.parametrize(("size", "precision"), [(96, torch.bfloat16), (192, torch.float32), (256, torch.float32)])
def test_every_size_takes_a_step(size: int, precision: torch.dtype) -> None:
    torch.manual_seed(0)
    network = build(GeneratorConfig(size=size))
    optimizer = torch.optim.AdamW(network.parameters(), 2e-4)
    mels, face = example(2, size)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            made = network(mels, face)
        loss = (made - face[:, 3:].flip(2)).abs().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert made.shape == (2, 3, size, size) and made.dtype == torch.float32
    assert losses[-1] < losses[0]
    silent = [name for name, p in network.named_parameters()
              if not name.startswith("lay.") and (p.grad is None or not p.grad.isfinite().all())]
    assert not silent


@pytest.mark.parametrize("size", [96, 256])
def test_outside_of_the_hole_every_bit_stays(size: int) -> None:
    torch.manual_seed(1)
    network = build(GeneratorConfig(size=size))
    mels, face = example(2, size)
    # A hole of any outline, with margins.
    face[:, :3, size // 2:, : size // 8] = 0.4
    hole = (face[:, :3] == 0).all(1, keepdim=True).expand(-1, 3, -1, -1)
    with torch.no_grad():
        made = network(mels, face)
    assert torch.equal(made[~hole], face[:, :3][~hole])
    assert (made[hole] != 0).float().mean() > 0.99


@pytest.mark.parametrize("size", [96, 192, 256])
def test_the_largest_hole_of_training_is_painted_to_its_top(size: int) -> None:
    assert top_of(size) <= round(0.35 * size)
    assert top_of(size) % 4 == 0


def test_five_dimensions_are_the_same_frame_by_frame() -> None:
    network = build(GeneratorConfig()).eval()
    mels, face = example(6, 96)
    with torch.no_grad():
        single = network(mels, face)
        video = network(mels.view(2, 3, 1, 80, 16), face.view(2, 3, 6, 96, 96).transpose(1, 2))
    assert torch.allclose(video.transpose(1, 2).reshape(6, 3, 96, 96), single, atol=1e-6)


def test_the_sound_reaches_the_mouth_after_two_steps() -> None:
    torch.manual_seed(0)
    network = build(GeneratorConfig())
    mels, face = example(2, 96)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        network(mels, face).mean().backward()
        optimizer.step()
    with torch.no_grad():
        assert (network(mels, face) - network(mels.flip(0), face)).abs().max() > 1e-5


def test_an_opening_that_is_told_takes_the_place_of_the_one_that_is_heard() -> None:
    torch.manual_seed(0)
    network = build(GeneratorConfig(opening=0.1, spread=0.05, gain=2.0))
    mels, face = example(3, 96)
    with torch.no_grad():
        for block in network.deep:
            torch.nn.init.normal_(block.second.weight, std=0.05)
        heard = network.heard_opening(mels)
        own = network(mels, face)
        told = network(mels, face, torch.tensor([heard[0], float("nan"), heard[2] + 0.1]))
    assert torch.allclose(told[:2], own[:2], atol=1e-5)
    assert (told[2] - own[2]).abs().max() > 1e-4


def test_warp_moves_by_pixels() -> None:
    picture = torch.arange(64.0).view(1, 1, 8, 8)
    still = torch.zeros(1, 2, 8, 8)
    assert torch.allclose(warp(picture, still), picture)
    still[:, 0] = 2 / 8  # one pixel to the right
    assert torch.allclose(warp(picture, still)[..., :-1], picture[..., 1:], atol=1e-5)
    assert torch.allclose(warp(picture, torch.zeros(1, 2, 3, 8), top=5), picture[:, :, 5:])


def test_a_fresh_modulated_block_changes_nothing() -> None:
    x = torch.randn(1, 4, 3, 3)
    assert torch.equal(Modulated(4, 5)(x, torch.randn(1, 5)), x)


def test_learns_one_tiny_clip_by_heart() -> None:
    """The mouth opens with the sound's loudness while the reference shows it shut."""
    torch.manual_seed(0)
    count = 8
    loudness = torch.linspace(-1, 1, count)
    mels = 4 * loudness.view(-1, 1, 1, 1).expand(-1, 1, 80, 16).contiguous()
    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    skin = (0.5 + 0.2 * torch.sin(rows / 9) * torch.cos(columns / 7)).expand(count, 3, 96, 96)
    height = 2 + 5 * (loudness + 1)
    inside = (((rows - 70) / height.view(-1, 1, 1)) ** 2 + ((columns - 48) / 14) ** 2 < 1).unsqueeze(1)
    target = torch.where(inside, 0.1, skin)
    masked = target.clone()
    masked[:, :, 48:] = 0
    face = torch.cat((masked, target[:1].expand(count, -1, -1, -1)), 1)
    network = build(GeneratorConfig(width=0.5)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    first = None
    for _ in range(40):
        optimizer.zero_grad()
        loss = (network(mels, face) - target).abs()[:, :, 48:].mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        first = first or loss.item()
    assert loss.item() < 0.4 * first
    with torch.no_grad():
        dark = (network(mels, face)[:, 0, 48:] < 0.25).float().sum((1, 2))
    assert torch.corrcoef(torch.stack((dark, inside.float().sum((1, 2, 3)))))[0, 1] > 0.85
