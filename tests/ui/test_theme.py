"""The colours of the workspace keep the contrast that WCAG 2.2 AA asks for, in light and in dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ui
from ui.theme import DARK, LIGHT

STYLE = (Path(ui.__file__).parent / "style.css").read_text(encoding="utf-8")
#: What text is written in, and what only draws the edge of a field.
INKS, EDGES = ("text", "quiet", "accent", "done", "warn"), ("field",)


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, as WCAG defines it."""
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def variables(mode: int) -> dict[str, str]:
    """Our own colours in the style sheet: of light (0) or dark (1)."""
    found = re.findall(r"--dw-([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", STYLE)
    return {name: (light, dark)[mode] for name, light, dark in found}


@pytest.mark.parametrize(("mode", "theme"), [(0, LIGHT), (1, DARK)], ids=["light", "dark"])
def test_text_is_read_on_every_ground(mode: int, theme: dict[str, str]) -> None:
    own = variables(mode)
    grounds = {theme["backgroundColor"], theme["secondaryBackgroundColor"], own["ground"]}
    inks = {name: own[name] for name in INKS} | {"theme text": theme["textColor"], "link": theme["linkColor"]}
    poor = {name: ink for name, ink in inks.items() for ground in grounds if contrast(ink, ground) < 4.5}
    assert not poor
    assert contrast("#ffffff", theme["primaryColor"]) >= 4.5, "the words of a button"
    assert all(contrast(own[name], theme["backgroundColor"]) >= 3 for name in EDGES)


def test_our_grounds_are_the_themes() -> None:
    for mode, theme in ((0, LIGHT), (1, DARK)):
        own = variables(mode)
        assert (own["text"], own["ground"]) == (theme["textColor"], theme["secondaryBackgroundColor"])
