"""A lit, textured, renderable person: what turns a pose into a picture with an alpha channel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numba
import numpy as np
import numpy.typing as npt

from samples import hair as strands
from samples.head import FULL, NECK_PIVOT, Detail, Head, Identity, rotation
from samples.render import (
    Camera,
    bake_visibility,
    draw_strands,
    fill_plain,
    gather_light,
    plain_pixels,
    rasterize,
    sphere_directions,
    vertex_normals,
)
from samples.shade import color_samples, light_samples, shade_strands
from samples.skin import STUBBLE, detail_texture, texture_coordinates, vertex_masks

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Lamp:
    """A soft lamp: where it is (degrees right of and above the camera's axis), how wide, how bright (RGB)."""

    azimuth: float
    elevation: float
    spread: float
    color: tuple[float, float, float]

    def direction(self) -> npt.NDArray[np.float64]:
        a, e = np.deg2rad([self.azimuth, self.elevation])
        return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])


@dataclass(frozen=True)
class Lighting:
    """Lamps (the key first) and the light of the room from above and from below."""

    lamps: tuple[Lamp, ...]
    sky: tuple[float, float, float] = (0.40, 0.42, 0.45)
    ground: tuple[float, float, float] = (0.20, 0.16, 0.13)

    def lobes(self, directions: npt.NDArray[np.float64]) -> Array:
        """Weights [D, L] that add up to 1 over the directions of each lamp."""
        cosine = directions @ np.stack([lamp.direction() for lamp in self.lamps]).T
        sharpness = 1 / (1 - np.cos(np.deg2rad([lamp.spread for lamp in self.lamps])))
        weight = np.exp((cosine - 1) * sharpness)
        return (weight / weight.sum(0)).astype(np.float32)

    def radiance(self, directions: npt.NDArray[np.float64]) -> Array:
        """Irradiance-weighted light [D, 3] from each direction (a cosine is still to be applied)."""
        up = (directions[:, 1:2] + 1) / 2
        room = (np.array(self.ground) * (1 - up) + np.array(self.sky) * up) * 4 * np.pi / len(directions)
        colors = np.array([lamp.color for lamp in self.lamps])
        return (room + self.lobes(directions).astype(np.float64) @ colors).astype(np.float32)


@dataclass(frozen=True)
class Pose:
    """One frame of a person. expression: face units; turn: yaw, pitch, roll; shift: dm; gaze: yaw, pitch."""

    expression: dict[str, float]
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gaze: tuple[float, float] = (0.0, 0.0)


class Person:
    """Everything about one identity that does not change from frame to frame, and `render`."""

    def __init__(self, identity: Identity, folder: Path, lighting: Lighting, detail: Detail = FULL) -> None:
        self.identity, self.lighting, self.detail = identity, lighting, detail
        self.head = Head(identity, folder, detail)
        self.masks = vertex_masks(self.head)
        self.coordinates = texture_coordinates(self.head)
        self.texture = detail_texture(self.head)
        self.hair = strands.grow_hair(self.head)
        self.brows = strands.grow_brows(self.head)
        self.beard = strands.grow_beard(self.head, self.masks[:, STUBBLE]) if identity.beard else None
        self.lashes = strands.Lashes(self.head)
        self.directions = sphere_directions(detail.directions)
        self._bake()
        self.palette = palette_of(identity)

    def _bake(self) -> None:
        """Visibility of every direction with the mouth closed and open, and for the hair."""
        head = self.head
        closed = head.pose(head.express({}), np.eye(3), np.zeros(3))
        opened = head.pose(head.express({"jawOpen": 0.55}), np.eye(3), np.zeros(3))
        solid, size = head.occluders, self.detail.bake_size
        bias = 0.03 * FULL.bake_size / size
        thin = np.ascontiguousarray(self.hair.points[::3])
        near = closed + 0.012 * vertex_normals(closed, head.quads, head.fan_start, head.fan)
        self.closed = bake_visibility(closed, solid, self.directions, near, thin, size, bias)
        near = opened + 0.012 * vertex_normals(opened, head.quads, head.fan_start, head.fan)
        self.opened = bake_visibility(opened, solid, self.directions, near, thin, size, bias)
        # every third point is enough, light changes slowly along a strand
        every = np.arange(0, self.hair.points.shape[1], 3)
        knots = np.ascontiguousarray(self.hair.points[:, every])
        self._hair_seen = bake_visibility(closed, solid, self.directions, knots.reshape(-1, 3), thin, size, 0.07)
        self.relight(self.lighting)

    def relight(self, lighting: Lighting) -> None:
        """Stand in another light from now on."""
        self.lighting = lighting
        every = np.arange(0, self.hair.points.shape[1], 3)
        seen, strand_count = self._hair_seen, len(self.hair.points)
        lobes = self.lighting.lobes(self.directions.astype(np.float64))
        weights = np.concatenate([np.full((len(lobes), 1), 1 / len(lobes), np.float32), lobes], axis=1)
        light = (seen.astype(np.float32) @ (weights / 255)).reshape(strand_count, len(every), -1)
        nearest = np.abs(np.arange(self.hair.points.shape[1])[:, None] - every).argmin(1)
        self.hair_light = np.ascontiguousarray(0.06 + 0.94 * light[:, nearest], dtype=np.float32)

    def render(self, pose: Pose, camera: Camera) -> tuple[Array, Array]:
        """Linear light [2H, 2W, 3], premultiplied, and coverage [2H, 2W]: 2 × 2 samples a pixel.

        With a light detail (`Detail.samples` = 1) the samples come already averaged: [H, W, 3] and [H, W].
        """
        supersampling = 2
        head = self.head
        coarse = head.express(pose.expression)
        turn = rotation(*pose.turn)
        shift = np.array(pose.shift)
        world = head.pose(coarse, turn, shift, pose.gaze)
        openness = float(np.clip(head.lip_opening(coarse) / 0.20, 0, 1))
        normals = vertex_normals(world, head.quads, head.fan_start, head.fan)
        height, width = camera.height * supersampling, camera.width * supersampling
        screen = camera.project(world, supersampling)
        depth = np.full((height, width), np.inf, np.float32)
        ids = np.full((height, width), -1, np.int32)
        rasterize(screen, head.triangles, depth, ids, -1.0)
        needed = np.zeros(len(world), bool)
        drawn = np.zeros(len(head.triangles) + 1, bool)
        drawn[ids.ravel()] = True  # -1, nothing, is the last
        needed[head.triangles[drawn[:-1]]] = True
        light = self._light(normals, turn, openness, needed)
        plain = plain_pixels(ids, head.material, depth)
        image, coverage = self._surface(ids, plain, screen, world, normals, light, camera, supersampling)
        if self.detail.samples < supersampling:
            image, coverage = (cv2.resize(x, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
                               for x in (image, coverage))
            near = np.minimum(depth[::2], depth[1::2])
            depth = np.ascontiguousarray(np.minimum(near[:, ::2], near[:, 1::2]))
        self._strands(pose, coarse, turn, shift, world, light, camera, depth, image, coverage)
        return image, coverage

    def _light(self, normals: Array, turn: npt.NDArray[np.float64], openness: float,
               needed: npt.NDArray[np.bool_]) -> Array:
        turned = self.directions.astype(np.float64) @ turn.T
        body_lobes = self.lighting.lobes(turned)
        return gather_light(normals, self.closed, self.opened, np.float32(openness), self.head.follow, self.directions,
                            self.lighting.radiance(turned), self.lighting.radiance(self.directions.astype(np.float64)),
                            body_lobes, (normals @ turn.astype(np.float32)).astype(np.float32), needed)

    def _surface(self, ids: npt.NDArray[np.int32], plain: npt.NDArray[np.uint8], screen: Array, world: Array,
                 normals: Array, light: Array, camera: Camera, supersampling: int) -> tuple[Array, Array]:
        head = self.head
        lamps, colors, ambient = lamp_arrays(self.lighting)
        shape = ids.shape
        lit = np.zeros((*shape, 4), np.float32)
        normal = np.zeros((*shape, 3), np.float32)
        light_samples(ids, plain, screen, head.triangles, head.material, normals, light, self.coordinates, self.masks,
                      self.texture, lamps[0], np.float32(0.16), lit, normal)
        fill_plain(lit, plain)
        per_dm = camera.focal / camera.z
        soft = diffuse(lit, supersampling, per_dm)
        image = np.zeros((*shape, 3), np.float32)
        color_samples(ids, plain, screen, world, head.triangles, head.material, light, self.coordinates, self.masks,
                      self.texture, head.eye_local, np.array([camera.x, camera.y, camera.z], np.float32), lamps, colors,
                      ambient, self.palette, lit, soft, normal, image)
        fill_plain(image, plain)
        return image, (ids >= 0).astype(np.float32)

    def _strands(self, pose: Pose, coarse: npt.NDArray[np.float64], turn: npt.NDArray[np.float64],
                 shift: npt.NDArray[np.float64], world: Array, vertex_light: Array, camera: Camera, depth: Array,
                 image: Array, coverage: Array) -> None:
        samples = self.detail.samples
        thin = np.float32(0.5 * samples)
        """A strand is one sample wide: where samples are large, it is fainter."""
        lamps, colors, ambient = lamp_arrays(self.lighting)
        eye = np.array([camera.x, camera.y, camera.z], np.float32)
        color = np.array(self.identity.hair, np.float32)

        def draw(points: Array, shade: Array, alpha: Array, light: Array, tint: Array, gloss: float,
                 bias: float) -> None:
            shaded = shade_strands(points, shade, tint, light, eye, lamps, colors, ambient, gloss)
            flat = camera.project(np.ascontiguousarray(points.reshape(-1, 3)), samples)
            placed = flat.reshape(points.shape)
            order = np.argsort(-placed[:, :, 2].mean(1)).astype(np.int32)
            draw_strands(placed, shaded, alpha, order, depth, image, coverage, np.float32(bias))

        def with_head(points: npt.NDArray[np.float64]) -> Array:
            return ((points - NECK_PIVOT) @ turn.T + NECK_PIVOT + shift).astype(np.float32)

        def plain(points: Array, level: float) -> Array:
            return np.full((*points.shape[:2], 1 + len(lamps)), level, np.float32)

        brows = self.brows.place(world, turn)
        draw(brows, self.brows.shade, self.brows.alpha * (0.4 + 0.6 * thin), plain(brows, 0.65), color, 0.3, 0.03)
        lashes = with_head(self.lashes.place(coarse))
        alpha = np.broadcast_to(np.linspace(0.85, 0.25, lashes.shape[1], dtype=np.float32), lashes.shape[:2]).copy()
        draw(lashes, np.ones(len(lashes), np.float32), alpha * thin, plain(lashes, 0.4), color * 0.4 + 0.002, 0.2, 0.02)
        draw(with_head(self.hair.points), self.hair.shade, self.hair.alpha, self.hair_light, color, 1.0, 0.01)
        if self.beard is not None:
            beard = self.beard.place(world, turn)
            seen = vertex_light[self.beard.corners].mean(1)[:, None, 3:]
            light = np.concatenate([np.full((len(beard), 1, 1), 0.55, np.float32), 0.8 * seen], axis=2)
            light = np.ascontiguousarray(np.broadcast_to(light, (*beard.shape[:2], light.shape[2])))
            draw(beard, self.beard.shade, self.beard.alpha * (0.4 + 0.6 * thin), light,
                 np.array(self.identity.beard_color or self.identity.hair, np.float32), 0.5, 0.02)


def palette_of(identity: Identity) -> Array:
    """The colours that `color_samples` reads, float32 [9, 3]."""
    return np.array([identity.skin, identity.lips, identity.hair, identity.cloth, identity.jacket_color, identity.iris,
                     identity.teeth, (identity.ruddiness, identity.stubble, identity.lip_strength),
                     identity.frame], np.float32)


def lamp_arrays(lighting: Lighting) -> tuple[Array, Array, Array]:
    """Directions [L, 3], colours [L, 3] and the mean light of the room [3]."""
    lamps = np.stack([lamp.direction() for lamp in lighting.lamps]).astype(np.float32)
    colors = np.array([lamp.color for lamp in lighting.lamps], np.float32)
    ambient = (np.array(lighting.sky) * 0.6 + np.array(lighting.ground) * 0.4).astype(np.float32)
    return lamps, colors, ambient


def diffuse(lit: Array, supersampling: int, per_dm: float) -> Array:
    """Light after diffusion under the skin: per-channel Gaussians in screen space (d'Eon & Luebke 2007, simplified)."""
    height, width = lit.shape[:2]
    weight = lit[..., 3:4]
    small = cv2.resize(lit * weight, (width // supersampling, height // supersampling), interpolation=cv2.INTER_AREA)
    out = np.empty_like(small[..., :3])
    for channel, (near, far, share) in enumerate(((0.014, 0.045, 0.45), (0.009, 0.022, 0.30), (0.006, 0.014, 0.2))):
        planes = small[..., [channel, 3]]
        blurred = 0.0
        for sigma, part in ((near, 1 - share), (far, share)):
            blurred = blurred + part * cv2.GaussianBlur(planes, (0, 0), max(0.35, sigma * per_dm))
        out[..., channel] = blurred[..., 0] / np.maximum(blurred[..., 1], 1e-4)
    return cv2.resize(out, (width, height), interpolation=cv2.INTER_LINEAR)


@numba.njit(parallel=True, fastmath=True, cache=True)
def tone_map(linear: Array) -> Array:
    """Linear light [H, W, 3] → display values in [0, 1] by the filmic curve of Hejl and Burgess-Dawson (with gamma)."""
    out = np.empty_like(linear)
    for y in numba.prange(linear.shape[0]):
        for x in range(linear.shape[1]):
            for c in range(3):
                v = max(np.float32(0.0), linear[y, x, c] - np.float32(0.004))
                out[y, x, c] = (v * (6.2 * v + 0.5)) / (v * (6.2 * v + 1.7) + 0.06)
    return out
