"""Dialogs that stay open until they are answered, whatever makes the page run meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import streamlit as st

from ui.text import t

_OPEN = "_dialog"


def ask(name: str, about: str) -> None:
    """Have the dialog ``name`` about something (its id) opened by the next run; for ``on_click``."""
    st.session_state[_OPEN] = (name, about)


def asked(name: str) -> str | None:
    """What the dialog ``name`` is open about; None while it is not."""
    opened, about = st.session_state.get(_OPEN, ("", ""))
    return about if opened == name else None


def close() -> None:
    """The dialog is answered: the run that follows shows the page without it."""
    st.session_state.pop(_OPEN, None)


def show(title: str, content: Callable[..., None], *told: Any, width: Literal["small", "medium", "large"] = "small"
         ) -> None:
    """Draw a dialog that was asked for; ``content`` is called with ``told`` and ends by ``close`` and a rerun."""
    st.dialog(title, width=width, on_dismiss=close)(content)(*told)


def answer(label: str, key: str, *, ready: bool = True) -> bool:
    """The two buttons at a dialog's end; True when the person said yes. "Cancel" closes it."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(t("common.cancel"), key=f"{key}_cancel"):
            close()
            st.rerun()
        return st.button(label, key=f"{key}_do", type="primary", disabled=not ready)
