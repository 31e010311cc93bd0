"""Whose face is it? A small embedder of our own for the identity loss and its figure (CSIM).

A plain residual network over the crop at 64 x 64, trained as ArcFace's relatives are (``CosFace``, Wang et al. 2018:
softmax over people with a margin between cosines). Small on purpose: it only has to notice that a face drifts away from
its own, for instance towards an average.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_core.models.blocks import Layer, same, stack
from lipsync_core.train.networks.expert import unit

SIDE, DIMENSIONS = 64, 128

_LAYERS: tuple[Layer, ...] = (
    Layer(12, 24), same(24),
    Layer(24, 40, 3, 2, 1), same(40),
    Layer(40, 64, 3, 2, 1), same(64),
    Layer(64, 96, 3, 2, 1), same(96),
)


class FaceEmbedder(nn.Module):
    """faces [N, 3, S, S], BGR in [0, 1], our crop -> unit vectors [N, 128]; 0.45 million parameters."""

    kind = "face-embedder"

    def __init__(self) -> None:
        super().__init__()
        self.layers = stack(_LAYERS)
        self.out = nn.Linear(_LAYERS[-1].channels_out * 4 * 4, DIMENSIONS)
        self.norm = nn.BatchNorm1d(DIMENSIONS)

    def config(self) -> dict[str, Any]:
        """How to build it again."""
        return {"kind": self.kind}

    def embed(self, faces: Tensor) -> Tensor:
        """faces [N, 3, S, S], BGR in [0, 1] -> unit vectors [N, 128], float32; gradients flow to the faces."""
        seen = resized(faces.float(), SIDE) * 2 - 1
        features = self.layers(functional.pixel_unshuffle(seen, 2))
        return unit(self.norm(self.out(features.flatten(1))))

    def forward(self, faces: Tensor) -> Tensor:
        """The same as ``embed``."""
        return self.embed(faces)


class CosFace(nn.Module):
    """The loss: cross entropy over people, the right one's cosine lowered by ``margin`` first."""

    def __init__(self, people: int, margin: float = 0.2, scale: float = 24.0) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(people, DIMENSIONS, generator=torch.Generator().manual_seed(people)))
        self.margin, self.scale = margin, scale

    def forward(self, embedded: Tensor, people: Tensor) -> Tensor:
        """embedded: unit vectors [N, 128]; people: [N], int64, below the number of people -> scalar."""
        cosine = embedded @ unit(self.centres).T
        margin = functional.one_hot(people, cosine.shape[1]) * self.margin
        return functional.cross_entropy((cosine - margin) * self.scale, people)


def resized(faces: Tensor, side: int) -> Tensor:
    """[N, 3, S, S] -> [N, 3, side, side], differentiable, without aliasing."""
    if faces.shape[-1] == side:
        return faces
    if faces.shape[-1] > side:
        return functional.interpolate(faces, (side, side), mode="area")
    return functional.interpolate(faces, (side, side), mode="bilinear", align_corners=False)
