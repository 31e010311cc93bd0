"""faces and mouths: who is on camera, and each speaker's own mouths. Neither depends on a target language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from dubbing.engines.base import LipSyncer, Report, SpeakerSpan
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step

VERSION = "1"


def track_step(lipsyncer: LipSyncer, source: Path, source_sha256: str) -> Step:
    """Face tracks of the whole video."""

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        lipsyncer.track(source, folder, report)

    return Step("faces", VERSION, build, {}, {"source": source_sha256}, _learner(lipsyncer), unit="frame")


def model_step(lipsyncer: LipSyncer, source: Path, source_sha256: str, tracks: Artifact,
               spans: Sequence[SpeakerSpan], assigned: Mapping[str, Sequence[int]] | None = None) -> Step:
    """Each speaker's mouth atlas, from where that speaker is heard and seen to speak.

    ``facts["on_camera"]`` has the intervals (ms) in which each speaker is seen speaking. assigned: ids of face tracks
    by the speaker whom a person said that they show.
    """

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        seen = lipsyncer.model(source, tracks.folder, spans, folder, report, assigned=assigned)
        facts["on_camera"] = {speaker: [list(interval) for interval in rows] for speaker, rows in seen.items()}

    params: dict[str, Any] = {"spans": [list(astuple(span)) for span in spans]}
    if assigned:
        params["assigned"] = {speaker: sorted(ids) for speaker, ids in assigned.items()}
    inputs: dict[str, Artifact | str] = {"source": source_sha256, "tracks": tracks}
    return Step("mouths", VERSION, build, params, inputs, _learner(lipsyncer), unit="frame")


def _learner(lipsyncer: LipSyncer) -> LipSyncer:
    """Whose tracks and models these are: engines that paint differently may learn alike, and share the result."""
    learner: LipSyncer = getattr(lipsyncer, "learner", lipsyncer)
    return learner
