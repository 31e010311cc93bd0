"""Colours of the workspace. Every text colour has a contrast of at least 4.5:1 on every ground that it stands on."""

from __future__ import annotations

LIGHT = {"PRIMARY_COLOR": "#1d5fa8", "BACKGROUND_COLOR": "#ffffff", "SECONDARY_BACKGROUND_COLOR": "#f1f4f8",
         "TEXT_COLOR": "#1b2430", "LINK_COLOR": "#1a5796", "BORDER_COLOR": "#8794a5"}
DARK = {"PRIMARY_COLOR": "#3b7fc9", "BACKGROUND_COLOR": "#12171e", "SECONDARY_BACKGROUND_COLOR": "#1d242e",
        "TEXT_COLOR": "#eef2f7", "LINK_COLOR": "#8cc0f5", "BORDER_COLOR": "#6d7b8d"}
#: As Streamlit's settings, for both modes; which one is the browser's wish or the person's.
THEME = {"THEME_FONT": "sans-serif", "THEME_SHOW_WIDGET_BORDER": "true",
         **{f"THEME_LIGHT_{name}": value for name, value in LIGHT.items()},
         **{f"THEME_DARK_{name}": value for name, value in DARK.items()}}
