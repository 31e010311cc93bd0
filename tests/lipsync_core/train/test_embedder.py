"""Our own face embedder: shapes, gradients, and telling strangers apart after a few steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lipsync_core.models.checkpoint import CheckpointError
from lipsync_core.train import card, run
from lipsync_core.train.config import from_dict
from lipsync_core.train.data.shards import ShardError, Shards
from lipsync_core.train.embedder import FacePictures, held_out, likeness, load_embedder
from lipsync_core.train.networks.identity_net import CosFace, FaceEmbedder
from tests.lipsync_core.train.tiny_shards import make_tiny_shards


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def test_the_embedder_is_small_and_gives_unit_vectors_and_gradients() -> None:
    network = FaceEmbedder().eval().requires_grad_(False)
    assert sum(p.numel() for p in network.parameters()) <= 500_000
    for size in (48, 96, 256):
        faces = torch.rand(2, 3, size, size, requires_grad=True)
        vectors = network.embed(faces)
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))
        vectors[:, 0].sum().backward()
        assert float(faces.grad.abs().max()) > 0
    with torch.autocast("cpu", torch.bfloat16):
        assert network.embed(torch.rand(2, 3, 96, 96)).dtype == torch.float32


def test_cosface_wants_more_than_the_nearest_centre() -> None:
    loss, people = CosFace(5, margin=0.3).requires_grad_(False), torch.arange(5)
    centres = torch.nn.functional.normalize(loss.centres.detach(), dim=1)
    assert float(loss(centres, people)) < float(loss(centres, people.roll(1)))
    assert float(CosFace(5, margin=0.0).requires_grad_(False)(centres, people)) < float(loss(centres, people))


def test_batches_are_pure_functions_of_their_step(tmp_path: Path) -> None:
    shards = make_tiny_shards(tmp_path / "s", people=5, clips=2, frames=20)
    source, again = (FacePictures(Shards(shards, 96), 3, 2, seed=1) for _ in range(2))
    source.batch(0)
    (faces, people), (same, _) = source.batch(7), again.batch(7)
    assert torch.equal(faces, same) and faces.shape == (6, 3, 96, 96)
    assert len(set(people.tolist())) == 3 and (people[::2] == people[1::2]).all()
    with pytest.raises(ShardError, match="two or more"):
        FacePictures(Shards(make_tiny_shards(tmp_path / "one", people=1, clips=1, frames=20), 96), 2, 2, 0)


def test_strangers_are_told_apart_after_a_few_steps(tmp_path: Path) -> None:
    shards = make_tiny_shards(tmp_path / "s", people=12, clips=1, frames=16)
    described = from_dict({
        "task": "embedder", "data": {"shards": str(shards), "people": 8, "pictures": 2}, "augment": {"strength": 0.3},
        "optimizer": {"rate": 3e-3, "warmup": 2}, "loop": {"steps": 16, "log": 0, "validate": 0, "ema": 0.8,
                                                           "precision": "fp32", "images": False}}, run.sections_of)
    run.train(described, tmp_path / "run", say=lambda line: None)
    embedder = load_embedder(tmp_path / "run" / "weights.safetensors")
    pictures, people = held_out(Shards(shards, 96, None), 4)
    strangers = people >= 10
    found = likeness(embedder, pictures[strangers], people[strangers])
    assert found["auc"] > 0.9 and found["same"] > found["other"]
    assert set(found) == {f"{p}{n}" for p in ("", "lower_") for n in ("auc", "same", "other", "best")}


def test_likeness_of_a_perfect_and_a_blind_embedder() -> None:
    class Perfect:
        def embed(self, faces: torch.Tensor) -> torch.Tensor:
            bright = faces[:, 0, -1, -1]
            return torch.stack([torch.cos(bright), torch.sin(bright)], 1)

    class Blind:
        def embed(self, faces: torch.Tensor) -> torch.Tensor:
            return torch.ones(len(faces), 1)

    people = np.repeat(np.arange(4), 3)
    pictures = np.broadcast_to((people * 60).astype(np.uint8)[:, None, None, None], (12, 8, 8, 3))
    assert likeness(Perfect(), pictures, people)["auc"] == 1
    assert likeness(Perfect(), pictures, people)["lower_best"] == 1
    assert likeness(Blind(), pictures, people)["auc"] == 0.5


def test_other_files_are_refused(tmp_path: Path) -> None:
    card.save_weights(tmp_path / "a.safetensors", {"x": torch.zeros(1)}, {"kind": "sync-expert", "network": {}})
    with pytest.raises(CheckpointError, match="no face embedder"):
        load_embedder(tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="no such file"):
        load_embedder(tmp_path / "missing.onnx")
