"""Comments on the selected line or a moment of it, and the line's history with restoring."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from dubbing.domain.project import Edit
from dubbing.domain.review import Action
from dubbing.domain.workspace import Comment, LineView, ProjectCard, Rights
from ui.session import desk
from ui.text import t
from ui.widgets import edits as told_edits
from ui.widgets.comment_threads import mentions_marked, threads
from ui.widgets.errors import escaped, told
from ui.widgets.review_bench import Bench, again
from ui.widgets.review_data import speaker_names
from ui.widgets.times import ago, moment, timecode

_ENTRIES = 40


def comments(card: ProjectCard, held: Bench, view: LineView, rights: Rights) -> None:
    """What was said about the line, and a form to say something."""
    line = view.line.utterance
    people = desk().comments.people(card.id, held.language)
    if rights.may(Action.COMMENT):
        _new(card, held, line.id, people)
    said = desk().comments.all(card.id, language=held.language, utterance_id=line.id)
    with_resolved = any(one.resolved_at for one in said) and st.toggle(t("review.comments.show_resolved"),
                                                                         key="review_resolved")
    shown = [talk for talk in threads(said) if with_resolved or talk[0].resolved_at is None]
    if not shown:
        st.caption(t("review.comments.none"))
    for first, answers in shown:
        with st.container(border=True, key=f"talk_{first.id}", gap="xsmall"):
            for one in (first, *answers):
                _one(card, held, one, people)
            if rights.may(Action.COMMENT):
                _answering(card, held, first)


def _new(card: ProjectCard, held: Bench, line: str, people: Sequence[str]) -> None:
    at = held.comment_at_ms
    with st.form(f"comment_{line}", clear_on_submit=True, border=False):
        text = st.text_area(t("review.comments.new"), key=f"comment_text_{line}", height=80)
        mentioned = st.multiselect(t("review.comments.mention"), [one for one in people if one != desk().person.login],
                                   key=f"comment_who_{line}", format_func=lambda one: f"@{one}")
        timed = at is not None and st.checkbox(t("review.comments.at", time=timecode(at)), value=True,
                                               key=f"comment_at_{line}_{at}")
        sent = st.form_submit_button(t("review.comments.send"), icon=":material/send:", key=f"comment_send_{line}")
    if sent and text.strip():
        names = " ".join(f"@{one}" for one in mentioned if f"@{one}" not in text)
        with told() as outcome:
            desk().comments.add(card.id, f"{names} {text}".strip(), language=held.language, utterance_id=line,
                                at_ms=at if timed else None)
        if outcome.is_ok:
            held.comment_at_ms = None
            again()


def _one(card: ProjectCard, held: Bench, one: Comment, people: Sequence[str]) -> None:
    st.html(f'<strong>{escape(one.actor)}</strong> <span class="dw-quiet" title="{escape(moment(one.created_at))}">'
            f"{escape(ago(one.created_at))}</span><div>{mentions_marked(one.text, people)}</div>")
    if one.at_ms is not None and st.button(t("review.comments.play", time=timecode(one.at_ms)), key=f"seek_{one.id}",
                                           type="tertiary", icon=":material/play_arrow:"):
        held.tell(None, seek=one.at_ms)
        again()
    if one.resolved_at is not None:
        st.caption(f":material/check: {escaped(t('review.comments.resolved', who=one.resolved_by))}")


def _answering(card: ProjectCard, held: Bench, first: Comment) -> None:
    is_settled = first.resolved_at is not None
    with st.container(horizontal=True):
        if not is_settled:
            with st.popover(t("review.comments.answer"), icon=":material/reply:", type="tertiary",
                            key=f"answer_{first.id}"):
                text = st.text_area(t("review.comments.answer"), key=f"answer_text_{first.id}", height=80)
                if st.button(t("review.comments.send"), key=f"answer_send_{first.id}") and text.strip():
                    with told() as outcome:
                        desk().comments.add(card.id, text, language=first.language or held.language,
                                            utterance_id=first.utterance_id, answers_id=first.id)
                    if outcome.is_ok:
                        again()
        label = t("review.comments.reopen") if is_settled else t("review.comments.resolve")
        if st.button(label, key=f"resolve_{first.id}", type="tertiary",
                     icon=":material/undo:" if is_settled else ":material/check:"):
            with told() as outcome:
                desk().comments.resolve(first.id, not is_settled)
            if outcome.is_ok:
                again()


def history(card: ProjectCard, held: Bench, view: LineView) -> None:
    """Every edit of the line, newest first; what it changed can be put back."""
    found = [edit for edit in desk().activity.latest(card.id, entity_id=view.line.utterance.id, limit=_ENTRIES * 2)
             if edit.language in ("", held.language)][:_ENTRIES]
    if not found:
        st.caption(t("review.history.none"))
    names = speaker_names(held)
    for edit in found:
        with st.container(border=True, key=f"edit_{edit.id}", gap="xsmall"):
            who = escaped(edit.actor) or t("review.history.machine")
            st.markdown(f"{told_edits.icon(edit)} **{who}** :small[{ago(edit.at)}]  \n"
                        f"{escaped(told_edits.sentence(edit))}", help=moment(edit.at))
            for change in told_edits.field_changes(edit, names):
                before = f"~~{escaped(change.before)}~~ → " if change.before else ""
                st.markdown(f":small[{escaped(change.label)}:] {before}{escaped(change.after)}")
            _restoring(edit)


def _restoring(edit: Edit) -> None:
    if not desk().activity.may_restore(edit):
        return
    with st.container(horizontal=True):
        for side in told_edits.sides(edit):
            if st.button(t(f"review.history.{side}"), key=f"restore_{edit.id}_{side}", type="tertiary",
                         icon=":material/settings_backup_restore:"):
                with told() as outcome:
                    desk().activity.restore(edit.id, side)
                if outcome.is_ok:
                    st.toast(t("review.history.restored"))
                    again()
