"""Faces: who is in the picture when, whose mouth is whose, which lines are lip-synced and why others are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from dubbing.domain.review import Action
from dubbing.domain.workspace import FaceView, LineView, ProjectCard
from ui.session import desk, open_project
from ui.text import language_name, t
from ui.urls import file_url
from ui.widgets.badges import badge
from ui.widgets.choices import told_apart
from ui.widgets.drawing import drawing
from ui.widgets.errors import escaped, flash, nothing_here, told
from ui.widgets.face_plan import (
    Plan,
    face_name,
    face_rows,
    line_rows,
    note_words,
    person_name,
    reason_counts,
    reason_words,
    summary_words,
    total_words,
)
from ui.widgets.line_lists import all_lines
from ui.widgets.media import picture_html
from ui.widgets.place import line_link, may
from ui.widgets.remarks import preparing, remark
from ui.widgets.timeline import Look, legend_html, timeline_svg
from ui.widgets.times import span

#: A face lower than this share of the picture shows too little of a mouth to repaint well.
_SMALL = 0.08
_PAGE = 50
_ALL, _PAINTED, _LEFT = "all", "painted", "left"


def page() -> None:
    """The page; the shell says so where no project is open."""
    st.title(t("shell.page.faces"))
    here = open_project()
    if here is None:
        return
    card, language = here
    faces = desk().faces.all(card.id)
    if not faces:
        nothing_here(t("faces.empty"), t("faces.empty_hint"), ":material/no_accounts:")
        if card.progress and card.progress[0].lines:
            preparing(card, t("faces.prepare"))
    speakers = told_apart({one.id: person_name(one) for one in desk().speakers.all(card.id)})
    lines = all_lines(card.id, language) if language else []
    plan = desk().faces.lip_sync_plan(card.id, language) if language else {}
    if faces:
        _cards(card, faces, speakers)
    if faces or lines:
        _timeline(card, faces, speakers, lines, plan)
    if lines:
        _plan(card, language, speakers, lines, plan)


# the people -------------------------------------------------------------------------------------------------------


def _cards(card: ProjectCard, faces: Sequence[FaceView], speakers: Mapping[str, str]) -> None:
    st.subheader(t("faces.people"), anchor=False)
    remark(t("faces.people_hint"))
    allowed = may(Action.EDIT_DUB, card)
    versions = desk().files.versions(card.id)
    with st.container(horizontal=True, gap="medium"):
        for nth, face in enumerate(faces, 1):
            _face(card, nth, face, speakers, allowed, versions)


def _face(card: ProjectCard, nth: int, face: FaceView, speakers: Mapping[str, str], allowed: bool,
          versions: Mapping[str, str]) -> None:
    name = face_name(nth, face, speakers)
    with st.container(border=True, width=250, key=f"face_{nth}", gap="small"):
        if face.has_thumbnail:
            url = file_url(card.id, "face", face.id, v=versions.get(f"face/{face.id}", ""))
            st.html(picture_html(url, t("faces.picture_of", name=name)))
        st.markdown(f"**{escaped(name)}**")
        choices = ["", *speakers]
        now = face.speaker if face.speaker and face.speaker in speakers else ""
        chosen = st.selectbox(t("faces.speaker"), choices, disabled=not allowed, index=choices.index(now),
                              format_func=lambda one: speakers[one] if one else t("faces.nobody"),
                              key=f"face_speaker_{face.id}_{face.speaker}",
                              help=None if allowed else t("faces.forbidden"))
        if chosen != now:
            with told() as outcome:
                desk().faces.assign(card.id, face.id, chosen or None)
            if outcome.is_ok:
                flash(t("common.saved"))
                st.rerun()
        remark(t("faces.times", seen=total_words(face.seen), speaking=total_words(face.speaking)))
        if face.height_share < _SMALL:
            st.markdown(badge(t("faces.small"), "orange", "zoom_in"), help=t("faces.small_help"))
        if face.note:
            remark(note_words(face.note), "info")


# the timeline -----------------------------------------------------------------------------------------------------


def _timeline(card: ProjectCard, faces: Sequence[FaceView], speakers: Mapping[str, str], lines: Sequence[LineView],
              plan: Plan) -> None:
    st.subheader(t("faces.timeline"), anchor=False)
    summary = summary_words(faces, lines, plan)
    rows = [*face_rows(faces, speakers), *line_rows(lines, plan, speakers, [face.speaker for face in faces])]
    legend = legend_html([(Look.THIN, t("faces.legend.thin")), (Look.SOLID, t("faces.legend.solid")),
                          (Look.HATCHED, t("faces.legend.hatched"))])
    drawing(legend + timeline_svg(rows, card.duration_ms, summary), key="faces_timeline")
    if faces:
        with st.expander(t("faces.as_table"), icon=":material/table_rows:"):
            st.html(_spans_table(faces, speakers))


def _spans_table(faces: Sequence[FaceView], speakers: Mapping[str, str]) -> str:
    rows = [(face_name(nth, face, speakers), ", ".join(span(*one) for one in face.seen),
             ", ".join(span(*one) for one in face.speaking) or t("faces.never"))
            for nth, face in enumerate(faces, 1)]
    return _table((t("faces.column.face"), t("faces.column.seen"), t("faces.column.speaking")),
                  [[escape(cell) for cell in row] for row in rows])


# the lines --------------------------------------------------------------------------------------------------------


def _plan(card: ProjectCard, language: str, speakers: Mapping[str, str], lines: Sequence[LineView],
          plan: Plan) -> None:
    st.subheader(t("faces.plan", language=language_name(language)), anchor=False)
    painted = {view.line.utterance.id for view in lines if plan.get(view.line.utterance.id, (False, ""))[0]}
    parts = [badge(t("faces.painted", n=len(painted)), "green", "check_circle")]
    parts += [badge(f"{count} × {reason_words(reason)}", "orange", "block")
              for reason, count in reason_counts(lines, plan)]
    st.markdown(" ".join(parts))
    wanted = st.segmented_control(t("faces.show"), (_ALL, _PAINTED, _LEFT), default=_ALL, required=True,
                                  format_func=lambda one: t(f"faces.only.{one}"), key="faces_only",
                                  label_visibility="collapsed")
    shown = [view for view in lines
             if wanted == _ALL or (view.line.utterance.id in painted) == (wanted == _PAINTED)]
    if not shown:
        remark(t("faces.none_such"))
        return
    pages = -(-len(shown) // _PAGE)
    number = st.pagination(pages, key=f"faces_page_{wanted}_{pages}") if pages > 1 else 1
    st.html(_lines_table(card, language, speakers, shown[(number - 1) * _PAGE:number * _PAGE], plan))


def _lines_table(card: ProjectCard, language: str, speakers: Mapping[str, str], lines: Sequence[LineView],
                 plan: Plan) -> str:
    head = tuple(t(f"faces.column.{name}") for name in ("line", "time", "speaker", "text", "lip_sync"))
    rows = []
    for view in lines:
        one = view.line.utterance
        painted, reason = plan.get(one.id, (False, "no_take"))
        told_why = f"✓ {t('faces.yes')}" if painted else f"✕ {t('faces.no')}: {reason_words(reason)}"
        rows.append([line_link(card.id, language, one.id), escape(span(one.start_ms, one.end_ms)),
                     escape(speakers.get(one.speaker, view.speaker_name)), escape(one.text), escape(told_why)])
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of HTML cells that scrolls on its own where it is wider than the page."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="dw-scroll" tabindex="0" role="group" aria-label="{escape(head[0])}"><table class="dw-table">' \
           f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
