"""Help for a young expert: say, too, how far the mouth is open in each frame, seen and heard.

What the mesh knows of the lips is no part of what an expert gives, but an encoder that can tell it generalises from far
fewer people than one that has only ever been asked for sameness. The layers that answer are dropped after training.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_core.train.data.windows import SyncWindows
from lipsync_core.train.networks.expert import Judgement
from lipsync_core.train.types import WINDOW

#: Points of the inner lip (``Clip.lips``): pairs one above the other, and the corners.
_ABOVE, _BELOW, _CORNERS = (23, 25, 27), (37, 35, 33), (20, 30)
#: Usual gap, width and spread of the width, as shares of the crop.
_GAP, _WIDTH, _SPREAD = 0.05, 0.36, 0.05
SHAPE = len(_ABOVE) + 1


class HintedWindows(SyncWindows):
    """``SyncWindows`` that also know the shapes of a batch's mouths."""

    def shapes(self, step: int) -> Tensor:
        """[B, 5, 4] of ``batch(step)``: three gaps of the inner lips and the distance of its corners, about -3 to 3."""
        rows = self._draw(step, self.per_person)
        lips = np.stack([self.shards.common(info.id)["lips"][start: start + WINDOW] for info, start in rows])
        return shapes_of(torch.from_numpy(lips))


class Hints(nn.Module):
    """Reads the shapes from an expert's inner features."""

    def __init__(self, expert: Judgement) -> None:
        super().__init__()
        seen, heard, by_frame = expert.feature_sizes()
        self.seen = nn.Linear(seen, SHAPE if by_frame else SHAPE * WINDOW)
        self.heard = nn.Linear(heard, SHAPE * WINDOW)

    def forward(self, seen: Tensor, heard: Tensor, shapes: Tensor) -> Tensor:
        """seen [B, 5, F] or [B, F], heard [B, G], shapes [B, 5, 4] -> mean error of both, a scalar."""
        by_eye = functional.smooth_l1_loss(self.seen(seen).float().view_as(shapes), shapes)
        by_ear = functional.smooth_l1_loss(self.heard(heard).float().view_as(shapes), shapes)
        return by_eye + by_ear


def shapes_of(lips: Tensor) -> Tensor:
    """Points [..., 40, 2] in the crop -> [..., 4]."""
    gaps = (lips[..., list(_BELOW), 1] - lips[..., list(_ABOVE), 1]) / _GAP
    width = (lips[..., _CORNERS[1], 0] - lips[..., _CORNERS[0], 0] - _WIDTH) / _SPREAD
    return torch.cat([gaps, width[..., None]], -1).float()
