"""The quiet page around sign-in and first run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import streamlit as st

from ui.text import LOCALES, locale, set_locale, t

LOGO = Path(__file__).parents[1] / "logo.svg"
#: How the door tells the page behind it which language was chosen.
LOCALE_QUERY = "locale"


@contextmanager
def card(title: str, intro: str) -> Iterator[None]:
    """A narrow column in the middle with the product's name on top."""
    with st.container(key="door", horizontal_alignment="center"), st.container(key="door_card", width=400, border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.image(str(LOGO), width=36, alt="")
            st.markdown(f"**{t('shell.name')}**")
        st.title(title)
        st.caption(intro)
        yield


def locale_choice() -> None:
    """The language of the workspace, before anybody is known."""
    chosen = st.segmented_control(t("shell.locale"), list(LOCALES), default=locale(), required=True,
                                  format_func=lambda code: LOCALES[code], key=f"door_locale_{locale()}",
                                  label_visibility="collapsed")
    if chosen and chosen != locale():
        set_locale(chosen)
        st.rerun()


def here() -> str:
    """The address that was asked for, to come back to, with the language that was chosen at the door."""
    asked = st.query_params.to_dict()
    if "locale" in st.session_state:
        asked[LOCALE_QUERY] = locale()
    return (urlsplit(st.context.url or "/").path or "/") + (f"?{urlencode(asked)}" if asked else "")
