"""What stands in front of a mouth and must stay there: a microphone, a finger, a pen that covers part of it.

Seen in the speaker's own mean shape, the lips and the skin around them are the same in most frames; a thing in front
of them is far from that, in one piece and of some size. Frames with such a piece give no mouths to the atlas, and where
a plate has one, the plate's own pixels stay in front. A mouth that is mostly hidden is not painted at all
(``face.occlusion``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.warp import rasterize, triangulate

if TYPE_CHECKING:
    from lipsync_core.atlas.model import Atlas
    from lipsync_core.patch import Patch

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]
Plane = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.uint8]

_UNIT = 56
_REACH = 8
_SAMPLES = 96
_LEAST_SAMPLES = 8
_BLACK = 16.0
# Distance from the usual that counts at least, in grey levels of a normally lit face: luma, U, V.
_TOLERANCE = np.array([22.0, 8.0, 8.0], np.float32)
# How much nearer to the usual a pixel may be when it was foreground in the frame before.
_HOLD = 0.6
# Difference from a thing's own colour that is still the thing: Y, U, V.
_ALIKE = np.array([10.0, 4.0, 4.0], np.float32)
# A foreground piece has at least this share of the compared region; smaller ones are glints, stubble and shadows.
_LEAST_SHARE = 0.03
# Likeness to the usual mouth below which there is none to be seen; bare talking faces had 0.51 and more on nine clips,
# a covered mouth 0.2 and less.
_NO_MOUTH = 0.4
# Pieces grow by this many canonical pixels: the edge of a thing is blurred into the face.
_GROW = 3


class LowerFace:
    """The mean shape [468, 2] of a speaker as a small picture of lips and the skin around them."""

    def __init__(self, mean: Floats) -> None:
        lips = mean[shape.OUTER_LIPS]
        low, high = lips.min(0) - (0.16, 0.14), lips.max(0) + (0.16, 0.20)
        self.width, self.height = (int(np.ceil(side * _UNIT)) for side in high - low)
        self._points = np.flatnonzero(mean[:, 1] > 0.18)
        self._triangles = triangulate(mean[self._points])
        self._canonical = (mean[self._points] - low) * _UNIT
        outer = (lips - low) * _UNIT
        self.region = self._around(outer, _REACH)
        self.skin = self.region & ~self._around(outer, 2)
        #: Where the same is seen in every frame: skin and, as the mesh follows them, lips; not what is inside.
        self.steady = self.region & ~self._around((mean[shape.INNER_LIPS] - low) * _UNIT, 1)

    def _around(self, outline: Floats, pixels: int) -> npt.NDArray[np.bool_]:
        """The hull of an outline and ``pixels`` more on all sides."""
        mask = np.zeros((self.height, self.width), np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(np.round(outline).astype(np.int32)), 1)
        return cv2.dilate(mask, np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)) > 0

    def look(self, planes: Sequence[Plane], points: Floats) -> Image:
        """float32 [h, w, 3]: Y, U, V planes of a crop in the mean shape, lit as if all skin were equally bright.

        points: [468, 2] pixels of the crop.
        """
        at = np.full((1, self.height, self.width, 2), -1, np.float32)
        rasterize(self._canonical, points[self._points][None], self._triangles, 0, 0, at)
        y = cv2.remap(planes[0], at[0], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        u, v = (cv2.remap(p, (at[0] - 0.5) / 2, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                .astype(np.float32) for p in planes[1:])
        y = (y - _BLACK) * (100.0 / max(float(np.median(y[self.skin])) - _BLACK, 8.0))
        return np.stack([y, u - np.median(u[self.skin]), v - np.median(v[self.skin])], -1)

    def on_plate(self, mask: Image, points: Floats, height: int, width: int) -> Image:
        """A mask in the mean shape, drawn on a crop [height, width] whose mesh is ``points``."""
        at = np.full((1, height, width, 2), -10, np.float32)
        rasterize(points[self._points], self._canonical[None], self._triangles, 0, 0, at)
        return cv2.remap(mask, at[0], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)


class Foreground:
    """Knows the skin around one speaker's lips from ``looks`` [M, h, w, 3] (see ``LowerFace.look``)."""

    def __init__(self, face: LowerFace, looks: npt.NDArray[np.floating]) -> None:
        self._face = face
        self._before: Mask | None = None
        self.is_known = len(looks) >= _LEAST_SAMPLES
        if self.is_known:
            chosen = looks[np.unique(np.linspace(0, len(looks) - 1, _SAMPLES).round().astype(int))].astype(np.float32)
            # Median and median deviation hold as long as the thing is there in fewer than half of the frames.
            self._usual = np.median(chosen, axis=0)
            self._spread = 1.48 * np.median(np.abs(chosen - self._usual), axis=0)
            self._drawing = np.median([self._drawn(look) for look in chosen], axis=0)

    def likeness(self, look: Image) -> float:
        """Correlation of the lips' light and dark with the usual: 1 alike, about 0 for no mouth at all."""
        drawn = self._drawn(look)
        return float(drawn @ self._drawing / max(float(np.linalg.norm(drawn) * np.linalg.norm(self._drawing)), 1e-6))

    def _drawn(self, look: Image) -> Image:
        """Luma without its slow changes, over the compared region."""
        luma = np.ascontiguousarray(look[..., 0])
        fine = (luma - cv2.GaussianBlur(luma, (0, 0), _UNIT / 6))[self._face.region]
        return fine - fine.mean()

    def piece(self, look: Image, before: Mask | None = None) -> Mask | None:
        """uint8 [h, w], 1 where something stands in front; None where nothing does. before: of the last frame.

        All of it where no mouth can be made out.
        """
        if not self.is_known:
            return None
        if self.likeness(look) < _NO_MOUTH:
            return np.ones(look.shape[:2], np.uint8)
        away = (np.abs(look - self._usual) / (_TOLERANCE + 3 * self._spread)).max(2)
        least = np.ones_like(away) if before is None else np.where(before > 0, _HOLD, 1.0)
        strange = ((away > least) & self._face.steady).astype(np.uint8)
        strange = cv2.morphologyEx(strange, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(strange)
        out = np.zeros_like(strange)
        for i in range(1, count):
            if stats[i, cv2.CC_STAT_AREA] >= _LEAST_SHARE * self._face.region.sum():
                whole = self._whole(look, labels == i)
                cv2.fillConvexPoly(out, cv2.convexHull(np.argwhere(whole)[:, ::-1].astype(np.int32)), 1)
        return out if out.any() else None

    def _whole(self, look: Image, part: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """``part`` is on skin or lips; inside the mouth anything may be seen: there it is told by colour."""
        colour = np.median(look[part], axis=0)
        width = 1.48 * np.median(np.abs(look[part] - colour), axis=0)
        alike = (np.abs(look - colour) < _ALIKE + 2.5 * width).all(2) & self._face.region
        alike = cv2.morphologyEx(alike.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0
        _, labels = cv2.connectedComponents((alike | part).astype(np.uint8))
        return labels == np.bincount(labels[part]).argmax()

    def mask(self, planes: Sequence[Plane], points: Floats) -> Image | None:
        """Soft mask [height, width] of what stands in front in this frame's ``planes``, frame after frame; points:
        [468, 2] pixels of the planes."""
        piece = self.piece(self._face.look(planes, points), self._before) if self.is_known else None
        self._before = piece
        if piece is None:
            return None
        if piece.all():
            return np.ones(planes[0].shape, np.float32)
        grown = cv2.dilate(piece, np.ones((2 * _GROW + 1, 2 * _GROW + 1), np.uint8)).astype(np.float32)
        return self._face.on_plate(cv2.GaussianBlur(grown, (0, 0), 1.2), points, *planes[0].shape)


def foreground_of(atlas: Atlas, crops: Iterable[tuple[int, Patch]]) -> Foreground:
    """What is known of an atlas's face from some of its ``crops`` (index in the atlas, patch), best a ``sample``."""
    face = LowerFace(atlas.model.mean)
    looks = [face.look((c.y, c.u, c.v), atlas.points[i].astype(np.float64) - (c.left, c.top))
             for i, c in crops if atlas.clear[i]]
    return Foreground(face, np.array(looks))


def clear_of_things(face: LowerFace, looks: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """bool [M], which of a speaker's mouths nothing stands in front of; all, when too few are left to choose from."""
    known = Foreground(face, looks)
    clear = np.array([known.piece(look.astype(np.float32)) is None for look in looks], bool)
    return clear if clear.sum() >= max(_LEAST_SAMPLES, 0.2 * len(clear)) else np.ones(len(clear), bool)


def sample(mouths: int) -> set[int]:
    """Indices, spread over an atlas of ``mouths``, that show how the face looks."""
    return {int(i) for i in np.linspace(0, mouths - 1, min(mouths, _SAMPLES)).round()} if mouths else set()
