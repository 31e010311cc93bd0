"""A drawn face whose 468 mesh points are known: pictures, points and a video without any tracker."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np

from lipsync_core.atlas import shape
from lipsync_core.engine import FACES, AtlasLipSync, Span
from lipsync_core.face.types import FaceAnalysis, FaceTrack

HEIGHT, WIDTH, SCALE = 240, 320, 90.0
JAW = (93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323)


def mesh(opening: float, width: float = 0.5, centre: tuple[float, float] = (160.0, 90.0)) -> np.ndarray:
    """[468, 3] pixel points of a frontal face; opening and width in outer eye corner distances (SCALE pixels)."""
    random = np.random.default_rng(1)
    points = random.uniform([-0.75, -0.6], [0.75, 0.15], (468, 2))
    fixed = {33: (-0.5, 0), 133: (-0.2, 0), 362: (0.2, 0), 263: (0.5, 0), 130: (-0.52, 0.01), 359: (0.52, 0.01),
             168: (0, -0.02), 6: (0, 0.08), 197: (0, 0.16), 195: (0, 0.24), 122: (-0.1, 0.05), 351: (0.1, 0.05),
             193: (-0.09, -0.01), 417: (0.09, -0.01), 1: (0, 0.42), 2: (0, 0.52), 10: (0, -0.75), 234: (-0.75, 0.1),
             454: (0.75, 0.1)}
    for index, place in fixed.items():
        points[index] = place
    for k, index in enumerate(JAW):
        angle = np.pi * (1 - k / (len(JAW) - 1))
        points[index] = (0.72 * np.cos(angle), 0.25 + (0.95 + 0.5 * opening) * np.sin(angle))
    middle = 0.72
    outer_low, outer_up = shape.OUTER_LIPS[:11], shape.OUTER_LIPS[10:]
    inner_low, inner_up = shape.INNER_LIPS[:11], shape.INNER_LIPS[10:]
    for low, up, half, lip in ((outer_low, outer_up, width / 2, 0.07), (inner_low, inner_up, width / 2 * 0.86, 0.0)):
        x = np.linspace(-1, 1, 11)
        bow = np.sqrt(np.maximum(1 - x**2, 0))
        points[low] = np.column_stack([x * half, middle + (0.8 * opening + lip) * bow])
        top = np.column_stack([-x * half, middle - (0.2 * opening + lip) * bow])
        points[up[: len(top)]] = top[: len(up)]
    rest = np.setdiff1d(shape.LIPS, np.concatenate([shape.OUTER_LIPS, shape.INNER_LIPS]))
    source = np.concatenate([shape.OUTER_LIPS, shape.INNER_LIPS])
    for k, index in enumerate(rest):
        points[index] = points[source[k % 40]] * (0.96, 1.0) + (0, 0.002 * (k % 3))
    flat = points * SCALE + np.array(centre)
    return np.column_stack([flat, np.zeros(468)]).astype(np.float32)


def draw(points: np.ndarray) -> np.ndarray:
    """RGB picture of the face: textured skin, red lips, teeth over a dark mouth."""
    noise = np.random.default_rng(7).normal(0, 3, (HEIGHT, WIDTH, 1))
    picture = np.full((HEIGHT, WIDTH, 3), (70, 90, 110), np.float64)
    flat = points[:, :2]

    def fill(indices: Sequence[int] | np.ndarray, colour: tuple[int, int, int]) -> None:
        cv2.fillPoly(picture, [np.round(flat[indices] * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)

    face = cv2.convexHull(flat[[10, 234, 454, *JAW]].astype(np.float32))[:, 0]
    cv2.fillConvexPoly(picture, np.round(face * 16).astype(np.int32), (205, 160, 135), cv2.LINE_AA, 4)
    fill(shape.OUTER_LIPS, (170, 70, 75))
    fill(shape.INNER_LIPS, (40, 15, 15))
    gap = flat[14, 1] - flat[13, 1]
    if gap > 3:
        low, high = flat[13] + (-9, 1), flat[13] + (9, gap * 0.4)
        cv2.rectangle(picture, tuple(int(v) for v in low), tuple(int(v) for v in high), (225, 220, 205), -1)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def analysis_of(points: np.ndarray, times_ms: np.ndarray, visibility: np.ndarray | None = None) -> FaceAnalysis:
    """One shot with one track over all frames."""
    count = len(points)
    ones = np.ones(count, np.float32)
    track = FaceTrack(0, 0, np.arange(count, dtype=np.int32), points.astype(np.float32), ones,
                      np.zeros((count, 3), np.float32), ones if visibility is None else visibility.astype(np.float32),
                      ones * 100)
    return FaceAnalysis(HEIGHT, WIDTH, times_ms, np.array([[0, count]], np.int32), (track,))


def talking(count: int = 60) -> np.ndarray:
    """[count, 468, 3]: a mouth that opens and closes, with a head that sways a little."""
    t = np.arange(count)
    opening = 0.11 * (1 - np.cos(t * 2 * np.pi / 11)) * (t % 22 < 16)
    width = 0.5 + 0.05 * np.sin(t / 5)
    return np.stack([mesh(o, w, (160 + 3 * np.sin(k / 9), 90 + 2 * np.cos(k / 7)))
                     for k, (o, w) in enumerate(zip(opening, width, strict=True))])


def write_video(path: Path, points: np.ndarray, rate: int = 25) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate), options={"preset": "ultrafast", "crf": "14"})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for face in points:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(draw(face), format="rgb24")))
        container.mux(stream.encode())


def learnt(root: Path, count: int, hidden: slice = slice(0)) -> SimpleNamespace:
    """A clip of ``count`` frames under ``root`` with its tracks and its model; the mouth is hidden in ``hidden``.

    Fields: root, video, tracks, models (folders), analysis, engine, seen (what learning found).
    """
    for name in ("tracks", "models"):
        (root / name).mkdir()
    points = talking(count)
    write_video(root / "clip.mp4", points)
    visibility = np.ones(count)
    visibility[hidden] = 0
    analysis = analysis_of(points, np.arange(count) * 40.0, visibility)
    analysis.save(root / "tracks" / FACES)
    engine = AtlasLipSync(root)
    seen = engine.model(root / "clip.mp4", root / "tracks", [Span("ana", 0, count * 40)], root / "models")
    return SimpleNamespace(root=root, video=root / "clip.mp4", tracks=root / "tracks", models=root / "models",
                           analysis=analysis, engine=engine, seen=seen)
