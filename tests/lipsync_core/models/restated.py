"""The networks once more, as plain functional calls over a state dictionary: the independent witness of the tests.

Nothing here uses ``lipsync_core``. Each row of a table: (kernel, stride, padding, residual) for a convolution,
(kernel, stride, padding, output padding, "T") for a transposed one.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]

R = (3, 1, 1, True)
FACE = [
    [(7, 1, 3, False)],
    [(3, 2, 1, False), R, R],
    [(3, 2, 1, False), R, R, R],
    [(3, 2, 1, False), R, R],
    [(3, 2, 1, False), R, R],
    [(3, 2, 1, False), R],
    [(3, 1, 0, False), (1, 1, 0, False)],
]
AUDIO_HEAD = [(3, 1, 1, False), R, R, (3, (3, 1), 1, False), R, R, (3, 3, 1, False), R, R, (3, (3, 2), 1, False), R]
AUDIO_TAIL = [(3, 1, 0, False), (1, 1, 0, False)]
DECODER: list[list[Any]] = [
    [(1, 1, 0, False)],
    [(3, 1, 0, 0, "T"), R],
    [(3, 2, 1, 1, "T"), R, R],
    [(3, 2, 1, 1, "T"), R, R],
    [(3, 2, 1, 1, "T"), R, R],
    [(3, 2, 1, 1, "T"), R, R],
    [(3, 2, 1, 1, "T"), R, R],
]
EXPERT_FACE = [(7, 1, 3, False), (5, (1, 2), 1, False), R, R, (3, 2, 1, False), R, R, R, (3, 2, 1, False), R, R,
               (3, 2, 1, False), R, R, (3, 2, 1, False), (3, 1, 0, False), (1, 1, 0, False)]
DISC = [[(7, 1, 3)], [(5, (1, 2), 2), (5, 1, 2)], [(5, 2, 2), (5, 1, 2)], [(5, 2, 2), (5, 1, 2)],
        [(3, 2, 1), (3, 1, 1)], [(3, 2, 1), (3, 1, 1)], [(3, 1, 0), (1, 1, 0)]]


def norm(s: State, key: str, x: Tensor) -> Tensor:
    shape = (1, -1) + (1,) * (x.dim() - 2)
    mean, var, gain, shift = (s[f"{key}.{n}"].view(shape) for n in ("running_mean", "running_var", "weight", "bias"))
    return (x - mean) / torch.sqrt(var + 1e-5) * gain + shift


def block(s: State, key: str, row: Any, x: Tensor) -> Tensor:
    weight, bias = s[f"{key}.conv_block.0.weight"], s[f"{key}.conv_block.0.bias"]
    assert weight.shape[2] == weight.shape[3] == row[0]
    if row[-1] == "T":
        _, stride, padding, output_padding, _ = row
        return torch.relu(norm(s, f"{key}.conv_block.1",
                               F.conv_transpose2d(x, weight, bias, stride, padding, output_padding)))
    _, stride, padding, residual = row
    y = norm(s, f"{key}.conv_block.1", F.conv2d(x, weight, bias, stride, padding))
    return torch.relu(y + x) if residual else torch.relu(y)


def wav2lip(s: State, audio: Tensor, face: Tensor) -> Tensor:
    skips = []
    for i, rows in enumerate(FACE):
        for j, row in enumerate(rows):
            face = block(s, f"face_encoder_blocks.{i}.{j}", row, face)
        skips.append(face)
    x = audio
    for n, row in enumerate(AUDIO_HEAD + AUDIO_TAIL):
        x = block(s, f"audio_encoder.{n}", row, x)
    for i, rows in enumerate(DECODER):
        for j, row in enumerate(rows):
            x = block(s, f"face_decoder_blocks.{i}.{j}", row, x)
        x = torch.cat([x, skips[len(skips) - 1 - i]], 1)
    x = block(s, "output_block.0", (3, 1, 1, False), x)
    return torch.sigmoid(F.conv2d(x, s["output_block.1.weight"], s["output_block.1.bias"]))


def expert(s: State, audio: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
    for n, row in enumerate(EXPERT_FACE):
        face = block(s, f"face_encoder.{n}", row, face)
    for n, row in enumerate([*AUDIO_HEAD, R, *AUDIO_TAIL]):
        audio = block(s, f"audio_encoder.{n}", row, audio)
    a, v = audio[:, :, 0, 0], face[:, :, 0, 0]
    return a / a.pow(2).sum(1, keepdim=True).sqrt(), v / v.pow(2).sum(1, keepdim=True).sqrt()


def discriminator(s: State, face: Tensor) -> Tensor:
    x = face[:, :, 48:]
    for i, rows in enumerate(DISC):
        for j, (_, stride, padding) in enumerate(rows):
            key = f"face_encoder_blocks.{i}.{j}.conv_block.0"
            y = F.conv2d(x, s[f"{key}.weight"], s[f"{key}.bias"], stride, padding)
            x = torch.where(y > 0, y, 0.01 * y)
    return torch.sigmoid(F.conv2d(x, s["binary_pred.0.weight"], s["binary_pred.0.bias"]))[:, :, 0, 0]


def _head(s: State, key: str, x: Tensor) -> Tensor:
    x = x @ s[f"{key}.0.weight"].T + s[f"{key}.0.bias"]
    return torch.relu(norm(s, f"{key}.1", x)) @ s[f"{key}.3.weight"].T + s[f"{key}.3.bias"]


def sync_audio(s: State, x: Tensor) -> Tensor:
    def conv(n: int, x: Tensor, padding: int) -> Tensor:
        y = F.conv2d(x, s[f"netcnnaud.{n}.weight"], s[f"netcnnaud.{n}.bias"], padding=padding)
        return torch.relu(norm(s, f"netcnnaud.{n + 1}", y))

    x = conv(4, conv(0, x, 1), 1)
    x = F.max_pool2d(x, 3, stride=(1, 2))
    x = F.max_pool2d(conv(14, conv(11, conv(8, x, 1), 1), 1), 3, stride=2)
    return _head(s, "netfcaud", conv(18, x, 0).flatten(1))


def sync_lip(s: State, x: Tensor) -> Tensor:
    def conv(n: int, x: Tensor, stride: Any, padding: Any) -> Tensor:
        y = F.conv3d(x, s[f"netcnnlip.{n}.weight"], s[f"netcnnlip.{n}.bias"], stride, padding)
        return torch.relu(norm(s, f"netcnnlip.{n + 1}", y))

    x = F.max_pool3d(conv(0, x, (1, 2, 2), 0), (1, 3, 3), (1, 2, 2))
    assert x.shape[-1] == 54
    x = F.max_pool3d(conv(4, x, (1, 2, 2), (0, 1, 1)), (1, 3, 3), (1, 2, 2), (0, 1, 1))
    assert x.shape[-1] == 13
    for n in (8, 11, 14):
        x = conv(n, x, 1, (0, 1, 1))
    x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2))
    return _head(s, "netfclip", conv(18, x, 1, 0).flatten(1))
