"""Joining a mouth to its plate: light, grain and the seam, each on one plane.

Everything is measured on the ring of skin around the lips, where the same skin is seen in both pictures. Lips and
teeth are carried along, never matched: their colour is the speaker's.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]

#: Grain below this (grey levels) is the codec's, not a film's or a sensor's, and is left as it is.
_LEAST_GRAIN = 1.5
#: Share of the plate's grain that a mouth may lack before it shows.
_GRAIN_SHARE = 0.9
#: Width of the coarse band as a share of the region's width.
_COARSE = 0.05


def match_light(own: Image, mouth: Image, ring: Image, is_luma: bool) -> Image:
    """Bring ``mouth`` [H, W] to the light of the plate ``own``: a smooth field measured on the skin ``ring`` only.

    Luma is scaled (teeth and the dark between the lips keep their ratio to the skin), chroma is shifted.
    """
    step = max(int(round(own.shape[1] / 48)), 1)
    size = (max(own.shape[1] // step, 2), max(own.shape[0] // step, 2))
    p, s, r = (cv2.resize(i, size, interpolation=cv2.INTER_AREA) for i in (own, mouth, ring))
    total = float(r.sum())
    if total < 1:
        return mouth
    sigma = size[0] * 0.22
    black = 16.0 if is_luma else 0.0
    mean_p, mean_s = (float((i * r).sum()) / total - black for i in (p, s))
    blur = lambda image: cv2.GaussianBlur(image, (0, 0), sigma)  # noqa: E731
    weight = blur(r) + 0.03
    if is_luma:
        gain = (blur((p - black) * r) + 0.03 * mean_p) / np.maximum(blur((s - black) * r) + 0.03 * mean_s, 1e-3)
        field = cv2.resize(np.clip(gain, 0.6, 1.6), (own.shape[1], own.shape[0]))
        return (mouth - black) * field + black
    shift = (blur((p - s) * r) + 0.03 * (mean_p - mean_s)) / weight
    return mouth + cv2.resize(shift, (own.shape[1], own.shape[0]))


def match_grain(own: Image, mouth: Image, ring: Image, seed: int) -> Image:
    """Give a mouth that was smoothed by warping or mixing the grain that the plate has; luma only.

    The same ``seed`` (the frame's number) gives the same grain. Finer grain than the plate's is never removed.
    """
    level = grain_of(own, ring)
    if level < _LEAST_GRAIN:
        return mouth
    lacking = level**2 - grain_of(mouth, ring) ** 2
    if lacking < (1 - _GRAIN_SHARE**2) * level**2:
        return mouth
    noise = np.random.default_rng(seed).standard_normal(own.shape).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6)
    return mouth + noise * np.float32(np.sqrt(lacking) / max(grain_of(noise, ring), 1e-3))


def grain_of(image: Image, ring: Image) -> float:
    """Grain of [H, W] in grey levels: what a 3 by 3 mean takes away on the skin ``ring``, by its median size.

    A median, because an edge of the lips or a hair within the ring is no grain.
    """
    on = ring > 0.5
    if not on.any():
        return 0.0
    fine = np.abs(image - cv2.blur(image, (3, 3)))[on]
    return 1.48 * float(np.median(fine))


def two_bands(own: Image, mouth: Image, matte: Image) -> Image:
    """Blend [H, W] planes by ``matte``: light over its whole soft edge, texture over the middle half of it.

    A wide edge hides a step in light but shows stubble and pores twice; a narrow one does the opposite (Burt and
    Adelson 1983, doi:10.1145/245.247). Pixels with matte 0 stay as they are.
    """
    difference = mouth - own
    step = 2 if min(own.shape) >= 64 else 1
    small = cv2.resize(difference, (own.shape[1] // step, own.shape[0] // step), interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(small, (0, 0), max(_COARSE * small.shape[1], 0.8))
    coarse = cv2.resize(coarse, (own.shape[1], own.shape[0]), interpolation=cv2.INTER_LINEAR)
    peak = max(float(matte.max()), 1e-6)
    edge = np.clip(matte / peak * 2 - 0.5, 0, 1)
    texture = edge * edge * (3 - 2 * edge) * peak
    return own + matte * coarse + texture * (difference - coarse)
