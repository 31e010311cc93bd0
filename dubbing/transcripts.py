"""What is said in a sound, from a file: plain text, subtitles (SRT, WebVTT, ASS), or a recognizer's JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dubbing.errors import MediaError

_SUBTITLES = frozenset({".srt", ".vtt", ".ass", ".ssa", ".sub", ".ttml"})
_LARGEST_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class SaidLine:
    """A piece of text; its times are None where the file has none."""

    text: str
    start_ms: float | None = None
    end_ms: float | None = None


@dataclass(frozen=True, slots=True)
class SaidText:
    """The lines of a transcript in order; ``language`` is "" where the file does not name it."""

    lines: tuple[SaidLine, ...]
    language: str = ""

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class Spelling:
    """Words of IPA symbols, and for each timed line (first word, word after the last, start_ms, end_ms)."""

    words: tuple[tuple[str, ...], ...]
    anchors: tuple[tuple[int, int, float, float], ...]


def read_transcript(path: Path) -> SaidText:
    """Read ``path`` by its suffix: subtitles, ``.json`` as Whisper and WhisperX write it, anything else as text.

    Raises MediaError when the file is missing, is not what its suffix says, or holds no words.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise MediaError(f"{path.name} is too large for a transcript.", "Give the words that are said, as text.")
        if path.suffix.lower() in _SUBTITLES:
            from dubbing.exchange.subtitles import read_subtitles

            found = SaidText(tuple(SaidLine(" ".join(cue.text.split()), cue.start_ms, cue.end_ms)
                                   for cue in read_subtitles(path)))
        else:
            content = path.read_bytes().decode("utf-8-sig")
            found = _from_json(json.loads(content)) if path.suffix.lower() == ".json" else _from_text(content)
    except OSError as error:
        raise MediaError(f"{path} cannot be read ({error.strerror}).", "Check the name and its permissions.") from error
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise MediaError(f"{path.name} is not a transcript.",
                         "Give text in UTF-8, SRT, WebVTT, or the JSON of Whisper.") from error
    if not any(c.isalnum() for c in found.text):
        raise MediaError(f"{path.name} holds no words.", "Give the words that are said, or leave the transcript out.")
    return found


def spell(said: SaidText, language: str = "") -> Spelling:
    """``said`` as IPA with the times of its lines; ``language`` goes before the file's own and the text's look.

    Raises UnavailableError when the language cannot be told or spelled, MediaError when nothing in it is spoken.
    """
    from dubbing.engines.tts.phonemes import language_of, phonemes_of
    from dubbing.errors import UnavailableError

    code = (language or said.language or language_of(said.text)).lower().partition("-")[0]
    if not code:
        raise UnavailableError("The transcript's language cannot be told from its words.",
                               "Name it as an ISO 639-1 code, such as en or es.")
    words: list[tuple[str, ...]] = []
    anchors: list[tuple[int, int, float, float]] = []
    for line in said.lines:
        first = len(words)
        words += [tuple(word) for word in phonemes_of(line.text, code)]
        if line.start_ms is not None and line.end_ms is not None and len(words) > first:
            anchors.append((first, len(words), line.start_ms, line.end_ms))
    if not words:
        raise MediaError("Nothing in the transcript can be spoken.", "Give the words that are said.")
    return Spelling(tuple(words), tuple(anchors))


def _from_text(content: str) -> SaidText:
    return SaidText(tuple(SaidLine(" ".join(line.split())) for line in content.splitlines() if line.strip()))


def _from_json(data: Any) -> SaidText:
    """{"text", "language", "segments": [{"start", "end", "text", "words": [...]}]}, or the list of segments alone."""
    if isinstance(data, str):
        return _from_text(data)
    segments = data if isinstance(data, list) else data.get("segments")
    language = "" if isinstance(data, list) else str(data.get("language") or "")
    if segments is None:
        return SaidText(_from_text(str(data["text"])).lines, language)
    return SaidText(tuple(_segment(segment) for segment in segments), language)


def _segment(segment: dict[str, Any]) -> SaidLine:
    words: Sequence[dict[str, Any]] = segment.get("words") or ()
    text = segment.get("text")
    if text is None:
        text = " ".join(str(word.get("word", word.get("text", ""))).strip() for word in words)
    starts = [float(word["start"]) for word in words if word.get("start") is not None]
    ends = [float(word["end"]) for word in words if word.get("end") is not None]
    begin = segment.get("start", min(starts, default=None))
    finish = segment.get("end", max(ends, default=None))
    timed = begin is not None and finish is not None
    return SaidLine(" ".join(str(text).split()), float(begin) * 1000 if timed else None,
                    float(finish) * 1000 if timed else None)
