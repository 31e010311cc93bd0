"""The first visit: an account for whoever set this workspace up."""

from __future__ import annotations

import streamlit as st

from dubbing.errors import UsageError
from ui import session
from ui.text import locale, t
from ui.widgets.door import LOCALE_QUERY, card, locale_choice
from ui.widgets.errors import told


def page() -> None:
    """Make the administrator, and sign them in."""
    with card(t("door.first_run.title"), t("door.first_run.intro")):
        with st.form("first_run", border=False):
            name = st.text_input(t("door.name"), autocomplete="name", key="first_run_name")
            login = st.text_input(t("door.login"), autocomplete="username", key="first_run_login",
                                  help=t("door.login_help"))
            password = st.text_input(t("door.new_password"), type="password", autocomplete="new-password",
                                     key="first_run_password")
            again = st.text_input(t("door.password_again"), type="password", autocomplete="new-password",
                                  key="first_run_again")
            asked = st.form_submit_button(t("door.first_run.submit"), type="primary", width="stretch")
        if asked:
            with told():
                check_same(password, again)
                ticket = session.doors().first_run(login.strip(), name.strip(), password)
                session.sign_in(ticket, f"/?{LOCALE_QUERY}={locale()}")
        locale_choice()


def check_same(password: str, again: str) -> None:
    """Raises UsageError when the two passwords differ."""
    if password != again:
        raise UsageError(t("door.passwords_differ"), t("door.passwords_differ_hint"))
