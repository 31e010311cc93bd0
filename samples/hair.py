"""Hair, brows and lashes as strands. All rest positions are decimetres in the neutral head's frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from samples.head import SKIN, Head, smoothstep
from samples.mesh import load_base

Points = npt.NDArray[np.float64]
SKULL = np.array([0.0, 7.35, 0.2])


@dataclass(frozen=True)
class Strands:
    """points float32 [S, P, 3]; shade float32 [S], a brightness factor; alpha float32 [S, P] in [0, 1]."""

    points: npt.NDArray[np.float32]
    shade: npt.NDArray[np.float32]
    alpha: npt.NDArray[np.float32]


@dataclass(frozen=True)
class BoundStrands:
    """Strands that move with the skin: point = the root's place on the mesh + offset turned with the head.

    corners int32 [S, 4] and weights [S, 4] give the root; offset float64 [S, P, 3].
    """

    corners: npt.NDArray[np.int32]
    weights: Points
    offset: Points
    shade: npt.NDArray[np.float32]
    alpha: npt.NDArray[np.float32]

    def place(self, vertices: npt.NDArray[np.float32], turn: Points) -> npt.NDArray[np.float32]:
        roots = np.einsum("sk,skc->sc", self.weights, vertices[self.corners])
        return (roots[:, None] + self.offset @ turn.T).astype(np.float32)


def _sample_quads(head: Head, weight: Points, count: int, rng: np.random.Generator,
                  ) -> tuple[npt.NDArray[np.int32], Points]:
    """Random points on skin quads, as corner numbers [S, 4] and bilinear weights [S, 4]."""
    quads = head.quads[head.quad_material == SKIN]
    p = head.rest[quads]
    area = np.linalg.norm(np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 1]), axis=1)
    chance = area * weight[quads].mean(1)
    pick = rng.choice(len(quads), count, p=chance / chance.sum())
    u, v = rng.random((2, count))
    return quads[pick], np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], axis=1)


def scalp_mask(head: Head) -> Points:
    """Where hair grows, in [0, 1] per vertex (body vertices only; 0 elsewhere)."""
    x, y, z = np.abs(head.base[:, 0]), head.base[:, 1], head.base[:, 2]
    recede = 0.10 * (1 - head.identity.female) * np.exp(-(((x - 0.42) / 0.16) ** 2))
    low = 0.05 + 0.05 * (1 - head.identity.female)
    front = np.interp(y + recede + low * (y > 7.5), [6.30, 6.45, 6.85, 6.95, 7.05, 7.3, 7.6, 7.85, 8.0, 8.1, 8.2],
                      [-0.9, -0.25, 0.0, 0.25, 0.60, 0.66, 0.70, 0.88, 1.10, 1.32, 2.2])
    ears = cv2.imread(str(head.folder / "mpfb2/textures/mpfb_ears.jpg"), cv2.IMREAD_GRAYSCALE)
    size = len(ears)
    ear = ears[np.clip(((1 - head.uv[:, 1]) * size).astype(int), 0, size - 1),
               np.clip((head.uv[:, 0] * size).astype(int), 0, size - 1)] / 255.0
    mask = smoothstep(-0.09, 0.13, front - z) * (1 - ear) * (y > 6.2)
    if head.identity.bald:
        mask *= 1 - head.identity.bald * smoothstep(7.2, 7.65, y + 0.25 * z)
    out = np.zeros(len(head.rest))
    out[: len(mask)] = mask
    return out


class _Skull:
    """How far the head reaches in each direction from its middle: what hair must stay outside of."""

    def __init__(self, head: Head) -> None:
        body = head.rest[: head.body_count]
        body = body[(body[:, 1] > 6.0)]
        d = body - SKULL
        r = np.linalg.norm(d, axis=1)
        grid = np.zeros((48, 96))
        np.maximum.at(grid, self._cell(d), r)
        for _ in range(12):
            grown = cv2.dilate(grid, np.ones((3, 3)))
            grid = np.where(grid == 0, grown, grid)
        self.grid = cv2.GaussianBlur(np.hstack([grid, grid, grid]), (0, 0), 1.2)[:, 96:192]

    @staticmethod
    def _cell(d: Points) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        polar = np.arccos(np.clip(d[:, 1] / (np.linalg.norm(d, axis=1) + 1e-9), -1, 1))
        around = np.arctan2(d[:, 0], d[:, 2])
        return (np.clip((polar / np.pi * 48).astype(int), 0, 47),
                np.clip(((around + np.pi) / (2 * np.pi) * 96).astype(int), 0, 95))

    def push_out(self, p: Points, clearance: Points) -> Points:
        d = p - SKULL
        r = np.linalg.norm(d, axis=1)
        limit = self.grid[self._cell(d)] + clearance
        inside = (r < limit) & (p[:, 1] > 6.1)
        scale = np.where(inside, limit / np.maximum(r, 1e-6), 1.0)
        return SKULL + d * scale[:, None]


def grow_hair(head: Head) -> Strands:
    """The hair of the head in its identity's style."""
    identity, count, segments = head.identity, head.detail.strands, head.detail.segments
    rng = np.random.default_rng((identity.seed, 11))
    corners, weights = _sample_quads(head, scalp_mask(head), count, rng)
    root = np.einsum("sk,skc->sc", weights, head.rest[corners])
    base = np.einsum("sk,skc->sc", weights, np.vstack([head.base, np.zeros((len(head.rest) - len(head.base), 3))])[
        corners])
    normal = root - (SKULL + np.array([0, -0.15, 0]))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    skull = _Skull(head)
    style = STYLES[identity.hair_style]
    length = style.length(base, rng)
    step = (length / (segments - 1))[:, None]
    clearance = style.volume(base) * (0.25 + 0.75 * rng.random(count))
    direction = normal * style.lift + style.comb(base, root)
    direction += rng.normal(0, style.mess, direction.shape)
    p = root.copy()
    points = [p]
    wave = rng.uniform(0, 2 * np.pi, count // 60 + 1)[rng.integers(0, count // 60 + 1, count)]
    for k in range(1, segments):
        f = k / (segments - 1)
        unit = direction / (np.linalg.norm(direction, axis=1, keepdims=True) + 1e-9)
        p = p + unit * step
        p = skull.push_out(p, clearance * min(1.0, 2.2 * f) + 0.004)
        points.append(p)
        pull = style.pull(p, base, f)
        direction = unit * (1 - style.bend) + pull * style.bend
        swing = style.wave * np.sin(wave + 9 * f)[:, None] * np.array([1.0, 0.0, 0.6])
        direction = direction + swing + rng.normal(0, style.mess * 0.12, p.shape)
    strands = _clump(np.stack(points, axis=1), rng, style.clump)
    shade = np.clip(rng.normal(1, 0.16, count), 0.5, 1.7)
    alpha = np.linspace(0.62, 0.28, segments) * head.detail.strand_alpha * style.density
    alpha = np.broadcast_to(np.minimum(alpha, 1.0), (count, segments)).copy()
    return Strands(strands.astype(np.float32), shade.astype(np.float32), alpha.astype(np.float32))


def _clump(points: Points, rng: np.random.Generator, strength: float) -> Points:
    """Draw each strand towards its nearest guide, more so at the tip."""
    from scipy.spatial import cKDTree

    guides = rng.choice(len(points), max(8, len(points) // 40), replace=False)
    nearest = guides[cKDTree(points[guides, 0]).query(points[:, 0])[1]]
    f = (np.linspace(0, 1, points.shape[1]) ** 1.3)[None, :, None] * strength
    f = f * rng.uniform(0.3, 1.0, (len(points), 1, 1))
    away = points[:, :1] - points[nearest][:, :1]
    return points * (1 - f) + (points[nearest] + away * 0.35) * f


@dataclass(frozen=True)
class _Short:
    lift: float = 0.55
    mess: float = 0.16
    bend: float = 0.16
    wave: float = 0.02
    clump: float = 0.55
    density: float = 1.0
    size: float = 1.0

    def length(self, base: Points, rng: np.random.Generator) -> Points:
        top = smoothstep(7.35, 8.3, base[:, 1] + 0.15 * base[:, 2])
        return (0.10 + 0.24 * top) * self.size * rng.uniform(0.7, 1.1, len(base))

    def volume(self, base: Points) -> Points:
        return 0.03 + 0.09 * smoothstep(7.6, 8.3, base[:, 1])

    def comb(self, base: Points, root: Points) -> Points:
        top = smoothstep(7.5, 8.2, base[:, 1])[:, None]
        side = np.tanh((base[:, :1] + 0.30) / 0.12)
        up = np.concatenate([side * 0.55, np.full_like(side, 0.55), np.full_like(side, -0.55)], axis=1)
        down = np.array([0.0, -0.85, -0.45])
        return up * top + down * (1 - top)

    def pull(self, p: Points, base: Points, f: float) -> Points:
        out = np.zeros_like(p)
        out[:, 1] = -0.55
        out[:, 2] = -0.65
        out[:, 0] = 0.30 * np.tanh((base[:, 0] + 0.30) / 0.12)
        return out


@dataclass(frozen=True)
class _Ball(_Short):
    """Stands off the head to all sides."""

    lift: float = 1.0
    mess: float = 0.30
    bend: float = 0.12
    wave: float = 0.8
    clump: float = 0.15

    def length(self, base: Points, rng: np.random.Generator) -> Points:
        top = smoothstep(6.7, 7.8, base[:, 1])
        return (0.18 + 0.42 * top) * self.size * rng.uniform(0.75, 1.05, len(base))

    def comb(self, base: Points, root: Points) -> Points:
        return np.zeros_like(root)

    def pull(self, p: Points, base: Points, f: float) -> Points:
        return np.zeros_like(p)


@dataclass(frozen=True)
class _Back(_Short):
    """Combed straight back."""

    lift: float = 0.35
    mess: float = 0.06
    bend: float = 0.4

    def comb(self, base: Points, root: Points) -> Points:
        return np.broadcast_to([0.0, 0.25, -1.0], root.shape).copy()

    def pull(self, p: Points, base: Points, f: float) -> Points:
        return np.broadcast_to([0.0, -0.35, -1.0], p.shape).copy()


@dataclass(frozen=True)
class _Bob:
    """To the jaw or the shoulders, parted at one side."""

    density: float = 1.0
    bottom: float = 6.05
    lift: float = 0.10
    mess: float = 0.04
    bend: float = 0.55
    wave: float = 0.012
    clump: float = 0.45

    def length(self, base: Points, rng: np.random.Generator) -> Points:
        over = 0.60 * smoothstep(7.7, 8.4, base[:, 1])
        return np.maximum(0.3, (base[:, 1] - self.bottom) * 1.05 + over) * rng.uniform(0.93, 1.02, len(base))

    def volume(self, base: Points) -> Points:
        return 0.04 + 0.07 * smoothstep(7.2, 8.2, base[:, 1])

    def comb(self, base: Points, root: Points) -> Points:
        return self.pull(root, base, 0.0)

    def pull(self, p: Points, base: Points, f: float) -> Points:
        """Along the skull, away from the parting, then straight down."""
        side = np.tanh((base[:, 0] - 0.20) / 0.06)
        out = np.zeros_like(p)
        over = smoothstep(7.55, 8.15, p[:, 1])
        wide = np.abs(p[:, 0])
        inward = 0.24 * smoothstep(0.80, 1.0, wide) + 0.08 * (p[:, 1] < 6.6)
        out[:, 0] = side * over * smoothstep(0.75, 0.35, wide) - np.sign(p[:, 0]) * inward
        out[:, 1] = -1.0 + 0.55 * over
        face = smoothstep(0.55, 1.1, p[:, 2])
        out[:, 2] = -0.75 * face - 0.10 * over
        normal = p - SKULL
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        rising = np.maximum(0.0, (out * normal).sum(1, keepdims=True)) * (p[:, 1:2] > 6.9)
        return out - normal * rising


@dataclass(frozen=True)
class _Tied(_Bob):
    """Drawn back into a knot."""

    lift: float = 0.12
    mess: float = 0.025
    bend: float = 0.6
    clump: float = 0.25
    knot: tuple[float, float, float] = (0.0, 7.15, -0.92)

    def length(self, base: Points, rng: np.random.Generator) -> Points:
        return np.linalg.norm(base - np.array(self.knot), axis=1) * 1.22 * rng.uniform(0.92, 1.0, len(base)) + 0.55

    def volume(self, base: Points) -> Points:
        return np.full(len(base), 0.045)

    def comb(self, base: Points, root: Points) -> Points:
        return self.pull(root, base, 0.0)

    def pull(self, p: Points, base: Points, f: float) -> Points:
        toward = np.array(self.knot) - p
        near = np.linalg.norm(toward, axis=1, keepdims=True)
        toward = toward / (near + 1e-6)
        around = np.cross(toward, np.array([0.25, 0.1, 1.0]) + 0.8 * np.sin(40 * base))
        return np.where(near < 0.24, around + toward * (near - 0.17) * 8, toward)


STYLES = {"short": _Short(), "bob": _Bob(), "long": _Bob(bottom=5.35), "tied": _Tied(), "back": _Back(size=1.3),
          "crop": _Short(size=0.45, mess=0.3), "shaved": _Short(size=0.12, lift=1.0, mess=0.4, density=0.55),
          "messy": _Short(size=1.2, mess=0.45, wave=0.12, clump=0.75), "curls": _Ball(size=0.55),
          "ball": _Ball(), "wavy": _Bob(bottom=5.7, wave=0.10, mess=0.08, clump=0.65),
          "chin": _Bob(bottom=6.35, wave=0.05)}

BEARDS: dict[str, tuple[float, float]] = {"full": (0.15, 1.0), "short": (0.06, 0.8), "goatee": (0.12, 0.45),
                                          "moustache": (0.07, 0.3), "long": (0.32, 1.2)}
"""Length (dm) and share of the strands of each."""
_BEARD_STRANDS = 9000

BROW = np.array([[0.105, 7.452], [0.17, 7.478], [0.26, 7.503], [0.35, 7.515], [0.43, 7.503], [0.50, 7.466],
                 [0.545, 7.43]])
"""The brow's middle line on the base mesh (x, y) from the nose outwards."""


def grow_brows(head: Head, segments: int = 5) -> BoundStrands:
    """Both brows."""
    identity, count = head.identity, head.detail.brows
    rng = np.random.default_rng((identity.seed, 12))
    quads = head.quads[head.quad_material == SKIN]
    quads = quads[quads.max(1) < len(head.base)]
    center = head.base[quads].mean(1)
    front = (center[:, 2] > 0.9) & (center[:, 1] > 7.35) & (center[:, 1] < 7.75)
    quads, center = quads[front], center[front]
    from scipy.spatial import cKDTree

    tree = cKDTree(center[:, :2])
    line_step = np.r_[0, np.cumsum(np.linalg.norm(np.diff(BROW, axis=0), axis=1))]
    total = int(count * identity.brow_density)
    s = rng.random(total) ** 0.9 * line_step[-1]
    side = np.where(np.arange(total) % 2, 1.0, -1.0)
    f = s / line_step[-1]
    x, y = np.interp(s, line_step, BROW[:, 0]), np.interp(s, line_step, BROW[:, 1])
    thick = (0.040 - 0.012 * identity.female) * np.sin(np.pi * np.clip(0.16 + 0.84 * f, 0, 1)) ** 0.6 * (1 - 0.35 * f)
    y = y + np.clip(rng.normal(0, 0.55, total), -1, 1) * thick
    picked = quads[tree.query(np.stack([x * side, y], axis=1))[1]]
    weights = rng.dirichlet(np.ones(4) * 2, total)
    slope = np.interp(f, [0, 0.25, 0.6, 1], [1.25, 0.5, 0.1, -0.55]) + rng.normal(0, 0.16, total)
    size = (0.062 + 0.03 * np.sin(np.pi * f)) * rng.uniform(0.6, 1.1, total) * (1 - 0.2 * identity.female)
    t = np.linspace(0, 1, segments)[None]
    dx = np.cos(slope)[:, None] * size[:, None] * t
    dy = np.sin(slope)[:, None] * size[:, None] * t - 0.010 * t**2
    back = -(0.25 + 0.55 * f)[:, None] * dx
    offset = np.stack([dx * side[:, None], dy, back + 0.010 + 0.012 * np.sin(np.pi * t)], axis=2)
    alpha = np.broadcast_to(np.array([0.35, 0.6, 0.6, 0.45, 0.15]), (total, segments)).copy()
    return BoundStrands(picked, weights, offset, np.clip(rng.normal(1, 0.15, total), 0.6, 1.5).astype(np.float32),
                        alpha.astype(np.float32))


def grow_beard(head: Head, where: npt.NDArray[np.float32], segments: int = 4) -> BoundStrands:
    """A beard on the skin, as dense as ``where`` [N] says."""
    identity = head.identity
    length, share = BEARDS[identity.beard]
    rng = np.random.default_rng((identity.seed, 14))
    x, y = np.abs(head.base[:, 0]), head.base[:, 1]
    region = {"goatee": ((x < 0.27) & (y < 6.86)).astype(float),
              "moustache": ((x < 0.30) & (y > 6.66)).astype(float)}.get(identity.beard, np.ones(len(x)))
    region *= smoothstep(-0.04, 0.08, y - 6.0 - 0.5 * np.maximum(0, 0.95 - head.base[:, 2]))  # not down the neck
    weight = where.astype(float).copy()
    weight[: len(region)] *= region
    corners, weights = _sample_quads(head, weight, int(_BEARD_STRANDS * share), rng)
    root = np.einsum("sk,skc->sc", weights, head.rest[corners])
    base = np.einsum("sk,skc->sc", weights, head.base[corners])
    out = root - np.array([0.0, 6.8, 0.35])
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    moustache = smoothstep(6.62, 6.70, base[:, 1])[:, None] * (np.abs(base[:, :1]) < 0.30)
    comb = np.array([0.0, -0.9, 0.1]) * (1 - moustache) + moustache * np.concatenate(
        [np.sign(base[:, :1]) * 0.75, np.full_like(moustache, -0.45), np.full_like(moustache, 0.25)], axis=1)
    direction = 0.45 * out + comb + rng.normal(0, 0.22, root.shape)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    size = length * rng.uniform(0.55, 1.1, len(root)) * (1 - moustache[:, 0] * (1 - min(1.0, 0.075 / length)))
    t = np.linspace(0, 1, segments)[None, :, None]
    offset = direction[:, None] * size[:, None, None] * t + np.array([0.0, -0.25, 0.0]) * size[:, None, None] * t**2
    offset += out[:, None] * 0.008
    alpha = np.broadcast_to(np.linspace(0.75, 0.3, segments), (len(root), segments)).copy()
    return BoundStrands(corners, weights, offset, np.clip(rng.normal(1, 0.18, len(root)), 0.6, 1.5).astype(np.float32),
                        alpha.astype(np.float32))


class Lashes:
    """Lashes grown between the root and tip lines of the base mesh's lash placeholders."""

    SEGMENTS = 6

    def __init__(self, head: Head) -> None:
        mesh = load_base(head.folder)
        rng = np.random.default_rng((head.identity.seed, 13))
        self.lines: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Points, float]] = []
        for side in ("l", "r"):
            middle = mesh.points[np.unique(mesh.quads[f"helper-{side}-eye"])].mean(0)
            for row, amount, size in ((2, 110, 0.8), (1, 34, 0.32)):
                index = np.unique(mesh.quads[f"helper-{side}-eyelashes-{row}"])
                p = mesh.points[index]
                far = np.linalg.norm(p - middle, axis=1)
                angle = p[:, 0]
                low, high = np.quantile(far, [0.3, 0.7])
                root, tip = index[far <= low], index[far >= high]
                root = root[np.argsort(mesh.points[root, 0])]
                tip = tip[np.argsort(mesh.points[tip, 0])]
                del angle
                t = np.sort(rng.random(amount))
                self.lines.append((root, tip, t, size * (0.75 + 0.4 * head.identity.female)))
        self.rng_shift = [rng.normal(0, 0.02, len(t)) for _, _, t, _ in self.lines]

    def place(self, coarse: Points) -> npt.NDArray[np.float32]:
        """Rest-frame positions [S, P, 3] for expressed base vertices."""
        out = []
        f = np.linspace(0, 1, self.SEGMENTS)[None, :, None]
        for (root, tip, t, size), shift in zip(self.lines, self.rng_shift, strict=True):
            a, b = _line(coarse[root], t), _line(coarse[tip], np.clip(t + shift, 0, 1))
            upper = 1.0 if coarse[tip, 1].mean() > coarse[root, 1].mean() else -1.0
            grow = (b - a)[:, None] * f * size
            curl = np.array([0.0, 0.02 * upper, 0.0]) * (f**2 - 0.3 * f)
            out.append(a[:, None] + grow + curl)
        return np.concatenate(out).astype(np.float32)


def _line(points: Points, t: Points) -> Points:
    steps = np.linspace(0, 1, len(points))
    return np.stack([np.interp(t, steps, points[:, k]) for k in range(3)], axis=1)
