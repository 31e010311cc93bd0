"""Choices that the address carries (``?view=deleted``), so that a reload and a sent link show the same.

Streamlit's own binding writes an option's label into the address, which is another in every language.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st


def asked(name: str, options: Sequence[str], default: str) -> str:
    """What the address asks for under ``name``; ``default`` where it asks for nothing that there is."""
    wanted = st.query_params.get(name, default)
    return wanted if wanted in options else default


def keep(name: str, chosen: str, default: str) -> str:
    """Write ``chosen`` into the address, which stays short where it is the default. Returns it."""
    if chosen == default:
        if name in st.query_params:
            del st.query_params[name]
    elif st.query_params.get(name) != chosen:
        st.query_params[name] = chosen
    return chosen
