"""The table of a manual dub: speaker, start, end, transcription, translation. Read from and written as CSV.

Studios exchange it as ``speaker,start_time,end_time,transcription,translation``; columns are found by their names, in
any order and with common synonyms, separated by commas, semicolons or tabs.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from dubbing.domain.workspace import ImportedLine
from dubbing.errors import UsageError
from dubbing.exchange.subtitles import decoded
from dubbing.media.atomic import replacing

COLUMNS = ("speaker", "start", "end", "transcription", "translation")
MOST_LINES = 20_000
_SYNONYMS = {
    "speaker": "speaker", "character": "speaker", "name": "speaker", "actor": "speaker", "voice": "speaker",
    "start": "start", "starttime": "start", "startms": "start_ms", "in": "start", "timein": "start", "tcin": "start",
    "begin": "start", "end": "end", "endtime": "end", "endms": "end_ms", "out": "end", "timeout": "end",
    "tcout": "end", "transcription": "transcription", "transcript": "transcription", "source": "transcription",
    "sourcetext": "transcription", "original": "transcription", "text": "transcription", "dialogue": "transcription",
    "translation": "translation", "target": "translation", "targettext": "translation", "dub": "translation",
    "translated": "translation",
}
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{1,2})(?:[.,](\d{1,6}))?")
_SECONDS = re.compile(r"(\d+)(?:[.,](\d{1,6}))?\s*s?")
_FORMULA = re.compile(r"'*(?:[=+@]|-[^\s-])")
_TOLD_FAULTS = 3


def parse_manual_dub(content: bytes, name: str) -> list[ImportedLine]:
    """Lines of a manual-dub table, in the file's order; ``name`` is for messages only.

    Without a row of names the columns are taken in the usual order. Times are seconds (12.5), clock times
    (00:00:12.500) or, in columns named start_ms and end_ms, milliseconds. Raises UsageError that names the lines of
    the file at fault.
    """
    text = decoded(content).replace("\0", "")
    if not text.strip():
        raise UsageError(f"{name} is empty.", _hint())
    try:
        rows = [(number, row) for number, row in _rows(text) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise UsageError(f"{name} cannot be read as a table ({error}).", _hint()) from error
    if len(rows) > MOST_LINES + 1:
        raise UsageError(f"{name} has {len(rows)} lines; at most {MOST_LINES} are taken.", "Split it.")
    if not rows:
        raise UsageError(f"{name} is empty.", _hint())
    places = _header(rows[0][1])
    if places is None:
        places = _usual(rows[0][1], name)
    else:
        rows = rows[1:]
    lines, faults = [], []
    for number, row in rows:
        try:
            line = _line(row, places)
        except ValueError as error:
            faults.append(f"line {number}: {error}")
        else:
            if line is not None:
                lines.append(line)
    if faults:
        more = f" (and {len(faults) - _TOLD_FAULTS} more)" if len(faults) > _TOLD_FAULTS else ""
        raise UsageError(f"{name}, {'; '.join(faults[:_TOLD_FAULTS])}{more}.", _hint())
    if not lines:
        raise UsageError(f"{name} holds no lines.", _hint())
    return lines


def write_manual_dub(path: Path, lines: Iterable[ImportedLine]) -> int:
    """Write lines as the same table, with clock times; returns how many were written."""
    count = 0
    with replacing(Path(path)) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for line in lines:
            writer.writerow([for_sheet(line.speaker), clock(line.start_ms), clock(line.end_ms), for_sheet(line.text),
                             for_sheet(line.translation)])
            count += 1
    return count


def clock(ms: int) -> str:
    """Milliseconds as HH:MM:SS.mmm."""
    return f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def for_sheet(text: str) -> str:
    """A cell that no spreadsheet program takes for a formula: an apostrophe goes before what would be one."""
    return f"'{text}" if _FORMULA.match(text) else text


def _rows(text: str) -> Iterable[tuple[int, list[str]]]:
    """(number of the line on which it ends, cells) of every row."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    reader = csv.reader(io.StringIO(text), delimiter=_delimiter(text))
    for row in reader:
        yield reader.line_num, row


def _delimiter(text: str) -> str:
    """The separator that cuts the first line into most cells, quoted ones left whole."""
    first = next(line for line in text.split("\n") if line.strip())

    def cells(one: str) -> int:
        return len(next(csv.reader([first], delimiter=one), []))

    return max("\t;,", key=cells)


def _header(row: Sequence[str]) -> dict[str, int] | None:
    """Where each column is, by the row of names; None when the row is none."""
    found: dict[str, int] = {}
    for place, cell in enumerate(row):
        plain = re.sub(r"[^a-z]", "", cell.lower())
        if plain in _SYNONYMS:
            found.setdefault(_SYNONYMS[plain], place)
    has_times = bool({"start", "start_ms"} & found.keys()) and bool({"end", "end_ms"} & found.keys())
    return found if has_times and {"transcription", "translation"} & found.keys() else None


def _usual(row: Sequence[str], name: str) -> dict[str, int]:
    places = {column: place for place, column in enumerate(COLUMNS) if place < len(row)}
    try:
        if len(row) < 4 or _ms(row[1]) is None or _ms(row[2]) is None:
            raise ValueError
    except ValueError:
        raise UsageError(f"{name} has no row of column names, and its columns are not in the usual order.",
                         _hint()) from None
    return places


def _line(row: Sequence[str], places: dict[str, int]) -> ImportedLine | None:
    """A row as a line; None for one without words. Raises ValueError."""

    def cell(column: str) -> str:
        place = places.get(column, len(row))
        text = " ".join(row[place].split()) if place < len(row) else ""
        # What ``for_sheet`` put there comes off again.
        return text[1:] if text[:1] == "'" and _FORMULA.match(text[1:]) else text

    text, translation = cell("transcription"), cell("translation")
    if not text and not translation:
        return None
    start, end = (_at(cell(edge), cell(f"{edge}_ms"), edge) for edge in ("start", "end"))
    if end <= start:
        raise ValueError(f"it ends ({clock(end)}) before it starts ({clock(start)})" if end < start else
                         f"it ends when it starts ({clock(start)})")
    return ImportedLine(start, end, text, cell("speaker"), translation)


def _at(given: str, given_ms: str, edge: str) -> int:
    if given_ms:
        if not given_ms.isdecimal() or len(given_ms) > 12:
            raise ValueError(f"the {edge} {given_ms!r} is no number of milliseconds")
        return int(given_ms)
    if not given:
        raise ValueError(f"it has no {edge}")
    return _ms(given)


def _ms(text: str) -> int:
    """A time in milliseconds. Raises ValueError."""
    text = text.strip()
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds, part = match.groups()
        if int(seconds) > 59 or (hours is not None and int(minutes) > 59):
            raise ValueError(f"{text!r} is no time: there are 60 minutes and seconds")
        whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    elif match := _SECONDS.fullmatch(text):
        whole, part = int(match[1]), match[2]
    elif re.fullmatch(r"\d+:\d+:\d+[:;]\d+", text):
        raise ValueError(f"{text!r} counts frames; give milliseconds (00:00:12.500)")
    else:
        raise ValueError(f"{text!r} is no time")
    if whole > 360_000:
        raise ValueError(f"{text!r} is beyond 100 hours")
    return whole * 1000 + round(int((part or "0").ljust(6, "0")) / 1000)


def _hint() -> str:
    return f"Its columns are {', '.join(COLUMNS)}; times look like 00:00:12.500 or 12.5."
