"""Is it still the same person's mouth? Judged without any downloaded network, on texture and on shape.

Texture: every mouth is unrolled through its mesh onto one closed-to-open-free canonical mouth, so that opening, pose
and size drop out; what remains is lips, skin, stubble and colour. It is compared with the speaker's own frames of
similar opening, width and pose from other moments of the original (never from the same moment, whose skin around the
mouth is the plate's own), in the way of structural similarity (Wang et al. 2004: correlation times a contrast term,
so that a smeared average of the speaker scores lower, too). The same is done among the original's own frames:
the ratio of the two is 1 when a repainted mouth looks as much like the speaker as the speaker does.

Shape: how far the mesh is from the speaker's own model of moving points (opening, width, yaw and pitch explain most of
it), against the original's own distance. Other people's lips are 0.04 to 0.1 eye distances off.
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
_OTHERS = 0.05

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
        outline = [np.round((mean[k] - low) * _UNIT * 16).astype(np.int32) for k in (shape.OUTER_LIPS, shape.INNER_LIPS)]
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
            low, high = np.floor(where.min((0, 1))).astype(int) - 2, np.ceil(where.max((0, 1))).astype(int) + 3
            low = np.clip(low, 0, np.array(plane.shape[::-1]) - 2)
            high = np.clip(high, low + 2, plane.shape[::-1])
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
class Likeness:
    """Gathers one speaker's mouths from both files while they are read, then compares them."""

    speaker: Speaker
    unroll: Unroll = field(init=False)
    _before: list[tuple[int, Texture, Floats]] = field(default_factory=list)
    _after: list[tuple[int, Texture, Floats]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.unroll = Unroll(self.speaker.model.mean)

    def add(self, before: Picture, after: Picture, points_before: Floats, points_after: Floats) -> None:
        """One frame in which the mouth is in view in both files; points: pixels [468, 2]."""
        for kept, picture, points in ((self._before, before, points_before), (self._after, after, points_after)):
            rows = shape.features(self.speaker.model.normalise(points[None])[0])[0]
            kept.append((before.number, self.unroll.texture(picture, points), rows))

    def ratios(self) -> tuple[list[int], Floats]:
        """Frames and, for each, how alike its mouth is relative to the original's among themselves.

        Empty when the original shows fewer than 30 mouths to compare with.
        """
        if len(self._before) < _LEAST_FRAMES:
            return [], np.zeros(0)
        kept = self._before[:: -(-len(self._before) // _MOST_REFERENCES)]
        frames, textures, rows = (np.array([k[i] for k in kept]) for i in range(3))
        own = _best(frames, textures, rows, frames, textures, rows)
        found = [np.array([k[i] for k in self._after]) for i in range(3)]
        seen = _best(*found, frames, textures, rows)
        usable = np.isfinite(seen)
        base = float(np.nanmean(own)) if np.isfinite(own).any() else float("nan")
        return [int(f) for f in found[0][usable]], seen[usable] / base


def _best(frames: npt.NDArray[np.int64], textures: Texture, rows: Floats, reference_frames: npt.NDArray[np.int64],
          references: Texture, reference_rows: Floats) -> Floats:
    """[N] mean similarity to the reference mouths of most similar opening, width and pose from other moments."""
    gap = (((rows[:, None] - reference_rows[None]) / _SIGHT) ** 2).sum(2)
    gap[np.abs(frames[:, None] - reference_frames[None]) <= _APART] = np.inf
    alike = similarity(textures, references)
    nearest = np.argsort(gap, axis=1, kind="stable")[:, :_NEIGHBOURS]
    valid = np.isfinite(np.take_along_axis(gap, nearest, 1))
    values = np.where(valid, np.take_along_axis(alike, nearest, 1), 0.0).sum(1)
    return np.where(valid.any(1), values / np.maximum(valid.sum(1), 1), np.nan)


def shape_likeness(speaker: Speaker, normalised: Floats, source_normalised: Floats) -> float:
    """1 when the lips' shape is as close to the speaker's model as the original's, towards 0 for other lips.

    Both [T, 468, 2]. What opening, width and pose do not explain is averaged over time, so that noise drops out and
    a lasting difference of form stays.
    """
    own, other = (speaker.model.residual(n)[:, shape.LIPS].mean(0) for n in (source_normalised, normalised))
    distance = float(np.sqrt(((other - own) ** 2).sum(-1).mean()))
    return float(np.exp(-((distance / _OTHERS) ** 2)))
