"""The whole tracker on real faces; the clips are composed here from the local ones."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync_core.face.analyse import analyse_video, pose_visibility
from lipsync_core.face.attention import LIP_POINTS, AttentionMesh, lips_map
from lipsync_core.face.detector import FaceDetector
from lipsync_core.face.hands import HandFinder, covered_share
from lipsync_core.face.mesh import (
    LEFT_EYE,
    OUTER_LIPS,
    RIGHT_EYE,
    FaceMesh,
    eye_distance,
    lip_opening,
    roi_from_detection,
    roi_from_points,
)
from lipsync_core.face.models import FaceModels, ModelError, Network
from lipsync_core.face.occlusion import steady
from lipsync_core.face.types import FaceAnalysis
from lipsync_core.face.video import Picture, VideoSource

from .conftest import Write, pictures

pytestmark = pytest.mark.real

MAN, GLASSES = "man_desk_844_25fps.mp4", "woman_glasses_524_25fps.mp4"
CLOSE, HAND = "woman_close_512_25fps_48k.mp4", "hand_near_face_512_25fps_nospeech.mp4"
SMALL = "outdoor_fullbody_1080x1920_hevc_25fps.mp4"
SIDE = 384


def grey(count: int) -> list[np.ndarray]:
    """A room without a face."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    wall = np.stack([90 + x // 8, 120 + y // 10, 80 + (x + y) // 16], -1).astype(np.uint8)
    wall[250:, 40:200] = (60, 40, 30)
    return [wall] * count


@pytest.mark.parametrize("name", [MAN, HAND, SMALL])
def test_one_face_is_followed_in_every_frame(media: Path, models: FaceModels, name: str) -> None:
    calls: list[tuple[int, int, str]] = []
    analysis = analyse_video(media / name, models, lambda *call: calls.append(call))
    source = VideoSource(media / name)
    assert (analysis.height, analysis.width) == (source.height, source.width)
    assert analysis.shots.tolist() == [[0, analysis.frame_count]]
    assert len(analysis.tracks) == 1
    track = analysis.tracks[0]
    assert track.frames.tolist() == list(range(analysis.frame_count))
    assert track.presence.min() > 0.9
    assert track.mouth_visibility.mean() > 0.97
    assert np.isfinite(track.points).all() and track.points.dtype == np.float32
    assert (track.sharpness > 0).all()
    assert np.ptp(lip_opening(track.points)) > 0.05
    assert [c[0] for c in calls] == sorted(c[0] for c in calls)
    assert calls[-1][:2] == (analysis.frame_count, analysis.frame_count)


def test_two_faces_keep_their_identity_and_their_files(
        media: Path, models: FaceModels, write_video: Write, tmp_path: Path) -> None:
    left, right = (pictures(media / name, 40, SIDE) for name in (MAN, GLASSES))
    path = write_video("two.mp4", (np.hstack(pair) for pair in zip(left, right, strict=True)))
    analysis = analyse_video(path, models)
    assert len(analysis.tracks) == 2
    by_side = sorted(analysis.tracks, key=lambda t: float(t.points[0, :, 0].mean()))
    for index, track in enumerate(by_side):
        assert len(track.frames) == 40
        centres = track.points[:, :, 0].mean(1)
        assert (centres > index * SIDE).all() and (centres < (index + 1) * SIDE).all()
    analysis.save(tmp_path / "a.npz")
    again = FaceAnalysis.load(tmp_path / "a.npz")
    assert np.array_equal(again.tracks[1].points, analysis.tracks[1].points)


def test_cut_to_a_room_without_face_and_back_to_another_face(
        media: Path, models: FaceModels, write_video: Write) -> None:
    film = [*pictures(media / MAN, 15, SIDE), *grey(12), *pictures(media / CLOSE, 15, SIDE)]
    analysis = analyse_video(write_video("cut.mp4", film), models)
    assert analysis.shots.tolist() == [[0, 15], [15, 27], [27, 42]]
    assert [(t.shot, t.frames[0], t.frames[-1]) for t in analysis.tracks] == [(0, 0, 14), (2, 27, 41)]
    assert len({t.id for t in analysis.tracks}) == 2


def test_video_without_face_has_no_tracks(models: FaceModels, write_video: Write) -> None:
    analysis = analyse_video(write_video("empty.mp4", grey(20)), models)
    assert analysis.tracks == () and analysis.frame_count == 20


def test_face_that_leaves_and_comes_back_is_one_track_with_a_gap(
        media: Path, models: FaceModels, write_video: Write) -> None:
    film = pictures(media / CLOSE, 60, SIDE)
    hidden = range(20, 36)
    for number in hidden:
        film[number] = film[number].copy()
        film[number][60:] = film[number][60:, :40].mean((0, 1)).astype(np.uint8)
    analysis = analyse_video(write_video("gap.mp4", film), models)
    assert len(analysis.shots) <= 3
    seen = sorted(int(n) for t in analysis.tracks for n in t.frames)
    assert set(range(20)) <= set(seen) and set(range(44, 60)) <= set(seen)
    assert not set(range(22, 35)) & set(seen)


def test_turned_file_is_tracked_upright(media: Path, models: FaceModels, write_video: Write) -> None:
    import av

    upright = pictures(media / GLASSES, 12, SIDE)
    plain = analyse_video(write_video("plain.mp4", upright), models)
    path = write_video("stored.mp4", (np.rot90(p, -1) for p in upright))
    turned = path.with_name("turned.mp4")
    with av.open(str(path)) as source, av.open(str(turned), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(90)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    analysis = analyse_video(turned, models)
    assert len(analysis.tracks) == 1
    apart = np.linalg.norm(analysis.tracks[0].points[..., :2] - plain.tracks[0].points[..., :2], axis=-1)
    assert np.median(apart) < 0.01 * SIDE


def test_tilted_head_is_measured(media: Path, models: FaceModels, write_video: Write) -> None:
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), -30, 0.9)  # OpenCV counts anticlockwise
    level = pictures(media / GLASSES, 8, SIDE)
    film = [cv2.warpAffine(p, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE) for p in level]
    tilted, straight = (analyse_video(write_video(n, f), models).tracks[0]
                        for n, f in (("tilted.mp4", film), ("level.mp4", level)))
    assert (tilted.pose - straight.pose)[:, 2].mean() == pytest.approx(30, abs=3)


def test_points_lie_on_the_features(media: Path, models: FaceModels) -> None:
    """The lip points enclose the reddest part of the lower face, the eyes lie above the mouth."""
    analysis = analyse_video(media / GLASSES, models)
    track = analysis.tracks[0]
    picture = next(VideoSource(media / GLASSES).frames(40, 41))
    points = track.points[40]
    rgb = picture.rgb().astype(int)
    redness = cv2.GaussianBlur((rgb[..., 0] - rgb[..., 1]).astype(np.float32), (0, 0), 2)
    lips = points[list(OUTER_LIPS), :2]
    mask = cv2.fillPoly(np.zeros(redness.shape, np.uint8), [np.round(lips).astype(np.int32)], 1)
    ring = cv2.dilate(mask, np.ones((25, 25), np.uint8)) - cv2.dilate(mask, np.ones((7, 7), np.uint8))
    assert redness[mask > 0].mean() > 1.5 * redness[ring > 0].mean()
    assert max(points[list(LEFT_EYE), 1].max(), points[list(RIGHT_EYE), 1].max()) < lips[:, 1].min()


def cut_out_hand(media: Path, models: FaceModels) -> tuple[np.ndarray, np.ndarray]:
    """A real hand as RGB and its mask, from the clip of the seated woman."""
    picture: Picture = next(VideoSource(media / SMALL).frames(200, 201))
    hand = max(HandFinder(models).near(picture, np.array([540, 1400], np.float32), 900), key=np.ptp)
    low, high = ((hand.min(0) - 40) // 2 * 2).astype(int), ((hand.max(0) + 60) // 2 * 2).astype(int)
    local = np.round(hand - low).astype(int)
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillPoly(mask, [local[[0, 1, 5, 9, 13, 17]]], 255)
    for finger in range(5):
        cv2.polylines(mask, [local[[0, *range(1 + 4 * finger, 5 + 4 * finger)]]], False, 255,
                      int(0.26 * np.linalg.norm(hand[9] - hand[0])))
    return picture.rgb_region(int(low[1]), int(low[0]), *mask.shape), mask


def paste(picture: np.ndarray, what: np.ndarray, mask: np.ndarray, centre: np.ndarray) -> np.ndarray:
    at = np.array([[1, 0, centre[0] - mask.shape[1] / 2], [0, 1, centre[1] - mask.shape[0] / 2]])
    size = picture.shape[1::-1]
    soft = cv2.warpAffine(cv2.GaussianBlur(mask, (0, 0), 1), at, size)[..., None] / 255
    return (picture * (1 - soft) + cv2.warpAffine(what, at, size) * soft).astype(np.uint8)


@pytest.mark.parametrize("what", ["hand", "microphone"])
def test_mouth_behind_something_is_hidden_and_comes_free_again(
        media: Path, models: FaceModels, write_video: Write, what: str) -> None:
    film = pictures(media / MAN, 75, SIDE)
    track = analyse_video(write_video("free.mp4", film[:6]), models).tracks[0]
    mouth, eyes = track.points[0, list(OUTER_LIPS), :2].mean(0), float(eye_distance(track.points[0]))
    if what == "hand":
        thing, mask = (cv2.resize(a, None, fx=eyes / 115, fy=eyes / 115) for a in cut_out_hand(media, models))
    else:
        thing = np.full((int(1.6 * eyes), int(0.8 * eyes), 3), 35, np.uint8)
        mask = np.full(thing.shape[:2], 255, np.uint8)
    # It comes from below, stays from frame 31 to 43, and leaves.
    away = [float(np.clip((abs(n - 37) - 6) / 12, 0, 1)) for n in range(75)]
    film = [paste(p, thing, mask, mouth + np.array([0, 3.5 * a * eyes])) for p, a in zip(film, away, strict=True)]
    tracks = analyse_video(write_video("hidden.mp4", film), models).tracks
    visible = np.ones(75)
    for n in range(75):
        here = [t.mouth_visibility[t.frames == n] for t in tracks if (t.frames == n).any()]
        visible[n] = here[0][0] if here else 0.0
    assert visible[:18].min() > 0.95 and visible[60:].min() > 0.95
    assert visible[33:42].max() < 0.3


def test_covered_share_of_a_synthetic_hand() -> None:
    points = np.zeros((468, 3), np.float32)
    angles = np.linspace(0, 2 * np.pi, len(OUTER_LIPS), endpoint=False)
    points[list(OUTER_LIPS), 0], points[list(OUTER_LIPS), 1] = 100 + 30 * np.cos(angles), 100 + 15 * np.sin(angles)
    hand = np.stack([np.linspace(60, 140, 21), np.linspace(60, 140, 21)], 1).astype(np.float32)
    hand[[0, 1, 5, 9, 13, 17]] = [(60, 140), (60, 100), (60, 60), (100, 55), (140, 60), (140, 140)]
    assert covered_share(hand, points) == 1
    assert covered_share(hand + 300, points) == 0


@pytest.mark.parametrize(("yaw", "pitch", "expected"), [(0, 0, 1), (30, 0, 1), (-30, 20, 1), (60, 0, 0), (-50, 0, 0),
                                                        (0, 50, 0)])
def test_profile_fades_the_mouth_out(yaw: float, pitch: float, expected: float) -> None:
    assert pose_visibility(np.array([[yaw, pitch, 0]], np.float32))[0] == expected


def test_hidden_stretches_are_closed_and_widened() -> None:
    hidden = np.zeros(40, np.float32)
    hidden[[15, 20, 21, 27]] = 1
    assert np.flatnonzero(steady(hidden)).tolist() == list(range(13, 30))
    assert not steady(np.zeros(40, np.float32)).any()


def test_refined_lips_close_tighter_and_agree_with_the_plain_mesh(media: Path, models: FaceModels) -> None:
    plain, refined = Network(models.folder / "face_landmark.tflite", 1), models.mesh
    assert isinstance(refined, AttentionMesh)
    openings = []
    for picture in VideoSource(media / CLOSE).frames(30, 70):
        if picture.number == 30:
            found = FaceDetector(models).everywhere(picture)[0]
            roi = roi_from_detection(found)
        crop = picture.warp_rgb(roi.matrix(192), 192, 192).astype(np.float32) / 255
        first, second = (next(o for o in net(crop) if o.size == 1404).reshape(468, 3) for net in (plain, refined))
        rest = [i for i in range(468) if i not in LIP_POINTS]
        assert np.abs(first - second)[rest, :2].mean() < 3 and np.abs(first - second)[list(LIP_POINTS), :2].max() < 12
        openings.append([float(lip_opening(p)) for p in (first, second)])
        roi = roi_from_points(FaceMesh(models)(picture, roi)[0])
    low, high = np.min(openings, 0), np.max(openings, 0)
    assert low[1] / high[1] < 0.8 * low[0] / high[0]


def test_lips_crop_holds_the_lips_with_a_margin() -> None:
    points = np.random.default_rng(2).uniform(60, 130, (468, 2)).astype(np.float32)
    points[61], points[291] = (50, 80), (140, 100)
    to_features = lips_map(points)
    lips = points[list(LIP_POINTS)] / 4
    crop = (lips - to_features[:, 2]) @ np.linalg.inv(to_features[:, :2]).T
    assert crop.min(0) == pytest.approx([8 - 8 / 1.5] * 2) and crop.max(0) == pytest.approx([8 + 8 / 1.5] * 2)
    corners = crop[[LIP_POINTS.index(61), LIP_POINTS.index(291)]]
    assert corners[0, 1] == pytest.approx(corners[1, 1]) and corners[0, 0] < corners[1, 0]


def test_unusable_attention_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "face_landmark_with_attention.tflite"
    for content in (b"nothing useful" * 20, b"\x1c\0\0\0TFL3" + b"\0" * 40):
        path.write_bytes(content)
        with pytest.raises(ModelError, match="attention"):
            AttentionMesh(path, 1)


def test_our_samples_have_a_face(samples: Path, models: FaceModels) -> None:
    clips = sorted(samples.glob("*.mp4"))
    if not clips:
        pytest.skip("no clip in samples/ yet")
    analysis = analyse_video(clips[0], models)
    assert sum(len(t.frames) for t in analysis.tracks) > 0.5 * analysis.frame_count


def test_missing_networks_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="face_detection_full_range_sparse"):
        FaceModels(tmp_path)
