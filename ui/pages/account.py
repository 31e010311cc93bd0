"""One's own account: name, language, password, and what one may do where."""

from __future__ import annotations

import streamlit as st

from dubbing.domain.workspace import Person
from ui import session
from ui.pages.first_run import check_same
from ui.text import LOCALES, locale, set_locale, t
from ui.widgets.badges import badge, role_name
from ui.widgets.errors import escaped, flash, told


def page() -> None:
    """The account of whoever is signed in."""
    person = session.desk().person
    st.title(t("account.title"))
    left, right = st.columns(2, gap="large")
    with left:
        _profile(person)
    with right:
        _roles(person)
        if not session.doors().is_single_user:
            _password(person)


def _profile(person: Person) -> None:
    st.subheader(t("account.profile"))
    with st.form("profile", border=False):
        st.text_input(t("door.login"), value=person.login, disabled=True, help=t("account.login_help"))
        st.text_input(t("account.email"), value=person.email or t("account.no_email"), disabled=True,
                      help=t("account.email_help"))
        name = st.text_input(t("door.name"), value=person.name, autocomplete="name", key="account_name")
        spoken = st.selectbox(t("shell.locale"), list(LOCALES), index=list(LOCALES).index(locale()),
                              format_func=lambda code: LOCALES[code], key="account_locale")
        if st.form_submit_button(t("common.save"), type="primary"):
            _save(person, name, spoken)


def _save(person: Person, name: str, spoken: str) -> None:
    accounts = session.desk().accounts
    with told() as outcome:
        if name.strip() != person.name:
            accounts.update(person.id, name=name)
        if spoken != locale():
            accounts.set_locale(spoken)
    if outcome.is_ok:
        set_locale(spoken)
        session.forget_person()
        flash(t("common.saved"))
        st.rerun()


def _roles(person: Person) -> None:
    st.subheader(t("account.roles"))
    if person.roles:
        st.markdown(" ".join(badge(role_name(role), "blue") for role in sorted(person.roles)))
        st.caption(t("account.roles_everywhere"))
    own = [(card, member) for card in session.desk().projects.cards() for member in card.members
           if member.person_id == person.id]
    for card, member in own:
        st.markdown(f"{escaped(card.name)}: {role_name(member.role)}"
                    + (f" ({escaped(member.language)})" if member.language else ""))
    if not person.roles and not own:
        st.caption(t("account.no_roles"))


def _password(person: Person) -> None:
    st.subheader(t("account.password"))
    if not person.has_password:
        st.caption(t("account.no_password"))
        return
    with st.form("password", border=False):
        old = st.text_input(t("account.old_password"), type="password", autocomplete="current-password",
                            key="account_old")
        new = st.text_input(t("account.new_password"), type="password", autocomplete="new-password",
                            help=t("door.password_help"), key="account_new")
        again = st.text_input(t("door.password_again"), type="password", autocomplete="new-password",
                              key="account_again")
        asked = st.form_submit_button(t("account.change_password"))
        st.caption(t("account.password_note"))
    if asked:
        with told():
            check_same(new, again)
            ticket = session.desk().accounts.set_password(person.id, new, old)
            if ticket is not None:
                session.sign_in(ticket, "/account")
