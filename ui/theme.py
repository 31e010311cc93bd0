"""Colours and measures of the workspace, as Streamlit's settings.

One accent, a blue; the rest is neutral. Every text colour has a contrast of at least 4.5:1 on every ground that it
stands on, (``tests/ui/test_theme.py``). Which of light and dark is
shown is the browser's wish or the person's.
"""

from __future__ import annotations

LIGHT = {"primaryColor": "#1d5fa8", "backgroundColor": "#ffffff", "secondaryBackgroundColor": "#f3f5f8",
         "textColor": "#1b2430", "linkColor": "#1a5796", "borderColor": "#cfd6df"}
DARK = {"primaryColor": "#3474bd", "backgroundColor": "#12171e", "secondaryBackgroundColor": "#1d242e",
        "textColor": "#eef2f7", "linkColor": "#8cc0f5", "borderColor": "#333d4a"}
SHARED: dict[str, object] = {
    "font": "sans-serif", "baseFontSize": 15, "baseRadius": "0.375rem", "buttonRadius": "0.375rem",
    "showWidgetBorder": True, "headingFontSizes": ["1.6rem", "1.25rem", "1.05rem", "1rem", "0.95rem", "0.9rem"],
    "headingFontWeights": [650, 600, 600, 600, 600, 600],
}
THEME: dict[str, object] = {
    **{f"theme.{name}": value for name, value in SHARED.items()},
    **{f"theme.light.{name}": value for name, value in LIGHT.items()},
    **{f"theme.dark.{name}": value for name, value in DARK.items()},
}
