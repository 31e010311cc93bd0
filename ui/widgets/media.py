"""Sounds and pictures of a project by their address; the server checks who asks for them."""

from __future__ import annotations

from html import escape

import streamlit as st


def sound(url: str, label: str, *, plays: bool = False) -> None:
    """A player for a sound; ``label`` is what it is called for those who do not see it. ``plays`` starts it."""
    st.html(f'<audio controls preload="metadata"{" autoplay" if plays else ""} src="{escape(url)}" '
            f'aria-label="{escape(label)}" style="width:100%;height:40px;display:block"></audio>')


def picture_html(url: str, alternative: str, *, height: int = 140) -> str:
    """A picture of ``height`` px as HTML; ``alternative`` says what it shows."""
    return (f'<img src="{escape(url)}" alt="{escape(alternative)}" loading="lazy" style="height:{height}px;'
            'max-width:100%;border-radius:8px;object-fit:cover;display:block">')
