"""Small print beside fields and in cards, and an offer to make what a page lacks."""

from __future__ import annotations

import streamlit as st

from dubbing.domain.project import JobStatus
from dubbing.domain.workspace import ProjectCard
from ui.session import desk
from ui.text import t
from ui.widgets.errors import told
from ui.widgets.progress import follow

_ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)


def remark(text: str, icon: str = "") -> None:
    """A short text (Markdown) in small print, in the colour of all text and with room below it."""
    st.markdown(f":small[:material/{icon}: {text}]" if icon else f":small[{text}]")


def preparing(card: ProjectCard, what: str) -> None:
    """Say that ``what`` (a sentence) is made by preparing the project; follow that, or offer to begin."""
    jobs = [job for job in desk().jobs.active(card.id) if job.kind in ("prepare", "dub")]
    remark(what, "info")
    if jobs:
        follow(jobs[0], may_run=False)
        return
    if st.button(t("place.prepare"), icon=":material/auto_awesome:", key="prepare"):
        with told() as outcome:
            desk().jobs.prepare(card.id)
        if outcome.is_ok:
            st.rerun()
