"""The atlas keeps variety within bounds, sees teeth, and survives the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsync_core.atlas.foreground import LowerFace
from lipsync_core.atlas.model import (
    Atlas,
    AtlasError,
    choose,
    crop_box,
    crop_limit,
    gather,
    look_at,
    measure_range,
    pace,
)
from lipsync_core.face.types import FaceTrack
from lipsync_core.patch import Patch
from tests.lipsync_core.cartoon import HEIGHT, WIDTH, analysis_of, draw, mesh, talking


def test_choice_is_bounded_sorted_and_keeps_the_rare() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(0, 0.01, (5000, 4))
    rows[3000:3012] += 1.0
    kept = choose(rows, np.zeros(5000, np.int64), 300)
    assert len(kept) == 300 and (np.diff(kept) > 0).all()
    assert np.isin(np.arange(3002, 3010), kept).all()
    assert (np.diff(kept) == 1).mean() > 0.8
    np.testing.assert_array_equal(kept, choose(rows, np.zeros(5000, np.int64), 300))


def test_a_larger_mouth_keeps_fewer_crops() -> None:
    assert crop_limit(100 * 100) == 1200 and 200 <= crop_limit(800 * 1000) < 400


def test_boxes_are_even_and_inside() -> None:
    for centre in ((160, 90), (30, 170), (300, 20)):
        top, left, height, width = crop_box(mesh(0.1, centre=centre)[:, :2], HEIGHT, WIDTH)
        assert not (top % 2 or left % 2 or height % 2 or width % 2)
        assert top >= 0 and left >= 0 and top + height <= HEIGHT and left + width <= WIDTH


def test_too_little_footage_is_refused() -> None:
    with pytest.raises(AtlasError):
        gather([], HEIGHT, WIDTH)
    track = analysis_of(talking(20), np.arange(20) * 40.0, np.zeros(20)).tracks[0]
    with pytest.raises(AtlasError):
        gather([track], HEIGHT, WIDTH)


def test_hidden_and_blurred_frames_give_no_mouth() -> None:
    visibility = np.ones(40)
    visibility[10:15] = 0.2
    track = analysis_of(talking(40), np.arange(40) * 40.0, visibility).tracks[0]
    sharpness = track.sharpness.copy()
    sharpness[30] = 5
    blurred = FaceTrack(0, 0, track.frames, track.points, track.presence, track.pose, track.mouth_visibility, sharpness)
    frames = gather([blurred], HEIGHT, WIDTH).frames
    assert not set(frames) & {10, 11, 12, 13, 14, 30} and len(frames) == 34


def test_the_range_never_collapses_for_a_mumbler() -> None:
    found = measure_range(np.tile([0.01, 0.5, 0.0, 0.3], (50, 1)))
    assert found.wide - found.closed >= 0.1 and found.narrow < found.neutral < found.broad
    assert found.opening(np.array([0.0, 1.0])).tolist() == [found.closed, found.wide]


def _rows(opening: np.ndarray) -> np.ndarray:
    return np.column_stack([opening, np.full(len(opening), 0.5), np.zeros(len(opening)), np.full(len(opening), 0.3)])


def test_laughter_makes_no_vowel_wider() -> None:
    speech = np.abs(np.sin(np.arange(300))) * 0.15
    plain, laughing = (measure_range(_rows(o)).wide for o in (speech, np.concatenate([speech, np.full(40, 0.35)])))
    assert 0.13 < plain < 0.19 and laughing < 1.35 * plain


def test_pace_counts_neighbouring_frames_of_one_track_only() -> None:
    opening = np.array([0.0, 0.1, 0.0, 0.1, 0.0])
    frames, tracks = np.arange(5, dtype=np.int32), np.zeros(5, np.int32)
    assert pace(opening, frames, tracks) == pytest.approx(0.2)
    assert pace(opening, frames * 2, tracks) == 0.0 and pace(opening, frames, frames) == 0.0


def _crop(points: np.ndarray) -> Patch:
    import cv2

    yuv = cv2.cvtColor(draw(points), cv2.COLOR_RGB2YUV_I420)
    chroma = yuv[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    return Patch(0, 0, 0, yuv[:HEIGHT], chroma[0], chroma[1])


def test_teeth_are_seen_in_an_open_mouth_only() -> None:
    face = LowerFace(gather(analysis_of(talking(30), np.arange(30) * 40.0).tracks, HEIGHT, WIDTH).model.mean)
    closed, wide = (look_at(_crop(mesh(o)), mesh(o)[:, :2], face) for o in (0.0, 0.2))
    assert closed.teeth < 0.1 < 0.25 < wide.teeth
    assert wide.thumb.shape == (12, 20) and closed.light[2] > 128


def test_saved_and_loaded_atlases_are_equal(tmp_path: Path) -> None:
    candidates = gather(analysis_of(talking(30), np.arange(30) * 40.0).tracks, HEIGHT, WIDTH)
    atlas = candidates.finish([look_at(_crop(p), p, candidates.face) for p in candidates.points])
    atlas.save(tmp_path)
    again = Atlas.load(tmp_path)
    for name in ("frames", "tracks", "points", "features", "residual", "light", "thumbs", "teeth", "clear", "scale",
                 "follows"):
        np.testing.assert_array_equal(getattr(atlas, name), getattr(again, name))
    assert atlas.range == again.range
