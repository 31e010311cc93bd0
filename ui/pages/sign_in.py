"""The door: login and password, or the organisation's own sign-in where it is set up."""

from __future__ import annotations

import streamlit as st

from ui import session
from ui.text import t
from ui.widgets.door import card, here, locale_choice
from ui.widgets.errors import told


def page() -> None:
    """Ask who is there."""
    with card(t("door.sign_in.title"), t("door.sign_in.intro")):
        providers = oidc_providers()
        _from_provider()
        _password_form()
        if providers:
            st.caption(t("door.sign_in.or"))
        for provider in providers:
            if st.button(t("door.sign_in.with_provider", name=provider or t("door.sign_in.organisation")),
                         icon=":material/login:", width="stretch", key=f"oidc_{provider}"):
                st.login(provider or None)
        locale_choice()


def _password_form() -> None:
    with st.form("sign_in", border=False):
        login = st.text_input(t("door.login"), autocomplete="username", key="sign_in_login")
        password = st.text_input(t("door.password"), type="password", autocomplete="current-password",
                                 key="sign_in_password")
        if st.form_submit_button(t("door.sign_in.submit"), type="primary", width="stretch"):
            with told():
                session.sign_in(session.doors().sign_in(login.strip(), password), here())


def _from_provider() -> None:
    """Let in who has just come back from the organisation's sign-in."""
    if not getattr(st.user, "is_logged_in", False):
        return
    with told() as outcome:
        known = st.user.to_dict()
        session.sign_in(session.doors().sign_in_oidc(
            str(known["iss"]), str(known["sub"]), str(known.get("name", "")), str(known.get("email", "")),
            email_verified=str(known.get("email_verified", "")).lower() == "true"), here())
    if not outcome.is_ok and st.button(t("door.sign_in.other"), icon=":material/logout:"):
        st.logout()


def oidc_providers() -> list[str]:
    """The identity providers of the secrets file's [auth]; "" stands for the only, unnamed one."""
    if not st.secrets.load_if_toml_exists() or "auth" not in st.secrets:
        return []
    auth = st.secrets["auth"]
    named = [name for name in auth if hasattr(auth[name], "keys")]
    return named or [""]
