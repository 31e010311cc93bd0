"""A job as people follow it: what it does, how far it is, how long it still takes, and what to do when it failed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dubbing.domain.project import JobStatus
from dubbing.domain.workspace import JobView
from ui.session import desk, person
from ui.text import language_name, t
from ui.widgets.errors import sentence, told
from ui.widgets.times import left

#: How often a job that runs is looked at.
POLL_S = 1.5

_ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
#: Stages that have a name of their own; another one is shown as it calls itself.
_STAGES = frozenset({"weights", "still", "hash", "sound", "separate", "transcribe", "diarize", "profile", "faces",
                     "mouths", "translate", "synthesize", "lipsync", "mix", "export", "quality", "checksum",
                     "prosody", "reference", "room", "loudness", "measure", "preflight", "proxy", "clip", "preview",
                     "archive", "edges", "reach", "adapt"})
_KINDS = frozenset({"dub", "prepare", "take", "audition", "preflight", "export", "text_export"})


def is_active(job: JobView | None) -> bool:
    return job is not None and job.status in _ACTIVE


def fraction(job: JobView) -> float:
    """How far the present stage is, from 0 to 1."""
    if job.status is JobStatus.DONE:
        return 1.0
    return min(1.0, max(0.0, job.progress.done / job.progress.total)) if job.progress.total > 0 else 0.0


def kind_name(kind: str) -> str:
    return t(f"common.job.kind.{kind}") if kind in _KINDS else kind


def stage_name(stage: str) -> str:
    """A stage for people; ``translate:es`` names the language, too."""
    name, _, language = stage.partition(":")
    shown = t(f"common.job.stage.{name}") if name in _STAGES else name
    return f"{shown} · {language_name(language)}" if len(language) in (2, 3) else shown


def job_words(job: JobView) -> str:
    """The job in one line: what it does now and what is left, or why it does nothing."""
    if job.status is JobStatus.QUEUED and not job.worker_alive:
        return t("common.job.no_worker")
    if job.status is JobStatus.QUEUED:
        return t("common.job.waits", n=job.waits_behind) if job.waits_behind else t("common.job.starts")
    if job.status is not JobStatus.RUNNING:
        return f"{kind_name(job.kind)} · {t(f'common.job.status.{job.status.value}')}"
    parts = [stage_name(job.progress.stage) if job.progress.stage else t("common.job.starts"),
             f"{fraction(job):.0%}" if job.progress.total > 0 else "", left(job.eta_s)]
    return " · ".join(part for part in parts if part)


def job_bar(job: JobView, *, may_run: bool = True, hint: bool = True) -> None:
    """A job as it stands: a bar while it is active, its sentence and "try again" when it failed.

    ``hint`` False leaves out what to do where no worker runs: the page has said it.
    """
    if job.status in _ACTIVE:
        _active_bar(job, may_run, hint)
    elif job.status is JobStatus.FAILED:
        sentence(job.error or t("common.job.status.failed"), job.hint)
        _again(job, may_run)
    elif job.status is JobStatus.CANCELLED:
        st.caption(f":material/cancel: {job_words(job)}")
        _again(job, may_run)


def follow(job: JobView, *, may_run: bool = True, hint: bool = True,
           on_end: Callable[[JobView], None] | None = None) -> None:
    """A job's bar that keeps itself up to date, and runs the page again when the job has ended.

    ``on_end`` is called once with the ended job before that.
    """
    if not is_active(job):
        job_bar(job, may_run=may_run, hint=hint)
        return

    @st.fragment(run_every=POLL_S, key=f"follow_{job.id}")
    def bar() -> None:
        if person() is None:
            st.rerun()  # the session ended meanwhile: the page leads to the door
        with told():
            now = desk().jobs.get(job.id)
            job_bar(now, may_run=may_run, hint=hint)
            if not is_active(now):
                if on_end is not None:
                    on_end(now)
                st.rerun()

    bar()


def _active_bar(job: JobView, may_run: bool, hint: bool) -> None:
    with st.container(key=f"job_{job.id}", horizontal=True, vertical_alignment="bottom"):
        st.progress(fraction(job), text=f":small[{job_words(job)}]")
        if st.button(t("common.job.cancel"), key=f"cancel_{job.id}", icon=":material/stop_circle:", type="tertiary",
                     disabled=not may_run, help=None if may_run else t("common.job.may_not_run")):
            with told() as outcome:
                desk().jobs.cancel(job.id)
            if outcome.is_ok:
                st.rerun()
    if hint and job.status is JobStatus.QUEUED and not job.worker_alive:
        st.caption(f":material/info: {t('common.job.no_worker_hint')}")


def _again(job: JobView, may_run: bool) -> None:
    if st.button(t("common.try_again"), key=f"retry_{job.id}", icon=":material/refresh:", disabled=not may_run,
                 help=None if may_run else t("common.job.may_not_run")):
        with told() as outcome:
            desk().jobs.retry(job.id)
        if outcome.is_ok:
            st.rerun()
