"""Spectacles without panes: rims, bridge and temples as tubes that fit a head at rest. Units as in mesh.py."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Quads = npt.NDArray[np.int32]

SHAPES: dict[str, tuple[float, float, float, float]] = {
    "round": (0.205, 0.195, 2.0, 0.011), "square": (0.235, 0.165, 4.5, 0.020), "wide": (0.250, 0.185, 3.0, 0.016),
    "thin": (0.225, 0.145, 3.2, 0.008), "heavy": (0.245, 0.190, 3.6, 0.027),
}
"""Half width and half height of a rim, the exponent of its superellipse, the tube's radius."""
_AROUND = 6


def _tube(path: Points, radius: float, closed: bool) -> tuple[Points, Quads]:
    """A tube around a polyline [N, 3]."""
    ahead = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    if not closed:
        ahead[0], ahead[-1] = path[1] - path[0], path[-1] - path[-2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    side = np.cross(ahead, [0.13, 0.31, 0.94])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(ahead, side)
    angle = np.arange(_AROUND) * 2 * np.pi / _AROUND
    ring = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * other[:, None]
    points = (path[:, None] + radius * ring).reshape(-1, 3)
    count = len(path)
    quads = [[i * _AROUND + k, i * _AROUND + (k + 1) % _AROUND, (i + 1) % count * _AROUND + (k + 1) % _AROUND,
              (i + 1) % count * _AROUND + k] for i in range(count if closed else count - 1) for k in range(_AROUND)]
    return points, np.array(quads, np.int32)


def glasses(shape: str, eyes: dict[str, Points], body: Points) -> tuple[Points, Quads]:
    """Vertices [N, 3] and quads for a head whose eyes' centres and skin are given (decimetres, at rest)."""
    half_width, half_height, power, radius = SHAPES[shape]
    gap = float(eyes["l"][0] - eyes["r"][0]) / 2
    height = float(eyes["l"][1] + eyes["r"][1]) / 2 - 0.025
    middle = max(gap + 0.012, half_width + 0.075)
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    x = middle + half_width * np.sign(c) * np.abs(c) ** (2 / power)
    y = height + half_height * np.sign(s) * np.abs(s) ** (2 / power) - 0.02 * (np.abs(x) - middle)
    front = body[body[:, 2] > 0.7]
    reach = [front[np.hypot(np.abs(front[:, 0]) - a, front[:, 1] - b) < 0.06][:, 2].max(initial=0.9)
             for a, b in zip(x, y, strict=True) if a > 0.16]
    z = float(np.quantile(reach, 0.85)) + 0.045 - 0.32 * np.maximum(0, x - 0.25) ** 2
    side = body[(np.abs(body[:, 1] - height - 0.04) < 0.10) & (body[:, 2] > 0.45) & (body[:, 2] < 0.75)]
    temple = float(np.abs(side[:, 0]).max()) + 0.015
    parts = []
    for sign in (1.0, -1.0):
        parts.append(_tube(np.stack([sign * x, y, z], axis=1), radius, True))
        outer = int(np.argmax(x + 0.4 * y))
        hinge = np.array([sign * x[outer], y[outer], z[outer]])
        corner = np.array([sign * (x[outer] + 0.025), y[outer], z[outer] - 0.05])
        beside = np.array([sign * temple, height + 0.06, 0.55])
        back = np.array([sign * temple, height + 0.05, 0.25])
        parts.append(_tube(np.array([hinge, corner, beside, back]), radius * 0.85, False))
    inner = int(np.argmin(x - 0.3 * y))
    edge = np.array([x[inner], y[inner], z[inner]])
    bend = np.linspace(-1, 1, 7)
    bridge = np.stack([bend * edge[0], edge[1] + 0.03 * (1 - bend**2), edge[2] + 0.05 * (1 - bend**2)], axis=1)
    parts.append(_tube(bridge, radius * 0.9, False))
    offsets = np.cumsum([0, *[len(points) for points, _ in parts]])[:-1]
    return (np.concatenate([points for points, _ in parts]),
            np.concatenate([quads + start for (_, quads), start in zip(parts, offsets, strict=True)]).astype(np.int32))
