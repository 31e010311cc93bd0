"""Review: the heart of the workspace. The player and the lines in one component, what belongs to a line beside it."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from dubbing.domain.workspace import JobView, ProjectCard
from ui.components.review import review
from ui.session import desk, open_project
from ui.text import t
from ui.widgets.errors import escaped, nothing_here, told
from ui.widgets.progress import fraction, is_active, job_words, kind_name
from ui.widgets.review_actions import do_all
from ui.widgets.review_bench import PAGE, Bench, bench
from ui.widgets.review_data import component_data, number, speaker_names
from ui.widgets.review_panel import PANELS, panel
from ui.widgets.review_toolbar import query_now, toolbar

_STYLE = Path(__file__).parents[1] / "widgets" / "review.css"
#: Gives the whole width to the component.
_CLOSED = ".st-key-review_body [data-testid='stColumn']:last-child { display: none; }"
_JOBS_SHOWN = 2
_PREPARED = "review_prepared"


def page() -> None:
    """The review page of the open project."""
    found = open_project()
    if found is None:
        return
    card, language = found
    st.html(_STYLE)
    st.html(f'<h1 class="dw-unseen">{escape(t("review.title"))}: {escape(card.name)}</h1>')
    if not language:
        nothing_here(t("review.nothing_open"), t("review.nothing_open_hint"), ":material/translate:")
        return
    held = bench(card, language)
    held.kept.clear()
    _prepare(card)
    _asked_for(held)
    _workbench(card, held)


def _prepare(card: ProjectCard) -> None:
    """Ask once for the waveforms and pictures of a project that was made elsewhere, by the command line for example."""
    asked: set[str] = st.session_state.setdefault(_PREPARED, set())
    if card.id in asked:
        return
    asked.add(card.id)
    with told():
        if "peaks/source" not in desk().files.versions(card.id) and desk().jobs.workers() \
                and not any(job.kind in ("prepare", "dub") for job in desk().jobs.active(card.id)):
            desk().jobs.prepare(card.id)


def _asked_for(held: Bench) -> None:
    """Open the line and the panel that the address names, once."""
    line = st.query_params.get("line")
    if line:
        del st.query_params["line"]
        with told():
            held.go_to(line)
    name = st.query_params.get("panel")
    if name:
        del st.query_params["panel"]
        if name in PANELS:
            held.open_panel(name)


@st.fragment
def _workbench(card: ProjectCard, held: Bench) -> None:
    """Toolbar, component and panel; what is done in any of them runs only this.

    The component asks for a run of its own from time to time, so that jobs and what others do show by themselves: a
    second fragment with a timer would not do, since Streamlit leaves elements of one behind that another overtakes.
    """
    held.narrow(query_now(held))
    rights = desk().seat.rights(card.id, held.language)
    jobs = [job for job in desk().jobs.active(card.id) if is_active(job)]
    shown = desk().lines.page(card.id, held.language, held.query, offset=held.offset, limit=PAGE)
    held.offset, held.shown, held.total, held.all_lines = shown.offset, shown.lines, shown.total, shown.all_lines
    if held.view(held.selected) is None and shown.lines:
        held.selected = shown.lines[0].line.utterance.id
    toolbar(card, held, speaker_names(held), rights)
    _show_jobs(jobs)
    # The component keeps its place whatever else comes and goes: moved, it would begin anew, and the video with it.
    with st.container(key="review_body"):
        left, right = st.columns([3, 1], gap="small")
        with left:
            review(component_data(card, held, shown, is_busy=bool(jobs)), key=f"review_{card.id}_{held.language}",
                   on_actions=lambda actions: do_all(card, held, actions))
        with right, st.container(key="review_panel_box", height="stretch"), told():
            st.html(f"<style>{_CLOSED if held.panel is None else '/* open */'}</style>")
            panel(card, held, rights)


def _show_jobs(jobs: list[JobView]) -> None:
    with st.container(key="review_jobs", gap="xxsmall"):
        for job in sorted(jobs, key=lambda one: one.created_at)[:_JOBS_SHOWN]:
            line = job.payload.get("utterance_id")
            name = " · ".join([*([t("review.takes.line", n=number(line))] if line else []), kind_name(job.kind)])
            st.progress(fraction(job), text=f":small[{escaped(name)} · {escaped(job_words(job))}]")
        if len(jobs) > _JOBS_SHOWN:
            st.caption(t("review.jobs_more", n=len(jobs) - _JOBS_SHOWN))
