"""Things that come before a mouth: a microphone, a hand, a telephone, a cup, moving on their own path.

They are drawn over a finished picture, nearer than the face, with simple diffuse light and a soft shadow.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from samples.hand import UPRIGHT, PassingHand
from samples.head import Identity, rotation
from samples.person import Lighting
from samples.render import Camera, rasterize, vertex_fans, vertex_normals

Array = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]
Quads = npt.NDArray[np.int32]
Part = tuple[Points, Quads, tuple[float, float, float]]
MOUTH_HALF = (0.27, 0.17)
"""Half the width and height (dm) of the region whose covered share counts."""


def _lathe(profile: list[tuple[float, float]], around: int = 28) -> tuple[Points, Quads]:
    """A turned body from (radius, height) pairs, its axis along y."""
    angle = np.arange(around) * 2 * np.pi / around
    points = np.array([[r * np.cos(a), y, r * np.sin(a)] for r, y in profile for a in angle])
    quads = [[i * around + k, (i + 1) * around + k, (i + 1) * around + (k + 1) % around, i * around + (k + 1) % around]
             for i in range(len(profile) - 1) for k in range(around)]
    return points, np.array(quads, np.int32)


def _box(width: float, height: float, depth: float) -> tuple[Points, Quads]:
    corner = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    points = np.concatenate([corner[q] for q in np.array(quads)]) * np.array([width, height, depth]) / 2
    return points, np.arange(24, dtype=np.int32).reshape(6, 4)


@cache
def _hand(folder: Path) -> tuple[Points, Quads]:
    points, quads = PassingHand._mesh(folder, Identity(0, 0.5).shape_weights())
    return points - UPRIGHT, quads


def parts_of(kind: str, identity: Identity, folder: Path, rng: np.random.Generator) -> list[Part]:
    """The parts of a thing about its own origin, which is what covers the mouth, with their colours."""
    r, g, b = (float(c) for c in rng.uniform(0.01, 0.5, 3))
    if kind == "microphone":
        ball = [(0.22 * np.sin(a), 0.22 * np.cos(a)) for a in np.linspace(0.05, 2.7, 14)]
        stick = [(0.13, -0.20), (0.12, -0.4), (0.09, -1.9)]
        return [(*_lathe(ball), (0.10, 0.10, 0.105)), (*_lathe(stick), (0.2 * r, 0.2 * g, 0.2 * b))]
    if kind == "cup":
        return [(*_lathe([(0.01, -0.5), (0.32, -0.5), (0.40, 0.42), (0.36, 0.42), (0.30, -0.3)]), (r, g, b))]
    if kind == "phone":
        return [(*_box(0.75, 1.5, 0.09), (0.15 * r, 0.15 * g, 0.15 * b))]
    if kind == "hand":
        return [(*_hand(folder), identity.skin)]
    raise ValueError(f"There is no occluder {kind!r}.")


class Occluder:
    """One thing over one clip. kind: a name of `corpus_scene.OCCLUDERS`."""

    def __init__(self, kind: str, identity: Identity, light: Lighting, folder: Path, count: int,
                 rng: np.random.Generator) -> None:
        self.kind, self.light = kind, light
        self.parts = parts_of(kind, identity, folder, rng)
        self.fans = [vertex_fans(quads, len(points)) for points, quads, _ in self.parts]
        self.path, self.tilt = _path(kind, count, rng)

    def draw(self, picture: Array, camera: Camera, frame: int, mouth: Points, gain: float) -> float:
        """Paint over a linear picture [H, W, 3]; mouth: its place in the world; gain: the exposure.

        Returns the mouth's covered share.
        """
        scale = 2
        height, width = camera.height * scale, camera.width * scale
        depth = np.full((height, width), np.inf, np.float32)
        image, cover = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
        turn = rotation(*self.tilt)
        for (points, quads, color), (start, fan) in zip(self.parts, self.fans, strict=True):
            world = (points @ turn.T + self.path[frame]).astype(np.float32)
            normals = vertex_normals(world, quads, start, fan)
            ids = np.full((height, width), -1, np.int32)
            triangles = np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]]).astype(np.int32)
            rasterize(camera.project(world, scale), triangles, depth, ids)
            shown = ids >= 0
            facing = normals * np.sign(normals[:, 2:] + 1e-9) if self.kind in ("cup", "phone") else normals
            shade = self._shade(facing) * (np.array(color, np.float32) * np.float32(gain))
            image[shown] = shade[triangles[ids[shown]]].mean(1)
            cover[shown] = 1
        return _blend(picture, image, cover, camera, mouth)

    def _shade(self, normals: Array) -> Array:
        """Light [N, 3] by wrapped diffuse lamps and the room."""
        up = (normals[:, 1:2] + 1) / 2
        out = np.pi * (np.array(self.light.ground) * (1 - up) + np.array(self.light.sky) * up)
        for lamp in self.light.lamps:
            cosine = np.clip((normals @ lamp.direction() + 0.25) / 1.25, 0, None)
            out = out + cosine[:, None] * np.array(lamp.color)
        return (out / np.pi).astype(np.float32)


def _path(kind: str, count: int, rng: np.random.Generator) -> tuple[Points, tuple[float, float, float]]:
    """Where the thing is in every frame [N, 3] and how it is turned."""
    f = np.arange(count)
    side = 1.0 if rng.random() < 0.5 else -1.0
    sway = np.stack([0.04 * np.sin(f * rng.uniform(0.05, 0.12) + rng.uniform(0, 6)),
                     0.03 * np.sin(f * rng.uniform(0.04, 0.10) + rng.uniform(0, 6)), 0 * f], axis=1)
    if kind == "microphone":
        at = np.array([side * rng.uniform(0.0, 0.45), rng.uniform(5.95, 6.42), rng.uniform(1.95, 2.25)])
        return at + sway, (float(rng.uniform(-15, 15)), float(rng.uniform(-35, -5)), float(side * rng.uniform(0, 30)))
    middle, half = rng.uniform(0.3, 0.7) * count, rng.uniform(6, 22)
    rise = np.clip(1.6 - np.abs(f - middle) / half, 0, 1)
    rise = rise * rise * (3 - 2 * rise)
    away = np.array([side * rng.uniform(1.6, 3.0), rng.uniform(-2.8, -1.2), 0.4])
    near = np.array([rng.uniform(-0.25, 0.25), rng.uniform(6.3, 6.75), rng.uniform(1.9, 2.2)])
    tilt = (float(rng.uniform(-25, 25)), float(rng.uniform(-20, 20)), float(rng.uniform(-35, 35)))
    return near + away * (1 - rise)[:, None] + sway, tilt


def _blend(picture: Array, image: Array, cover: Array, camera: Camera, mouth: Points) -> float:
    size, pixel = (camera.width, camera.height), camera.width / 256
    image, cover = (np.asarray(cv2.GaussianBlur(cv2.resize(x, size, interpolation=cv2.INTER_AREA), (0, 0),
                                                0.5 * pixel), np.float32) for x in (image, cover))
    moved = cv2.warpAffine(cover, np.array([[1.0, 0.0, 3 * pixel], [0.0, 1.0, 5 * pixel]]), size)
    shadow = cv2.GaussianBlur(moved, (0, 0), 6 * pixel)[..., None]
    picture[:] = picture * (1 - 0.35 * shadow) * (1 - cover[..., None]) + image
    return covered(cover, camera, mouth)


def covered(cover: Array, camera: Camera, mouth: Points) -> float:
    """Share of the mouth's region that ``cover`` [H, W] hides."""
    x, y, depth = camera.project(mouth[None].astype(np.float32), 1)[0]
    half_x, half_y = (half * camera.focal / float(depth) for half in MOUTH_HALF)
    region = cover[max(0, int(y - half_y)): max(1, int(y + half_y) + 1),
                   max(0, int(x - half_x)): max(1, int(x + half_x) + 1)]
    return float(region.mean()) if region.size else 0.0
