"""The dubbing script: what every character says and when, as CSV for people, and as a manual-dub table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from dubbing.domain.marks import shown
from dubbing.domain.project import Line
from dubbing.domain.review import Layer
from dubbing.domain.workspace import ImportedLine
from dubbing.exchange.manual_dub import clock, for_sheet
from dubbing.exchange.subtitles import Cue

COLUMNS = ("line", "in", "out", "character", "original", "dialogue", "camera", "dub", "stale", "comments")
CHARACTER_COLUMNS = ("character", "lines", "words", "seconds", "first", "last")


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """A line of the script. ``heard_until_ms`` is where its take ends, or else the original."""

    id: str
    start_ms: int
    end_ms: int
    heard_until_ms: int
    character: str
    source_text: str
    target_text: str
    on_camera: bool | None
    state: str
    is_stale: bool
    comments: tuple[str, ...] = ()


def script_lines(lines: Sequence[Line], names: Mapping[str, str], on_camera: Mapping[str, bool],
                 comments: Mapping[str, Sequence[str]]) -> list[ScriptLine]:
    """Lines of a language in order of time. ``names`` by speaker, the rest by utterance id; ``on_camera`` is what
    the tracker saw, a person's own mark wins."""
    made = []
    for line in lines:
        utterance, take = line.utterance, line.take
        seen = utterance.on_camera if utterance.on_camera is not None else on_camera.get(utterance.id)
        made.append(ScriptLine(
            utterance.id, utterance.start_ms, utterance.end_ms,
            utterance.start_ms + take.duration_ms if take is not None and take.duration_ms else utterance.end_ms,
            names.get(utterance.speaker, utterance.speaker), utterance.text,
            line.translation.text if line.translation is not None else "", seen, line.states[Layer.DUB].value,
            line.translation_is_stale or line.take_is_stale, tuple(comments.get(utterance.id, ()))))
    return made


def cues(lines: Sequence[ScriptLine], of: str) -> list[Cue]:
    """Subtitles of the "source" or the "target" text; the latter stay as long as the dub is heard.

    Of a text's marks they show the sounds: what pauses and is emphasised is for voices.
    """
    if of == "source":
        return [Cue(line.start_ms, line.end_ms, shown(line.source_text), line.character) for line in lines]
    return [Cue(line.start_ms, line.heard_until_ms, shown(line.target_text), line.character) for line in lines]


def script_files(lines: Sequence[ScriptLine]) -> list[tuple[str, bytes]]:
    """(name, content) of the whole script, of one for each character, and of the list of characters."""
    by_character = {name: list(group) for name, group in
                    groupby(sorted(lines, key=lambda line: line.character), key=lambda line: line.character)}
    files = [("script.csv", _table(COLUMNS, [_row(line) for line in lines])),
             ("characters.csv", _table(CHARACTER_COLUMNS, [_summary(name, own) for name, own in by_character.items()]))]
    taken: set[str] = set()
    for name, own in by_character.items():
        files.append((f"characters/{_file_name(name, taken)}.csv", _table(COLUMNS, [_row(line) for line in own])))
    return files


def imported_lines(lines: Sequence[ScriptLine]) -> list[ImportedLine]:
    """The same lines as a manual-dub table holds them."""
    return [ImportedLine(line.start_ms, line.end_ms, line.source_text, line.character, line.target_text)
            for line in lines]


def _row(line: ScriptLine) -> list[str]:
    camera = "" if line.on_camera is None else "on" if line.on_camera else "off"
    return [line.id, clock(line.start_ms), clock(line.end_ms), line.character, line.source_text, line.target_text,
            camera, line.state, "stale" if line.is_stale else "", " | ".join(line.comments)]


def _summary(name: str, lines: Sequence[ScriptLine]) -> list[str]:
    words = sum(len(re.findall(r"\w+", line.target_text or line.source_text)) for line in lines)
    seconds = sum(line.end_ms - line.start_ms for line in lines) / 1000
    return [name, str(len(lines)), str(words), f"{seconds:.1f}", clock(min(line.start_ms for line in lines)),
            clock(max(line.end_ms for line in lines))]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """CSV in UTF-8 with its mark: without it spreadsheet programs take it for something else."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([for_sheet(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _file_name(name: str, taken: set[str]) -> str:
    plain = re.sub(r"[^\w .-]+", "_", name).strip(" ._")[:60] or "character"
    found, n = plain, 2
    while found.casefold() in taken:
        found, n = f"{plain} {n}", n + 1
    taken.add(found.casefold())
    return found
