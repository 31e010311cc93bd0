"""A table of terms that people edit in place, add to by a form, bring in and take out as CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dubbing.domain.workspace import ProjectCard
from dubbing.errors import DubbingError, UsageError
from ui.sentences import said
from ui.text import t
from ui.widgets.errors import flash, nothing_here, sentence, tell, told
from ui.widgets.remarks import remark
from ui.widgets.row_tables import Row, RowChanges, TableError, from_csv, is_complete, row_changes, to_csv

_LARGEST_CSV_MB = 5
PROJECT, EVERYWHERE = "project", "everywhere"


@dataclass(frozen=True, slots=True)
class TermTable:
    """A kind of table: its columns (all texts but ``check``), what a row needs, and how rows come and go.

    ``save`` and ``delete`` raise DubbingError for what cannot be done. ``csv_out`` and ``csv_in`` (all of a file or
    nothing of it; returns the number of its rows) stand for the table's own CSV where there is a richer one.
    ``scopes`` are those that the person may use.
    """

    name: str
    columns: tuple[str, ...]
    required: tuple[str, ...]
    load: Callable[[], list[Row]]
    save: Callable[[Row], Any]
    delete: Callable[[str], Any]
    check: str = ""
    csv_out: Callable[[], bytes] | None = None
    csv_in: Callable[[bytes], int] | None = None
    scopes: tuple[str, ...] = (PROJECT, EVERYWHERE)

    @property
    def csv_columns(self) -> tuple[str, ...]:
        return (*self.columns, *([self.check] if self.check else []), "scope")

    def key(self, card: ProjectCard, language: str) -> str:
        return f"{self.name}_{card.id}_{language}"

    def add_all(self, data: bytes) -> int:
        """Add the rows of a CSV file that are not there yet; their number. Raises UsageError, and nothing is added."""
        try:
            found = [self._read(row) for row in from_csv(self.csv_columns, self.required, data)]
        except TableError as error:
            raise UsageError(t(f"glossary.csv.error.{error.reason}", line=error.line, **error.values)) from error
        known = {self._content(row) for row in self.load()}
        new = {self._content(row): row for row in found if self._content(row) not in known}
        for row in new.values():
            self.save(row)
        return len(new)

    def _read(self, row: Row) -> Row:
        """A row of a file with its scope as the table knows it."""
        everywhere = row["scope"].casefold() in (EVERYWHERE, _scope_name(EVERYWHERE).casefold())
        return {**row, "scope": EVERYWHERE if everywhere else PROJECT}

    def _content(self, row: Row) -> tuple[Any, ...]:
        return tuple(row.get(name, "") for name in self.csv_columns)


def term_editor(table: TermTable, card: ProjectCard, language: str, *, may_edit: bool) -> None:
    """The whole tab of a table. Without ``may_edit`` it is only read."""
    key = table.key(card, language)
    if may_edit:
        _add_form(table, key)
    rows = _rows(table, key)
    if not rows:
        nothing_here(t(f"glossary.{table.name}.empty"), t(f"glossary.{table.name}.empty_hint"), ":material/menu_book:")
    else:
        _grid(table, key, rows, may_edit)
    _csv(table, key, rows, language, may_edit)


def _add_form(table: TermTable, key: str) -> None:
    with st.form(f"add_{key}", clear_on_submit=True, border=False), \
            st.container(horizontal=True, vertical_alignment="bottom"):
        row: Row = {name: st.text_input(_label(table, name), key=f"add_{key}_{name}", width=210,
                                        help=_help(table, name)).strip()
                    for name in table.columns if name != "note"}
        row["scope"] = PROJECT if len(table.scopes) == 1 else st.selectbox(
            t("glossary.column.scope"), table.scopes, width=160, key=f"add_{key}_scope", format_func=_scope_name)
        sent = st.form_submit_button(t(f"glossary.{table.name}.add"), icon=":material/add:", type="primary")
    if not sent:
        return
    row = {"id": "", "note": "", **row} | ({table.check: False} if table.check else {})
    if not is_complete(row, table.required):
        sentence(t(f"glossary.{table.name}.incomplete"))
        return
    with told() as outcome:
        table.save(row)
    if outcome.is_ok:
        _forget(key)
        st.rerun()


def _rows(table: TermTable, key: str) -> list[Row]:
    """The rows, as they were when the person began to edit: what colleagues do meanwhile must not wipe that out."""
    if not _is_edited(st.session_state.get(_editor_key(key))):
        st.session_state[f"rows_{key}"] = table.load()
    return st.session_state[f"rows_{key}"]


def _is_edited(state: Any) -> bool:
    return bool(state) and any(state.get(name) for name in ("edited_rows", "added_rows", "deleted_rows"))


def _editor_key(key: str) -> str:
    return f"editor_{key}_{st.session_state.get(f'version_{key}', 0)}"


def _forget(key: str) -> None:
    """Begin anew: the next run loads the rows again and drops what was typed into the grid."""
    st.session_state[f"version_{key}"] = st.session_state.get(f"version_{key}", 0) + 1


def _grid(table: TermTable, key: str, rows: Sequence[Row], may_edit: bool) -> None:
    import pandas as pd

    names = ["id", *table.csv_columns]
    frame = pd.DataFrame([{name: row.get(name, "") for name in names} for row in rows], columns=names)
    edited = st.data_editor(
        frame, key=_editor_key(key), num_rows="dynamic" if may_edit else "fixed", disabled=not may_edit,
        hide_index=True, column_config=_columns(table), alt=t(f"glossary.{table.name}.tab"))
    if not may_edit:
        return
    changes = row_changes(rows, edited.to_dict("records"), table.required)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(t("glossary.save"), key=f"save_{key}", type="primary", icon=":material/save:",
                     disabled=not changes or bool(changes.incomplete)):
            _save(table, key, changes)
        if (changes or changes.incomplete) and st.button(t("glossary.discard"), key=f"discard_{key}"):
            _forget(key)
            st.rerun()
        remark(_changes_words(table, changes))


def _changes_words(table: TermTable, changes: RowChanges) -> str:
    if changes.incomplete:
        return t("glossary.incomplete_rows", rows=", ".join(map(str, changes.incomplete)),
                 why=t(f"glossary.{table.name}.incomplete"))
    if not changes:
        return t("glossary.grid_hint")
    parts = [t("glossary.to_save", n=len(changes.save))] if changes.save else []
    parts += [t("glossary.to_delete", n=len(changes.delete))] if changes.delete else []
    return ", ".join(parts)


def _save(table: TermTable, key: str, changes: RowChanges) -> None:
    """Write everything; where that fails halfway, what was written is not written again with the next try."""
    written = 0
    try:
        for one in changes.delete:
            table.delete(one)
            written += 1
        for row in changes.save:
            table.save(row)
            written += 1
    except DubbingError as error:
        if not written:
            tell(error)
            return
        flash(t("glossary.partly", n=written, why=said(error.message)), ":material/error:")
    else:
        flash(t("common.saved"))
    _forget(key)
    st.rerun()


def _columns(table: TermTable) -> dict[str, Any]:
    config: dict[str, Any] = {"id": None}
    for name in table.columns:
        config[name] = st.column_config.TextColumn(_label(table, name), help=_help(table, name), max_chars=255)
    if table.check:
        config[table.check] = st.column_config.CheckboxColumn(t(f"glossary.column.{table.check}"), default=False,
                                                              width="small")
    config["scope"] = st.column_config.SelectboxColumn(
        t("glossary.column.scope"), options=[PROJECT, EVERYWHERE], format_func=_scope_name, default=PROJECT,
        required=True, width="small")
    return config


def _label(table: TermTable, name: str) -> str:
    return t("glossary.column.note") if name == "note" else t(f"glossary.{table.name}.column.{name}")


def _help(table: TermTable, name: str) -> str | None:
    helped = {("terms", "target"): "glossary.terms.target_help",
              ("pronunciations", "ipa"): "glossary.pronunciations.one_of",
              ("pronunciations", "spelling"): "glossary.pronunciations.one_of"}.get((table.name, name))
    return t(helped) if helped else None


def _scope_name(scope: str) -> str:
    return t("glossary.scope.project" if scope == PROJECT else "glossary.scope.everywhere")


def _csv(table: TermTable, key: str, rows: Sequence[Row], language: str, may_edit: bool) -> None:
    data = table.csv_out() if table.csv_out else to_csv(table.csv_columns, rows)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(t("glossary.csv.out"), data, f"{table.name}.{language}.csv", "text/csv", key=f"csv_{key}",
                           icon=":material/download:", on_click="ignore", disabled=not rows)
        if may_edit:
            with st.popover(t("glossary.csv.in"), icon=":material/upload:", key=f"csv_in_{key}"):
                _import(table, key)


def _import(table: TermTable, key: str) -> None:
    """Take over the rows of a file; those that stand there already stay as they are."""
    remark(t(f"glossary.{table.name}.csv_columns"))
    version = st.session_state.get(f"version_{key}", 0)
    file = st.file_uploader(t("glossary.csv.file"), type=["csv", "tsv", "txt"], key=f"file_{key}_{version}",
                            max_upload_size=_LARGEST_CSV_MB)
    if file is None or not st.button(t("glossary.csv.do"), key=f"do_{key}", type="primary"):
        return
    with told() as outcome:
        added = (table.csv_in or table.add_all)(file.getvalue())
    if outcome.is_ok:
        _forget(key)
        flash(t("glossary.csv.added", n=added))
        st.rerun()
