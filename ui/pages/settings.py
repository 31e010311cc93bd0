"""Settings: of the open project and its members, then engines, models and storage of the workspace."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dubbing.domain.workspace import ProjectCard
from dubbing.errors import DubbingError
from ui import session
from ui.text import t
from ui.widgets.address import asked, keep
from ui.widgets.errors import escaped, nothing_here, told
from ui.widgets.members import members_box
from ui.widgets.project_settings import project_box
from ui.widgets.workspace_settings import engines_box, models_box, storage_box

_PARTS = ("project", "members", "engines", "models", "storage")


def page() -> None:
    """One part at a time; what is not looked at is not asked for."""
    st.title(t("settings.title"))
    card = _open_card()
    labels = {part: t(f"settings.part.{part}") for part in _PARTS}
    first = "project" if card else "engines"
    shown = st.segmented_control(t("settings.part_label"), _PARTS, default=asked("part", _PARTS, first), required=True,
                                 key="settings_part", label_visibility="collapsed",
                                 format_func=lambda part: labels[part])
    keep("part", shown or first, first)
    boxes: dict[str, Callable[[], None]] = {"engines": engines_box, "models": models_box, "storage": storage_box}
    if shown in boxes:
        with told():
            boxes[shown]()
    elif card is None:
        nothing_here(t("shell.no_project"), t("shell.no_project_hint"), ":material/video_library:")
    else:
        st.subheader(escaped(card.name))
        project_box(card) if shown == "project" else members_box(card)


def _open_card() -> ProjectCard | None:
    try:
        found = session.open_project()
    except DubbingError:
        return None  # the shell has said why
    return found[0] if found else None
