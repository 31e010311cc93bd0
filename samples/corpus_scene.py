"""Where a clip of the corpus is filmed: its light, camera, background, behaviour and recording, all drawn by seed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from samples.backdrop import disc_blur, landscape, room
from samples.person import Lamp, Lighting
from samples.render import Camera

Array = npt.NDArray[np.float32]
FACE_Y, FACE_Z, FACE_DM = 6.98, 1.2, 1.9
"""Middle and height of a face from the chin to the hairline, decimetres."""
OCCLUDERS = ("microphone", "hand", "phone", "cup")


@dataclass(frozen=True)
class Manner:
    """How somebody holds themselves. facing: yaw, pitch, roll (degrees) about which the head moves.

    strength: of the articulation; toothy: how much more the lips draw back from the teeth in speech; held: face units
    that stay, over what speech does.
    """

    facing: tuple[float, float, float]
    motion: float
    strength: float
    toothy: float
    smile: float
    held: dict[str, float]


@dataclass(frozen=True)
class Recording:
    """What camera and encoder do to the picture. level: display brightness of the face; blur in pixels."""

    level: float
    balance: tuple[float, float, float]
    contrast: float
    blur: float
    grain: float
    quality: int


def lighting(rng: np.random.Generator) -> Lighting:
    """A key lamp, mostly a fill, sometimes a rim, and a room."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    power, warmth = rng.uniform(1.5, 4.2), rng.normal(0, 0.14)
    lamps = [Lamp(side * rng.uniform(0, 70), rng.uniform(0, 50), rng.uniform(10, 26), _tint(power, warmth))]
    if rng.random() < 0.75:
        lamps.append(Lamp(-side * rng.uniform(25, 75), rng.uniform(-5, 30), 28,
                          _tint(power * rng.uniform(0.08, 0.5), -warmth + rng.normal(0, 0.1))))
    if rng.random() < 0.55:
        lamps.append(Lamp(-side * rng.uniform(130, 165), rng.uniform(10, 40), 13,
                          _tint(power * rng.uniform(0.2, 0.7), rng.normal(0, 0.15))))
    ambient = rng.uniform(0.12, 0.8)
    sky = _tint(ambient, rng.normal(-0.05, 0.08))
    ground = _tint(ambient * rng.uniform(0.25, 0.7), rng.normal(0.1, 0.1))
    return Lighting(tuple(lamps), sky, ground)


def _tint(power: float, warmth: float) -> tuple[float, float, float]:
    return (float(power * (1 + warmth)), float(power), float(power * (1 - warmth)))


def camera(rng: np.random.Generator, size: int) -> Camera:
    """From an arm's length to across a room, the face 0.48 to 0.76 of the picture's height and not quite central."""
    distance, share = float(rng.uniform(4.5, 18)), float(rng.uniform(0.48, 0.76))
    focal = share * size * distance / FACE_DM
    free = (1 - share) / 2 * FACE_DM / share
    x, y = rng.uniform(-0.45, 0.45) * free, FACE_Y + rng.uniform(-0.30, 0.45) * free
    return Camera(float(x), float(y), FACE_Z + distance, focal, size, size)


def manner(rng: np.random.Generator) -> Manner:
    """Mostly towards the camera, one in four turned away further."""
    wide = 24.0 if rng.random() < 0.25 else 9.0
    facing = (float(np.clip(rng.normal(0, wide), -38, 38)), float(rng.normal(0, 4.5)), float(rng.normal(0, 3.5)))
    held: dict[str, float] = {}
    if rng.random() < 0.55:
        for name, most in rng.permutation([("mouthFrown", 0.3), ("browDown", 0.6), ("mouthDimple", 0.4),
                                           ("noseSneer", 0.3), ("cheekSquint", 0.5), ("eyeWide", 0.5)])[:2]:
            value = float(rng.uniform(0, float(most)))
            held |= {f"{name}Left": value * float(rng.uniform(0.7, 1)), f"{name}Right": value}
    if rng.random() < 0.4:
        held[f"mouth{'Left' if rng.random() < 0.5 else 'Right'}"] = float(rng.uniform(0, 0.25))
    return Manner(facing, float(rng.uniform(0.35, 1.7)), float(rng.uniform(0.85, 1.15)),
                  float(rng.uniform(0, 0.22)), float(max(0.0, rng.normal(0.08, 0.13))), held)


def recording(rng: np.random.Generator) -> Recording:
    red, green, blue = (float(b) for b in 1 + rng.normal(0, 0.035, 3))
    return Recording(float(rng.uniform(0.36, 0.62)), (red, green, blue), float(rng.uniform(0.9, 1.12)),
                     float(max(0.0, rng.normal(0.15, 0.35))), float(rng.random() ** 1.5 * 3.0),
                     int(rng.integers(17, 31)))


def background(rng: np.random.Generator, size: int) -> Array:
    """A room, a landscape, a wall or lights in the dark, out of focus; float32 [size, size, 3], linear."""
    seed, kind = int(rng.integers(1 << 30)), rng.random()
    if kind < 0.4:
        wide = room(seed, size, size * 16 // 9, float(rng.uniform(5, 22)))
        left = int(rng.integers(0, wide.shape[1] - size + 1))
        image = wide[:, left: left + size] * rng.uniform(0.5, 1.6)
    elif kind < 0.55:
        image = disc_blur(landscape(seed, size, size, 1)[0], size * rng.uniform(0.005, 0.03)) * rng.uniform(0.6, 1.5)
    elif kind < 0.8:
        image = _wall(rng, size)
    else:
        image = _lights(rng, size)
    return np.ascontiguousarray(image, np.float32)


def _wall(rng: np.random.Generator, size: int) -> Array:
    """Paint, brighter to one corner, with some texture."""
    color = rng.uniform(0.03, 0.5, 3) if rng.random() < 0.5 else np.full(3, rng.uniform(0.01, 0.7))
    yy, xx = np.mgrid[:size, :size] / size
    slope = 1 + rng.uniform(-0.5, 0.5) * (xx - 0.5) + rng.uniform(-0.5, 0.5) * (yy - 0.5)
    rough = cv2.GaussianBlur(rng.standard_normal((size, size)), (0, 0), size * rng.uniform(0.004, 0.06))
    return color * (slope * (1 + rng.uniform(0, 0.2) * rough / rough.std()))[..., None]


def _lights(rng: np.random.Generator, size: int) -> Array:
    """Coloured discs and bars of many sizes, thrown out of focus."""
    image = np.full((size, size, 3), rng.uniform(0.005, 0.12), np.float32) * rng.uniform(0.7, 1.3, 3).astype(np.float32)
    for _ in range(int(rng.integers(8, 40))):
        x, y = (int(v) for v in rng.integers(0, size, 2))
        color = (rng.uniform(0.02, 0.9) * rng.uniform(0.3, 1, 3)).tolist()
        if rng.random() < 0.5:
            cv2.circle(image, (x, y), int(size * rng.uniform(0.01, 0.09)), color, -1)
        else:
            far = (x + int(size * rng.uniform(0.02, 0.3)), y + int(size * rng.uniform(0.05, 0.6)))
            cv2.rectangle(image, (x, y), far, color, -1)
    return disc_blur(image, size * float(rng.uniform(0.008, 0.03)))
