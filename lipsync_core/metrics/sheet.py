"""Contact sheets: original and dubbed faces one above the other, for a person to judge."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.face.types import FaceAnalysis, FaceTrack
from lipsync_core.face.video import VideoSource
from lipsync_core.speech.articulation import Articulation

_LABEL_HEIGHT = 18
_MOUTH = (61, 291)
_EYES = (33, 263)

Picture = npt.NDArray[np.uint8]


def moments(articulation: Articulation, offset_ms: float, count: int) -> list[tuple[float, str]]:
    """Up to ``count`` telling moments of a take, as (ms in the video, label): closures and widest vowels in turn.

    offset_ms: when the take starts in the video.
    """
    opening = articulation.opening
    inner = np.arange(1, max(len(opening) - 1, 1))
    peaks = [int(i) for i in inner if opening[i] >= opening[i - 1] and opening[i] > opening[i + 1] and opening[i] > 0.3]
    shut = [int(group[len(group) // 2]) for group in _runs(np.flatnonzero(articulation.closure > 0))]
    widest = sorted(peaks, key=lambda i: -opening[i])[: count // 2]
    share = (count + 1) // 2
    if len(shut) > share:
        shut = [shut[i] for i in np.linspace(0, len(shut) - 1, share).round().astype(int)] if share else []
    picked = [(float(articulation.times_ms[i] + offset_ms), label)
              for indices, label in ((shut, "closed"), (widest, "open")) for i in indices]
    return sorted(picked)


def contact_sheet(original: Path, dubbed: Path, analysis: FaceAnalysis, out_png: Path, columns: int = 8, *,
                  at: Sequence[tuple[float, str]] | None = None, rows: int = 2, cell: int = 240,
                  whose: Mapping[float, Collection[int]] | None = None) -> None:
    """Write a PNG of faces and mouths at native sharpness, original above dubbed, labelled with the time.

    analysis: of the original. at: (ms, label) moments, e.g. from ``moments``; evenly spaced ones otherwise.
    whose: for a moment (its ms in ``at``) the tracks of who speaks then; else the largest face is shown.
    Each moment shows the lower face (scaled to ``cell`` pixels wide) and, under it, the mouth alone.
    ValueError when no face is on camera at any of them.
    """
    times = analysis.times_ms
    if at is None:
        at = [(float(t), "") for t in np.linspace(times[0], times[-1], columns * rows + 2)[1:-1]]
    frames = [(int(np.abs(times - ms).argmin()), label) for ms, label in at]
    speaking = [(whose or {}).get(ms, ()) for ms, _ in at]
    wanted = {f: box for (f, _), ids in zip(frames, speaking, strict=True)
              if (box := _box(analysis, f, ids)) is not None}
    if not wanted:
        raise ValueError("no face is on camera at any of these moments")
    before, after = dict(_faces(original, wanted, cell)), dict(_faces(dubbed, wanted, cell))
    cells = [
        _cell(before[f], after[f], f"{times[f] / 1000:.2f} s {label}") for f, label in frames
        if f in before and f in after
    ]
    blank = np.zeros_like(cells[0])
    cells += [blank] * (-len(cells) % columns)
    grid = np.concatenate([np.concatenate(cells[i:i + columns], 1) for i in range(0, len(cells), columns)])
    temporary = Path(out_png).with_suffix(".part.png")
    cv2.imwrite(str(temporary), cv2.cvtColor(grid, cv2.COLOR_RGB2BGR))
    os.replace(temporary, out_png)


def _runs(indices: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    return [r for r in np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1) if len(r)]


def _box(analysis: FaceAnalysis, frame: int, ids: Collection[int]) -> tuple[npt.NDArray[np.float64], float] | None:
    """Mouth centre and eye distance of the largest face in ``frame``, of all or of the tracks ``ids``."""
    found: list[tuple[float, npt.NDArray[np.float64]]] = []
    for track in (track for track in analysis.tracks if not ids or track.id in ids):
        points = _points_at(track, frame)
        if points is not None:
            found.append((float(np.linalg.norm(points[_EYES[1]] - points[_EYES[0]])), points[list(_MOUTH)].mean(0)))
    if not found:
        return None
    scale, centre = max(found, key=lambda item: item[0])
    return centre, scale


def _points_at(track: FaceTrack, frame: int) -> npt.NDArray[np.float64] | None:
    i = int(np.searchsorted(track.frames, frame))
    if i >= len(track.frames) or track.frames[i] != frame:
        return None
    return track.points[i, :, :2].astype(np.float64)


def _faces(video: Path, wanted: dict[int, tuple[npt.NDArray[np.float64], float]],
           cell: int) -> Iterator[tuple[int, Picture]]:
    for picture in VideoSource(video).frames(min(wanted), max(wanted) + 1):
        if picture.number in wanted:
            centre, scale = wanted[picture.number]
            face = _view(picture.rgb(), centre - (0, 0.25 * scale), 0.95 * scale, cell)
            mouth = _view(picture.rgb(), centre, 0.48 * scale, cell)[cell // 5: cell - cell // 5]
            yield picture.number, np.concatenate([face, mouth])


def _view(rgb: Picture, centre: npt.NDArray[np.float64], half: float, size: int) -> Picture:
    matrix = np.array([[size / (2 * half), 0, 0], [0, size / (2 * half), 0]])
    matrix[:, 2] = size / 2 - matrix[:, :2] @ centre
    return cv2.warpAffine(rgb, matrix, (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)


def _cell(before: Picture, after: Picture, label: str) -> Picture:
    bar = np.zeros((_LABEL_HEIGHT, before.shape[1], 3), np.uint8)
    cv2.putText(bar, label, (3, _LABEL_HEIGHT - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    joined = np.concatenate([bar, before, np.full((2, before.shape[1], 3), 90, np.uint8), after])
    return cv2.copyMakeBorder(joined, 0, 4, 2, 2, cv2.BORDER_CONSTANT)
