from __future__ import annotations

import numpy as np
import pytest

from lipsync_core.face import smoothing
from lipsync_core.face.detector import (
    FULL_RANGE_ANCHORS,
    PALM_ANCHORS,
    SHORT_RANGE_ANCHORS,
    Detection,
    overlap,
    suppress,
    tiles,
)
from lipsync_core.face.mesh import LEFT_EYE, MESH_POINTS, RIGHT_EYE, Roi, head_pose, lip_opening, roi_from_points
from lipsync_core.face.smoothing import bridge_gaps, smooth


def face(turn: np.ndarray | None = None) -> np.ndarray:
    """A plausible mesh [468, 3]: twins mirrored, eyes above the mouth, everything else at random."""
    points = np.random.default_rng(3).normal(0, 20, (MESH_POINTS, 3))
    sides = {(33, 263): (-45, -30, 10), (133, 362): (-20, -30, 6), (234, 454): (-70, 0, 60), (127, 356): (-68, -30, 55),
             (93, 323): (-68, 15, 55), (132, 361): (-66, 30, 50), (61, 291): (-25, 40, 8), (50, 280): (-45, 5, 5),
             (70, 300): (-48, -50, 5), (54, 284): (-55, -70, 30), (129, 358): (-15, 10, -5), (205, 425): (-38, 25, 5)}
    for (left, right), (x, y, z) in sides.items():
        points[left], points[right] = (x, y, z), (-x, y, z)
    # Pitch is zero where eyes and mouth corners are equally far.
    points[[33, 263, 133, 362, 61, 291], 2] = 8
    return (points if turn is None else points @ turn.T).astype(np.float32)


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Looking up by pitch, then turning to the picture's right by yaw, then tilting clockwise by roll."""
    p, y, r = np.radians([-pitch, yaw, roll])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def test_anchor_counts_are_those_of_the_networks() -> None:
    assert (len(FULL_RANGE_ANCHORS), len(SHORT_RANGE_ANCHORS), len(PALM_ANCHORS)) == (2304, 896, 2016)
    assert FULL_RANGE_ANCHORS[0] == pytest.approx([0.5 / 48] * 2)
    assert SHORT_RANGE_ANCHORS[0] == pytest.approx(SHORT_RANGE_ANCHORS[1])


def test_overlapping_detections_become_one() -> None:
    def found(score: float, x: float) -> Detection:
        return Detection(score, np.array([x, 0, x + 10, 10], np.float32), np.zeros((6, 2), np.float32) + x)

    kept = suppress([found(0.6, 1), found(0.9, 0), found(0.8, 40)])
    assert [d.score for d in kept] == [0.9, 0.8]
    assert kept[0].box == pytest.approx([0.4, 0, 10.4, 10])
    assert overlap(kept[0].box, kept[0].box[None])[0] == pytest.approx(1)


@pytest.mark.parametrize("size", [(1080, 1920), (1920, 1080), (512, 512), (37, 300)])
@pytest.mark.parametrize("level", [1, 2])
def test_tiles_cover_the_picture(size: tuple[int, int], level: int) -> None:
    covered = np.zeros(size, bool)
    for top, left, height, width in tiles(*size, level):
        covered[top : top + height, left : left + width] = True
    assert covered.all()


@pytest.mark.parametrize("angles", [(0, 0, 0), (25, 0, 0), (-40, 0, 0), (0, 15, 0), (0, -20, 0), (0, 0, 30),
                                    (20, 10, -15)])
def test_head_pose_is_the_rotation(angles: tuple[float, float, float]) -> None:
    assert head_pose(face(rotation(*angles))) == pytest.approx(angles, abs=0.01)
    assert head_pose(np.stack([face(rotation(*angles))] * 3)).shape == (3, 3)


def test_turned_to_the_right_moves_the_nose_to_the_right() -> None:
    nose = np.array([0, 0, -40.0])
    assert (rotation(20, 0, 0) @ nose)[0] > 0 and (rotation(0, 20, 0) @ nose)[1] < 0


def test_roi_is_upright_and_centred() -> None:
    points = face(rotation(0, 0, 25)) + np.array([300, 200, 0], np.float32)
    roi = roi_from_points(points)
    crop = points[:, :2] @ roi.matrix(192)[:, :2].T + roi.matrix(192)[:, 2]
    eyes = crop[list(RIGHT_EYE)].mean(0) - crop[list(LEFT_EYE)].mean(0)
    assert eyes[1] == pytest.approx(0, abs=0.01) and eyes[0] > 0
    assert (crop.min(0) + crop.max(0)) / 2 == pytest.approx([95.5, 95.5], abs=0.01)
    assert np.ptp(crop, axis=0).max() == pytest.approx(128, abs=0.01)
    assert Roi(10, 20, 192, 0).matrix(192) @ [10, 20, 1] == pytest.approx([95.5, 95.5])


def moving(count: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """A head that nods and speaks: clean points [T, 468, 3], and the same with measuring noise."""
    clean = np.stack([face() for _ in range(count)]).astype(np.float64)
    times = np.arange(count)
    mouth = 8 * np.abs(np.sin(times * 0.55))
    clean[:, [87, 14, 317, 17, 84, 314], 1] += mouth[:, None]
    clean[..., 0] += (300 + 20 * np.sin(times / 9))[:, None]
    clean[..., 1] += 200
    return clean, clean + np.random.default_rng(5).normal(0, noise, clean.shape)


def test_smoothing_steadies_the_head_and_does_not_lag_the_lips() -> None:
    clean, noisy = moving(120, 0.15)
    frames = np.arange(120, dtype=np.int32)
    result = smooth(frames, noisy.astype(np.float32))
    rigid = [33, 133, 362, 263, 168]
    assert np.abs(result[:, rigid] - clean[:, rigid]).mean() < 0.75 * np.abs(noisy[:, rigid] - clean[:, rigid]).mean()
    wanted, got, measured = (lip_opening(p.astype(np.float64)) for p in (clean, result, noisy))
    by_lag = [np.corrcoef(wanted[5:-5], np.roll(got, -lag)[5:-5])[0, 1] for lag in (-1, 0, 1)]
    assert by_lag[1] == max(by_lag) and by_lag[1] >= np.corrcoef(wanted, measured)[0, 1] - 0.005
    assert np.ptp(got) > 0.9 * np.ptp(wanted)


def test_fast_motion_is_followed_to_the_pixel() -> None:
    clean, noisy = moving(80, 0.1)
    shake = 15 * np.random.default_rng(8).normal(0, 1, (80, 1, 2))
    result = smooth(np.arange(80, dtype=np.int32), (noisy + np.pad(shake, ((0, 0), (0, 0), (0, 1)))).astype(np.float32))
    apart = np.linalg.norm(result[..., :2] - clean[..., :2] - shake, axis=-1)
    assert apart.mean(1).max() < 0.6


def test_long_runs_are_smoothed_in_blocks_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    _, noisy = moving(240, 0.15)
    frames, points = np.arange(240, dtype=np.int32), noisy.astype(np.float32)
    whole = smooth(frames, points)
    monkeypatch.setattr(smoothing, "_BLOCK", 50)
    blocks = smooth(frames, points)
    # Noise is estimated per block, so the result differs a little; at the seams no more than elsewhere.
    apart = np.abs(blocks - whole).mean((1, 2))
    assert apart.mean() < 0.005 and apart[[49, 50, 99, 100]].max() < 0.01


def test_smoothing_keeps_a_sudden_turn_where_it_is() -> None:
    clean, _ = moving(60, 0.0)
    clean[30:, :, 0] += 40
    noisy = clean + np.random.default_rng(6).normal(0, 0.2, clean.shape)
    result = smooth(np.arange(60, dtype=np.int32), noisy.astype(np.float32))
    step = np.diff(result[:, 168, 0].astype(float))
    assert step.argmax() == 29 and step[29] > 30


def test_short_gaps_are_bridged_and_long_ones_stay() -> None:
    clean, _ = moving(30, 0.0)
    kept = np.array([0, 1, 2, 5, 6, 12, 13], np.int32)
    frames, points, filled = bridge_gaps(kept, clean[kept].astype(np.float32))
    assert frames.tolist() == [0, 1, 2, 3, 4, 5, 6, 12, 13]
    assert filled.tolist() == [False] * 3 + [True] * 2 + [False] * 4
    assert points[3, :, 0] == pytest.approx(points[2, :, 0] + (points[5, :, 0] - points[2, :, 0]) / 3, abs=1e-3)
    jumped = clean[kept].astype(np.float32)
    jumped[3:] += 500
    assert bridge_gaps(kept, jumped)[0].tolist() == kept.tolist()
