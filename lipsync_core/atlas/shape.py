"""Mouth shape of one speaker: pose-normalised mesh points and a linear model of how they move.

Points are brought into the speaker's own frame of reference by a similarity over points that speech does
not move (eye corners and the bridge of the nose): the distance between the outer eye corners is 1, x runs
to the picture's right, y down. There, every point is a linear function of lip opening, mouth width, yaw and
pitch, fitted by ridge regression on the speaker's own frames, plus a residual that belongs to the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]

RIGID = np.array([33, 133, 263, 362, 168, 6, 197, 195, 122, 351, 193, 417, 130, 359])
EYES = (33, 263)
OUTER_LIPS = np.array([61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185])
INNER_LIPS = np.array([78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191])
#: Facing points of the inner lips, upper and lower; the corners have no partner.
INNER_UPPER = np.array([191, 80, 81, 82, 13, 312, 311, 310, 415])
INNER_LOWER = np.array([95, 88, 178, 87, 14, 317, 402, 318, 324])
LIPS = np.unique(np.concatenate([OUTER_LIPS, INNER_LIPS, [
    62, 76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 292, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    96, 89, 179, 86, 15, 316, 403, 319, 325, 183, 42, 41, 38, 12, 268, 271, 272, 407]]))
CORNERS = (61, 291)
NOSE_TIP, NOSE_BASE, NOSE_BRIDGE, CHIN, FOREHEAD = 1, 2, 168, 152, 10
CHEEK_SIDES = (234, 454)
_OPENING_PAIRS = ((13, 14, 0.5), (82, 87, 0.25), (312, 317, 0.25))

#: Columns of a feature row.
OPENING, WIDTH, YAW, PITCH = range(4)


def similarity_to(reference: Points, points: Points) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128]]:
    """Least-squares similarity of ``points`` [T, 468, 2] onto ``reference`` [468, 2] over the rigid points.

    Returns scale-and-rotation ``a`` and translation ``b`` [T] as complex numbers: z -> a z + b.
    """
    z = points[:, RIGID, 0] + 1j * points[:, RIGID, 1]
    target = reference[RIGID, 0] + 1j * reference[RIGID, 1]
    centre, target_centre = z.mean(1), target.mean()
    zc, tc = z - centre[:, None], target - target_centre
    a = (np.conj(zc) * tc).sum(1) / np.maximum((np.abs(zc) ** 2).sum(1), 1e-9)
    return a, target_centre - a * centre


def transform(points: Points, a: npt.NDArray[np.complex128], b: npt.NDArray[np.complex128]) -> Points:
    """Apply z -> a z + b to [..., K, 2] points; ``a`` and ``b`` have the leading shape."""
    z = (points[..., 0] + 1j * points[..., 1]) * a[..., None] + b[..., None]
    return np.stack([z.real, z.imag], -1)


def invert(a: npt.NDArray[np.complex128], b: npt.NDArray[np.complex128]) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of z -> a z + b."""
    return 1 / a, -b / a


def reference_shape(points: Points) -> Points:
    """The speaker's frame of reference [468, 2] from pixel points [T, 468, 2] (two Procrustes rounds)."""
    reference = _upright(points[len(points) // 2])
    for _ in range(2):
        reference = _upright(transform(points, *similarity_to(reference, points)).mean(0))
    return reference


def _upright(points: Points) -> Points:
    left, right = points[EYES[0]], points[EYES[1]]
    axis = complex(*(right - left))
    a = np.array(1 / axis)
    middle = complex(*((left + right) / 2))
    return transform(points, a, -a * middle)


def features(normalised: Points) -> Points:
    """[T, 4]: lip opening, mouth width, and yaw and pitch proxies of normalised points [T, 468, 2]."""
    yaw = normalised[:, NOSE_TIP, 0] - normalised[:, CHEEK_SIDES, 0].mean(1)
    pitch = normalised[:, NOSE_TIP, 1] - normalised[:, [FOREHEAD, NOSE_BRIDGE], 1].mean(1)
    width = normalised[:, CORNERS[1], 0] - normalised[:, CORNERS[0], 0]
    return np.stack([opening_of(normalised), width, yaw, pitch], 1)


def opening_of(normalised: Points) -> Points:
    """Inner lip opening of [..., 468, 2] points: a weighted mean over the three middle pairs."""
    return sum(k * (normalised[..., low, 1] - normalised[..., up, 1]) for up, low, k in _OPENING_PAIRS)


@dataclass(frozen=True, slots=True)
class ShapeModel:
    """How one speaker's points move.

    reference: [468, 2] the frame of reference. mean: [468, 2] at the mean features. centre: [4] mean features.
    basis: [4, 468, 2] movement per unit of opening, width, yaw and pitch. The opening of ``basis[OPENING]`` is
    exactly 1 and that of the others exactly 0, so a wanted opening is met to the last digit.
    """

    reference: Points
    mean: Points
    centre: Points
    basis: Points

    def normalise(self, points: Points) -> tuple[Points, np.ndarray, np.ndarray]:
        """Normalised points and the similarity (a, b) that brought pixel points [T, 468, 2] there."""
        a, b = similarity_to(self.reference, points)
        return transform(points, a, b), a, b

    def predict(self, rows: Points) -> Points:
        """[T, 468, 2] points at feature rows [T, 4]."""
        return self.mean + np.tensordot(rows - self.centre, self.basis, 1)

    def residual(self, normalised: Points) -> Points:
        """What of each frame's shape the model does not explain [T, 468, 2]; its opening is 0."""
        left = normalised - self.predict(features(normalised))
        return left - opening_of(left)[..., None, None] * self.basis[OPENING]


def fit_shape(points: Points, ridge: float = 0.02) -> ShapeModel:
    """Fit the model on a speaker's pixel points [T, 468, 2].

    ``ridge`` (relative to the features' variance) leans on a generic mouth, so that a speaker who hardly moves
    still opens plausibly.
    """
    reference = reference_shape(points)
    normalised = transform(points, *similarity_to(reference, points))
    rows = features(normalised)
    centre, mean = rows.mean(0), normalised.mean(0)
    # Movement typical of talking people: the floor under the variances, so that the prior has a weight.
    typical = np.array([0.05, 0.04, 0.05, 0.05])
    x = (rows - centre) / typical
    prior = generic_basis(mean) * typical[:, None, None]
    count = len(points)
    lean = ridge * count * np.ones(4) + 5.0
    left = x.T @ x + np.diag(lean)
    right = x.T @ (normalised - mean).reshape(count, -1) + lean[:, None] * prior.reshape(4, -1)
    basis = np.linalg.solve(left, right).reshape(4, -1, 2) / typical[:, None, None]
    opening = opening_of(basis)
    basis[OPENING] /= max(opening[OPENING], 0.3)
    for i in (WIDTH, YAW, PITCH):
        basis[i] -= opening[i] * basis[OPENING]
    return ShapeModel(reference, mean, centre, basis)


def generic_basis(mean: Points) -> Points:
    """[4, 468, 2]: how an average mouth opens and widens around the mean shape; no prior for the pose."""
    basis = np.zeros((4, len(mean), 2))
    middle = mean[INNER_LIPS].mean(0)
    half = np.abs(mean[CORNERS[0], 0] - mean[CORNERS[1], 0]) / 2
    inside = np.clip(1 - (np.abs(mean[:, 0] - middle[0]) / (half * 1.05)) ** 2, 0, 1)
    lower = np.zeros(len(mean), bool)
    upper = np.zeros(len(mean), bool)
    lower[LIPS] = mean[LIPS, 1] > middle[1]
    upper[LIPS] = mean[LIPS, 1] <= middle[1]
    lower[INNER_LOWER], upper[INNER_LOWER] = True, False
    upper[INNER_UPPER], lower[INNER_UPPER] = True, False
    below = (mean[:, 1] > middle[1]) & ~lower & ~upper
    fall = np.clip(1 - np.abs(mean[:, 0] - middle[0]) / 0.8, 0, 1)
    basis[OPENING, lower, 1] = 0.8 * inside[lower]
    basis[OPENING, upper, 1] = -0.2 * inside[upper]
    basis[OPENING, below, 1] = 0.7 * fall[below]
    near = np.exp(-((mean[:, 1] - middle[1]) / 0.25) ** 2)
    basis[WIDTH, :, 0] = np.clip((mean[:, 0] - middle[0]) / (2 * half), -0.6, 0.6) * near
    return basis


def seal(points: Points, amount: float | npt.NDArray[np.float64]) -> Points:
    """Bring facing inner lip points of [..., 468, 2] together: 0 leaves them, 1 makes them coincide.

    Lips that cross (an upper point below its partner) are always brought back to touch.
    """
    out = points.copy()
    upper, lower = out[..., INNER_UPPER, :], out[..., INNER_LOWER, :]
    middle = (upper + lower) / 2
    amount = np.asarray(amount, np.float64)[..., None]
    share = np.where(lower[..., 1] < upper[..., 1], 1.0, amount)[..., None]
    out[..., INNER_UPPER, :] = upper + share * (middle - upper)
    out[..., INNER_LOWER, :] = lower + share * (middle - lower)
    return out


def mobility(mean: Points) -> Points:
    """[468] how far each point follows the mouth: 1 on the lips and the chin, 0 from the nose upwards."""
    middle = mean[INNER_LIPS].mean(0)
    distance = np.linalg.norm(mean[:, None] - mean[OUTER_LIPS][None], axis=2).min(1)
    x = np.abs(mean[:, 0] - middle[0])
    above = np.exp(-((distance / 0.20) ** 2))
    nose = mean[NOSE_BASE, 1]
    above *= np.clip((mean[:, 1] - (nose - 0.12)) / 0.12, 0, 1)
    below = np.exp(-((np.maximum(x - 0.28, 0) / 0.38) ** 2))
    ramp = np.clip((mean[:, 1] - middle[1] + 0.10) / 0.25, 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    weight = above * (1 - ramp) + np.maximum(below, above) * ramp
    # Nothing at all moves far from the mouth: those pixels stay the source's bit for bit.
    weight = np.clip((weight - 0.04) / 0.96, 0, 1)
    weight[LIPS] = 1.0
    weight[RIGID] = 0.0
    return weight
