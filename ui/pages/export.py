"""Export: what is not ready said before, files of a preset in each language, and everything that was handed out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from dubbing.domain.project import JobStatus
from dubbing.domain.review import Action
from dubbing.domain.workspace import ExportCheck, ExportPreset, ExportView, JobView, ProjectCard
from ui.sentences import said
from ui.session import desk, open_project
from ui.text import language_name, t
from ui.urls import download_url
from ui.widgets.badges import badge
from ui.widgets.errors import escaped, flash, nothing_here, told
from ui.widgets.place import line_links, may
from ui.widgets.presets import group_name, groups, needs_takes, preset_name, preset_words
from ui.widgets.progress import follow, job_bar
from ui.widgets.remarks import remark
from ui.widgets.times import moment, size

#: What a check can find, with the icon that goes with its words.
_PROBLEMS = (("without_take", "voice_over_off"), ("stale", "update"), ("does_not_fit", "hourglass_bottom"),
             ("unapproved", "rate_review"))
#: Kinds of jobs that write exports: those that need the dub, and those of texts only.
_JOBS = frozenset({"export", "text_export"})
#: What is no matter where only texts go out.
_OF_TAKES = frozenset({"without_take", "does_not_fit"})


def page() -> None:
    """The page; the shell says so where no project is open."""
    st.title(t("shell.page.export"))
    here = open_project()
    if here is None:
        return
    card, language = here
    if not language:
        nothing_here(t("export.no_language"), t("export.no_language_hint"), ":material/translate:")
        return
    with told():
        _new(card, language)
    with told():
        _running(card)
    with told():
        _history(card)


# a new one --------------------------------------------------------------------------------------------------------


def _new(card: ProjectCard, language: str) -> None:
    languages = [language]
    if len(card.targets) > 1:
        languages = st.pills(t("export.languages"), card.targets, default=[language], selection_mode="multi",
                             format_func=language_name, key=f"export_languages_{card.id}")
    if not languages:
        remark(t("export.choose_language"))
    preset = _preset()
    checks = [desk().exports.check(card.id, one) for one in languages]
    for check in checks:
        _check(card, check, preset)
    _start(card, languages, preset, any(problems(check, preset) for check in checks))


def _preset() -> ExportPreset:
    """What is to be written: first the kind of thing, then its form."""
    offered = groups(desk().exports.presets())
    with st.container(border=True):
        group = st.segmented_control(t("export.what"), list(offered), default=next(iter(offered)), required=True,
                                     format_func=group_name, key="export_group")
        presets = {one.id: one for one in offered[group]}
        if len(presets) == 1:
            only = next(iter(presets.values()))
            st.markdown(f"**{preset_name(only)}**  \n{preset_words(only)}")
            return only
        return presets[st.radio(t("export.form"), list(presets), format_func=lambda one: preset_name(presets[one]),
                                captions=[preset_words(one) for one in presets.values()],
                                key=f"export_preset_{group}")]


def problems(check: ExportCheck, preset: ExportPreset) -> list[tuple[str, str, tuple[str, ...]]]:
    """What is not ready for a preset: name, icon and lines of everything that a check has found."""
    named = [one for one in _PROBLEMS if needs_takes(preset) or one[0] not in _OF_TAKES]
    return [(name, icon, lines) for name, icon in named if (lines := getattr(check, name))]


def _check(card: ProjectCard, check: ExportCheck, preset: ExportPreset) -> None:
    name = language_name(check.language)
    found = problems(check, preset)
    wording = {"stale": "stale" if needs_takes(preset) else "stale_text"}
    if not check.lines:
        st.warning(t("export.check.no_lines", language=name), icon=":material/inbox:")
        return
    if not found and not check.open_comments:
        st.success(t("export.check.ready", language=name, n=check.lines), icon=":material/check_circle:")
        return
    with st.container(border=True, gap="small", key=f"check_{check.language}"):
        st.markdown(f"**{t('export.check.title', language=name, n=check.lines)}**")
        for kind, icon, lines in found:
            with st.container(gap=None):
                st.markdown(f":material/{icon}: {t(f'export.check.{wording.get(kind, kind)}', n=len(lines))}")
                st.html(f'<div style="margin-left:1.75rem">{line_links(card.id, check.language, lines)}</div>')
        if check.open_comments:
            st.markdown(f":material/forum: {t('export.check.comments', n=check.open_comments)}")


def _start(card: ProjectCard, languages: Sequence[str], preset: ExportPreset, has_problems: bool) -> None:
    allowed = all(may(Action.EXPORT, card, language) for language in languages)
    if not allowed:
        remark(t("export.forbidden"), "lock")
    label = t("export.start_anyway" if has_problems else "export.start")
    if not st.button(label, type="primary", icon=":material/download:", key="export_start",
                     disabled=not allowed or not languages,
                     help=None if allowed else t("export.forbidden")):
        return
    with told() as outcome:
        for language in languages:
            desk().jobs.export(card.id, language, preset.id)
    if outcome.is_ok:
        flash(t("export.started", n=len(languages)), ":material/hourglass_top:")
        st.rerun()


# what runs, and what failed last ----------------------------------------------------------------------------------


def _running(card: ProjectCard) -> None:
    jobs = [job for job in desk().jobs.recent(card.id) if job.kind in ("export", "text_export")]
    active = [job for job in jobs if job.status in (JobStatus.QUEUED, JobStatus.RUNNING)]
    failed = [job for job in jobs[:1] if job.status is JobStatus.FAILED]
    if not active and not failed:
        return
    allowed = may(Action.RUN, card)
    st.subheader(t("export.running"), anchor=False)
    for job in active:
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{escaped(_job_name(job))}**")
            follow(job, may_run=allowed)
    for job in failed:
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{escaped(_job_name(job))}**")
            job_bar(job, may_run=allowed)


def _job_name(job: JobView) -> str:
    preset = next((one for one in desk().exports.presets() if one.id == job.payload.get("preset")), None)
    name = preset_name(preset) if preset else str(job.payload.get("preset", ""))
    return f"{name} · {language_name(job.payload.get('language'))}"


# what was handed out ----------------------------------------------------------------------------------------------


def _history(card: ProjectCard) -> None:
    st.subheader(t("export.history"), anchor=False)
    exports = desk().exports.history(card.id)
    if not exports:
        nothing_here(t("export.empty"), t("export.empty_hint"), ":material/inventory_2:")
    names = {one.id: preset_name(one) for one in desk().exports.presets()}
    for export in exports:
        _export(card, export, names.get(export.preset, ""))


def _export(card: ProjectCard, export: ExportView, preset: str) -> None:
    with st.container(border=True, gap="xsmall", key=f"export_{export.id}"):
        st.markdown(f"**{escaped(export.file_name)}** {_standing(export)}")
        st.html(_facts_html(export, preset))
        with st.container(horizontal=True, vertical_alignment="center"):
            if export.is_there:
                st.link_button(t("export.download"), download_url(card.id, "export", export.id),
                               icon=":material/download:")
            if _may_delete(card, export):
                with st.popover(t("export.delete"), icon=":material/delete:", type="tertiary",
                                key=f"export_delete_{export.id}"):
                    _delete(export)


def _facts_html(export: ExportView, preset: str) -> str:
    """What an export is, its checksum, and what there is to know about it."""
    facts = (preset, language_name(export.language), size(export.size_bytes) if export.size_bytes else "",
             export.actor or t("export.command_line"), moment(export.created_at))
    rows = [escape(" · ".join(fact for fact in facts if fact)),
            f'SHA-256 <code style="font-size:.8rem;overflow-wrap:anywhere">{escape(export.sha256)}</code>',
            *(escape(remark) for remark in _remarks(export))]
    return f'<div class="dw-quiet" style="font-size:.875rem;line-height:1.7">{"<br>".join(rows)}</div>'


def _remarks(export: ExportView) -> list[str]:
    """How far the lines have moved on since, and what the writer noted."""
    changed = int(export.details.get("changed_lines", 0))
    remarks = [t("export.changed", n=changed)] if export.is_stale and changed else []
    remarks += [t("export.same")] if export.details.get("same_as") else []
    return remarks + [said(str(note)) for note in export.details.get("notes", ())]


def _may_delete(card: ProjectCard, export: ExportView) -> bool:
    """Whoever made an export may delete it, and whoever manages the project."""
    own = export.actor == desk().person.login and may(Action.EXPORT, card, export.language)
    return own or may(Action.MANAGE_PROJECT, card)


def _standing(export: ExportView) -> str:
    if not export.is_there:
        return badge(t("export.gone"), "gray", "cloud_off")
    if export.is_stale:
        return badge(t("export.stale"), "orange", "update")
    return badge(t("export.fresh"), "green", "check_circle")


def _delete(export: ExportView) -> None:
    st.markdown(t("export.delete_sure", name=escaped(export.file_name)))
    if st.button(t("export.delete"), key=f"export_sure_{export.id}", type="primary"):
        with told() as outcome:
            desk().exports.delete(export.id)
        if outcome.is_ok:
            flash(t("export.deleted"))
            st.rerun()
