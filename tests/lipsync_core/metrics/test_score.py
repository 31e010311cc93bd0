"""The judge is judged: right mouths score well, late, frozen and leaking ones do not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lipsync_core.engine import Line
from lipsync_core.face.types import FaceAnalysis
from lipsync_core.face.video import VideoSource
from lipsync_core.metrics import contact_sheet, measure, moments, score
from lipsync_core.metrics.picture import expected_sharpness, jitter
from lipsync_core.metrics.score import task_of
from lipsync_core.metrics.speech import closures, leaking
from lipsync_core.patch import Patch
from lipsync_core.speech.articulation import Articulation, articulate
from tests.lipsync_core.cartoon import analysis_of, mesh, talking, write_video

TIMES = np.arange(60) * 40.0
TEXT = "mapasebamo" * 2


def _phones() -> list[SimpleNamespace]:
    return [SimpleNamespace(symbol=s, start_ms=i * 100.0, end_ms=i * 100.0 + 100) for i, s in enumerate(TEXT)]


def _mouth(opening: np.ndarray) -> FaceAnalysis:
    return analysis_of(np.stack([mesh(0.19 * o) for o in opening]), TIMES)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("score") / "clip.mp4"
    write_video(path, talking(60))
    return path


@pytest.fixture(scope="module")
def line() -> Line:
    return Line("ana", 500.0, _phones(), 0.0, 2400.0)


def _score(video: Path, line: Line, opening: np.ndarray) -> dict:
    source = analysis_of(talking(60), TIMES)
    return score(video, video, source, _mouth(opening), [(line, [0])])


def test_a_mouth_that_does_what_is_wanted_scores_full_marks(video: Path, line: Line) -> None:
    found = _score(video, line, articulate(line.phonemes, TIMES - line.start_ms).opening)
    assert found["closure_hits"] == 1 and found["opening_r"] > 0.99 and found["opening_lag_ms"] == 0
    assert found["silence_leak"] == 0 and found["outside_psnr_db"] == 100 and found["frames"] == 60


@pytest.mark.parametrize("late_ms", [-80, 60])
def test_a_shifted_mouth_is_told_by_its_lag(video: Path, line: Line, late_ms: int) -> None:
    found = _score(video, line, articulate(line.phonemes, TIMES - line.start_ms - late_ms).opening)
    assert abs(found["opening_lag_ms"] - late_ms) <= 5 and found["opening_r"] > 0.98


def test_a_frozen_open_mouth_hits_nothing_and_leaks(video: Path, line: Line) -> None:
    found = _score(video, line, np.full(60, 0.6) + 0.02 * np.sin(np.arange(60)))
    assert found["closure_hits"] == 0 and abs(found["opening_r"]) < 0.5


def test_closures_need_touching_lips_within_40_ms() -> None:
    times = np.arange(10) * 40.0
    opening = np.ones(10)
    opening[5] = 0.1
    found = closures(np.array([200.0, 235.0, 110.0, 5000.0]), times, opening)
    assert [c.is_hit for c in found] == [True, True, False]


def test_leaks_are_counted_in_long_pauses_only() -> None:
    speech = np.ones(40)
    speech[5:8] = speech[20:35] = 0
    aim = Articulation(np.arange(40) * 40.0, np.zeros(40), np.zeros(40), np.zeros(40), speech)
    still, moving = np.zeros(40), np.zeros(40)
    moving[25:30:2] = 0.3
    assert [int(v.sum()) for v in leaking(aim, still)] == [0, 14]
    assert leaking(aim, moving)[0].sum() >= 5


def test_sharpness_is_compared_at_equal_opening() -> None:
    opening = np.linspace(0, 1, 50)
    found = expected_sharpness(np.array([0.1, 0.9]), opening, 100 + 100 * opening)
    np.testing.assert_allclose(found, [110, 190], rtol=0.05)


def test_jitter_ignores_gaps_and_grows_with_noise() -> None:
    still = np.tile(mesh(0.1)[None, :, :2].astype(np.float64) / 90, (20, 1, 1))
    noise = np.random.default_rng(0).normal(0, 0.01, still.shape)
    frames = np.arange(20, dtype=np.int32)
    assert jitter(still, frames) == 0 < jitter(still + noise, frames)
    assert np.isnan(jitter(still, frames * 3))


def test_the_sheet_shows_the_telling_moments(video: Path, line: Line, tmp_path: Path) -> None:
    import cv2

    aim = articulate(line.phonemes, TIMES - line.start_ms)
    at = moments(aim, line.start_ms, 6)
    assert {label for _, label in at} == {"closed", "open"} and len(at) <= 6
    contact_sheet(video, video, analysis_of(talking(60), TIMES), tmp_path / "sheet.png", 3, at=at, cell=96)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape[1] == 3 * 100 and sheet.std() > 10
    with pytest.raises(ValueError):  # whoever speaks is shown, or nobody
        contact_sheet(video, video, analysis_of(talking(60), TIMES), tmp_path / "x.png", at=at,
                      whose={ms: [99] for ms, _ in at})
    with pytest.raises(ValueError):
        nobody = FaceAnalysis(240, 320, TIMES, np.array([[0, 60]], np.int32), ())
        contact_sheet(video, video, nobody, tmp_path / "x.png")


@pytest.mark.parametrize(("top", "stray"), [(140, 0), (0, 24)])
def test_pixels_changed_outside_the_lower_face_are_counted(video: Path, line: Line, top: int, stray: int) -> None:
    picture = next(iter(VideoSource(video).frames(3, 4)))
    y = picture.y[top:top + 8, 150:162].copy()
    y[2:4] ^= 1
    half = (slice(top // 2, top // 2 + 4), slice(75, 81))
    patch = Patch(3, 150, top, y, picture.u[half].copy(), picture.v[half].copy())
    source = analysis_of(talking(60), TIMES)
    found = measure(video, source, [task_of(line, [0])], video, source, patches=[patch])
    assert found.values["changed_outside"] == stray
    assert found.passed["changed_outside"] == (stray == 0)
