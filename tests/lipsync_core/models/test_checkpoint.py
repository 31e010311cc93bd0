"""Every circulating form of a checkpoint, and what is said about files that are none."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lipsync_core.models import checkpoint, torchscript, wav2lip
from lipsync_core.models.checkpoint import CheckpointError


class Small(nn.Module):
    """A network with every kind of key that the public ones have."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4))])
        self.out = nn.Sequential(nn.Conv2d(4, 1, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.out(x)


def small(seed: int = 1) -> Small:
    torch.manual_seed(seed)
    network = Small()
    with torch.no_grad():
        for buffer in network.buffers():
            buffer.copy_(torch.rand(buffer.shape) + 0.5)
    return network.eval()


def with_module(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {"module." + key: value for key, value in state.items()}


def training(state: dict[str, Tensor]) -> dict[str, object]:
    moments = {0: {"step": 1, "exp_avg": torch.zeros(3), "exp_avg_sq": torch.zeros(3)}}
    return {"state_dict": state, "optimizer": {"state": moments, "param_groups": [{"lr": 1e-4, "betas": (0.5, 0.999)}]},
            "global_step": 12, "global_epoch": 3}


FORMS: dict[str, Callable[[nn.Module, Path], None]] = {
    "training": lambda n, p: torch.save(training(n.state_dict()), p),
    "training, module.": lambda n, p: torch.save(training(with_module(n.state_dict())), p),
    "bare": lambda n, p: torch.save(n.state_dict(), p),
    "bare, module.": lambda n, p: torch.save(with_module(n.state_dict()), p),
    "bare, older format": lambda n, p: torch.save(n.state_dict(), p, _use_new_zipfile_serialization=False),
    "training, older format": lambda n, p: torch.save(training(with_module(n.state_dict())), p,
                                                      _use_new_zipfile_serialization=False),
    "traced": lambda n, p: torch.jit.trace(n, torch.rand(1, 2, 8, 8)).save(str(p)),
    "scripted": lambda n, p: torch.jit.script(n).save(str(p)),
    "traced inside DataParallel": lambda n, p: torch.jit.trace(nn.DataParallel(n), torch.rand(1, 2, 8, 8)).save(str(p)),
    "safetensors": lambda n, p: save_file(n.state_dict(), p),
    "under another root": lambda n, p: torch.save({"net." + k: v for k, v in n.state_dict().items()}, p),
    "half": lambda n, p: save_file({k: v.half() for k, v in n.state_dict().items()}, p),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_network(form: str, tmp_path: Path) -> None:
    original, path, other = small(), tmp_path / "weights.pth", small(2)
    FORMS[form](original, path)
    checkpoint.load_into(other, path, "the small network")
    for key, value in original.state_dict().items():
        wanted = value.half().to(value.dtype) if form == "half" else value
        assert torch.equal(other.state_dict()[key], wanted), key
    assert not other.training and not any(p.requires_grad for p in other.parameters())


@pytest.mark.parametrize("form", ["training, module.", "traced", "safetensors"])
def test_the_generator_in_the_circulating_forms(form: str, generator_state: dict[str, Tensor], tmp_path: Path) -> None:
    network = wav2lip.Wav2Lip().eval()
    network.load_state_dict(generator_state)
    path = tmp_path / "w.pt"
    if form == "traced":
        example = (torch.rand(1, 1, 80, 16), torch.rand(1, 6, 96, 96))
        torch.jit.trace(network, example, check_trace=False).save(str(path))
    else:
        FORMS[form](network, path)
    loaded = wav2lip.load(path)
    assert all(torch.equal(value, generator_state[key]) for key, value in loaded.state_dict().items())


def test_script_archives_are_read_without_running_their_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = small()
    torch.jit.script(network).save(str(tmp_path / "s.pt"))
    monkeypatch.setattr(torch.jit, "load", lambda *_: pytest.fail("the archive's code would run"))
    found = checkpoint.read_state_dict(tmp_path / "s.pt")
    assert set(found) == set(network.state_dict())


class Bomb:
    """A pickle that leaves a file behind when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("form", ["zip", "older", "plain pickle", "script archive"])
def test_a_malicious_pickle_is_refused_and_not_run(form: str, tmp_path: Path) -> None:
    mark, path = tmp_path / "owned", tmp_path / "wav2lip.pth"
    bomb = {"state_dict": small().state_dict(), "extra": Bomb(mark)}
    if form == "plain pickle":
        path.write_bytes(pickle.dumps(bomb))
    elif form == "script archive":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/data.pkl", pickle.dumps(Bomb(mark), protocol=2))
            archive.writestr("a/constants.pkl", pickle.dumps(()))
    else:
        torch.save(bomb, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(CheckpointError, match="more than tensors") as told:
        checkpoint.read_state_dict(path)
    assert not mark.exists()
    assert "\n" not in str(told.value)


def test_a_tensor_cannot_reach_beyond_its_storage(tmp_path: Path) -> None:
    with pytest.raises(pickle.UnpicklingError, match="beyond"):
        torchscript._rebuild(torch.zeros(4), 1, (2, 2), (2, 1))
    assert torchscript._rebuild(torch.arange(4.0), 0, (2, 2), (1, 2)).tolist() == [[0, 2], [1, 3]]


@pytest.mark.parametrize("form", ["training", "bare, older format", "traced", "safetensors"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_cut_off_files_say_so(form: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / "wav2lip_gan.pth"
    FORMS[form](small(), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CheckpointError, match="wav2lip_gan.pth") as told:
        checkpoint.load_into(small(), path, "the small network")
    assert "435,801,865" in str(told.value), "the public file's size tells how much is missing"
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("content", "said"), [
    (b"<!DOCTYPE html><html>Sign in</html>", "web page"), (b"", "no model file"), (b"\n <html>", "web page"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:ca9\n", "no model file"), (os.urandom(4096), "no model")])
def test_files_that_are_no_weights(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=said) as told:
        checkpoint.read_state_dict(path)
    assert "\n" not in str(told.value)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        checkpoint.read_state_dict(tmp_path / "nothing.pth")
    state = small().state_dict()
    path = tmp_path / "w.pth"
    torch.save({k: v for k, v in state.items() if k != "out.0.bias"}, path)
    with pytest.raises(CheckpointError, match=r"1 keys missing \(out.0.bias\)"):
        checkpoint.load_into(small(), path, "the small network")
    torch.save({**state, "out.0.weight": torch.zeros(1, 5, 1, 1)}, path)
    with pytest.raises(CheckpointError, match="out.0.weight is 1x5x1x1 instead of 1x4x1x1"):
        checkpoint.load_into(small(), path, "the small network")
    torch.save({**state, "out.0.bias": torch.tensor([float("nan")])}, path)
    with pytest.raises(CheckpointError, match="not finite"):
        checkpoint.load_into(small(), path, "the small network")
    torch.save([1, 2], path)
    with pytest.raises(CheckpointError, match="no named tensors"):
        checkpoint.read_state_dict(path)


def test_public_files_are_known_by_size_and_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "renamed.bin"
    path.write_bytes(b"abc")
    known = checkpoint.KnownFile("abc.pth", 3, checkpoint.sha256(path)[:8])
    assert checkpoint.identify(path) is None
    monkeypatch.setattr(checkpoint, "KNOWN_FILES", (known,))
    assert checkpoint.identify(path) == "abc.pth"
    path.write_bytes(b"abd")
    assert checkpoint.identify(path) is None
