"""States as badges: always a word and an icon, so that colour is never alone in telling them apart.

The functions give Markdown for any Streamlit label or table cell.
"""

from __future__ import annotations

from dubbing.domain.isochrony import Fit
from dubbing.domain.review import Layer, ReviewState, Role
from dubbing.domain.workspace import FitEstimate
from ui.text import t

_STATES: dict[ReviewState, tuple[str, str]] = {
    ReviewState.DRAFT: ("gray", "edit_note"),
    ReviewState.NEEDS_REVIEW: ("blue", "rate_review"),
    ReviewState.CHANGES_REQUESTED: ("orange", "undo"),
    ReviewState.APPROVED: ("green", "check_circle"),
    ReviewState.LOCKED: ("violet", "lock"),
}
_FITS: dict[Fit, tuple[str, str]] = {
    Fit.GREEN: ("green", "check"),
    Fit.AMBER: ("orange", "hourglass_bottom"),
    Fit.RED: ("red", "error"),
}


def badge(text: str, colour: str, icon: str = "") -> str:
    """A badge of ``text`` (plain, or Markdown without brackets) in one of Streamlit's colour names."""
    shown = f":material/{icon}: {text}" if icon else text
    return f":{colour}-badge[{shown}]"


def state_badge(state: ReviewState, *, stale: bool = False) -> str:
    """A review state; what is stale says so beside it."""
    colour, icon = _STATES[state]
    shown = badge(t(f"common.state.{state.value}"), colour, icon)
    return f"{shown} {stale_badge()}" if stale else shown


def stale_badge() -> str:
    return badge(t("common.state.stale"), "orange", "update")


def fit_badge(fit: Fit) -> str:
    """How a line sits in its place."""
    colour, icon = _FITS[fit]
    return badge(t(f"common.fit.{fit.value}"), colour, icon)


def fit_words(estimate: FitEstimate) -> str:
    """An estimate in words: the colour's meaning and the tempo that it takes."""
    return t("common.fit.with_tempo", fit=t(f"common.fit.{estimate.fit.value}"), tempo=f"{estimate.tempo:.2f}")


def layer_name(layer: Layer) -> str:
    return t(f"common.layer.{layer.value}")


def role_name(role: Role) -> str:
    return t(f"common.role.{role.value}")
