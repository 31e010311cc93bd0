"""Is it still the same person's mouth? Judged without any downloaded network, on texture.

Texture: every mouth is unrolled through its mesh onto one closed-to-open-free canonical mouth, so that opening, pose
and size drop out; what remains is lips, skin, stubble and colour. It is compared with the speaker's own frames of
similar opening, width and pose from other moments of the original (never from the same moment, whose skin around the
mouth is the plate's own), in the way of structural similarity (Wang et al. 2004: correlation times a contrast term,
so that a smeared average of the speaker scores lower, too). The same is done among the original's own frames:
the ratio of the two is 1 when a repainted mouth looks as much like the speaker as the speaker does.

The form of the lips is left out on purpose: a smiling speaker whose new words let the mouth rest has another form than
in any frame of the original, and is still the same person.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import Delaunay

from lipsync_core.atlas import shape
from lipsync_core.face.video import Picture
from lipsync_core.metrics.follow import Speaker

_UNIT = 64.0
_AROUND = 0.28
_APART, _NEIGHBOURS = 12, 5
_LEAST_FRAMES = 30
_MOST_REFERENCES = 240
_SIGHT = np.array([0.05, 0.05, 0.05, 0.05])

Floats = npt.NDArray[np.float64]
Texture = npt.NDArray[np.float32]


class Unroll:
    """From any mouth of a speaker to the canonical one: a fixed grid whose pixels follow the mesh."""

    def __init__(self, mean: Floats) -> None:
        lips = mean[shape.OUTER_LIPS]
        distance = np.linalg.norm(mean[:, None] - lips[None], axis=2).min(1)
        self._points = np.flatnonzero((distance < 2 * _AROUND) & (mean[:, 1] > mean[shape.NOSE_TIP, 1] - 0.05))
        low, high = lips.min(0) - _AROUND, lips.max(0) + _AROUND
        self.height, self.width = (int(v) for v in np.ceil((high - low)[::-1] * _UNIT))
        y, x = np.mgrid[: self.height, : self.width]
        grid = np.column_stack([x.ravel(), y.ravel()]) / _UNIT + low
        mesh = Delaunay(mean[self._points])
        triangle = mesh.find_simplex(grid)
        inside = triangle >= 0
        transform = mesh.transform[triangle]
        first = np.einsum("nij,nj->ni", transform[:, :2], grid - transform[:, 2])
        self._weights = np.column_stack([first, 1 - first.sum(1)]).astype(np.float32)
        self._corners = mesh.simplices[triangle]
        self._weights[~inside] = 0
        outline = [np.round((mean[lip] - low) * _UNIT * 16).astype(np.int32)
                   for lip in (shape.OUTER_LIPS, shape.INNER_LIPS)]
        outer, inner = (np.zeros((self.height, self.width), np.uint8) for _ in range(2))
        cv2.fillPoly(outer, outline[:1], 1, cv2.LINE_8, 4)
        cv2.fillPoly(inner, outline[1:], 1, cv2.LINE_8, 4)
        near = cv2.distanceTransform(1 - outer, cv2.DIST_L2, 5) < 0.8 * _AROUND * _UNIT
        # What shows between the lips depends on the moment, not on the person.
        self._keep = (near & (cv2.dilate(inner, np.ones((3, 3), np.uint8)) == 0)).ravel() & inside

    def texture(self, picture: Picture, points: npt.NDArray[np.floating]) -> Texture:
        """[3 K] luma and chroma of the canonical mouth, in middle spatial frequencies; points: pixels [468, 2]."""
        own = points[self._points, :2].astype(np.float32)
        table = np.einsum("nk,nkd->nd", self._weights, own[self._corners]).reshape(self.height, self.width, 2)
        size = float(np.linalg.norm(points[shape.EYES[1], :2] - points[shape.EYES[0], :2]))
        parts = []
        for plane, half in ((picture.y, 1), (picture.u, 2), (picture.v, 2)):
            where = table if half == 1 else (table - 0.5) / 2
            low = np.clip(np.floor(own.min(0) / half).astype(int) - 2, 0, np.array(plane.shape[::-1]) - 2)
            high = np.clip(np.ceil(own.max(0) / half).astype(int) + 3, low + 2, plane.shape[::-1])
            part = np.ascontiguousarray(plane[low[1]:high[1], low[0]:high[0]]).astype(np.float32)
            # A large face is softened first, so that it does not alias on the canonical grid.
            blur = 0.5 * size / (_UNIT * half)
            if blur > 0.6:
                part = cv2.GaussianBlur(part, (0, 0), blur)
            flat = cv2.remap(part, (where - low).astype(np.float32), None, cv2.INTER_LINEAR,
                             borderMode=cv2.BORDER_REPLICATE)
            fine = cv2.GaussianBlur(flat, (0, 0), 0.8)
            parts.append((2.0 if half == 2 else 1.0) * (fine - cv2.GaussianBlur(flat, (0, 0), 7.0)))
        return np.concatenate([p.ravel()[self._keep] for p in parts])


def similarity(a: Texture, b: Texture) -> Texture:
    """[N, M] structural similarity of textures [N, K] and [M, K]: 1 alike, 0 unrelated."""
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    power_a, power_b = (a**2).mean(1), (b**2).mean(1)
    return 2 * (a @ b.T / a.shape[1]) / (power_a[:, None] + power_b[None] + 1e-6)


@dataclass(slots=True)
class _Mouths:
    """Mouths of one file: frame numbers, textures and feature rows."""

    frames: list[int] = field(default_factory=list)
    textures: list[Texture] = field(default_factory=list)
    rows: list[Floats] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Likenesses:
    """Per frame, how alike the texture is relative to the original's frames among themselves; 1 is as alike."""

    frames: npt.NDArray[np.int64]
    texture: Floats

    @property
    def ratio(self) -> float:
        """The mean."""
        return float(self.texture.mean())


@dataclass(slots=True)
class Likeness:
    """Gathers one speaker's mouths from both files while they are read, then compares them."""

    speaker: Speaker
    unroll: Unroll = field(init=False)
    _before: _Mouths = field(default_factory=_Mouths)
    _after: _Mouths = field(default_factory=_Mouths)

    def __post_init__(self) -> None:
        self.unroll = Unroll(self.speaker.model.mean)

    def add(self, before: Picture, after: Picture, points_before: Floats, points_after: Floats) -> None:
        """One frame in which the mouth is in view in both files; points: pixels [468, 2]."""
        for kept, picture, points in ((self._before, before, points_before), (self._after, after, points_after)):
            normalised = self.speaker.model.normalise(points[None])[0]
            kept.frames.append(before.number)
            kept.textures.append(self.unroll.texture(picture, points))
            kept.rows.append(shape.features(normalised)[0])

    def compare(self) -> Likenesses | None:
        """None when the original shows fewer than 30 mouths to compare with."""
        if len(self._before.frames) < _LEAST_FRAMES:
            return None
        step = -(-len(self._before.frames) // _MOST_REFERENCES)
        own = [np.array(v[::step]) for v in (self._before.frames, self._before.textures, self._before.rows)]
        frames, textures, rows = (np.array(v) for v in (self._after.frames, self._after.textures, self._after.rows))
        base_gap, gap = _gap(own[0], own[2], own[0], own[2]), _gap(frames, rows, own[0], own[2])
        usable = np.isfinite(gap).any(1)
        if not usable.any() or not np.isfinite(base_gap).any():
            return None
        texture = _nearest_mean(gap, similarity(textures, own[1])) / np.nanmean(
            _nearest_mean(base_gap, similarity(own[1], own[1])))
        return Likenesses(frames[usable], texture[usable])


def _gap(frames: npt.NDArray[np.int64], rows: Floats, reference_frames: npt.NDArray[np.int64],
         reference_rows: Floats) -> Floats:
    """[N, M] difference in opening, width and pose; infinite for mouths of the same moment."""
    gap = (((rows[:, None] - reference_rows[None]) / _SIGHT) ** 2).sum(2)
    gap[np.abs(frames[:, None] - reference_frames[None]) <= _APART] = np.inf
    return gap


def _nearest_mean(gap: Floats, values: npt.NDArray[np.floating]) -> Floats:
    """[N] mean of ``values`` [N, M] over the reference mouths with the least ``gap``; NaN where there is none."""
    nearest = np.argsort(gap, axis=1, kind="stable")[:, :_NEIGHBOURS]
    valid = np.isfinite(np.take_along_axis(gap, nearest, 1))
    total = np.where(valid, np.take_along_axis(values, nearest, 1), 0.0).sum(1)
    return np.where(valid.any(1), total / np.maximum(valid.sum(1), 1), np.nan)
