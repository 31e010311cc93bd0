"""Sheets to look at: what was really there, and what each variant made of it, for the same frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.train.files import write_picture

Pictures = npt.NDArray[np.uint8]

_LABEL, _GAP = 18, 2
_CELL = 132
#: Of a crop's height: from below the eyes down, where the generator paints.
_TOP = 0.35
_INK, _PAPER = (30, 30, 30), (255, 255, 255)


def telling_frames(opening: npt.NDArray[np.floating], count: int) -> list[int]:
    """Up to ``count`` frames in order, closed and wide mouths in turn, spread over the clip; opening: [T]."""
    pieces = np.array_split(np.arange(len(opening)), min(count, len(opening)))
    usable = np.where(np.isfinite(opening), opening, np.nanmedian(opening) if np.isfinite(opening).any() else 0.0)
    return [int(p[usable[p].argmin() if i % 2 else usable[p].argmax()]) for i, p in enumerate(pieces) if len(p)]


def sheet(rows: Mapping[str, Pictures], titles: Sequence[str] = ()) -> Pictures:
    """One row a name, one column a frame; rows: BGR uint8 [N, S, S, 3] of the same N frames -> BGR picture."""
    columns = len(next(iter(rows.values())))
    width = columns * (_CELL + _GAP) - _GAP
    lines = [_strip_of_text(width, list(titles), _CELL + _GAP)] if titles else []
    for name, pictures in rows.items():
        lines.append(_strip_of_text(width, [name], width))
        cells = [_cell(p) for p in pictures]
        gap = np.full((cells[0].shape[0], _GAP, 3), 255, np.uint8)
        joined = [part for cell in cells for part in (cell, gap)][:-1]
        lines.append(np.concatenate(joined, 1))
    return np.concatenate(lines)


def write_sheet(path: Path, rows: Mapping[str, Pictures], titles: Sequence[str] = ()) -> None:
    """``sheet`` as PNG or JPEG, by the path's suffix; atomically."""
    write_picture(path, sheet(rows, titles))


def _cell(picture: Pictures) -> Pictures:
    lower = picture[round(_TOP * picture.shape[0]):]
    scale = _CELL / picture.shape[1]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(lower, (_CELL, round(lower.shape[0] * scale)), interpolation=how), np.uint8)


def _strip_of_text(width: int, words: Sequence[str], step: int) -> Pictures:
    strip = np.full((_LABEL, width, 3), _PAPER, np.uint8)
    for i, word in enumerate(words):
        cv2.putText(strip, word, (3 + i * step, _LABEL - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
    return strip
