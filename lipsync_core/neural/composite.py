"""From a network's small face to finished pixels: light, texture, matte, blend, all in the video's own YUV.

The network's crop is known twice, as it went in and as it came out. What it left alone therefore keeps the source's
own fine texture (grain, pores, beard), which a 96-pixel face has not; where it moved something, only its own soft
picture shows, or the texture of a second picture that already has the moved mouth (``texture``). Crops are squares of
any size (Wav2Lip's have 96 pixels a side); S stands for it below.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.face.video import Picture, warp_plane, yuv_to_rgb_matrix
from lipsync_core.patch import Patch

#: The side of Wav2Lip's square; lengths below that are given in pixels are of a crop of this size.
FACE = 96
_FINE = 2
#: Luma levels by which crop and result may differ before the source's texture no longer belongs to the result.
PLATE_TOLERANCE, PAINTED_TOLERANCE = 7.0, 18.0
#: A network's picture is softer than its pixels: of a painted mouth everything finer than this (Gaussian sigma in the
#: network's own pixels, whatever their number) replaces what the network shows there.
_NETWORK_BLUR = 1.2
#: What resampling takes most of: detail finer than this (Gaussian sigma in crop pixels).
_FINEST = 0.9
_JAW = np.array([58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288])
_UPPER_LIP = np.array([291, 270, 269, 0, 39, 40, 61])

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]
Plane = npt.NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame, cut for the network and for pasting back.

    matrix: [2, 3] picture pixels to crop pixels. crop: float32 [3, S, S], the planes Y, U, V as the network's square
    sees them. top, left: even corner of the rectangle that the repaint may touch. region: its planes. points:
    [468, 2] picture pixels. colours: the H.273 matrix number and whether the range is full.
    """

    frame: int
    matrix: Floats
    crop: Image
    top: int
    left: int
    region: Planes
    points: Floats
    alpha: float
    colours: tuple[int, bool]

    @property
    def size(self) -> int:
        """S, pixels a side of the crop."""
        return int(self.crop.shape[-1])


def see(picture: Picture, matrix: Floats, points: Floats, alpha: float, size: int = FACE) -> Seen | None:
    """Cut one frame to ``size`` x ``size``; None when the face lies outside the picture."""
    planes = crop_planes((picture.y, picture.u, picture.v), matrix, size)
    crop = np.stack([plane.astype(np.float32) for plane in planes])
    top, left, height, width = _rectangle(matrix, points, picture.height, picture.width, size)
    if height < 2 or width < 2:
        return None
    half = (slice(top // 2, (top + height) // 2), slice(left // 2, (left + width) // 2))
    region = (picture.y[top:top + height, left:left + width].copy(), picture.u[half].copy(), picture.v[half].copy())
    return Seen(picture.number, matrix, crop, top, left, region, points, alpha, (picture.matrix, picture.full_range))


def crop_planes(planes: Planes, matrix: Floats, size: int = FACE) -> Planes:
    """Y, U and V through the map to the crop, each uint8 [S, S]; large faces are averaged, not aliased."""
    luma, chroma = matrix, _chroma_matrix(matrix)
    y, u, v = (warp_plane(p, m, size, size) for p, m in zip(planes, (luma, chroma, chroma), strict=True))
    return y, u, v


def colour_face(seen: Seen) -> Image:
    """float32 [3, S, S] in [0, 1]: the crop in BGR."""
    rgb = _apply(yuv_to_rgb_matrix(*seen.colours), seen.crop)
    return np.clip(rgb[::-1] / 255, 0, 1).astype(np.float32)


def network_face(seen: Seen, reference: Image | None = None) -> Image:
    """float32 [6, S, S] in [0, 1]: BGR with the lower half black, then the reference's BGR face, by default its own."""
    face = colour_face(seen)
    masked = face.copy()
    masked[:, seen.size // 2:] = 0
    return np.concatenate([masked, face if reference is None else reference])


def finish(seen: Seen, made: Image, painted: Planes | None = None, keep_texture: bool = True,
           front: Image | None = None, own_mouth: bool = False, crisp: float = 0.0) -> Patch:
    """Blend a network's answer into its frame.

    made: [3, S, S] BGR in [0, 1]. painted: planes of the same rectangle in which the mouth already has the network's
    shape (the atlas); their fine texture is laid over the network's soft mouth. keep_texture: False shows the
    network's picture alone. own_mouth: the source's texture stays away from the lips and what is between them, however
    like the source they are: where the source itself is what a result is compared with, it would tell the answer.
    crisp: by how much the finest detail of the network's picture is raised, which the way into its small crop and back
    has taken. front: float32 [height, width] of the rectangle, 1 where something stands before the face and stays.
    """
    matte = _matte(seen)
    answer = _to_yuv(np.asarray(made, np.float32)[::-1] * 255, seen.colours)
    answer = _match_light(seen, answer)
    if crisp:
        answer[0] += crisp * (answer[0] - cv2.GaussianBlur(answer[0], (0, 0), _FINEST))
    source = seen.region if painted is None else painted
    small = seen.crop if painted is None else _painted_crop(seen, painted)
    tolerance = PLATE_TOLERANCE if painted is None else PAINTED_TOLERANCE
    share = _texture_share(answer[0] - small[0], tolerance)
    if own_mouth and painted is None:
        share = share * (1 - _mouth(seen))
    coarse = small if painted is None else _blurred(small) + answer - _blurred(answer)
    luma = _into_region(seen, 1)
    chroma = _into_region(seen, 2)
    planes = []
    for k, (plate, textured) in enumerate(zip(seen.region, source, strict=True)):
        to_region = chroma if k else luma
        size = (plate.shape[1], plate.shape[0])
        alpha = seen.alpha * _enlarge(matte, to_region, size, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
        if front is not None:
            alpha = alpha * (1 - cv2.resize(front, size, interpolation=cv2.INTER_AREA))
        wanted = _enlarge(answer[k], to_region, size, cv2.INTER_CUBIC)
        if keep_texture:
            fine = textured.astype(np.float32) - _enlarge(coarse[k], to_region, size, cv2.INTER_CUBIC)
            wanted = wanted + _enlarge(share, to_region, size, cv2.INTER_LINEAR) * fine
        own = plate.astype(np.float32)
        planes.append(np.clip(own + alpha * (wanted - own) + 0.5, 0, 255).astype(np.uint8))
    return Patch(seen.frame, seen.left, seen.top, *planes)


def _rectangle(matrix: Floats, points: Floats, height: int, width: int, size: int) -> tuple[int, int, int, int]:
    """Even top, left, height, width of the lower face inside the picture: the box's part below the nose bridge."""
    inverse = cv2.invertAffineTransform(matrix)
    upper = float((points[shape.NOSE_BRIDGE] @ matrix[:, :2].T + matrix[:, 2])[1])
    edge = np.array([[0, upper], [size, upper], [size, size], [0, size]]) - 0.5
    outline = edge @ inverse[:, :2].T + inverse[:, 2]
    low, high = np.maximum(outline.min(0), 0), outline.max(0)
    left, top = (int(v) // 2 * 2 for v in low)
    right, bottom = min(int(high[0]) + 1, width) // 2 * 2, min(int(high[1]) + 1, height) // 2 * 2
    return top, left, bottom - top, right - left


def _matte(seen: Seen) -> Image:
    """Soft mask [S, S]: mouth, lower cheeks, chin and jaw; it stops short of the nose.

    Upwards it keeps half of the philtrum, downwards it has room for a jaw that opens further, and it fades out before
    the crop ends.
    """
    points = seen.points
    up = points[shape.NOSE_BRIDGE] - points[shape.CHIN]
    length = float(np.linalg.norm(up))
    up = up / max(length, 1e-6)
    philtrum = max(float((points[shape.NOSE_BASE] - points[0]) @ up), 0.0)
    rise = philtrum * np.array([1.0, 0.8, 0.6, 0.45, 0.6, 0.8, 1.0])
    jaw = points[_JAW]
    drop = np.clip(1 - np.abs(np.linspace(-1, 1, len(_JAW))) * 1.1, 0, 1)[:, None] * -0.07 * length * up
    outline = np.concatenate([jaw + drop, points[_UPPER_LIP] + rise[:, None] * up])
    size = seen.size * _FINE
    small = (outline @ seen.matrix[:, :2].T + seen.matrix[:, 2] + 0.5) * _FINE - 0.5
    drawn = np.zeros((size, size), np.uint8)
    cv2.fillPoly(drawn, [np.round(small * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(drawn.astype(np.float32) / 255, (0, 0), 0.022 * size)
    ramp = np.clip((np.arange(size) + 0.5) / (0.05 * size), 0, 1).astype(np.float32)
    edge = np.minimum(ramp, ramp[::-1])
    soft *= edge[None] * edge[:, None] * _below_nose(seen, up, philtrum)
    soft[soft < 0.004] = 0
    return cv2.resize(soft, (seen.size, seen.size), interpolation=cv2.INTER_AREA)


def _mouth(seen: Seen) -> Image:
    """Soft mask [S, S] of the lips and what is between them, with room for lips that open further."""
    lips = seen.points[shape.OUTER_LIPS] @ seen.matrix[:, :2].T + seen.matrix[:, 2]
    middle = lips.mean(0)
    hull = cv2.convexHull((middle + 1.25 * (lips - middle) + (0, 0.02 * seen.size)).astype(np.float32))
    drawn = np.zeros((seen.size, seen.size), np.float32)
    cv2.fillConvexPoly(drawn, np.round(hull * 16).astype(np.int32), 1.0, cv2.LINE_8, 4)
    return cv2.GaussianBlur(drawn, (0, 0), 0.015 * seen.size)


def _below_nose(seen: Seen, up: Floats, philtrum: float) -> Image:
    """1 up to the lower half of the philtrum, falling to 0 shortly before the nose."""
    inverse = cv2.invertAffineTransform(seen.matrix)
    at = (np.arange(seen.size * _FINE) + 0.5) / _FINE - 0.5
    start = float((inverse[:, 2] - seen.points[0]) @ up)
    height = start + at[None] * float(inverse[:, 0] @ up) + at[:, None] * float(inverse[:, 1] @ up)
    return np.clip((0.85 - height / max(philtrum, 1e-3)) / 0.5, 0, 1).astype(np.float32)


def _match_light(seen: Seen, answer: Image) -> Image:
    """Bring the network's picture to the frame's light, measured where both must agree: away from the mouth.

    Luma is scaled by a smooth field, so teeth and the dark between the lips keep their ratio to the skin; chroma is
    shifted.
    """
    lips = (seen.points[shape.OUTER_LIPS] @ seen.matrix[:, :2].T + seen.matrix[:, 2])
    middle = lips.mean(0)
    hull = cv2.convexHull((middle + 1.5 * (lips - middle)).astype(np.float32))
    size = seen.size
    fall = 8 * size / FACE
    moving = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(moving, np.round(hull).astype(np.int32), 1)
    rows = np.arange(size, dtype=np.float32)[:, None]
    # The chin and what is under it move with the jaw.
    weight = (1 - moving) * np.clip((middle[1] + fall - rows) / fall, 0.02, 1).astype(np.float32)
    black = 0.0 if seen.colours[1] else 16.0
    blur = lambda image: cv2.GaussianBlur(image, (0, 0), 0.16 * size)  # noqa: E731
    own, theirs = seen.crop, answer
    gain = (blur((own[0] - black) * weight) + 1) / np.maximum(blur((theirs[0] - black) * weight) + 1, 1e-3)
    out = np.empty_like(answer)
    out[0] = (theirs[0] - black) * np.clip(gain, 0.7, 1.4) + black
    total = blur(weight) + 1e-3
    for k in (1, 2):
        out[k] = theirs[k] + np.clip(blur((own[k] - theirs[k]) * weight) / total, -16, 16)
    return out


def _blurred(planes: Image) -> Image:
    return np.stack([cv2.GaussianBlur(plane, (0, 0), _NETWORK_BLUR) for plane in planes])


def _texture_share(difference: Image, tolerance: float) -> Image:
    """[S, S] in [0, 1]: how far a texture belongs to the result, from how much their soft pictures differ."""
    off = cv2.GaussianBlur(np.abs(difference), (0, 0), 1.2 * difference.shape[-1] / FACE)
    return np.exp(-((off / tolerance) ** 2)).astype(np.float32)


def _painted_crop(seen: Seen, painted: Planes) -> Image:
    """The network's view of the frame once ``painted`` lies in it, float32 [3, S, S]."""
    local = seen.matrix.copy()
    local[:, 2] += local[:, :2] @ np.array([seen.left, seen.top], np.float64)
    inside = _into_crop(np.ones(painted[0].shape, np.float32), local, seen.size)
    planes = np.stack([plane.astype(np.float32) for plane in crop_planes(painted, local, seen.size)])
    return inside * planes + (1 - inside) * seen.crop


def _into_crop(image: Image, matrix: Floats, size: int) -> Image:
    """``image`` through a map to the crop, zero outside, float32 [S, S]."""
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def _into_region(seen: Seen, step: int) -> Floats:
    """[2, 3] from the region's pixels (``step`` 1: luma, 2: chroma) to crop pixels."""
    matrix = seen.matrix if step == 1 else _chroma_matrix(seen.matrix)
    corner = np.array([seen.left, seen.top], np.float64) / step
    return np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ corner])


def _chroma_matrix(matrix: Floats) -> Floats:
    """The same map for 4:2:0 chroma, whose sample i lies between luma pixels 2i and 2i + 1."""
    half = np.array(matrix, np.float64)
    half[:, 2] += 0.5 * (half[:, 0] + half[:, 1])
    half[:, :2] *= 2
    return half


def _enlarge(image: Image, matrix: Floats, size: tuple[int, int], mode: int,
             border: int = cv2.BORDER_REPLICATE) -> Image:
    """Sample a crop-sized image at every pixel of a region; ``matrix`` maps region pixels to crop pixels."""
    return cv2.warpAffine(image, matrix, size, flags=mode | cv2.WARP_INVERSE_MAP, borderMode=border)


def _to_yuv(rgb: Image, colours: tuple[int, bool]) -> Image:
    forward = yuv_to_rgb_matrix(*colours)
    linear = np.linalg.inv(forward[:, :3])
    return _apply(np.column_stack([linear, -linear @ forward[:, 3]]), rgb)


def _apply(matrix: Floats, planes: Image) -> Image:
    flat = planes.reshape(3, -1)
    return (matrix[:, :3] @ flat + matrix[:, 3:]).reshape(planes.shape).astype(np.float32)
