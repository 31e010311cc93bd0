"""Existing subtitles or a manual-dub table: read, and shown as they were understood before they are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dubbing.domain.workspace import ImportedLine
from ui import session
from ui.text import language_name, t
from ui.widgets.errors import escaped, told
from ui.widgets.times import timecode

SUFFIXES = ["srt", "vtt", "ass", "ssa", "ttml", "dfxp", "itt", "xml", "csv", "tsv", "txt"]
_ROWS_SHOWN = 200
_TABLE_PX, _ROW_PX = 300, 34


@dataclass(frozen=True, slots=True)
class Imported:
    """Lines to begin with; their translations are in ``language`` ("" where they have none)."""

    lines: tuple[ImportedLine, ...]
    language: str


def import_box(targets: Sequence[str]) -> Imported | None:
    """A place for a file of lines; what is in it once it is understood."""
    st.caption(t("new_project.lines.hint"))
    sent = st.file_uploader(t("new_project.lines.label"), type=SUFFIXES, key="new_lines")
    if sent is None:
        return None
    with told():
        lines = tuple(session.desk().projects.parse_import(sent.name, sent.getvalue()))
        language = _language(lines, targets)
        _preview(lines)
        return Imported(lines, language)
    return None


def _language(lines: Sequence[ImportedLine], targets: Sequence[str]) -> str:
    """The language of the translations; asked where it could be several."""
    if not any(line.translation for line in lines):
        return ""
    if len(targets) > 1:
        return st.selectbox(t("new_project.lines.language"), targets, format_func=language_name,
                            key="new_lines_language")
    return targets[0] if targets else ""


def _preview(lines: Sequence[ImportedLine]) -> None:
    speakers = list(dict.fromkeys(line.speaker for line in lines if line.speaker))
    translated = sum(bool(line.translation) for line in lines)
    parts = [t("new_project.lines.understood", n=len(lines)),
             t("new_project.lines.span", start=timecode(lines[0].start_ms), end=timecode(lines[-1].end_ms)),
             t("new_project.lines.speakers", names=", ".join(escaped(name) for name in speakers[:8]))
             if speakers else t("new_project.lines.no_speakers"),
             t("new_project.lines.translated", n=translated) if translated else ""]
    st.markdown(":material/check_circle: " + " · ".join(part for part in parts if part))
    columns = {"start": [timecode(line.start_ms) for line in lines[:_ROWS_SHOWN]],
               "end": [timecode(line.end_ms) for line in lines[:_ROWS_SHOWN]]}
    if speakers:
        columns["speaker"] = [line.speaker for line in lines[:_ROWS_SHOWN]]
    columns["text"] = [line.text for line in lines[:_ROWS_SHOWN]]
    if translated:
        columns["translation"] = [line.translation for line in lines[:_ROWS_SHOWN]]
    st.dataframe({t(f"new_project.lines.column.{name}"): values for name, values in columns.items()},
                 height=min(_TABLE_PX, _ROW_PX * (len(lines) + 1) + 3), row_height=_ROW_PX, hide_index=True)
    if len(lines) > _ROWS_SHOWN:
        st.caption(t("new_project.lines.first_rows", count=_ROWS_SHOWN, lines=len(lines)))
