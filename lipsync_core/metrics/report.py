"""One page for a person who has to decide: figures against their bars, curves, strips, the worst moments in pictures.

The page is drawn once, either as SVG inside a web page that needs no other file, or as a picture.
"""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

import cv2
import numpy as np

from lipsync_core.metrics import plots
from lipsync_core.metrics.album import Album
from lipsync_core.metrics.canvas import Canvas, PictureCanvas, SvgCanvas
from lipsync_core.metrics.judgement import BARS, Judgement, Moment
from lipsync_core.metrics.plots import BAD, GOOD, GRID, INK, MUTED, WANTED

WIDTH, _MARGIN = 1400.0, 48.0
_ROW = 31.0
_CELLS, _CELL = 8, 150.0
_INNER = WIDTH - 2 * _MARGIN


def write_report(judgement: Judgement, album: Album, *, html: Path | None = None, png: Path | None = None,
                 title: str = "Lip-sync report", subtitle: str = "") -> None:
    """Write the page as ``html`` and/or ``png``; each appears whole or not at all. ``album`` was filled while
    judging (see ``lipsync_core.metrics.judge``)."""
    height = _Page(_Blind(), judgement, album).draw(title, subtitle)
    if html is not None:
        svg = SvgCanvas(WIDTH, height)
        _Page(svg, judgement, album).draw(title, subtitle)
        text = (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
                '<meta name="viewport" content="width=device-width"><style>body{margin:0;background:#f3f5f7}'
                'main{max-width:1400px;margin:0 auto;background:#fff}svg{display:block;width:100%;height:auto}'
                f'</style></head><body><main>{svg.svg}</main></body></html>')
        _write(Path(html), text.encode())
    if png is not None:
        canvas = PictureCanvas(WIDTH, height)
        _Page(canvas, judgement, album).draw(title, subtitle)
        done, data = cv2.imencode(".png", cv2.cvtColor(canvas.picture, cv2.COLOR_RGB2BGR))
        if not done:
            raise ValueError("the page could not be packed as a picture")
        _write(Path(png), data.tobytes())


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(data)
    os.replace(temporary, path)


class _Blind:
    """Draws nothing: laying out a page tells its height."""

    def __getattr__(self, _name: str):  # type: ignore[no-untyped-def]
        return lambda *_args, **_options: None


class _Page:
    def __init__(self, canvas: Canvas | _Blind, judgement: Judgement, album: Album) -> None:
        self.canvas, self.judgement, self.album = canvas, judgement, album

    def draw(self, title: str, subtitle: str) -> float:
        """Draw everything; returns the page's height."""
        y = self._head(title, subtitle)
        y = max(self._figures(y), self._moments(y))
        y = self._curves(y + 34)
        y = self._sheet(y + 26)
        return self._foot(y + 20)

    def _head(self, title: str, subtitle: str) -> float:
        passed = self.judgement.passed
        met, total = sum(passed.values()), len(passed)
        self.canvas.rect(0, 0, WIDTH, 6, MUTED if not total else GOOD if met == total else BAD)
        self.canvas.text(_MARGIN, 58, title, size=27, is_bold=True)
        lines = len(self.judgement.lines)
        facts = [subtitle, f"{lines} line{'s' * (lines != 1)}", f"{self.judgement.frames} frames judged",
                 f"{self.judgement.closures} closures"]
        self.canvas.text(_MARGIN, 82, " \u00b7 ".join(f for f in facts if f), size=13, colour=MUTED)
        if total:
            words = "all bars met" if met == total else f"{met} of {total} bars met"
            self.canvas.rect(WIDTH - _MARGIN - 190, 36, 190, 40, GOOD if met == total else BAD, radius=20)
            self.canvas.text(WIDTH - _MARGIN - 95, 62, words, size=16, colour="#ffffff", anchor="middle", is_bold=True)
        return 112

    def _figures(self, y: float) -> float:
        """Each figure, its value and its bar."""
        canvas, values, passed = self.canvas, self.judgement.values, self.judgement.passed
        left, right = _MARGIN, _MARGIN + 820
        canvas.text(left, y + 14, "Figures", size=16, is_bold=True)
        for x, name in ((left + 562, "value"), (left + 600, "bar"), (left + 760, "")):
            canvas.text(x, y + 14, name, size=11, colour=MUTED, anchor="end" if name == "value" else "start")
        y += 24
        for bar in BARS:
            if bar.key not in values:
                continue
            canvas.polyline([(left, y), (right, y)], GRID)
            canvas.text(left, y + 20, bar.title, size=13, is_bold=True)
            canvas.text(left + 176, y + 20, bar.meaning, size=11, colour=MUTED)
            colour = INK if bar.key not in passed else GOOD if passed[bar.key] else BAD
            canvas.text(left + 562, y + 20, bar.format(values[bar.key]), size=15, colour=colour, anchor="end",
                        is_bold=True)
            canvas.text(left + 600, y + 20, bar.text if bar.key in passed else "no bar", size=12, colour=MUTED)
            if bar.key in passed:
                canvas.rect(right - 66, y + 6, 66, 20, colour, radius=10)
                canvas.text(right - 33, y + 20, "met" if passed[bar.key] else "missed", size=11, colour="#ffffff",
                            anchor="middle", is_bold=True)
            y += _ROW
        for key, value in self.judgement.extras.items():
            canvas.polyline([(left, y), (right, y)], GRID)
            canvas.text(left, y + 20, key, size=13, is_bold=True)
            canvas.text(left + 562, y + 20, f"{value:.3g}", size=15, anchor="end", is_bold=True)
            y += _ROW
        canvas.polyline([(left, y), (right, y)], GRID)
        return y

    def _moments(self, y: float) -> float:
        """The worst moments in words."""
        left = _MARGIN + 860
        self.canvas.text(left, y + 14, "Look here first", size=16, is_bold=True)
        y += 24
        moments = self.judgement.worst(8)
        if not moments:
            self.canvas.text(left, y + 20, "No moment stands out.", size=13, colour=MUTED)
        for moment in moments:
            self.canvas.polyline([(left, y), (WIDTH - _MARGIN, y)], GRID)
            self.canvas.text(left, y + 20, _clock(moment.time_ms), size=13)
            self.canvas.text(left + 78, y + 20, moment.what, size=12)
            y += _ROW
        return y

    def _curves(self, y: float) -> float:
        judgement, canvas = self.judgement, self.canvas
        spans = plots.spans_of(judgement)
        if not spans:
            return y
        canvas.text(_MARGIN, y, "Through time", size=16, is_bold=True)
        self._legend(y)
        y += 22
        total = float(judgement.curves.times_ms[-1] - judgement.curves.times_ms[0])
        if total > 1.05 * sum(s.end_ms - s.start_ms for s in spans):
            canvas.text(_MARGIN, y + 4, "The stretches with the worst moments.", size=12, colour=MUTED)
            y += 16
        for span in spans:
            if not isinstance(canvas, _Blind):
                plots.draw_row(canvas, judgement, self.album, span, _MARGIN, y, _INNER)
            y += plots.row_height(judgement) + 22
        return y

    def _legend(self, y: float) -> None:
        x = _MARGIN + 150
        entries = [(WANTED, "wanted", True), (INK, "measured", False)]
        if np.isfinite(self.judgement.curves.original).any():
            entries.append((plots.FAINT, "original", False))
        for colour, name, is_dashed in entries:
            self.canvas.polyline([(x, y - 4), (x + 26, y - 4)], colour, width=2, is_dashed=is_dashed)
            self.canvas.text(x + 32, y, name, size=12, colour=MUTED)
            x += 112
        for colour, name in ((GOOD, "closure hit"), (BAD, "closure missed")):
            self.canvas.polygon([(x, y + 1), (x + 9, y + 1), (x + 4.5, y - 8)], colour)
            self.canvas.text(x + 16, y, name, size=12, colour=MUTED)
            x += 122
        for colour, name in (("#dfe7ef", "pause"), ("#f4c7c7", "moves in a pause"), ("#e3f4ea", "within the bar")):
            self.canvas.rect(x, y - 10, 16, 12, colour)
            self.canvas.text(x + 22, y, name, size=12, colour=MUTED)
            x += 92 if name == "pause" else 142

    def _sheet(self, y: float) -> float:
        """Pictures: the worst moments first, then closures and wide vowels."""
        shown = _shown(self.judgement, _CELLS)
        if not shown or not self.album.views:
            return y
        canvas = self.canvas
        canvas.text(_MARGIN, y, "In pictures", size=16, is_bold=True)
        has_original = any(before is not None for before, _ in self.album.views.values())
        words = "original above, result below" if has_original else "the result"
        canvas.text(_MARGIN + 110, y, words, size=12, colour=MUTED)
        y += 14
        step = (_INNER + 10) / _CELLS
        size = min(_CELL, step - 10)
        for i, moment in enumerate(shown):
            x = _MARGIN + i * step
            at = int(np.abs(self.judgement.curves.times_ms - moment.time_ms).argmin())
            pair = self.album.view(int(self.judgement.curves.frames[at]))
            canvas.text(x, y + 14, _clock(moment.time_ms), size=12)
            canvas.text(x + 54, y + 14, moment.kind, size=10.5, colour=BAD if moment.severity >= 1 else MUTED)
            top = y + 22
            for view in pair or ():
                if view is not None:
                    canvas.image(x, top, size, size, plots.labelled(view, 176))
                    top += size + 4
        return y + 22 + (2 if has_original else 1) * (size + 4)

    def _foot(self, y: float) -> float:
        canvas = self.canvas
        canvas.polyline([(_MARGIN, y), (WIDTH - _MARGIN, y)], GRID)
        y += 22
        omitted: dict[str, list[str]] = {}
        titles = {bar.key: bar.title for bar in BARS}
        for key, why in self.judgement.omitted.items():
            omitted.setdefault(why, []).append(titles.get(key, key))
        for why, names in omitted.items():
            canvas.text(_MARGIN, y, f"Not measured, as {why}: {', '.join(names)}.", size=12, colour=MUTED)
            y += 18
        for words in (
            "Measured on the finished file with a face tracker run afresh on it; no generator marks its own work. "
            "Opening is the inner lips' distance as a share of the speaker's own range.",
            "A mouth strip shows one column a frame: the line from the nose over the middle of the lips to the chin. "
            "Figures do not replace looking: watch the moments above at full size.",
        ):
            canvas.text(_MARGIN, y, words, size=11, colour=MUTED)
            y += 16
        return y + 16


def _shown(judgement: Judgement, count: int) -> list[Moment]:
    """Up to ``count`` moments for pictures: the worst, then closures and wide vowels, in time order."""
    chosen = judgement.worst(count)
    curves = judgement.curves
    closures = [c for line in judgement.lines for c in line.closures if c.is_hit]
    aim = np.nan_to_num(curves.wanted if np.isfinite(curves.wanted).any() else curves.measured)
    peaks = [i for i in range(1, len(aim) - 1) if aim[i] >= aim[i - 1] and aim[i] > aim[i + 1] and aim[i] > 0.3]
    peaks.sort(key=lambda i: -aim[i])
    extra = [Moment(c.time_ms, "closed", "", 0.0) for c in closures[:: max(len(closures) // 4, 1)]]
    vowels = [Moment(float(curves.times_ms[i]), "open", "", 0.0) for i in peaks[:8]]
    for pair in zip(extra + [None] * len(vowels), vowels + [None] * len(extra), strict=False):
        for moment in pair:
            if moment is not None and len(chosen) < count and all(
                    abs(moment.time_ms - c.time_ms) > 200 for c in chosen):
                chosen.append(moment)
    return sorted(chosen, key=lambda m: m.time_ms)


def _clock(ms: float) -> str:
    minutes, seconds = divmod(ms / 1000, 60)
    return f"{int(minutes)}:{seconds:05.2f}"
