"""Beside the lines: takes, memory and terms, comments and history of the selected line."""

from __future__ import annotations

from html import escape

import streamlit as st

from dubbing.domain.review import Action
from dubbing.domain.workspace import LineView, ProjectCard, Rights, TakeView
from ui.session import desk
from ui.text import t
from ui.urls import file_url
from ui.widgets.badges import badge, fit_badge, stale_badge
from ui.widgets.errors import escaped, told, why_not
from ui.widgets.review_bench import Bench, again
from ui.widgets.review_data import number
from ui.widgets.voices import heard_words

#: Panels by name, with their icons.
PANELS = {"takes": ":material/graphic_eq:", "alternatives": ":material/alt_route:",
          "memory": ":material/menu_book:", "comments": ":material/forum:", "history": ":material/history:"}
_HITS = 5


def panel(card: ProjectCard, held: Bench, rights: Rights) -> None:
    """The open panel for the selected line."""
    from ui.widgets.review_alternatives import alternatives
    from ui.widgets.review_talk import comments, history

    if held.panel is None:
        return
    view = held.view(held.selected)
    if view is None:
        st.caption(t("review.panel_none"))
        return
    name = held.panel
    st.markdown(f"#### {t('review.takes.line', n=number(view.line.utterance.id))}")
    if name != "memory":
        _terms(card, held, view, only_breaches=True)
    if name == "takes":
        _takes(card, held, view, rights)
    elif name == "alternatives":
        alternatives(card, held, view, rights)
    elif name == "memory":
        _memory(card, held, view, rights)
        _terms(card, held, view)
    elif name == "comments":
        comments(card, held, view, rights)
    elif name == "history":
        history(card, held, view)


# takes ----------------------------------------------------------------------------------------------------------------


def _takes(card: ProjectCard, held: Bench, view: LineView, rights: Rights) -> None:
    may = rights.may(Action.EDIT_DUB) or rights.may(Action.EDIT_TRANSLATION)
    utterance_id = view.line.utterance.id
    found = desk().takes.all(card.id, held.language, utterance_id)
    if not found:
        st.caption(t("review.takes.none"))
    text = view.line.translation.text if view.line.translation else ""
    for take in found:
        _take(card, take, text, may)
    if not may:
        st.caption(f":material/lock: {t('review.takes.not_allowed')}")
    elif text:
        pace = st.number_input(t("review.takes.pace"), 0.8, 1.3, 1.0, 0.05, key=f"pace_{utterance_id}",
                               help=t("review.takes.pace_help"))
        if st.button(t("review.takes.speak"), icon=":material/mic:", key=f"speak_{utterance_id}"):
            with told() as outcome:
                desk().jobs.take(card.id, held.language, utterance_id, pace=pace)
            if outcome.is_ok:
                st.toast(t("review.takes.spoken"))


def _take(card: ProjectCard, shown: TakeView, text: str, may: bool) -> None:
    take = shown.take
    with st.container(border=True, key=f"take_{take.id}", gap="xsmall"):
        marks = [fit_badge(shown.fit)]
        if take.chosen:
            marks.insert(0, badge(t("review.takes.chosen"), "blue", "volume_up"))
        if shown.is_stale:
            marks.append(stale_badge())
        st.markdown(" ".join(marks))
        voice = heard_words(take.voice)
        label = t("review.takes.sound", seconds=f"{take.duration_ms / 1000:.1f}", voice=voice)
        st.html(f'<audio controls preload="none" src="{escape(file_url(card.id, "take", take.id))}" '
                f'aria-label="{escape(label)}"></audio>')
        st.caption(escaped(t("review.takes.facts", seconds=f"{take.duration_ms / 1000:.2f}", tempo=f"{take.tempo:.2f}",
                             voice=voice)))
        if take.text.strip() != text.strip():
            st.caption(f"{t('review.takes.text_differs')} {escaped(take.text)}")
        if shown.word_error_rate is not None:
            st.caption(t("review.takes.heard_as", share=f"{shown.word_error_rate:.0%}"))
        if take.chosen:
            return
        reason = why_not("review.why.role_take", may)
        with st.container(horizontal=True):
            if st.button(t("review.takes.choose"), key=f"choose_{take.id}", icon=":material/check:", disabled=not may,
                         help=reason):
                with told() as outcome:
                    desk().takes.choose(take.id)
                if outcome.is_ok:
                    again()
            with st.popover(t("review.takes.delete"), icon=":material/delete:", disabled=not may, type="tertiary",
                            key=f"delete_{take.id}"):
                st.markdown(t("review.takes.delete_question"))
                if st.button(t("review.takes.delete"), key=f"delete_now_{take.id}", type="primary"):
                    with told() as outcome:
                        desk().takes.delete(take.id)
                    if outcome.is_ok:
                        again()


# memory and terms -----------------------------------------------------------------------------------------------------


def _memory(card: ProjectCard, held: Bench, view: LineView, rights: Rights) -> None:
    from ui.widgets.review_actions import apply_hit

    may = rights.may(Action.EDIT_TRANSLATION)
    hits = desk().memory.hits(card.id, held.language, view.line.utterance.id, limit=_HITS)
    if not hits:
        st.caption(t("review.memory.none"))
    for n, hit in enumerate(hits, start=1):
        with st.container(border=True, key=f"hit_{hit.unit_id}", gap="xsmall"):
            exact = hit.score >= 100
            words = t("review.memory.exact") if exact else t("review.memory.fuzzy", score=f"{hit.score:.0f}")
            who = f" :small[{t('review.memory.by', who=escaped(hit.actor))}]" if hit.actor else ""
            st.markdown(badge(words, "green" if exact else "blue", "done_all" if exact else "difference") + who)
            st.caption(escaped(hit.source))
            st.markdown(escaped(hit.target))
            label = t("review.memory.apply_key", n=n) if n <= 3 else t("review.memory.apply")
            if st.button(label, key=f"apply_{hit.unit_id}", icon=":material/content_paste_go:", disabled=not may,
                         help=why_not("review.why.role_target", may)):
                with told() as outcome:
                    apply_hit(card, held, view.line.utterance.id, hit.unit_id)
                if outcome.is_ok:
                    again()


def _terms(card: ProjectCard, held: Bench, view: LineView, *, only_breaches: bool = False) -> None:
    """Terms that the line touches; ``only_breaches`` those that its text goes against, and nothing where none is."""
    notes = desk().terms.notes_for(card.id, held.language, view.line.utterance.id)
    if only_breaches:
        notes = [note for note in notes if note.kind != "used"]
    else:
        st.markdown(f"##### {t('review.memory.terms')}")
        if not notes:
            st.caption(t("review.memory.no_terms"))
    for note in notes:
        kind = "forbidden_instead" if note.kind == "forbidden" and note.wanted else note.kind
        words = escaped(t(f"review.memory.{kind}", term=note.term, wanted=note.wanted))
        colour, icon = {"missing": ("orange", "warning"), "forbidden": ("red", "block"),
                        "used": ("green", "check")}[note.kind]
        st.markdown(f":{colour}[:material/{icon}:] {words}")
        if note.note:
            st.caption(escaped(note.note))
