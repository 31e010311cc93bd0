"""A small CPU renderer: visibility buffer, baked soft visibility, alpha-blended strands.

Everything works on plain arrays; what the surfaces look like is in shade.py. Screen coordinates are samples
(`supersampling` per pixel and axis), x to the right, y down; depth is the distance from the camera in decimetres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
BANDS = 2
"""Horizontal bands that threads rasterise independently."""


@dataclass(frozen=True)
class Camera:
    """A pinhole looking along -z. `focal` is in pixels of the full picture, `center` in decimetres."""

    x: float
    y: float
    z: float
    focal: float
    width: int
    height: int

    def project(self, points: Array, supersampling: int) -> Array:
        """World points [N, 3] → samples and depth, float32 [N, 3]."""
        depth = self.z - points[:, 2]
        scale = self.focal * supersampling / depth
        out = np.empty_like(points, dtype=np.float32)
        out[:, 0] = (points[:, 0] - self.x) * scale + self.width * supersampling / 2
        out[:, 1] = self.height * supersampling / 2 - (points[:, 1] - self.y) * scale
        out[:, 2] = depth
        return out


@numba.njit(parallel=True, fastmath=True, cache=True)
def rasterize(points: Array, triangles: npt.NDArray[np.int32], depth: Array, ids: npt.NDArray[np.int32],
              facing: float = 0.0) -> None:
    """Write the nearest triangle's number into `ids` [H, W] and its depth into `depth` [H, W].

    facing: 1 or -1 draws only triangles of that winding on the screen, 0 both.
    """
    height, width = depth.shape
    for band in numba.prange(BANDS):
        top, bottom = band * height // BANDS, (band + 1) * height // BANDS
        for t in range(triangles.shape[0]):
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            x0, y0, z0 = points[a, 0], points[a, 1], points[a, 2]
            x1, y1, z1 = points[b, 0], points[b, 1], points[b, 2]
            x2, y2, z2 = points[c, 0], points[c, 1], points[c, 2]
            low = max(top, int(np.ceil(min(y0, y1, y2) - 0.5)))
            high = min(bottom - 1, int(np.floor(max(y0, y1, y2) - 0.5)))
            if low > high:
                continue
            left = max(0, int(np.ceil(min(x0, x1, x2) - 0.5)))
            right = min(width - 1, int(np.floor(max(x0, x1, x2) - 0.5)))
            if left > right:
                continue
            area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
            if (area > -1e-9 and area < 1e-9) or area * facing < 0:
                continue
            inv = 1.0 / area
            for y in range(low, high + 1):
                py = y + 0.5
                for x in range(left, right + 1):
                    px = x + 0.5
                    w1 = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) * inv
                    w2 = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) * inv
                    w0 = 1.0 - w1 - w2
                    if w0 < -1e-4 or w1 < -1e-4 or w2 < -1e-4:
                        continue
                    z = w0 * z0 + w1 * z1 + w2 * z2
                    if z < depth[y, x]:
                        depth[y, x] = z
                        ids[y, x] = t


@numba.njit(cache=True)
def plain_pixels(ids: npt.NDArray[np.int32], material: npt.NDArray[np.int32], depth: Array,
                 ) -> npt.NDArray[np.uint8]:
    """Which pixels (2 × 2 samples) lie inside one material on a continuous surface: one shaded sample is enough there.

    uint8 [H, W] at sample resolution: 0 shade, 1 take the pixel's first sample instead.
    """
    height, width = ids.shape
    out = np.zeros((height, width), np.uint8)
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            a, b, c, d = ids[y, x], ids[y, x + 1], ids[y + 1, x], ids[y + 1, x + 1]
            if a < 0 or b < 0 or c < 0 or d < 0:
                continue
            m = material[a]
            if material[b] != m or material[c] != m or material[d] != m:
                continue
            z0, z1, z2, z3 = depth[y, x], depth[y, x + 1], depth[y + 1, x], depth[y + 1, x + 1]
            if max(z0, z1, z2, z3) - min(z0, z1, z2, z3) < 0.03:
                out[y, x + 1] = out[y + 1, x] = out[y + 1, x + 1] = 1
    return out


@numba.njit(cache=True)
def fill_plain(values: Array, plain: npt.NDArray[np.uint8]) -> None:
    """Copy the first sample of every plain pixel to its other three, in place; values [H, W, C]."""
    height, width, channels = values.shape
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            if plain[y, x + 1]:
                for c in range(channels):
                    v = values[y, x, c]
                    values[y, x + 1, c] = v
                    values[y + 1, x, c] = v
                    values[y + 1, x + 1, c] = v


@numba.njit(parallel=True, fastmath=True, cache=True)
def vertex_normals(points: Array, quads: npt.NDArray[np.int32], fan_start: npt.NDArray[np.int32],
                   fan: npt.NDArray[np.int32]) -> Array:
    """Unit normals [N, 3]; the quads around vertex i are ``fan[fan_start[i]:fan_start[i + 1]]``."""
    faces = np.empty((quads.shape[0], 3), np.float32)
    for f in numba.prange(quads.shape[0]):
        a, b, c, d = quads[f, 0], quads[f, 1], quads[f, 2], quads[f, 3]
        ux, uy, uz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        vx, vy, vz = points[d, 0] - points[b, 0], points[d, 1] - points[b, 1], points[d, 2] - points[b, 2]
        faces[f, 0] = uy * vz - uz * vy
        faces[f, 1] = uz * vx - ux * vz
        faces[f, 2] = ux * vy - uy * vx
    out = np.empty_like(points)
    for i in numba.prange(points.shape[0]):
        x = y = z = np.float32(0.0)
        for k in range(fan_start[i], fan_start[i + 1]):
            x += faces[fan[k], 0]
            y += faces[fan[k], 1]
            z += faces[fan[k], 2]
        inv = 1.0 / np.sqrt(x * x + y * y + z * z + 1e-20)
        out[i, 0], out[i, 1], out[i, 2] = x * inv, y * inv, z * inv
    return out


def vertex_fans(quads: npt.NDArray[np.int32], count: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """For `vertex_normals`: start offsets [count + 1] and the quads around every vertex."""
    flat = quads.ravel()
    order = np.argsort(flat, kind="stable")
    start = np.zeros(count + 1, np.int32)
    start[1:] = np.cumsum(np.bincount(flat, minlength=count))
    return start, (order // 4).astype(np.int32)


def sphere_directions(count: int) -> Array:
    """`count` directions spread evenly over the sphere (a Fibonacci lattice), float32 [count, 3]."""
    i = np.arange(count) + 0.5
    polar = np.arccos(1 - 2 * i / count)
    angle = np.pi * (1 + 5**0.5) * i
    xyz = [np.sin(polar) * np.cos(angle), np.cos(polar), np.sin(polar) * np.sin(angle)]
    return np.stack(xyz, axis=1).astype(np.float32)


@numba.njit(parallel=True, fastmath=True, cache=True)
def _lookup_visibility(flat: Array, depth: Array, bias: float, out: npt.NDArray[np.uint8], column: int) -> None:
    size = depth.shape[0]
    for i in numba.prange(flat.shape[0]):
        cx, cy = int(flat[i, 0]), int(flat[i, 1])
        seen = 0
        count = 0
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                x, y = cx + dx, cy + dy
                if 0 <= x < size and 0 <= y < size:
                    count += 1
                    if flat[i, 2] - bias <= depth[y, x]:
                        seen += 1
        out[i, column] = 255 * seen // count if count else 255


def bake_visibility(points: Array, triangles: npt.NDArray[np.int32], directions: Array, receivers: Array,
                    strands: Array | None = None, size: int = 340, bias: float = 0.03) -> npt.NDArray[np.uint8]:
    """How much of each direction reaches each receiver, uint8 [R, D]: precomputed transfer (Sloan et al. 2002).

    One orthographic depth map a direction; `strands` [S, P, 3] (hair) are drawn into it too and let a little through.
    """
    center = np.array([0.0, 7.0, 0.5], np.float32)
    scale = size / 4.4
    out = np.empty((len(receivers), len(directions)), np.uint8)
    for column, toward in enumerate(directions):
        up = np.array([0.0, 1.0, 0.0]) if abs(toward[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
        right = np.cross(up, toward)
        right /= np.linalg.norm(right)
        basis = np.stack([right, np.cross(toward, right), -toward]).astype(np.float32)

        def view(p: Array, basis: Array = basis) -> Array:
            q = (p - center) @ basis.T
            q[:, :2] = q[:, :2] * scale + size / 2
            return np.ascontiguousarray(q, dtype=np.float32)

        depth = np.full((size, size), np.inf, np.float32)
        ids = np.full((size, size), -1, np.int32)
        rasterize(view(points), triangles, depth, ids)
        if strands is not None:
            splat_depth(view(strands.reshape(-1, 3)).reshape(strands.shape), depth)
        _lookup_visibility(view(receivers), depth, bias, out, column)
    return out


@numba.njit(fastmath=True, cache=True)
def splat_depth(strands: Array, depth: Array) -> None:
    """Draw strands [S, P, 3] (already in the depth map's coordinates) as points into a depth map."""
    height, width = depth.shape
    for s in range(strands.shape[0]):
        for p in range(strands.shape[1] - 1):
            for k in range(4):
                f = k * 0.25
                x = int(strands[s, p, 0] * (1 - f) + strands[s, p + 1, 0] * f)
                y = int(strands[s, p, 1] * (1 - f) + strands[s, p + 1, 1] * f)
                z = strands[s, p, 2] * (1 - f) + strands[s, p + 1, 2] * f
                if 0 <= x < width and 0 <= y < height and z < depth[y, x]:
                    depth[y, x] = z


@numba.njit(parallel=True, fastmath=True, cache=True)
def gather_light(normals: Array, visibility: npt.NDArray[np.uint8], open_visibility: npt.NDArray[np.uint8],
                 openness: float, head: Array, directions: Array, head_radiance: Array, body_radiance: Array,
                 lobes: Array, head_normals: Array, needed: npt.NDArray[np.bool_]) -> Array:
    """Light at every vertex, float32 [N, 3 + L]: irradiance (RGB), then how much of each lamp is seen.

    needed [N]: where; zero elsewhere.

    `head` [N] in [0, 1]: how far the vertex turns with the head. `directions` and the two radiance tables [D, 3] are in
    the head's and the body's frame; so are `head_normals` and `normals`. `lobes` [D, L] weigh the directions of a lamp.
    """
    n, d, lamps = normals.shape[0], directions.shape[0], lobes.shape[1]
    out = np.zeros((n, 3 + lamps), np.float32)
    for i in numba.prange(n):
        if not needed[i]:
            continue
        w = head[i]
        for k in range(d):
            v = (visibility[i, k] * (1 - openness) + open_visibility[i, k] * openness) / 255.0
            if v <= 0:
                continue
            ch = (head_normals[i, 0] * directions[k, 0] + head_normals[i, 1] * directions[k, 1]
                  + head_normals[i, 2] * directions[k, 2])
            cb = (normals[i, 0] * directions[k, 0] + normals[i, 1] * directions[k, 1]
                  + normals[i, 2] * directions[k, 2])
            ch = max(np.float32(0.0), ch) * w * v
            cb = max(np.float32(0.0), cb) * (1 - w) * v
            for c in range(3):
                out[i, c] += ch * head_radiance[k, c] + cb * body_radiance[k, c]
            for c in range(lamps):
                out[i, 3 + c] += v * lobes[k, c]
    return out


@numba.njit(parallel=True, fastmath=True, cache=True)
def draw_strands(points: Array, colors: Array, alphas: Array, order: npt.NDArray[np.int32], depth: Array,
                 image: Array, coverage: Array, bias: float) -> None:
    """Blend strands far to near over `image` [H, W, 3], hidden where the surface is nearer.

    points float32 [S, P, 3] in samples; colors [S, P, 3] linear; alphas [S, P]; order: strand numbers, far first;
    coverage [H, W] gathers the opacity. A strand is about one sample wide, with linear antialiasing across.
    """
    height, width = depth.shape
    parts = points.shape[1] - 1
    for band in numba.prange(BANDS):
        top, bottom = band * height // BANDS, (band + 1) * height // BANDS
        for index in range(order.shape[0]):
            s = order[index]
            for p in range(parts):
                xa, ya, xb, yb = points[s, p, 0], points[s, p, 1], points[s, p + 1, 0], points[s, p + 1, 1]
                if max(ya, yb) < top - 1 or min(ya, yb) > bottom + 1:
                    continue
                steep = abs(yb - ya) > abs(xb - xa)
                length = max(abs(yb - ya), abs(xb - xa))
                steps = max(1, int(np.ceil(length)))
                for k in range(steps):
                    f = np.float32((k + 0.5) / steps)
                    x, y = xa + (xb - xa) * f, ya + (yb - ya) * f
                    z = points[s, p, 2] + (points[s, p + 1, 2] - points[s, p, 2]) * f
                    share = min(np.float32(1.0), length / steps)
                    main = y if steep else x
                    side = x if steep else y
                    base = int(np.floor(side - 0.5))
                    part = side - 0.5 - base
                    for e in range(2):
                        weight = part if e == 1 else 1 - part
                        px = base + e if steep else int(main)
                        py = int(main) if steep else base + e
                        if py < top or py >= bottom or px < 0 or px >= width or z - bias > depth[py, px]:
                            continue
                        a = weight * share * (alphas[s, p] * (1 - f) + alphas[s, p + 1] * f)
                        for c in range(3):
                            value = colors[s, p, c] * (1 - f) + colors[s, p + 1, c] * f
                            image[py, px, c] += a * (value - image[py, px, c])
                        coverage[py, px] += a * (1 - coverage[py, px])
