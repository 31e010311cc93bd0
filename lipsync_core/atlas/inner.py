"""The inside of a mouth that the footage never shows: a dark cavity, the edge of the upper teeth, a hint of tongue.

Only for an atlas whose every mouth is shut: a single photograph, a speaker who never talks on camera. It is a
drawing in the colours of this face, not this speaker's own mouth, and so the weakest thing the atlas does.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]
Plane = npt.NDArray[np.uint8]

#: Sizes as shares of the outer eye corner distance: a gap from which there is an inside, how far the teeth reach
#: down below the lip, and the gap from which the tongue is seen.
_GAP, _TEETH, _TONGUE_GAP = 0.012, 0.055, 0.07
_SOFT = 0.010
_BLACK = 16.0
#: Luma against the skin's, and how far the chroma lies from the skin's towards grey (0) or on to red (above 1).
_CAVITY, _TEETH_LUMA, _TONGUE = (0.2, 0.7), (1.12, 0.4), (0.5, 1.25)


@dataclass(frozen=True, slots=True)
class InnerMouth:
    """Draws the inside; ``skin`` are the mean Y, U, V of the skin around the lips."""

    skin: tuple[float, float, float]

    def draw(self, planes: tuple[Plane, Plane, Plane], target: Floats, scale: float, origin: tuple[int, int],
             alpha: float) -> tuple[Plane, Plane, Plane]:
        """``planes`` (Y, U, V of a region whose first pixel is at ``origin`` left, top) with the inside drawn into the
        gap between the lips of ``target`` [468, 2]; ``scale`` in pixels per unit."""
        points = target - np.asarray(origin, np.float64)
        upper, lower = points[shape.INNER_UPPER], points[shape.INNER_LOWER]
        gap = float((lower - upper)[4, 1]) / scale
        if gap < _GAP:
            return planes
        height, width = planes[0].shape
        layers = self._layers(points, upper, lower, gap, scale, height, width)
        shown = float(np.clip((gap - _GAP) / _GAP, 0, 1)) * alpha
        out = []
        for which, plane in enumerate(planes):
            image = plane.astype(np.float32)
            for mask, (luma, colour) in layers:
                mask = mask if which == 0 else cv2.resize(mask, plane.shape[::-1], interpolation=cv2.INTER_AREA)
                value = self._value(which, luma, colour)
                image += shown * mask * (value - image)
            out.append(np.clip(image + 0.5, 0, 255).astype(np.uint8))
        return out[0], out[1], out[2]

    def _value(self, which: int, luma: float, colour: float) -> float:
        if which == 0:
            return _BLACK + luma * (self.skin[0] - _BLACK)
        return 128 + colour * (self.skin[which] - 128)

    def _layers(self, points: Floats, upper: Floats, lower: Floats, gap: float, scale: float, height: int,
                width: int) -> list[tuple[Image, tuple[float, float]]]:
        """Masks [height, width] from back to front, each with its colour, all inside the lips."""
        ends = points[[78, 308]]
        outline = np.concatenate([ends[:1], upper, ends[1:], lower[::-1]])
        sigma = max(_SOFT * scale, 0.6)
        inside = _filled(outline, height, width, sigma)
        reach = min(_TEETH, 0.55 * gap) * scale
        along = np.linspace(-1, 1, len(upper))[:, None]
        # The row of teeth is an arch: it hides behind the lip towards the corners.
        bottom = upper + np.array([0.0, 1.0]) * reach * (1 - 0.75 * along**2)
        teeth = _filled(np.concatenate([upper, bottom[::-1]]), height, width, sigma) * inside
        columns = np.arange(width, dtype=np.float32)
        middle = float(points[[78, 308], 0].mean())
        half = max(float(np.ptp(ends[:, 0])) / 2, 1.0)
        # Less light reaches the corners.
        teeth *= np.clip(1.1 - ((columns - middle) / half) ** 2, 0, 1)[None]
        layers = [(inside, _CAVITY)]
        if gap > _TONGUE_GAP:
            top = lower - np.array([0.0, 1.0]) * (gap - _TONGUE_GAP) * scale * 0.6 * (1 - along**2)
            tongue = _filled(np.concatenate([top, lower[::-1]]), height, width, 2 * sigma) * inside
            layers.append((0.7 * tongue, _TONGUE))
        layers.append((0.85 * teeth, _TEETH_LUMA))
        return layers


def _filled(polygon: Floats, height: int, width: int, sigma: float) -> Image:
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(polygon * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), sigma)
