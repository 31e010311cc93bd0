"""Experts: their shapes, Wav2Lip's public layout to the bit, files, and that they learn what was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lipsync_core.models import color_syncnet
from lipsync_core.models.checkpoint import CheckpointError
from lipsync_core.train import card, run
from lipsync_core.train.config import from_dict
from lipsync_core.train.data.shards import Shards
from lipsync_core.train.expert import ExpertTask, JudgeTask, belongs_to, spread
from lipsync_core.train.networks.expert import Judgement, TemporalExpert, build, even_light, load_expert, mouths
from lipsync_core.train.networks.grey_expert import GreyExpert
from lipsync_core.train.networks.wav2lip_expert import Wav2LipExpert
from lipsync_core.train.place import find
from lipsync_core.train.run import trainer_of
from tests.lipsync_core.train.tiny_shards import make_tiny_shards


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_shards(tmp_path_factory.mktemp("shards"), people=6, clips=2)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def _pair(size: int = 96, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(count, 1, 80, 32).clamp(-4, 4), torch.rand(count, 3, 5, size, size)


@pytest.mark.parametrize("config", [{"kind": "temporal"}, {"kind": "grey"}, {"kind": "wav2lip", "width": 0.25}])
@pytest.mark.parametrize("size", [64, 96, 192, 256])
def test_an_expert_takes_faces_of_any_size(config: dict[str, object], size: int) -> None:
    expert = build(config).eval()
    sound, faces = _pair(size)
    similarity = expert.similarity(sound, faces)
    assert similarity.shape == (2,) and bool((similarity.abs() <= 1 + 1e-6).all())
    expert.calibrate(8.0, -3.0)
    torch.testing.assert_close(expert.probability(sound, faces), torch.sigmoid(similarity * 8 - 3))


def test_our_expert_is_small_and_reads_half_precision() -> None:
    expert = TemporalExpert().eval()
    assert sum(p.numel() for p in expert.parameters()) <= 1_500_000
    sound, faces = _pair()
    with torch.autocast("cpu", torch.bfloat16):
        half = expert.similarity(sound, faces)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, expert.similarity(sound, faces), atol=0.03, rtol=0)


def test_only_the_lower_half_and_no_light_or_contrast_matter() -> None:
    expert = TemporalExpert().eval()
    sound, faces = _pair()
    other = faces.clone()
    other[..., :48, :] = torch.rand(2, 3, 5, 48, 96)
    torch.testing.assert_close(expert.similarity(sound, other), expert.similarity(sound, faces))
    dim = even_light(mouths(faces) * 0.7 + 0.1)
    torch.testing.assert_close(dim, even_light(mouths(faces)), atol=0.02, rtol=0.02)


def test_the_judge_sees_no_colour() -> None:
    judge, (sound, faces) = GreyExpert().eval(), _pair()
    luma = torch.tensor([0.114, 0.587, 0.299])
    tint = torch.tensor([0.1, 0.0, 0.0]) - 0.1 * luma[0]
    other = faces * 0.8 + 0.1 + tint.view(1, 3, 1, 1, 1)
    torch.testing.assert_close(judge.similarity(sound, other), judge.similarity(sound, faces * 0.8 + 0.1), atol=1e-4,
                               rtol=0)


def test_context_is_heard_by_ours_and_not_by_wav2lips() -> None:
    sound, faces = _pair()
    other = sound.clone()
    other[..., :8] = -4
    ours, public = TemporalExpert().eval(), Wav2LipExpert(0.125).eval()
    assert not torch.allclose(ours.embed_sound(sound), ours.embed_sound(other))
    torch.testing.assert_close(public.embed_sound(sound), public.embed_sound(other))


def test_wav2lip_at_full_width_is_the_public_expert_to_the_bit(tmp_path: Path) -> None:
    public = color_syncnet.SyncNetColor().eval()
    for module in public.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    path = tmp_path / "lipsync_expert.pth"
    torch.save({"state_dict": {f"module.{k}": v for k, v in public.state_dict().items()}, "optimizer": None}, path)
    expert = load_expert(path)
    assert sum(p.numel() for p in expert.parameters()) == color_syncnet.PARAMETERS
    sound, faces = _pair()
    # Wav2Lip stacks the lower halves of the frames, one after the other, on the channels.
    stacked = torch.cat([faces[:, :, t, 48:] for t in range(5)], 1)
    with torch.no_grad():
        audio, face = public(sound[..., 8:24], stacked)
        assert torch.equal(expert.embed_sound(sound), audio)
        assert torch.equal(expert.embed_faces(faces), face)
        assert torch.equal(expert.similarity(sound, faces), (audio * face).sum(1))


def test_a_frozen_expert_gives_gradients_to_faces_alone(tmp_path: Path) -> None:
    path = _saved(tmp_path, TemporalExpert())
    expert = load_expert(path)
    sound, faces = _pair()
    faces.requires_grad_()
    expert.similarity(sound, faces).sum().backward()
    assert not expert.training and all(p.grad is None and not p.requires_grad for p in expert.parameters())
    assert float(faces.grad[..., 48:, :].abs().max()) > 0
    assert float(faces.grad[..., :48, :].abs().max()) == 0


def test_weights_come_back_with_their_calibration(tmp_path: Path) -> None:
    for network in (TemporalExpert(), GreyExpert(), Wav2LipExpert(0.125)):
        path = _saved(tmp_path, network)
        again = load_expert(path)
        assert type(again) is type(network) and again.config() == network.config()
        assert (float(again.scale), float(again.bias)) == (7.5, -2.5)
        sound, faces = _pair()
        torch.testing.assert_close(again.similarity(sound, faces), network.eval().similarity(sound, faces), atol=0.01,
                                   rtol=0)


def test_files_that_hold_no_expert_are_refused_in_one_sentence(tmp_path: Path) -> None:
    card.save_weights(tmp_path / "other.safetensors", {"a": torch.zeros(2)}, {"kind": "generator"})
    with pytest.raises(CheckpointError, match="holds no expert"):
        load_expert(tmp_path / "other.safetensors")
    save_file({"a": torch.zeros(2)}, tmp_path / "bare.safetensors")
    with pytest.raises(CheckpointError, match="colour SyncNet"):
        load_expert(tmp_path / "bare.safetensors")
    with pytest.raises(CheckpointError, match="no such file"):
        load_expert(tmp_path / "missing.pth")
    with pytest.raises(ValueError, match="kind"):
        build({"kind": "oracle"})
    with pytest.raises(ValueError, match="width"):
        Wav2LipExpert(2.0)
    with pytest.raises(ValueError, match="even S"):
        mouths(torch.zeros(1, 3, 5, 96, 80))


def test_teacher_and_judge_share_nobody_and_the_rule_stays() -> None:
    people = [f"person_{i:05d}" for i in range(400)]
    judges = [p for p in people if belongs_to(p) == "judge"]
    assert 0.3 < len(judges) / len(people) < 0.5
    assert judges[:3] == ["person_00003", "person_00006", "person_00007"]
    assert {belongs_to(p) for p in people} == {"judge", "teacher"}


def test_each_task_learns_from_its_own_people(tmp_path: Path, shards: Path) -> None:
    seen = {}
    for task in ("expert", "judge"):
        described = from_dict({"task": task, "data": {"shards": str(shards), "batch": 4}}, run.sections_of)
        built = trainer_of(described, find("cpu", "fp32"), None).task
        seen[task] = set(built.windows.people)
        assert type(built) is (JudgeTask if task == "judge" else ExpertTask)
        assert type(built.expert) is (GreyExpert if task == "judge" else TemporalExpert)
    assert seen["expert"] and seen["judge"] and not seen["expert"] & seen["judge"]


def test_a_planted_signal_is_learnt_in_a_few_steps(tmp_path: Path, shards: Path) -> None:
    """Opening follows loudness in these clips: some seconds of training are enough to hear it in a stranger."""
    described = from_dict({
        "task": "expert", "data": {"shards": str(shards), "batch": 8, "shifts": 4, "people": "all"},
        "augment": {"strength": 0.0}, "optimizer": {"rate": 2e-3, "warmup": 2}, "validate": {"clips": 1},
        "loop": {"steps": 26, "log": 0, "validate": 0, "ema": 0.9, "precision": "fp32", "images": False}},
        run.sections_of)
    outcome = run.train(described, tmp_path / "run", say=lambda line: None)
    assert outcome.figures["pairwise_5_15"] > 0.75
    expert = load_expert(tmp_path / "run" / "weights.safetensors")
    told = card.read_card(tmp_path / "run" / "weights.safetensors")
    assert told["kind"] == "sync-expert" and told["calibration"]["scale"] > 0
    clip = Shards(shards, 96, "test").load(Shards(shards, 96, "test").infos[0].id)
    from lipsync_core.train.data.windows import lineup

    line = lineup(clip, (0, 8), 3)
    fit = expert.probability(line.sounds[:, 0], line.faces)
    unfit = expert.probability(line.sounds[:, 1], line.faces)
    assert float((fit > unfit).float().mean()) > 0.7


def test_clips_are_spread_over_all_people(shards: Path) -> None:
    every = Shards(shards, 96, "train")
    assert [c.info.id for c in spread(every, 2)] == [every.infos[0].id, every.infos[-1].id]
    assert len(spread(every, 0)) == len(every)


def _saved(folder: Path, network: Judgement) -> Path:
    path = folder / f"{network.kind}.safetensors"
    card.save_weights(path, network.state_dict(), {"network": network.config(),
                                                   "calibration": {"scale": 7.5, "bias": -2.5}})
    state = card.read_weights(path)[0]
    network.load_state_dict(state, strict=False)
    assert np.isfinite([float(v.abs().max()) for v in state.values()]).all()
    return path
