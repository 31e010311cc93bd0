"""Which lip-syncer repaints which speaker: with adaptation, the adapted generator of those for whom it won."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dubbing import registry
from dubbing.engines.base import SpeakerSpan
from dubbing.options import DubOptions
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages import adapt
from dubbing.understand import Source

ENGINE = "own"


class Adapting:
    """The adapted generators of one video.

    Where adaptation is off, or has lost, everybody is repainted by the source's own lip-syncer. unfinished: a folder
    for half-done work.
    """

    def __init__(self, options: DubOptions, source: Source, runner: Runner, unfinished: Path) -> None:
        self._options, self._source, self._runner, self._unfinished = options, source, runner, unfinished
        self._found: dict[str, Artifact] = {}

    def run(self, names: Mapping[str, str]) -> list[str]:
        """Adapt to each of these speakers (names for people by speaker), as far as that is wanted and not done;
        returns notes for a person."""
        if not self._options.adapt:
            return []
        for speaker in names:
            self._found[speaker] = self._runner.run(self._step(speaker))
        return [f"{name}: {self._found[speaker].facts['note']}" for speaker, name in names.items()]

    def lipsyncer(self, speaker: str) -> Any:
        """The engine that repaints this speaker; an adaptation that has not run is not waited for."""
        if not self._options.adapt:
            return self._source.lipsyncer
        found = self._found.get(speaker) or self._runner.store.find(self._step(speaker).key)
        if found is None or not found.facts["won"]:
            return self._source.lipsyncer
        return registry.choose("lipsync", ENGINE, checkpoint=str(found.path(found.facts["generator"])))

    def _step(self, speaker: str) -> Step:
        source = self._source
        assert source.tracks is not None and source.mouths is not None
        spans = [SpeakerSpan(line.speaker, line.start_ms, line.end_ms) for line in source.lines]
        own = self._options.checkpoint if self._options.lipsync == ENGINE else None
        return adapt.step(registry.choose("lipsync", ENGINE, checkpoint=own), source.path, source.sha256,
                          source.tracks, source.mouths, source.separated, spans, speaker, self._options.adapt_minutes,
                          self._unfinished)
