"""room: in what room and through what microphone each line of the original is heard."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any

from dubbing.engines.base import Report, Sound, SpeakerSpan
from dubbing.media import audio
from dubbing.media.excerpt import wav_between
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.room_measure import RATE, RoomProfile, measure_rooms
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.separate import MUSIC_AND_EFFECTS, SPEECH

VERSION = "3"
ROOMS = "rooms.json"


def step(separated: Artifact, lines: Sequence[SpeakerSpan]) -> Step:
    """Measured on the stems; lines of one speaker that sound alike share what is known of their room."""

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        # M&E that came with the project is no rest of this speech.
        rest = None if separated.facts.get("given") else partial(_read, separated.path(MUSIC_AND_EFFECTS))
        rooms = measure_rooms(partial(_read, separated.path(SPEECH)),
                              [(line.speaker, line.start_ms, line.end_ms) for line in lines], report, rest)
        (folder / ROOMS).write_text(json.dumps([room.to_json() for room in rooms], indent=1))
        facts["rooms"] = len(set(rooms))

    return Step("room", VERSION, build, {"lines": [list(astuple(line)) for line in lines]}, {"separated": separated},
                unit="line")


def load_rooms(artifact: Artifact) -> list[RoomProfile]:
    """A profile for each line that the step was given, in the same order."""
    return [RoomProfile.from_json(row) for row in artifact.json(ROOMS)]


def _read(path: Path, start_ms: float, end_ms: float) -> Sound:
    """Mono 16 kHz sound of a part of a WAV file."""
    part, rate = wav_between(path, start_ms, end_ms)
    return audio.resample(part.mean(axis=0), rate, RATE)
