"""Above the lines: search, filters, pages, find and replace, and what is asked for all lines at once."""

from __future__ import annotations

import streamlit as st

from dubbing.domain.review import Action, Layer, ReviewState
from dubbing.domain.workspace import LineFilter, LineQuery, LineView, ProjectCard, Rights
from ui.session import desk
from ui.text import t
from ui.widgets.badges import layer_name
from ui.widgets.errors import told, why_not
from ui.widgets.review_bench import PAGE, Bench, again
from ui.widgets.review_data import moves, state_of
from ui.widgets.review_find import find_and_replace
from ui.widgets.review_panel import PANELS

#: So many lines the desk gives at once.
_AT_ONCE = 500


def _key(held: Bench, name: str) -> str:
    """The key of a control; a new one when something else than the control has changed what it shows."""
    return f"review_{name}_{held.version}"


def query_now(held: Bench) -> LineQuery:
    """The selection that the toolbar's widgets ask for; what they said in the last run, before they are drawn."""
    state = st.session_state
    held.layer = Layer(state.get(_key(held, "layer")) or held.layer)
    filters = frozenset(LineFilter(one) for one in state.get(_key(held, "filters"), held.query.filters))
    states = frozenset(ReviewState(one) for one in state.get(_key(held, "states"), held.query.states))
    return LineQuery(
        search=str(state.get(_key(held, "search"), held.query.search)).strip(),
        speaker=state.get(_key(held, "speaker"), held.query.speaker) or None, filters=filters, states=states,
        # Without a filter that looks at it, another layer is no other selection.
        layer=held.layer if filters or states else None)


def toolbar(card: ProjectCard, held: Bench, names: dict[str, str], rights: Rights) -> None:
    """One row of controls."""
    with st.container(key="review_bar", horizontal=True, vertical_alignment="center", gap="small"):
        st.text_input(t("review.search"), held.query.search, key=_key(held, "search"), width=210,
                      placeholder=t("review.search_hint"), label_visibility="collapsed", icon=":material/search:")
        _filters(held, names)
        _pages(held)
        if st.button(t("review.replace"), icon=":material/find_replace:", type="tertiary", key="review_replace"):
            held.finding = True
        _work(card, held, rights)
        held.panel = st.segmented_control(
            t("review.panel"), list(PANELS), default=held.panel, key=f"review_panel_{held.panels_opened}",
            label_visibility="collapsed", format_func=lambda name: f"{PANELS[name]} {t(f'review.panels.{name}')}")
    if held.finding:
        held.finding = False
        find_and_replace(card, held, rights)


def _filters(held: Bench, names: dict[str, str]) -> None:
    query = held.query
    count = len(query.filters) + len(query.states) + bool(query.speaker)
    label = t("review.filter_on", n=count) if count else t("review.filter")
    with st.popover(label, icon=":material/filter_alt:", type="secondary" if count else "tertiary",
                    key="review_filter"):
        st.segmented_control(t("review.layer"), list(Layer), default=held.layer, format_func=layer_name,
                             key=_key(held, "layer"), help=t("review.layer_help"), required=True)
        st.pills(t("review.show_only"), list(LineFilter), selection_mode="multi", default=sorted(query.filters),
                 key=_key(held, "filters"), format_func=lambda one: t(f"review.filters.{one.value}"))
        st.pills(t("review.states"), list(ReviewState), selection_mode="multi", default=sorted(query.states),
                 key=_key(held, "states"), format_func=lambda one: t(f"common.state.{one.value}"))
        speakers = ["", *names]
        st.selectbox(t("review.speaker"), speakers, key=_key(held, "speaker"),
                     index=speakers.index(query.speaker) if query.speaker in names else 0,
                     format_func=lambda one: names[one] if one in names else t("review.any_speaker"))
        st.button(t("review.clear"), icon=":material/filter_alt_off:", key="review_clear", disabled=not count,
                  on_click=held.show, args=(LineQuery(),))


def _pages(held: Bench) -> None:
    last = min(held.offset + PAGE, held.total)
    with st.container(key="review_pages", horizontal=True, vertical_alignment="center", gap="xxsmall", width="content"):
        st.button("", icon=":material/chevron_left:", key="review_page_back", type="tertiary",
                  help=t("review.page_previous"), disabled=held.offset == 0, on_click=_turn, args=(held, -PAGE))
        if held.total:
            words = "review.page_of" if held.total == held.all_lines else "review.page_of_some"
            st.markdown(f":small[{t(words, first=held.offset + 1, last=last, total=held.total, all=held.all_lines)}]")
        else:
            st.markdown(f":small[{t('review.page_none', all=held.all_lines)}]")
        st.button("", icon=":material/chevron_right:", key="review_page_on", type="tertiary",
                  help=t("review.page_next"), disabled=last >= held.total, on_click=_turn, args=(held, PAGE))


def _turn(held: Bench, by: int) -> None:
    held.offset = max(0, held.offset + by)
    page = desk().lines.page(held.project_id, held.language, held.query, offset=held.offset, limit=1)
    if page.lines:
        held.tell(page.lines[0].line.utterance.id)


def _work(card: ProjectCard, held: Bench, rights: Rights) -> None:
    """What is asked for all lines: of the workers, and of the review."""
    may_speak = rights.may(Action.EDIT_DUB) or rights.may(Action.EDIT_TRANSLATION)
    may_run = rights.may(Action.RUN)
    with st.popover(t("review.more"), icon=":material/more_horiz:", type="tertiary", key="review_more"):
        _review_all(card, held, rights)
        if st.button(t("review.speak_stale"), icon=":material/record_voice_over:", key="review_speak_stale",
                     disabled=not may_speak,
                     help=why_not("review.why.role_take", may_speak) or t("review.speak_stale_help")):
            with told() as outcome:
                made = desk().jobs.takes_for_stale(card.id, held.language)
            if outcome.is_ok:
                st.toast(t("review.speak_stale_done", n=len(made)) if made else t("review.speak_none"))
        if st.button(t("review.update_dub"), icon=":material/movie_edit:", key="review_update", disabled=not may_run,
                     help=why_not("common.job.may_not_run", may_run) or t("review.update_dub_help")):
            with told() as outcome:
                desk().jobs.start(card.id, [held.language])
            if outcome.is_ok:
                st.toast(t("review.started"))


def _review_all(card: ProjectCard, held: Bench, rights: Rights) -> None:
    """Approve, or hand in, a layer of every line that the filters leave; what is stale or missing stays as it is."""
    layer = st.segmented_control(t("review.all.layer", n=held.total), list(Layer), default=held.layer, required=True,
                                 format_func=layer_name, key="review_all_layer")
    with st.container(horizontal=True):
        for to, icon in ((ReviewState.APPROVED, "check"), (ReviewState.NEEDS_REVIEW, "arrow_upward")):
            if st.button(t(f"review.all.{to.value}"), icon=f":material/{icon}:", key=f"review_all_{to.value}",
                         disabled=not held.total):
                _move_all(card, held, rights, Layer(layer), to)


def _move_all(card: ProjectCard, held: Bench, rights: Rights, layer: Layer, to: ReviewState) -> None:
    lines = [view for offset in range(0, held.total, _AT_ONCE) for view in
             desk().lines.page(card.id, held.language, held.query, offset=offset, limit=_AT_ONCE).lines]
    ready = [view.line.utterance.id for view in lines
             if to.value in moves(view, layer, rights) and not _is_stale(view, layer)]
    done = sum(state_of(view, layer) in (to, ReviewState.APPROVED, ReviewState.LOCKED) for view in lines)
    with told() as outcome:
        if ready:
            desk().lines.move(card.id, held.language, ready, layer, to)
    if outcome.is_ok:
        st.toast(t("review.all.done", n=len(ready), left=len(lines) - len(ready) - done))
        if ready:
            again()


def _is_stale(view: LineView, layer: Layer) -> bool:
    return view.line.translation_is_stale if layer is Layer.TRANSLATION else \
        view.line.take_is_stale if layer is Layer.DUB else False
