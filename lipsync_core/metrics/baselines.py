"""What a lip-sync must beat in self-reenactment, and how like the truth a picture is."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.model import Atlas
from lipsync_core.face.video import Picture
from lipsync_core.metrics.picture import UNIT, aligned, crop_matrix
from lipsync_core.patch import Patch

Floats = npt.NDArray[np.float64]
Plane = npt.NDArray[np.uint8]

_GROW, _SOFT = 0.10, 0.05


def pasted(picture: Picture, plate: Floats, atlas: Atlas, crops: dict[int, Patch], index: int) -> Patch:
    """A learnt mouth moved by a similarity onto a plate (pixel points [468, 2]) and blended softly; nothing is
    warped, no light is matched."""
    crop, points = crops[index], atlas.points[index].astype(np.float64)
    _, a, b = atlas.model.normalise(np.stack([points, plate]))
    # From plate pixels over the speaker's own frame of reference to the crop's.
    scale, shift = a[1] / a[0], (b[1] - b[0]) / a[0]
    height, width = crop.y.shape
    there = shape.transform(points[shape.OUTER_LIPS], 1 / scale, -shift / scale)
    low, high = there.min(0) - 0.3 / abs(a[1]), there.max(0) + 0.3 / abs(a[1])
    left, top = (max(int(v) // 2 * 2, 0) for v in low)
    right = min(int(high[0]) // 2 * 2 + 2, picture.width // 2 * 2)
    bottom = min(int(high[1]) // 2 * 2 + 2, picture.height // 2 * 2)
    x, y = np.meshgrid(np.arange(left, right), np.arange(top, bottom))
    z = (x + 1j * y) * scale + shift - complex(crop.left, crop.top)
    table = np.stack([z.real, z.imag], -1).astype(np.float32)
    outline = np.concatenate([there, plate[shape.OUTER_LIPS]]) - (left, top)
    inside = (table[..., 0] > 1) & (table[..., 1] > 1) & (table[..., 0] < width - 2) & (table[..., 1] < height - 2)
    matte = _matte(outline, y.shape, 1 / abs(a[1])) * cv2.erode(inside.astype(np.float32), np.ones((5, 5)))
    planes = []
    for plane, source, half in ((picture.y, crop.y, 1), (picture.u, crop.u, 2), (picture.v, crop.v, 2)):
        own = plane[top // half:bottom // half, left // half:right // half].astype(np.float32)
        where, alpha = table, matte
        if half == 2:
            size = own.shape[::-1]
            where = (cv2.resize(table, size, interpolation=cv2.INTER_AREA) - 0.5) / 2
            alpha = cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
        mouth = cv2.remap(source, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        planes.append(np.clip(own + alpha * (mouth - own) + 0.5, 0, 255).astype(np.uint8))
    return Patch(picture.number, left, top, *planes)


def _matte(outline: Floats, size: tuple[int, ...], scale: float) -> npt.NDArray[np.float32]:
    mask = np.zeros(size, np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(outline.astype(np.float32)).astype(np.int32), 255)
    grow = 2 * int(_GROW * scale) + 1
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (grow, grow)))
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(_SOFT * scale, 0.5))


def nearest_mouths(atlas: Atlas, opening: Floats, width: Floats) -> npt.NDArray[np.int64]:
    """[N] the learnt mouth of nearest opening and width (both [N], in the atlas's units) for every frame."""
    rows = atlas.features
    gap = (rows[None, :, shape.OPENING] - opening[:, None]) ** 2 + (rows[None, :, shape.WIDTH] - width[:, None]) ** 2
    return gap.argmin(1)


def mouth_crop(luma: Plane, points: Floats) -> Plane:
    """The mouth and its surroundings, aligned by the eyes, 80 pixels per eye distance."""
    matrix = crop_matrix(points)
    middle = points[shape.OUTER_LIPS].mean(0) @ matrix[:, :2].T + matrix[:, 2]
    seen = aligned(luma, matrix)
    y, x = int(np.clip(middle[1], 0.34 * UNIT, seen.shape[0] - 0.34 * UNIT)), int(middle[0])
    return seen[int(y - 0.34 * UNIT):int(y + 0.34 * UNIT), max(int(x - 0.42 * UNIT), 0):int(x + 0.42 * UNIT)]


def ssim(a: Plane, b: Plane) -> float:
    """Mean structural similarity of two luma pictures (Wang et al. 2004; Gaussian window of sigma 1.5)."""
    x, y = a.astype(np.float64), b.astype(np.float64)

    def mean(v: Floats) -> Floats:
        return cv2.GaussianBlur(v, (11, 11), 1.5)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float((((2 * mx * my + c1) * (2 * cov + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean())
