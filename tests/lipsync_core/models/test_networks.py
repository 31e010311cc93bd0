"""Every network against an independent statement of it, on random weights with the public key names."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lipsync_core.models import checkpoint, color_syncnet, quality_disc, syncnet, wav2lip
from lipsync_core.models.wav2lip import Wav2Lip

_spec = importlib.util.spec_from_file_location("restated", Path(__file__).with_name("restated.py"))
assert _spec is not None and _spec.loader is not None
restated = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(restated)

Randomise = Callable[[torch.nn.Module, int], torch.nn.Module]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def generator_file(generator_state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wav2lip") / "any.pth"
    torch.save({"state_dict": generator_state, "optimizer": {"state": {}}, "global_step": 3, "global_epoch": 1}, path)
    return path


@pytest.fixture(scope="module")
def generator(generator_file: Path) -> Wav2Lip:
    return wav2lip.load(generator_file)


def inputs(batch: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    face = torch.rand(batch, 6, 96, 96, generator=random)
    face[:, :3, 48:] = 0
    return torch.rand(batch, 1, 80, 16, generator=random) * 8 - 4, face


@pytest.mark.parametrize(("network", "count"), [
    (wav2lip.Wav2Lip, 36_298_035), (color_syncnet.SyncNetColor, 16_435_072),
    (quality_disc.QualityDiscriminator, 14_113_793), (syncnet.SyncNet, 13_631_616)])
def test_parameter_counts_are_those_of_the_public_files(network: type[torch.nn.Module], count: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in network().parameters()) == count


def test_wav2lip_gives_the_restated_networks_numbers(generator: Wav2Lip, generator_state: dict[str, Tensor]) -> None:
    audio, face = inputs(2)
    made = generator(audio, face)
    wanted = restated.wav2lip(generator_state, audio, face)
    assert made.shape == (2, 3, 96, 96) and made.dtype == torch.float32 and not made.requires_grad
    assert float(made.std()) > 0.02 and float(made.min()) > 0 and float(made.max()) < 1, "the test would see nothing"
    assert float((made - wanted).abs().max()) <= 1e-5


def test_wav2lip_hears_the_audio_and_sees_the_face(generator: Wav2Lip) -> None:
    audio, face = inputs(1)
    base = generator(audio, face)
    assert float((generator(audio.flip(3), face) - base).abs().max()) > 1e-3
    assert float((generator(audio, face.flip(1)) - base).abs().max()) > 1e-3


def test_the_five_dimensional_form_equals_single_frames(generator: Wav2Lip) -> None:
    audio, face = inputs(4)
    batched = generator(audio.view(2, 2, 1, 80, 16), face.view(2, 2, 6, 96, 96).transpose(1, 2))
    assert batched.shape == (2, 3, 2, 96, 96)
    singles = generator(audio, face).view(2, 2, 3, 96, 96).transpose(1, 2)
    assert float((batched - singles).abs().max()) <= 1e-5


def test_folding_changes_nothing_to_speak_of(generator: Wav2Lip) -> None:
    audio, face = inputs(1)
    folded = generator.fold()
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in generator.modules()), "the original must stay as it was"
    assert float((folded(audio, face) - generator(audio, face)).abs().max()) <= 1e-5
    assert float((folded.fold()(audio, face) - folded(audio, face)).abs().max()) == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_on_a_cpu(generator: Wav2Lip, generator_file: Path, dtype: torch.dtype) -> None:
    audio, face = inputs(1)
    half = wav2lip.load(generator_file, "cpu", dtype)
    made = half(audio.to(dtype), face.to(dtype))
    assert made.dtype == dtype
    bar = 5e-3 if dtype == torch.float16 else 3e-2
    assert float((made.float() - generator(audio, face)).abs().max()) <= bar
    assert half(audio, face).dtype == dtype, "any floating input is taken"


def test_whole_numbers_are_refused_for_they_are_not_in_zero_to_one(generator: Wav2Lip) -> None:
    audio, face = inputs(1)
    with pytest.raises(ValueError, match="floating"):
        generator(audio, (face * 255).to(torch.uint8))


def test_the_expert(randomise: Randomise, tmp_path: Path) -> None:
    network = randomise(color_syncnet.SyncNetColor(), 2)
    torch.save({"state_dict": network.state_dict()}, tmp_path / "e.pth")
    loaded = color_syncnet.load(tmp_path / "e.pth")
    audio, face = torch.rand(2, 1, 80, 16) * 8 - 4, torch.rand(2, 15, 48, 96)
    made, wanted = loaded(audio, face), restated.expert(network.state_dict(), audio, face)
    for ours, theirs in zip(made, wanted, strict=True):
        assert ours.shape == (2, 512)
        assert float((ours - theirs).abs().max()) <= 1e-5
        assert torch.allclose(ours.norm(dim=1), torch.ones(2)) and float(ours.min()) >= 0
    face.requires_grad_(True)
    (loaded(audio, face)[1] * made[0]).sum().backward()
    assert face.grad is not None and float(face.grad.abs().sum()) > 0, "a generator learns through the expert"


def test_the_discriminator(randomise: Randomise, tmp_path: Path) -> None:
    network = randomise(quality_disc.QualityDiscriminator(), 3)
    torch.save(network.state_dict(), tmp_path / "d.pth")
    loaded = quality_disc.load(tmp_path / "d.pth")
    face = torch.rand(2, 3, 96, 96)
    made = loaded(face)
    assert made.shape == (2, 1)
    assert float((made - restated.discriminator(network.state_dict(), face)).abs().max()) <= 1e-5
    rows = loaded(torch.stack([face, face.flip(3)], dim=2))
    assert torch.allclose(rows[:2], made, atol=1e-6) and rows.shape == (4, 1)


def test_syncnet(randomise: Randomise, tmp_path: Path) -> None:
    network = randomise(syncnet.SyncNet(), 4)
    # Files of 2017 have no counters.
    state = {k: v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "syncnet_v2.model", _use_new_zipfile_serialization=False)
    loaded = syncnet.load(tmp_path / "syncnet_v2.model")
    random = torch.Generator().manual_seed(5)
    video = torch.randint(0, 256, (1, 3, 5, 224, 224), generator=random).to(torch.uint8)
    mfcc = torch.randn(2, 1, 13, 20, generator=random) * 8
    lips, sound = loaded.lip(video), loaded.audio(mfcc)
    assert lips.shape == (1, 1024) and sound.shape == (2, 1024)
    wanted = restated.sync_lip(state, video.float())
    assert float((lips - wanted).abs().max()) <= 1e-5 * float(wanted.abs().max())
    wanted = restated.sync_audio(state, mfcc)
    assert float((sound - wanted).abs().max()) <= 1e-5 * max(1.0, float(wanted.abs().max()))


def test_another_network_is_named_with_what_is_missing(randomise: Randomise, generator_file: Path,
                                                       tmp_path: Path) -> None:
    expert = tmp_path / "lipsync_expert.pth"
    torch.save({"state_dict": randomise(color_syncnet.SyncNetColor(), 6).state_dict()}, expert)
    with pytest.raises(checkpoint.CheckpointError, match=r"is not the Wav2Lip generator: \d+ keys missing \(face_dec"):
        wav2lip.load(expert)
    with pytest.raises(checkpoint.CheckpointError, match="is not SyncNet v2"):
        syncnet.load(generator_file)
