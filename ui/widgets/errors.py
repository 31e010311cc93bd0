"""What went wrong, as one sentence and what to do about it; never a traceback for what a person can cause."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from dubbing.api import ForbiddenError
from dubbing.errors import DubbingError
from ui.sentences import said
from ui.text import t

_FLASH_KEY = "_flash"


@dataclass(slots=True)
class Outcome:
    """What became of a block under ``told``."""

    error: DubbingError | None = None

    @property
    def is_ok(self) -> bool:
        return self.error is None


@contextmanager
def told() -> Iterator[Outcome]:
    """Show a DubbingError of the block where it happened, and go on after it.

    ``with told() as outcome: …`` and then ``if outcome.is_ok:``. Programming errors pass through.
    """
    outcome = Outcome()
    try:
        yield outcome
    except DubbingError as error:
        outcome.error = error
        tell(error)


def tell(error: DubbingError) -> None:
    """Show an error here: its sentence, and its hint as what to do."""
    sentence(error.message, error.hint, is_forbidden=isinstance(error, ForbiddenError))


def sentence(message: str, hint: str = "", *, is_forbidden: bool = False) -> None:
    """A failure's sentence with its hint below, in the person's language, both as plain text whatever they hold."""
    body = escaped(said(message)) + (f"  \n{escaped(said(hint))}" if hint else "")
    st.error(body, icon=":material/lock:" if is_forbidden else ":material/error:")


def unexpected(error: Exception) -> bool | None:
    """What a page shows where it failed in a way that nobody foresaw; the trace goes to whoever can mend it."""
    if isinstance(error, DubbingError):
        tell(error)
        return True
    if os.environ.get("DUBBING_DEBUG"):
        return None
    traceback.print_exception(error)
    st.error(f"{t('common.unexpected')}  \n{t('common.unexpected_hint')}", icon=":material/error:")
    return True


def escaped(text: str) -> str:
    """``text`` for a Markdown field, so that names with stars, brackets or colons show as they are."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]<>()#+-.!|~$:&" else c for c in text).replace("\n", "  \n")


def flash(text: str, icon: str = ":material/check_circle:") -> None:
    """Say ``text`` once, after the rerun that follows."""
    st.session_state.setdefault(_FLASH_KEY, []).append((text, icon))


def show_flashes() -> None:
    """Show what ``flash`` has kept; the shell calls it once a run."""
    for text, icon in st.session_state.pop(_FLASH_KEY, []):
        st.toast(escaped(text), icon=icon)


def nothing_here(title: str, what_to_do: str, icon: str = ":material/inbox:") -> None:
    """An empty place that says what would be here and how it comes."""
    with st.container(border=True, key=f"empty_{abs(hash(title))}", horizontal_alignment="center"):
        st.markdown(f"### {icon} {title}", text_alignment="center")
        st.caption(what_to_do, text_alignment="center")


def why_not(reason_key: str, allowed: bool) -> str | None:
    """The help text of a control that is disabled for want of a right: None where it is allowed."""
    return None if allowed else t(reason_key)
