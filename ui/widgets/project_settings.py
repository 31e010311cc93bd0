"""How a project is dubbed and by which rules, and the start of its dub."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dubbing.domain.review import Action
from dubbing.domain.workspace import ProjectCard, ProjectSettings
from ui import session, shell
from ui.components.uploader import uploader
from ui.text import language_name, languages, t
from ui.widgets.engines import engine_choices
from ui.widgets.errors import escaped, flash, told
from ui.widgets.progress import follow, is_active
from ui.widgets.project_options import (
    mouth_options,
    own_engines,
    series_choice,
    sound_options,
    words_options,
)

SOUND_SUFFIXES = (".wav", ".flac", ".m4a", ".mp3", ".ogg", ".aac", ".mp4", ".mov", ".mkv")
_LONGEST_DAYS = 3650


def project_box(card: ProjectCard) -> None:
    """The project's settings; read-only with the reason for whoever does not manage it."""
    may_manage = card.rights.may(Action.MANAGE_PROJECT)
    if not may_manage:
        st.info(t("settings.project.may_not"), icon=":material/lock:")
    _work(card)
    with told():
        now = session.desk().projects.settings(card.id)
        _form(card, now, may_manage)
        _sound(card, now, may_manage)


def _work(card: ProjectCard) -> None:
    """What runs, or the button that brings the dub up to date."""
    if card.job is not None:
        follow(card.job, may_run=card.rights.may(Action.RUN))
    bring_up_to_date(card)


def bring_up_to_date(card: ProjectCard) -> None:
    """The button that does so, where nothing is on its way already."""
    may_run = card.rights.may(Action.RUN)
    if not is_active(card.job) and st.button(
            t("settings.project.run"), icon=":material/play_arrow:", disabled=not may_run or not card.targets,
            help=t("settings.project.run_help") if may_run else t("common.job.may_not_run"), key="run_project"):
        with told() as outcome:
            session.desk().jobs.start(card.id)
        if outcome.is_ok:
            st.rerun()


def _form(card: ProjectCard, now: ProjectSettings, may_manage: bool) -> None:
    off = not may_manage
    # The keys name what is set: after a change by somebody else the boxes show that, not what they held.
    with st.form(f"settings_{card.id}", border=True):
        left, right = st.columns(2, gap="large")
        with left:
            name = st.text_input(t("new_project.wishes.name"), value=card.name, disabled=off)
            offered = [code for code in languages() if code != card.source_language]
            targets = st.multiselect(t("new_project.wishes.targets"), offered, default=list(card.targets),
                                     format_func=language_name, disabled=off, help=t("settings.project.targets_help"))
            days = st.number_input(t("settings.project.retention"), 0, _LONGEST_DAYS, now.retention_days, disabled=off,
                                   help=t("settings.project.retention_help"))
        with right:
            consent = st.toggle(t("settings.project.consent"), value=now.consent_required, disabled=off,
                                help=t("settings.project.consent_help"))
            keep = st.toggle(t("new_project.advanced.keep_original"), value=now.keep_original, disabled=off)
            engines = engine_choices(f"project_{card.id}", {
                "lipsync": now.lipsync, "translator": now.translator, "synthesizer": now.synthesizer},
                only=("lipsync", "translate", "tts"), disabled=off)
        own = own_engines(card, now, off)
        left, right = st.columns(2, gap="large")
        with left:
            words = words_options(card, now, off)
            series = series_choice(now, off)
            mouths = mouth_options(now, off)
        with right:
            sound = sound_options(now, off)
        if st.form_submit_button(t("common.save"), type="primary", disabled=off):
            _save(card, name, targets, series, {"consent_required": consent, "keep_original": keep,
                                                "retention_days": int(days), **engines, "by_language": own, **words,
                                                **mouths, **sound})


def _save(card: ProjectCard, name: str, targets: list[str], series: str, settings: dict[str, Any]) -> None:
    projects = session.desk().projects
    with told() as outcome:
        if name.strip() != card.name:
            projects.rename(card.id, name)
        if tuple(targets) != card.targets:
            projects.set_targets(card.id, targets)
        projects.set_settings(card.id, **settings)
        session.desk().series.set(card.id, series)
    if outcome.is_ok:
        flash(t("common.saved"))
        shell.forget()
        st.rerun()


def _sound(card: ProjectCard, now: ProjectSettings, may_manage: bool) -> None:
    """M&E of its own instead of separation."""
    with st.expander(t("settings.project.sound"), icon=":material/graphic_eq:"):
        if now.m_and_e_name:
            st.markdown(f":material/check_circle: {t('settings.project.sound_is', name=escaped(now.m_and_e_name))}")
            if st.button(t("settings.project.sound_off"), disabled=not may_manage, key="sound_off"):
                _set_sound(card, None)
        else:
            st.caption(t("new_project.sound.hint"))
        if may_manage:
            sent = uploader(t("new_project.sound.label"), key=f"sound_{card.id}", purpose="m_and_e",
                            accept=SOUND_SUFFIXES)
            if sent is not None and st.button(t("settings.project.sound_use", name=sent.name), type="primary"):
                _set_sound(card, sent.id)


def _set_sound(card: ProjectCard, upload_id: str | None) -> None:
    with told() as outcome:
        session.desk().projects.set_m_and_e(card.id, upload_id)
    if outcome.is_ok:
        flash(t("common.saved"))
        st.rerun()
