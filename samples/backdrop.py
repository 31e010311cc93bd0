"""What stands behind the people, and shots without any: painted in linear light, thrown out of focus by a lens."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def disc_blur(image: Array, radius: float) -> Array:
    """Out-of-focus blur with a round aperture of `radius` pixels."""
    size = int(np.ceil(radius)) * 2 + 3
    yy, xx = np.mgrid[:size, :size] - size // 2
    kernel = np.clip(radius + 0.5 - np.hypot(yy, xx), 0, 1).astype(np.float32)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def _box(image: Array, left: float, top: float, right: float, bottom: float, color: tuple[float, float, float]) -> None:
    """Fill a rectangle given in shares of the picture."""
    height, width = image.shape[:2]
    image[max(0, int(top * height)) : max(0, int(bottom * height)),
          max(0, int(left * width)) : max(0, int(right * width))] = color


def room(seed: int, height: int, width: int, blur: float = 13.0) -> Array:
    """A room with a window, a shelf of books, a lamp and a plant, out of focus. float32 [H, W, 3], linear."""
    rng = np.random.default_rng((seed, 41))
    wall = np.array([0.155, 0.145, 0.130]) * rng.uniform(0.8, 1.15) * (1 + rng.normal(0, 0.06, 3))
    yy, xx = np.mgrid[:height, :width]
    falloff = 1.25 - 0.7 * xx / width - 0.25 * yy / height
    image = (wall * falloff[..., None]).astype(np.float32)
    mirror = rng.random() < 0.5
    _window(image, rng)
    _shelf(image, rng)
    _lamp(image, rng)
    _plant(image, rng)
    if mirror:
        image = image[:, ::-1]
    soft = disc_blur(np.ascontiguousarray(image), blur * height / 720)
    return soft


def _window(image: Array, rng: np.random.Generator) -> None:
    left = rng.uniform(0.03, 0.08)
    right = left + rng.uniform(0.22, 0.28)
    _box(image, left - 0.015, 0.02, right + 0.015, 0.72, (0.22, 0.21, 0.20))
    for k in range(24):
        f = k / 24
        sky = np.array([0.80, 0.92, 1.08]) * (1 - f) + np.array([0.75, 0.78, 0.70]) * f
        tree = np.array([0.20, 0.25, 0.13]) * rng.uniform(0.7, 1.3)
        _box(image, left, 0.05 + 0.64 * f, right, 0.05 + 0.64 * (k + 1) / 24, tuple(sky if f < 0.55 else tree))
    height, width = image.shape[:2]
    for _ in range(60):
        x, y = rng.uniform(left, right), rng.uniform(0.36, 0.62)
        shade = np.array([0.19, 0.25, 0.11]) * rng.uniform(0.4, 1.8)
        cv2.circle(image, (int(x * width), int(y * height)), int(rng.uniform(4, 16) * height / 720), shade.tolist(), -1)
    _box(image, right, 0.0, right + 0.3, 0.8, tuple(image[height // 2, min(width - 1, int((right + 0.02) * width))]))
    _box(image, (left + right) / 2 - 0.006, 0.05, (left + right) / 2 + 0.006, 0.69, (0.30, 0.29, 0.28))
    _box(image, left, 0.30, right, 0.315, (0.30, 0.29, 0.28))


def _shelf(image: Array, rng: np.random.Generator) -> None:
    left, right = 0.66, 0.98
    _box(image, left, 0.05, right, 0.95, (0.045, 0.030, 0.020))
    for row in range(3):
        floor = 0.32 + row * 0.27
        x = left + 0.012
        while x < right - 0.02:
            w = rng.uniform(0.008, 0.019)
            if rng.random() < 0.82:
                tone = rng.choice([(0.28, 0.05, 0.04), (0.05, 0.10, 0.20), (0.32, 0.27, 0.20), (0.06, 0.15, 0.10),
                                   (0.38, 0.22, 0.06), (0.08, 0.08, 0.09), (0.42, 0.40, 0.36), (0.20, 0.08, 0.14)])
                tone = np.array(tone) * rng.uniform(0.5, 1.1)
                _box(image, x, floor - rng.uniform(0.13, 0.20), x + w, floor, tuple(tone))
            x += w + 0.0015
        _box(image, left, floor, right, floor + 0.022, (0.13, 0.085, 0.05))


def _lamp(image: Array, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    x, y = rng.uniform(0.52, 0.58), rng.uniform(0.30, 0.38)
    yy, xx = np.mgrid[:height, :width]
    glow = np.exp(-(((xx / width - x) / 0.11) ** 2 + ((yy / height - y) / 0.2) ** 2))
    image += (glow[..., None] * np.array([0.30, 0.19, 0.09])).astype(np.float32)
    points = np.array([[x - 0.035, y - 0.08], [x + 0.035, y - 0.08], [x + 0.055, y + 0.07], [x - 0.055, y + 0.07]])
    cv2.fillConvexPoly(image, (points * [width, height]).astype(np.int32), (1.9, 1.35, 0.80))
    _box(image, x - 0.004, y + 0.07, x + 0.004, 0.9, (0.05, 0.045, 0.04))


def _plant(image: Array, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    x0 = rng.uniform(0.40, 0.45)
    _box(image, x0 - 0.035, 0.80, x0 + 0.035, 0.95, (0.30, 0.16, 0.10))
    for _ in range(70):
        angle = rng.uniform(-2.7, -0.45)
        reach = rng.uniform(0.05, 0.24)
        x, y = x0 + np.cos(angle) * reach * 0.55, 0.80 + np.sin(angle) * reach
        tone = np.array([0.035, 0.072, 0.026]) * rng.uniform(0.4, 2.0)
        cv2.ellipse(image, (int(x * width), int(y * height)), (int(0.022 * width), int(0.009 * width)),
                    float(np.rad2deg(angle)), 0, 360, tone.tolist(), -1)


def landscape(seed: int, height: int, width: int, frames: int) -> list[Array]:
    """A lake between mountains in the evening, seen by a slowly travelling camera: `frames` pictures, linear light."""
    rng = np.random.default_rng((seed, 42))
    wide = width * 2
    ridges = [_ridge(rng, wide, rough) for rough in (0.9, 1.0, 1.1, 1.3)]
    horizon = 0.56
    yy = np.linspace(0, 1, height)[:, None]
    sky = np.array([0.16, 0.30, 0.62]) * (1 - yy / horizon).clip(0, 1)[..., None] + np.array([0.95, 0.62, 0.38]) * (
        yy / horizon).clip(0, 1)[..., None] ** 1.6
    xx = np.linspace(0, 1, width)[None]
    sun = np.exp(-(((xx - 0.68) / 0.10) ** 2 + ((yy - 0.40) / 0.16) ** 2))[..., None] * np.array([1.3, 0.75, 0.35])
    base = (sky + sun).astype(np.float32)
    tones = [(0.36, 0.36, 0.44), (0.20, 0.23, 0.29), (0.085, 0.115, 0.125), (0.020, 0.032, 0.024)]
    grain = 1 + 0.12 * cv2.GaussianBlur(rng.standard_normal((height, wide)), (0, 0), 2.0)
    out = []
    for k in range(frames):
        picture = base.copy()
        rows = np.arange(height)[:, None]
        for depth, (ridge, tone) in enumerate(zip(ridges, tones, strict=True)):
            offset = int(k * (0.10 + 0.32 * depth) * width / 1280) + 40
            top = (horizon - 0.03 + 0.015 * depth - ridge[offset : offset + width] * (0.30 - 0.065 * depth)) * height
            mask = np.clip(rows - top[None], 0, 1)[..., None]
            color = np.array(tone) * grain[:, offset : offset + width, None]
            picture = picture * (1 - mask) + color * mask
        out.append(_lake(picture.astype(np.float32), horizon, k, rng).astype(np.float32))
    return out


def _ridge(rng: np.random.Generator, count: int, rough: float) -> npt.NDArray[np.float64]:
    x = np.linspace(0, 1, count)
    y = np.zeros(count)
    for octave in range(9):
        knots = rng.standard_normal(5 * 2**octave + 2)
        y += np.interp(x, np.linspace(0, 1, len(knots)), knots) * 0.5 ** (octave / rough)
    y -= y.min()
    return y / y.max()


def _lake(picture: Array, horizon: float, frame: int, rng: np.random.Generator) -> Array:
    height, width = picture.shape[:2]
    line = int((horizon + 0.05) * height)
    rows = np.arange(line, height)
    depth = (rows - line + 1) / (height - line)
    ripple = np.sin(rows * 0.9 / (0.15 + depth) + frame * 0.22) + 0.6 * np.sin(rows * 0.37 + frame * 0.13)
    source = np.clip(line - (rows - line) * 0.95 + ripple * 5 * depth, 0, line - 1).astype(np.int64)
    water = picture[source]
    water = cv2.GaussianBlur(water, (0, 0), sigmaX=3.5, sigmaY=1.2)
    sparkle = (0.82 + 0.06 * ripple)[:, None, None]
    picture[line:] = water * sparkle * np.array([0.72, 0.78, 0.85]) + np.array([0.004, 0.008, 0.012])
    return picture
