"""What people say about a project: comments on lines and moments, their answers, who settled them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from dubbing.domain.review import Action
from dubbing.domain.workspace import Comment, ProjectCard
from ui.session import desk
from ui.text import language_name, t
from ui.widgets.badges import badge
from ui.widgets.errors import escaped, nothing_here, sentence, told
from ui.widgets.place import line_id, line_link, may
from ui.widgets.remarks import remark
from ui.widgets.review_data import number
from ui.widgets.times import ago, moment, parse_timecode, timecode

_MENTION = re.compile(r"(?<![\w@])@([\w.\-]*\w)")


def threads(comments: Sequence[Comment]) -> list[tuple[Comment, list[Comment]]]:
    """Comments with their answers: the newest talk first, answers in the order in which they were given."""
    answers: dict[str, list[Comment]] = {}
    known = {comment.id for comment in comments}
    for comment in sorted(comments, key=lambda one: one.created_at):
        if comment.answers_id in known:
            answers.setdefault(str(comment.answers_id), []).append(comment)
    first = [comment for comment in comments if comment.answers_id not in known]
    first.sort(key=lambda one: one.created_at, reverse=True)
    return [(comment, answers.get(comment.id, [])) for comment in first]


def mentions_marked(text: str, people: Sequence[str]) -> str:
    """A comment's text as HTML that shows it as it was typed, mentions of ``people`` in bold."""
    known = {login.casefold() for login in people}
    parts, at = [], 0
    for match in _MENTION.finditer(text):
        if match[1].casefold() in known:
            parts += [escape(text[at:match.start()]), f"<strong>{escape(match[0])}</strong>"]
            at = match.end()
    return "".join((*parts, escape(text[at:]))).replace("\n", "<br>")


def comment_threads(card: ProjectCard, language: str) -> None:
    """The comments of a project, a form for a new one, answers and verdicts."""
    people = desk().comments.people(card.id)
    names = {member.login: member.name for member in card.members}
    allowed = may(Action.COMMENT, card, language)
    if allowed:
        _new(card, language, people)
    else:
        remark(t("activity.comment.forbidden"), "lock")
    with st.container(horizontal=True):
        open_only = st.toggle(t("activity.comment.open_only"), value=True, key="comments_open")
        mine = st.toggle(t("activity.comment.mine_only"), key="comments_mine")
    shown = threads(desk().comments.all(card.id))
    shown = [talk for talk in shown if (not open_only or talk[0].resolved_at is None)
             and (not mine or any(desk().person.login in one.mentions for one in (talk[0], *talk[1])))]
    if not shown:
        nothing_here(*((t("activity.comment.none_open"), t("activity.comment.none_open_hint")) if open_only or mine
                       else (t("activity.comment.empty"), t("activity.comment.empty_hint"))), ":material/forum:")
    for first, answers in shown:
        _talk(card, language, first, answers, people, names, allowed)


def _new(card: ProjectCard, language: str, people: Sequence[str]) -> None:
    with st.form("new_comment", clear_on_submit=True, border=True):
        text = st.text_area(t("activity.comment.new"), placeholder=t("activity.comment.text_hint"), height=80)
        if people:
            remark(t("activity.comment.can_mention", names=escaped(", ".join(f"@{login}" for login in people))))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            about = st.text_input(t("activity.comment.about"), placeholder=t("activity.comment.about_hint"),
                                  help=t("activity.comment.about_help"), width=220).strip()
            sent = st.form_submit_button(t("activity.comment.send"), icon=":material/send:", type="primary")
    if sent and text.strip():
        try:
            line, at_ms = place_of(about)
        except ValueError:
            sentence(t("activity.comment.about_bad", value=about), t("activity.comment.about_bad_hint"))
            return
        with told() as outcome:
            desk().comments.add(card.id, text, language=language, utterance_id=line, at_ms=at_ms)
        if outcome.is_ok:
            st.rerun()


def place_of(about: str) -> tuple[str | None, int | None]:
    """The line or the moment that a person typed; nothing typed is the video's beginning. Raises ValueError."""
    line = line_id(about)
    if line is not None:
        return line, None
    return None, parse_timecode(about) if about else 0


def _talk(card: ProjectCard, language: str, first: Comment, answers: Sequence[Comment], people: Sequence[str],
          names: Mapping[str, str], allowed: bool) -> None:
    """One comment, its answers, and what can be done with it."""
    with st.container(border=True, gap="small", key=f"talk_{first.id}"):
        _said(first, people, names, _about_html(card, language, first))
        for answer in answers:
            _said(answer, people, names)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            settled = first.resolved_at is not None
            st.markdown(badge(t("activity.comment.resolved_by", name=names.get(first.resolved_by, first.resolved_by)),
                              "green", "check_circle") if settled
                        else badge(t("activity.comment.open_badge"), "blue", "chat_bubble"), width="content")
            if allowed:
                _verdict(first)
                if not settled:
                    _answer(card, language, first)


def _about_html(card: ProjectCard, language: str, comment: Comment) -> str:
    """What a comment is about: a link to its line, a moment, a language."""
    where = comment.language if comment.language in card.targets else language
    about = []
    if comment.utterance_id:
        shown = t("activity.line", id=number(comment.utterance_id))
        about.append(line_link(card.id, where, comment.utterance_id, shown))
    if comment.at_ms is not None:
        about.append(timecode(comment.at_ms)[:-2])
    if comment.language:
        about.append(escape(language_name(comment.language)))
    return " · ".join(about)


def _said(comment: Comment, people: Sequence[str], names: Mapping[str, str], about: str = "") -> None:
    """Who said it, when, about what, and what; one's own words can be edited. Answers stand further in."""
    facts = [f'<time datetime="{comment.created_at.isoformat()}" title="{escape(moment(comment.created_at))}">'
             f"{escape(ago(comment.created_at))}</time>"]
    facts += [t("activity.comment.edited")] if comment.edited_at is not None else []
    facts += [about] if about else []
    inset = "" if about else "border-left:3px solid var(--dw-line);padding-left:.8rem;margin-left:.3rem"
    with st.container(horizontal=True, vertical_alignment="top"):
        st.html(f'<div style="{inset}"><strong>{escape(names.get(comment.actor, comment.actor))}</strong> '
                f'<span class="dw-quiet" style="font-size:.875rem">· {" · ".join(facts)}</span>'
                f'<div style="margin-top:.2rem">{mentions_marked(comment.text, people)}</div></div>')
        if comment.actor == desk().person.login:
            with st.popover(t("activity.comment.edit"), icon=":material/edit:", type="tertiary",
                            key=f"edit_comment_{comment.id}"):
                _edit(comment)


def _edit(comment: Comment) -> None:
    text = st.text_area(t("activity.comment.text"), comment.text, key=f"text_{comment.id}")
    if st.button(t("common.save"), key=f"save_{comment.id}", type="primary") and text.strip():
        with told() as outcome:
            desk().comments.edit(comment.id, text)
        if outcome.is_ok:
            st.rerun()


def _verdict(first: Comment) -> None:
    settled = first.resolved_at is not None
    if st.button(t("activity.comment.reopen" if settled else "activity.comment.resolve"), key=f"resolve_{first.id}",
                 type="tertiary", icon=":material/undo:" if settled else ":material/check:"):
        with told() as outcome:
            desk().comments.resolve(first.id, not settled)
        if outcome.is_ok:
            st.rerun()


def _answer(card: ProjectCard, language: str, first: Comment) -> None:
    with st.popover(t("activity.comment.answer"), icon=":material/reply:", type="tertiary", key=f"answer_{first.id}"):
        text = st.text_area(t("activity.comment.answer"), key=f"answer_text_{first.id}",
                            placeholder=t("activity.comment.text_hint"))
        if st.button(t("activity.comment.send"), key=f"answer_send_{first.id}", type="primary") and text.strip():
            with told() as outcome:
                desk().comments.add(card.id, text, language=first.language or language, answers_id=first.id,
                                    utterance_id=first.utterance_id, at_ms=first.at_ms)
            if outcome.is_ok:
                st.rerun()
