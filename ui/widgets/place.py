"""What pages of a project share: what the person may do there, and links to its lines."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode

from dubbing.domain.review import Action
from dubbing.domain.workspace import ProjectCard
from ui.session import desk
from ui.text import t


def may(action: Action, card: ProjectCard, language: str = "") -> bool:
    """Whether the person of this tab may do that in the open project."""
    return desk().seat.may(action, card.id, language)


def line_url(project_id: str, language: str, line: str) -> str:
    """The review page with one line open."""
    return f"review?{urlencode({'project': project_id, 'lang': language, 'line': line})}"


def line_link(project_id: str, language: str, line: str, text: str = "") -> str:
    """A link to a line as HTML; ``text`` stands for its id."""
    return f'<a href="{escape(line_url(project_id, language, line))}" style="color:var(--dw-accent)">' \
           f"{escape(text or line)}</a>"


def line_links(project_id: str, language: str, lines: Sequence[str], *, most: int = 12) -> str:
    """Links to many lines as HTML; of more than ``most`` the rest is counted."""
    shown = ", ".join(line_link(project_id, language, line) for line in lines[:most])
    rest = len(lines) - most
    return f"{shown} {escape(t('place.and_more', n=rest))}" if rest > 0 else shown
