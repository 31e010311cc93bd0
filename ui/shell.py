"""What stands around every page: the menu, what is open, who is signed in and what they were asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import streamlit as st

from dubbing.domain.review import Role
from dubbing.domain.workspace import Comment, Person, ProjectCard
from dubbing.errors import DubbingError
from ui import session
from ui.navigation import PLACES, go_to, link_to
from ui.text import LOCALES, language_name, locale, set_locale, t
from ui.widgets.badges import role_name
from ui.widgets.choices import told_apart
from ui.widgets.door import LOCALE_QUERY
from ui.widgets.errors import escaped, nothing_here, tell, told
from ui.widgets.times import ago

STYLE = Path(__file__).with_name("style.css")
LOGO = Path(__file__).with_name("logo.svg")

#: For so long the menu's list of projects and the mentions stand; pages ask the database themselves.
_KEPT_S = 15.0
_KEPT = "_shell_kept"
_MENTIONS_SHOWN = 8

Kept = TypeVar("Kept")
Opened = tuple[ProjectCard, str]


def dress() -> None:
    """The look of every page, and the language that a screen reader is to read it in."""
    st.html(STYLE)
    # Popovers and dialogs hang outside of the application's own element, which alone knows what is shown.
    st.html(f"<style>:root {{ color-scheme: {'dark' if st.context.theme.type == 'dark' else 'light'}; }}</style>")
    st.html(f"<script>document.documentElement.lang = {locale()!r};</script>", unsafe_allow_javascript=True)
    st.logo(str(LOGO), size="large")


def speak_for(person: Person) -> None:
    """Use the language that the person chose: at the door just now (the address tells), or else for their account."""
    asked = st.query_params.get(LOCALE_QUERY)
    if asked is not None:
        del st.query_params[LOCALE_QUERY]
    if asked in LOCALES:
        set_locale(asked)
        with told():
            session.desk().accounts.set_locale(asked)
    elif "locale" not in st.session_state and person.locale in LOCALES:
        set_locale(person.locale)


def opened() -> tuple[Opened | None, DubbingError | None]:
    """What is open in this tab; or why what its address asks for is not."""
    try:
        return session.open_project(), None
    except DubbingError as error:
        return None, error


def menu(person: Person, open_now: Opened | None) -> None:
    """The side of the page: what is open, where one can go, and the person."""
    with st.sidebar:
        _project_part(open_now)
        _workspace_part(person)
        with st.container(key="shell_foot", gap="xsmall"):
            _mentions()
            _person(person)


def show(page: st.Page, name: str, open_now: Opened | None, problem: DubbingError | None) -> None:
    """Run a page; one that needs a project says so where none is open."""
    if PLACES[name].of_project and open_now is None:
        st.title(PLACES[name].title)
        if problem is not None:
            tell(problem)
        nothing_here(t("shell.no_project"), t("shell.no_project_hint"), ":material/video_library:")
        link_to("projects", t("shell.to_projects"))
        return
    if PLACES[name].of_project and open_now is not None and open_now[0].deleted:
        st.title(PLACES[name].title)
        _deleted(open_now[0])
        return
    if problem is not None:
        tell(problem)
    with told():
        page.run()


def _deleted(card: ProjectCard) -> None:
    """A deleted project is not worked on; whoever may see it still can take it back."""
    nothing_here(t("shell.deleted", name=escaped(card.name)), t("shell.deleted_hint"), ":material/delete:")
    if st.button(t("shell.take_back"), icon=":material/restore_from_trash:", key="take_back"):
        with told() as outcome:
            session.desk().projects.undelete(card.id)
        if outcome.is_ok:
            forget()
            st.rerun()


# the menu's parts -------------------------------------------------------------------------------------------------


def _project_part(open_now: Opened | None) -> None:
    names = {card.id: card.name for card in kept_cards()}
    if open_now is not None and open_now[0].id not in names:
        names = {open_now[0].id: open_now[0].name, **names}
    with st.container(key="shell_project", gap="xsmall"):
        if not names:
            return
        _project_switch(told_apart(names), open_now)
        if open_now is None:
            return
        card, language = open_now
        _language_switch(card, language)
    with st.container(key="shell_menu_project", gap=None):
        for place in PLACES.values():
            if place.of_project:
                link_to(place.name, project=card.id, lang=language)


def _workspace_part(person: Person) -> None:
    card = st.query_params.get("project", "")
    language = st.query_params.get("lang", "")
    with st.container(key="shell_menu_workspace", gap=None):
        link_to("projects", project=card, lang=language)
        if person.roles & {Role.ADMINISTRATOR, Role.PROJECT_MANAGER}:
            link_to("new_project", project=card, lang=language)
        link_to("settings", project=card, lang=language)
        if person.is_administrator and not session.doors().is_single_user:
            link_to("people", project=card, lang=language)


def _project_switch(names: dict[str, str], open_now: Opened | None) -> None:
    current = open_now[0].id if open_now else None
    ids = list(names)
    # The key names what is open, so that the box follows when another page opens a project.
    chosen = st.selectbox(t("shell.project"), ids, index=ids.index(current) if current else None,
                          format_func=lambda project: names[project], placeholder=t("shell.choose_project"),
                          key=f"shell_project_of_{current}")
    if chosen is not None and chosen != current:
        session.choose_project(chosen)
        st.rerun() if current else go_to("review", project=chosen)


def _language_switch(card: ProjectCard, language: str) -> None:
    if not card.targets:
        return
    source = language_name(card.source_language) if card.source_language else t("shell.source_unknown")
    if len(card.targets) == 1:
        st.caption(t("shell.languages", source=source, target=language_name(language)))
        return
    chosen = st.selectbox(t("shell.language", source=source), card.targets, index=card.targets.index(language),
                          format_func=language_name, key=f"shell_language_of_{card.id}_{language}")
    if chosen != language:
        session.choose_project(card.id, chosen)
        st.rerun()


def _mentions() -> None:
    found = _kept("mentions", lambda: session.desk().comments.mentions_of_me())
    waiting = [comment for comment in found if comment.resolved_at is None]
    label = t("shell.mentions", n=len(waiting)) if waiting else t("shell.no_mentions")
    icon = ":material/notifications_active:" if waiting else ":material/notifications:"
    with st.popover(label, icon=icon, type="tertiary", width="stretch", key="shell_mentions"):
        if not waiting:
            st.caption(t("shell.no_mentions_hint"))
        for comment in waiting[:_MENTIONS_SHOWN]:
            _mention(comment)
        if len(waiting) > _MENTIONS_SHOWN:
            st.caption(t("shell.more_mentions", n=len(waiting) - _MENTIONS_SHOWN))


def _mention(comment: Comment) -> None:
    with st.container(gap="xxsmall"):
        st.markdown(f"**{escaped(comment.actor)}** :small[{ago(comment.created_at)}]  \n{escaped(comment.text)}")
        query = {"line": comment.utterance_id, "panel": "comments"} if comment.utterance_id else {}
        link_to("review" if comment.utterance_id else "activity", t("shell.open_mention"), project=comment.project_id,
                lang=comment.language, query=query)


def _person(person: Person) -> None:
    with st.popover(escaped(person.name or person.login), icon=":material/account_circle:", type="tertiary",
                    width="stretch", key="shell_person"):
        roles = ", ".join(role_name(role) for role in sorted(person.roles)) or t("shell.no_role")
        st.caption(f"{escaped(person.login)} · {roles}")
        _locale_switch()
        link_to("account", project=st.query_params.get("project", ""), lang=st.query_params.get("lang", ""))
        if not session.doors().is_single_user and st.button(
                t("shell.sign_out"), icon=":material/logout:", width="stretch", key="shell_sign_out"):
            leave()


def _locale_switch() -> None:
    chosen = st.segmented_control(t("shell.locale"), list(LOCALES), default=locale(), required=True,
                                  format_func=lambda code: LOCALES[code], key=f"shell_locale_{locale()}")
    if chosen and chosen != locale():
        with told() as outcome:
            session.desk().accounts.set_locale(chosen)
        if outcome.is_ok:
            set_locale(chosen)
            st.rerun()


def leave() -> None:
    """Sign out here, and at the identity provider where the person came through one."""
    if getattr(st.user, "is_logged_in", False):
        session.doors().sign_out(session.token())
        st.logout()
        st.stop()  # leaving in two ways at once, the second cancels the first, and the provider's cookie stays
    session.sign_out()


# what is kept for a moment ----------------------------------------------------------------------------------------


def kept_cards() -> list[ProjectCard]:
    """The person's projects as they were some seconds ago: for menus and filters, not for progress."""
    return _kept("projects", lambda: session.desk().projects.cards())


def _kept(name: str, ask: Callable[[], Kept]) -> Kept:
    """What ``ask`` says, for some seconds; a page's own changes show when they call ``forget``."""
    kept = st.session_state.setdefault(_KEPT, {})
    asked_at, answer = kept.get(name, (0.0, None))
    if time.monotonic() - asked_at > _KEPT_S:
        answer = ask()
        kept[name] = (time.monotonic(), answer)
    return answer


def forget() -> None:
    """Ask again for what the menu shows: a project was made, renamed, archived or deleted."""
    st.session_state.pop(_KEPT, None)
