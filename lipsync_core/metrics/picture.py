"""Does the picture hold up? Sharpness, the seam around what was repainted, and what lies outside of it.

Where a generator painted is not asked of it: the repainted region is read off the difference between the two files
in a crop that is aligned with the face, so every generator is judged alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.face.video import Picture, warp_plane
from lipsync_core.patch import Patch

#: The aligned crop: pixels per outer eye corner distance, and its extent around the point between the eyes.
UNIT = 80.0
_LEFT, _TOP, _RIGHT, _BOTTOM = -0.85, -0.25, 0.85, 1.55
CROP = (int((_BOTTOM - _TOP) * UNIT), int((_RIGHT - _LEFT) * UNIT))
#: Everything above this line (between eyes and nose) is beyond any mouth: it tells the encoder's noise.
_QUIET_ROWS = int((0.12 - _TOP) * UNIT)
_RING = 2
_LEVELS = (1.0, 2.0, 4.0)
_LEAST_DIFFERENCE, _LEAST_AREA, _LEAST_RING = 1.5, 60, 80
_GRADIENT_FLOOR = 0.5
#: The lower face that a lip-sync may touch, from the middle of the lips outwards to the jaw and beyond.
_JAW = np.array([93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323])
_REACH = 1.4

Floats = npt.NDArray[np.float64]
Plane = npt.NDArray[np.uint8]


def expected_sharpness(opening: Floats, source_opening: Floats, source_sharpness: npt.NDArray[np.floating]) -> Floats:
    """The source's own sharpness at each opening (median of the 9 frames nearest to it): teeth are sharp, lips are
    not, so mouths are compared with the speaker's equally open ones."""
    nearest = np.argsort(np.abs(opening[:, None] - source_opening[None]), axis=1, kind="stable")[:, :9]
    return np.maximum(np.median(source_sharpness[nearest], axis=1), 1e-6)


def jitter(normalised: Floats, frames: npt.NDArray[np.int32]) -> float:
    """RMS second difference of the lips' points [T, 468, 2] over consecutive frames; NaN when there are none."""
    second = second_differences(normalised, frames)
    return float(np.sqrt(np.nanmean(second**2))) if np.isfinite(second).any() else float("nan")


def second_differences(normalised: Floats, frames: npt.NDArray[np.int32]) -> Floats:
    """[T] RMS second difference of the lips around each frame; NaN beside gaps and at the ends."""
    out = np.full(len(frames), np.nan)
    steady = np.flatnonzero((np.diff(frames, 2) == 0) & (np.diff(frames)[1:] == 1))
    lips = normalised[:, shape.LIPS]
    out[steady + 1] = np.sqrt(((lips[steady] - 2 * lips[steady + 1] + lips[steady + 2]) ** 2).mean((1, 2)))
    return out


def crop_matrix(points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """[2, 3] map from picture pixels to the aligned crop (``CROP`` pixels), from pixel points [468, 2]."""
    left, right = points[shape.EYES[0]].astype(np.float64), points[shape.EYES[1]].astype(np.float64)
    across = right - left
    scale = UNIT / max(float(across @ across), 1e-9)
    linear = scale * np.array([[across[0], across[1]], [-across[1], across[0]]])
    centre = np.array([-_LEFT * UNIT, -_TOP * UNIT])
    return np.column_stack([linear, centre - linear @ ((left + right) / 2)])


def aligned(plane: Plane, matrix: npt.NDArray[np.float64]) -> Plane:
    """The aligned crop of one luma plane."""
    return warp_plane(plane, matrix, *CROP)


def repainted_region(difference: npt.NDArray[np.float32], level: float) -> npt.NDArray[np.uint8]:
    """Mask of what differs by more than ``level`` in an aligned crop; small specks are left out, holes are filled."""
    changed = (difference > level).astype(np.uint8)
    changed[:_QUIET_ROWS] = 0
    changed = cv2.morphologyEx(changed, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    outlines, _ = cv2.findContours(changed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    mask = np.zeros_like(changed)
    cv2.drawContours(mask, [o for o in outlines if cv2.contourArea(o) >= _LEAST_AREA], -1, 1, cv2.FILLED)
    return mask


def seam_ratio(before: Plane, after: Plane, lips: Sequence[Floats]) -> float:
    """Brightness steps across the edge of the repainted region, relative to the same pixels of the original.

    before, after: aligned crops. lips: outlines of the outer lips [K, 2] in crop pixels, in both pictures: on them an
    edge is what the mouth does, no seam. Mean magnitude of the derivative across the outline over a ring of about
    0.05 eye distances, in which busy places (nostrils, the jaw's edge) count less, as they hide a seam from the eye.
    A paste can lie inside a larger region that only moved, so the outlines of stronger differences are tried, too, and
    the worst counts. 1 when no edge can be found, 2 when steps are twice as strong; NaN when nothing was repainted.
    """
    difference = cv2.GaussianBlur(cv2.absdiff(before, after).astype(np.float32), (0, 0), 1.0)
    noise = max(_LEAST_DIFFERENCE, 1.4 * float(np.percentile(difference[:_QUIET_ROWS], 98)))
    gradients = [[cv2.Sobel(p, cv2.CV_32F, *d, scale=1 / 8) for d in ((1, 0), (0, 1))] for p in (before, after)]
    busy = cv2.blur(np.hypot(*gradients[0]) + np.hypot(*gradients[1]), (9, 9)) / 2
    weight = 1 / (1.0 + busy)
    covered = np.zeros_like(before)
    cv2.fillPoly(covered, [np.round(o * 16).astype(np.int32) for o in lips], 1, cv2.LINE_8, 4)
    weight[cv2.dilate(covered, np.ones((7, 7), np.uint8)) > 0] = 0
    found = [_across(repainted_region(difference, noise * k), gradients, weight) for k in _LEVELS]
    return float(np.nanmax(found)) if np.isfinite(found).any() else float("nan")


def _across(mask: npt.NDArray[np.uint8], gradients: Sequence[Sequence[npt.NDArray[np.float32]]],
            weight: npt.NDArray[np.float32]) -> float:
    """Weighted mean step across the outline of ``mask``, in the second picture relative to the first."""
    kernel = np.ones((2 * _RING + 1, 2 * _RING + 1), np.uint8)
    ring = (cv2.dilate(mask, kernel) > cv2.erode(mask, kernel, borderValue=1)) & (weight > 0)
    if int(ring.sum()) < _LEAST_RING:
        return float("nan")
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2.0)
    nx, ny = (cv2.Sobel(soft, cv2.CV_32F, *d)[ring] for d in ((1, 0), (0, 1)))
    length = np.maximum(np.hypot(nx, ny), 1e-6)
    before, after = (float(np.average(np.abs(gx[ring] * nx + gy[ring] * ny) / length, weights=weight[ring]))
                     for gx, gy in gradients)
    return (after + _GRADIENT_FLOOR) / (before + _GRADIENT_FLOOR)


def lower_face(points: npt.NDArray[np.floating]) -> npt.NDArray[np.int32]:
    """Outline [K, 2] in pixels of all that a lip-sync of this face may change: from below the eyes to beyond the
    jaw."""
    points = points[:, :2].astype(np.float64)
    middle = points[shape.INNER_LIPS].mean(0)
    around = np.concatenate([points[_JAW], points[[*shape.CHEEK_SIDES, shape.NOSE_BRIDGE]]])
    hull = cv2.convexHull((middle + _REACH * (around - middle)).astype(np.float32))
    return np.round(hull[:, 0]).astype(np.int32)


@dataclass(slots=True)
class Outside:
    """Squared luma error outside the lower faces, added up over pictures."""

    error: float = 0.0
    pixels: float = 0.0

    def add(self, before: Plane, after: Plane, faces: Iterable[npt.NDArray[np.floating]]) -> None:
        keep = np.ones(before.shape, np.uint8)
        for points in faces:
            cv2.fillConvexPoly(keep, lower_face(points), 0)
        self.error += cv2.norm(np.ascontiguousarray(before), np.ascontiguousarray(after), cv2.NORM_L2SQR, keep)
        self.pixels += int(keep.sum())

    @property
    def psnr_db(self) -> float:
        """At most 100 (identical); NaN before anything was added."""
        if not self.pixels:
            return float("nan")
        return float(min(10 * np.log10(255.0**2 / max(self.error / self.pixels, 1e-10)), 100.0))


def changed_outside(picture: Picture, patch: Patch, faces: Iterable[npt.NDArray[np.floating]]) -> int:
    """Pixels that a patch changes outside the lower faces: what the encoder is handed must have none."""
    height, width = patch.y.shape
    allowed = np.zeros((height, width), np.uint8)
    for points in faces:
        cv2.fillConvexPoly(allowed, lower_face(points) - np.array([patch.left, patch.top], np.int32), 1)
    half = (slice(patch.top // 2, (patch.top + height) // 2), slice(patch.left // 2, (patch.left + width) // 2))
    changed = picture.y[patch.top:patch.top + height, patch.left:patch.left + width] != patch.y
    for plane, new in ((picture.u, patch.u), (picture.v, patch.v)):
        changed |= np.repeat(np.repeat(plane[half] != new, 2, 0), 2, 1)
    return int((changed & (allowed == 0)).sum())


def sampled_spans(frames: int, spans: int = 6, length: int = 25) -> list[tuple[int, int]]:
    """All frames of a short video, else a few stretches spread over it: decoding is what costs."""
    if frames <= 2 * spans * length:
        return [(0, frames)]
    starts = np.linspace(0, frames - length, spans).astype(int)
    return [(int(start), int(start) + length) for start in starts]


def teeth_showing(plane: Plane, points: npt.NDArray[np.floating]) -> float:
    """0 when no teeth are seen where the lips meet, 1 when they are all along; luma plane, pixel points [468, 2].

    The mesh often calls a mouth closed that still shows them. Teeth are a bright band between darker edges: along
    lines across the middle of the lips, how far the brightest spot stands out from the darkest above and below it.
    """
    points = points[:, :2].astype(np.float64)
    down = points[shape.CHIN] - points[shape.NOSE_BRIDGE]
    scale = float(np.linalg.norm(points[shape.EYES[1]] - points[shape.EYES[0]]))
    margin = 0.04 * scale * down / max(float(np.linalg.norm(down)), 1e-6)
    upper, lower = (_doubled(points[k[1:-1]]) for k in (shape.INNER_UPPER, shape.INNER_LOWER))
    share = np.linspace(0, 1, 13)[:, None, None]
    lines = ((upper - margin) * (1 - share) + (lower + margin) * share).astype(np.float32)
    seen = cv2.remap(plane, lines, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    above, below = np.minimum.accumulate(seen, 0), np.minimum.accumulate(seen[::-1], 0)[::-1]
    return float(np.clip(((seen - np.maximum(above, below)).max(0) - 8) / 30, 0, 1).mean())


def _doubled(points: Floats) -> Floats:
    """Points with one more between each two."""
    return np.concatenate([points, (points[1:] + points[:-1]) / 2])
