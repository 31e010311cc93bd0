"""What else a line could say: the texts that were weighed when it was translated, and why one was taken."""

from __future__ import annotations

import streamlit as st

from dubbing.domain.review import Action
from dubbing.domain.workspace import Alternative, LineView, ProjectCard, Rights
from ui.session import desk
from ui.text import t, texts
from ui.widgets.badges import badge, fit_badge
from ui.widgets.errors import escaped, told, why_not
from ui.widgets.review_bench import Bench, again


def alternatives(card: ProjectCard, held: Bench, view: LineView, rights: Rights) -> None:
    """The texts, best first, each with what speaks for it and a button that takes it."""
    found = desk().lines.alternatives(card.id, held.language, view.line.utterance.id)
    if not found:
        st.caption(t("review.alternatives.none"))
        return
    may = rights.may(Action.EDIT_TRANSLATION)
    if view.line.translation is not None and not any(one.is_current for one in found):
        st.caption(t("review.alternatives.edited"))
    for n, one in enumerate(found):
        with st.container(border=True, key=f"alternative_{view.line.utterance.id}_{n}", gap="xsmall"):
            marks = [fit_badge(one.fit)]
            if one.is_current:
                marks.insert(0, badge(t("review.alternatives.current"), "blue", "check"))
            st.markdown(" ".join(marks))
            st.markdown(escaped(one.text))
            st.caption(escaped(_why(one)))
            if not one.is_current and st.button(
                    t("review.alternatives.take"), key=f"alternative_take_{view.line.utterance.id}_{n}",
                    icon=":material/swap_horiz:", disabled=not may, help=why_not("review.why.role_target", may)):
                _take(card, held, view, one.text)


def _why(one: Alternative) -> str:
    """Time that it takes at the voice's own tempo, meaning, mouth and maker in a line."""
    parts = [t("review.alternatives.time", share=f"{one.tempo:.0%}"),
             t("review.alternatives.meaning", share=f"{one.meaning:.0%}")]
    if one.mouth is not None:
        parts.append(t("review.alternatives.mouth", share=f"{one.mouth:.0%}"))
    makers = texts("review.alternatives.maker")
    parts.append(makers.get(one.engine, one.engine))
    if one.how:
        known = texts("review.alternatives.how")
        parts += [known.get(how.replace(" ", "_"), how) for how in one.how.split(", ")]
    return " · ".join(parts)


def _take(card: ProjectCard, held: Bench, view: LineView, text: str) -> None:
    translation = view.line.translation
    with told() as outcome:
        desk().lines.save(card.id, held.language, view.line.utterance.id, target_text=text,
                          seen_translation=translation.revision if translation else 0)
    if outcome.is_ok:
        again()
