"""What pages of a project share: what the person may do there, and links to its lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode

from dubbing.domain.review import Action
from dubbing.domain.workspace import ProjectCard
from ui.session import desk
from ui.text import t
from ui.widgets.review_data import number

_LINE = re.compile(r"[uU]?(\d{1,6})")
#: A number alone is small for a finger.
_LINK = "color:var(--dw-accent);display:inline-block;min-width:24px;min-height:24px;text-align:center"


def may(action: Action, card: ProjectCard, language: str = "") -> bool:
    """Whether the person of this tab may do that in the open project."""
    return desk().seat.may(action, card.id, language)


def line_url(project_id: str, language: str, line: str) -> str:
    """The review page with one line open."""
    return f"review?{urlencode({'project': project_id, 'lang': language, 'line': line})}"


def line_link(project_id: str, language: str, line: str, text: str = "") -> str:
    """A link to a line as HTML; ``text`` stands for its number."""
    address = escape(line_url(project_id, language, line))
    return f'<a href="{address}" style="{_LINK}">{escape(text or number(line))}</a>'


def line_id(text: str) -> str | None:
    """The id of the line that a person names, "4" or "u0004"; None where that is no line."""
    match = _LINE.fullmatch(text.strip())
    return f"u{int(match[1]):04d}" if match else None


def line_links(project_id: str, language: str, lines: Sequence[str], *, most: int = 12) -> str:
    """Links to many lines as HTML; of more than ``most`` the rest is counted."""
    shown = " ".join(line_link(project_id, language, line) for line in lines[:most])
    rest = len(lines) - most
    return f"{shown} {escape(t('place.and_more', n=rest))}" if rest > 0 else shown
