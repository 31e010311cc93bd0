"""The quiet page around sign-in and first run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from ui.text import LOCALES, locale, set_locale, t

LOGO = Path(__file__).parents[1] / "logo.svg"


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
