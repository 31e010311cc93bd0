"""quality: the finished dub listened to and looked at again, as a stranger would."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dubbing.domain.isochrony import Fit, colour
from dubbing.engines.base import LipSyncer, Recognizer, Report
from dubbing.media import audio
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.mix import SPEECH
from dubbing.pipeline.stages.synthesize import load_take
from dubbing.pipeline.word_errors import error_rate, normalized

VERSION = "1"
REPORT = "quality.json"


@dataclass(frozen=True, slots=True)
class JudgedLine:
    """A line as it was meant: its text, its take and (where its mouth was repainted) its patches."""

    id: str
    speaker: str
    start_ms: int
    text: str
    take: Artifact
    rendered: Artifact | None


def step(recognizer: Recognizer, lipsyncer: LipSyncer | None, source: Path, tracks: Artifact | None, video: Artifact,
         mixed: Artifact, lines: Sequence[JudgedLine], *, language: str) -> Step:
    """Word error rate of the re-transcribed speech stem, fit of the takes, lip-sync measured on the decoded file."""

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        result: dict[str, Any] = {"fit": _fit(lines)}
        heard = recognizer.transcribe(audio.read_mono_16k(mixed.path(SPEECH)), language=language,
                                      report=part(report, 0, 2))
        meant = " ".join(line.text for line in lines)
        result["heard"] = " ".join(segment.text.strip() for segment in heard.segments)
        has_words = bool(normalized(meant, language))
        result["word_error_rate"] = round(error_rate([meant], [result["heard"]], language), 4) if has_words else None
        painted = [line for line in lines if line.rendered is not None and line.rendered.facts["frames"]]
        if lipsyncer is not None and tracks is not None and painted:
            recognizer.release()
            lipsyncer.load()
            takes = [(line.speaker, line.start_ms, load_take(line.take)[2]) for line in painted]
            result["lip_sync"] = lipsyncer.score(source, tracks.folder, video.path(video.facts["file"]), takes,
                                                 part(report, 1, 2))
        (folder / REPORT).write_text(json.dumps(result, ensure_ascii=False, indent=1))

    params = {"language": language, "texts": [line.text for line in lines]}
    inputs: dict[str, Artifact | str] = {"video": video, "mix": mixed}
    inputs.update({f"take{i:05d}": line.take for i, line in enumerate(lines)})
    return Step("quality", VERSION, build, params, inputs, recognizer, "part", None, language)


def part(report: Report, index: int, count: int) -> Report:
    """``report`` for one of ``count`` parts of a stage."""

    def tell(done: float, total: float, message: str = "") -> None:
        report(index + (done / total if total else 0.0), count, message)

    return tell


def _fit(lines: Sequence[JudgedLine]) -> dict[str, Any]:
    """How many lines sit in the comfortable window, and how far the rest is off."""
    tempos = [line.take.facts["tempo"] for line in lines]
    colours = [colour(tempo) for tempo in tempos]
    return {"lines": len(lines), **{fit.value: colours.count(fit) for fit in Fit},
            "in_window": round(colours.count(Fit.GREEN) / len(lines), 4) if lines else None,
            "median_tempo": round(statistics.median(tempos), 4) if tempos else None,
            "borrowed_ms": sum(line.take.facts["borrowed_ms"] for line in lines)}
