"""From pictures and sound to clips: the ticks, the pieces and why others are not, the crops; and once with the networks
on a film of ours with a planted fault of its sound."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsync_core.face.types import FaceTrack
from lipsync_core.face.video import Picture, VideoSource
from lipsync_core.neural.box import face_boxes
from lipsync_core.speech.sound import RATE, read_mono
from lipsync_core.train.data.build import Plan, build
from lipsync_core.train.data.extract import Account, Piece, Wishes, clips_of, lips_in_crop, named, pieces_of, stretches
from lipsync_core.train.data.extract import ticks as on_ticks
from lipsync_core.train.data.layouts import Source, find_sources
from lipsync_core.train.data.shards import Shards
from lipsync_core.train.types import SAMPLES_PER_FRAME
from tests.lipsync_core.cartoon import mesh

_PLANE = np.zeros((2, 2), np.uint8)


def pictures(times_ms: list[float]) -> list[Picture]:
    return [Picture(i, t, _PLANE, _PLANE[:1, :1], _PLANE[:1, :1]) for i, t in enumerate(times_ms)]


@pytest.mark.parametrize("fps", [23.976, 24, 25, 29.97, 30, 50, 60])
def test_any_rate_becomes_25(fps: float) -> None:
    """Every tick once, and never a picture farther away than half its own duration."""
    times = [1000 * i / fps for i in range(round(fps * 4))]
    found = list(on_ticks(pictures(times)))
    assert [p.number for p in found] == list(range(len(found))) and abs(len(found) - 100) <= 1
    shown = [min(times, key=lambda t: abs(t - p.time_ms)) for p in found]
    assert max(abs(t - p.time_ms) for t, p in zip(shown, found, strict=True)) <= 500 / fps + 1e-6
    assert [p.time_ms for p in found] == [40 * p.number for p in found]


def test_25_stays_as_it_is_and_ticks_count_from_the_files_zero() -> None:
    times = [200 + 40.0 * i for i in range(20)]
    found = list(on_ticks(p for p in pictures(times)))
    assert [p.time_ms for p in found] == times and found[0].number == 5


@given(st.lists(st.floats(0, 400), min_size=1, max_size=40))
def test_any_times_give_rising_ticks_near_their_pictures(steps: list[float]) -> None:
    times = np.cumsum(steps).tolist()
    found = list(on_ticks(pictures(times)))
    numbers = [p.number for p in found]
    assert numbers == sorted(set(numbers))
    assert all(min(abs(t - p.time_ms) for t in times) <= 125.0 + 1e-6 for p in found), "nothing is shown in a hole"


def track_of(opening: np.ndarray, id: int = 0, frames: np.ndarray | None = None, visible: float = 1.0,
             scale: float = 1.0, x: float = 160.0) -> FaceTrack:
    points = np.stack([mesh(float(o), 0.5, (x, 90.0)) for o in opening]) * np.float32(scale)
    count = len(opening)
    ones = np.ones(count, np.float32)
    numbers = np.arange(count, dtype=np.int32) if frames is None else frames
    return FaceTrack(id, 0, numbers, points, ones, np.zeros((count, 3), np.float32), visible * ones, ones)


@pytest.fixture(scope="module")
def truth(samples: Path) -> np.ndarray:
    entry = json.loads((samples / "es_solo.json").read_text())["frames"]
    (_, frames), = entry if isinstance(entry, list) else entry.items()
    return np.array(frames["mouth_opening"])


@pytest.fixture(scope="module")
def sound(samples: Path) -> np.ndarray:
    return read_mono(samples / "es_solo.mp4")


def test_a_track_becomes_pieces_with_the_offset_of_the_whole(truth: np.ndarray, sound: np.ndarray) -> None:
    late = np.concatenate([np.zeros(3 * SAMPLES_PER_FRAME, np.float32), sound])
    dropped: Counter[str] = Counter()
    found = pieces_of(track_of(truth), late, Wishes(longest=110), dropped)
    assert [(p.start, p.stop, p.offset_frames) for p in found] == [(0, 106, 3), (106, 211, 3), (211, 317, 3)]
    assert not dropped and min(p.sync for p in found) > 0.3


def test_why_a_piece_is_left_out(truth: np.ndarray, sound: np.ndarray) -> None:
    def reasons(track: FaceTrack, heard: np.ndarray, **more: float) -> dict[str, int]:
        dropped: Counter[str] = Counter()
        assert pieces_of(track, heard, Wishes(longest=400, **more), dropped) == []
        return dict(dropped)

    part = truth[:150]
    assert reasons(track_of(part), sound[::-1].copy()) == {"sound and picture disagree": 1}
    assert reasons(track_of(part, visible=0.2), sound) == {"mouth hidden or turned away": 1}
    assert reasons(track_of(part, scale=0.3), sound) == {"face too small": 1}
    assert reasons(track_of(part[:20]), sound) == {"too short": 1}
    assert reasons(track_of(part), np.zeros(len(sound), np.float32)) == {"silent": 1}
    assert reasons(track_of(part), sound[:100]) == {"silent": 1}
    assert reasons(track_of(np.full(150, 0.1)), sound) == {"the mouth rests": 1}
    kept = pieces_of(track_of(part), sound[::-1].copy(), Wishes(check=False), Counter())
    assert len(kept) == 1 and kept[0].offset_frames == 0 and np.isnan(kept[0].sync)


@given(gaps=st.lists(st.integers(1, 4), min_size=1, max_size=60))
def test_stretches_have_no_holes(gaps: list[int]) -> None:
    frames = np.cumsum(gaps).astype(np.int32)
    found = stretches(frames)
    assert [row for start, stop in found for row in range(start, stop)] == list(range(len(frames)))
    assert all((np.diff(frames[start:stop]) == 1).all() for start, stop in found)
    assert all(stop - start <= 1500 for start, stop in stretches(np.arange(4000, dtype=np.int32)))


def test_two_faces_in_one_film_are_two_people(truth: np.ndarray) -> None:
    def pieces(*tracks: FaceTrack) -> list[str]:
        return [p.person for p in named([Piece(t, face_boxes(t), 0, len(t.frames), 0, 0.5) for t in tracks], "ann")]

    one, two = track_of(truth[:60]), track_of(truth[:90], 1, x=500.0)
    assert pieces(one, two) == ["ann+1", "ann"], "who is seen longer is the film's person"
    later = track_of(truth[:40], 2, np.arange(200, 240, dtype=np.int32))
    assert pieces(one, later) == ["ann", "ann"]


def test_lips_lie_in_the_crop_in_the_order_that_is_told() -> None:
    track = track_of(np.full(5, 0.2))
    lips = lips_in_crop(track.points.astype(np.float64), face_boxes(track).matrices)
    assert lips.shape == (5, 40, 2) and lips.min() > 0.1 and lips.max() < 0.95
    for lip in (lips[0, :20], lips[0, 20:]):
        assert lip[:, 0].argmin() == 0 and lip[:, 0].argmax() == 10
        assert (np.diff(lip[:11, 0]) > 0).all() and lip[1:10, 1].max() <= lip[11:, 1].min()
    outer, inner = lips[0, :20], lips[0, 20:]
    assert outer[5, 1] < inner[5, 1] < inner[15, 1] < outer[15, 1]


def film(path: Path, source: Path, count: int, sound: np.ndarray, fps: int = 25) -> None:
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=Fraction(fps), options={"qscale": "2"})
        audio = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for picture in VideoSource(source).frames(0, count):
            frame = av.VideoFrame.from_ndarray(picture.rgb(), format="rgb24")
            frame = frame.reformat(picture.width // 4 * 2, picture.height // 4 * 2, "yuv420p")
            if picture.number == 0:
                video.width, video.height, video.pix_fmt = frame.width, frame.height, "yuv420p"
            frame.pts, frame.time_base = picture.number, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        whole = (np.clip(sound, -1, 1) * 32767).astype(np.int16)[None]
        chunk = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        chunk.rate = RATE
        container.mux(audio.encode(chunk))
        container.mux(audio.encode())


def test_a_slow_film_and_one_without_sound_are_told(tmp_path: Path, samples: Path) -> None:
    film(tmp_path / "slow.mkv", samples / "es_solo.mp4", 4, np.zeros(RATE, np.float32), fps=12)
    account = Account()
    assert list(clips_of(Source(tmp_path / "slow.mkv", "slow", "a"), None, Wishes(), account)) == []  # type: ignore
    assert account.dropped == {"fewer than 20 frames a second": 1}


@pytest.mark.real
def test_a_film_of_ours_is_read(tmp_path: Path, samples: Path, sound: np.ndarray, truth: np.ndarray) -> None:
    from dubbing.weights.store import Store

    if (reason := Store().why_unavailable("mediapipe-face")) is not None:
        pytest.skip(reason)
    films, count = tmp_path / "films", 90
    (films / "ann").mkdir(parents=True)
    (films / "bob").mkdir()
    late = np.concatenate([np.zeros(4 * SAMPLES_PER_FRAME, np.float32), sound])[: count * SAMPLES_PER_FRAME]
    film(films / "ann" / "late.mkv", samples / "es_solo.mp4", count, late)
    film(films / "ann" / "swapped.mkv", samples / "es_solo.mp4", 60, sound[60_000:150_000][::-1][: len(late)].copy())
    (films / "bob" / "broken.mp4").write_bytes((samples / "es_solo.mp4").read_bytes()[:3000])
    plan = Plan(tmp_path / "out", Store().fetch("mediapipe-face"), Wishes((96, 192)), split="train")
    summary = build(find_sources([films]), plan)
    assert (summary["clips"], summary["unreadable"]) == (1, 1)
    assert summary["unreadable_examples"][0].startswith("films/bob/broken.mp4: ")
    assert summary["dropped"] == {"sound and picture disagree": 1}
    for size in (96, 192):
        clip = Shards(tmp_path / "out", size).load("films/ann/late.mkv#0.0")
        assert clip.info.person == "ann" and clip.info.offset_frames == 4 and clip.info.sync > 0.4
        assert clip.pictures.shape == (count, size, size, 3)
        assert np.corrcoef(clip.opening, truth[:count])[0, 1] > 0.85
        whole = len(clip.sound) - 4 * SAMPLES_PER_FRAME
        heard = np.clip(late[4 * SAMPLES_PER_FRAME:], -1, 1)
        assert np.abs(clip.sound[:whole] - heard).max() < 2e-4, "moved back to where it belongs"
        blue, _, red = clip.pictures[:, size // 3: size // 2, size // 3: 2 * size // 3].mean((0, 1, 2))
        assert red > blue + 20, "skin, in the order BGR"
