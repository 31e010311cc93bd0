"""What all engines share whose mouths a network makes: faces, speaker models and scores are the atlas's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import GlimpsedFace, Report, SeenPerson, SpeakerSpan, silent
from dubbing.engines.lipsync.atlas import AtlasLipSyncer


class NeuralLipSyncer(AtlasLipSyncer):
    """Renders with a network of its own and leaves all else to ``learner``, so that changing the engine does not
    compute it again. Chosen by name only."""

    on_request_only: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.learner = AtlasLipSyncer()

    def release(self) -> None:
        super().release()
        self.learner.release()

    def track(self, video: Path, folder: Path, report: Report = silent) -> None:
        self.learner.track(video, folder, report)

    def model(self, video: Path, tracks: Path, spans: Sequence[SpeakerSpan], folder: Path,
              report: Report = silent, *, or_largest: bool = False,
              assigned: Mapping[str, Sequence[int]] | None = None) -> dict[str, list[tuple[int, int]]]:
        return self.learner.model(video, tracks, spans, folder, report, or_largest=or_largest, assigned=assigned)

    def people(self, tracks: Path, models: Path) -> list[SeenPerson]:
        return self.learner.people(tracks, models)

    def glance(self, video: Path, times_ms: Sequence[float]) -> list[list[GlimpsedFace]]:
        return self.learner.glance(video, times_ms)

    def score(self, video: Path, tracks: Path, dubbed: Path, takes: Sequence[tuple[str, int, Sequence[Phoneme]]],
              report: Report = silent) -> dict[str, Any]:
        return self.learner.score(video, tracks, dubbed, takes, report)


def stamp(path: Path) -> tuple[Path, int, int]:
    """Tells whether a file is still the one that was read."""
    stat = path.stat()
    return path, stat.st_size, stat.st_mtime_ns
