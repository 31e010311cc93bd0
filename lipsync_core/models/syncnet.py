"""SyncNet v2: how far apart lips and sound are. The network behind LSE-D and LSE-C.

J. S. Chung, A. Zisserman, "Out of time: automated lip sync in the wild", ACCV 2016 workshops; the public weights are
``syncnet_v2.model`` of syncnet_python (MIT). Written from its layer table, so the weights' key names hold.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from lipsync_core.models import checkpoint

PARAMETERS = 13_631_616
EMBEDDING = 1024
FRAMES, FACE_SIZE = 5, 224
CEPSTRA, MFCC_COLUMNS = 13, 20


class SyncNet(nn.Module):
    """Two encoders into one space of 1024 dimensions; embeddings are not normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            nn.Conv2d(1, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(1, 1),
            nn.Conv2d(64, 192, 3, padding=1), nn.BatchNorm2d(192), nn.ReLU(), nn.MaxPool2d(3, (1, 2)),
            nn.Conv2d(192, 384, 3, padding=1), nn.BatchNorm2d(384), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1), nn.BatchNorm2d(256), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.BatchNorm2d(256), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(256, 512, (5, 4)), nn.BatchNorm2d(512), nn.ReLU(),
        )
        self.netfcaud = _head()
        self.netfclip = _head()
        self.netcnnlip = nn.Sequential(
            nn.Conv3d(3, 96, (5, 7, 7), (1, 2, 2)), nn.BatchNorm3d(96), nn.ReLU(), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            nn.Conv3d(96, 256, (1, 5, 5), (1, 2, 2), (0, 1, 1)), nn.BatchNorm3d(256), nn.ReLU(),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1)), nn.BatchNorm3d(256), nn.ReLU(),
            nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1)), nn.BatchNorm3d(256), nn.ReLU(),
            nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1)), nn.BatchNorm3d(256), nn.ReLU(),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            nn.Conv3d(256, 512, (1, 6, 6)), nn.BatchNorm3d(512), nn.ReLU(),
        )

    def audio(self, mfcc: Tensor) -> Tensor:
        """MFCC windows [B, 1, 13, 20] (``lipsync_core.models.mfcc``) -> [B, 1024]."""
        return self.netfcaud(self.netcnnaud(mfcc.to(self._dtype())).flatten(1))

    def lip(self, video: Tensor) -> Tensor:
        """Faces [B, 3, 5, 224, 224], BGR, values 0 to 255 (any type, neither mean nor scale) -> [B, 1024]."""
        return self.netfclip(self.netcnnlip(video.to(self._dtype())).flatten(1))

    def lip_sequence(self, frames: Tensor) -> Tensor:
        """T >= 5 neighbouring faces [3, T, 224, 224] -> [T - 4, 1024], the embedding of every window of five.

        The same numbers as ``lip`` on each window: only the first layer looks along time.
        """
        features = self.netcnnlip(frames.to(self._dtype())[None])
        return self.netfclip(features[0, :, :, 0, 0].T)

    def _dtype(self) -> torch.dtype:
        return self.netfclip[0].weight.dtype


def load(path: str | Path, device: str | torch.device = "cpu") -> SyncNet:
    """The network with the weights of ``path`` (float32), in evaluation mode and without gradients.

    Raises ``CheckpointError``, see ``lipsync_core.models.checkpoint``.
    """
    network = SyncNet()
    checkpoint.load_into(network, path, "SyncNet v2")
    return network.to(device)


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, EMBEDDING))
