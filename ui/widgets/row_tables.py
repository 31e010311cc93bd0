"""Editable tables of small records: what a person changed in one, and the same rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
#: Separators that a table may come with.
_SEPARATORS = ",;\t"


class TableError(ValueError):
    """A CSV file that cannot be read as the table; ``line`` counts from 1, 0 where it is the whole file."""

    def __init__(self, reason: str, line: int = 0, **values: Any) -> None:
        super().__init__(reason)
        self.reason, self.line, self.values = reason, line, values


@dataclass(frozen=True, slots=True)
class RowChanges:
    """Rows to write ("id" "" for a new one), ids to delete, and numbers (from 1) of rows that lack something."""

    save: tuple[Row, ...] = ()
    delete: tuple[str, ...] = ()
    incomplete: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.save) + len(self.delete)


def row_changes(before: Sequence[Row], after: Sequence[Row], required: Sequence[str]) -> RowChanges:
    """What leads from the rows that were shown to those that a person left; rows without any text are no rows.

    A row needs one of ``required`` names joined by "|" filled ("ipa|spelling" asks for either).
    """
    known = {row["id"]: tidy(row) for row in before}
    save: list[Row] = []
    incomplete: list[int] = []
    kept: set[str] = set()
    for number, raw in enumerate(after, 1):
        row = tidy(raw)
        if not any(isinstance(value, str) and value for name, value in row.items() if name not in ("id", "scope")):
            continue
        kept.add(row["id"])
        if not is_complete(row, required):
            incomplete.append(number)
        elif row != known.get(row["id"]):
            save.append(row)
    return RowChanges(tuple(save), tuple(one for one in known if one not in kept), tuple(incomplete))


def is_complete(row: Mapping[str, Any], required: Sequence[str]) -> bool:
    """Whether everything that a row needs is there; of names joined by "|" exactly one."""
    return all(sum(bool(row.get(name)) for name in names.split("|")) == 1 for names in required)


def tidy(row: Mapping[str, Any]) -> Row:
    """A row as an editor gives it back, with "" for what is empty and no blanks around texts."""
    return {name: _tidy(value) for name, value in row.items()}


def _tidy(value: Any) -> Any:
    if value is None or value != value:  # what a table has for an empty cell is not equal to itself
        return ""
    return value.strip() if isinstance(value, str) else value


def to_csv(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    """Rows as CSV in UTF-8 with a mark that spreadsheets understand; True is "yes".

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def from_csv(columns: Sequence[str], required: Sequence[str], data: bytes) -> list[Row]:
    """Rows of a CSV file (UTF-8; comma, semicolon or tab) whose first line names columns of ``columns``.

    Raises TableError: "encoding", "columns" (with ``missing``), "incomplete" (with its line) or "empty".
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError("encoding") from error
    head = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(_SEPARATORS, key=head.count))
    names = [name.strip().casefold() for name in next(reader, [])]
    missing = [wanted for wanted in required if not set(wanted.split("|")) & set(names)]
    if missing:
        raise TableError("columns", 1, missing=", ".join(missing))
    rows: list[Row] = []
    for cells in reader:
        row = {name: "" for name in columns} | {
            name: _uncell(cell) for name, cell in zip(names, cells, strict=False) if name in columns}
        if not any(row.values()):
            continue
        if not is_complete(row, required):
            raise TableError("incomplete", reader.line_num)
        rows.append({"id": "", **row})
    if not rows:
        raise TableError("empty")
    return rows


_FORMULA = ("=", "+", "-", "@")


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    text = str(value or "")
    return f"'{text}" if text.startswith(_FORMULA) else text


def _uncell(text: str) -> str:
    text = text.strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
