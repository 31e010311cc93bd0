"""export: the finished file of one language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from dubbing.engines.base import LipSyncer, Report
from dubbing.media.patches import PatchSet, PatchSets
from dubbing.media.segments import SegmentCache
from dubbing.media.tracks import AudioTrack
from dubbing.media.write import export_video
from dubbing.pipeline.artifact import Artifact, file_sha256
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.mix import MIX

VERSION = "2"


def step(source: Path, source_sha256: str, mixed: Artifact, lipsyncer: LipSyncer | None, rendered: Sequence[Artifact],
         suffix: str, keep_original: bool, *, language: str, segments: SegmentCache | None = None) -> Step:
    """``rendered`` holds every line's mouth patches; without any the pictures are copied untouched.

    segments: what earlier exports encoded; it saves time and does not change the result.
    Facts: ``pictures`` says how many groups, pieces and frames were copied, encoded and reused (None where all
    were copied), ``why_all_encoded`` why none could be copied.
    """

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        out = folder / f"dubbed{suffix}"
        patches = named_patches(lipsyncer, rendered) if lipsyncer is not None else None
        track = AudioTrack(mixed.path(MIX), language, f"Dub ({language})", True)
        done = export_video(source, out, [track], patches, keep_original_audio=keep_original, cache=segments,
                            report=report)
        facts.update(file=out.name, sha256=file_sha256(out), size_bytes=done.size_bytes, notes=list(done.notes),
                     video_copied=done.is_video_copied, patched_frames=done.patched_frames,
                     frame_count=done.frame_count, why_all_encoded=done.why_all_encoded,
                     pictures=asdict(done.pictures) if done.pictures else None)

    params = {"suffix": suffix, "keep_original": keep_original, "language": language}
    inputs: dict[str, Artifact | str] = {"source": source_sha256, "mix": mixed}
    inputs.update({f"patches{i:05d}": artifact for i, artifact in enumerate(rendered)})
    return Step("export", VERSION, build, params, inputs, None, "frame", None, language)


def named_patches(lipsyncer: LipSyncer, rendered: Sequence[Artifact]) -> PatchSets:
    """Every line's patches under its artifact's name, none of them read yet."""
    return PatchSets([PatchSet(artifact.key, lipsyncer.patched_frames(artifact.folder),
                               partial(lipsyncer.patches, artifact.folder))
                      for artifact in rendered if artifact.facts["frames"]])
