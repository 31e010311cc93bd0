"""The user's own face network (an ArcFace in ONNX form) as an embedder through which gradients flow.

Such networks want 112 x 112 pixels with eyes, nose and mouth corners at fixed places (Deng et al. 2019, ArcFace; the
template of the insightface project). Our crop is an upright box around the mesh, so that one affine map for all faces
comes close; whoever knows the five points of each face passes them.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_core.models.checkpoint import CheckpointError
from lipsync_core.train.networks.expert import unit
from lipsync_core.train.networks.onnx_graph import OnnxGraph, load_graph

SIDE = 112
#: Left and right eye (as seen in the picture), tip of the nose, left and right corner of the mouth, in pixels of 112.
TEMPLATE = ((38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20))
#: Where those points lie in our crop (``lipsync_core.neural.box``), its sides being 1: means over three talking heads,
#: made symmetric.
IN_CROP = ((0.284, 0.358), (0.716, 0.358), (0.500, 0.519), (0.320, 0.699), (0.680, 0.699))
#: Pictures more than this much larger than 112 pixels are shrunk first, or every other pixel would be skipped.
_MUCH_LARGER = 1.6


class ArcFace(nn.Module):
    """An ``Embedder`` around an ONNX graph; frozen.

    takes_bytes: it scales pixels from 0 to 255 itself, as older files do; otherwise they are scaled to [-1, 1].
    Raises ``CheckpointError`` when the graph's input is no picture of three colours or its output no vector.
    """

    def __init__(self, graph: OnnxGraph) -> None:
        super().__init__()
        shape = graph.input_shape
        if len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
            said = " x ".join("?" if size is None else str(size) for size in shape)
            raise CheckpointError(f"{graph.name} takes {said}, not pictures of three colours (? x 3 x 112 x 112)")
        self.graph = graph
        self.side = shape[2] or SIDE
        self.takes_bytes = {"Sub", "Mul"} <= set(graph.operations[:8]) or {"Sub", "Div"} <= set(graph.operations[:8])
        self._takes_one = shape[0] == 1
        with torch.no_grad():
            found = self.graph(torch.zeros(1, 3, self.side, self.side))
        if found.dim() != 2 or len(found) != 1:
            raise CheckpointError(f"{graph.name} does not answer with one vector a face")
        self.dimensions = found.shape[1]
        self.register_buffer("template", torch.tensor(TEMPLATE) * (self.side / SIDE), persistent=False)
        self.register_buffer("usual", torch.tensor(IN_CROP), persistent=False)

    def embed(self, faces: Tensor, points: Tensor | None = None) -> Tensor:
        """faces [N, 3, S, S], BGR in [0, 1], our crop -> unit vectors [N, D]; gradients flow to the faces.

        points: [N, 5, 2], eyes, nose and mouth corners as in ``TEMPLATE``, the crop's sides being 1; or None for where
        they usually are.
        """
        seen = self.aligned(faces, points).flip(1) * 255
        seen = seen if self.takes_bytes else (seen - 127.5) / 127.5
        vectors = torch.cat([self.graph(one) for one in seen.split(1)]) if self._takes_one else self.graph(seen)
        return unit(vectors)

    def aligned(self, faces: Tensor, points: Tensor | None = None) -> Tensor:
        """The faces as the network wants them, [N, 3, 112, 112], still BGR in [0, 1]."""
        faces = faces.float()
        if faces.shape[-1] > _MUCH_LARGER * self.side:
            faces = functional.interpolate(faces, (self.side, self.side), mode="area")
        matrix = affine(self.template, (self.usual[None] if points is None else points.to(faces)))
        centres = torch.arange(self.side, dtype=faces.dtype, device=faces.device)
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        places = torch.stack([x, y, torch.ones_like(x)], -1)
        grid = torch.einsum("hwk,njk->nhwj", places, matrix) * 2 - 1
        return functional.grid_sample(faces, grid.expand(len(faces), -1, -1, -1), padding_mode="border",
                                      align_corners=False)


def affine(template: Tensor, points: Tensor) -> Tensor:
    """[N, 2, 3], from the template's pixels to the crop's unit square, least squares over the points [N, 5, 2].

    All six numbers are free: our crop is stretched to a square, so that a turn and one size alone would not do.
    """
    known = torch.cat([template, torch.ones_like(template[:, :1])], 1)
    return torch.linalg.lstsq(known.expand(len(points), -1, -1), points.to(known)).solution.transpose(1, 2)


def load_arcface(path: str | Path, device: str | torch.device = "cpu") -> ArcFace:
    """Read the user's file. Raises ``CheckpointError``, see ``onnx_graph.load_graph``."""
    return ArcFace(load_graph(path)).to(device)
