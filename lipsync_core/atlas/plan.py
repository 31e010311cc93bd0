"""A line's plan: for every plate frame the shape its mouth takes, the mouths it is made of, and how much.

Everything that depends on more than one frame is decided here, before a pixel is touched: easing at the
edges, the path through the atlas, cross-fades where runs join, smoothed residuals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.model import Atlas, pace
from lipsync_core.atlas.select import Wanted, distances, join_cost, shortest_path, target_cost
from lipsync_core.atlas.shape import OPENING, PITCH, WIDTH, YAW
from lipsync_core.speech.articulation import Articulation

EASE_FRAMES = 4
_CROSS_FADE = 0.33
# Frames for which one mouth rests.
_HELD_FRAMES = 40
# How much brisker than its speaker's own lips a mouth may move, and the least that is left of a hurried vowel.
_HURRY, _UNDERSHOOT = 1.0, 0.65

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plates:
    """N frames to repaint, in order: frame numbers, face track, pixel points [N, 468, 2], and ``alpha`` [N] in
    (0, 1], how far each frame has left its original mouth."""

    frames: npt.NDArray[np.int32]
    tracks: npt.NDArray[np.int32]
    points: Floats
    alpha: Floats

    def only(self, kept: npt.NDArray[np.bool_]) -> Plates:
        """The plates where ``kept`` [N] is true."""
        return Plates(self.frames[kept], self.tracks[kept], self.points[kept], self.alpha[kept])


@dataclass(frozen=True, slots=True)
class PlannedFrame:
    """One frame's recipe. plate and target: [468, 2] pixels, the face as it is and as it shall be.

    mouths: (index in the atlas, weight) pairs whose weights sum to 1. alpha: see ``Plates``. sealed: 0 to 1, how far
    the lips are held together. scale: pixels per outer eye corner distance.
    """

    frame: int
    plate: Floats
    target: Floats
    mouths: tuple[tuple[int, float], ...]
    alpha: float
    sealed: float
    scale: float


def ease(allowed: npt.NDArray[np.bool_], starts: npt.NDArray[np.bool_]) -> Floats:
    """Alpha [N] for consecutive frames: 0 where not ``allowed``, rising to 1 over ``EASE_FRAMES`` frames beside them.

    starts: True on the first frame of each shot; nothing is eased across a cut, where any change is hidden.
    """
    count = len(allowed)
    shots = np.cumsum(starts)
    distance = np.full(count, np.inf)
    for step in range(EASE_FRAMES, 0, -1):
        for sign in (-1, 1):
            other = np.arange(count) + sign * step
            valid = (other >= 0) & (other < count)
            clipped = np.clip(other, 0, count - 1)
            near = valid & (shots[clipped] == shots) & ~allowed[clipped]
            distance[near] = step
    ramp = np.clip(distance / (EASE_FRAMES + 1), 0, 1)
    return np.where(allowed, ramp * ramp * (3 - 2 * ramp), 0.0)


def make_plan(atlas: Atlas, plates: Plates, articulation: Articulation) -> list[PlannedFrame]:
    """Plan all ``plates``; ``articulation`` has one entry a plate frame."""
    model = atlas.model
    normalised, a, b = model.normalise(plates.points)
    rows = shape.features(normalised)
    wanted = _wanted(atlas, rows, plates, articulation, 1 / np.abs(a))
    join = join_cost(atlas)
    thumbs = distances(atlas.thumbs.reshape(len(atlas.frames), -1).astype(np.float64))
    path = np.zeros(len(plates.frames), np.int64)
    broken = (np.diff(plates.frames) != 1) | (np.diff(plates.tracks) != 0)
    segments = np.split(np.arange(len(plates.frames)), np.flatnonzero(broken) + 1)
    cost = target_cost(atlas, wanted)
    mixtures: list[tuple[tuple[int, float], ...]] = []
    residual = np.empty_like(normalised)
    for segment in segments:
        path[segment] = hold_rests(shortest_path(cost[segment], join), cost[segment], _rests(articulation)[segment])
        mixed = _cross_fade(path[segment], atlas.follows, thumbs)
        mixtures += mixed
        raw = np.stack([sum(w * atlas.residual[i] for i, w in mix) for mix in mixed])
        residual[segment] = _smoothed(raw)
    excess = (wanted.opening - atlas.range.closed) / max(0.08 * (atlas.range.wide - atlas.range.closed), 1e-6)
    # Lips that touch in the chosen picture are left as they are: the mesh reads a hundredth or two between them.
    gap = np.array([sum(w * atlas.features[i, OPENING] for i, w in mix) for mix in mixtures]) - atlas.range.closed
    sealed = np.maximum(np.clip(1 - excess, 0, 1), wanted.closure) * plates.alpha * np.clip(gap / 0.012, 0, 1)
    target = shape.seal(_targets(atlas, plates, normalised, rows, wanted, residual), sealed)
    pixels = shape.transform(target, *shape.invert(a, b))
    weight = shape.mobility(model.mean)[None, :, None]
    pixels = plates.points + weight * (pixels - plates.points)
    return [
        PlannedFrame(int(plates.frames[n]), plates.points[n], pixels[n], mixtures[n], float(plates.alpha[n]),
                     float(sealed[n]), float(wanted.scale[n]))
        for n in range(len(plates.frames))
    ]


def _wanted(atlas: Atlas, rows: Floats, plates: Plates, articulation: Articulation, scale: Floats) -> Wanted:
    range_, alpha = atlas.range, plates.alpha
    # The width that the eye sees shrinks as the head turns: the target is for the plate's own pose.
    pose = np.column_stack([np.ones(len(atlas.features)), atlas.features[:, [YAW, PITCH]]])
    turn = np.linalg.lstsq(pose.T @ pose + np.eye(3) * 1e-3, pose.T @ atlas.features[:, WIDTH], rcond=None)[0][1:]
    seen = (rows[:, [YAW, PITCH]] - np.median(atlas.features[:, [YAW, PITCH]], axis=0)) @ turn
    width = range_.width(articulation.width) + np.clip(seen, -0.1, 0.1)
    opening = range_.opening(_unhurried(atlas, plates, articulation.opening))
    # A rest is a closure too: a mouth at rest is no open mouth squeezed shut.
    shut = np.maximum(articulation.closure, articulation.opening < 0.03)
    if not atlas.is_shut:
        # No wider than the speaker's own mouths: beyond them there are no pixels to show.
        opening = np.minimum(opening, 1.05 * np.percentile(atlas.features[:, OPENING], 99))
    return Wanted(alpha * opening + (1 - alpha) * rows[:, OPENING], alpha * width + (1 - alpha) * rows[:, WIDTH],
                  rows[:, YAW], rows[:, PITCH], scale, plates.tracks, shut)


def _unhurried(atlas: Atlas, plates: Plates, opening: Floats) -> Floats:
    """Wanted opening [N] (0 to 1), its vowels made smaller where the new speech is much brisker than this speaker.

    People undershoot their vowels when they hurry (Lindblom 1963, doi:10.1121/1.1918816); closures stay closures.
    """
    if atlas.range.pace <= 0 or atlas.is_shut:
        return opening
    span = atlas.range.wide - atlas.range.closed
    hurry = pace(opening * span, plates.frames, plates.tracks) / atlas.range.pace
    return opening * float(np.clip(_HURRY / max(hurry, 1e-6), _UNDERSHOOT, 1.0))


def _rests(articulation: Articulation) -> npt.NDArray[np.bool_]:
    """[N] nothing is said and the lips are together."""
    return (articulation.speech < 0.02) & (articulation.opening < 0.03)


def hold_rests(path: npt.NDArray[np.int64], cost: Floats, rests: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """``path`` [N] with one mouth for each rest: shut lips that are swapped for other shut lips seem to whisper.

    cost: [N, M] target costs, by which the mouth is chosen. A long rest changes it now and then, as the head turns.
    """
    held = path.copy()
    still = np.flatnonzero(rests)
    for run in np.split(still, np.flatnonzero(np.diff(still) > 1) + 1):
        for part in np.array_split(run, max(round(len(run) / _HELD_FRAMES), 1)):
            if len(part) > 2:
                held[part] = int(cost[part].sum(0).argmin())
    return held


def _targets(atlas: Atlas, plates: Plates, normalised: Floats, rows: Floats, wanted: Wanted,
             residual: Floats) -> Floats:
    """Normalised target points: the plate's own shape, moved to the wanted opening and width, with the chosen
    mouth's residual on the lips. The jaw follows the model alone, so the pose of a mouth cannot fold it."""
    model = atlas.model
    mean = model.mean
    distance = np.linalg.norm(mean[:, None] - mean[shape.OUTER_LIPS][None], axis=2).min(1)
    on_lips = np.exp(-((distance / 0.12) ** 2))
    on_lips[shape.LIPS] = 1.0
    own = model.residual(normalised)
    target = normalised + (wanted.opening - rows[:, OPENING])[:, None, None] * model.basis[OPENING]
    target += (wanted.width - rows[:, WIDTH])[:, None, None] * model.basis[WIDTH]
    target += (plates.alpha[:, None] * on_lips[None])[..., None] * (residual - own)
    return target


def _smoothed(residual: Floats) -> Floats:
    """Three frames wide, so that a join between runs is no jump of the lips' outline."""
    if len(residual) < 3:
        return residual
    padded = np.concatenate([residual[:1], residual, residual[-1:]])
    return 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]


def _cross_fade(path: npt.NDArray[np.int64], follows: npt.NDArray[np.bool_],
                thumbs: Floats) -> list[tuple[tuple[int, float], ...]]:
    """Mouths and weights per frame: where runs join, both neighbours show up to a third of the other side.

    Pictures that differ a lot (``thumbs``: distances [M, M]) are cut instead: the mouth moves fast there anyway, and a
    double exposure of teeth shows more than a step.
    """
    mixes: list[dict[int, float]] = [{int(i): 1.0} for i in path]
    for n in range(1, len(path)):
        before, after = int(path[n - 1]), int(path[n])
        if abs(after - before) <= 2 and follows[max(before, after)]:
            continue
        onward = before + 1 if before + 1 < len(follows) and follows[before + 1] else before
        earlier = after - 1 if after > 0 and follows[after] else after
        for frame, own, other in ((n - 1, before, earlier), (n, after, onward)):
            share = _CROSS_FADE * float(np.clip(1.5 - thumbs[own, other] / 0.8, 0, 1))
            if share > 0.02:
                mixes[frame][other] = mixes[frame].get(other, 0.0) + share / (1 - share)
    return [tuple((i, w / sum(mix.values())) for i, w in sorted(mix.items())) for mix in mixes]
