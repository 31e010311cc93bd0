"""Teeth, gums and eyeballs: the parts that the base mesh has only as placeholders. Units as in mesh.py."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Quads = npt.NDArray[np.int32]

ARCH = {
    "upper": np.array([[0.0, 1.492], [0.045, 1.490], [0.09, 1.480], [0.135, 1.455], [0.172, 1.420], [0.216, 1.350],
                       [0.252, 1.270], [0.284, 1.174], [0.305, 1.060], [0.315, 0.95]]),
    "lower": np.array([[0.0, 1.462], [0.045, 1.458], [0.09, 1.447], [0.13, 1.425], [0.165, 1.390], [0.208, 1.320],
                       [0.244, 1.235], [0.276, 1.140], [0.297, 1.035], [0.307, 0.93]]),
}
"""Outer face of the dental arch in the base mesh, (x, z) from the middle backwards."""
WIDTHS = {"upper": (0.086, 0.067, 0.077, 0.070, 0.067, 0.10, 0.095), "lower": (0.054, 0.058, 0.068, 0.070, 0.070,
                                                                              0.11, 0.10)}
HEIGHTS = {"upper": (0.104, 0.092, 0.100, 0.085, 0.080, 0.075, 0.07), "lower": (0.088, 0.090, 0.100, 0.085, 0.08,
                                                                               0.075, 0.07)}
EDGE = {"upper": 6.566, "lower": 6.548}
"""Height of the biting edge of the middle incisors."""


def _along(curve: Points, s: float) -> tuple[Points, Points]:
    """Point (x, z) and unit tangent at arc length s from the middle."""
    steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    total = np.concatenate([[0], np.cumsum(steps)])

    def at(q: float) -> Points:
        return np.array([np.interp(q, total, curve[:, 0]), np.interp(q, total, curve[:, 1])])

    tangent = at(s + 0.03) - at(max(0.0, s - 0.03))
    return at(s), tangent / np.linalg.norm(tangent)


def _tooth(width: float, height: float, kind: int, rings: int = 9, around: int = 16) -> tuple[Points, Quads]:
    """A crown with its root end at y = 0 and its biting edge at y = -height; z > 0 is the outer face."""
    rows = []
    for r in range(rings + 1):
        v = r / rings
        thick = (0.062, 0.058, 0.070, 0.085, 0.09, 0.10, 0.10)[kind]
        depth = thick * (1 - (0.78 if kind < 2 else 0.55 if kind == 2 else 0.25) * v**1.5)
        half = width / 2 * (0.84 + 0.20 * np.sin(np.pi * min(1.0, v * 0.62 + 0.02)))
        y = -height * v
        if r == rings:
            half, depth = half * 0.82, depth * 0.55
        lift = 0.012 * v * v + 0.007 * np.sin(np.pi * v)
        for k in range(around):
            a = 2 * np.pi * k / around
            c, s = np.cos(a), np.sin(a)
            power = 0.62
            x = half * np.sign(c) * abs(c) ** power
            z = depth / 2 * np.sign(s) * abs(s) ** power
            corner = (abs(x) / (width / 2)) ** 4 * height * (0.06 if kind != 2 else 0.16) * v
            rows.append([x, y + corner, z - depth / 2 - (0 if s > 0 else 0.01) + lift * 0.3])
    rows.append([0, -height * (1.0 if kind != 2 else 1.03), -0.012])
    quads = [[r * around + k, (r + 1) * around + k, (r + 1) * around + (k + 1) % around, r * around + (k + 1) % around]
             for r in range(rings) for k in range(around)]
    tip = len(rows) - 1
    quads += [[rings * around + k, tip, rings * around + (k + 2) % around, rings * around + (k + 1) % around]
              for k in range(0, around, 2)]
    return np.array(rows), np.array(quads, np.int32)


def dental_arch(jaw: str, seed: int) -> tuple[Points, Quads, npt.NDArray[np.int32]]:
    """Fourteen teeth and the gum of one jaw: vertices [N, 3], quads [F, 4], kind per quad (0 tooth, 1 gum)."""
    rng = np.random.default_rng((seed, 77, jaw == "upper"))
    sign = 1.0 if jaw == "upper" else -1.0
    verts, quads, kinds = [], [], []
    count = 0
    start = 0.001
    for kind, (width, height) in enumerate(zip(WIDTHS[jaw], HEIGHTS[jaw], strict=True)):
        point, tangent = _along(ARCH[jaw], start + width / 2)
        start += width * 0.985
        for side in (1.0, -1.0):
            v, q = _tooth(width * 0.99, height * 1.16, kind)
            turn = rng.normal(0, 0.035)
            c, s = np.cos(turn), np.sin(turn)
            v = v @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
            v[:, 1] = v[:, 1] + height * 1.0 + rng.normal(0, 0.0022) + (0.008 if kind == 1 and jaw == "upper" else 0)
            v[:, 1] += 0.013 * max(0, kind - 2)
            outward = np.array([tangent[1], -tangent[0]]) * -1
            x = point[0] + v[:, 0] * tangent[0] + v[:, 2] * outward[0]
            z = point[1] + v[:, 0] * tangent[1] + v[:, 2] * outward[1]
            placed = np.stack([x * side, EDGE[jaw] + sign * v[:, 1], z], axis=1)
            flip = (side > 0) != (sign < 0)
            verts.append(placed)
            quads.append((q[:, ::-1] if flip else q) + count)
            kinds.append(np.zeros(len(q), np.int32))
            count += len(v)
    v, q = _gum(jaw, sign)
    verts.append(v)
    quads.append(q + count)
    kinds.append(np.ones(len(q), np.int32))
    return np.concatenate(verts), np.concatenate(quads).astype(np.int32), np.concatenate(kinds)


def _gum(jaw: str, sign: float, columns: int = 61, rows: int = 9) -> tuple[Points, Quads]:
    """The gum: a strip from behind the crowns over the ridge up the front, scalloped between the teeth."""
    total = sum(WIDTHS[jaw]) * 0.985
    borders = np.concatenate([[0], np.cumsum(np.array(WIDTHS[jaw]) * 0.985)])
    heights = np.array(HEIGHTS[jaw])
    points = []
    for c in np.linspace(-1, 1, columns):
        s = abs(c) * total
        point, tangent = _along(ARCH[jaw], s)
        outward = np.array([tangent[1], -tangent[0]]) * -1
        k = int(np.clip(np.searchsorted(borders, s) - 1, 0, len(heights) - 1))
        inside = (s - borders[k]) / (borders[k + 1] - borders[k])
        edge = EDGE[jaw] + sign * (heights[k] * (0.97 - 0.17 * (2 * inside - 1) ** 4) + 0.013 * max(0, k - 2))
        for r in range(rows):
            f = r / (rows - 1)
            height = edge + sign * 0.12 * max(0.0, f - 0.35) / 0.65
            out = (-0.10 + 0.104 * min(1.0, f / 0.35)) + 0.012 * np.sin(np.pi * max(0.0, f - 0.35) / 0.65)
            points.append([(point[0] + outward[0] * out) * np.sign(c + 1e-12), height, point[1] + outward[1] * out])
    quads = []
    for c in range(columns - 1):
        for r in range(rows - 1):
            a = c * rows + r
            quad = [a, a + rows, a + rows + 1, a + 1]
            quads.append(quad if sign > 0 else quad[::-1])
    return np.array(points), np.array(quads, np.int32)


def eyeball(rings: int = 40, around: int = 48) -> tuple[Points, Quads]:
    """A unit sphere that looks along +z."""
    polar = np.linspace(0.0, np.pi * 0.75, rings + 1)
    polar[0] = 1e-3
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    p, a = np.meshgrid(polar, angle, indexing="ij")
    bulge = 1.0 + 0.045 * np.clip(1 - (p / 0.52) ** 2, 0, 1)
    points = np.stack([np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)], axis=2) * bulge[..., None]
    quads = [[r * around + k, (r + 1) * around + k, (r + 1) * around + (k + 1) % around, r * around + (k + 1) % around]
             for r in range(rings) for k in range(around)]
    return points.reshape(-1, 3), np.array(quads, np.int32)
