"""Quality control: what the checks found in a language's dub, what was measured, and findings put aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from html import escape

import streamlit as st

from dubbing.domain.quality import Severity
from dubbing.domain.review import Action
from dubbing.domain.workspace import ProjectCard, QcFinding, QcReport
from ui.sentences import said
from ui.session import desk, open_project
from ui.text import language_name, locale, t, texts
from ui.widgets.badges import badge
from ui.widgets.errors import escaped, flash, nothing_here, told
from ui.widgets.place import line_url, may
from ui.widgets.progress import follow
from ui.widgets.project_settings import bring_up_to_date
from ui.widgets.remarks import remark
from ui.widgets.review_data import number
from ui.widgets.times import moment, timecode

_LOOK: Mapping[Severity, tuple[str, str]] = {
    Severity.ERROR: ("red", "error"), Severity.WARNING: ("orange", "warning"), Severity.INFO: ("blue", "info")}
_PAGE = 25
_REASON = 300
#: Figures in the order in which they are shown, with their units.
_FIGURES: Mapping[str, str] = {
    "lines": "", "in_window": "%", "word_error_rate": "%", "onset_ms": "ms", "silent_ms": "ms", "voice_likeness": "",
    "integrated": "LUFS", "dialogue": "LUFS", "true_peak": "dBTP", "loudness_range": "LU", "preset": "",
    "lip_sync_closure_hits": "%", "lip_sync_opening_r": "", "lip_sync_opening_lag_ms": "ms"}


def page() -> None:
    """The page; the shell says so where no project is open."""
    st.title(t("shell.page.quality"))
    here = open_project()
    if here is None:
        return
    card, language = here
    if not language:
        nothing_here(t("review.nothing_open"), t("review.nothing_open_hint"), ":material/translate:")
        return
    if card.job is not None:
        follow(card.job, may_run=may(Action.RUN, card))
    with told():
        report = desk().quality.report(card.id, language)
        if report.made_at is None:
            nothing_here(t("quality.never", language=language_name(language)), t("quality.never_hint"),
                         ":material/fact_check:")
            bring_up_to_date(card)
            return
        _standing(card, report)
        _figures(report)
        _findings(card, report)
        _skipped(report)


def _standing(card: ProjectCard, report: QcReport) -> None:
    """When it was made, how many of what, and the report as a file."""
    made = moment(report.made_at) if report.made_at else ""
    remark(t("quality.made", when=made, language=language_name(report.language)))
    if report.is_stale:
        st.warning(t("quality.stale"), icon=":material/update:")
        bring_up_to_date(card)
    with st.container(horizontal=True, vertical_alignment="center", key="qc_standing"):
        for severity, (colour, icon) in _LOOK.items():
            n = report.counts.get(severity, 0)
            st.markdown(badge(t(f"quality.count.{severity.value}", n=n), colour if n else "gray", icon))
        if not any(report.counts.values()):
            st.markdown(f":material/check_circle: {t('quality.nothing')}")
        # Made when clicked, outside of a run: what a run knows goes along.
        files, code, name = desk().quality, locale(), f"{card.name} {report.language} {t('quality.file')}"
        st.download_button(t("quality.html"), partial(files.as_page, card.id, report.language, code,
                                                      partial(said, code=code)),
                           f"{name}.html", "text/html", icon=":material/download:", key="qc_html", on_click="ignore")
        st.download_button(t("quality.json"), partial(files.as_json, card.id, report.language), f"{name}.json",
                           "application/json", icon=":material/download:", key="qc_json", on_click="ignore")


def _figures(report: QcReport) -> None:
    shown = [(t(f"quality.figure.{name}"), _told(value, unit)) for name, unit in _FIGURES.items()
             if (value := report.figures.get(name)) is not None]
    if shown:
        boxes = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in shown)
        label = escape(t("quality.measured"))
        st.html(f'<dl class="dw-figures" style="margin:0;padding:0" aria-label="{label}">{boxes}</dl>')


def _told(value: float | int | str, unit: str) -> str:
    if isinstance(value, str):
        return texts("settings.loudness").get(value.replace("-", "_"), value)
    if unit == "%":
        text = f"{100 * value:.1f} %" if 0 < value < 1 else f"{100 * value:.0f} %"
    elif isinstance(value, int) or unit == "ms":
        text = f"{value:.0f} {unit}".strip()
    else:
        text = f"{value:.1f} {unit}" if unit else f"{value:.2f}"
    return text if locale() == "en" else text.replace(".", ",")


# findings -------------------------------------------------------------------------------------------------------------


def _findings(card: ProjectCard, report: QcReport) -> None:
    if not report.findings:
        return
    st.subheader(t("quality.findings"), anchor=False)
    shown = _filtered(report)
    if not shown:
        remark(t("quality.none_shown"), "filter_alt")
        return
    pages = -(-len(shown) // _PAGE)
    at = 1
    if pages > 1:
        at = int(st.number_input(t("quality.page", pages=pages), 1, pages, 1, key=f"qc_page_{report.language}_{pages}",
                                width=160))
    part = shown[(at - 1) * _PAGE:at * _PAGE]
    lines = desk().quality.texts(card.id, report.language, {one.utterance_id for one in part if one.utterance_id})
    allowed = any(may(action, card, report.language)
                  for action in (Action.REVIEW, Action.EDIT_DUB, Action.EDIT_TRANSLATION))
    for one in part:
        _finding(card, report.language, one, lines.get(one.utterance_id), allowed)


def _filtered(report: QcReport) -> list[QcFinding]:
    """The findings that the boxes above them leave; those put aside only when asked for."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="qc_filters"):
        severities = st.pills(t("quality.severity"), list(Severity), selection_mode="multi", key="qc_severity",
                              format_func=lambda one: t(f"quality.severities.{one.value}"))
        kinds = Counter(one.check for one in report.findings if not one.is_dismissed)
        names = {check: f"{check_name(check)} ({n})" for check, n in sorted(kinds.items())}
        kind = st.selectbox(t("quality.check_label"), [None, *names], key=f"qc_check_{report.language}", width=280,
                            format_func=lambda one: t("quality.any_check") if one is None else names.get(one, one))
        aside = sum(one.is_dismissed for one in report.findings)
        with_aside = aside > 0 and st.toggle(t("quality.show_dismissed", n=aside), key="qc_aside")
    return [one for one in report.findings
            if one.is_dismissed == with_aside
            and (not severities or one.severity in severities) and kind in (None, one.check)]


def check_name(check: str) -> str:
    """What people call a check; its own name where the catalogue has none."""
    return texts("quality.check").get(check, check)


def _finding(card: ProjectCard, language: str, one: QcFinding, line: tuple[str, str] | None,
             allowed: bool) -> None:
    colour, icon = _LOOK[one.severity]
    with st.container(border=True, key=f"finding_{one.id}", gap="xsmall"):
        words, deeds = st.columns([6, 1], vertical_alignment="center", gap="small")
        with words, st.container(gap="xxsmall"):
            head = [badge(t(f"quality.severities.{one.severity.value}"), colour, icon), f"**{check_name(one.check)}**"]
            if one.utterance_id:
                where = t("quality.line", n=number(one.utterance_id))
                head.append(f"[{where}]({line_url(card.id, language, one.utterance_id)})")
            if one.at_ms is not None:
                head.append(f":small[{timecode(100 * round(one.at_ms / 100))[:-2]}]")
            if one.speaker_name:
                head.append(f":small[{escaped(one.speaker_name)}]")
            st.markdown(" ".join(head))
            st.markdown(escaped(said(one.message)))
            if line is not None:
                st.caption(f"{escaped(line[0])}  \n**{escaped(line[1] or '–')}**")
            if one.is_dismissed:
                why = ": ".join(filter(None, (one.dismissed_by, one.dismissed_reason)))
                st.caption(f":material/visibility_off: {escaped(why)}")
        with deeds:
            _deeds(one, allowed)


def _deeds(one: QcFinding, allowed: bool) -> None:
    """Put a finding aside with a reason, or take that back."""
    why = None if allowed else t("quality.may_not")
    if one.is_dismissed:
        if st.button(t("quality.restore"), key=f"restore_{one.id}", icon=":material/undo:", disabled=not allowed,
                     help=why):
            with told() as outcome:
                desk().quality.restore(one.id)
            if outcome.is_ok:
                st.rerun()
        return
    with st.popover(t("quality.dismiss"), icon=":material/visibility_off:", disabled=not allowed, help=why,
                    key=f"dismiss_{one.id}"):
        remark(t("quality.dismiss_what"))
        reason = st.text_input(t("quality.reason"), key=f"reason_{one.id}", max_chars=_REASON)
        if st.button(t("quality.dismiss_now"), key=f"dismiss_now_{one.id}", type="primary"):
            with told() as outcome:
                desk().quality.dismiss(one.id, reason)
            if outcome.is_ok:
                flash(t("quality.dismissed"), ":material/visibility_off:")
                st.rerun()


def _skipped(report: QcReport) -> None:
    if report.skipped:
        with st.expander(t("quality.skipped", n=len(report.skipped)), icon=":material/help:"):
            for check, reason in report.skipped.items():
                st.markdown(f"**{escaped(check_name(check))}**: {escaped(said(reason))}")
