"""Sends the browser to another address of this server, which Streamlit itself cannot."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_component = st.components.v2.component("dubbing.go", js=Path(__file__).with_name("go.js").read_text(encoding="utf-8"))


def go(url: str, *, key: str = "go") -> None:
    """Leave for ``url``, a path on this server such as "/enter?ticket=…"."""
    _component(key=key, data={"url": url}, height="content")
