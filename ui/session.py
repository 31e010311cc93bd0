"""Who sits at this browser tab, and what is open there. Shared by the pages and the server's routes."""

from __future__ import annotations

import atexit
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import streamlit as st

from dubbing.api import Desk, Doors, ForbiddenError, Workspace, load_settings, open_workspace
from ui.components.go import go
from ui.urls import SESSION_COOKIE, enter_url, leave_url

if TYPE_CHECKING:
    from dubbing.domain.workspace import Person, ProjectCard

__all__ = ["SESSION_COOKIE", "choose_project", "desk", "desk_of", "doors", "forget_person", "open_project", "person",
           "sign_in", "sign_out", "token", "workspace"]

_TOKEN, _OPEN, _SEAT = "session_token", "open_project", "_seat"
#: A page asks several times who is there; within this time the answer stands.
_SEAT_S = 1.0

_lock = threading.Lock()
_opened: dict[tuple[str, str], Workspace] = {}
_closing = ExitStack()
atexit.register(_closing.close)


def workspace() -> Workspace:
    """The one open workspace of this process and its settings; safe to use from every thread."""
    settings = load_settings()
    key = (str(settings.home), settings.url)
    with _lock:
        if key not in _opened:
            _opened[key] = _closing.enter_context(open_workspace(settings))
        return _opened[key]


def doors() -> Doors:
    """Where people come in."""
    return Doors(workspace())


def token() -> str | None:
    """The session token of this tab's browser: the cookie's, or in tests ``st.session_state["session_token"]``."""
    held = st.session_state.get(_TOKEN) or st.context.cookies.get(SESSION_COOKIE)
    return held if isinstance(held, str) else None  # tests have no browser behind the context


def person() -> Person | None:
    """Who is signed in here; None for nobody."""
    held = token()
    seat = st.session_state.get(_SEAT)
    if seat is None or seat[0] != held or seat[1] < time.monotonic() - _SEAT_S:
        found = doors().person_of(held)
        seat = (held, time.monotonic(), found)
        st.session_state[_SEAT] = seat
    return seat[2]


def forget_person() -> None:
    """Ask again who is here: their name or roles were just changed."""
    st.session_state.pop(_SEAT, None)


def desk() -> Desk:
    """The workspace as the person of this tab may use it. Raises ForbiddenError when nobody is signed in."""
    found = person()
    if found is None:
        raise ForbiddenError("You are not signed in.", "Sign in, then try again.")
    return Desk(workspace(), found)


def desk_of(held: str | None) -> Desk | None:
    """The same for a request to one of the server's routes; None when ``held`` is nobody's token."""
    found = doors().person_of(held)
    return None if found is None else Desk(workspace(), found)


def sign_in(ticket: str, to: str = "/") -> None:
    """Send the browser through the door: it comes back to ``to`` signed in. Ends this run of the page."""
    go(enter_url(ticket, to))
    st.stop()


def sign_out() -> None:
    """Sign this browser out everywhere it is open. Ends this run of the page."""
    st.session_state.pop(_SEAT, None)
    st.session_state.pop(_TOKEN, None)
    go(leave_url())
    st.stop()


def open_project() -> tuple[ProjectCard, str] | None:
    """The project and language that this tab works on, from its address; None when none is open.

    The address carries them (``?project=…&lang=…``) so that a reload and a sent link find the same place; the tab
    remembers them where a page is reached without. The language is "" while the project has none. Raises what
    ``desk().projects.card`` does for a project that is not there or not theirs; it is then no longer open.
    """
    remembered = st.session_state.get(_OPEN, ("", ""))
    project_id = st.query_params.get("project") or remembered[0]
    if not project_id:
        return None
    try:
        card = desk().projects.card(project_id)
    except Exception:
        choose_project(None)
        raise
    same = remembered[0] == card.id
    wished = (st.query_params.get("lang"), remembered[1] if same else None)
    language = next((code for code in wished if code in card.targets), card.targets[0] if card.targets else "")
    choose_project(card.id, language)
    return card, language


def choose_project(project_id: str | None, language: str = "") -> None:
    """Open a project in this tab (None: close it)."""
    st.session_state[_OPEN] = (project_id or "", language)
    for name, value in (("project", project_id or ""), ("lang", language)):
        if not value:
            if name in st.query_params:
                del st.query_params[name]
        elif st.query_params.get(name) != value:
            st.query_params[name] = value
