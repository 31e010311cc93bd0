"""The face mesh on training crops: a crop is put back into its proportions and straight into the network.

Crops are the face's box, so nothing has to be found first, and no track is needed: what is read off a made picture is
read off that picture alone. On crops of 96 pixels the lips' opening correlates with that of the tracks from which the
crops were cut: 0.98 to 0.99 for people who were filmed, 0.92 to 0.99 for drawn ones, less where lips hardly part.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.face.mesh import Float
from lipsync_core.face.models import FaceModels, ModelError, default_folder
from lipsync_core.face.types import MESH_POINTS

#: A canvas is what the mesh network takes; the crop fills so much of its height (a mesh's usual margin, less hair and
#: neck, which the crop has), at a face's usual proportions of width to height.
SIDE = 192
_HEIGHT, _PROPORTIONS = 144, 0.72
_WIDTH = round(_HEIGHT * _PROPORTIONS)
_TOP, _LEFT = (SIDE - _HEIGHT) // 2, (SIDE - _WIDTH) // 2
_GREY = 128

Pictures = npt.NDArray[np.uint8]


class CropMesh:
    """Reads meshes off crops. folder: of the face networks, None for the machine's own. Raises ``ModelError`` when
    there are none."""

    def __init__(self, folder: Path | None = None, threads: int = 1) -> None:
        folder = folder or default_folder()
        if folder is None:
            raise ModelError("validation needs MediaPipe's face networks: name their folder in validate.models or in "
                             "LIPSYNC_MODELS")
        self._network = FaceModels(folder, threads).mesh

    def __call__(self, canvases: Pictures) -> Float:
        """Points float32 [T, 468, 3], in pixels of the canvases [T, 192, 192, 3] (see ``canvases``)."""
        found = np.empty((len(canvases), MESH_POINTS, 3), np.float32)
        for points, canvas in zip(found, canvases, strict=True):
            outputs = self._network(canvas[..., ::-1].astype(np.float32) / 255)
            points[:] = next(o for o in outputs if o.size == points.size).reshape(MESH_POINTS, 3)
            # The network counts pixel edges from 0, pictures count pixel centres.
            points[:, :2] -= 0.5
        return found


def canvases(crops: Pictures) -> Pictures:
    """Crops uint8 [T, S, S, 3] in a face's proportions on neutral grey, uint8 [T, 192, 192, 3]."""
    out = np.full((len(crops), SIDE, SIDE, 3), _GREY, np.uint8)
    inner = out[:, _TOP:_TOP + _HEIGHT, _LEFT:_LEFT + _WIDTH]
    mode = cv2.INTER_CUBIC if crops.shape[1] <= _HEIGHT else cv2.INTER_AREA
    for canvas, crop in zip(inner, crops, strict=True):
        canvas[:] = cv2.resize(crop, (_WIDTH, _HEIGHT), interpolation=mode)
    return out
