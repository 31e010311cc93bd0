"""Which of the speaker's mouths stands for which frame: a shortest path (Viterbi) over the atlas.

Staying in an unbroken run of the source costs nothing, so real movement survives wherever it fits; a
closure that is missed costs more than any jump.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas.model import Atlas
from lipsync_core.atlas.shape import LIPS, OPENING, PITCH, WIDTH, YAW

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What each of N plate frames asks for, in the atlas's units.

    opening, width: lip distance and mouth width. yaw, pitch: pose features of the plate. scale: pixels per unit
    of the plate. track: the plate's face track. closure: 1 where the lips must touch.
    """

    opening: Floats
    width: Floats
    yaw: Floats
    pitch: Floats
    scale: Floats
    track: npt.NDArray[np.int32]
    closure: Floats


def target_cost(atlas: Atlas, wanted: Wanted) -> Floats:
    """[N, M] how badly each mouth fits each frame.

    A mouth that is less open than wanted has to be torn open and smears, so it costs five times what a mouth
    costs that only needs closing; at a closure an open mouth costs most.
    """
    span = max(atlas.range.wide - atlas.range.closed, 1e-3)
    spread = max(atlas.range.broad - atlas.range.narrow, 1e-3)
    rows = atlas.features
    gap = (rows[None, :, OPENING] - wanted.opening[:, None]) / span
    shut = wanted.closure[:, None] > 0
    cost = np.where(gap < 0, 60.0 * gap**2, np.where(shut, 80.0, 12.0) * gap**2)
    # Teeth that show between lips that should touch: the mesh alone would not notice.
    nearly = np.clip(1 - (wanted.opening - atlas.range.closed) / (0.12 * span), 0, 1)[:, None]
    cost += np.where(shut, 20.0, 6.0 * nearly) * atlas.teeth[None]
    cost += 2.5 * ((rows[None, :, WIDTH] - wanted.width[:, None]) / spread) ** 2
    cost += 0.6 * ((rows[None, :, YAW] - wanted.yaw[:, None]) / 0.06) ** 2
    cost += 0.4 * ((rows[None, :, PITCH] - wanted.pitch[:, None]) / 0.06) ** 2
    cost += 6.0 * np.maximum(np.log(wanted.scale[:, None] / atlas.scale[None]), 0) ** 2
    blur = np.maximum(np.log(np.median(atlas.sharpness) / np.maximum(atlas.sharpness, 1e-3)), 0)
    cost += 0.8 * blur[None]
    # Lips rolled in, a smirk, a tongue: true to the speaker, yet not what a plain sound looks like.
    odd = (atlas.residual[:, LIPS] ** 2).mean((1, 2))
    cost += 0.8 * np.minimum(np.maximum(odd / max(float(np.median(odd)), 1e-9) - 2.0, 0), 6.0)[None]
    # A mouth with a microphone in front of it would bring the microphone along.
    cost += 500.0 * ~atlas.clear[None]
    cost += 0.3 * (wanted.track[:, None] != atlas.tracks[None])
    return cost


def join_cost(atlas: Atlas) -> Floats:
    """[M, M] how visible it is when mouth ``j`` follows mouth ``i``; 0 along unbroken runs."""
    lips = atlas.residual[:, LIPS].reshape(len(atlas.frames), -1)
    thumbs = atlas.thumbs.reshape(len(atlas.frames), -1).astype(np.float64) / 255
    cost = 0.30 + 0.6 * distances(lips) + 0.8 * distances(thumbs)
    cost += 0.1 * distances(atlas.light.astype(np.float64))
    following = np.flatnonzero(atlas.follows)
    cost[following - 1, following] = 0.0
    # Holding one mouth still, or playing a run backwards or at double speed, hardly shows.
    cost[np.arange(len(cost)), np.arange(len(cost))] = 0.12
    cost[following, following - 1] = 0.15
    pairs = following[1:][np.diff(following) == 1]
    cost[pairs - 2, pairs] = 0.12
    return cost


def distances(rows: Floats) -> Floats:
    """Squared distances [M, M] of feature rows relative to their mean: 2 for two unrelated rows."""
    rows = rows - rows.mean(0)
    power = (rows**2).sum(1)
    out = power[:, None] + power[None] - 2 * rows @ rows.T
    return np.maximum(out, 0) / max(float(power.mean()), 1e-9)


def shortest_path(target: Floats, join: Floats) -> npt.NDArray[np.int64]:
    """[N] the cheapest path over ``target`` [N, M] with transitions ``join`` [M, M]; ties go to the lower index."""
    count, mouths = target.shape
    best = target[0].copy()
    back = np.zeros((count, mouths), np.int32)
    columns = np.arange(mouths)
    arriving = np.ascontiguousarray(join.T)
    for n in range(1, count):
        total = arriving + best[None]
        back[n] = total.argmin(1)
        best = total[columns, back[n]] + target[n]
    path = np.empty(count, np.int64)
    path[-1] = int(best.argmin())
    for n in range(count - 1, 0, -1):
        path[n - 1] = back[n, path[n]]
    return path
