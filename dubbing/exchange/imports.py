"""Lines that come from elsewhere: subtitles or a manual-dub table, for a new project."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dubbing.domain.speech import SpokenLine
from dubbing.domain.workspace import ImportedLine
from dubbing.errors import StorageError, UsageError
from dubbing.exchange.manual_dub import MOST_LINES, parse_manual_dub
from dubbing.exchange.subtitles import decoded, parse_subtitles
from dubbing.exchange.ttml import parse_ttml

MOST_BYTES = 20_000_000
TABLES, TIMED_TEXT = (".csv", ".tsv", ".txt"), (".ttml", ".dfxp", ".xml", ".itt")
SUBTITLES = (".srt", ".vtt", ".ass", ".ssa")
#: The speaker of imported lines that nobody named, until it is heard who speaks them.
UNNAMED = "S0"
_TIMING = re.compile(r"^\s*(\S+)\s*-->\s*(\S+)")
_TIME = re.compile(r"(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}")


def parse_import(name: str, content: bytes) -> list[ImportedLine]:
    """Lines of a file by its name's ending: .srt, .vtt, .ass, .ttml, or a manual-dub table as .csv, .tsv or .txt.

    Subtitles carry no translation; speakers are kept where the format has them. Raises UsageError or MediaError with
    the line of the file that cannot be understood.
    """
    shown, suffix = Path(name.replace("\\", "/")).name or "The file", Path(name).suffix.lower()
    if len(content) > MOST_BYTES:
        raise UsageError(f"{shown} is larger than {MOST_BYTES // 1_000_000} MB.", "Give a file of text only.")
    if suffix in TABLES:
        return sorted(parse_manual_dub(content, shown), key=lambda line: (line.start_ms, line.end_ms))
    if suffix in TIMED_TEXT:
        cues = parse_ttml(content, shown)
    elif suffix in SUBTITLES:
        if suffix in (".srt", ".vtt"):
            _check_timings(decoded(content), shown)
        cues = parse_subtitles(content, shown)
    else:
        raise UsageError(f"{shown} is of no kind that is known here.",
                         f"Give {', '.join((*SUBTITLES, '.ttml'))}, or a table as .csv.")
    lines = [ImportedLine(max(0, cue.start_ms), cue.end_ms, " ".join(cue.text.split()), cue.speaker.strip())
             for cue in cues if cue.end_ms > max(0, cue.start_ms)]
    if not lines:
        raise UsageError(f"{shown} holds no lines.", "Check that it is the right file.")
    if len(lines) > MOST_LINES:
        raise UsageError(f"{shown} has {len(lines)} lines; at most {MOST_LINES} are taken.", "Split it.")
    return lines


def spoken_lines(lines: Sequence[ImportedLine]) -> tuple[list[SpokenLine], dict[str, str]]:
    """(lines under speaker ids, name by id): S1, S2, … as they appear, ``UNNAMED`` where nobody is named."""
    ids: dict[str, str] = {}
    names: dict[str, str] = {}
    spoken = []
    for line in lines:
        key = " ".join(line.speaker.split()).casefold()
        if key and key not in ids:
            ids[key] = f"S{len(ids) + 1}"
            names[ids[key]] = " ".join(line.speaker.split())[:255]
        speaker = ids.get(key, UNNAMED)
        names.setdefault(speaker, UNNAMED)
        spoken.append(SpokenLine(speaker, line.text, line.start_ms, line.end_ms))
    return spoken, names


def fit_to(lines: Sequence[ImportedLine], duration_ms: int) -> list[ImportedLine]:
    """``lines`` within a video: a line that reaches over its end is cut there. Raises UsageError for one behind it."""
    beyond = [line for line in lines if line.start_ms >= duration_ms]
    if beyond:
        raise UsageError(
            f"{len(beyond)} of {len(lines)} lines begin after the end of the video ({duration_ms / 1000:.1f} s), "
            f"the first at {beyond[0].start_ms / 1000:.1f} s.", "Give the lines of this cut, timed from its start.")
    return [ImportedLine(line.start_ms, min(line.end_ms, duration_ms), line.text, line.speaker, line.translation)
            for line in lines]


def load_lines(settings: Mapping[str, Any]) -> tuple[ImportedLine, ...]:
    """The lines that a project came with, from its settings; none when it came without. Raises StorageError."""
    kept = settings.get("imported")
    if not kept:
        return ()
    try:
        rows = json.loads(Path(kept["path"]).read_text(encoding="utf-8"))
        return tuple(ImportedLine(**row) for row in rows)
    except (OSError, ValueError, TypeError) as error:
        raise StorageError(f"The imported lines of this project cannot be read ({kept['path']}).",
                           "Restore the file from a backup, or create the project again.") from error


def _check_timings(text: str, name: str) -> None:
    """Raises UsageError for a line that should hold times and does not: readers skip such lines silently."""
    faults = [number for number, line in enumerate(text.splitlines(), 1)
              if (match := _TIMING.match(line)) and not all(_TIME.fullmatch(part) for part in match.groups())]
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise UsageError(f"{name}, line {faults[0]}: the times cannot be understood{more}.",
                         "They look like 00:01:02,500 --> 00:01:04,000.")
