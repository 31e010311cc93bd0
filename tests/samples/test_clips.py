"""The bundled clips against their ground truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

NAMES = ["es_solo", "es_dialogue", "en_hard"]
FOLDER = Path(__file__).resolve().parents[2] / "samples"
STRENGTH_OF_CLOSURE = 0.012
"""Opening (of the eyes' distance) below which lips count as touching."""


@pytest.fixture(params=NAMES)
def clip(request: pytest.FixtureRequest) -> tuple[Path, dict[str, Any]]:
    path = FOLDER / f"{request.param}.mp4"
    return path, json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def test_file_is_small_and_standard(clip: tuple[Path, dict[str, Any]]) -> None:
    path, truth = clip
    assert path.stat().st_size < 3_000_000
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.pix_fmt) == ("h264", "yuv420p")
        assert (video.height, video.width) == (720, 1280) == (truth["height"], truth["width"])
        assert video.average_rate == 25 == truth["fps"]
        context = video.codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        assert (audio.codec_context.name, audio.rate, audio.layout.name) == ("aac", 48_000, "stereo")
        assert sum(1 for _ in container.demux(video) if _.size) == truth["frame_count"]
        assert abs(float(audio.duration * audio.time_base) * 1000 - truth["duration_ms"]) < 60


def test_truth_is_consistent(clip: tuple[Path, dict[str, Any]]) -> None:
    _, truth = clip
    count = truth["frame_count"]
    assert truth["shots"][0][0] == 0 and truth["shots"][-1][1] == count
    assert all(a[1] == b[0] for a, b in zip(truth["shots"], truth["shots"][1:], strict=False))
    speakers = {speaker["name"] for speaker in truth["speakers"]}
    assert set(truth["frames"]) == speakers
    for frames in truth["frames"].values():
        assert {len(column) for column in frames.values()} == {count}
        assert min(frames["mouth_opening"]) == 0.0 and max(frames["mouth_opening"]) > 0.12
    before = 0.0
    for turn in truth["turns"]:
        assert turn["speaker"] in speakers
        assert before <= turn["start_ms"] < turn["end_ms"] <= truth["duration_ms"]
        assert " ".join(word["text"] for word in turn["words"]) == turn["text"]
        before = turn["end_ms"]
        if truth["language"] != "en":
            assert turn["translation_en"]


def test_phonemes_cover_words(clip: tuple[Path, dict[str, Any]]) -> None:
    _, truth = clip
    for turn in truth["turns"]:
        ends = [(p["start_ms"], p["end_ms"]) for p in turn["phonemes"]]
        assert all(start < end for start, end in ends)
        assert all(a[1] <= b[0] + 0.2 for a, b in zip(ends, ends[1:], strict=False))
        for word in turn["words"]:
            inside = sum(max(0.0, min(end, word["end_ms"]) - max(start, word["start_ms"])) for start, end in ends)
            assert inside > 0.9 * (word["end_ms"] - word["start_ms"])


def test_lips_touch_at_every_closure(clip: tuple[Path, dict[str, Any]]) -> None:
    _, truth = clip
    seen = 0
    for turn in truth["turns"]:
        opening = np.array(truth["frames"][turn["speaker"]]["mouth_opening"])
        shown = np.arange(len(opening)) * 1000 / truth["fps"] + truth["exposure_ms"]
        for phoneme in turn["phonemes"]:
            if phoneme["symbol"] in "pbm":
                inside = (shown >= phoneme["start_ms"]) & (shown <= phoneme["end_ms"])
                seen += int(inside.sum())
                assert (opening[inside] < STRENGTH_OF_CLOSURE).all(), (turn["text"], phoneme)
    assert seen > 10


def test_a_listener_keeps_the_mouth_shut() -> None:
    truth = json.loads((FOLDER / "es_dialogue.json").read_text(encoding="utf-8"))
    shown = np.arange(truth["frame_count"]) * 1000 / truth["fps"]
    for name, frames in truth["frames"].items():
        speaking = np.zeros(len(shown), bool)
        for turn in truth["turns"]:
            if turn["speaker"] == name:
                speaking |= (shown > turn["start_ms"] - 250) & (shown < turn["end_ms"] + 250)
        assert np.array(frames["mouth_opening"])[~speaking].max() < STRENGTH_OF_CLOSURE


def test_hard_clip_has_what_it_is_for() -> None:
    truth = json.loads((FOLDER / "en_hard.json").read_text(encoding="utf-8"))
    (frames,) = truth["frames"].values()
    assert len(truth["shots"]) == 3
    start, end = truth["shots"][1]
    assert not any(frames["face_visible"][start:end]) and all(frames["face_visible"][:start])
    assert 8 <= sum(frames["mouth_occluded"]) <= 60
    assert max(np.abs(frames["yaw_deg"])) > 65


@pytest.mark.real
@pytest.mark.parametrize("name", NAMES)
def test_face_mesh_sees_a_face(name: str) -> None:
    from dubbing.errors import DubbingError
    from dubbing.weights.store import Store
    from lipsync_core.face.detector import FaceDetector
    from lipsync_core.face.mesh import FaceMesh, lip_opening, roi_from_detection
    from lipsync_core.face.models import FaceModels
    from lipsync_core.face.video import VideoSource

    try:
        models = FaceModels(Store().fetch("mediapipe-face"))
    except DubbingError as error:
        pytest.skip(f"the face networks are not here: {error}")
    truth = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    detector, mesh = FaceDetector(models), FaceMesh(models)
    measured: list[float] = []
    driven: list[float] = []
    for picture in VideoSource(FOLDER / f"{name}.mp4").frames():
        if picture.number % 11:
            continue
        for speaker in truth["speakers"]:
            own = {key: column[picture.number] for key, column in truth["frames"][speaker["name"]].items()}
            if own["mouth_occluded"] or abs(own["yaw_deg"]) > 35 or not own["face_visible"]:
                continue
            width = speaker["right"] - speaker["left"]
            found = max(detector.region(picture, 0, speaker["left"], picture.height, width), key=lambda d: d.score)
            points, presence = mesh(picture, roi_from_detection(found))
            assert presence > 0.9, (picture.number, speaker["name"], presence)
            measured.append(float(lip_opening(points)))
            driven.append(own["mouth_opening"])
    assert np.corrcoef(measured, driven)[0, 1] > 0.8
