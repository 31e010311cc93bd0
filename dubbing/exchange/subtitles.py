"""Subtitle files: SRT and WebVTT out, anything that pysubs2 knows in."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dubbing.errors import MediaError, UsageError
from dubbing.media.atomic import replacing

#: Cells in a line and lines in a cue, as broadcasters ask for; wide (East Asian) characters take two cells.
LINE_CELLS, LINES = 42, 2
#: For text that is mostly wide: 16 characters.
WIDE_LINE_CELLS = 32

_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>")
_TAG = re.compile(r"</?[a-zA-Z][^>]*>|<\d[\d:.]*>|\{\\[^}]*\}")
_NO_LINE_START = set("、。，．・：；！？）］｝」』】〉》…ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ,.:;!?)]}%»”’")
_NO_LINE_END = set("（［｛「『【〈《([{«“‘¿¡")
_PAUSES = set(",.;:!?…、。，；：！？—")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown from ``start_ms`` to ``end_ms``; line breaks in ``text`` are kept only where they fit."""

    start_ms: int
    end_ms: int
    text: str
    speaker: str = ""


def write_subtitles(path: Path, cues: Iterable[Cue], fmt: str | None = None) -> int:
    """Write cues as "srt" or "vtt" (default: by the suffix), in reading order; returns how many were written.

    Text is broken into at most two lines of 42 cells; a longer text becomes several cues that share its time by
    length. WebVTT carries the speaker as a voice. Raises UsageError for another format, StorageError when the
    file cannot be written.
    """
    import pysubs2

    path = Path(path)
    fmt = (fmt or path.suffix.lstrip(".")).lower()
    if fmt not in ("srt", "vtt"):
        raise UsageError(f"Subtitles cannot be written as {fmt or 'a file without suffix'}.", "Choose srt or vtt.")
    shown = [cue for cue in cues if cue.text.strip() and cue.end_ms > cue.start_ms]
    ordered = sorted(shown, key=lambda cue: (cue.start_ms, cue.end_ms))
    subtitles = pysubs2.SSAFile()
    for cue in (part for whole in ordered for part in split_cue(whole)):
        text = _vtt_text(cue) if fmt == "vtt" else cue.text
        subtitles.append(pysubs2.SSAEvent(start=cue.start_ms, end=cue.end_ms, text=text.replace("\n", r"\N")))
    with replacing(path) as temporary:
        # Braces are text here, not tags: keep_ssa_tags hands them through.
        temporary.write_text(subtitles.to_string(fmt, keep_ssa_tags=True), encoding="utf-8", newline="\n")
    return len(subtitles)


def read_subtitles(path: Path) -> list[Cue]:
    """Cues of an SRT, WebVTT, ASS or other subtitle file, sorted by time, formatting removed, lines joined by "\\n".

    Raises MediaError when the file is missing or is no subtitle file.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MediaError(f"{path} cannot be read ({error.strerror}).", "Check the name and its permissions.") from error
    return parse_subtitles(content, path.name)


def parse_subtitles(content: bytes, name: str) -> list[Cue]:
    """The same of a file's content; ``name`` is for messages only. Raises MediaError."""
    import pysubs2

    text = decoded(content)
    try:
        subtitles = pysubs2.SSAFile.from_string(text.replace("\r\n", "\n"), keep_html_tags=True)
    except (pysubs2.exceptions.Pysubs2Error, ValueError, NotImplementedError, SyntaxError, LookupError) as error:
        raise MediaError(f"{name} is not a subtitle file.", "Give SRT, WebVTT or ASS.") from error
    is_vtt = text.lstrip("\ufeff \n").startswith("WEBVTT")
    cues = [_read_event(event, is_vtt) for event in subtitles if not event.is_comment]
    return sorted((cue for cue in cues if cue.text), key=lambda cue: (cue.start_ms, cue.end_ms))


def break_lines(text: str) -> list[str]:
    """``text`` as lines of at most 42 cells (32 where most characters are wide), as even as they can be.

    Breaks fall between words (between characters in Chinese and Japanese, by their line-breaking rules), rather
    after punctuation. A single word longer than a line stays whole.
    """
    given = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    limit = line_limit(text)
    if len(given) <= LINES and all(cells(line) <= limit for line in given):
        return given
    units = _units(" ".join(given))
    lines: list[str] = []
    while units:
        rest = "".join(units).strip()
        if cells(rest) <= limit:
            lines.append(rest)
            break
        count = _best_break(units, limit, last_pair=cells(rest) <= 2 * limit)
        lines.append("".join(units[:count]).strip())
        units = units[count:]
    return lines


def split_cue(cue: Cue) -> list[Cue]:
    """The cue with its text broken into lines; several cues when it needs more than two lines."""
    lines = break_lines(cue.text)
    groups = [lines[i : i + LINES] for i in range(0, len(lines), LINES)]
    if len(groups) == 1:
        return [replace(cue, text="\n".join(groups[0]))]
    weights = [sum(map(cells, group)) for group in groups]
    parts, start, done = [], cue.start_ms, 0
    for group, weight in zip(groups, weights, strict=True):
        done += weight
        end = cue.start_ms + round((cue.end_ms - cue.start_ms) * done / sum(weights))
        parts.append(replace(cue, start_ms=start, end_ms=end, text="\n".join(group)))
        start = end
    return parts


def cells(text: str) -> int:
    """How wide a text is on a screen: wide characters count two, combining marks none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def line_limit(text: str) -> int:
    """Cells that a line of ``text`` may have."""
    visible = [c for c in text if not c.isspace()]
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in visible)
    return WIDE_LINE_CELLS if wide * 2 > len(visible) else LINE_CELLS


def _units(text: str) -> list[str]:
    """Pieces between which a line may break; a space stays at the end of its piece."""
    units: list[str] = []
    for character in text:
        previous = units[-1] if units else ""
        breaks = (not previous or previous[-1].isspace()
                  or (_is_ideograph(character) or _is_ideograph(previous[-1])))
        glued = (character.isspace() or character in _NO_LINE_START or (previous and previous[-1] in _NO_LINE_END))
        if previous and (glued or not breaks):
            units[-1] += character
        else:
            units.append(character)
    return units


def _is_ideograph(character: str) -> bool:
    """Chinese and Japanese characters, between which lines break; Korean breaks at its spaces."""
    return unicodedata.east_asian_width(character) in "WF" and not "가" <= character <= "힣"


def _best_break(units: Sequence[str], limit: int, *, last_pair: bool) -> int:
    """How many units go into the next line: even halves when two lines are left, else as many as fit."""
    total = cells("".join(units))
    best, best_cost = 1, float("inf")
    used = 0
    for count in range(1, len(units)):
        used = cells("".join(units[:count]).rstrip())
        if used > limit and count > 1:
            break
        rest = cells("".join(units[count:]).rstrip())
        cost = abs(total / 2 - used) + 100 * max(0, rest - limit) if last_pair else float(limit - used)
        if units[count - 1].rstrip()[-1:] in _PAUSES:
            cost -= limit / 6
        if cost <= best_cost:
            best, best_cost = count, cost
    return best


def _vtt_text(cue: Cue) -> str:
    text = html.escape(cue.text, quote=False)
    speaker = " ".join(cue.speaker.replace(">", " ").replace("&", "and").split())
    return f"<v {speaker}>{text}" if speaker else text


def _read_event(event: object, is_vtt: bool) -> Cue:
    # A blank line ends a cue; what pysubs2 puts behind it is the next cue's name or a note.
    raw = event.text.replace(r"\h", " ").replace(r"\n", r"\N").split(r"\N\N")[0]  # type: ignore[attr-defined]
    voice = _VOICE.search(raw)
    speaker = html.unescape(voice.group(1)).strip() if voice else event.name  # type: ignore[attr-defined]
    plain = _TAG.sub("", _VOICE.sub("", raw))
    lines = (html.unescape(plain) if is_vtt else plain).split(r"\N")
    text = "\n".join(line.strip() for line in lines if line.strip())
    return Cue(event.start, event.end, text, speaker)  # type: ignore[attr-defined]


def decoded(content: bytes) -> str:
    """A text file's content: UTF-8, UTF-16 with its mark, or else what Windows calls ANSI."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")
