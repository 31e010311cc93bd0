"""A new project: the video, what the pre-flight has to say of it, and how it is to be dubbed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from dubbing.api import DubOptions
from ui import session, shell
from ui.components.uploader import uploader
from ui.navigation import go_to
from ui.text import language_name, languages, t
from ui.widgets.engines import engine_choices
from ui.widgets.errors import flash, nothing_here, told
from ui.widgets.imports import Imported, import_box
from ui.widgets.preflight import Checked, preflight_box

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v", ".webm", ".avi", ".mxf", ".ts", ".m2ts", ".mpg", ".mpeg", ".wmv")
SOUND_SUFFIXES = (".wav", ".flac", ".m4a", ".mp3", ".ogg", ".aac", ".mp4", ".mov", ".mkv")
#: More voices than that are told apart by listening, not by a number given in advance.
MOST_SPEAKERS = 20


@dataclass(frozen=True, slots=True)
class Source:
    """The video: an upload's id or a path on the server, and what people call the file."""

    reference: str
    name: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """How it is to be dubbed."""

    name: str
    options: DubOptions | None
    lines: Imported | None
    m_and_e: str | None
    series: str


def page() -> None:
    """One page from top to bottom; nothing is computed before the person says so, but the pre-flight."""
    st.title(t("new_project.title"))
    if not session.desk().seat.may_create:
        nothing_here(t("new_project.forbidden"), t("new_project.forbidden_hint"), ":material/lock:")
        return
    left, right = st.columns(2, gap="large")
    with left:
        source = _video()
    with right:
        st.subheader(t("new_project.check.title"))
        checked = preflight_box(source.reference) if source else None
        if source is None:
            st.caption(t("new_project.check.nothing"))
    _create(source, checked, _wishes(source))


# the video --------------------------------------------------------------------------------------------------------


def _video() -> Source | None:
    st.subheader(t("new_project.video.title"))
    way = st.segmented_control(t("new_project.video.way"), ("upload", "server"), default="upload", required=True,
                               key="new_way", label_visibility="collapsed",
                               format_func=lambda one: t(f"new_project.video.{one}"))
    if way == "server":
        return _server_file()
    sent = uploader(t("new_project.video.label"), key="new_video", accept=VIDEO_SUFFIXES,
                    hint=t("new_project.video.hint"))
    return Source(sent.id, sent.name) if sent else None


def _server_file() -> Source | None:
    """A file that lies on the server: one of the folders to import from, or any for the only user of a laptop."""
    with told():
        files = session.desk().projects.server_files()
        if files:
            chosen = st.selectbox(t("new_project.video.file"), files, index=None, key="new_server_file",
                                  placeholder=t("new_project.video.choose"))
            if chosen:
                return Source(chosen, Path(chosen).name)
        if not session.doors().is_single_user:
            if not files:
                st.info(t("new_project.video.no_folders"), icon=":material/info:")
            return None
        typed = st.text_input(t("new_project.video.path"), key="new_server_path",
                              placeholder="/home/…/interview.mp4").strip()
        if typed:
            path = session.desk().projects.allowed_path(typed)
            return Source(str(path), path.name)
    return None


# what is wished ---------------------------------------------------------------------------------------------------


def _wishes(source: Source | None) -> Wishes:
    must, can = st.columns(2, gap="large")
    with must:
        name, targets, known = _needed(source)
    with can:
        st.subheader(t("new_project.optional.title"))
        with st.expander(t("new_project.lines.title"), icon=":material/subtitles:"):
            lines = import_box(targets)
        with st.expander(t("new_project.sound.title"), icon=":material/graphic_eq:"):
            st.caption(t("new_project.sound.hint"))
            sound = uploader(t("new_project.sound.label"), key="new_sound", purpose="m_and_e", accept=SOUND_SUFFIXES)
        series = _series()
        special = _advanced()
    options = DubOptions(targets=tuple(targets), **known, **special) if targets else None
    return Wishes(name, options, lines, sound.id if sound else None, series)


def _series() -> str:
    """The series that the video belongs to; "" for none."""
    with told():
        return st.selectbox(t("settings.project.series"), session.desk().series.names(), index=None, key="new_series",
                            placeholder=t("settings.project.series_hint"), help=t("settings.project.series_help"),
                            accept_new_options=True) or ""
    return ""


def _needed(source: Source | None) -> tuple[str, list[str], dict[str, Any]]:
    """(name, target languages, what is known of the video) as ``DubOptions`` call it."""
    st.subheader(t("new_project.wishes.title"))
    # Another video proposes another name; what was typed for the first one is not for the second.
    proposed = Path(source.name).stem if source else ""
    name = st.text_input(t("new_project.wishes.name"), value=proposed, key=f"new_name_{proposed}")
    known = languages()
    first, second = st.columns(2)
    spoken = first.selectbox(t("new_project.wishes.source"), ["", *known], key="new_source",
                             format_func=lambda code: known[code] if code else t("new_project.wishes.listen"))
    speakers = second.selectbox(t("new_project.wishes.speakers"), [0, *range(1, MOST_SPEAKERS + 1)],
                                key="new_speakers", help=t("new_project.wishes.speakers_help"),
                                format_func=lambda n: str(n) if n else t("new_project.wishes.count_them"))
    targets = st.multiselect(t("new_project.wishes.targets"), [code for code in known if code != spoken],
                             format_func=language_name, key="new_targets",
                             placeholder=t("new_project.wishes.choose_targets"))
    return name, targets, {"source": spoken or None, "speakers": speakers or None}


def _advanced() -> dict[str, Any]:
    """Options that few change; engines are looked for only once somebody opens this."""
    box = st.expander(t("new_project.advanced.title"), icon=":material/tune:", on_change="rerun", key="new_advanced")
    if not (box.open or st.session_state.get("new_advanced_seen")):
        return {}
    st.session_state["new_advanced_seen"] = True
    with box:
        chosen: dict[str, Any] = dict(engine_choices("new"))
        chosen["keep_original"] = st.toggle(t("new_project.advanced.keep_original"), key="new_keep",
                                            help=t("new_project.advanced.keep_original_help"))
    return chosen


# making it --------------------------------------------------------------------------------------------------------


def _create(source: Source | None, checked: Checked | None, wishes: Wishes) -> None:
    reason = _missing(source, checked, wishes)
    with st.container(horizontal=True, vertical_alignment="center", key="new_buttons"):
        starts = st.button(t("new_project.create.start"), type="primary", icon=":material/play_arrow:",
                           disabled=bool(reason), key="new_start")
        creates = st.button(t("new_project.create.only"), disabled=bool(reason), key="new_create",
                            help=t("new_project.create.only_help"))
    if reason:
        st.caption(f":material/info: {reason}")
    if source is not None and wishes.options is not None and (starts or creates):
        _made(source, wishes, wishes.options, run=starts)


def _missing(source: Source | None, checked: Checked | None, wishes: Wishes) -> str:
    """What is still to be given before a project can be made; "" when all is there."""
    if source is None:
        return t("new_project.create.needs_video")
    if checked is not None and checked.blocking:
        return t("new_project.create.blocked")
    if not wishes.name.strip():
        return t("new_project.create.needs_name")
    if wishes.options is None:
        return t("new_project.create.needs_targets")
    if wishes.lines and not wishes.options.source:
        # Nobody listens to a video whose lines are there: terms and memory would not know their language.
        return t("new_project.create.needs_source")
    return ""


def _made(source: Source, wishes: Wishes, options: DubOptions, *, run: bool) -> None:
    with told() as outcome, st.spinner(t("new_project.create.working")):
        lines = wishes.lines
        project = session.desk().projects.create(
            wishes.name, source.reference, options, lines=lines.lines if lines else (),
            lines_language=lines.language if lines else "", m_and_e_upload_id=wishes.m_and_e,
            series=wishes.series, run=run)
    if outcome.is_ok:
        flash(t("new_project.create.made", name=project.name))
        shell.forget()
        go_to("projects", project=project.id)
