"""What leaves a project beside the video: stems and subtitles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dubbing.domain.marks import shown
from dubbing.errors import UsageError
from dubbing.exchange.subtitles import Cue, write_subtitles
from dubbing.media.atomic import copy_into_place
from dubbing.pipeline.stages import mix

if TYPE_CHECKING:
    from dubbing.api import DubResult, LineSummary
    from dubbing.localize import Dub
    from dubbing.understand import Source


def stems(dub: Dub, source: Source, folder: Path) -> dict[str, Path]:
    """Write speech, M&E and mix of one language as WAV files into ``folder``; speech and M&E are the mix together."""
    assert dub.mix is not None
    name = source.path.stem
    files = {"speech": (dub.mix.path(mix.SPEECH), folder / f"{name}.{dub.language}.speech.wav"),
             "mix": (dub.mix.path(mix.MIX), folder / f"{name}.{dub.language}.mix.wav")}
    written = {what: copy_into_place(made, out) for what, (made, out) in files.items()}
    return {**written, "me": mix.write_background(dub.mix, folder / f"{name}.{dub.language}.me.wav")}


def preview(dub: Dub, source: Source, out: Path) -> Path:
    """Original and dub side by side, as an MP4."""
    from dubbing.preview import side_by_side

    assert dub.video is not None
    if out.suffix.lower() != ".mp4":
        raise UsageError(f"A preview is an MP4 file, and {out.name} is not named like one.", "Name it *.mp4.")
    return side_by_side(source.path, dub.video.path(dub.video.facts["file"]), out)


def subtitles(result: DubResult, source: Source, language: str, folder: Path, fmt: str) -> dict[str, Path]:
    """Write the subtitles of the source and of the target language into ``folder``."""
    written = {}
    for code in (source.language, language):
        cues = [Cue(line.start_ms, line.end_ms if code == source.language else _end(line, code),
                    shown(line.source_text if code == source.language else line.target_text.get(code, "")),
                    line.speaker)
                for line in result.utterances]
        path = folder / f"{source.path.stem}.{code}.{fmt}"
        write_subtitles(path, [cue for cue in cues if cue.text.strip()], fmt)
        written[f"subtitles {code}"] = path
    return written


def _end(line: LineSummary, language: str) -> int:
    return max(line.start_ms + line.take_ms.get(language, 0), line.start_ms + 1)
