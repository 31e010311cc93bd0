"""The pages of the workspace."""

from __future__ import annotations

import streamlit as st

st.set_page_config(page_title="Dubbing", layout="wide")
st.title("Dubbing")
