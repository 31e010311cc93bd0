"""The corpus of invented people: what is drawn by seed, what a clip says about itself, and that it can be resumed."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import av
import numpy as np
import pytest

from samples import corpus
from samples.corpus import Plan, Studio, jobs, plan_clip
from samples.corpus_objects import covered
from samples.corpus_speech import Speakers, mouth_phones, speak
from samples.face_motion import CLOSED, EXPOSURE_MS, TARGETS
from samples.identities import invent
from samples.render import Camera

SECONDS, SIZE = 1.6, 64


def test_a_plan_depends_on_its_seed_alone() -> None:
    assert plan_clip(3, 5, 1) == plan_clip(3, 5, 1)
    first, second, other_seed = plan_clip(3, 5, 0), plan_clip(3, 5, 1), plan_clip(4, 5, 0)
    assert first.identity == second.identity and first.voice == second.voice
    assert first.camera != second.camera and first.lighting != second.lighting
    assert other_seed.identity != first.identity != plan_clip(3, 6, 0).identity


def test_the_size_changes_nothing_but_the_size() -> None:
    small, large = plan_clip(0, 2, 0, 64), plan_clip(0, 2, 0, 256)
    assert (small.identity, small.language, small.manner) == (large.identity, large.language, large.manner)
    assert large.camera.focal == pytest.approx(4 * small.camera.focal)
    assert (large.camera.x, large.camera.y) == (small.camera.x, small.camera.y)


def test_everybody_comes_before_anybody_comes_twice() -> None:
    assert [job[1:3] for job in jobs(5, 3, 0, 96, 1.0)] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)]
    assert jobs(2, 3, 0, 96, 1.0, start=3) == jobs(5, 3, 0, 96, 1.0)[3:]


def test_people_differ_in_all_that_was_promised() -> None:
    people = [invent(seed) for seed in range(60)]
    assert 15 < sum(p.female > 0.5 for p in people) < 45
    assert len({p.hair_style for p in people}) >= 8
    assert 5 < sum(bool(p.glasses) for p in people) < 35
    assert 4 < sum(bool(p.beard) for p in people) < 30
    assert all(p.female < 0.5 for p in people if p.beard or p.bald)
    skin = np.array([p.skin[0] for p in people])
    assert skin.min() < 0.2 and skin.max() > 0.5
    assert len({tuple(p.targets.items()) for p in people}) == 60
    plans = [plan_clip(0, k, 0) for k in range(80)]
    assert {p.voice.kind for p in plans} == {"kokoro", "hibari", "formant"}
    assert len({p.language for p in plans}) >= 9
    assert 4 < sum(bool(p.occluder) for p in plans) < 32


def test_any_symbol_becomes_one_that_the_mouth_knows() -> None:
    phones = mouth_phones([(" ", 0, 200), ("pʲ", 200, 300), ("œy", 300, 500), ("th", 500, 580), ("1", 580, 600)])
    assert [p.symbol for p in phones] == [" ", "p", "ɔ", "u", "t", "ʔ"]
    assert all(p.symbol in TARGETS for p in phones if p.symbol != " ")
    assert (phones[2].start_ms, phones[3].start_ms, phones[3].end_ms) == (300, 400, 500)


def test_share_of_a_covered_mouth() -> None:
    camera, mouth = Camera(0, 6.6, 11.2, 256.0, 96, 96), np.array([0.0, 6.6, 1.2])
    cover = np.zeros((96, 96), np.float32)
    assert covered(cover, camera, mouth) == 0
    cover[:, :48] = 1
    assert covered(cover, camera, mouth) == pytest.approx(0.5, abs=0.1)


def _formant_plan() -> Plan:
    """The first clip whose voice costs nothing and whose speech has several closures."""
    speakers = Speakers()
    for k in count():
        plan = plan_clip(0, k, 0, SIZE, SECONDS)
        if plan.voice.kind == "formant":
            speech = speak(speakers, plan.voice, plan.language, SECONDS, plan.silence_s, plan.random(5))
            if sum(symbol[0] in CLOSED and end - start > 45 for symbol, start, end in speech.phones) >= 3:
                return plan
    raise AssertionError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Studio, Plan]:
    from samples.mesh import default_mesh_folder

    studio, plan = Studio(tmp_path_factory.mktemp("corpus"), default_mesh_folder()), _formant_plan()
    assert studio.make(plan)
    return studio, plan


def _first_frames(path: Path, most: int) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame, _ in zip(container.decode(video=0), range(most),
                                                                     strict=False)]


@pytest.mark.real
def test_a_clip_and_its_truth(made: tuple[Studio, Plan]) -> None:
    studio, plan = made
    path = studio.out / f"{plan.name}.mp4"
    assert path.parent.name == f"person_{plan.person:05d}" and path.name == "00.mp4"
    truth = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    frames = truth["frames"]
    assert {len(column) for column in frames.values()} == {truth["frame_count"]} == {round(SECONDS * corpus.FPS)}
    assert truth["language"] == plan.language and truth["voice"]["kind"] == "formant"
    assert truth["identity"]["seed"] == plan.identity.seed and truth["text"] and truth["camera"]["focal"] > 0
    assert all(a["end_ms"] <= b["start_ms"] + 0.2 for a, b in zip(truth["phonemes"], truth["phonemes"][1:],
                                                                  strict=False))
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.height, video.width, video.average_rate) == (SIZE, SIZE, 25)
        assert (video.codec_context.name, audio.codec_context.name, audio.rate) == ("h264", "aac", 48_000)
        assert sum(1 for _ in container.demux(video) if _.size) == truth["frame_count"]
    picture = _first_frames(path, 1)[0]
    assert picture.std() > 10, "a person in front of something"


@pytest.mark.real
def test_lips_meet_on_closures_and_part_on_vowels(made: tuple[Studio, Plan]) -> None:
    studio, plan = made
    truth = json.loads((studio.out / f"{plan.name}.json").read_text(encoding="utf-8"))
    shown = np.arange(truth["frame_count"]) * 40 + EXPOSURE_MS
    opening = np.array(truth["frames"]["mouth_opening"])
    closed = np.zeros(len(shown), bool)
    for phone in truth["phonemes"]:
        if phone["symbol"][0] in CLOSED:
            closed |= (shown > phone["start_ms"]) & (shown < phone["end_ms"])
    silent = shown < truth["phonemes"][0]["start_ms"] - 120
    assert closed.sum() >= 2 and opening[closed].max() < 0.012
    assert opening.max() > 0.08 and (opening[silent] < 0.03).all()


@pytest.mark.real
def test_what_is_there_stays_and_what_is_lost_comes_back_the_same(made: tuple[Studio, Plan]) -> None:
    studio, plan = made
    path = studio.out / f"{plan.name}.mp4"
    words, pictures, when = path.with_suffix(".json").read_bytes(), _first_frames(path, 6), path.stat().st_mtime_ns
    assert not studio.make(plan) and path.stat().st_mtime_ns == when
    path.unlink()
    path.with_suffix(".json").unlink()
    assert studio.make(plan)
    assert path.with_suffix(".json").read_bytes() == words
    assert all(np.array_equal(a, b) for a, b in zip(pictures, _first_frames(path, 6), strict=True))
    assert not list((studio.out / ".part").iterdir()), "nothing half made is left"


def test_command_line_refuses_odd_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        corpus.main([str(tmp_path), "--clips", "1", "--size", "97"])
    assert "even" in capsys.readouterr().err
