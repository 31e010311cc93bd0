"""Piecewise-affine warps on mesh triangles, rasterized straight into OpenCV remap tables.

Lips that touch make the triangles between them vanish, so a closed mouth is really closed: no smooth
interpolant can do that.
"""

from __future__ import annotations

import cv2
import numba
import numpy as np
import numpy.typing as npt
from scipy.spatial import Delaunay

Points = npt.NDArray[np.float64]


def triangulate(points: Points) -> npt.NDArray[np.int32]:
    """[F, 3] Delaunay triangles of [K, 2] points, all turning the same way."""
    triangles = Delaunay(points).simplices.astype(np.int32)
    a, b, c = (points[triangles[:, i]] for i in range(3))
    flipped = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]) < 0
    triangles[flipped] = triangles[flipped][:, [0, 2, 1]]
    return np.ascontiguousarray(triangles[np.lexsort(triangles.T[::-1])])


@numba.njit(cache=True, nogil=True)
def rasterize(target: np.ndarray, source: np.ndarray, triangles: np.ndarray, left: int, top: int,
              table: np.ndarray) -> None:
    """Write, for every pixel that a triangle of ``target`` covers, where in ``source`` it comes from.

    target: float64 [K, 2] pixels; source: float64 [P, K, 2] pixels in each of P pictures; table: float32
    [P, height, width, 2], its first pixel at (left, top); pixels outside all triangles stay.
    Triangles that vanished or turned over are left out.
    """
    pictures, height, width, _ = table.shape
    tolerance = 1e-4
    for f in range(triangles.shape[0]):
        i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ax, ay = target[i, 0] - left, target[i, 1] - top
        bx, by = target[j, 0] - left, target[j, 1] - top
        cx, cy = target[k, 0] - left, target[k, 1] - top
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area <= 1e-3:
            continue
        x0, x1 = max(int(np.floor(min(ax, bx, cx))), 0), min(int(np.ceil(max(ax, bx, cx))), width - 1)
        y0, y1 = max(int(np.floor(min(ay, by, cy))), 0), min(int(np.ceil(max(ay, by, cy))), height - 1)
        u_dx, u_dy = (cy - ay) / area, -(cx - ax) / area
        v_dx, v_dy = -(by - ay) / area, (bx - ax) / area
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                u = (x - ax) * u_dx + (y - ay) * u_dy
                v = (x - ax) * v_dx + (y - ay) * v_dy
                if u >= -tolerance and v >= -tolerance and u + v <= 1 + tolerance:
                    w = 1 - u - v
                    for p in range(pictures):
                        for d in range(2):
                            table[p, y, x, d] = w * source[p, i, d] + u * source[p, j, d] + v * source[p, k, d]


def identity_tables(height: int, width: int, pictures: int) -> npt.NDArray[np.float32]:
    """[pictures, height, width, 2] remap tables that change nothing."""
    tables = np.empty((pictures, height, width, 2), np.float32)
    tables[..., 0] = np.arange(width, dtype=np.float32)[None, None, :]
    tables[..., 1] = np.arange(height, dtype=np.float32)[None, :, None]
    return tables


def to_chroma(table: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The half-size table [height/2, width/2, 2] for 4:2:0 chroma of an even-sized luma table [height, width, 2].

    Chroma sample i lies between luma pixels 2i and 2i + 1.
    """
    half = cv2.resize(table, (table.shape[1] // 2, table.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return (half - 0.5) * 0.5
