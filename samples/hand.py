"""A hand that passes before the mouth: the base mesh's own hand, posed upright, drawn over a finished picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from samples.clips import FPS, Actor, Clip
from samples.head import SKIN, smoothstep
from samples.mesh import apply_targets, catmull_clark, load_base
from samples.person import diffuse, lamp_arrays, palette_of
from samples.render import (
    bake_visibility,
    fill_plain,
    gather_light,
    plain_pixels,
    rasterize,
    sphere_directions,
    vertex_fans,
    vertex_normals,
)
from samples.shade import color_samples, light_samples
from samples.skin import noise_texture

Array = npt.NDArray[np.float32]
UPRIGHT = np.array([0.0, 6.35, 1.0])
"""Where the knuckles are while light is baked."""


def _unit(v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return v / np.linalg.norm(v)


class PassingHand:
    """Sweeps from the picture's right to its left between two frames; `draw` paints it over a linear picture."""

    def __init__(self, folder: Path, clip: Clip, span: tuple[int, int], actor: Actor) -> None:
        self.span, self.actor, self.lighting = span, actor, clip.lighting
        near = actor.camera
        # the same view, as wide as the picture: a hand is not cut at the edge of its speaker's window
        self.camera = replace(near, width=near.width + 2 * actor.left)
        points, quads = self._mesh(folder, actor.identity.shape_weights())
        self.rest, self.quads = points, quads
        self.triangles = np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]]).astype(np.int32)
        self.material = np.full(len(self.triangles), SKIN, np.int32)
        self.fan_start, self.fan = vertex_fans(quads, len(points))
        self.texture = noise_texture(actor.identity.seed + 1)
        flat = points @ np.linalg.qr(np.random.default_rng(3).standard_normal((3, 3)))[0]
        self.coordinates = (flat[:, :2] * 420 + 900).astype(np.float32)
        self.masks = np.zeros((len(points), 8), np.float32)
        self.masks[:, 1] = 0.30 + 0.35 * smoothstep(0.9, 1.7, (points - UPRIGHT)[:, 1] + 0.6)
        self.directions = sphere_directions(84)
        world = points.astype(np.float32)
        normals = vertex_normals(world, quads, self.fan_start, self.fan)
        self.seen = bake_visibility(world, self.triangles, self.directions, world + 0.012 * normals)

    @staticmethod
    def _mesh(folder: Path, weights: dict[str, float]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """The left forearm and hand, fingers up, palm to the speaker, knuckles at `UPRIGHT`."""
        mesh = load_base(folder)
        shaped = apply_targets(folder, mesh.points, weights)

        def joint(name: str) -> npt.NDArray[np.float64]:
            return shaped[np.unique(mesh.quads[f"joint-l-{name}"])].mean(0)

        elbow, wrist, knuckle = joint("elbow"), joint("hand"), joint("finger-3-1")
        quads = mesh.quads["body"]
        along = (shaped - elbow) @ _unit(wrist - elbow) / np.linalg.norm(wrist - elbow)
        arm = (along > 0.15) & (shaped[:, 0] > 1.5) & (shaped[:, 1] > 0.5)
        keep = arm[quads].all(1)
        quads = quads[keep]
        used = np.unique(quads)
        number = np.full(len(shaped), -1, np.int32)
        number[used] = np.arange(len(used))
        first, fine = catmull_clark(number[quads], len(used))
        second, fine = catmull_clark(fine, first.shape[0])
        fingers = _unit(knuckle - wrist)
        across = joint("finger-2-1") - joint("finger-5-1")
        across = _unit(across - fingers * (across @ fingers))
        palm = np.cross(fingers, across)
        palm = palm if palm @ np.array([-1.0, -0.7, 0.0]) > 0 else -palm
        source = np.stack([fingers, palm, np.cross(fingers, palm)])
        up, toward = _unit(np.array([-0.42, 0.88, 0.05])), np.array([0.25, 0.0, -1.0])
        toward = _unit(toward - up * (toward @ up))
        target = np.stack([up, toward, np.cross(up, toward)])
        placed = (shaped[used] - knuckle) @ source.T @ target + UPRIGHT
        return np.asarray(second @ (first @ placed)), fine

    def place(self, frame: int) -> npt.NDArray[np.float64] | None:
        """Shift of the upright hand in a frame, None when it is out of the picture."""
        start, end = self.span
        if not start <= frame < end:
            return None
        t = (frame - start + 0.5) / (end - start)
        x = np.interp(t, [0, 0.28, 0.40, 0.60, 0.72, 1.0], [3.6, 0.75, 0.30, 0.05, -0.35, -3.4])
        y = np.interp(t, [0, 0.28, 0.40, 0.60, 0.72, 1.0], [-2.9, -0.10, 0.08, 0.10, -0.05, -2.9])
        sway = 0.03 * np.sin(frame / FPS * 9)
        return np.array([x, y + sway, 1.7])

    def draw(self, picture: Array, frame: int) -> float:
        """Paint the hand; returns how much of the mouth it hides, in [0, 1]."""
        shift = self.place(frame)
        if shift is None:
            return 0.0
        camera, scale = self.camera, 2
        world = (self.rest + shift).astype(np.float32)
        normals = vertex_normals(world, self.quads, self.fan_start, self.fan)
        screen = camera.project(world, scale)
        shape = (camera.height * scale, camera.width * scale)
        depth, ids = np.full(shape, np.inf, np.float32), np.full(shape, -1, np.int32)
        rasterize(screen, self.triangles, depth, ids)
        plain = plain_pixels(ids, self.material, depth)
        radiance = self.lighting.radiance(self.directions.astype(np.float64))
        light = gather_light(normals, self.seen, self.seen, np.float32(0), np.zeros(len(world), np.float32),
                             self.directions, radiance, radiance,
                             self.lighting.lobes(self.directions.astype(np.float64)), normals,
                             np.ones(len(world), bool))
        lamps, colors, ambient = lamp_arrays(self.lighting)
        lit, normal = np.zeros((*shape, 4), np.float32), np.zeros((*shape, 3), np.float32)
        image = np.zeros((*shape, 3), np.float32)
        light_samples(ids, plain, screen, self.triangles, self.material, normals, light, self.coordinates, self.masks,
                      self.texture, lamps[0], np.float32(0.16), lit, normal)
        fill_plain(lit, plain)
        soft = diffuse(lit, scale, camera.focal / camera.z)
        color_samples(ids, plain, screen, world, self.triangles, self.material, light, self.coordinates, self.masks,
                      self.texture, np.zeros_like(world), np.array([camera.x, camera.y, camera.z], np.float32), lamps,
                      colors, ambient, palette_of(self.actor.identity), lit, soft, normal, image)
        fill_plain(image, plain)
        return self._blend(picture, image, (ids >= 0).astype(np.float32))

    def _blend(self, picture: Array, image: Array, cover: Array) -> float:
        camera = self.camera
        size = (camera.width, camera.height)
        image = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), 1.3)
        cover = cv2.GaussianBlur(cv2.resize(cover, size, interpolation=cv2.INTER_AREA), (0, 0), 1.3)
        moved = cv2.warpAffine(cover, np.array([[1.0, 0.0, 18.0], [0.0, 1.0, 26.0]]), size)
        shadow = cv2.GaussianBlur(moved, (0, 0), 22)[..., None]
        picture[:] = picture * (1 - 0.35 * shadow) * (1 - cover[..., None]) + image
        mouth = camera.project(np.array([[0.0, 6.6, 1.5]], np.float32), 1)[0]
        row, column = int(mouth[1]), int(mouth[0])
        return float(cover[row - 14 : row + 14, column - 26 : column + 26].mean())
