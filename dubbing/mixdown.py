"""The sound of one language's dub: mixed, brought to the loudness that was asked for, measured in the finished file."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from dubbing.domain.loudness import PRESETS, SOURCE
from dubbing.domain.project import Utterance
from dubbing.engines.base import SpeakerSpan
from dubbing.options import DubOptions
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.edges import Span
from dubbing.pipeline.room_measure import RoomProfile
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import edges, loudness, mix, room
from dubbing.understand import Source

if TYPE_CHECKING:
    from dubbing.localize import Dub


class Mixdown:
    """Mixes the takes of one language into the sound of its video."""

    def __init__(self, options: DubOptions, source: Source, runner: Runner, dub: Dub,
                 utterances: list[Utterance]) -> None:
        self._options, self._source, self._runner, self._dub = options, source, runner, dub
        self._utterances = utterances
        self._preset = PRESETS[options.loudness]

    def run(self, takes: dict[str, Artifact]) -> Artifact:
        """The mix with its speech stem; ``takes`` are those of the lines that are heard."""
        source = self._source
        self._dub.notes += source.separated.facts.get("notes", [])
        rooms = self.rooms()
        self._dub.replaced = self.replaced(takes)
        lines = [mix.DubbedLine(takes[u.id], u.start_ms, u.end_ms, rooms.get(u.id), self._dub.replaced[u.id])
                 for u in self._utterances if u.id in takes]
        mixed = self._runner.run(mix.step(source.path, source.sha256, source.separated, lines, source.media.audio[0],
                                          language=self._dub.language, duck_db=self._options.duck_db))
        if self._preset.id == SOURCE:
            return mixed
        return self._runner.run(loudness.step(mixed, self._preset, language=self._dub.language))

    def replaced(self, dubbed: Collection[str]) -> dict[str, tuple[int, int]]:
        """Where the original gives way (ms) to each of the lines that are ``dubbed`` (ids), so that no syllable of it
        is left over."""
        spans = [Span(u.start_ms, u.end_ms, u.id in dubbed) for u in self._utterances]
        if not any(span.is_dubbed for span in spans):
            return {}
        found = edges.load_spans(self._runner.run(edges.reach_step(self._source.separated, spans,
                                                                   language=self._dub.language)))
        return {u.id: span for u, span in zip(self._utterances, found, strict=True) if u.id in dubbed}

    def rooms(self) -> dict[str, RoomProfile]:
        """The room of every line of the original, by line id; none where takes are to stay as they are."""
        if not self._options.room or not self._utterances:
            return {}
        spans = [SpeakerSpan(u.speaker, u.start_ms, u.end_ms) for u in self._utterances]
        found = room.load_rooms(self._runner.run(room.step(self._source.separated, spans)))
        return dict(zip((u.id for u in self._utterances), found, strict=True))

    def measured(self, mixed: Artifact, video: Artifact) -> dict[str, Any]:
        """How loud the finished file is beside what was asked for (see :func:`loudness.account`); a note where it
        is not what it should be."""
        heard = self._runner.run(loudness.measured_step(video, mixed, language=self._dub.language))
        account = loudness.account(self._preset, mixed, heard)
        if account["note"]:
            self._dub.notes.append(account["note"])
        return account
