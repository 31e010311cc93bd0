"""The curves of a report: wanted and measured opening, closures, pauses, mouth strips, seam, sharpness, likeness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.metrics.album import STRIP_HEIGHT, Album
from lipsync_core.metrics.canvas import Canvas
from lipsync_core.metrics.judgement import BAR_OF, Curves, Judgement

INK, MUTED, FAINT, GRID = "#1f2933", "#7b8794", "#b8c2cc", "#e8ecf0"
GOOD, BAD, WANTED, SHADE = "#1f9d55", "#d64545", "#2f6fde", "#eef2f6"

_OPENING_HEIGHT, _STRIP_HEIGHT, _SMALL_HEIGHT, _GAP = 170.0, 62.0, 64.0, 12.0
_LABEL = 132.0
#: A gap between judged frames longer than this breaks a curve.
_BROKEN_MS = 120.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time (ms of the video) that one row of plots shows."""

    start_ms: float
    end_ms: float


def spans_of(judgement: Judgement, length_ms: float = 12000.0, most: int = 4) -> list[Span]:
    """Rows of equal length that cover the judged frames; of a long video those with the worst moments."""
    times = judgement.curves.times_ms
    if not len(times):
        return []
    first, last = float(times[0]), float(times[-1]) + 40.0
    count = max(int(np.ceil((last - first) / (1.25 * length_ms))), 1)
    step = max((last - first) / count, 400.0)
    spans = [Span(first + i * step, first + (i + 1) * step) for i in range(count)]
    spans = [s for s in spans if ((times >= s.start_ms) & (times < s.end_ms)).any()]
    if len(spans) <= most:
        return spans
    worst = judgement.worst(40, 0.0)
    weight = [sum(m.severity for m in worst if s.start_ms <= m.time_ms < s.end_ms) for s in spans]
    kept = sorted(np.argsort([-w for w in weight], kind="stable")[:most])
    return [spans[i] for i in kept]


def row_height(judgement: Judgement) -> float:
    """Height of one row of plots."""
    has_original = bool(np.isfinite(judgement.curves.original).any())
    strips = (2 if has_original else 1) * (_STRIP_HEIGHT + 4)
    small = len(_small(judgement.curves)) * (_SMALL_HEIGHT + _GAP)
    return _OPENING_HEIGHT + _GAP + strips + _GAP + small + 26


def draw_row(canvas: Canvas, judgement: Judgement, album: Album, span: Span, x: float, y: float,
             width: float) -> None:
    """All plots of one span, one above the other on one time axis; ``x, y`` is the top left corner."""
    plot = _Plot(canvas, judgement, span, x + _LABEL, width - _LABEL)
    plot.opening(y)
    y += _OPENING_HEIGHT + _GAP
    has_original = bool(np.isfinite(judgement.curves.original).any())
    for which, name in ((0, "original"), (1, "result")):
        if which == 1 or has_original:
            plot.strip(y, album, which, name)
            y += _STRIP_HEIGHT + 4
    y += _GAP
    for key, values in _small(judgement.curves):
        plot.small(y, key, values)
        y += _SMALL_HEIGHT + _GAP
    plot.axis(y)


def _small(curves: Curves) -> list[tuple[str, Floats]]:
    found = (("seam_ratio", curves.seam), ("sharpness_ratio", curves.sharpness), ("identity_ratio", curves.identity))
    return [(key, values) for key, values in found if np.isfinite(values).any()]


class _Plot:
    """One span on one canvas: time to x, and the drawing of each kind of plot."""

    def __init__(self, canvas: Canvas, judgement: Judgement, span: Span, x: float, width: float) -> None:
        self.canvas, self.judgement, self.span, self.left, self.width = canvas, judgement, span, x, width
        c = judgement.curves
        self.inside = (c.times_ms >= span.start_ms) & (c.times_ms < span.end_ms)
        self.times = c.times_ms[self.inside]

    def x(self, time_ms: float) -> float:
        share = (time_ms - self.span.start_ms) / (self.span.end_ms - self.span.start_ms)
        return self.left + self.width * min(max(share, 0.0), 1.0)

    def opening(self, top: float) -> None:
        """Wanted against measured, pauses shaded, a mark at every closure."""
        c, canvas = self.judgement.curves, self.canvas
        bottom, height = top + _OPENING_HEIGHT - 18, _OPENING_HEIGHT - 18
        highest = 1.25

        def y(value: float) -> float:
            return bottom - height * min(max(value, -0.05), highest) / highest

        canvas.rect(self.left, top, self.width, height, "#fbfcfd")
        for run in _runs(c.paused[self.inside]):
            a, b = self.x(self.times[run[0]]), self.x(self.times[run[-1]] + 40)
            canvas.rect(a, top, b - a, height, "#dfe7ef")
        for run in _runs(c.leaking[self.inside]):
            a, b = self.x(self.times[run[0]]), self.x(self.times[run[-1]] + 40)
            canvas.rect(a, top, b - a, height, BAD, opacity=0.25)
        self._name(top, "Lip opening", "share of the", "speaker's range")
        for value, label in ((0.0, "closed"), (0.5, ""), (1.0, "wide")):
            canvas.polyline([(self.left, y(value)), (self.left + self.width, y(value))], GRID)
            canvas.text(self.left - 6, y(value) + 4, label, size=10, colour=MUTED, anchor="end")
        self._curve(c.original, y, FAINT, 1.0)
        self._curve(c.wanted, y, WANTED, 1.8, is_dashed=True)
        self._curve(c.measured, y, INK, 1.8)
        for line in self.judgement.lines:
            for closure in line.closures:
                if self.span.start_ms <= closure.time_ms < self.span.end_ms:
                    at, colour = self.x(closure.time_ms), GOOD if closure.is_hit else BAD
                    base = bottom + (14 if closure.is_hit else 16)
                    half = 4.0 if closure.is_hit else 5.5
                    words = "lips touch" if closure.is_hit else f"lips {100 * closure.least_opening:.0f} % open"
                    canvas.polygon([(at - half, base), (at + half, base), (at, base - 1.7 * half)], colour,
                                   hint=f"closure at {closure.time_ms / 1000:.2f} s: {words}")
                    if not closure.is_hit:
                        canvas.polyline([(at, top), (at, bottom)], BAD, width=1.0)

    def strip(self, top: float, album: Album, which: int, name: str) -> None:
        """One column a frame: the line from the nose over the lips to the chin, through time."""
        columns = max(int(self.width), 1)
        picture = np.full((STRIP_HEIGHT, columns, 3), 244, np.uint8)
        frames = self.judgement.curves.frames[self.inside]
        edges = [self.x(t) - self.left for t in self.times]
        usual = float(np.median(np.diff(self.times))) if len(self.times) > 1 else 40.0
        step = self.width * usual / (self.span.end_ms - self.span.start_ms)
        for frame, edge in zip(frames, edges, strict=True):
            strip = album.strips.get(int(frame), (None, None))[which]
            if strip is not None:
                picture[:, int(edge):max(int(np.ceil(edge + step)), int(edge) + 1)] = strip[:, None]
        self._name(top, "Mouth strip", name)
        self.canvas.image(self.left, top, self.width, _STRIP_HEIGHT, picture)

    def small(self, top: float, key: str, values: Floats) -> None:
        """A ratio over time with the band that its bar allows."""
        bar, canvas = BAR_OF[key], self.canvas
        low, high = (0.8, 1.05) if key == "identity_ratio" else (0.4, 2.0)
        shown = values[self.inside]
        if np.isfinite(shown).any():
            low, high = min(low, float(np.nanpercentile(shown, 1))), max(high, float(np.nanpercentile(shown, 99)))
            low = max(low, -0.2)

        def y(value: float) -> float:
            return top + _SMALL_HEIGHT * (1 - (min(max(value, low), high) - low) / (high - low))

        canvas.rect(self.left, top, self.width, _SMALL_HEIGHT, "#fbfcfd")
        band = (y(high if bar.high is None else bar.high), y(low if bar.low is None else bar.low))
        canvas.rect(self.left, band[0], self.width, band[1] - band[0], "#e3f4ea")
        canvas.polyline([(self.left, y(1.0)), (self.left + self.width, y(1.0))], GRID)
        self._name(top, bar.title, "1 is the original")
        for value in (bar.low, bar.high):
            if value is not None:
                canvas.text(self.left - 6, y(value) + 4, f"{value:.2f}", size=10, colour=MUTED, anchor="end")
        self._curve(values, y, INK, 1.4)

    def axis(self, top: float) -> None:
        seconds = (self.span.end_ms - self.span.start_ms) / 1000
        step = next((s for s in (0.25, 0.5, 1, 2, 5, 10) if seconds / s <= 14), 20)
        at = np.ceil(self.span.start_ms / 1000 / step) * step
        while at * 1000 < self.span.end_ms:
            self.canvas.polyline([(self.x(at * 1000), top - _GAP), (self.x(at * 1000), top - _GAP + 5)], MUTED)
            self.canvas.text(self.x(at * 1000), top + 6, f"{at:g} s", size=11, colour=MUTED, anchor="middle")
            at += step

    def _name(self, top: float, title: str, *more: str) -> None:
        self.canvas.text(self.left - _LABEL, top + 12, title, size=12, is_bold=True)
        for i, words in enumerate(more):
            self.canvas.text(self.left - _LABEL, top + 27 + 13 * i, words, size=10, colour=MUTED)

    def _curve(self, values: Floats, y: Callable[[float], float], colour: str, width: float,
               is_dashed: bool = False) -> None:
        shown = values[self.inside]
        known = np.flatnonzero(np.isfinite(shown))
        gaps = (np.diff(known) > 3) | (np.diff(self.times[known]) > _BROKEN_MS)
        for run in np.split(known, np.flatnonzero(gaps) + 1):
            if len(run) > 1:
                self.canvas.polyline([(self.x(self.times[i]), y(float(shown[i]))) for i in run], colour, width=width,
                                     is_dashed=is_dashed)


def _runs(mask: npt.NDArray[np.bool_]) -> Sequence[npt.NDArray[np.int64]]:
    at = np.flatnonzero(mask)
    return [r for r in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(r)]


def labelled(view: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """A view of an album at ``side`` pixels."""
    return cv2.resize(view, (side, side), interpolation=cv2.INTER_AREA if side < view.shape[0] else cv2.INTER_CUBIC)
