"""A project in the list: its picture, what it is, how far each language is, who works on it, and what runs."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from dubbing.domain.review import Action
from dubbing.domain.workspace import Membership, ProjectCard
from ui.navigation import link_to
from ui.text import language_name, t
from ui.urls import file_url
from ui.widgets.badges import badge, role_name
from ui.widgets.bars import progress_table
from ui.widgets.errors import escaped
from ui.widgets.progress import follow
from ui.widgets.times import ago, timecode

_PEOPLE_SHOWN = 3


def project_card(card: ProjectCard, actions: Callable[[ProjectCard], None], *, hint: bool = True) -> None:
    """One project; ``actions`` draws what can be done with it. ``hint``: say what to do where no worker runs."""
    with st.container(border=True, key=f"card_{card.id}", gap="small"):
        poster, facts, progress = st.columns([1.7, 3.3, 6], gap="medium")
        with poster:
            st.html(_poster(card))
        with facts, st.container(gap="xxsmall"):
            _facts(card)
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                actions(card)
        with progress:
            st.html(progress_table(card.progress, t("projects.progress_of", name=card.name)))
            if card.job is not None:
                follow(card.job, may_run=card.rights.may(Action.RUN), hint=hint)


def _facts(card: ProjectCard) -> None:
    with st.container(key=f"name_{card.id}"):
        if card.deleted:
            st.markdown(f"**{escaped(card.name)}**")
        else:
            link_to("review", escaped(card.name), project=card.id, icon=False)
    source = language_name(card.source_language) if card.source_language else t("projects.source_unknown")
    parts = [timecode(card.duration_ms, with_ms=False), f"{card.width}×{card.height}" if card.height else "",
             f"{source} → {', '.join(language_name(code) for code in card.targets)}"]
    st.caption(" · ".join(part for part in parts if part))
    st.caption(f":material/schedule: {t('projects.changed', when=ago(card.updated_at))}")
    people = _people(card.members)
    if people:
        st.caption(f":material/group: {people}")
    marks = [badge(t("projects.comments", n=card.open_comments), "blue", "chat")] if card.open_comments else []
    if card.archived:
        marks.append(badge(t("projects.archived"), "gray", "archive"))
    if card.deleted:
        marks.append(badge(t("projects.deleted"), "gray", "delete"))
    if marks:
        st.markdown(" ".join(marks))


def _people(members: tuple[Membership, ...]) -> str:
    """Names with what they are here; of many the rest is counted."""
    by_person: dict[str, list[Membership]] = {}
    for member in members:
        by_person.setdefault(member.person_id, []).append(member)
    told = []
    for held in list(by_person.values())[:_PEOPLE_SHOWN]:
        roles = ", ".join(dict.fromkeys(role_name(member.role).lower() for member in held))
        told.append(f"{escaped(held[0].name or held[0].login)} ({roles})")
    rest = len(by_person) - len(told)
    return ", ".join(told) + (f" {t('projects.more_people', n=rest)}" if rest > 0 else "")


def _poster(card: ProjectCard) -> str:
    if not card.has_poster:
        return '<div class="dw-poster dw-blank" aria-hidden="true"><span>▶</span></div>'
    address = file_url(card.id, "poster", v=str(int(card.updated_at.timestamp())))
    return f'<div class="dw-poster"><img src="{escape(address)}" alt="" loading="lazy"></div>'
