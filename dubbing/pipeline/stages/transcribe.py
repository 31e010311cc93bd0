"""transcribe: what is said, word by word."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dubbing.engines.base import Recognizer, Report
from dubbing.pipeline import records
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.sound import load_mono_16k

VERSION = "1"
TRANSCRIPT = "transcript.json"


def step(recognizer: Recognizer, sound: Artifact, language: str | None, names: Sequence[str] = ()) -> Step:
    """``sound`` holds the 16 kHz track; ``language`` None means that it is to be heard. names: that may be said."""
    options: dict[str, Any] = {"names": tuple(names)} if names else {}

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        transcript = recognizer.transcribe(load_mono_16k(sound), language=language, report=report, **options)
        records.dump(transcript, folder / TRANSCRIPT)
        facts.update(language=transcript.language, language_confidence=round(transcript.language_confidence, 4),
                     words=len(transcript.words))

    params = {"language": language, **{key: list(value) for key, value in options.items()}}
    return Step("transcribe", VERSION, build, params, {"sound": sound}, recognizer, unit="s")
