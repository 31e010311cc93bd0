"""A right result made wrong on purpose, one fault at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from lipsync_core.atlas import shape

Damage = Callable[[int, np.ndarray, np.ndarray], np.ndarray]


def write(path: Path, pictures: Iterable[np.ndarray], rate: int = 25) -> Path:
    """RGB pictures of one even size as H.264, nearly lossless."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate), options={"preset": "superfast", "crf": "12"})
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            # The colour matrix that a reader assumes of an untagged file of this size.
            matrix = "ITU709" if max(picture.shape) >= 1280 or min(picture.shape[:2]) > 576 else "ITU601"
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=matrix)))
        container.mux(stream.encode())
    return path


def eye_distance(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[shape.EYES[1], :2] - points[shape.EYES[0], :2]))


def blurred(_number: int, rgb: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The mouth as soft as from a small generator, blended in without an edge."""
    matte = _matte(rgb, points, 0.12, 0.06)
    soft = cv2.GaussianBlur(rgb, (0, 0), 0.035 * eye_distance(points))
    return (rgb + matte * (soft.astype(np.float32) - rgb)).astype(np.uint8)


def seamed(_number: int, rgb: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A pasted rectangle of other light, as a generator without a matte leaves it."""
    scale, middle = eye_distance(points), points[shape.OUTER_LIPS, :2].mean(0)
    (left, top), (right, bottom) = (np.round(middle + s * scale * np.array([0.42, 0.3])).astype(int) for s in (-1, 1))
    out = rgb.copy()
    part = out[top:bottom, left:right].astype(np.float32)
    out[top:bottom, left:right] = np.clip(part * 0.97 + 10, 0, 255).astype(np.uint8)
    return out


def other_mouth(donor: np.ndarray, donor_points: np.ndarray) -> Damage:
    """Somebody else's mouth, brought to size, place and light, blended softly."""

    def paste(_number: int, rgb: np.ndarray, points: np.ndarray) -> np.ndarray:
        anchors = [*shape.EYES, shape.NOSE_BASE, *shape.CORNERS]
        matrix, _ = cv2.estimateAffinePartial2D(donor_points[anchors, :2].astype(np.float64),
                                                points[anchors, :2].astype(np.float64))
        move = points[shape.OUTER_LIPS, :2].mean(0) - (
            donor_points[shape.OUTER_LIPS, :2] @ matrix[:, :2].T + matrix[:, 2]).mean(0)
        matrix[:, 2] += move
        moved = cv2.warpAffine(donor, matrix, rgb.shape[1::-1], flags=cv2.INTER_AREA).astype(np.float32)
        matte, ring = _matte(rgb, points, 0.12, 0.05), _matte(rgb, points, 0.2, 0.02)[..., 0] > 0.5
        moved += rgb[ring].mean(0) - moved[ring].mean(0)
        return np.clip(rgb + matte * (moved - rgb), 0, 255).astype(np.uint8)

    return paste


def _matte(rgb: np.ndarray, points: np.ndarray, grow: float, soft: float) -> np.ndarray:
    scale = eye_distance(points)
    mask = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(points[shape.OUTER_LIPS, :2]).astype(np.int32)], 255)
    size = 2 * int(grow * scale) + 1
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), soft * scale)[..., None]


def shaded(_number: int, rgb: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Other light on the mouth, but blended in softly: a repaint without a seam."""
    matte = _matte(rgb, points, 0.15, 0.1)
    return np.clip(rgb + matte * 6, 0, 255).astype(np.uint8)


def shaken(number: int, rgb: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The mouth jumps sideways from frame to frame."""
    step = 0.03 * eye_distance(points) * (1 if number % 2 else -1)
    moved = cv2.warpAffine(rgb, np.float64([[1, 0, step], [0, 1, step / 2]]), rgb.shape[1::-1],
                           borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    return (rgb + _matte(rgb, points, 0.15, 0.05) * (moved - rgb)).astype(np.uint8)


def bared(_number: int, rgb: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A line of teeth where the lips meet, as lips leave it that were squeezed together over an open mouth."""
    out = rgb.copy()
    middle = (points[shape.INNER_UPPER, :2] + points[shape.INNER_LOWER, :2]) / 2
    thick = max(round(0.02 * eye_distance(points)), 2)
    cv2.polylines(out, [np.round(middle).astype(np.int32)], False, (225, 220, 210), thick, cv2.LINE_AA)
    return out
