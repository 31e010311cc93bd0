"""Our own generator as an engine: its file, its references, and patches of any size of network."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from lipsync_core.engine import Line
from lipsync_core.models.checkpoint import CheckpointError
from lipsync_core.neural import own
from lipsync_core.neural.own import OwnLipSync, References, spread
from lipsync_core.neural.wav2lip import Options
from lipsync_core.neural.weights import problem
from lipsync_core.patch import read_patches
from tests.lipsync_core.cartoon import learnt
from tests.lipsync_core.train.tiny_generator import write_tiny

FRAMES = 40


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return learnt(tmp_path_factory.mktemp("own"), FRAMES)


def line() -> Line:
    sound = np.sin(np.arange(14_000) / 7).astype(np.float32) * 0.3
    return Line("ana", 200.0, (), 120.0, 1200.0, sound, 16_000)


@pytest.mark.parametrize("size", [96, 192])
def test_a_generator_repaints_the_mouth_at_its_own_size(studio: SimpleNamespace, tmp_path: Path, size: int) -> None:
    weights = own.load(write_tiny(tmp_path / "tiny.safetensors", size))
    assert weights.size == size
    done = OwnLipSync.of(studio.root, weights).render(studio.video, studio.tracks, studio.models, line(), tmp_path)
    patches = list(read_patches(tmp_path))
    assert done.frames == len(patches) == 27
    if size > 96:
        return
    again = tmp_path / "again"
    again.mkdir()
    OwnLipSync.of(studio.root, weights).render(studio.video, studio.tracks, studio.models, line(), again)
    assert all(np.array_equal(a.y, b.y) for a, b in zip(patches, read_patches(again), strict=True))


@pytest.mark.parametrize("size", [96, 192, 256])
def test_a_network_is_shown_the_speaker_at_another_moment(studio: SimpleNamespace, tmp_path: Path, size: int) -> None:
    """What is masked is the frame; what is beside it is one of a few faces from elsewhere in the clip."""
    shown: list[Tensor] = []

    def network(_audio: Tensor, face: Tensor) -> Tensor:
        assert face.shape[1:] == (6, size, size) and not face[:, :3, size // 2:].any()
        shown.extend(face)
        return face[:, 3:]

    engine = OwnLipSync(studio.root, network, Options(size=size))
    engine.render(studio.video, studio.tracks, studio.models, line(), tmp_path)
    references = {bytes(face[3:].numpy().tobytes()) for face in shown}
    assert 1 <= len(references) <= 12 < len(shown)
    known = engine._references[studio.video, studio.models / "000"]
    assert known.faces.shape == (len(known.frames), 3, size, size)
    # The network's view of a frame with its own face would be the masked part continued; a reference is not.
    upper = [float((face[:3, : size // 2] - face[3:, : size // 2]).abs().mean()) for face in shown]
    assert np.median(upper) > 0.001


def test_a_reference_is_kept_while_it_is_nearly_the_best() -> None:
    poses = np.array([[0.0, 0.0], [0.3, 0.0]])
    known = References(np.zeros((2, 3, 8, 8), np.float32), poses, np.array([3, 9], np.int32))
    walk = np.column_stack([[0.0, 0.14, 0.16, 0.14, 0.25, 0.16, 0.14, 0.0], np.zeros(8)])
    assert known.choose(walk).tolist() == [0, 0, 0, 0, 1, 1, 1, 0]


def test_references_are_spread_and_no_more_than_there_are() -> None:
    points = np.array([[0.0, 0.0], [0.001, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert set(spread(points, 12).tolist()) >= {2, 3} and len(spread(points, 12)) == 3
    assert len(spread(np.zeros((5, 2)), 12)) == 1


def test_a_file_that_is_no_generator_is_refused_in_one_sentence(tmp_path: Path) -> None:
    whole = write_tiny(tmp_path / "whole.safetensors")
    assert problem(whole) is None
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole.read_bytes()[:-100])
    noise = tmp_path / "noise.safetensors"
    noise.write_bytes(b"nothing of the kind" * 99)
    other = write_tiny(tmp_path / "other.safetensors", kind="expert")
    unfit = write_tiny(tmp_path / "unfit.safetensors", network={"kind": "own", "size": 96, "width": 0.5, "sound": 16})
    assert "cut off" in (problem(cut) or "") and "damaged" in (problem(noise) or "")
    assert "no generator" in (problem(other) or "") and "no file" in (problem(tmp_path / "none") or "")
    for path in (cut, noise, other, unfit, tmp_path / "none"):
        with pytest.raises(CheckpointError):
            own.load(path)


def test_what_is_loaded_asks_for_no_gradients(tmp_path: Path) -> None:
    weights = own.load(write_tiny(tmp_path / "tiny.safetensors"))
    assert not weights.network.training and not any(p.requires_grad for p in weights.network.parameters())
    made = weights.network(torch.zeros(1, 1, 80, 16), torch.rand(1, 6, 96, 96))
    assert made.shape == (1, 3, 96, 96)
