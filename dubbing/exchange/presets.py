"""What a project can be exported as, and how to tell later that an export is older than its lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from dubbing.domain.project import Line
from dubbing.domain.workspace import ExportPreset
from dubbing.errors import UsageError

#: Kinds of presets: those of the first need the finished dub, the others only the texts.
FROM_DUB, FROM_TEXT = ("video", "preview", "stems", "package", "qc"), ("subtitles", "script")

PRESETS: tuple[ExportPreset, ...] = (
    ExportPreset("mp4", "video", ".mp4", {"keep_original": False}),
    ExportPreset("mp4_original", "video", ".mp4", {"keep_original": True}),
    ExportPreset("mov", "video", ".mov", {"keep_original": False}),
    ExportPreset("mkv", "video", ".mkv", {"keep_original": False}),
    ExportPreset("mkv_original", "video", ".mkv", {"keep_original": True}),
    ExportPreset("preview", "preview", ".mp4"),
    ExportPreset("stems", "stems", ".zip"),
    ExportPreset("srt", "subtitles", ".srt", {"of": "target"}),
    ExportPreset("vtt", "subtitles", ".vtt", {"of": "target"}),
    ExportPreset("ttml", "subtitles", ".ttml", {"of": "target"}),
    ExportPreset("srt_source", "subtitles", ".srt", {"of": "source"}),
    ExportPreset("script", "script", ".zip"),
    ExportPreset("manual_dub", "script", ".csv"),
    ExportPreset("package", "package", ".zip"),
    ExportPreset("qc", "qc", ".html"),
    ExportPreset("qc_json", "qc", ".json"),
)


def preset(preset_id: str) -> ExportPreset:
    """The preset of this id. Raises UsageError."""
    for one in PRESETS:
        if one.id == preset_id:
            return one
    raise UsageError(f"There is no export preset {preset_id}.", f"Choose one of: {', '.join(p.id for p in PRESETS)}.")


def marks(lines: Iterable[Line], what: str, names: Mapping[str, str]) -> dict[str, str]:
    """A short mark for every line, by utterance id, which differs when what a kind of export shows of it does.

    ``names`` are the speakers' as people call them. A dub shows the take that is heard and where, texts show the
    texts and who says them; a text that waits to be spoken makes a dub older, too.
    """
    found = {}
    for line in lines:
        utterance, translation, take = line.utterance, line.translation, line.take
        shown: list[object] = [utterance.start_ms, utterance.end_ms, translation.revision if translation else 0]
        if what in FROM_DUB:
            shown += [utterance.speaker, utterance.on_camera, take.artifact_key if take else ""]
        if what not in ("video", "preview", "stems"):
            shown += [utterance.text_revision, names.get(utterance.speaker, utterance.speaker),
                      take.duration_ms if take else 0]
        found[utterance.id] = hashlib.sha256(repr(shown).encode()).hexdigest()[:8]
    return found


def changed_lines(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Ids of lines that were changed, added or removed between two sets of marks."""
    return tuple(sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key)))
