"""Shot boundaries from small pictures, with a short look ahead, so that flashes and fast motion are no cuts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.face.video import Picture, Plane

_HEIGHT, _WIDTH = 36, 48
LOOK_AHEAD = 3
# A cut changes where the edges are and how colours are spread; each alone has harmless causes.
_STRUCTURE, _COLOUR = 0.5, 0.12
# Two views of one set share their colours: there the change must stand out from its neighbours instead.
_PEAK, _PEAK_FLOOR = 6.0, 0.06


class Signature:
    """What is kept of a picture: blurred gradients (for structure), a colour histogram, a small picture."""

    def __init__(self, picture: Picture) -> None:
        y, u, v = (_thumbnail(p) for p in (picture.y, picture.u, picture.v))
        self.small = np.stack([y, u, v]) / 255
        soft = cv2.GaussianBlur(y, (0, 0), 1.0)
        edges = np.stack([cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)])
        edges = np.sign(edges) * np.sqrt(np.abs(edges))
        self.edges = edges / max(float(np.linalg.norm(edges)), 1e-3)
        histograms = [cv2.calcHist([p], [0], None, [32], [0, 256]).ravel() for p in (y, u, v)]
        self.histogram = np.stack([np.convolve(h, [0.25, 0.5, 0.25], "same") for h in histograms]) / y.size

    def structure(self, other: Signature) -> float:
        """0 for the same edges, 1 for unrelated ones; a shift of a few per cent costs little."""
        return float(1 - np.sum(self.edges * other.edges))

    def colour(self, other: Signature) -> float:
        """0 for the same spread of brightness and colour, 1 for nothing in common."""
        return float(1 - np.minimum(self.histogram, other.histogram).sum(1).mean())

    def difference(self, other: Signature) -> float:
        return float(np.abs(self.small - other.small).sum(0).mean())


def _thumbnail(plane: Plane) -> npt.NDArray[np.float32]:
    # Skipping pixels first keeps this far below a millisecond for large pictures.
    step = max(min(plane.shape[0] // (3 * _HEIGHT), plane.shape[1] // (3 * _WIDTH)), 1)
    small = cv2.resize(np.ascontiguousarray(plane[::step, ::step]), (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32)


def _is_cut(before: list[Signature], after: list[Signature]) -> bool:
    """Whether a shot ends between the last of ``before`` and the first of ``after``."""
    last = before[-1]
    # The new picture must stay: after a flash or a single broken frame the old one comes back.
    structure = min(last.structure(s) for s in after)
    colour = min(last.colour(s) for s in after)
    if structure > _STRUCTURE and colour > _COLOUR:
        return len(before) < 2 or _stands_out(before, after, 2.0)
    difference = min(last.difference(s) for s in after)
    return structure > _STRUCTURE / 2 and difference > _PEAK_FLOOR and _stands_out(before, after, _PEAK)


def _stands_out(before: list[Signature], after: list[Signature], ratio: float) -> bool:
    neighbours = [a.difference(b) for run in (before, after) for a, b in zip(run[:-1], run[1:], strict=True)]
    usual = max(neighbours, default=0.0)
    return before[-1].difference(after[0]) > ratio * max(usual, 0.004)


def with_shots(pictures: Iterable[Picture]) -> Iterator[tuple[Picture, bool]]:
    """Yield every picture with whether a shot begins with it; holds back at most ``LOOK_AHEAD`` pictures."""
    waiting: deque[tuple[Picture, Signature]] = deque()
    past: deque[Signature] = deque(maxlen=3)
    for picture in pictures:
        waiting.append((picture, Signature(picture)))
        if len(waiting) == LOOK_AHEAD:
            yield _release(waiting, past)
    while waiting:
        yield _release(waiting, past)


def _release(waiting: deque[tuple[Picture, Signature]], past: deque[Signature]) -> tuple[Picture, bool]:
    starts = not past or _is_cut(list(past), [s for _, s in waiting])
    picture, signature = waiting.popleft()
    if starts:
        past.clear()
    past.append(signature)
    return picture, starts
