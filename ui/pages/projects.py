"""All projects: how far each is, what runs, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dubbing.domain.review import Action
from dubbing.domain.workspace import ProjectCard
from ui import session, shell
from ui.navigation import go_to, link_to
from ui.text import language_name, t
from ui.widgets.address import asked, keep
from ui.widgets.errors import escaped, flash, nothing_here, told
from ui.widgets.project_card import project_card
from ui.widgets.times import size

PER_PAGE = 12
STATES = ("all", "running", "failed", "stale", "unapproved", "approved")
VIEWS = ("live", "archived", "deleted")
_UNDO = "projects_undo"

_SORTS: dict[str, Callable[[ProjectCard], Any]] = {
    "changed": lambda card: -card.updated_at.timestamp(),
    "newest": lambda card: -card.created_at.timestamp(),
    "name": lambda card: card.name.casefold(),
    "longest": lambda card: -card.duration_ms,
    "least_approved": lambda card: sum(p.approved for p in card.progress) / (sum(p.lines for p in card.progress) or 1),
}


def page() -> None:
    """The list with its filters."""
    desk = session.desk()
    with st.container(horizontal=True, vertical_alignment="bottom", key="page_head"):
        st.title(t("projects.title"))
        if desk.seat.may_create:
            with st.container(key="new_project_button", width="content"):
                link_to("new_project")
    is_warned = _workers_warning()
    _undo_bar()
    cards = _filters()
    with told():
        _list(cards, hint=not is_warned)


def _workers_warning() -> bool:
    """Say that nothing will happen, before somebody waits for it. Returns whether it was said."""
    is_idle = session.desk().jobs.workers() == 0
    if is_idle:
        st.warning(f"{t('projects.no_worker')}  \n{t('projects.no_worker_hint')}", icon=":material/power_off:")
    return is_idle


# filters ----------------------------------------------------------------------------------------------------------


def _filters() -> list[ProjectCard]:
    """What is asked for, and the projects that answer to it."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        search = st.text_input(t("projects.search"), type="search", live="300ms", key="q", bind="query-params",
                               placeholder=t("projects.search_hint"), width=230)
        state = _choice("state", STATES, 180)
        known = _languages()
        language = st.selectbox(t("projects.language"), ["", *known], key="language", width=140,
                                format_func=lambda code: language_name(code) if code else t("projects.any_language"))
        order = _choice("sort", list(_SORTS), 160)
        view = st.segmented_control(t("projects.view_label"), VIEWS, default=asked("view", VIEWS, VIEWS[0]),
                                    required=True, key="view", format_func=lambda one: t(f"projects.view.{one}"))
        keep("view", view or VIEWS[0], VIEWS[0])
    with told():
        found = session.desk().projects.cards(
            search=search or "", archived=view == "archived", deleted=view == "deleted", language=language or None,
            state=None if state == "all" else state)
        return sorted(found, key=_SORTS[order])
    return []


def _choice(name: str, options: Sequence[str], width: int) -> str:
    """A box of options that the address carries; the first is the default."""
    chosen = st.selectbox(t(f"projects.{name}_label"), options, index=options.index(asked(name, options, options[0])),
                          key=name, width=width, format_func=lambda one: t(f"projects.{name}.{one}"))
    return keep(name, chosen, options[0])


def _languages() -> list[str]:
    """Languages of the projects that are there, for the filter."""
    found = {code for card in shell.kept_cards() for code in (*card.targets, card.source_language) if code}
    return sorted(found, key=language_name)


def _is_filtered() -> bool:
    held = st.session_state
    return bool(held.get("q") or held.get("language")) or held.get("state", "all") != "all"


# the list ---------------------------------------------------------------------------------------------------------


def _list(cards: Sequence[ProjectCard], *, hint: bool) -> None:
    if not cards:
        _empty()
        return
    pages = -(-len(cards) // PER_PAGE)
    st.caption(t("projects.count", n=len(cards)))
    place = st.container(gap="small")
    number = 1
    if pages > 1:
        number = st.pagination(pages, key="projects_page", default=1)
    with place:
        for card in cards[(number - 1) * PER_PAGE:number * PER_PAGE]:
            project_card(card, _actions, hint=hint)


def _empty() -> None:
    view = st.session_state.get("view", "live")
    if _is_filtered():
        nothing_here(t("projects.none_found"), t("projects.none_found_hint"), ":material/search_off:")
    elif view != "live":
        nothing_here(t(f"projects.none_{view}"), t(f"projects.none_{view}_hint"))
    elif session.desk().seat.may_create:
        nothing_here(t("projects.none"), t("projects.none_hint"), ":material/video_library:")
    else:
        nothing_here(t("projects.none"), t("projects.none_yours_hint"), ":material/video_library:")


def _actions(card: ProjectCard) -> None:
    """What the person may do with a project."""
    may_manage = card.rights.may(Action.MANAGE_PROJECT)
    if card.deleted:
        if st.button(t("projects.restore"), key=f"restore_{card.id}", icon=":material/restore_from_trash:",
                     disabled=not may_manage):
            _do(lambda: session.desk().projects.undelete(card.id), t("projects.restored", name=card.name))
        if st.button(t("projects.purge"), key=f"purge_{card.id}", icon=":material/delete_forever:",
                     disabled=not may_manage):
            _confirm_purge(card)
        return
    offered = ["settings", "unarchive" if card.archived else "archive", "delete"] if may_manage else ["settings"]
    chosen = st.menu_button(t("projects.actions"), offered, key=f"actions_{card.id}", type="tertiary",
                            icon=":material/more_horiz:", format_func=lambda one: t(f"projects.action.{one}"))
    if chosen == "settings":
        go_to("settings", project=card.id)
    elif chosen == "delete":
        _confirm_delete(card)
    elif chosen is not None:
        _archive(card, archived=chosen == "archive")


def _archive(card: ProjectCard, *, archived: bool) -> None:
    if archived:
        _do(lambda: session.desk().projects.archive(card.id), undo=("archive", card.id, card.name))
    else:
        _do(lambda: session.desk().projects.archive(card.id, False), t("projects.unarchived", name=card.name))


def _confirm_delete(card: ProjectCard) -> None:
    def ask() -> None:
        st.write(t("projects.delete_ask", name=escaped(card.name)))
        if card.job is not None:
            st.caption(f":material/info: {t('projects.delete_job')}")
        if _sure(t("projects.action.delete"), f"delete_{card.id}"):
            _do(lambda: session.desk().projects.delete(card.id), undo=("delete", card.id, card.name))

    st.dialog(t("projects.delete_title"), icon=":material/delete:")(ask)()


def _confirm_purge(card: ProjectCard) -> None:
    def ask() -> None:
        st.write(t("projects.purge_ask", name=escaped(card.name)))
        if _sure(t("projects.purge"), f"sure_purge_{card.id}"):
            with told() as outcome:
                freed = session.desk().projects.purge(card.id)
            if outcome.is_ok:
                _changed(t("projects.purged", name=card.name, size=size(freed)))

    st.dialog(t("projects.purge_title"), icon=":material/delete_forever:")(ask)()


def _sure(label: str, key: str) -> bool:
    """The two buttons of a question; True when it is to be done."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(t("common.cancel"), key=f"{key}_no"):
            st.rerun()
        return st.button(label, key=f"{key}_yes", type="primary")


# doing and undoing ------------------------------------------------------------------------------------------------


def _do(act: Callable[[], Any], said: str = "", *, undo: tuple[str, str, str] | None = None) -> None:
    with told() as outcome:
        act()
    if outcome.is_ok:
        st.session_state[_UNDO] = undo
        _changed(said)


def _changed(said: str) -> None:
    if said:
        flash(said)
    shell.forget()
    st.rerun()


def _undo_bar() -> None:
    """What was just done, with the way back."""
    if not st.session_state.get(_UNDO):
        return
    what, project_id, name = st.session_state[_UNDO]
    with st.container(horizontal=True, vertical_alignment="center", key="undo_bar", border=True):
        st.markdown(f":material/info: {t(f'projects.undo.{what}', name=escaped(name))}")
        if st.button(t("common.undo"), key="undo", icon=":material/undo:", type="primary"):
            projects = session.desk().projects
            _do((lambda: projects.undelete(project_id)) if what == "delete"
                else (lambda: projects.archive(project_id, False)), t("projects.undone", name=name))
        if st.button(t("projects.dismiss"), key="dismiss", icon=":material/close:", type="tertiary"):
            st.session_state[_UNDO] = None
            st.rerun()
