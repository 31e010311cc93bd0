"""Three seconds of our own sample with exact phoneme times, and wrong versions of them, each tracked once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from lipsync_core.engine import Line
from lipsync_core.face.analyse import analyse_video
from lipsync_core.face.models import FaceModels
from lipsync_core.face.types import FaceAnalysis
from lipsync_core.face.video import VideoSource
from lipsync_core.metrics.judgement import Judgement
from lipsync_core.metrics.score import measure, task_of
from tests.lipsync_core.metrics import damage

SAMPLES = Path(__file__).parents[3] / "samples"
FRAMES, HEIGHT, WIDTH = 75, 360, 640


@pytest.fixture(scope="session")
def models() -> FaceModels:
    from dubbing.errors import DubbingError
    from dubbing.weights.store import Store

    try:
        return FaceModels(Store().fetch("mediapipe-face"), threads=1)
    except DubbingError as error:
        pytest.skip(f"the face networks are not here: {error}")


def turn(name: str, number: int, at_ms: float | None = None) -> Line:
    """One turn of a sample, or as much of it as fits, as a line over the first ``FRAMES`` frames; at its own time or
    elsewhere."""
    found = json.loads((SAMPLES / f"{name}.json").read_text())["turns"][number]
    start, end = found["start_ms"] if at_ms is None else at_ms, FRAMES * 40.0
    phones = [SimpleNamespace(symbol=p["symbol"], start_ms=p["start_ms"] - found["start_ms"],
                              end_ms=p["end_ms"] - found["start_ms"]) for p in found["phonemes"]]
    phones = [p for p in phones if p.end_ms <= end - start]
    return Line("x", start, phones, 0.0, end)


@dataclass
class Studio:
    """A right result (the sample itself, re-encoded) and whatever is made of it."""

    folder: Path
    models: FaceModels
    original: Path
    pictures: list[np.ndarray]
    source: FaceAnalysis
    line: Line

    def track(self, path: Path) -> FaceAnalysis:
        return analyse_video(path, self.models)

    def made(self, name: str, change: Callable[[int], np.ndarray]) -> tuple[Path, FaceAnalysis]:
        path = damage.write(self.folder / f"{name}.mp4", (change(i) for i in range(len(self.pictures))))
        return path, self.track(path)

    def written(self, name: str, how: damage.Damage) -> Path:
        points = self.source.tracks[0].points
        return damage.write(self.folder / f"{name}.mp4",
                            (how(i, self.pictures[i], points[i]) for i in range(len(self.pictures))))

    def damaged(self, name: str, how: damage.Damage) -> tuple[Path, FaceAnalysis]:
        path = self.written(name, how)
        return path, self.track(path)

    def judged(self, made: tuple[Path, FaceAnalysis], line: Line | None = None) -> Judgement:
        return measure(*made, [task_of(line or self.line, [self.source.tracks[0].id])], self.original, self.source)


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory, models: FaceModels) -> Studio:
    folder = tmp_path_factory.mktemp("judged")
    pictures = [cv2.resize(p.rgb(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
                for p in VideoSource(SAMPLES / "es_solo.mp4").frames(0, FRAMES)]
    original = damage.write(folder / "original.mp4", pictures)
    source = analyse_video(original, models)
    assert len(source.tracks) == 1 and len(source.tracks[0].frames) == FRAMES
    return Studio(folder, models, original, pictures, source, turn("es_solo", 0))


@pytest.fixture(scope="session")
def right(studio: Studio) -> Judgement:
    """The sample speaks its own words: what a perfect dub would be."""
    return studio.judged((studio.original, studio.source))
