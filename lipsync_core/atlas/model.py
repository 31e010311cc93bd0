"""The mouth atlas of one speaker: a shape model, their range, and a bounded choice of their own mouths.

Built in streaming passes: the choice is made on the face tracks alone, then one pass over the video cuts
the chosen crops. A model folder holds ``shape.npz`` and the crops as lossless patches of the source.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.foreground import LowerFace, clear_of_things
from lipsync_core.atlas.shape import OPENING, PITCH, WIDTH, YAW, ShapeModel
from lipsync_core.face.types import FaceTrack
from lipsync_core.face.video import Picture
from lipsync_core.patch import Patch

SHAPE_FILE = "shape.npz"
MAX_CROPS = 1200
_MAX_CROP_BYTES = 400_000_000
_CHUNK = 12
_FIT_FRAMES = 3000
#: An atlas whose widest mouth opens less than this has no inner mouth to show.
_SHUT = 0.03
#: The same percentile of what ``speech.articulation`` asks for: 0.71 to 0.93 in takes of six languages.
_USUALLY_WIDE = 0.87
#: No speech opens the lips wider than this share of the outer eye corner distance.
_WIDEST = 0.26
THUMB_HEIGHT, THUMB_WIDTH = 12, 20

Floats = npt.NDArray[np.float64]


class AtlasError(ValueError):
    """The footage does not show enough of the speaker's mouth."""


@dataclass(frozen=True, slots=True)
class Range:
    """The speaker's habits in units of the outer eye corner distance.

    closed and wide: lip opening at rest and in a wide vowel; narrow, neutral and broad: mouth width rounded,
    at rest and spread. pace: root mean square of the opening's second difference from frame to frame, how briskly
    the lips move; 0 when unknown.
    """

    closed: float
    wide: float
    narrow: float
    neutral: float
    broad: float
    pace: float = 0.0

    def opening(self, wanted: Floats) -> Floats:
        """Articulation opening (0 closed, 1 wide) as a lip distance."""
        return self.closed + (self.wide - self.closed) * wanted

    def width(self, wanted: Floats) -> Floats:
        """Articulation width (-1 rounded, 1 spread) as a mouth width."""
        return self.neutral + np.where(wanted < 0, self.neutral - self.narrow, self.broad - self.neutral) * wanted


@dataclass(frozen=True, slots=True)
class Atlas:
    """A speaker's mouths.

    frames, tracks: int32 [M] source frame and track of each mouth, in frame order. points: float32 [M, 468, 2]
    pixels of the source. normalised: float64 [M, 468, 2]. features: [M, 4]. residual: [M, 468, 2].
    scale: [M] pixels per unit. sharpness: [M]. light: [M, 3] mean Y, U, V of the skin around the lips.
    thumbs: uint8 [M, 12, 20] aligned luma of the mouth. teeth: [M] in [0, 1], seen where the lips meet.
    clear: bool [M], nothing stands in front of this mouth.
    follows: bool [M], this mouth is the next frame of the same take as the one before it.
    """

    model: ShapeModel
    range: Range
    frames: npt.NDArray[np.int32]
    tracks: npt.NDArray[np.int32]
    points: npt.NDArray[np.float32]
    normalised: Floats
    features: Floats
    residual: Floats
    scale: Floats
    sharpness: npt.NDArray[np.float32]
    light: npt.NDArray[np.float32]
    thumbs: npt.NDArray[np.uint8]
    teeth: npt.NDArray[np.float32]
    clear: npt.NDArray[np.bool_]

    @property
    def is_shut(self) -> bool:
        """No mouth here shows its inside: one photograph, or a face that never talks."""
        return float(np.percentile(self.features[:, OPENING], 99)) < self.range.closed + _SHUT

    @property
    def is_never_shut(self) -> bool:
        """No mouth here has its lips together: closures show what is behind them."""
        return float(self.features[:, OPENING].min()) > self.range.closed + 2 * _SHUT

    @property
    def follows(self) -> npt.NDArray[np.bool_]:
        same = (np.diff(self.frames) == 1) & (np.diff(self.tracks) == 0)
        return np.concatenate([[False], same])

    def save(self, folder: Path) -> None:
        m, r = self.model, self.range
        arrays = dict(
            reference=m.reference, mean=m.mean, centre=m.centre, basis=m.basis,
            range=np.array([r.closed, r.wide, r.narrow, r.neutral, r.broad, r.pace]),
            frames=self.frames, tracks=self.tracks, points=self.points, sharpness=self.sharpness,
            light=self.light, thumbs=self.thumbs, teeth=self.teeth, clear=self.clear,
        )
        temporary = Path(folder) / (SHAPE_FILE + ".part")
        with open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(temporary, Path(folder) / SHAPE_FILE)

    @classmethod
    def load(cls, folder: Path) -> Atlas:
        with np.load(Path(folder) / SHAPE_FILE, allow_pickle=False) as data:
            model = ShapeModel(data["reference"], data["mean"], data["centre"], data["basis"])
            return _with_shapes(model, Range(*map(float, data["range"])), data["frames"], data["tracks"],
                                data["points"], data["sharpness"], data["light"], data["thumbs"], data["teeth"],
                                data["clear"])


def _with_shapes(model: ShapeModel, range_: Range, frames: np.ndarray, tracks: np.ndarray, points: np.ndarray,
                 sharpness: np.ndarray, light: np.ndarray, thumbs: np.ndarray, teeth: np.ndarray,
                 clear: np.ndarray) -> Atlas:
    normalised, a, _ = model.normalise(points.astype(np.float64))
    return Atlas(model, range_, frames, tracks, points, normalised, shape.features(normalised),
                 model.residual(normalised), 1 / np.abs(a), sharpness, light, thumbs, teeth, clear)


def measure_range(features: Floats, shut: float = 0.02) -> Range:
    """The speaker's range from feature rows [T, 4] of speech; never narrower than a mumbler's.

    ``shut`` is the most that the mesh reads on lips that touch (it depends on the face): a speaker whose lowest
    reading is above it never closed the lips.
    """
    opening, width = features[:, OPENING], features[:, WIDTH]
    closed = float(np.clip(np.percentile(opening, 3), 0.0, shut))
    wide = float(np.clip(closed + (_wide_vowel(opening) - closed) / _USUALLY_WIDE, closed + 0.10, _WIDEST))
    neutral = float(np.median(width))
    # Turning and nodding change the width as seen: the pose part is taken out before the spread is measured.
    x = np.column_stack([np.ones(len(width)), features[:, YAW], features[:, PITCH]])
    level = width - x @ np.linalg.lstsq(x, width, rcond=None)[0]
    low, high = np.percentile(level, [6, 94])
    return Range(closed, wide, neutral + float(np.clip(low, -0.16, -0.03)), neutral,
                 neutral + float(np.clip(high, 0.025, 0.12)))


def _wide_vowel(opening: Floats) -> float:
    """How wide the wider vowels are: a high percentile of the open mouths, but no laugh and no song.

    Of speech alone the 90th percentile is 1.2 to 1.5 times the median of the open mouths (measured on six talkers);
    laughing or singing drives it far above that.
    """
    open_ = opening[opening > 0.03]
    if len(open_) < 8:
        return 0.0
    return float(min(np.percentile(open_, 90), 1.6 * np.median(open_)))


def pace(opening: Floats, frames: npt.NDArray[np.int32], tracks: npt.NDArray[np.int32]) -> float:
    """RMS second difference of ``opening`` [T] over three neighbouring frames of one track; 0 without such."""
    steady = np.flatnonzero((frames[2:] - frames[:-2] == 2) & (tracks[2:] == tracks[:-2]))
    if not len(steady):
        return 0.0
    second = opening[steady] - 2 * opening[steady + 1] + opening[steady + 2]
    return float(np.sqrt((second**2).mean()))


def crop_box(points: npt.NDArray[np.floating], height: int, width: int) -> tuple[int, int, int, int]:
    """Even ``top, left, height, width`` of a mouth's crop inside the picture, from pixel points [468, 2]."""
    scale = _eye_distance(points)
    lips = points[shape.OUTER_LIPS]
    low, high = lips.min(0), lips.max(0)
    margin = 0.38 * scale
    left, top = (int(np.floor(max(v, 0) / 2)) * 2 for v in low - margin)
    right, bottom = (int(np.ceil(v / 2)) * 2 for v in high + margin)
    right, bottom = min(right, width // 2 * 2), min(bottom, height // 2 * 2)
    return top, left, bottom - top, right - left


def usable(track: FaceTrack) -> npt.NDArray[np.bool_]:
    """[T] frames of a track that may give their mouth: present, unhidden and not blurred."""
    good = (track.presence > 0.5) & (track.mouth_visibility > 0.7)
    if good.any():
        good &= track.sharpness > 0.35 * np.median(track.sharpness[good])
    return good


def choose(features: Floats, runs: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.int64]:
    """Indices (sorted, at most ``limit``) that keep variety and unbroken runs.

    features: [T, 4]; runs: [T] number of the unbroken run that each frame belongs to. Whole chunks of a run are
    taken greedily, each time the one whose mouths are rarest among those taken.
    """
    if len(features) <= limit:
        return np.arange(len(features))
    bounds = np.flatnonzero(np.diff(runs)) + 1
    chunks = [c for run in np.split(np.arange(len(features)), bounds)
              for c in np.array_split(run, max(round(len(run) / _CHUNK), 1))]
    low, high = np.percentile(features, [2, 98], axis=0)
    cells = np.clip((features - low) / np.maximum(high - low, 1e-6), 0, 0.999)
    cells = (cells * np.array([8, 5, 4, 4])).astype(np.int64) @ np.array([80, 16, 4, 1])
    seen = np.zeros(8 * 80 + 1)
    members = [np.unique(cells[c], return_counts=True) for c in chunks]
    taken: list[np.ndarray] = []
    count = 0
    open_ = list(range(len(chunks)))
    while open_ and count < limit:
        gains = [float((members[i][1] / (1 + seen[members[i][0]])).sum()) / len(chunks[i]) for i in open_]
        best = open_.pop(int(np.argmax(gains)))
        cell, n = members[best]
        seen[cell] += n
        taken.append(chunks[best][: limit - count])
        count += len(taken[-1])
    return np.sort(np.concatenate(taken))


def crop_limit(box_area: float) -> int:
    """How many mouths to keep when one crop has ``box_area`` luma pixels."""
    return int(np.clip(_MAX_CROP_BYTES / max(box_area * 1.5, 1), 200, MAX_CROPS))


def cut(picture: Picture, points: npt.NDArray[np.floating]) -> Patch:
    """The mouth of one picture as an unchanged patch of the source."""
    top, left, height, width = crop_box(points, picture.height, picture.width)
    half = (slice(top // 2, (top + height) // 2), slice(left // 2, (left + width) // 2))
    return Patch(picture.number, left, top, np.ascontiguousarray(picture.y[top:top + height, left:left + width]),
                 np.ascontiguousarray(picture.u[half]), np.ascontiguousarray(picture.v[half]))


@dataclass(frozen=True, slots=True)
class Look:
    """What a crop looks like: ``light`` [3] mean Y, U, V of the skin around the lips; ``thumb`` uint8 [12, 20] the
    aligned luma of the mouth; ``teeth`` 0 (none seen on the line where the lips meet) to 1; ``face`` float16 [h, w, 3]
    the lower face in the speaker's mean shape (``foreground.LowerFace``)."""

    light: npt.NDArray[np.float32]
    thumb: npt.NDArray[np.uint8]
    teeth: float
    face: npt.NDArray[np.float16]


def look_at(patch: Patch, points: npt.NDArray[np.floating], face: LowerFace) -> Look:
    """Measure one crop; points: [468, 2] pixels of the source."""
    local = (points[:, :2] - (patch.left, patch.top)).astype(np.float64)
    left, right = local[shape.CORNERS[0]], local[shape.CORNERS[1]]
    outer = local[shape.OUTER_LIPS]
    mask = np.zeros(patch.y.shape, np.uint8)
    hull = cv2.convexHull(np.round(outer).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1)
    reach = max(int(np.linalg.norm(right - left) * 0.18), 2)
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    ring = (cv2.dilate(mask, kernel) - cv2.dilate(mask, np.ones((3, 3), np.uint8))).astype(bool)
    small = ring[::2, ::2]
    light = [float(p[m].mean()) if m.any() else 128.0 for p, m in ((patch.y, ring), (patch.u, small), (patch.v, small))]
    middle, axis = (left + right) / 2, (right - left) * 0.62
    down = np.array([-axis[1], axis[0]]) * 0.62
    corners = np.float32([middle - axis - down, middle + axis - down, middle - axis + down])
    target = np.float32([[0, 0], [THUMB_WIDTH, 0], [0, THUMB_HEIGHT]])
    big = target * 4
    matrix = cv2.getAffineTransform(corners, big)
    seen = cv2.warpAffine(patch.y, matrix, (THUMB_WIDTH * 4, THUMB_HEIGHT * 4), borderMode=cv2.BORDER_REPLICATE)
    thumb = cv2.resize(seen, (THUMB_WIDTH, THUMB_HEIGHT), interpolation=cv2.INTER_AREA)
    lower = face.look((patch.y, patch.u, patch.v), local).astype(np.float16)
    return Look(np.array(light, np.float32), thumb, _teeth(patch, local), lower)


def _teeth(patch: Patch, points: npt.NDArray[np.float64]) -> float:
    """Teeth are a bright band between darker edges. The mesh often calls a mouth closed that still shows them.

    Along nine lines across the middle of the lips, how far the brightest spot stands out from the darkest spots
    above and below it.
    """
    upper, lower = points[shape.INNER_UPPER[1:-1]], points[shape.INNER_LOWER[1:-1]]
    ends = np.stack([upper, (upper + np.roll(upper, -1, 0)) / 2, lower, (lower + np.roll(lower, -1, 0)) / 2])
    upper, lower = (np.concatenate([ends[i], ends[i + 1][:-1]]) for i in (0, 2))
    down = points[shape.CHIN] - points[shape.NOSE_BRIDGE]
    margin = 0.035 * _eye_distance(points) * down / max(float(np.linalg.norm(down)), 1e-6)
    share = np.linspace(0, 1, 13)[:, None, None]
    lines = (upper - margin) * (1 - share) + (lower + margin) * share
    y = _sampled(patch.y, lines.reshape(-1, 2)).reshape(lines.shape[:2])
    above, below = np.minimum.accumulate(y, 0), np.minimum.accumulate(y[::-1], 0)[::-1]
    stands_out = (y - np.maximum(above, below)).max(0)
    return float(np.clip((stands_out - 8) / 30, 0, 1).mean())


def _eye_distance(points: npt.NDArray[np.floating]) -> float:
    return float(np.linalg.norm(points[shape.EYES[1]] - points[shape.EYES[0]]))


def _sampled(plane: npt.NDArray[np.uint8], at: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    points = at.astype(np.float32).reshape(-1, 1, 2)
    return cv2.remap(plane, points, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32).ravel()


@dataclass(frozen=True, slots=True)
class Candidates:
    """Mouths chosen from the tracks before any picture is read; see ``Atlas`` for the fields."""

    model: ShapeModel
    range: Range
    frames: npt.NDArray[np.int32]
    tracks: npt.NDArray[np.int32]
    points: npt.NDArray[np.float32]
    sharpness: npt.NDArray[np.float32]
    face: LowerFace

    def finish(self, looks: Sequence[Look]) -> Atlas:
        """The atlas, once every crop has been looked at."""
        return _with_shapes(self.model, self.range, self.frames, self.tracks, self.points, self.sharpness,
                            np.stack([k.light for k in looks]), np.stack([k.thumb for k in looks]),
                            np.array([k.teeth for k in looks], np.float32),
                            clear_of_things(self.face, np.stack([k.face for k in looks])))


def gather(tracks: Sequence[FaceTrack], height: int, width: int) -> Candidates:
    """Fit the shape model on all usable frames of a speaker's tracks and choose the mouths to keep.

    Raises AtlasError when fewer than 8 frames show the mouth.
    """
    masks = [usable(t) & _inside(t, height, width) for t in tracks]
    frames = np.concatenate([t.frames[m] for t, m in zip(tracks, masks, strict=True)] or [np.zeros(0, np.int32)])
    if len(frames) < 8:
        raise AtlasError("fewer than 8 frames show this speaker's mouth")
    ids = np.concatenate([np.full(int(m.sum()), t.id, np.int32) for t, m in zip(tracks, masks, strict=True)])
    points = np.concatenate([t.points[m][:, :, :2] for t, m in zip(tracks, masks, strict=True)])
    sharpness = np.concatenate([t.sharpness[m] for t, m in zip(tracks, masks, strict=True)]).astype(np.float32)
    order = np.argsort(frames, kind="stable")
    frames, ids, points, sharpness = frames[order], ids[order], points[order], sharpness[order]
    first = np.concatenate([[True], np.diff(frames) > 0])
    frames, ids, points, sharpness = frames[first], ids[first], points[first], sharpness[first]
    # Hours of footage say no more about a mouth than some minutes, and would not fit into memory as float64.
    sample = np.linspace(0, len(points) - 1, min(len(points), _FIT_FRAMES)).round().astype(int)
    model = shape.fit_shape(points[sample].astype(np.float64))
    rows = np.concatenate([shape.features(model.normalise(points[i:i + _FIT_FRAMES].astype(np.float64))[0])
                           for i in range(0, len(points), _FIT_FRAMES)])
    runs = np.cumsum(np.concatenate([[0], (np.diff(frames) != 1) | (np.diff(ids) != 0)]))
    boxes = [crop_box(p, height, width) for p in points[:: max(len(points) // 50, 1)]]
    keep = choose(rows, runs, crop_limit(float(np.mean([b[2] * b[3] for b in boxes]))))
    range_ = replace(measure_range(rows), pace=pace(rows[:, OPENING], frames, ids))
    return Candidates(model, range_, frames[keep], ids[keep], points[keep], sharpness[keep], LowerFace(model.mean))


def _inside(track: FaceTrack, height: int, width: int) -> npt.NDArray[np.bool_]:
    lips = track.points[:, shape.OUTER_LIPS, :2]
    return (lips.min((1, 2)) > 1) & (lips[..., 0].max(1) < width - 2) & (lips[..., 1].max(1) < height - 2)
