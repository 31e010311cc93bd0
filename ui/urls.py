"""Addresses of what the server hands out beside the pages; a component gets these, never bytes."""

from __future__ import annotations

from urllib.parse import quote, urlencode

#: Cookie of a signed-in browser, and the header without which nothing is written (no foreign page can send it).
SESSION_COOKIE = "dubbing_session"
WRITE_HEADER = "X-Dubbing"


def file_url(project: str, kind: str, *parts: str, v: str = "") -> str:
    """Where a project's file is: ``file_url(id, "take", take_id)``; ``kind`` may hold several steps ("peaks/source").

    ``v`` names the version, so that a browser keeps a file until it changes.
    """
    steps = "/".join(quote(step, safe="") for step in (project, *kind.split("/"), *parts))
    return f"/files/{steps}" + (f"?{urlencode({'v': v})}" if v else "")


def download_url(project: str, kind: str, *parts: str) -> str:
    """The same file, handed over under its own name instead of being shown."""
    return f"{file_url(project, kind, *parts)}?{urlencode({'download': '1'})}"


def enter_url(ticket: str, to: str = "/") -> str:
    """Where a ticket becomes a signed-in browser, which then goes on to ``to``."""
    return f"/enter?{urlencode({'ticket': ticket, 'to': to})}"


def leave_url() -> str:
    """Where a browser is signed out."""
    return "/leave"


def is_local_path(path: str) -> bool:
    """Whether ``path`` leads to this server only: browsers read ``//host`` and backslashes as another one."""
    return path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
