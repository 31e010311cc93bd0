from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from lipsync_core.face.active import active_tracks, loudness
from lipsync_core.face.analyse import analyse_video
from lipsync_core.face.models import FaceModels
from lipsync_core.face.types import FaceAnalysis, FaceTrack

from .conftest import Write, pictures

FRAMES, RATE = 150, 25


def syllables(seed: int) -> np.ndarray:
    """float [FRAMES * 40]: loudness per millisecond of talk with pauses."""
    generator = np.random.default_rng(seed)
    level, at = np.zeros(FRAMES * 40), 200.0
    while at < len(level) - 300:
        length = int(generator.uniform(90, 200))
        level[int(at) : int(at) + length] = np.sin(np.linspace(0, np.pi, length)) * generator.uniform(0.4, 1)
        at += length + generator.uniform(20, 60) + (generator.random() < 0.2) * 400
    return level


def voice(level: np.ndarray) -> np.ndarray:
    """float32 mono at 16 kHz: noise with this loudness."""
    noise = np.random.default_rng(0).normal(0, 0.2, len(level) * 16)
    return (np.repeat(level, 16) * noise).astype(np.float32)


def track(track_id: int, opening: np.ndarray, first: int = 0, shot: int = 0) -> FaceTrack:
    """A face whose lips open by ``opening`` eye distances."""
    count = len(opening)
    points = np.random.default_rng(1).normal(0, 30, (468, 3))[None].repeat(count, 0)
    points += np.random.default_rng(track_id).normal(0, 0.05, points.shape)
    points[:, 33], points[:, 263] = (-50, 0, 0), (50, 0, 0)
    for upper, lower in ((82, 87), (13, 14), (312, 317)):
        points[:, lower] = points[:, upper]
        points[:, lower, 1] += opening * 100
    points[:, 152, 1] += opening * 60
    ones = np.ones(count, np.float32)
    return FaceTrack(track_id, shot, np.arange(first, first + count, dtype=np.int32), points.astype(np.float32), ones,
                     np.zeros((count, 3), np.float32), ones, ones)


def analysis(*tracks: FaceTrack, shots: tuple[tuple[int, int], ...] = ((0, FRAMES),)) -> FaceAnalysis:
    return FaceAnalysis(360, 640, np.arange(FRAMES) * 40.0, np.array(shots, np.int32), tracks)


def opening(level: np.ndarray) -> np.ndarray:
    """The lips follow the loudness, a frame late."""
    return 0.2 * np.roll(level.reshape(FRAMES, 40).mean(1), 1)


STILL = np.full(FRAMES, 0.03)
WHOLE = [("A", 0.0, FRAMES * 40.0)]


def test_the_face_that_moves_with_the_sound_speaks_and_the_listener_never() -> None:
    first, second = syllables(1), syllables(2)
    both = analysis(track(4, opening(first)), track(7, opening(second)), track(9, STILL))
    for sound, expected in ((first, 4), (second, 7)):
        found = active_tracks(both, WHOLE, voice(sound))["A"]
        assert {span.track_id for span in found} == {expected}
        assert sum(span.end_frame - span.start_frame for span in found) > 0.9 * FRAMES
        assert all(0 < span.score <= 1 for span in found)


def test_voice_over_a_resting_or_smiling_face_belongs_to_nobody() -> None:
    smile = 0.03 + 0.1 * np.linspace(0, 1, FRAMES)
    assert active_tracks(analysis(track(0, STILL)), WHOLE, voice(syllables(1))) == {"A": []}
    assert active_tracks(analysis(track(0, smile)), WHOLE, voice(syllables(1))) == {"A": []}
    assert active_tracks(analysis(), WHOLE, voice(syllables(1))) == {"A": []}


def test_lone_face_with_a_moving_mouth_speaks() -> None:
    found = active_tracks(analysis(track(3, opening(syllables(1)))), WHOLE, voice(syllables(1)))["A"]
    assert [(s.track_id, s.start_frame, s.end_frame) for s in found] == [(3, 0, FRAMES)]


def test_speakers_take_turns_and_shots_change() -> None:
    one, two = syllables(1), syllables(2)
    half = FRAMES // 2
    one[half * 40 :] = 0
    two[: half * 40] = 0
    scene = analysis(track(0, opening(one)), track(1, opening(two)))
    spans = [("B", half * 40.0, FRAMES * 40.0), ("A", 0.0, half * 40.0)]
    found = active_tracks(scene, spans, voice(one + two))
    assert {s.track_id for s in found["A"]} == {0} and {s.track_id for s in found["B"]} == {1}
    assert all(s.end_frame <= half + 1 for s in found["A"])
    whole = opening(syllables(1))
    cut = analysis(track(0, whole[:60]), track(5, whole[60:], 60, 1), shots=((0, 60), (60, FRAMES)))
    found = active_tracks(cut, WHOLE, voice(syllables(1)))["A"]
    assert [(s.track_id, s.start_frame, s.end_frame) for s in found] == [(0, 0, 60), (5, 60, FRAMES)]


def test_silence_empty_sound_and_wrong_spans() -> None:
    scene = analysis(track(0, STILL))
    assert active_tracks(scene, WHOLE, np.zeros(16_000 * 6, np.float32)) == {"A": []}
    assert active_tracks(scene, [("A", 0.0, 400.0)], np.zeros(0, np.float32)) == {"A": []}
    assert len(loudness(np.zeros(16_000, np.float32))) == 100
    with pytest.raises(ValueError, match="before it starts"):
        active_tracks(scene, [("A", 500.0, 400.0)], np.zeros(0, np.float32))


def read_sound(path: Path) -> np.ndarray:
    resampler = av.AudioResampler("flt", "mono", 16_000)
    with av.open(str(path)) as container:
        blocks = [b.to_ndarray()[0] for f in container.decode(audio=0) for b in resampler.resample(f)]
    return np.concatenate(blocks)


@pytest.mark.real
def test_real_faces_side_by_side_are_told_apart_by_their_sound(
        media: Path, models: FaceModels, write_video: Write) -> None:
    names = ("man_desk_844_25fps.mp4", "woman_glasses_524_25fps.mp4")
    left, right = (pictures(media / name, 100, 320) for name in names)
    scene = analyse_video(write_video("two.mp4", (np.hstack(p) for p in zip(left, right, strict=True))), models)
    for index, name in enumerate(names):
        found = active_tracks(scene, [("A", 0.0, 4000.0)], read_sound(media / name))["A"]
        assert found
        chosen = {t.id: t for t in scene.tracks}[found[0].track_id]
        assert {s.track_id for s in found} == {chosen.id}
        assert bool(chosen.points[0, :, 0].mean() > 320) == bool(index)
    still = analyse_video(write_video("still.mp4", [left[0]] * 50), models)
    assert active_tracks(still, [("A", 0.0, 2000.0)], read_sound(media / names[0])) == {"A": []}
