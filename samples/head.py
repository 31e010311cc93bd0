"""A head that is no real person's: identity parameters → a posable mesh with eyes, teeth and hair roots."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from samples.mesh import CROP_BELOW, apply_targets, catmull_clark, load_base
from samples.render import vertex_fans, vertex_normals

Array = npt.NDArray[np.float32]

SKIN, CLOTH, MOUTH, TOOTH, GUM, TONGUE, EYE, JACKET, FRAME = range(9)
LIP_UPPER, LIP_LOWER = 474, 493
"""Base vertices at the middle of the inner upper and lower lip."""
TONGUE_SETTLE = np.array([0.0, -0.085, -0.05])
"""The placeholder tongue fills the closed mouth; a talking one lies lower."""
NECK_PIVOT = np.array([0.0, 6.25, 0.25])


@dataclass(frozen=True)
class Detail:
    """How finely a person is made. `FULL` is for pictures that are looked at, `LIGHT` for many small ones.

    subdivisions: Catmull-Clark steps. directions and bake_size: of the baked visibility. strands, segments: of the
    hair. strand_alpha: their opacity. texture: rows of the skin's detail. samples: per pixel and axis for strands;
    with 1 the picture comes at the camera's own size, else at twice that.
    """

    subdivisions: int = 2
    directions: int = 84
    bake_size: int = 340
    strands: int = 30000
    segments: int = 11
    brows: int = 900
    strand_alpha: float = 1.0
    texture: int = 2048
    samples: int = 2
    rear_gums: bool = True
    """Whether gums reach behind the eye teeth; narrow jaws of wilder faces would let them through the cheeks."""


FULL = Detail()
LIGHT = Detail(subdivisions=1, directions=40, bake_size=170, strands=4500, segments=8, brows=600, strand_alpha=1.3,
               texture=1024, samples=1, rear_gums=False)


@dataclass(frozen=True)
class Identity:
    """Everything that makes one invented person. Colours are linear RGB reflectances."""

    seed: int
    female: float
    targets: dict[str, float] = field(default_factory=dict)
    skin: tuple[float, float, float] = (0.50, 0.31, 0.225)
    ruddiness: float = 1.0
    freckles: float = 0.0
    lips: tuple[float, float, float] = (0.42, 0.17, 0.15)
    lip_strength: float = 0.65
    iris: tuple[float, float, float] = (0.16, 0.09, 0.045)
    hair: tuple[float, float, float] = (0.045, 0.026, 0.016)
    hair_style: str = "short"
    brow_density: float = 1.0
    stubble: float = 0.0
    jacket: bool = False
    jacket_color: tuple[float, float, float] = (0.03, 0.033, 0.04)
    cloth: tuple[float, float, float] = (0.05, 0.075, 0.12)
    teeth: tuple[float, float, float] = (0.82, 0.75, 0.63)
    origins: dict[str, float] = field(default_factory=lambda: {"caucasian": 1.0})
    """Shares of the face's macro shapes: african, asian, caucasian."""
    age: float = 0.0
    """0 young, 1 old."""
    fat: float = 0.0
    """-1 thin, 1 fat."""
    bald: float = 0.0
    beard: str = ""
    """A key of `hair.BEARDS`, or none."""
    beard_color: tuple[float, float, float] | None = None
    glasses: str = ""
    """A key of `corpus_glasses.SHAPES`, or none."""
    frame: tuple[float, float, float] = (0.02, 0.02, 0.02)

    @classmethod
    def random(cls, seed: int, female: bool | None = None) -> Identity:
        """An identity drawn from `seed`; the same seed always gives the same person."""
        rng = np.random.default_rng(seed)
        sex = float(rng.random() < 0.5) if female is None else float(female)
        both = ["head/head-oval", "head/head-round", "head/head-square", "head/head-triangular", "head/head-diamond",
                "chin/chin-width-incr", "chin/chin-width-decr", "chin/chin-prominent-incr", "chin/chin-height-incr",
                "nose/nose-scale-vert-incr", "nose/nose-hump-incr", "nose/nose-width2-incr", "nose/nose-width2-decr",
                "nose/nose-point-up", "nose/nose-point-down", "mouth/mouth-scale-horiz-incr",
                "mouth/mouth-upperlip-volume-incr", "mouth/mouth-lowerlip-volume-incr", "eyebrows/eyebrows-trans-up",
                "forehead/forehead-scale-vert-incr", "mouth/mouth-scale-horiz-decr", "chin/chin-jaw-drop-incr"]
        paired = ["cheek/{}-cheek-bones-incr", "cheek/{}-cheek-volume-incr", "cheek/{}-cheek-volume-decr",
                  "eyes/{}-eye-scale-incr", "eyes/{}-eye-corner1-up", "eyes/{}-eye-height2-incr",
                  "eyes/{}-eye-trans-out", "eyes/{}-eye-bag-incr"]
        targets = {name: float(rng.uniform(0, 0.55)) for name in rng.choice(both, 8, replace=False)}
        for name in rng.choice(paired, 4, replace=False):
            value = float(rng.uniform(0, 0.5))
            targets |= {name.format(side): value * float(rng.uniform(0.85, 1.15)) for side in "lr"}
        tone = rng.random() ** 1.3
        light, dark = np.array([0.58, 0.37, 0.28]), np.array([0.16, 0.075, 0.04])
        skin = light * (1 - tone) + dark * tone
        shade = rng.random() ** 2
        hair = np.array([0.02, 0.013, 0.01]) * (1 - shade) + np.array([0.22, 0.13, 0.06]) * shade * (1 - 0.7 * tone)
        iris = [(0.12, 0.06, 0.03), (0.10, 0.11, 0.06), (0.10, 0.17, 0.24)][int(rng.choice(3, p=[0.6, 0.2, 0.2]))]
        return cls(seed, sex, targets, tuple(skin), float(rng.uniform(0.6, 1.3)), float(rng.random() ** 3),
                   tuple(skin * np.array([0.85, 0.55, 0.62])), 0.6, iris, tuple(hair),
                   str(rng.choice(["short", "bob", "long", "tied"])) if sex > 0.5 else "short",
                   float(rng.uniform(0.6, 1.2)), float(rng.random() ** 2) * (1 - sex),
                   tuple(rng.uniform(0.03, 0.3, 3)))

    def shape_weights(self) -> dict[str, float]:
        """All shape targets, the sex/age/build macros included."""
        weights = dict(self.targets)
        for sex, share in (("female", self.female), ("male", 1 - self.female)):
            for years, part in (("young", share * (1 - self.age)), ("old", share * self.age)):
                for origin, amount in self.origins.items():
                    weights[f"macrodetails/{origin}-{sex}-{years}"] = part * amount
                universal = f"macrodetails/universal-{sex}-{years}-averagemuscle"
                weights[f"{universal}-averageweight"] = part * (1 - abs(self.fat))
                weights[f"{universal}-{'max' if self.fat > 0 else 'min'}weight"] = part * abs(self.fat)
        return weights

    def with_targets(self, **targets: float) -> Identity:
        return replace(self, targets={**self.targets, **targets})


def smoothstep(low: float, high: float, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """0 below `low`, 1 above `high`, smooth between (either order)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def rotation(yaw: float, pitch: float, roll: float) -> npt.NDArray[np.float64]:
    """Degrees → a 3×3 matrix; yaw > 0 turns to the picture's right, pitch > 0 looks down, roll > 0 leans right."""
    y, p, r = np.deg2rad([yaw, pitch, -roll])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rx = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    rz = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return ry @ rx @ rz


def _rotate_partly(points: npt.NDArray[np.float64], matrix: npt.NDArray[np.float64], weight: npt.NDArray[np.float64],
                   pivot: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Turn each point by its share of the rotation (Rodrigues)."""
    vector, _ = cv2.Rodrigues(matrix)
    angle = float(np.linalg.norm(vector))
    if angle < 1e-9:
        return points
    axis = vector.ravel() / angle
    p = points - pivot
    a = (angle * weight)[:, None]
    turned = p * np.cos(a) + np.cross(axis, p) * np.sin(a) + np.outer(p @ axis, axis) * (1 - np.cos(a))
    return turned + pivot


class Head:
    """A posable head and shoulders.

    After construction: `quads` and `triangles` (int32), `material` per triangle, `rest` (float32 [N, 3], the neutral
    shape), `base` (the unmorphed mesh, where masks are defined), `follow` [N] (share of the head's rotation).
    """

    def __init__(self, identity: Identity, folder: Path, detail: Detail = FULL) -> None:
        self.identity, self.detail = identity, detail
        self.folder = folder
        mesh = load_base(folder)
        shaped = apply_targets(folder, mesh.points, identity.shape_weights())
        eyes = np.concatenate([np.unique(mesh.quads["helper-l-eye"]), np.unique(mesh.quads["helper-r-eye"])])
        self.coarse_rest = shaped - shaped[eyes].mean(0) + mesh.points[eyes].mean(0)
        tongue_rows = np.unique(mesh.quads["helper-tongue"])
        self.coarse_rest[tongue_rows] += TONGUE_SETTLE
        body, uv = self._crop(mesh.points, mesh.quads["body"], mesh.quad_uv["body"])
        tongue = mesh.quads["helper-tongue"]
        quads = np.concatenate([body, tongue])
        kind = np.concatenate([self._body_material(uv), np.full(len(tongue), TONGUE)])
        used = np.unique(quads)
        local = np.full(len(mesh.points), -1, np.int32)
        local[used] = np.arange(len(used))
        step, fine = catmull_clark(local[quads], len(used))
        for _ in range(1, detail.subdivisions):
            finer, fine = catmull_clark(fine, step.shape[0])
            step = finer @ step
        self.coarse_quads, self.used, self.local = quads, used, local
        self._subdivide = step.tocsr()
        self.base = np.asarray(self._subdivide @ mesh.points[used])
        self.uv = np.asarray(self._subdivide @ mesh.uv[used])
        coarser = fine.reshape(-1, 4, 4)[:, :, 0]
        self._coarse_follow = self._follow_weights(mesh.points)
        self.body_follow = np.clip(self._subdivide @ self._coarse_follow[used], 0, 1)
        self._build_parts(mesh.points, mesh.quads, fine, np.repeat(kind, 4**detail.subdivisions), coarser)

    @staticmethod
    def _crop(points: npt.NDArray[np.float64], quads: npt.NDArray[np.int32], uv: npt.NDArray[np.float64],
              ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        corner = points[quads]
        keep = (corner[:, :, 1].min(1) > CROP_BELOW) & (np.abs(corner[:, :, 0]).max(1) < 3.7)
        return quads[keep], uv[keep]

    def _body_material(self, uv: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        mask = cv2.imread(str(self.folder / "mpfb2/textures/mpfb_inside-mouth.jpg"), cv2.IMREAD_GRAYSCALE)
        size = mask.shape[0]
        middle = uv.mean(1)
        inside = mask[np.clip(((1 - middle[:, 1]) * size).astype(int), 0, size - 1),
                      np.clip((middle[:, 0] * size).astype(int), 0, size - 1)] > 127
        return np.where(inside, MOUTH, SKIN)

    @staticmethod
    def _follow_weights(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return smoothstep(5.55, 6.3, points[:, 1] + 0.12 * points[:, 2])

    def _garments(self, fine: npt.NDArray[np.int32], rest: npt.NDArray[np.float64],
                  ) -> list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float64]]]:
        """Layers of clothing: for each, rows of the body that it copies, its quads (numbered within), and offsets.

        A garment is the body's surface pushed out; towards its hem it dives under the skin, so that the visible edge
        is a smooth curve whatever the mesh.
        """
        layers = []
        start, fan = vertex_fans(fine, len(rest))
        normals = vertex_normals(rest.astype(np.float32), fine, start, fan).astype(np.float64)
        for below, thickness in self._garment_shapes():
            keep = (below[fine] > -0.05).all(1)
            rows = np.unique(fine[keep])
            number = np.full(len(rest), -1, np.int32)
            number[rows] = np.arange(len(rows))
            quads = number[fine[keep]]
            smooth = _relax(rest[rows], quads, 12)
            depth = thickness * (smoothstep(-0.03, 0.03, below[rows]) * 1.9 - 0.9)
            layers.append((rows.astype(np.int32), quads, smooth + normals[rows] * depth[:, None] - rest[rows]))
        return layers

    def _garment_shapes(self) -> list[tuple[npt.NDArray[np.float64], float]]:
        """(signed distance below the hem at every body vertex, thickness), inner layer first."""
        x, y, z = self.base[:, 0], self.base[:, 1], self.base[:, 2]
        shapes = [(0.9 * (np.hypot(x, 0.8 * (z - 0.2)) - 0.74) + 0.75 * (5.60 - y), 0.055)]
        if self.identity.jacket:
            back = 5.74 - y
            opening = np.abs(x) - (0.12 + 0.62 * np.clip((y - 4.0) / 1.6, 0, 1.4))
            shapes.append((np.where(z > 0.25, np.minimum(back, opening), back), 0.12))
        return shapes

    def _build_parts(self, points: npt.NDArray[np.float64], groups: dict[str, npt.NDArray[np.int32]],
                     fine: npt.NDArray[np.int32], kind: npt.NDArray[np.int64],
                     coarser: npt.NDArray[np.int32]) -> None:
        """Join skin, tongue, teeth, gums and eyes into one mesh; remember which rows move how."""
        rest = np.asarray(self._subdivide @ self.coarse_rest[self.used])
        self.body_count = len(rest)
        covered = (self._garment_shapes()[0][0][fine] > 0.1).all(1) & (kind == SKIN)
        verts, quads, kinds = [rest], [fine[~covered]], [kind[~covered]]
        count = len(rest)
        self.garments = []
        for layer, (rows, garment_quads, offset) in enumerate(self._garments(fine[kind == SKIN], rest)):
            self.garments.append((slice(count, count + len(rows)), rows, offset))
            verts.append(rest[rows] + offset)
            quads.append(garment_quads + count)
            kinds.append(np.full(len(garment_quads), JACKET if layer else CLOTH))
            count += len(rows)
        self.tooth_rows: dict[str, slice] = {}
        self._jaw_vertices = {"upper": np.unique(groups["helper-upper-teeth"]),
                              "lower": np.unique(groups["helper-lower-teeth"])}
        from samples.parts import dental_arch, eyeball

        local = [np.zeros((count, 3))]
        follow_rows = np.concatenate([self.body_follow, *[self.body_follow[r] for _, r, _ in self.garments]])
        for jaw in ("upper", "lower"):
            index = self._jaw_vertices[jaw]
            moved = self.coarse_rest[index]
            matrix, offset = _affine(points[index], moved)
            v, q, k = dental_arch(jaw, self.identity.seed)
            if not self.detail.rear_gums:
                near = (k == 0) | (np.abs(v[q, 0]).max(1) < 0.22)
                q, k = q[near], k[near]
            v = v * [0.93, 1.0, 1.0] + [0.0, 0.0, -0.022]  # clear of the lips' corners in every expression
            verts.append(v @ matrix + offset)
            quads.append(q + count)
            kinds.append(np.where(k == 0, TOOTH, GUM))
            self.tooth_rows[jaw] = slice(count, count + len(v))
            local.append(np.zeros((len(v), 3)))
            count += len(v)
        self.eye_rows: dict[str, slice] = {}
        self.eye_center: dict[str, npt.NDArray[np.float64]] = {}
        self.eye_radius: dict[str, float] = {}
        for side in ("l", "r"):
            own = self.coarse_rest[np.unique(groups[f"helper-{side}-eye"])]
            low, high = own.min(0), own.max(0)
            radius = float(high[0] - low[0] + high[1] - low[1]) / 4
            center = (low + high) / 2
            center[2] = high[2] - radius * 1.07
            v, q = eyeball()
            self.eye_center[side], self.eye_radius[side] = center, radius
            verts.append(v * radius + center)
            quads.append(q + count)
            kinds.append(np.full(len(q), EYE))
            self.eye_rows[side] = slice(count, count + len(v))
            local.append(v)
            count += len(v)
        self.glasses_rows = slice(count, count)
        if self.identity.glasses:
            from samples.corpus_glasses import glasses

            v, q = glasses(self.identity.glasses, self.eye_center, rest)
            verts.append(v)
            quads.append(q + count)
            kinds.append(np.full(len(q), FRAME))
            local.append(np.zeros((len(v), 3)))
            self.glasses_rows = slice(count, count + len(v))
            count += len(v)
        self.rest = np.concatenate(verts)
        self.quads = np.concatenate(quads).astype(np.int32)
        self.quad_material = np.concatenate(kinds).astype(np.int32)
        self.triangles = np.concatenate([self.quads[:, :3], self.quads[:, [0, 2, 3]]]).astype(np.int32)
        self.material = np.tile(self.quad_material, 2).astype(np.int32)
        self.eye_local = np.concatenate(local).astype(np.float32)
        loose = np.isin(self.quad_material, (TOOTH, GUM, EYE, FRAME))
        simple = np.concatenate([coarser, self.quads[loose]])
        self.occluders = np.concatenate([simple[:, :3], simple[:, [0, 2, 3]]]).astype(np.int32)
        self.fan_start, self.fan = vertex_fans(self.quads, count)
        follow = np.ones(count)
        follow[: len(follow_rows)] = follow_rows
        self.follow = follow.astype(np.float32)

    def express(self, weights: dict[str, float]) -> npt.NDArray[np.float64]:
        """All base vertices with facial actions applied (weights of the 52 face units in [0, 1])."""
        return apply_targets(self.folder, self.coarse_rest, {f"faceunits/{k}": v for k, v in weights.items()})

    def pose(self, coarse: npt.NDArray[np.float64], turn: npt.NDArray[np.float64], shift: npt.NDArray[np.float64],
             gaze: tuple[float, float] = (0.0, 0.0)) -> Array:
        """World positions of every vertex, float32 [N, 3].

        coarse: from `express`; turn: 3×3 head rotation; shift: [3] dm of the whole body; gaze: yaw and pitch of the
        eyes in the head, degrees.
        """
        moved = _rotate_partly(coarse, turn, self._coarse_follow, NECK_PIVOT)
        out = np.empty_like(self.rest)
        out[: self.body_count] = self._subdivide @ moved[self.used]
        for own, rows, offset in self.garments:
            out[own] = out[rows] + offset
        for jaw, rows in self.tooth_rows.items():
            index = self._jaw_vertices[jaw]
            matrix, offset = _rigid(self.coarse_rest[index], coarse[index])
            out[rows] = (self.rest[rows] @ matrix.T + offset - NECK_PIVOT) @ turn.T + NECK_PIVOT
        spin = rotation(gaze[0], gaze[1], 0)
        for side, rows in self.eye_rows.items():
            center = self.eye_center[side]
            out[rows] = ((self.rest[rows] - center) @ spin.T + center - NECK_PIVOT) @ turn.T + NECK_PIVOT
        out[self.glasses_rows] = (self.rest[self.glasses_rows] - NECK_PIVOT) @ turn.T + NECK_PIVOT
        return (out + shift).astype(np.float32)

    def lip_opening(self, coarse: npt.NDArray[np.float64]) -> float:
        """Gap between the inner lips over the distance of the outer eye corners, 0 when they touch."""
        gap = np.linalg.norm(coarse[LIP_UPPER] - coarse[LIP_LOWER])
        rest = np.linalg.norm(self.coarse_rest[LIP_UPPER] - self.coarse_rest[LIP_LOWER])
        below = coarse[LIP_UPPER, 1] - coarse[LIP_LOWER, 1] <= self.coarse_rest[LIP_UPPER, 1] - self.coarse_rest[
            LIP_LOWER, 1]
        eyes = np.linalg.norm(self.eye_center["l"] - self.eye_center["r"]) * 1.45
        return 0.0 if below else float(max(0.0, gap - rest) / eyes)


def _relax(points: npt.NDArray[np.float64], quads: npt.NDArray[np.int32], rounds: int) -> npt.NDArray[np.float64]:
    """Laplacian smoothing: cloth does not follow every muscle."""
    from scipy import sparse

    a, b = quads.ravel(), np.roll(quads, -1, axis=1).ravel()
    links = sparse.csr_matrix((np.ones(2 * len(a)), (np.r_[a, b], np.r_[b, a])), (len(points), len(points)))
    mean = sparse.diags(1 / np.maximum(np.asarray(links.sum(1)).ravel(), 1)) @ links
    for _ in range(rounds):
        points = 0.5 * points + 0.5 * (mean @ points)
    return points


def _affine(source: npt.NDArray[np.float64], target: npt.NDArray[np.float64],
            ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Least-squares x ↦ x @ matrix + offset."""
    design = np.concatenate([source, np.ones((len(source), 1))], axis=1)
    solved = np.linalg.lstsq(design, target, rcond=None)[0]
    return solved[:3], solved[3]


def _rigid(source: npt.NDArray[np.float64], target: npt.NDArray[np.float64],
           ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Rotation and offset that best take source to target (Kabsch 1976)."""
    a, b = source.mean(0), target.mean(0)
    u, _, vt = np.linalg.svd((source - a).T @ (target - b))
    sign = np.diag([1, 1, np.sign(np.linalg.det(vt.T @ u.T))])
    matrix = vt.T @ sign @ u.T
    return matrix, b - matrix @ a
