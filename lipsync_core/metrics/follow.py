"""Who is judged, and where: the speaker's mouth in the finished file, frame by frame, beside the original's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.model import Range, measure_range
from lipsync_core.atlas.shape import ShapeModel
from lipsync_core.face.types import FaceAnalysis, FaceTrack

Floats = npt.NDArray[np.float64]

#: Below this a mouth or a face is taken for hidden.
IN_VIEW = 0.5
_FIT_FRAMES = 3000


@dataclass(frozen=True, slots=True)
class Speaker:
    """A speaker's own habits, the yardstick of every measure: fitted on the original's tracks, or on the judged
    file's own where there is no original.

    features: [N, 4] (see ``lipsync_core.atlas.shape``) of all frames in view; sharpness: [N]; odd: RMS of what the
    shape model leaves unexplained on the lips, in eye distances.
    """

    model: ShapeModel
    range: Range
    features: Floats
    sharpness: Floats
    odd: float

    def opening(self, normalised: Floats) -> Floats:
        """Lip distance [T] of normalised points as a share of the speaker's range: 0 closed, 1 wide."""
        return relative_opening(shape.features(normalised)[:, shape.OPENING], self.range)


def speaker_of(tracks: Sequence[FaceTrack]) -> Speaker:
    """The habits seen on these tracks, which must hold at least one frame."""
    masks = [(t.mouth_visibility >= IN_VIEW) & (t.presence >= IN_VIEW) for t in tracks]
    if not any(m.any() for m in masks):
        masks = [np.ones(len(t.frames), bool) for t in tracks]
    points = np.concatenate([t.points[m][:, :, :2] for t, m in zip(tracks, masks, strict=True)])
    sharpness = np.concatenate([t.sharpness[m] for t, m in zip(tracks, masks, strict=True)]).astype(np.float64)
    # Hours of footage say no more about a mouth than some minutes.
    sample = np.unique(np.linspace(0, len(points) - 1, min(len(points), _FIT_FRAMES)).round().astype(int))
    model = shape.fit_shape(points[sample].astype(np.float64))
    normalised = model.normalise(points[sample].astype(np.float64))[0]
    rows = shape.features(normalised)
    odd = float(np.sqrt((model.residual(normalised)[:, shape.LIPS] ** 2).sum(-1).mean()))
    return Speaker(model, measure_range(rows), rows, sharpness[sample], odd)


def relative_opening(opening: Floats, range_: Range) -> Floats:
    """Lip distance as a share of the speaker's range: 0 closed, 1 wide."""
    return (opening - range_.closed) / (range_.wide - range_.closed)


@dataclass(frozen=True, slots=True)
class Seen:
    """A mouth over the frames of one line in which it is in view in every file that is compared.

    frames: int32 [T] in order. after: float64 [T, 468, 2] pixels in the judged file; before: the same in the
    original, None without one. sharpness: [T] of the judged mouth.
    """

    frames: npt.NDArray[np.int32]
    after: Floats
    before: Floats | None
    sharpness: Floats


def follow(fresh: FaceAnalysis, source: FaceAnalysis | None, tracks: Sequence[FaceTrack], start_ms: float,
           end_ms: float) -> Seen | None:
    """Where the face of ``tracks`` is in view from ``start_ms`` to ``end_ms``; None when it never is.

    tracks: of ``source``, or of ``fresh`` where there is no original.
    """
    times = (fresh if source is None else source).times_ms
    rows: dict[int, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None, float]] = {}
    for track in tracks:
        in_view = (track.mouth_visibility >= IN_VIEW) & (track.presence >= IN_VIEW)
        inside = (times[track.frames] >= start_ms) & (times[track.frames] < end_ms)
        for i in np.flatnonzero(in_view & inside):
            frame, points = int(track.frames[i]), track.points[i, :, :2]
            if frame in rows:
                continue
            if source is None:
                rows[frame] = (points, None, float(track.sharpness[i]))
            elif (found := _nearest(fresh, frame, points)) is not None:
                rows[frame] = (found[0], points, found[1])
    if not rows:
        return None
    frames = sorted(rows)
    after, sharpness = np.stack([rows[f][0] for f in frames]), np.array([rows[f][2] for f in frames])
    before = None if source is None else np.stack([rows[f][1] for f in frames]).astype(np.float64)
    return Seen(np.array(frames, np.int32), after.astype(np.float64), before, sharpness)


def _nearest(fresh: FaceAnalysis, frame: int,
             points: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], float] | None:
    """The fresh face whose nose is nearest to the original's, if it is the same face at all, and its sharpness."""
    scale = float(np.linalg.norm(points[shape.EYES[1]] - points[shape.EYES[0]]))
    best: tuple[float, npt.NDArray[np.float32], float] | None = None
    for track in fresh.tracks:
        i = int(np.searchsorted(track.frames, frame))
        if i >= len(track.frames) or track.frames[i] != frame:
            continue
        distance = float(np.linalg.norm(track.points[i, shape.NOSE_BRIDGE, :2] - points[shape.NOSE_BRIDGE]))
        if distance < 0.5 * scale and (best is None or distance < best[0]):
            best = (distance, track.points[i, :, :2], float(track.sharpness[i]))
    return None if best is None else best[1:]
