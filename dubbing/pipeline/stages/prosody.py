"""prosody: how one line of the original was said, for its dub to be said likewise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from dubbing.engines.base import Report, Sound
from dubbing.media import audio
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.prosody import ProsodyTarget, measure_line
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.separate import SPEECH
from dubbing.pipeline.voice_match import SpeakerProfile

VERSION = "1"
RATE = 16_000


def step(separated: Artifact, start_ms: int, end_ms: int, words: Sequence[tuple[int, int]], profile: SpeakerProfile, *,
         utterance: str | None = None, language: str | None = None) -> Step:
    """The line from ``start_ms`` to ``end_ms`` (video clock) of a speaker of this profile; the facts hold the target.

    words: (start, end) of each (video clock); those outside the line do not count. language: into which it is dubbed
    now; what was heard is the same for all.
    """
    own = [(max(a, start_ms), min(b, end_ms)) for a, b in words if a < end_ms and b > start_ms]

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        line = _read(separated.path(SPEECH), start_ms, end_ms)
        target = measure_line(line, [(a - start_ms, b - start_ms) for a, b in own], profile)
        facts["target"] = target.to_json()
        report(1, 1, "")

    params = {"start_ms": start_ms, "end_ms": end_ms, "words": [list(word) for word in own],
              "profile": asdict(profile)}
    return Step("prosody", VERSION, build, params, {"separated": separated}, unit="line", utterance=utterance,
                language=language)


def load_target(artifact: Artifact) -> ProsodyTarget:
    return ProsodyTarget.from_json(artifact.facts["target"])


def _read(path: Path, start_ms: int, end_ms: int) -> Sound:
    """Mono 16 kHz sound of a part of a WAV file."""
    with soundfile.SoundFile(path) as file:
        first = min(start_ms * file.samplerate // 1000, file.frames)
        file.seek(first)
        count = max(0, min(end_ms * file.samplerate // 1000, file.frames) - first)
        part = file.read(count, dtype="float32", always_2d=True)
        return audio.resample(np.ascontiguousarray(part.mean(axis=1)), file.samplerate, RATE)
