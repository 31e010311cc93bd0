"""Puts a drawing on the page: Streamlit's own HTML lets no SVG through."""

from __future__ import annotations

import streamlit as st

_drawing = st.components.v2.component(
    "dubbing.drawing", js="export default function ({ data, parentElement }) { parentElement.innerHTML = data; }")


def drawing(markup: str, *, key: str) -> None:
    """Show HTML and SVG that this program made itself, every text in it escaped."""
    _drawing(key=key, data=markup)
