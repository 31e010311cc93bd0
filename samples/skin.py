"""What is painted on a head: masks per vertex and one cylindrical detail texture, made from noise."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from samples.hair import BROW, scalp_mask
from samples.head import Head, smoothstep

Array = npt.NDArray[np.float32]
SIZE = 2048
"""Rows and columns of the texture in full detail."""
TEXTURE_LOW, TEXTURE_HIGH = 5.2, 8.8
"""Heights (base mesh, dm) that the texture's rows span."""

(LIPS, RED, STUBBLE, DARK, SCALP, OIL, BROWS, HEIGHT_FADE) = range(8)
"""Columns of `vertex_masks`."""


def _noise(rng: np.random.Generator, sigma: float, size: int) -> npt.NDArray[np.float64]:
    """Tileable (in u) blurred white noise with unit variance, [size, size]; sigma in texels of full detail."""
    sigma *= size / SIZE
    shrink = max(1, int(sigma // 4))
    small = rng.standard_normal((size // shrink, size // shrink), dtype=np.float32)
    wrapped = np.hstack([small[:, -64:], small, small[:, :64]])
    out = cv2.GaussianBlur(wrapped, (0, 0), sigma / shrink)[:, 64:-64]
    if shrink > 1:
        out = cv2.resize(out, (size, size), interpolation=cv2.INTER_CUBIC)
    return out / out.std()


def detail_texture(head: Head) -> Array:
    """The skin's `noise_texture` for a head's identity."""
    return noise_texture(head.identity.seed, head.identity.freckles, head.detail.texture)


def noise_texture(seed: int, freckles: float = 0.0, size: int = SIZE) -> Array:
    """float32 [size, size, 6]: slope along u, slope along v, mottling, freckles, stubble, lip creases."""
    rng = np.random.default_rng((seed, 21))
    pores = -np.maximum(0, _noise(rng, 1.6, size) - 0.9) * 0.7 + 0.25 * _noise(rng, 1.1, size)
    height = pores + 0.9 * _noise(rng, 3.5, size) + 1.6 * _noise(rng, 9, size) + 2.2 * _noise(rng, 26, size)
    slope_u = np.gradient(height, axis=1)
    slope_v = np.gradient(height, axis=0)
    if size != SIZE:
        slope_u, slope_v = slope_u * (size / SIZE), slope_v * (size / SIZE)
    mottling = (0.45 * _noise(rng, 70, size) + 0.35 * _noise(rng, 22, size) + 0.30 * _noise(rng, 6, size)
                + 0.2 * _noise(rng, 2, size))
    spots = np.maximum(0, _noise(rng, 5, size) - 2.2) * 0.9 * freckles
    spots += np.maximum(0, _noise(rng, 7, size) - 3.55) * 3.0
    whiskers = np.clip(0.50 + 0.20 * _noise(rng, 1.0, size) + 0.05 * _noise(rng, 14, size), 0, 1.2)
    creases = cv2.GaussianBlur(rng.standard_normal((size, size)), (0, 0), sigmaX=2.2 * size / SIZE,
                               sigmaY=14 * size / SIZE)
    creases = creases / creases.std() * 0.8
    return np.stack([slope_u, slope_v, mottling, spots, whiskers, creases], axis=2).astype(np.float32)


def texture_coordinates(head: Head) -> Array:
    """(column, row) in the detail texture for every vertex, float32 [N, 2]; zero outside the body."""
    base = np.zeros((len(head.rest), 3))
    base[: len(head.base)] = head.base
    for own, rows, _ in head.garments:
        base[own] = head.base[rows]
    around = np.arctan2(base[:, 0], base[:, 2] - 0.25)
    size = head.detail.texture
    u = (around / (2 * np.pi) + 0.5) * size
    v = (TEXTURE_HIGH - base[:, 1]) / (TEXTURE_HIGH - TEXTURE_LOW) * size * 0.78
    return np.stack([u, v], axis=1).astype(np.float32)


def vertex_masks(head: Head) -> Array:
    """float32 [N, 8], each column in [0, 1] (see the column names)."""
    x, y, z = np.abs(head.base[:, 0]), head.base[:, 1], head.base[:, 2]
    out = np.zeros((len(head.rest), 8), np.float32)
    body = out[: len(head.base)]
    lips = cv2.imread(str(head.folder / "mpfb2/textures/mpfb_lips.jpg"), cv2.IMREAD_GRAYSCALE)
    lips = cv2.GaussianBlur(lips, (0, 0), 1.6)
    size = len(lips)
    places = np.stack([(1 - head.uv[:, 1]) * size - 0.5, head.uv[:, 0] * size - 0.5])
    body[:, LIPS] = smoothstep(0.25, 0.8, map_coordinates(lips.astype(np.float32), places, order=1) / 255)

    def spot(cx: float, cy: float, rx: float, ry: float) -> npt.NDArray[np.float64]:
        return np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2) * (z > 0.5)

    ears = cv2.imread(str(head.folder / "mpfb2/textures/mpfb_ears.jpg"), cv2.IMREAD_GRAYSCALE)
    ear = map_coordinates(ears.astype(np.float32), places, order=1) / 255
    body[:, RED] = np.clip(0.75 * spot(0.40, 6.98, 0.20, 0.20) + 0.8 * spot(0, 6.93, 0.16, 0.10)
                           + 0.35 * spot(0, 6.35, 0.2, 0.12) + 0.45 * ear + 0.35 * spot(0.3, 7.18, 0.16, 0.05), 0, 1)
    beard_top = np.interp(x, [0, 0.12, 0.24, 0.40, 0.60, 0.75], [6.84, 6.84, 6.76, 6.66, 6.92, 7.15])
    beard = smoothstep(0.04, -0.12, y - beard_top) * smoothstep(5.75, 6.1, y) * smoothstep(0.30, 0.55, z)
    body[:, STUBBLE] = beard * (1 - body[:, LIPS]) * (1 - 0.6 * spot(0.14, 6.47, 0.10, 0.05))
    body[:, DARK] = np.clip(0.55 * spot(0.30, 7.20, 0.14, 0.045) + 0.6 * spot(0.16, 7.27, 0.07, 0.08)
                            + 0.45 * spot(0.30, 7.40, 0.2, 0.06), 0, 1)
    body[:, SCALP] = scalp_mask(head)[: len(body)]
    body[:, OIL] = np.clip(spot(0, 7.8, 0.38, 0.26) + spot(0, 7.1, 0.10, 0.35) + 0.6 * spot(0.36, 7.08, 0.2, 0.14)
                           + 0.6 * spot(0, 6.3, 0.15, 0.12), 0, 1)
    body[:, BROWS] = _brow_shade(x, y) * (z > 0.9) * min(1.0, head.identity.brow_density)
    body[:, HEIGHT_FADE] = smoothstep(5.4, 6.0, y)
    return out


def _brow_shade(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A faint shadow under the brow's strands."""
    middle = np.interp(x, BROW[:, 0], BROW[:, 1])
    along = smoothstep(0.09, 0.16, x) * smoothstep(0.57, 0.50, x)
    return along * np.exp(-(((y - middle) / 0.035) ** 2))
