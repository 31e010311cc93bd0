"""Where a generator paints, and where it counts: the hole, the mouth, the inner mouth."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

Hole = Literal["half", "own"]
Floats = npt.NDArray[np.float32]

#: The rule "own": left and right edge, top, and how the lower corners are rounded, as shares of the crop.
_OWN_SIDES, _OWN_TOP, _OWN_ROUND = (0.06, 0.94), 0.47, 0.28
#: The mouth's soft mask: by how much the lips' outline is widened, and the blur of its edge, as shares of the crop.
_WIDER, _SOFT = 0.05, 0.025
#: Mean gap, in pixels, below which lips are closed.
_LEAST_GAP = 0.75


def hole_mask(size: int, rule: Hole = "half", margin: float = 0.0) -> Floats:
    """[S, S], 1 where a generator has to paint. ``margin``: by how much more (> 0) or less, as a share of the crop.

    "half": the lower half, as Wav2Lip masks it. "own": mouth, cheeks and chin with rounded lower corners, so that what
    is beside the neck stays; the same for every frame, or its outline would tell how far the jaw is down.
    """
    mask = np.zeros((size, size), np.float32)
    if rule == "half":
        mask[round(size * (0.5 - margin)):] = 1
        return mask
    if rule != "own":
        raise ValueError(f"{rule!r} is no rule for the hole: half or own")
    left, right = (round(size * (edge + sign * margin / 2)) for edge, sign in zip(_OWN_SIDES, (-1, 1), strict=True))
    left, right, top = max(left, 0), min(right, size), round(size * (_OWN_TOP - margin))
    mask[top:, left:right] = 1
    radius = round(size * _OWN_ROUND)
    y, x = np.mgrid[:size, :size] + 0.5
    corner = np.maximum(np.maximum(left + radius - x, x - (right - radius)), 0) ** 2 + np.maximum(
        y - (size - radius), 0) ** 2
    mask[corner > radius**2] = 0
    return mask


def mouth_masks(lips: Floats, size: int) -> tuple[Floats, Floats]:
    """From lip points [..., 40, 2] in the crop: the soft mask around the mouth [..., S, S] and the inner mouth, 1
    between the lips [..., S, S]."""
    flat = lips.reshape(-1, *lips.shape[-2:])
    mouth, inner = (np.zeros((len(flat), size, size), np.float32) for _ in range(2))
    reach = 2 * round(_WIDER * size) + 1
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    for i, points in enumerate(flat):
        pixels = np.round((points * size - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(mouth[i], [pixels[:20]], 1.0, cv2.LINE_8, 4)
        # A closed mouth is a line without height, and fillPoly would draw it.
        between = (points[20:] * size).astype(np.float32)
        if cv2.contourArea(between) >= _LEAST_GAP * np.ptp(between[:, 0]):
            cv2.fillPoly(inner[i], [pixels[20:]], 1.0, cv2.LINE_8, 4)
        mouth[i] = np.minimum(cv2.GaussianBlur(cv2.dilate(mouth[i], brush), (0, 0), _SOFT * size), 1)
    return mouth.reshape(*lips.shape[:-2], size, size), inner.reshape(*lips.shape[:-2], size, size)
