"""The lip-sync engines behind the pipeline's protocol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Engine, LipSyncLine, SpeakerSpan
from dubbing.engines.lipsync.atlas import AtlasLipSyncer
from dubbing.engines.lipsync.fake import COLOUR, FakeLipSyncer
from dubbing.errors import DubbingError, MediaError
from tests.lipsync_core.cartoon import talking, write_video

LINE = LipSyncLine("u1", "ana", 200, (Phoneme("m", 0, 100), Phoneme("a", 100, 300)), np.zeros(4800, np.float32), 16000,
                   100, 700)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    write_video(tmp_path / "clip.mp4", talking(30))
    return tmp_path / "clip.mp4"


@pytest.mark.parametrize("engine", [AtlasLipSyncer(), FakeLipSyncer()])
def test_both_are_engines_and_cheap_to_release(engine: Engine) -> None:
    assert isinstance(engine, Engine)
    engine.release()


def test_only_the_fake_calls_itself_one() -> None:
    assert FakeLipSyncer.is_fake and not AtlasLipSyncer.is_fake


def test_the_fake_paints_the_covered_frames_in_one_colour(video: Path, tmp_path: Path) -> None:
    engine = FakeLipSyncer()
    folders = [tmp_path / name for name in ("tracks", "models", "line")]
    for folder in folders:
        folder.mkdir()
    engine.track(video, folders[0])
    seen = engine.model(video, folders[0], [SpeakerSpan("ana", 0, 900)], folders[1])
    assert seen["ana"][0][1] >= 1160
    done = engine.render(video, folders[0], folders[1], LINE, folders[2])
    patches = list(engine.patches(folders[2]))
    assert done.frames == len(patches) == 15 and [p.frame for p in patches] == list(range(3, 18))
    assert {(int(p.y.min()), int(p.y.max()), int(p.u[0, 0]), int(p.v[0, 0])) for p in patches} == {
        (COLOUR[0], COLOUR[0], *COLOUR[1:])}


def test_a_file_that_is_no_video_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    engine = AtlasLipSyncer()
    try:
        engine.load()
    except DubbingError as error:
        pytest.skip(f"the face networks are not here: {error}")
    with pytest.raises(MediaError, match="cannot be"):
        engine.track(tmp_path / "notes.mp4", tmp_path)


@pytest.mark.real
def test_a_real_face_says_new_words(media: Path, tmp_path: Path) -> None:
    """Two seconds of a real clip: tracked, learnt, repainted with closures that the plan asks for."""
    engine = AtlasLipSyncer()
    try:
        engine.load()
    except DubbingError as error:
        pytest.skip(f"the face networks are not here: {error}")
    clip = media / "woman_podium_590_25fps.mp4"
    folders = [tmp_path / name for name in ("tracks", "models", "line")]
    for folder in folders:
        folder.mkdir()
    engine.track(clip, folders[0])
    seen = engine.model(clip, folders[0], [SpeakerSpan("ana", 0, 5000)], folders[1])
    assert seen["ana"] == [(0, 5000)]
    phones = tuple(Phoneme(s, 90.0 * i, 90.0 * i + 90) for i, s in enumerate("mapabebimopaba"))
    line = LipSyncLine("u1", "ana", 500, phones, np.zeros(0, np.float32), 24000, 400, 1900)
    done = engine.render(clip, folders[0], folders[1], line, folders[2])
    assert done.frames == 38 and done.note == ""
    assert len(list(engine.patches(folders[2]))) == 38
