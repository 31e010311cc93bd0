"""Find and replace over all lines of a language: a dialog that shows what would change before it does."""

from __future__ import annotations

import streamlit as st

from dubbing.domain.review import Action, Layer
from dubbing.domain.workspace import ProjectCard, Rights
from ui.session import desk
from ui.text import t
from ui.widgets.errors import flash, told, why_not
from ui.widgets.review_bench import Bench
from ui.widgets.review_data import number

#: Rows of the preview.
_SHOWN = 200


def find_and_replace(card: ProjectCard, held: Bench, rights: Rights) -> None:
    """Open the dialog."""
    st.dialog(t("review.replace"), width="large")(_dialog)(card, held, rights)


def _dialog(card: ProjectCard, held: Bench, rights: Rights) -> None:
    left, right = st.columns(2)
    find = left.text_input(t("review.find.find"), key="find_what")
    replacement = right.text_input(t("review.find.with"), key="find_with")
    with st.container(horizontal=True):
        source = st.checkbox(t("review.find.source"), key="find_source")
        target = st.checkbox(t("review.find.target"), value=True, key="find_target")
        match_case = st.checkbox(t("review.find.match_case"), key="find_case")
        whole_words = st.checkbox(t("review.find.whole_words"), key="find_words")
    if not find or not (source or target):
        return
    how = {"source": source, "target": target, "match_case": match_case, "whole_words": whole_words}
    with told() as outcome:
        found = desk().lines.find(card.id, held.language, find, replacement, **how)
    if not outcome.is_ok:
        return
    if not found:
        st.info(t("review.find.none"))
        return
    changing = [one for one in found if not one.skipped]
    words = [t("review.find.preview", n=len(changing))]
    if len(found) > len(changing):
        words.append(t("review.find.skipped", n=len(found) - len(changing)))
    st.markdown(f"**{' · '.join(words)}**")
    st.dataframe([{t("review.find.line"): number(one.utterance_id),
                   t("review.layer"): t(f"common.layer.{one.layer.value}"), t("review.find.before"): one.before,
                   t("review.find.after"): t(f"review.find.why_{one.skipped}") if one.skipped else one.after}
                  for one in found[:_SHOWN]], hide_index=True, height=320)
    if len(found) > _SHOWN:
        st.caption(t("review.find.shown", n=_SHOWN))
    allowed = all(rights.may(action) for action in _needed(source, target))
    reason = why_not("review.why.role", allowed)
    if st.button(t("review.find.do"), type="primary", icon=":material/find_replace:", key="find_do", help=reason,
                 disabled=not (allowed and changing)):
        with told() as outcome:
            done = desk().lines.replace(card.id, held.language, find, replacement, **how)
        if outcome.is_ok:
            flash(t("review.find.done", n=sum(not one.skipped for one in done)))
            st.rerun()


def _needed(source: bool, target: bool) -> list[Action]:
    actions = {Layer.TRANSCRIPT: Action.EDIT_TRANSCRIPT, Layer.TRANSLATION: Action.EDIT_TRANSLATION}
    return [actions[layer] for layer, wanted in ((Layer.TRANSCRIPT, source), (Layer.TRANSLATION, target)) if wanted]
