"""Which other moment of a person is shown to the generator beside the masked face.

A reference that is the target itself lets a generator copy its mouth; one whose mouth happens to stand alike does so
half the time. So it is taken where the head is turned alike and the mouth is not (MuseTalk 1.5, arXiv:2410.10122: the
better half by pose similarity and mouth dissimilarity, then by chance), and never overlaps the target's frames.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipsync_core.train.types import WINDOW

#: Degrees of turn that weigh as much as an opening difference of this many eye distances.
_DEGREES, _GAP = 8.0, 0.08
_BEST_SHARE = 0.25

Floats = npt.NDArray[np.float32]


def elsewhere(frames: int, start: int, length: int = WINDOW) -> npt.NDArray[np.int64]:
    """First frames of all windows of a clip of ``frames`` that share no frame with the window at ``start``."""
    every = np.arange(frames - length + 1)
    return every[np.abs(every - start) >= length]


def scores(pose: Floats, opening: float, poses: Floats, openings: Floats) -> npt.NDArray[np.float64]:
    """How well each of N moments serves as a reference, the higher the better.

    pose: [3] and opening of the target; poses [N, 3], openings [N] of the candidates.
    """
    turned = np.linalg.norm(np.asarray(poses, np.float64) - pose, axis=-1) / _DEGREES
    different = np.minimum(np.abs(np.asarray(openings, np.float64) - opening) / _GAP, 2.0)
    return different - turned


def choose(random: np.random.Generator, found: npt.NDArray[np.float64]) -> int:
    """One of the best quarter, by chance: always the best would show the same few frames for ever."""
    best = np.argsort(-found, kind="stable")[: max(int(np.ceil(_BEST_SHARE * len(found))), 1)]
    return int(best[random.integers(len(best))])


def shift_for(pose: Floats, opening: Floats, least: int = 2 * WINDOW) -> int:
    """By how many frames a whole clip is moved to be its own reference: the head alike, the mouth not.

    Never less than ``least`` frames, counted around the end, unless the clip is shorter than twice that.
    """
    count, still = len(opening), np.zeros(3, np.float32)
    least = max(min(least, count // 2), 1)
    shifts = np.arange(least, count - least + 1)
    found = [float(scores(still, 0.0, np.roll(pose, -s, 0) - pose,
                          np.roll(opening, -s) - opening).mean()) for s in shifts]
    return int(shifts[int(np.argmax(found))])
