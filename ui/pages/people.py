"""Accounts of the workspace, for administrators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dubbing.domain.review import Role
from dubbing.domain.workspace import Person
from dubbing.errors import UsageError
from ui import session
from ui.pages.first_run import check_same
from ui.text import t
from ui.widgets.badges import badge, role_name
from ui.widgets.errors import escaped, flash, nothing_here, told
from ui.widgets.role_table import role_table


def page() -> None:
    """The list of people, and what can be done with each."""
    desk = session.desk()
    with st.container(horizontal=True, vertical_alignment="center", key="page_head"):
        st.title(t("people.title"))
        if desk.person.is_administrator and not session.doors().is_single_user and st.button(
                t("people.add"), icon=":material/person_add:", type="primary", key="add_person"):
            _add_dialog()
    if session.doors().is_single_user:
        nothing_here(t("people.single_user"), t("people.single_user_hint"), ":material/person:")
        return
    if not desk.person.is_administrator:
        nothing_here(t("people.forbidden"), t("people.forbidden_hint"), ":material/lock:")
        return
    with told():
        _list(desk.accounts.all())
    with st.expander(t("people.what_roles_may"), icon=":material/rule:"):
        role_table()


def _list(people: Sequence[Person]) -> None:
    search = st.text_input(t("people.search"), type="search", live="200ms", key="people_q", width=320,
                           placeholder=t("people.search_hint")).strip().casefold()
    found = [one for one in people if search in f"{one.login} {one.name} {one.email}".casefold()]
    st.caption(t("people.count", n=len(found)))
    with st.container(gap="xsmall"):
        for person in found:
            with st.container(border=True, key=f"row_person_{person.id}"):
                _row(person)


def _row(person: Person) -> None:
    who, roles, more = st.columns([4, 5, 2], vertical_alignment="center")
    me = f" {badge(t('people.you'), 'gray')}" if person.id == session.desk().person.id else ""
    known_as = " · ".join(part for part in (person.login, person.email) if part)
    who.markdown(f"**{escaped(person.name)}**{me}  \n:small[{escaped(known_as)}]")
    marks = [badge(role_name(role), "blue") for role in sorted(person.roles)] or [badge(t("people.by_project"), "gray")]
    if person.is_disabled:
        marks.append(badge(t("people.disabled"), "orange", "block"))
    if not person.has_password:
        marks.append(badge(t("people.organisation"), "gray", "key"))
    roles.markdown(" ".join(marks))
    with more:
        _actions(person)


def _actions(person: Person) -> None:
    dialogs: dict[str, Callable[[Person], None]] = {
        "roles": _roles_dialog, "profile": _profile_dialog, "password": _password_dialog}
    is_me = person.id == session.desk().person.id
    offered = [*(("roles", "profile") if is_me else dialogs),
               *([] if is_me else ["enable" if person.is_disabled else "disable"])]
    chosen = st.menu_button(t("people.actions"), offered, key=f"person_actions_{person.id}", type="tertiary",
                            icon=":material/more_horiz:", format_func=lambda one: t(f"people.do.{one}"))
    if chosen in dialogs:
        dialogs[chosen](person)
    elif chosen is not None:
        _do(lambda: session.desk().accounts.disable(person.id, chosen == "disable"))


# dialogs ----------------------------------------------------------------------------------------------------------


def _add_dialog() -> None:
    def ask() -> None:
        with st.form("add_person_form", border=False):
            name = st.text_input(t("door.name_of"), key="add_name")
            login = st.text_input(t("door.login"), help=t("door.login_help"), key="add_login", autocomplete="off")
            email = st.text_input(t("account.email"), help=t("people.email_help"), key="add_email")
            roles = _role_choice("add_roles", frozenset())
            password = st.text_input(t("people.first_password"), type="password", key="add_password",
                                     help=t("people.first_password_help"), autocomplete="new-password")
            asked = st.form_submit_button(t("people.create"), type="primary")
        if asked:
            _do(lambda: session.desk().accounts.create(login.strip(), name.strip(), password or None, roles,
                                                       email.strip()), t("people.created", name=name.strip()))

    st.dialog(t("people.add"), icon=":material/person_add:")(ask)()


def _roles_dialog(person: Person) -> None:
    def ask() -> None:
        with st.form("roles_form", border=False):
            roles = _role_choice("person_roles", person.roles)
            st.caption(t("people.roles_note"))
            asked = st.form_submit_button(t("common.save"), type="primary")
        if asked:
            _do(lambda: session.desk().accounts.set_roles(person.id, roles))

    st.dialog(t("people.roles_of", name=person.name), icon=":material/badge:")(ask)()


def _profile_dialog(person: Person) -> None:
    def ask() -> None:
        with st.form("profile_form", border=False):
            name = st.text_input(t("door.name_of"), value=person.name, key="person_name")
            email = st.text_input(t("account.email"), value=person.email, key="person_email",
                                  help=t("people.email_help"))
            asked = st.form_submit_button(t("common.save"), type="primary")
        if asked:
            _do(lambda: session.desk().accounts.update(person.id, name=name, email=email))

    st.dialog(t("people.profile_of", name=person.name), icon=":material/edit:")(ask)()


def _password_dialog(person: Person) -> None:
    def ask() -> None:
        with st.form("password_form", border=False):
            new = st.text_input(t("account.new_password"), type="password", key="person_password",
                                autocomplete="new-password", help=t("door.password_help"))
            again = st.text_input(t("door.password_again"), type="password", key="person_again",
                                  autocomplete="new-password")
            st.caption(t("people.password_note"))
            asked = st.form_submit_button(t("common.save"), type="primary")
        if asked:
            with told():
                check_same(new, again)
                if not new:
                    raise UsageError(t("people.no_password_given"))
                _do(lambda: session.desk().accounts.set_password(person.id, new))

    st.dialog(t("people.password_of", name=person.name), icon=":material/key:")(ask)()


def _role_choice(key: str, now: frozenset[Role]) -> list[Role]:
    return st.multiselect(t("people.roles_everywhere"), list(Role), default=sorted(now), format_func=role_name, key=key,
                          help=t("people.roles_help"), placeholder=t("people.by_project"))


def _do(act: Callable[[], Any], said: str = "") -> None:
    with told() as outcome:
        act()
    if outcome.is_ok:
        flash(said or t("common.saved"))
        st.rerun()
