"""The atlas from file to file, on a drawn face whose mesh is known."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from lipsync_core.atlas import shape
from lipsync_core.atlas.model import Atlas
from lipsync_core.atlas.plan import make_plan
from lipsync_core.engine import FACES, Line, Span, plates_of
from lipsync_core.face.types import FaceAnalysis
from lipsync_core.face.video import VideoSource
from lipsync_core.patch import patched_frames, read_patches
from lipsync_core.speech.articulation import articulate
from tests.lipsync_core.cartoon import JAW, learnt

FRAMES = 66


def phones(text: str, start_ms: float = 0.0, each_ms: float = 110.0) -> list[SimpleNamespace]:
    return [SimpleNamespace(symbol=s, start_ms=start_ms + i * each_ms, end_ms=start_ms + (i + 1) * each_ms)
            for i, s in enumerate(text)]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A clip with its tracks and its model; the face is hidden in frames 30 to 33."""
    return learnt(tmp_path_factory.mktemp("studio"), FRAMES, slice(30, 34))


def _line(**changes: object) -> Line:
    values = dict(speaker="ana", start_ms=400.0, phonemes=phones("mapabasabama"), cover_start_ms=200.0,
                  cover_end_ms=2000.0)
    return Line(**{**values, **changes})


def _render(studio: SimpleNamespace, folder: Path, line: Line) -> tuple[int, str]:
    folder.mkdir()
    done = studio.engine.render(studio.video, studio.tracks, studio.models, line, folder)
    return done.frames, done.note


def test_the_speaker_is_found_and_kept_within_bounds(studio: SimpleNamespace) -> None:
    assert list(studio.seen) == ["ana"] and studio.seen["ana"][0][0] == 0
    atlas = Atlas.load(studio.models / "000")
    assert len(atlas.frames) == FRAMES - 4 == len(patched_frames(studio.models / "000"))


def test_frames_inside_the_cover_are_repainted_and_hidden_ones_are_not(studio: SimpleNamespace, tmp_path: Path) -> None:
    frames, note = _render(studio, tmp_path / "a", _line())
    expected = [i for i in range(5, 50) if not 30 <= i < 34]
    assert patched_frames(tmp_path / "a") == expected and frames == len(expected) and note == ""


def test_patches_lie_on_the_lower_face_and_change_it(studio: SimpleNamespace, tmp_path: Path) -> None:
    _render(studio, tmp_path / "a", _line())
    pictures = {p.number: p.y.copy() for p in VideoSource(studio.video).frames()}
    analysis = FaceAnalysis.load(studio.tracks / FACES)
    changed = 0
    for patch in read_patches(tmp_path / "a"):
        face = analysis.tracks[0].points[patch.frame]
        height, width = patch.y.shape
        assert not (patch.left % 2 or patch.top % 2 or height % 2 or width % 2)
        assert patch.top > face[168, 1] and patch.top + height <= 240
        source = pictures[patch.frame][patch.top:patch.top + height, patch.left:patch.left + width]
        difference = np.abs(source.astype(int) - patch.y)
        changed += int((difference > 12).sum() > 30)
        # Nothing above the nose or beyond a margin around the jaw differs by a single bit.
        rows, columns = np.nonzero(difference)
        mouth = face[[78, 308], :2].mean(0)
        around = cv2.convexHull((mouth + 1.36 * (face[list(JAW), :2] - mouth)).astype(np.float32))
        reach = [cv2.pointPolygonTest(around, (float(x + patch.left), float(y + patch.top)), True)
                 for y, x in zip(rows, columns, strict=True)]
        assert not reach or min(reach) > -2
    assert changed > 20


def test_planned_openings_are_met_exactly_and_closures_touch(studio: SimpleNamespace) -> None:
    analysis = FaceAnalysis.load(studio.tracks / FACES)
    atlas = Atlas.load(studio.models / "000")
    plates = plates_of(analysis, analysis.tracks, 200, 2000)
    aim = articulate(phones("mapabasabama"), analysis.times_ms[plates.frames] - 400)
    plan = make_plan(atlas, plates, aim)
    normalised = atlas.model.normalise(np.stack([p.target for p in plan]))[0]
    opening = shape.opening_of(normalised)
    free = (aim.opening > 0.2) & (plates.alpha == 1)
    limit = 1.05 * np.percentile(atlas.features[:, 0], 99)
    np.testing.assert_allclose(opening[free], np.minimum(atlas.range.opening(aim.opening[free]), limit), atol=2e-3)
    assert opening[(aim.closure > 0) & (plates.alpha == 1)].max() < 0.02
    assert all(abs(sum(w for _, w in p.mouths) - 1) < 1e-9 for p in plan)


def test_a_silent_take_keeps_the_mouth_closed_over_the_original_speech(studio: SimpleNamespace) -> None:
    analysis = FaceAnalysis.load(studio.tracks / FACES)
    atlas = Atlas.load(studio.models / "000")
    plates = plates_of(analysis, analysis.tracks, 0, 1200)
    aim = articulate(phones(" "), analysis.times_ms[plates.frames])
    opening = shape.opening_of(atlas.model.normalise(np.stack([p.target for p in make_plan(atlas, plates, aim)]))[0])
    assert opening[plates.alpha == 1].max() < 0.02 < analysis_opening(analysis).max()


def analysis_opening(analysis: FaceAnalysis) -> np.ndarray:
    points = analysis.tracks[0].points[:, :, :2].astype(np.float64)
    return shape.features(shape.fit_shape(points).normalise(points)[0])[:, shape.OPENING]


def test_the_same_inputs_give_the_same_bytes(studio: SimpleNamespace, tmp_path: Path) -> None:
    digests = []
    for name in "ab":
        _render(studio, tmp_path / name, _line())
        digest = hashlib.sha256()
        for patch in read_patches(tmp_path / name):
            digest.update(repr((patch.frame, patch.left, patch.top)).encode() + patch.y.tobytes() + patch.u.tobytes())
        digests.append(digest.hexdigest())
    assert digests[0] == digests[1]


def test_an_unseen_speaker_and_a_hidden_line_give_a_reason(studio: SimpleNamespace, tmp_path: Path) -> None:
    frames, note = _render(studio, tmp_path / "a", _line(speaker="off screen"))
    assert frames == 0 and note and patched_frames(tmp_path / "a") == []
    frames, note = _render(studio, tmp_path / "b", _line(cover_start_ms=1200.0, cover_end_ms=1300.0))
    assert frames == 0 and "seen" in note and list(read_patches(tmp_path / "b")) == []


def test_a_speaker_without_a_face_is_never_on_camera(studio: SimpleNamespace, tmp_path: Path) -> None:
    spans = [Span("ana", 0, 500), Span("voice over", 9000, 9900)]
    seen = studio.engine.model(studio.video, studio.tracks, spans, tmp_path)
    assert seen["voice over"] == [] and seen["ana"]
