"""Zero-phase smoothing of mesh tracks: steadies the head, leaves the lips alone, lags nothing.

The whole track is known, so instead of a causal filter (One-Euro, doi:10.1145/2207676.2208639) a short
symmetric polynomial filter (Savitzky and Golay 1964) is used, with the same idea of giving way to fast motion.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import savgol_filter

from lipsync_core.face.mesh import LIPS, RIGID

Float = npt.NDArray[np.float32]
Frames = npt.NDArray[np.int32]

MAX_BRIDGED = 3
_WINDOW, _ORDER = 5, 2
# The mesh is never noisier than this share of the face's radius; what moves more is motion.
_MOST_NOISE = 0.003
_BLOCK = 1000
# Share of the smoothed shape in the result; lips keep nearly all of their measured motion.
_LIP_SHARE = 0.2


def bridge_gaps(frames: Frames, points: Float) -> tuple[Frames, Float, npt.NDArray[np.bool_]]:
    """Fill gaps of up to three frames between two plausible neighbours by a straight line.

    Returns the new frames [T'], points [T', 468, 3] and which of them were filled [T'].
    """
    kept, shapes, filled = [int(frames[0])], [points[0]], [False]
    for i in range(1, len(frames)):
        gap = int(frames[i] - frames[i - 1])
        if 1 < gap <= MAX_BRIDGED + 1 and _same_place(points[i - 1], points[i]):
            for k in range(1, gap):
                kept.append(int(frames[i - 1]) + k)
                shapes.append(points[i - 1] + (points[i] - points[i - 1]) * np.float32(k / gap))
                filled.append(True)
        kept.append(int(frames[i]))
        shapes.append(points[i])
        filled.append(False)
    return np.array(kept, np.int32), np.stack(shapes).astype(np.float32), np.array(filled)


def _same_place(before: Float, after: Float) -> bool:
    sizes = [float(np.ptp(p[:, :2], axis=0).max()) for p in (before, after)]
    moved = float(np.linalg.norm(before[:, :2].mean(0) - after[:, :2].mean(0)))
    return moved < 0.5 * max(sizes) and 0.75 < sizes[0] / max(sizes[1], 1e-3) < 1.33


def smooth(frames: Frames, points: Float) -> Float:
    """Smoothed points [T, 468, 3]; runs of neighbouring frames are smoothed on their own."""
    result = points.copy()
    ends = [*(np.flatnonzero(np.diff(frames) > 1) + 1), len(frames)]
    start = 0
    for end in ends:
        for first in range(start, int(end), _BLOCK):
            # Blocks overlap by a window, so that a seam cannot be seen and a long shot does not fill the memory.
            low, high = max(first - _WINDOW, start), min(first + _BLOCK + _WINDOW, int(end))
            if high - low >= _WINDOW:
                stop = min(first + _BLOCK, int(end))
                result[first:stop] = _smooth_run(points[low:high])[first - low : stop - low]
        start = int(end)
    return result


def _smooth_run(points: Float) -> Float:
    flat = points[..., 0].astype(np.float64) + 1j * points[..., 1]
    turn, centre = _fit(flat[:, list(RIGID)])
    scale = np.abs(turn)
    local = (flat - centre[:, None]) / turn[:, None]
    depth = points[..., 2] / scale[:, None]
    # Positions are judged in pixels; size and angle by the pixels they move at the face's edge.
    radius = float(scale.mean())
    centre = _gentle(centre.real, radius) + 1j * _gentle(centre.imag, radius)
    scale = np.exp(_gentle(np.log(scale) * radius, radius) / radius)
    angle = _gentle(np.unwrap(np.angle(turn)) * radius, radius) / radius
    share = np.ones(flat.shape[1])
    share[list(LIPS)] = _LIP_SHARE
    local = np.stack([local.real, local.imag, depth], -1) * radius
    local = local + share[:, None] * (_gentle(local, radius) - local)
    local, depth = (local[..., 0] + 1j * local[..., 1]) / radius, local[..., 2] / radius
    flat = local * (scale * np.exp(1j * angle))[:, None] + centre[:, None]
    return np.stack([flat.real, flat.imag, depth * scale[:, None]], -1).astype(np.float32)


def _fit(rigid: npt.NDArray[np.complex128]) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128]]:
    """Least-squares similarity of each frame's points [T, K] to their mean shape: factor [T] and centre [T].

    The mean shape has unit root-mean-square radius, so the factor's size is the face's in pixels.
    """
    centre = rigid.mean(1)
    shapes = rigid - centre[:, None]
    reference = shapes[0] / np.sqrt(np.mean(np.abs(shapes[0]) ** 2))
    for _ in range(3):
        turn = (shapes * reference.conj()).mean(1)
        reference = (shapes / turn[:, None]).mean(0)
        reference = reference / np.sqrt(np.mean(np.abs(reference) ** 2))
    return (shapes * reference.conj()).mean(1), centre


def _gentle(values: npt.NDArray[np.float64], radius: float) -> npt.NDArray[np.float64]:
    """Symmetric smoothing along the first axis that lets go where the values truly move: far above their noise.

    values: in pixels, of a face of ``radius`` pixels.
    """
    calm = savgol_filter(values, _WINDOW, _ORDER, axis=0)
    off = np.abs(values - calm)
    noise = np.minimum(1.48 * np.median(off, axis=0), _MOST_NOISE * radius) + 1e-6
    trust = np.clip(off / (2 * noise) - 1, 0, 1)
    return calm + trust * (values - calm)
