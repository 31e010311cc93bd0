"""Activity: who changed what and when, with everything before and after; comments on the project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from html import escape

import streamlit as st

from dubbing.domain.project import Edit
from dubbing.domain.workspace import ProjectCard
from ui.session import desk, open_project
from ui.text import language_name, t
from ui.widgets import dialogs
from ui.widgets import edits as words
from ui.widgets.comment_threads import comment_threads
from ui.widgets.errors import flash, nothing_here, told
from ui.widgets.place import line_id, line_link
from ui.widgets.remarks import remark
from ui.widgets.review_data import number
from ui.widgets.times import moment
from ui.widgets.word_diff import diff_html

_STEP, _PIECE = 100, 500
_LIMIT, _FILTERS = "activity_limit", ("activity_person", "activity_kind", "activity_language", "activity_line")
_EVERY = "*"
_MACHINE = ""
_META = "color:var(--dw-quiet);font-size:.875rem"


def page() -> None:
    """The page; the shell says so where no project is open."""
    st.title(t("shell.page.activity"))
    here = open_project()
    if here is None:
        return
    card, language = here
    history, comments = st.tabs([t("activity.tab_history"), t("activity.tab_comments")])
    with history, told():
        _history(card, language)
    with comments, told():
        comment_threads(card, language)


def _history(card: ProjectCard, language: str) -> None:
    names = {member.login: member.name for member in card.members}
    actor, kind, of_language, line = _filters(card, names)
    limit = st.session_state.get(_LIMIT, _STEP)
    found = _latest(card, limit + 1, entity=kind, entity_id=line, actor=actor, language=of_language)
    if not found:
        _nothing(any(value is not None for value in (actor, kind, of_language, line)))
        return
    shown = [edit for edit in found[:limit] if words.is_worth_telling(edit)]
    speakers = {view.id: view.name for view in desk().speakers.all(card.id)}
    for day, runs in words.by_day(shown, {edit.id: _day(edit.at) for edit in shown}):
        st.subheader(_day_name(day), anchor=False)
        with st.container(gap="small"):
            for run in runs:
                _run(card, language, run, names, speakers)
    for edit in shown:
        if edit.id == dialogs.asked("restore"):
            dialogs.show(t("activity.restore.title"), _restore, edit, names, speakers, width="medium")
    if len(found) > limit and st.button(t("activity.older"), icon=":material/expand_more:"):
        st.session_state[_LIMIT] = limit + _STEP
        st.rerun()


def _latest(card: ProjectCard, limit: int, **wanted: str | None) -> list[Edit]:
    """The newest entries, however many there are: asked for in pieces, each going on after the last."""
    found: list[Edit] = []
    while len(found) < limit:
        asked = min(_PIECE, limit - len(found))
        piece = desk().activity.latest(card.id, **wanted, before_id=found[-1].id if found else None, limit=asked)
        found += piece
        if len(piece) < asked:
            break
    return found


def _filters(card: ProjectCard, names: Mapping[str, str]) -> tuple[str | None, str | None, str | None, str | None]:
    """What is wanted: actor ("" the machine), kind, language and line; None where everything is."""
    people = dict.fromkeys((*names, desk().person.login, *desk().comments.people(card.id)))
    if "line" in st.query_params and "activity_line" not in st.session_state:
        st.session_state["activity_line"] = st.query_params["line"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        actor = st.selectbox(t("activity.filter.person"), (_EVERY, *people, _MACHINE), key="activity_person",
                             format_func=lambda login: _person_name(login, names), width=220)
        kind = st.selectbox(t("activity.filter.kind"), (_EVERY, *words.KINDS), key="activity_kind", width=220,
                            format_func=lambda value: t("activity.filter.every_kind") if value == _EVERY
                            else t(f"activity.kind.{value}"))
        language = st.selectbox(t("activity.filter.language"), (_EVERY, *card.targets), key="activity_language",
                                format_func=lambda code: t("activity.filter.every_language") if code == _EVERY
                                else language_name(code), width=200)
        line = st.text_input(t("activity.filter.line"), key="activity_line", width=140,
                             placeholder=t("activity.filter.line_hint"), help=t("activity.filter.line_help")).strip()
    return (None if actor == _EVERY else actor, None if kind == _EVERY else kind,
            None if language == _EVERY else language, (line_id(line) or line) if line else None)


def _person_name(login: str, names: Mapping[str, str]) -> str:
    if login == _EVERY:
        return t("activity.filter.everybody")
    return t("activity.machine") if login == _MACHINE else names.get(login, login)


def _nothing(filtered: bool) -> None:
    if not filtered:
        nothing_here(t("activity.empty"), t("activity.empty_hint"), ":material/history:")
        return
    nothing_here(t("activity.no_match"), t("activity.no_match_hint"), ":material/filter_alt_off:")
    st.button(t("activity.clear"), icon=":material/close:", on_click=_clear)


def _clear() -> None:
    for key in (*_FILTERS, _LIMIT):
        st.session_state.pop(key, None)
    st.query_params.pop("line", None)
    st.session_state["activity_line"] = ""


def _run(card: ProjectCard, language: str, run: Sequence[Edit], names: Mapping[str, str],
         speakers: Mapping[str, str]) -> None:
    """One entry, or a long run of the same told as one that opens."""
    if len(run) == 1:
        _entry(card, language, run[0], names, speakers)
        return
    with st.container(border=True, gap="xsmall"):
        st.html(_head(run[0], escape(words.run_sentence(run, speakers)), names))
        with st.expander(t("activity.show_all")):
            for edit in run:
                _entry(card, language, edit, names, speakers, boxed=False)


def _entry(card: ProjectCard, language: str, edit: Edit, names: Mapping[str, str], speakers: Mapping[str, str], *,
           boxed: bool = True) -> None:
    with st.container(border=boxed, horizontal=True, vertical_alignment="top", key=f"edit_{edit.id}"):
        st.html(_head(edit, _sentence_html(card, language, edit, speakers), names) + _changes_html(edit, speakers))
        if words.can_restore(edit):
            allowed = bool(_sides(edit))
            st.button(t("activity.restore.button"), key=f"restore_{edit.id}", type="tertiary",
                      icon=":material/settings_backup_restore:", disabled=not allowed,
                      help=None if allowed else t("activity.restore.forbidden"),
                      on_click=dialogs.ask, args=("restore", edit.id))


def _head(edit: Edit, sentence_html: str, names: Mapping[str, str]) -> str:
    """Who did what, in which language, when: one line of HTML."""
    language = f" · {escape(language_name(edit.language))}" if edit.language else ""
    return (f'<div><strong>{escape(_person_name(edit.actor, names))}</strong> {sentence_html} '
            f'<span style="{_META}">{language} · <time datetime="{edit.at.isoformat()}">'
            f'{escape(moment(edit.at)[-5:])}</time></span></div>')


def _sentence_html(card: ProjectCard, language: str, edit: Edit, speakers: Mapping[str, str]) -> str:
    """The sentence of an entry with its line as a link to the review page."""
    text = escape(words.sentence(edit, speakers))
    line = words.line_of(edit)
    where = edit.language if edit.language in card.targets else language
    if not line:
        return text
    shown = t("activity.line", id=number(line))
    return text.replace(shown, line_link(card.id, where, line, shown), 1)


def _changes_html(edit: Edit, speakers: Mapping[str, str]) -> str:
    """Every field: texts word by word, other values before → after."""
    rows = "".join(_change_html(change) for change in words.field_changes(edit, speakers))
    return f'<div style="margin-top:.35rem;line-height:1.65">{rows}</div>' if rows else ""


def _change_html(change: words.FieldChange) -> str:
    label = f'<span style="{_META}">{escape(change.label)}</span> ' if change.label else ""
    if change.is_text:
        return f"<div>{label}{diff_html(change.before, change.after)}</div>"
    old, new = (escape(value or t("activity.nothing")) for value in (change.before, change.after))
    arrow = f'<span role="img" aria-label="{escape(t("activity.became"))}">→</span>'
    return f"<div>{label}{old} {arrow} <strong>{new}</strong></div>" if change.before else \
        f"<div>{label}<strong>{new}</strong></div>"


def _restore(edit: Edit, names: Mapping[str, str], speakers: Mapping[str, str]) -> None:
    """Ask which state should stand again, then put it back. Runs in a dialog."""
    st.html(_head(edit, escape(words.sentence(edit, speakers)), names) + _changes_html(edit, speakers))
    side = st.radio(t("activity.restore.which"), _sides(edit),
                    format_func=lambda one: t("activity.restore.before" if one == "before"
                                              else "activity.restore.after"))
    remark(t("activity.restore.note"))
    if dialogs.answer(t("activity.restore.do"), "restore"):
        with told() as outcome:
            desk().activity.restore(edit.id, side=side)
        if outcome.is_ok:
            dialogs.close()
            flash(t("activity.restore.done"))
            st.rerun()


def _sides(edit: Edit) -> list[words.Side]:
    """Which states of an entry this person may put back."""
    return [side for side in words.sides(edit) if desk().activity.may_restore(edit, side)]


def _day(at: datetime) -> date:
    return date.fromisoformat(moment(at, with_time=False))


def _day_name(day: date) -> str:
    today = _day(datetime.now(UTC))
    if day == today:
        return t("activity.today")
    return t("activity.yesterday") if day == today - timedelta(days=1) else day.isoformat()
