"""diarize: who is heard when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dubbing.engines.base import Diarizer, Report
from dubbing.pipeline import records
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.sound import load_mono_16k

VERSION = "1"
TURNS = "turns.json"


def step(diarizer: Diarizer, sound: Artifact, speakers: int | None) -> Step:
    """``speakers`` None means that their number is to be found."""

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        diarization = diarizer.diarize(load_mono_16k(sound), speakers=speakers, report=report)
        records.dump(diarization, folder / TURNS)
        facts["speakers"] = sorted({turn.speaker for turn in diarization.turns})

    return Step("diarize", VERSION, build, {"speakers": speakers}, {"sound": sound}, diarizer, unit="s")
