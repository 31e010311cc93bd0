"""Wav2Lip's expert: does this lower half of a face belong to this sound?

Prajwal et al. 2020 (see ``lipsync_core.models.wav2lip``), §3.1. The frozen judge that a generator is trained against,
so never the only one that judges it afterwards.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from lipsync_core.models import checkpoint
from lipsync_core.models.blocks import Layer, same, stack

PARAMETERS = 16_435_072
FRAMES = 5

FACE_ENCODER: tuple[Layer, ...] = (
    Layer(15, 32, 7, 1, 3),
    Layer(32, 64, 5, (1, 2), 1), same(64), same(64),
    Layer(64, 128, 3, 2, 1), same(128), same(128), same(128),
    Layer(128, 256, 3, 2, 1), same(256), same(256),
    Layer(256, 512, 3, 2, 1), same(512), same(512),
    Layer(512, 512, 3, 2, 1), Layer(512, 512, 3, 1, 0), Layer(512, 512, 1, 1, 0),
)
AUDIO_ENCODER: tuple[Layer, ...] = (
    Layer(1, 32), same(32), same(32),
    Layer(32, 64, 3, (3, 1), 1), same(64), same(64),
    Layer(64, 128, 3, 3, 1), same(128), same(128),
    Layer(128, 256, 3, (3, 2), 1), same(256), same(256),
    Layer(256, 512, 3, 1, 0), Layer(512, 512, 1, 1, 0),
)


class SyncNetColor(nn.Module):
    """Two encoders into one space of 512 dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.face_encoder = stack(FACE_ENCODER)
        self.audio_encoder = stack(AUDIO_ENCODER)

    def forward(self, audio: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
        """(audio, face) embeddings, each [B, 512] of length 1 and without negative entries.

        audio: log-mel window [B, 1, 80, 16] of the five frames.
        face: [B, 15, 48, 96] in [0, 1]: the lower halves of five BGR frames of 96x96, stacked on the channels.
        Their dot product is the cosine, in [0, 1].
        """
        return (normalize(self.audio_encoder(audio).flatten(1), p=2, dim=1),
                normalize(self.face_encoder(face).flatten(1), p=2, dim=1))


def load(path: str | Path, device: str | torch.device = "cpu") -> SyncNetColor:
    """The expert with the weights of ``path`` (float32), in evaluation mode and without gradients of its own.

    Gradients still flow through it to its inputs. Raises ``CheckpointError``, see ``lipsync_core.models.checkpoint``.
    """
    network = SyncNetColor()
    checkpoint.load_into(network, path, "Wav2Lip's colour SyncNet")
    return network.to(device)
