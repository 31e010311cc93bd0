"""Export presets as people choose them: by what they want to hold in their hands, then by its form."""

from __future__ import annotations

from collections.abc import Sequence

from dubbing.domain.workspace import ExportPreset
from ui.text import t

#: Groups in the order in which they are offered, with the kinds of presets in each and an icon.
GROUPS: dict[str, tuple[frozenset[str], str]] = {
    "video": (frozenset({"video", "preview"}), "movie"),
    "sound": (frozenset({"stems"}), "graphic_eq"),
    "subtitles": (frozenset({"subtitles"}), "closed_caption"),
    "script": (frozenset({"script"}), "description"),
    "package": (frozenset({"package", "qc"}), "inventory_2"),
}
_NAMED = frozenset({"mp4", "mp4_original", "mov", "mkv", "mkv_original", "preview", "stems", "srt", "vtt", "ttml",
                    "srt_source", "script", "manual_dub", "package", "qc", "qc_json"})


def group_of(preset: ExportPreset) -> str:
    return next((name for name, (kinds, _) in GROUPS.items() if preset.what in kinds), "package")


def groups(presets: Sequence[ExportPreset]) -> dict[str, list[ExportPreset]]:
    """Presets by group; groups without any are left out."""
    found = {name: [one for one in presets if group_of(one) == name] for name in GROUPS}
    return {name: held for name, held in found.items() if held}


def group_name(group: str) -> str:
    return f":material/{GROUPS[group][1]}: {t(f'export.group.{group}')}"


def preset_name(preset: ExportPreset) -> str:
    """What a preset is called; its id and suffix where the catalogue has no name for it."""
    return t(f"export.preset.{preset.id}.name") if preset.id in _NAMED else f"{preset.id} ({preset.suffix})"


def preset_words(preset: ExportPreset) -> str:
    """What is in it and for whom."""
    return t(f"export.preset.{preset.id}.what") if preset.id in _NAMED else preset.what


def needs_takes(preset: ExportPreset) -> bool:
    """Whether what is heard goes into it; the others hold texts only."""
    return preset.what not in ("subtitles", "script")
