"""Painting one frame: the plate's jaw moves to the wanted shape, the chosen mouth is warped into it.

All work is in the video's own YUV planes inside one even-aligned rectangle. Where nothing moves and the
matte is zero the remap tables are whole numbers, so those pixels stay the source's bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.blend import match_grain, match_light, two_bands
from lipsync_core.atlas.foreground import foreground_of
from lipsync_core.atlas.inner import InnerMouth
from lipsync_core.atlas.model import Atlas
from lipsync_core.atlas.plan import PlannedFrame
from lipsync_core.atlas.warp import identity_tables, rasterize, to_chroma, triangulate
from lipsync_core.face.video import Picture
from lipsync_core.patch import Patch

_JAW = np.array([93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323])
_OUTSIDE = 1.35
_COLOUR_UNIT = 24.0
_MATTE_UNIT = 64.0
_RIM = 0.022

Floats = npt.NDArray[np.float64]
Plane = npt.NDArray[np.uint8]
Image = npt.NDArray[np.float32]


class Painter:
    """Paints the planned frames of one speaker.

    crops: every mouth that the plan uses, and a fair sample of the others: they say how this face looks.
    """

    def __init__(self, atlas: Atlas, crops: Mapping[int, Patch]) -> None:
        self.atlas, self._crops = atlas, crops
        mean = atlas.model.mean
        self._points = np.flatnonzero(mean[:, 1] > 0.18)
        self._triangles = triangulate(self._with_ring(mean))
        self._foreground = foreground_of(atlas, sorted(crops.items()))
        self.frames_with_foreground = 0
        self._inner = None
        if atlas.is_shut:
            y, u, v = (float(value) for value in np.median(atlas.light, axis=0))
            self._inner = InnerMouth((y, u, v))

    def _with_ring(self, points: Floats) -> Floats:
        """The used points plus a ring outside the jaw that never moves."""
        middle = points[shape.INNER_LIPS].mean(0)
        return np.concatenate([points[self._points], middle + _OUTSIDE * (points[_JAW] - middle)])

    def rectangle(self, planned: PlannedFrame, height: int, width: int) -> tuple[int, int, int, int]:
        """Even ``top, left, height, width`` that a frame's repaint can touch."""
        around = self._with_ring(planned.plate)
        low, high = around.min(0) - 4, around.max(0) + 4
        left, top = (int(max(v, 0)) // 2 * 2 for v in low)
        right, bottom = min(int(high[0]), width - 1) // 2 * 2, min(int(high[1]), height - 1) // 2 * 2
        return top, left, max(bottom - top, 2), max(right - left, 2)

    def in_front(self, picture: Picture, planned: PlannedFrame) -> Image | None:
        """Mask of what stands before the mouth in a frame's rectangle; frames must come in order, each once."""
        top, left, height, width = self.rectangle(planned, picture.height, picture.width)
        front = self._foreground.mask(_region(picture, top, left, height, width), planned.plate - (left, top))
        self.frames_with_foreground += front is not None
        return front

    def paint(self, picture: Picture, planned: PlannedFrame, front: Image | None = None) -> Patch:
        """The finished rectangle of one frame; ``front`` as ``in_front`` gave it. Safe to call from several threads."""
        top, left, height, width = self.rectangle(planned, picture.height, picture.width)
        ring = self._with_ring(planned.plate)
        target = ring.copy()
        target[: len(self._points)] = planned.target[self._points]
        sources = [ring - (left, top)]
        mouths = [(self._crops[i], w, i) for i, w in planned.mouths]
        for crop, _, i in mouths:
            sources.append(self._with_ring(self._mouth_points(i, planned.sealed)) - (crop.left, crop.top))
        luma = identity_tables(height, width, len(sources))
        rasterize(target, np.stack(sources), self._triangles, left, top, luma)
        matte = self._matte(planned, top, left, height, width)
        region = _region(picture, top, left, height, width)
        tables = (list(luma), [to_chroma(table) for table in luma])
        mattes = (matte, cv2.resize(matte, (width // 2, height // 2), interpolation=cv2.INTER_AREA))
        skin = self._skin_ring(planned, top, left, height, width)
        if front is not None:
            # A microphone's colour is not the light's.
            skin = skin * (1 - front)
        rings = (skin, cv2.resize(skin, (width // 2, height // 2), interpolation=cv2.INTER_AREA))
        chosen = [(crop, weight) for crop, weight, _ in mouths]
        y, u, v = (self._blend(plane, chosen, k, tables[min(k, 1)], mattes[min(k, 1)], rings[min(k, 1)], picture.number)
                   for k, plane in enumerate(region))
        planes = (y, u, v)
        if self._inner is not None:
            planes = self._inner.draw(planes, planned.target, planned.scale, (left, top), planned.alpha)
        if front is not None:
            planes = _in_front(planes, region, front)
        return _trimmed(Patch(picture.number, left, top, *planes), region)

    def _mouth_points(self, index: int, sealed: float) -> Floats:
        """Where a chosen mouth is sampled. Lips that are pressed together over teeth are sampled a little further
        from each other: the mesh lies a pixel or two inside the lips' edge, and that rim would leave a white line."""
        points = self.atlas.points[index].astype(np.float64)
        margin = _RIM * sealed * float(self.atlas.teeth[index]) * float(self.atlas.scale[index])
        if margin <= 0:
            return points
        down = points[shape.CHIN] - points[shape.NOSE_BRIDGE]
        step = margin * down / max(float(np.linalg.norm(down)), 1e-6)
        points[shape.INNER_UPPER] -= step
        points[shape.INNER_LOWER] += step
        return points

    def _blend(self, plate: Plane, mouths: list[tuple[Patch, float]], which: int, tables: list[Image], matte: Image,
               ring: Image, seed: int) -> Plane:
        moved = _remap(plate, tables[0])
        rows = np.flatnonzero(matte.max(1) > 0)
        columns = np.flatnonzero(matte.max(0) > 0)
        if not len(rows):
            return moved
        # Colour is compared over the skin ring, a little outside the matte.
        grow = max(4, int(0.25 * (columns[-1] - columns[0])))
        box = (slice(max(rows[0] - grow, 0), rows[-1] + 1 + grow),
               slice(max(columns[0] - grow, 0), columns[-1] + 1 + grow))
        own = moved[box].astype(np.float32)
        mouth = np.zeros_like(own)
        for k, (crop, weight) in enumerate(mouths):
            mouth += np.float32(weight) * _remap((crop.y, crop.u, crop.v)[which], tables[k + 1][box])
        mouth = match_light(own, mouth, ring[box], is_luma=which == 0)
        if which == 0:
            mouth = match_grain(own, mouth, ring[box], seed)
        moved[box] = np.clip(two_bands(own, mouth, matte[box]) + 0.5, 0, 255).astype(np.uint8)
        return moved

    def _matte(self, planned: PlannedFrame, top: int, left: int, height: int, width: int) -> Image:
        """Soft mask [height, width] of the mouth: the lips and a margin that stops short of the nose."""
        outline = _expanded(planned.target, planned.scale, 0.10)
        return planned.alpha * _soft_polygon(outline - (left, top), height, width, _MATTE_UNIT / planned.scale, 2.6)

    def _skin_ring(self, planned: PlannedFrame, top: int, left: int, height: int, width: int) -> Image:
        """Where skin is compared: around the lips, not on them."""
        unit = _COLOUR_UNIT / planned.scale
        outside = _soft_polygon(_expanded(planned.target, planned.scale, 0.22) - (left, top), height, width, unit, 0.5)
        inside = _soft_polygon(_expanded(planned.target, planned.scale, 0.05) - (left, top), height, width, unit, 0.8)
        return np.clip(outside - inside, 0, 1)


def _region(picture: Picture, top: int, left: int, height: int, width: int) -> tuple[Plane, Plane, Plane]:
    half = (slice(top // 2, (top + height) // 2), slice(left // 2, (left + width) // 2))
    return picture.y[top:top + height, left:left + width], picture.u[half], picture.v[half]


def _in_front(planes: tuple[Plane, Plane, Plane], region: tuple[Plane, Plane, Plane],
              front: Image) -> tuple[Plane, Plane, Plane]:
    """The plate's own pixels where ``front`` [height, width] says that something stands before the face."""
    small = cv2.resize(front, planes[1].shape[::-1], interpolation=cv2.INTER_AREA)
    y, u, v = (np.clip(plane + mask * (own.astype(np.float32) - plane) + 0.5, 0, 255).astype(np.uint8)
               for plane, own, mask in zip(planes, region, (front, small, small), strict=True))
    return y, u, v


def _remap(plane: Plane, table: Image) -> Plane:
    return cv2.remap(plane, np.ascontiguousarray(table), None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _expanded(points: Floats, scale: float, by: float) -> Floats:
    """The outer lips' outline, pushed outwards by ``by`` units; upwards at most half the way to the nose."""
    outline = points[shape.OUTER_LIPS]
    middle = (points[shape.CORNERS[0]] + points[shape.CORNERS[1]]) / 2
    up = points[shape.NOSE_BRIDGE] - points[shape.CHIN]
    up = up / max(float(np.linalg.norm(up)), 1e-6)
    away = outline - middle
    away = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    philtrum = max(float((points[shape.NOSE_BASE] - points[0]) @ up), 0.02 * scale)
    rise = np.clip(away @ up, 0, 1)
    reach = np.minimum(by * scale, np.where(rise > 0, by * scale * (1 - rise) + 0.5 * philtrum * rise, np.inf))
    return outline + away * reach[:, None]


def _soft_polygon(polygon: Floats, height: int, width: int, unit: float, sigma: float) -> Image:
    """Filled polygon, blurred; drawn at ``unit`` times the size (``sigma`` in those pixels) and enlarged."""
    unit = min(unit, 1.0)
    rows, columns = max(int(np.ceil(height * unit)), 2), max(int(np.ceil(width * unit)), 2)
    small = np.zeros((rows, columns), np.uint8)
    scaled = (polygon + 0.5) * (columns / width, rows / height) - 0.5
    cv2.fillPoly(small, [np.round(scaled * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(small.astype(np.float32) / 255, (0, 0), sigma)
    soft[soft < 0.004] = 0
    return cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)


def _trimmed(patch: Patch, source: tuple[Plane, Plane, Plane]) -> Patch:
    """The smallest even rectangle that holds every changed pixel (at least 2 by 2)."""
    changed = patch.y != source[0]
    for plane, original in ((patch.u, source[1]), (patch.v, source[2])):
        changed |= np.repeat(np.repeat(plane != original, 2, 0), 2, 1)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    if not len(rows):
        return Patch(patch.frame, patch.left, patch.top, patch.y[:2, :2], patch.u[:1, :1], patch.v[:1, :1])
    top, left = rows[0] // 2 * 2, columns[0] // 2 * 2
    bottom, right = rows[-1] // 2 * 2 + 2, columns[-1] // 2 * 2 + 2
    half = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
    return Patch(patch.frame, patch.left + int(left), patch.top + int(top), patch.y[top:bottom, left:right],
                 patch.u[half], patch.v[half])
