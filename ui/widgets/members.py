"""Members of a project: who is what in it, and in which languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dubbing.domain.review import Action, Role
from dubbing.domain.workspace import Membership, Person, ProjectCard
from ui import session, shell
from ui.text import language_name, t
from ui.widgets.badges import badge, role_name
from ui.widgets.errors import escaped, flash, told

#: Roles that can be held in a single project.
ROLES = [role for role in Role if role is not Role.ADMINISTRATOR]


def members_box(card: ProjectCard) -> None:
    """The list of members; for whoever manages the project, with the way to change it."""
    may_manage = card.rights.may(Action.MANAGE_PROJECT)
    with told():
        members = session.desk().accounts.members(card.id)
        if not members:
            st.caption(t("settings.members.none"))
        with st.container(gap="xsmall"):
            for member in members:
                _row(card, member, may_manage)
        st.caption(t("settings.members.everywhere"))
        if may_manage:
            _add_form(card, members)
        else:
            st.caption(f":material/lock: {t('settings.members.may_not')}")


def _row(card: ProjectCard, member: Membership, may_manage: bool) -> None:
    with st.container(key=f"row_member_{member.person_id}_{member.role.value}_{member.language}", border=True):
        who, role, where, out = st.columns([4, 3, 3, 2], vertical_alignment="center")
        who.markdown(f"**{escaped(member.name)}** :small[{escaped(member.login)}]")
        role.markdown(badge(role_name(member.role), "blue"))
        where.markdown(language_name(member.language) if member.language else t("settings.members.all_languages"))
        if out.button(t("settings.members.remove"), icon=":material/person_remove:", type="tertiary",
                      key=f"remove_{member.person_id}_{member.role.value}_{member.language}", disabled=not may_manage):
            _do(lambda: session.desk().accounts.remove_member(card.id, member.person_id, member.role, member.language),
                t("settings.members.removed", name=member.name, role=role_name(member.role)))


def _add_form(card: ProjectCard, members: list[Membership]) -> None:
    people = [person for person in session.desk().accounts.all() if not person.is_disabled]
    with st.form("add_member", border=True):
        st.markdown(f"**{t('settings.members.add')}**")
        who, what, where = st.columns(3)
        person = who.selectbox(t("settings.members.person"), people, index=None, format_func=_called,
                               placeholder=t("settings.members.choose"), key="member_person")
        role = what.selectbox(t("settings.members.role"), ROLES, index=ROLES.index(Role.TRANSLATOR),
                              format_func=role_name, key="member_role")
        language = where.selectbox(
            t("settings.members.language"), ["", *card.targets], key="member_language",
            format_func=lambda code: language_name(code) if code else t("settings.members.all_languages"))
        if st.form_submit_button(t("settings.members.add_button"), icon=":material/person_add:"):
            _added(card, person, role, language)


def _added(card: ProjectCard, person: Person | None, role: Role, language: str) -> None:
    if person is None:
        st.error(t("settings.members.nobody_chosen"), icon=":material/error:")
        return
    _do(lambda: session.desk().accounts.add_member(card.id, person.id, role, language),
        t("settings.members.added", name=person.name, role=role_name(role)))


def _called(person: Person) -> str:
    return f"{person.name} ({person.login})"


def _do(act: Callable[[], Any], said: str) -> None:
    with told() as outcome:
        act()
    if outcome.is_ok:
        flash(said)
        shell.forget()
        st.rerun()
