"""Files that are there whole or not at all: checkpoints, weights with their card, pictures for TensorBoard."""

from __future__ import annotations

import builtins
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lipsync_core.models.checkpoint import CheckpointError
from lipsync_core.train import card, checkpoint
from lipsync_core.train.board import Board
from lipsync_core.train.checkpoint import ResumeError


def content(step: int) -> dict[str, Any]:
    return {"step": step, "weights": {"a": torch.full((300,), float(step))}, "betas": (0.9, 0.99), "none": None}


def test_the_newest_ones_stay_and_come_back_as_they_were(tmp_path: Path) -> None:
    (tmp_path / ".step_000000001.77").write_bytes(b"what a kill left")
    for step in (5, 10, 15):
        checkpoint.save(tmp_path, step, content(step), keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step_000000010.pt", "step_000000015.pt"]
    kept = checkpoint.newest(tmp_path)
    assert kept is not None and kept["step"] == 15 and torch.equal(kept["weights"]["a"], torch.full((300,), 15.0))
    assert checkpoint.newest(tmp_path / "nowhere") is None


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "text"])
def test_a_damaged_one_falls_back_to_the_one_before(tmp_path: Path, damage: str) -> None:
    for step in (5, 10):
        path = checkpoint.save(tmp_path, step, content(step))
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(torch.full((300,), 10.0).numpy().tobytes()) + 600] ^= 4
    path.write_bytes({"cut": whole[:-900], "bit": bytes(flipped), "empty": b"", "text": b"<html>"}[damage])
    said: list[str] = []
    kept = checkpoint.newest(tmp_path, said.append)
    assert kept is not None and kept["step"] == 5
    assert len(said) == 1 and "step_000000010.pt is" in said[0] and "the one before it is used" in said[0]
    checkpoint.found(tmp_path)[0].write_bytes(b"")
    with pytest.raises(ResumeError, match="no checkpoint in .* can be read"):
        checkpoint.newest(tmp_path, said.append)


def test_a_full_disk_leaves_the_old_ones_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint.save(tmp_path, 5, content(5))

    def full(_: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(tmp_path, 10, content(10))
    assert [path.name for path in tmp_path.iterdir()] == ["step_000000005.pt"]


def test_nothing_but_values_is_read(tmp_path: Path) -> None:
    torch.save({"step": 1, "evil": np.random.default_rng}, tmp_path / "step_000000001.pt")
    with pytest.raises(ResumeError, match="damaged"):
        checkpoint.load(tmp_path / "step_000000001.pt")


def test_weights_carry_their_card_and_are_the_same_bytes_again(tmp_path: Path) -> None:
    state = {"b": torch.linspace(-2, 2, 7), "a": torch.arange(3), "n.num_batches_tracked": torch.tensor(9)}
    told = {"kind": "toy", "limits": "knows “nothing”", "metrics": {"r": 0.5}}
    card.save_weights(tmp_path / "w.safetensors", state, told)
    first = (tmp_path / "w.safetensors").read_bytes()
    card.save_weights(tmp_path / "w.safetensors", dict(reversed(state.items())), told)
    assert (tmp_path / "w.safetensors").read_bytes() == first
    assert card.read_card(tmp_path / "w.safetensors") == told
    kept, _ = card.read_weights(tmp_path / "w.safetensors")
    assert set(kept) == {"a", "b"} and kept["b"].dtype == torch.float32 and torch.equal(kept["a"], state["a"])
    assert torch.equal(kept["b"], state["b"].half().float())
    card.save_weights(tmp_path / "w.safetensors", state, told, half=False)
    assert torch.equal(card.read_weights(tmp_path / "w.safetensors")[0]["b"], state["b"])
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


def test_weights_that_are_no_good_are_neither_written_nor_read(tmp_path: Path) -> None:
    for bad in (float("nan"), 1e6):
        with pytest.raises(CheckpointError, match="the weight w is not finite"):
            card.save_weights(tmp_path / "w.safetensors", {"w": torch.tensor([1.0, bad])}, {})
    assert not (tmp_path / "w.safetensors").exists()
    with pytest.raises(CheckpointError, match="no such file"):
        card.read_card(tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with pytest.raises(CheckpointError, match="damaged"):
        card.read_card(tmp_path / "w.safetensors")


def test_tensorboard_gets_curves_and_pictures_in_their_colours(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = Board(tmp_path)
    board.scalars(3, "loss", {"total": 0.25})
    picture = np.full((8, 12, 3), (10, 20, 200), np.uint8)
    board.pictures(3, {"held_out": picture})
    board.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss/total")] == [(3, 0.25)]
    (image,) = events.Images("held_out")
    import cv2

    seen = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(seen, picture)


def test_without_tensorboard_one_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith(("tensorboard", "torch.utils.tensorboard")):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    said: list[str] = []
    board = Board(tmp_path, say=said.append)
    board.scalars(1, "loss", {"a": 1.0})
    board.pictures(1, {"b": np.zeros((2, 2, 3), np.uint8)})
    board.flush()
    board.close()
    assert len(said) == 1 and "pip install tensorboard" in said[0] and not list(tmp_path.iterdir())
