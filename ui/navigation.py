"""Where one can go: the pages with their names, icons and addresses, and how pages link to each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.text import t


@dataclass(frozen=True, slots=True)
class Place:
    """A page. ``name`` is its module in ``ui.pages`` and its address; ``of_project`` asks for an open project."""

    name: str
    icon: str
    of_project: bool = False

    @property
    def title(self) -> str:
        return t(f"shell.page.{self.name}")


#: In the order of the menu.
PLACES: dict[str, Place] = {place.name: place for place in (
    Place("review", "subtitles", of_project=True),
    Place("speakers", "record_voice_over", of_project=True),
    Place("faces", "face", of_project=True),
    Place("glossary", "menu_book", of_project=True),
    Place("quality", "fact_check", of_project=True),
    Place("export", "download", of_project=True),
    Place("activity", "history", of_project=True),
    Place("projects", "video_library"),
    Place("new_project", "add_circle"),
    Place("settings", "settings"),
    Place("people", "group"),
    Place("account", "account_circle"),
)}
HOME = "projects"


def pages(instead: Callable[[], None] | None = None) -> dict[str, st.Page]:
    """Every page by name, for ``st.navigation``; ``instead`` is shown in the place of each (sign-in, first run)."""
    return {place.name: _page(place, instead) for place in PLACES.values()}


def _page(place: Place, instead: Callable[[], None] | None = None) -> st.Page:
    return st.Page(instead or _shown(place.name), title=place.title, icon=f":material/{place.icon}:",
                   url_path=place.name, default=place.name == HOME)


def _shown(name: str) -> Callable[[], None]:
    """The page's function; its module is imported when it is first shown, so that starting stays quick."""

    def show() -> None:
        import_module(f"ui.pages.{name}").page()

    show.__name__ = name
    return show


def go_to(name: str, *, project: str = "", lang: str = "", **query: str) -> None:
    """Show another page; ends this run. ``project`` and ``lang`` are what is open there."""
    st.switch_page(_page(PLACES[name]), query_params=_query(project, lang, query))


def link_to(name: str, label: str | None = None, *, project: str = "", lang: str = "", icon: bool = True,
            help: str | None = None, disabled: bool = False, query: dict[str, str] | None = None) -> DeltaGenerator:
    """A link to a page that keeps what is open."""
    place = PLACES[name]
    return st.page_link(_page(place), label=label or place.title, icon=f":material/{place.icon}:" if icon else None,
                        help=help, disabled=disabled, query_params=_query(project, lang, query or {}))


def _query(project: str, lang: str, more: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in {"project": project, "lang": lang, **more}.items() if value}
