"""What each role may do, as a table that is made from the rules themselves."""

from __future__ import annotations

from html import escape

import streamlit as st

from dubbing.domain.review import Action, Role, may
from ui.text import t
from ui.widgets.badges import role_name


def role_table() -> None:
    """Actions by role, with a word for each mark."""
    heads = "".join(f'<th scope="col">{escape(role_name(role))}</th>' for role in Role)
    rows = "".join(
        f'<tr><th scope="row">{escape(t(f"people.action.{action.value}"))}</th>'
        + "".join(_cell(may(role, action)) for role in Role) + "</tr>" for action in Action)
    st.html(f'<div class="dw-scroll" role="region" aria-label="{escape(t("people.what_roles_may"))}" tabindex="0">'
            f'<table class="dw-table dw-marks"><thead><tr><td></td>{heads}</tr></thead>'
            f"<tbody>{rows}</tbody></table></div>")


def _cell(allowed: bool) -> str:
    mark, word = ("✓", t("people.yes")) if allowed else ("–", t("people.no"))
    return f'<td class="{"dw-yes" if allowed else "dw-no"}"><span aria-hidden="true">{mark}</span>' \
           f'<span class="dw-unseen">{escape(word)}</span></td>'
