"""Train the phone network on a corpus of speech with known phoneme times.

``python -m lipsync_core.speech.train CORPUS [CORPUS ...] --out FILE [--whisper FOLDER] [--epochs 18] [--seed 0]``,
where a corpus is a folder with ``takes.jsonl`` and WAV files at 16 kHz (``samples/phone_corpus.py`` makes one). With
``--whisper`` the network that listens through Whisper base is trained, otherwise the one that needs nothing else. The
weights are written as half-precision safetensors; figures on the takes of the split ``test`` are printed as one line of
JSON. ``--refit-lips`` takes the weights in FILE as they are and fits their layer for the lips alone, in closed form:
what a change of the visemes asks for.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lipsync_core.speech.augment import backgrounds, disturbed, recorded
from lipsync_core.speech.corpus import Take, labels, lip_targets, read_corpus
from lipsync_core.speech.evaluate import evaluate
from lipsync_core.speech.features import HOP_MS, Float
from lipsync_core.speech.network import MEL, Ear, Layout, PhoneNetwork, load, mel_ear
from lipsync_core.speech.phones import CLASSES, CLOSURES
from lipsync_core.speech.timeline import TimedPhone

if TYPE_CHECKING:
    import torch

_BATCH_FRAMES = 6000
_IGNORED = -1
#: Lips that must close count more than one among fifty sounds would.
_CLOSURE_WEIGHT, _LIPS_WEIGHT, _SMOOTHING = 1.6, 3.0, 0.05
_RATE = 16000
_CHUNK_SAMPLES, _CROP_ROWS = 28 * _RATE, 300
Example = tuple[Float, npt.NDArray[np.int64], Float]


def build(layout: Layout) -> torch.nn.Module:
    """The network of ``network.PhoneNetwork`` as it is trained: with batch norms, which are folded on export."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, dilation: int) -> None:
            super().__init__()
            self.wide = nn.Conv1d(layout.width, layout.width, 3, padding=dilation, dilation=dilation, bias=False)
            self.norm = nn.BatchNorm1d(layout.width)
            self.drop = nn.Dropout(0.1)
            self.point = nn.Conv1d(layout.width, layout.width, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.point(self.drop(torch.relu(self.norm(self.wide(x)))))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            # Wide features are learnt by heart unless some of them are missing every time.
            self.drop = nn.Dropout(0.2 if layout.inputs > 256 else 0.0)
            self.scale = nn.BatchNorm1d(layout.inputs)
            self.first = nn.Conv1d(layout.inputs, layout.width, layout.taps, padding=layout.taps // 2, bias=False)
            self.norm = nn.BatchNorm1d(layout.width)
            self.blocks = nn.ModuleList(Block(d) for d in layout.dilations)
            self.out = nn.Conv1d(layout.width, layout.steps * len(CLASSES), 1)
            self.lips = nn.Conv1d(layout.width, layout.steps * 2, 1)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            """[B, columns, rows] -> [B, rows * steps, classes] and [B, rows * steps, 2]."""
            x = torch.relu(self.norm(self.first(self.drop(self.scale(x) if layout.taps == 1 else x))))
            for block in self.blocks:
                x = block(x)
            x = torch.relu(x).transpose(1, 2)
            return tuple(nn.functional.linear(x, head.weight[..., 0], head.bias).reshape(len(x), -1, kinds)
                         for head, kinds in ((self.out, len(CLASSES)), (self.lips, 2)))

    return Network()


def export(network: Any, layout: Layout, prior: Float) -> dict[str, Float]:
    """Weights in the layout of ``PhoneNetwork``: norms folded, taps side by side."""
    out: dict[str, Float] = {"prior": prior}
    first = network.first.weight.detach().double()

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
    if layout.taps == 1:
        scale = network.scale
        gain = (scale.weight / (scale.running_var + scale.eps).sqrt()).detach().double()
        shift = first[:, :, 0] @ (scale.bias.detach().double() - scale.running_mean.double() * gain)
        norm = (network.norm.weight / (network.norm.running_var + network.norm.eps).sqrt()).detach().double()
        out["in.weight"] = (out["in.weight"] * gain.numpy()[None]).astype(np.float32)
        out["in.bias"] = (out["in.bias"] + (shift * norm).numpy()).astype(np.float32)
    for i, block in enumerate(network.blocks):
        put(f"wide.{i}", block.wide, block.norm)
        put(f"point.{i}", block.point)
    put("out", network.out)
    put("lips", network.lips)
    return out


def _mel_examples(takes: Sequence[Take], random: np.random.Generator, noises: Sequence[Float]) -> Iterable[Example]:
    """Every take once, newly disturbed: features, classes and lips of each frame."""
    for i in random.permutation(len(takes)):
        sound, scale, shift_ms = disturbed(takes[i].sound, random, noises)
        features = recorded(sound, random)
        count = len(features)
        yield (features, labels(takes[i].phones, count, scale, shift_ms),
               lip_targets(takes[i].phones, count, scale, shift_ms))


def heard_examples(takes: Sequence[Take], ear: Ear, layout: Layout, random: np.random.Generator) -> list[Example]:
    """Takes packed into stretches of half a minute, disturbed once, and heard by a slow ``ear``."""
    noises = backgrounds(random, [take.sound for take in takes])
    found, sounds, phones, done = [], [], [], 0
    for n, i in enumerate(random.permutation(len(takes))):
        sound, scale, shift_ms = disturbed(takes[i].sound, random, noises)
        shift_ms += done * 1000 / _RATE
        phones += [TimedPhone(p.symbol, p.start_ms * scale + shift_ms, p.end_ms * scale + shift_ms)
                   for p in takes[i].phones]
        sounds.append(sound)
        done += len(sound)
        if done < _CHUNK_SAMPLES - 5 * _RATE and n + 1 < len(takes):
            continue
        features = ear(np.concatenate(sounds))
        count = len(features) * layout.steps
        found.append((features.astype(np.float16), labels(phones, count), lip_targets(phones, count, 1.0, 0.0)))
        sounds, phones, done = [], [], 0
    return found


def _crops(examples: Sequence[Example], layout: Layout, random: np.random.Generator) -> Iterable[Example]:
    for i in random.permutation(len(examples)):
        features, classes, lips = examples[i]
        start = int(random.integers(0, _CROP_ROWS))
        for row in range(start, max(len(features) - 50, start + 1), _CROP_ROWS):
            part = slice(row * layout.steps, (row + _CROP_ROWS) * layout.steps)
            yield features[row: row + _CROP_ROWS].astype(np.float32), classes[part], lips[part]


def _batches(examples: Iterable[Example], layout: Layout) -> Iterable[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Batches of about ``_BATCH_FRAMES``: features [B, columns, T], classes [B, T] (_IGNORED: padding), lips
    [B, T, 2]."""
    import torch

    waiting: list[Example] = []
    following = iter(examples)
    example = next(following, None)
    while example is not None:
        waiting.append(example)
        example = next(following, None)
        longest = max(len(row[0]) for row in waiting)
        # The last batch of a pass may be small: a corpus of a few takes has no other.
        if longest * len(waiting) * layout.steps < _BATCH_FRAMES and example is not None:
            continue
        x = np.zeros((len(waiting), longest, layout.inputs), np.float32)
        y = np.full((len(waiting), longest * layout.steps), _IGNORED, np.int64)
        z = np.zeros((len(waiting), longest * layout.steps, 2), np.float32)
        for n, (features, classes, lips) in enumerate(waiting):
            x[n, : len(features)], y[n, : len(classes)], z[n, : len(lips)] = features, classes, lips
        waiting = []
        yield torch.from_numpy(x.transpose(0, 2, 1).copy()), torch.from_numpy(y), torch.from_numpy(z)


def train(takes: Sequence[Take], epochs: int, seed: int, layout: Layout = MEL, ear: Ear = mel_ear,
          log: Any = None) -> dict[str, Float]:
    """Weights for ``PhoneNetwork`` learnt from ``takes``; the same seed gives the same weights on one machine.

    With another ``ear`` than the log-mel one every take is heard once, before the training.
    """
    import torch
    from torch.nn import functional

    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = build(layout)
    heard = None if ear is mel_ear else heard_examples(takes, ear, layout, random)
    noises = backgrounds(random, [take.sound for take in takes]) if heard is None else []
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.01)
    frames = sum(len(t.sound) for t in takes) / _RATE * 1000 / HOP_MS * 1.15
    steps = max(int(epochs * frames / _BATCH_FRAMES), 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 1, pct_start=0.15)
    weight = torch.ones(len(CLASSES))
    weight[CLOSURES] = _CLOSURE_WEIGHT
    step, begin = 0, time.perf_counter()
    while step < steps:
        total = count = 0.0
        examples = _mel_examples(takes, random, noises) if heard is None else _crops(heard, layout, random)
        for x, y, z in _batches(examples, layout):
            logits, lips = network(x)
            loss = functional.cross_entropy(logits.flatten(0, 1), y.flatten(), weight, ignore_index=_IGNORED,
                                            label_smoothing=_SMOOTHING)
            known = (y != _IGNORED)[..., None]
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
    return export(network, layout, np.log(shares / shares.sum()).astype(np.float32))


def refit_lips(weights: dict[str, Float], takes: Sequence[Take], seed: int, layout: Layout, ear: Ear) -> None:
    """Fit ``lips`` of ``weights`` to the present visemes by ridge regression on the last layer, in place."""
    network = PhoneNetwork(weights, layout, ear)
    size = layout.width + 1
    square, product = 1e-3 * np.eye(size), np.zeros((size, layout.steps * 2))
    for features, _, lips in heard_examples(takes, ear, layout, np.random.default_rng(seed)):
        x = np.column_stack([network.last_layer(features.astype(np.float32)), np.ones(len(features))])
        x = x.astype(np.float64)
        square += x.T @ x / len(x)
        product += x.T @ lips.reshape(len(x), -1) / len(x)
    solved = np.linalg.solve(square, product).T.astype(np.float32)
    weights["lips.weight"], weights["lips.bias"] = np.ascontiguousarray(solved[:, :-1]), solved[:, -1].copy()


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
    parser.add_argument("--whisper", type=Path, help="folder of Whisper base in CTranslate2's form")
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--refit-lips", action="store_true")
    options = parser.parse_args(arguments)
    layout, ear = MEL, mel_ear
    if options.whisper:
        from lipsync_core.speech.whisper_ears import LAYOUT, WhisperEar

        layout, ear = LAYOUT, WhisperEar(options.whisper)
    takes = [take for folder in options.corpus for take in read_corpus(folder)]
    heard = [t for t in takes if t.split == "train"]
    if options.refit_lips:
        from safetensors.numpy import load_file

        weights = {name: value.astype(np.float32) for name, value in load_file(options.out).items()}
        refit_lips(weights, heard, options.seed, layout, ear)
    else:
        weights = train(heard, options.epochs, options.seed, layout, ear,
                        log=lambda line: print(line, file=sys.stderr, flush=True))
    save(weights, options.out)
    print(json.dumps(evaluate(load(options.out, layout, ear), [t for t in takes if t.split == "test"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
