"""Train the phone network on a corpus of speech with known phoneme times.

``python -m lipsync_core.speech.train CORPUS [CORPUS ...] --out FILE [--epochs 30] [--seed 0]``, where a corpus is a
folder with ``takes.jsonl`` and WAV files at 16 kHz (``samples/phone_corpus.py`` makes one). The weights are written
as half-precision safetensors; figures on the takes of the split ``test`` are printed as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lipsync_core.speech.articulation import articulate
from lipsync_core.speech.augment import augmented, backgrounds
from lipsync_core.speech.features import BANDS, HOP_MS, Float
from lipsync_core.speech.network import DILATIONS, WIDTH, PhoneNetwork
from lipsync_core.speech.phones import CLASSES, CLOSURES, classes_of
from lipsync_core.speech.timeline import TimedPhone

if TYPE_CHECKING:
    import torch

_BATCH_FRAMES = 6000
_IGNORED = -1
#: Lips that must close count more than one among fifty sounds would.
_CLOSURE_WEIGHT, _LIPS_WEIGHT, _SMOOTHING = 1.6, 3.0, 0.05


@dataclass(frozen=True, slots=True)
class Take:
    """One sound of a corpus at 16 kHz with its phones."""

    sound: Float
    phones: tuple[TimedPhone, ...]
    split: str
    language: str
    file: str


def read_corpus(folder: Path) -> list[Take]:
    """Every take listed in ``folder/takes.jsonl``."""
    takes = []
    for line in (folder / "takes.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        with wave.open(str(folder / row["file"]), "rb") as file:
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        phones = tuple(TimedPhone(str(s), float(a), float(b)) for s, a, b in row["phones"])
        takes.append(Take(sound, phones, row["split"], row["language"], row["file"]))
    return takes


def labels(phones: Sequence[TimedPhone], frames: int, scale: float = 1.0,
           shift_ms: float = 0.0) -> npt.NDArray[np.int64]:
    """Class of every frame; a symbol of several classes shares its time among them; outside every phone: silence."""
    out = np.zeros(frames, np.int64)
    for phone in phones:
        classes = classes_of(phone.symbol)
        if not classes:
            continue
        edges = np.linspace(phone.start_ms, phone.end_ms, len(classes) + 1) * scale + shift_ms
        for name, begin, end in zip(classes, edges[:-1], edges[1:], strict=True):
            out[max(round(begin / HOP_MS), 0): max(round(end / HOP_MS), 0)] = name
    return out


def lip_targets(phones: Sequence[TimedPhone], frames: int, scale: float, shift_ms: float) -> Float:
    """Opening and width of the articulation that the true phones ask for, ``[frames, 2]``."""
    moved = [TimedPhone(p.symbol, p.start_ms * scale + shift_ms, p.end_ms * scale + shift_ms) for p in phones]
    aim = articulate(moved, (np.arange(frames) + 0.5) * HOP_MS)
    return np.column_stack([aim.opening, aim.width]).astype(np.float32)


def build() -> torch.nn.Module:
    """The network of ``network.PhoneNetwork`` as it is trained: with batch norms, which are folded on export."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, dilation: int) -> None:
            super().__init__()
            self.wide = nn.Conv1d(WIDTH, WIDTH, 3, padding=dilation, dilation=dilation, bias=False)
            self.norm = nn.BatchNorm1d(WIDTH)
            self.point = nn.Conv1d(WIDTH, WIDTH, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.point(nn.functional.dropout(torch.relu(self.norm(self.wide(x))), 0.1, self.training))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv1d(BANDS, WIDTH, 5, padding=2, bias=False)
            self.norm = nn.BatchNorm1d(WIDTH)
            self.blocks = nn.ModuleList(Block(d) for d in DILATIONS)
            self.out = nn.Conv1d(WIDTH, len(CLASSES), 1)
            self.lips = nn.Conv1d(WIDTH, 2, 1)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            x = torch.relu(self.norm(self.first(x)))
            for block in self.blocks:
                x = block(x)
            x = torch.relu(x)
            return self.out(x), self.lips(x)

    return Network()


def export(network: Any, prior: Float) -> dict[str, Float]:
    """Weights in the layout of ``PhoneNetwork``: norms folded, taps side by side."""
    out: dict[str, Float] = {"prior": prior}

    def put(name: str, conv: Any, norm: Any = None) -> None:
        weight = conv.weight.detach().double().numpy()
        bias = conv.bias.detach().double().numpy() if conv.bias is not None else np.zeros(len(weight))
        if norm is not None:
            gain = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().double().numpy()
            weight = weight * gain[:, None, None]
            bias = norm.bias.detach().double().numpy() + (bias - norm.running_mean.double().numpy()) * gain
        out[f"{name}.weight"] = weight.transpose(0, 2, 1).reshape(len(weight), -1).astype(np.float32)
        out[f"{name}.bias"] = bias.astype(np.float32)

    put("in", network.first, network.norm)
    for i, block in enumerate(network.blocks):
        put(f"wide.{i}", block.wide, block.norm)
        put(f"point.{i}", block.point)
    put("out", network.out)
    put("lips", network.lips)
    return out


def _batches(takes: Sequence[Take], random: np.random.Generator) -> Any:
    """Batches of about ``_BATCH_FRAMES``: features [B, BANDS, T], classes [B, T] (_IGNORED: padding), lips [B, 2, T].

    Each item is one take or two in a row, newly disturbed every time.
    """
    import torch

    noises = backgrounds(random, [take.sound for take in takes])
    waiting: list[tuple[Float, npt.NDArray[np.int64], Float]] = []
    for i in random.permutation(len(takes)):
        features, scale, shift_ms = augmented(takes[i].sound, random, noises)
        count = len(features)
        waiting.append((features, labels(takes[i].phones, count, scale, shift_ms),
                        lip_targets(takes[i].phones, count, scale, shift_ms)))
        longest = max(len(row[0]) for row in waiting)
        if longest * len(waiting) < _BATCH_FRAMES:
            continue
        x = np.zeros((len(waiting), BANDS, longest), np.float32)
        y = np.full((len(waiting), longest), _IGNORED, np.int64)
        z = np.zeros((len(waiting), 2, longest), np.float32)
        for n, (features, classes, lips) in enumerate(waiting):
            x[n, :, : len(features)], y[n, : len(features)], z[n, :, : len(features)] = features.T, classes, lips.T
        waiting = []
        yield torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(z)


def train(takes: Sequence[Take], epochs: int, seed: int, log: Any = None) -> dict[str, Float]:
    """Weights for ``PhoneNetwork`` learnt from ``takes``; the same seed gives the same weights on one machine."""
    import torch
    from torch.nn import functional

    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = build()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.01)
    frames = sum(len(t.sound) for t in takes) / 16000 * 1000 / HOP_MS
    steps = max(int(epochs * frames * 1.15 / _BATCH_FRAMES), 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 1, pct_start=0.15)
    weight = torch.ones(len(CLASSES))
    weight[list(CLOSURES)] = _CLOSURE_WEIGHT
    step, begin = 0, time.perf_counter()
    while step < steps:
        total = count = 0.0
        for x, y, z in _batches(takes, random):
            logits, lips = network(x)
            loss = functional.cross_entropy(logits, y, weight, ignore_index=_IGNORED, label_smoothing=_SMOOTHING)
            known = (y != _IGNORED)[:, None]
            loss = loss + _LIPS_WEIGHT * (((lips - z) ** 2) * known).sum() / (2 * known.sum())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimizer.step()
            total, count, step = total + float(loss.detach()), count + 1, step + 1
            if step >= steps:
                break
            schedule.step()
        if log is not None:
            log(f"step {step}/{steps} loss {total / max(count, 1):.3f} {time.perf_counter() - begin:.0f} s")
    network.eval()
    shares = np.bincount(np.concatenate([labels(t.phones, len(t.sound) // 160) for t in takes]),
                         minlength=len(CLASSES)) + 10.0
    return export(network, np.log(shares / shares.sum()).astype(np.float32))


def evaluate(network: PhoneNetwork, takes: Sequence[Take]) -> dict[str, float]:
    """Share of frames whose class is right (all, and spoken alone), and the lips' correlation with the truth."""
    right, spoken, truths, guesses = [], [], [], []
    for take in takes:
        heard = network.hear(take.sound, 16000)
        truth = labels(take.phones, len(heard.logp))
        right.append(heard.logp.argmax(1) == truth)
        spoken.append(truth > 0)
        truths.append(lip_targets(take.phones, len(truth), 1.0, 0.0)[:, 0])
        guesses.append(heard.lips[:, 0])
    hit, voiced = np.concatenate(right), np.concatenate(spoken)
    r = np.corrcoef(np.concatenate(truths), np.concatenate(guesses))[0, 1]
    return {"frames_right": round(float(hit.mean()), 4), "spoken_right": round(float(hit[voiced].mean()), 4),
            "opening_r": round(float(r), 4)}


def save(weights: dict[str, Float], path: Path) -> None:
    """Half precision, written whole or not at all."""
    from safetensors.numpy import save_file

    temporary = path.with_name(path.name + ".part")
    save_file({name: value.astype(np.float16) for name, value in weights.items()}, temporary)
    os.replace(temporary, path)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lipsync_core.speech.train", description=__doc__)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    takes = [take for folder in options.corpus for take in read_corpus(folder)]
    weights = train([t for t in takes if t.split == "train"], options.epochs, options.seed,
                    log=lambda line: print(line, file=sys.stderr, flush=True))
    save(weights, options.out)
    from lipsync_core.speech.network import load

    print(json.dumps(evaluate(load(options.out), [t for t in takes if t.split == "test"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
