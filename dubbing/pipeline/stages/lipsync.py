"""lipsync: repainted mouths of one line, as patches that the export pastes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dubbing.engines.base import LipSyncer, LipSyncLine, Report
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.synthesize import load_take

VERSION = "1"


def step(lipsyncer: LipSyncer, source: Path, source_sha256: str, tracks: Artifact, mouths: Artifact, take: Artifact,
         speaker: str, start_ms: int, cover: tuple[int, int], *, utterance: str, language: str) -> Step:
    """``cover`` is the span (ms) in which this line owns its speaker's mouth: its original and its take."""

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        sound, rate, phonemes = load_take(take)
        line = LipSyncLine(utterance, speaker, start_ms, phonemes, sound, rate, *cover)
        done = lipsyncer.render(source, tracks.folder, mouths.folder, line, folder, report)
        facts.update(frames=done.frames, note=done.note, quality=done.quality)

    params = {"speaker": speaker, "start_ms": start_ms, "cover": list(cover)}
    inputs: dict[str, Artifact | str] = {"source": source_sha256, "tracks": tracks, "mouths": mouths, "take": take}
    return Step("lipsync", VERSION, build, params, inputs, lipsyncer, "line", utterance, language)
