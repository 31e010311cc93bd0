"""The review component: player, waveforms, the lines of a page and the editor of one, in plain JavaScript.

Its modules are put into one at import, since a component of Streamlit is handed a single script: imports of siblings
are dropped and ``export`` is taken off, which works because no name stands at the top of two of them (a browser refuses
the script otherwise). What goes in and what comes back is said at ``review``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent
#: In the order in which a module may use another at its top.
MODULES = ("dom", "outbox", "estimate", "keys", "player", "waveform", "timeline", "conflict", "editor", "lines",
           "session", "deeds", "index")

_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./\w+\.js\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def script() -> str:
    """All modules as one."""
    sources = ((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in MODULES)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", source)) for source in sources)


_component = st.components.v2.component("dubbing.review", js=script(),
                                        css=(FOLDER / "review.css").read_text(encoding="utf-8"))


def review(data: Mapping[str, Any], *, key: str, on_actions: Callable[[list[dict[str, Any]]], None]) -> None:
    """Show the component.

    ``data`` is what ``ui.widgets.review_data.component_data`` makes. ``on_actions`` is called with what people did,
    oldest first, before the run that it causes. An action is ``{"id", "kind", …}``; it is sent again until
    ``data["results"]`` holds an answer under its id, so whoever answers must do each id once.
    """
    def told() -> None:
        on_actions(list(st.session_state[key].actions or []))

    # As bytes: Streamlit would look for tables in every list of a mapping, and import pandas for it.
    _component(key=key, data=json.dumps(data, ensure_ascii=False).encode(), on_actions_change=told)
