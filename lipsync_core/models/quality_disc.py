"""Wav2Lip's visual quality discriminator: is this lower half of a face a photograph?

Prajwal et al. 2020 (see ``lipsync_core.models.wav2lip``), §3.3. Used in training only.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from lipsync_core.models import checkpoint
from lipsync_core.models.blocks import BareBlock, Layer, stages

PARAMETERS = 14_113_793

FACE_ENCODER: tuple[tuple[Layer, ...], ...] = (
    (Layer(3, 32, 7, 1, 3),),
    (Layer(32, 64, 5, (1, 2), 2), Layer(64, 64, 5, 1, 2)),
    (Layer(64, 128, 5, 2, 2), Layer(128, 128, 5, 1, 2)),
    (Layer(128, 256, 5, 2, 2), Layer(256, 256, 5, 1, 2)),
    (Layer(256, 512, 3, 2, 1), Layer(512, 512, 3, 1, 1)),
    (Layer(512, 512, 3, 2, 1), Layer(512, 512, 3, 1, 1)),
    (Layer(512, 512, 3, 1, 0), Layer(512, 512, 1, 1, 0)),
)


class QualityDiscriminator(nn.Module):
    """Convolutions without norms over the lower half of a face, then a logistic unit."""

    def __init__(self) -> None:
        super().__init__()
        self.face_encoder_blocks = stages(FACE_ENCODER, BareBlock)
        self.binary_pred = nn.Sequential(nn.Conv2d(512, 1, 1), nn.Sigmoid())

    def forward(self, face: Tensor) -> Tensor:
        """Whole faces [B, 3, 96, 96] (or [B, 3, T, 96, 96]) in [0, 1] -> chance of being real [B, 1] ([T * B, 1]).

        Time is laid out before the batch: row ``t * B + b``.
        """
        x = self.lower_half(face)
        for block in self.face_encoder_blocks:
            x = block(x)
        return self.binary_pred(x).flatten(1)

    @staticmethod
    def lower_half(face: Tensor) -> Tensor:
        """[B, 3, 96, 96] -> [B, 3, 48, 96]; a time axis goes before the batch."""
        if face.dim() == 5:
            face = face.permute(2, 0, 1, 3, 4).flatten(0, 1)
        return face[:, :, face.shape[2] // 2:]


def load(path: str | Path, device: str | torch.device = "cpu") -> QualityDiscriminator:
    """The discriminator with the weights of ``path`` (float32), in evaluation mode and without gradients of its own.

    Raises ``CheckpointError``, see ``lipsync_core.models.checkpoint``.
    """
    network = QualityDiscriminator()
    checkpoint.load_into(network, path, "Wav2Lip's quality discriminator")
    return network.to(device)
