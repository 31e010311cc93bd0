"""All lines of a project in one language, for tables that are longer than a page of the review."""

from __future__ import annotations

from dubbing.domain.workspace import LineQuery, LineView
from ui.session import desk

_PAGE = 500
_EVERYTHING = LineQuery()


def all_lines(project_id: str, language: str, query: LineQuery = _EVERYTHING) -> list[LineView]:
    """The lines that ``query`` wants, in the order in which they start."""
    lines: list[LineView] = []
    while True:
        page = desk().lines.page(project_id, language, query, offset=len(lines), limit=_PAGE)
        lines += page.lines
        if not page.lines or len(lines) >= page.total:
            return lines
