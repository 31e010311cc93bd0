"""Spans of time as a picture: an SVG that follows the width of its place, its text never stretched.

What a span means is told by its form (height, outline, hatching), colour only repeats it; a page shows the same facts
as a table beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from ui.widgets.times import timecode


class Look(StrEnum):
    """How a span is drawn."""

    THIN = "thin"
    SOLID = "solid"
    HATCHED = "hatched"


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start_ms`` to ``end_ms``; ``title`` is what a pointer resting on it is told."""

    start_ms: int
    end_ms: int
    look: Look
    title: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    spans: tuple[Span, ...]


_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_MOST_TICKS = 8
_AXIS, _LABEL, _BAR, _GAP = 22, 18, 18, 12
_NARROWEST = 0.25
_BLUE, _GREY, _ORANGE = "#2f6fdb", "#7a8599", "#b3541e"


def tick_step_ms(duration_ms: int) -> int:
    """A round distance between time marks that gives at most eight of them."""
    fitting = (step for step in _STEPS_S if duration_ms <= step * 1000 * _MOST_TICKS)
    return 1000 * next(fitting, -(-duration_ms // (_MOST_TICKS * 3_600_000)) * 3600)


def timeline_svg(rows: Sequence[Row], duration_ms: int, summary: str) -> str:
    """The rows one below the other over a common time axis of ``duration_ms``, as one SVG element.

    ``summary`` is what those hear who do not see it. Spans outside of the axis are cut to it; very short ones stay
    visible.
    """
    duration = max(1, duration_ms)
    height = _AXIS + len(rows) * (_LABEL + _BAR + _GAP)
    parts = [f'<svg role="img" aria-label="{escape(summary)}" width="100%" height="{height}" '
             f'style="display:block;color:inherit;font-family:inherit" xmlns="http://www.w3.org/2000/svg">',
             _hatching(), _axis(duration, height)]
    parts += [_row(row, _AXIS + place * (_LABEL + _BAR + _GAP), duration) for place, row in enumerate(rows)]
    return "".join(parts) + "</svg>"


def legend_html(entries: Sequence[tuple[Look, str]]) -> str:
    """What each look means, each beside a small sample of it."""
    samples = "".join(
        f'<span style="display:inline-flex;align-items:center;gap:.45rem;margin:0 1.2rem .2rem 0">'
        f'<svg width="34" height="{_BAR}" aria-hidden="true" xmlns="http://www.w3.org/2000/svg">'
        f'{_hatching()}{_bar(Span(0, 1, look), 0, 1)}</svg>{escape(text)}</span>' for look, text in entries)
    return f'<div style="font-size:.875rem;line-height:1.6">{samples}</div>'


def _hatching() -> str:
    return ('<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
            f'patternTransform="rotate(45)"><rect width="2.5" height="7" fill="{_ORANGE}"></rect></pattern></defs>')


def _axis(duration: int, height: int) -> str:
    step = tick_step_ms(duration)
    parts = []
    for at in range(0, duration + 1, step):
        share = 100 * at / duration
        anchor = "start" if share < 4 else "end" if share > 96 else "middle"
        parts.append(f'<line x1="{share:.3f}%" x2="{share:.3f}%" y1="16" y2="{height}" stroke="{_GREY}" '
                     'stroke-opacity=".28"></line>'
                     f'<text x="{share:.3f}%" y="11" font-size="11.5" fill="currentColor" fill-opacity=".75" '
                     f'text-anchor="{anchor}">{timecode(at, with_ms=False)}</text>')
    return "".join(parts)


def _row(row: Row, top: int, duration: int) -> str:
    bars = "".join(_bar(span, top + _LABEL, duration) for span in row.spans
                   if span.end_ms > 0 and span.start_ms < duration)
    return f'<text x="0" y="{top + 12}" font-size="13" font-weight="600" fill="currentColor">' \
           f'{escape(row.label)}</text>{bars}'


def _bar(span: Span, top: float, duration: int) -> str:
    """One span: thin is a low outlined band, solid a full block, hatched an outlined block with stripes."""
    start, end = max(0, span.start_ms), min(duration, span.end_ms)
    left, width = 100 * start / duration, max(_NARROWEST, 100 * (end - start) / duration)
    title = f"<title>{escape(span.title)}</title>" if span.title else ""
    box = f'<rect x="{min(left, 100 - width):.3f}%" width="{width:.3f}%" '
    if span.look is Look.THIN:
        return (f'{box} y="{top + _BAR / 2 - 3}" height="6" rx="3" fill="{_GREY}" fill-opacity=".45" '
                f'stroke="{_GREY}">{title}</rect>')
    if span.look is Look.SOLID:
        return f'{box} y="{top}" height="{_BAR}" rx="3" fill="{_BLUE}">{title}</rect>'
    return f'{box} y="{top + 1}" height="{_BAR - 2}" rx="3" fill="url(#hatch)" stroke="{_ORANGE}" ' \
           f'stroke-width="1.5">{title}</rect>'
