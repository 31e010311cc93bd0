"""Adapting to a speaker: what is learnt and what is not, the time that is kept, and what decides."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from lipsync_core.engine import Span
from lipsync_core.face.types import FaceAnalysis
from lipsync_core.face.video import VideoSource
from lipsync_core.neural import own
from lipsync_core.neural.box import face_boxes
from lipsync_core.neural.composite import colour_face, see
from lipsync_core.speech.timeline import TimedPhone
from lipsync_core.train import adapt as adapting
from lipsync_core.train import adapt_fit
from lipsync_core.train.adapt import AdaptError, adapt
from lipsync_core.train.adapt_compare import Row, beats_all
from lipsync_core.train.adapt_data import GAP_MS, divide, learnt_part, write_material
from lipsync_core.train.adapt_fit import TooSlow, fit
from lipsync_core.train.data.shards import Shards
from lipsync_core.train.losses import GeneratorLoss, LossConfig
from tests.lipsync_core.cartoon import learnt
from tests.lipsync_core.train.tiny_generator import write_tiny

FRAMES, RATE = 150, 16_000
SPEECH = (TimedPhone("a", 0.0, 6000.0),)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Six seconds of a drawn talker with tracks, a model and a tiny generator."""
    made = learnt(tmp_path_factory.mktemp("adapt"), FRAMES)
    made.sound = (np.random.default_rng(5).normal(0, 0.1, FRAMES * 640)).astype(np.float32)
    made.generator = write_tiny(made.root / "tiny.safetensors")
    return made


def plain_losses() -> GeneratorLoss:
    return GeneratorLoss(LossConfig())


def seen_again(studio: SimpleNamespace, start: int) -> FaceAnalysis:
    """A tracker that finds every face of the clip's frames from ``start`` on where it really is."""
    (track,) = studio.analysis.tracks
    rows = slice(start, None)
    fields = ("points", "presence", "pose", "mouth_visibility", "sharpness")
    later = replace(track, frames=track.frames[rows] - start, **{f: getattr(track, f)[rows] for f in fields})
    return FaceAnalysis(studio.analysis.height, studio.analysis.width, studio.analysis.times_ms[rows],
                        np.array([[0, FRAMES - start]], np.int32), (later,))


# what is learnt and what is not ---------------------------------------------------------------------------------------


def test_held_out_frames_are_never_learnt_and_lie_apart(studio: SimpleNamespace) -> None:
    parts = divide(studio.analysis, studio.analysis.tracks, [], SPEECH)
    assert len(parts.held) >= 50 and len(parts.learnt) >= 80 and parts.held.max() == FRAMES - 1
    assert not set(parts.learnt.tolist()) & set(parts.held.tolist())
    times = studio.analysis.times_ms
    assert times[parts.held.min()] - times[parts.learnt.max()] > GAP_MS
    learnt = learnt_part(studio.analysis, parts)
    assert learnt.frame_count == parts.learn_stop and learnt.tracks[0].frames.max() < parts.learn_stop


def test_neither_pictures_nor_sound_of_the_held_out_part_get_into_the_material(studio: SimpleNamespace,
                                                                               tmp_path: Path) -> None:
    parts = divide(studio.analysis, studio.analysis.tracks, [], SPEECH)
    sound = np.zeros(FRAMES * 640, np.float32)
    sound[parts.learn_stop * 640:] = 0.5
    write_material(studio.video, studio.analysis, parts, sound, 0.0, 96, tmp_path / "shards")
    shards = Shards(tmp_path / "shards", 96)
    assert sum(info.frames for info in shards.infos) == len(parts.learnt) == parts.learn_stop
    (clip,) = list(shards)
    assert not clip.sound.any() and clip.mel.max() == -4.0
    (track,) = studio.analysis.tracks
    gap = (track.points[:, 14, 1] - track.points[:, 13, 1])[parts.learnt]
    assert np.corrcoef(clip.opening, gap)[0, 1] > 0.99
    boxes = face_boxes(track)
    for number in (0, 7, 60):
        (picture,) = VideoSource(studio.video).frames(number, number + 1)
        seen = see(picture, boxes.crop_matrix(number, 96), track.points[number, :, :2].astype(np.float64), 1.0)
        assert seen is not None
        assert np.abs(colour_face(seen).transpose(1, 2, 0) * 255 - clip.pictures[number]).mean() < 2


def test_a_picture_that_is_late_gets_the_sound_that_was_heard_before(studio: SimpleNamespace, tmp_path: Path) -> None:
    parts = divide(studio.analysis, studio.analysis.tracks, [], SPEECH)
    sound = np.zeros(FRAMES * 640, np.float32)
    sound[16_000] = 1.0
    write_material(studio.video, studio.analysis, parts, sound, 120.0, 96, tmp_path / "shards")
    (clip,) = list(Shards(tmp_path / "shards", 96))
    assert abs(int(np.abs(clip.sound).argmax()) - (16_000 + 1_920)) <= 1


def test_too_little_speech_on_camera_is_said(studio: SimpleNamespace, tmp_path: Path) -> None:
    silent_after = (TimedPhone("a", 0.0, 2000.0), TimedPhone(" ", 2000.0, 6000.0))
    with pytest.raises(AdaptError, match=r"seen speaking for 2\.\d s, and adapting takes 4 s"):
        divide(studio.analysis, studio.analysis.tracks, [], silent_after)
    with pytest.raises(AdaptError, match="seen speaking for 1"):
        divide(studio.analysis, studio.analysis.tracks, [Span("ana", 1000, 2500)], SPEECH)
    with pytest.raises(AdaptError, match="no sound"):
        run(studio, tmp_path, sound=np.zeros(0, np.float32))
    with pytest.raises(AdaptError, match="not seen"):
        run(studio, tmp_path, speaker="eva")


# the time that is kept ------------------------------------------------------------------------------------------------


class Ticking:
    """A clock that goes on by a tenth of a second whenever it is read: no test waits for a busy machine."""

    def __init__(self) -> None:
        self.time_s = 0.0

    def __call__(self) -> float:
        self.time_s += 0.1
        return self.time_s


@pytest.fixture(scope="module")
def shards(studio: SimpleNamespace) -> Path:
    parts = divide(studio.analysis, studio.analysis.tracks, [], SPEECH)
    write_material(studio.video, studio.analysis, parts, studio.sound, 0.0, 96, studio.root / "shards")
    return studio.root / "shards"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Ticking:
    made = Ticking()
    monkeypatch.setattr(adapt_fit, "now", made)
    monkeypatch.setattr(adapt_fit, "BATCH", 1)
    monkeypatch.setattr(adapt_fit, "_step_seconds", lambda *_: 1e-4)
    return made


def fitted(studio: SimpleNamespace, shards: Path, folder: Path, seconds: float, said: list[str] | None = None,
           ) -> adapt_fit.Fitted:
    return fit(own.load(studio.generator), shards, folder, seconds, device="cpu", losses=plain_losses(),
               say=(said if said is not None else []).append, report=lambda _done, _total, _message: None)


def test_the_time_is_kept_even_where_steps_were_thought_to_be_faster(
        studio: SimpleNamespace, shards: Path, tmp_path: Path, clock: Ticking) -> None:
    said: list[str] = []
    done = fitted(studio, shards, tmp_path, 1.2, said)
    assert done.plan.steps == adapt_fit.MOST_STEPS and 5 <= done.steps <= 12 and done.seconds <= 1.4
    assert len(said) == 1 and "a step on this machine" in said[0]
    assert own.load(done.weights).card["adapted_from"] == "tiny"


def test_what_was_begun_goes_on_with_its_plan_and_with_the_time_that_was_left(
        studio: SimpleNamespace, shards: Path, tmp_path: Path, clock: Ticking) -> None:
    first = fitted(studio, shards, tmp_path, 0.8)
    second = fitted(studio, shards, tmp_path, 0.8)
    assert second.plan == first.plan and second.seconds > first.seconds >= 0.8
    assert second.steps == first.steps + 1, "one step to find that the time is up"
    longer = fitted(studio, shards, tmp_path, second.seconds + 0.8)
    assert longer.steps >= second.steps + 4


def test_a_machine_that_is_too_slow_is_told_before_anything_is_trained(
        studio: SimpleNamespace, shards: Path, tmp_path: Path, clock: Ticking,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapt_fit, "_step_seconds", lambda *_: 30.0)
    with pytest.raises(TooSlow, match=r"30\.0 s a step here, and only 1 fit"):
        fitted(studio, shards, tmp_path, 60.0)
    assert not (tmp_path / "run").exists()


def test_steps_are_timed_on_weights_that_stay_as_they_were(studio: SimpleNamespace, shards: Path, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapt_fit, "BATCH", 1)
    monkeypatch.setattr(adapt_fit, "LEAST_STEPS", 1)
    monkeypatch.setattr(adapt_fit, "MOST_STEPS", 2)
    base = own.load(studio.generator)
    before = {name: value.clone() for name, value in base.network.state_dict().items()}
    done = fit(base, shards, tmp_path, 600.0, device="cpu", losses=plain_losses(), say=lambda _: None,
               report=lambda _done, _total, _message: None)
    assert done.steps == 2 and 0 < done.plan.step_s < 60
    assert all(np.array_equal(value, before[name]) for name, value in base.network.state_dict().items())
    after = own.load(done.weights).network.state_dict()
    assert any(not np.array_equal(after[name], before[name]) for name in before)


# what decides ---------------------------------------------------------------------------------------------------------

ATLAS = Row(0.030, 0.80, 25.0, 0.80, 0.95, 0.95, 40)
BETTER = Row(0.028, 0.85, 26.0, 0.82, 0.95, 0.95, 40)


@pytest.mark.parametrize(("worse", "beats"), [
    ({}, True), ({"lip_distance": 0.0298}, False), ({"opening_r": 0.77}, False), ({"opening_r": 0.79}, True),
    ({"psnr_db": 25.0}, False), ({"ssim": 0.80}, False), ({"sharpness": 0.80}, False), ({"identity": 0.80}, False),
    ({"sharpness": 0.87}, True),
    ({"identity": float("nan")}, True), ({"sharpness": 2.0}, True)])
def test_every_figure_must_be_nearer_and_little_may_be_lost(worse: dict[str, float], beats: bool) -> None:
    row = replace(BETTER, **worse)
    assert row.beats(ATLAS) is beats
    assert beats_all(row, {"atlas": ATLAS, "generator": replace(ATLAS, lip_distance=1.0)}) == (
        [] if beats else ["atlas", "generator"] if set(worse) - {"lip_distance"} else ["atlas"])


def test_noise_is_no_sharpness_that_could_be_lost() -> None:
    assert BETTER.beats(replace(ATLAS, sharpness=3.0))


def test_a_row_is_plain_json() -> None:
    assert json.loads(json.dumps(replace(ATLAS, identity=float("nan")).as_dict(), allow_nan=False))["identity"] is None


# the whole ------------------------------------------------------------------------------------------------------------


def run(studio: SimpleNamespace, folder: Path, speaker: str = "ana", **changes: object) -> adapting.Adapted:
    parts = divide(studio.analysis, studio.analysis.tracks, [], SPEECH)
    given = {"models_folder": studio.root, "generator": studio.generator, "sound": studio.sound, "seconds": 600.0,
             "device": "cpu", "losses": plain_losses(), "listen": lambda _sound, _rate: SPEECH,
             "track": lambda _path: seen_again(studio, parts.held_start), **changes}
    return adapt(studio.video, studio.tracks, studio.models, speaker, folder, **given)  # type: ignore[arg-type]


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small steps, whatever the time."""
    for name, value in (("BATCH", 1), ("LEAST_STEPS", 1), ("MOST_STEPS", 2)):
        monkeypatch.setattr(adapt_fit, name, value)


def test_what_does_not_win_is_not_kept_and_the_numbers_say_why(studio: SimpleNamespace, tmp_path: Path,
                                                               brief: None) -> None:
    said: list[str] = []
    done = run(studio, tmp_path, say=said.append)
    assert len(said) == 1
    assert not done.won and done.weights is None and not (tmp_path / "generator.safetensors").exists()
    assert done.note.startswith("Adapting: the atlas is used, since the adapted generator does not beat the")
    kept = json.loads((tmp_path / "adaptation.json").read_text())
    assert kept["rows"].keys() == {"atlas", "generator", "adapted"} and kept["lost_to"] == done.figures["lost_to"]
    assert kept["held_out_frames"] >= 40 and kept["learnt_frames"] >= 80 and kept["steps"] == 2
    assert all(row["lip_distance"] is not None for row in kept["rows"].values())
    sheet = cv2.imread(str(tmp_path / "adaptation.png"))
    assert sheet.shape[0] == 4 * 170 and sheet.std() > 20
    shown = VideoSource(tmp_path / "work" / "atlas.mp4")
    assert shown.height == 240


def test_what_wins_is_kept_as_weights_that_load(studio: SimpleNamespace, tmp_path: Path) -> None:
    rows = {"atlas": ATLAS, "generator": replace(ATLAS, ssim=0.5), "adapted": BETTER}
    stage = SimpleNamespace(parts=SimpleNamespace(learnt=range(90)), offset_ms=0.0)
    trained = adapt_fit.Fitted(studio.generator, adapt_fit.Plan(2, 0.1), 2, 1.0)
    done = adapting._decide(rows, stage, trained, adapting.Clock(60), tmp_path)  # type: ignore[arg-type]
    assert done.won and done.weights == tmp_path / "generator.safetensors" and own.load(done.weights).size == 96
    assert done.note == (
        "Adapting: the adapted generator is used (2 steps). Lip distance / opening r / PSNR / SSIM on 40 held-out "
        "frames: atlas 3.00 % / 0.80 / 25.0 dB / 0.800 (sharpness 0.95, likeness 0.95); generator as it came 3.00 % / "
        "0.80 / 25.0 dB / 0.500 (sharpness 0.95, likeness 0.95); adapted 2.80 % / 0.85 / 26.0 dB / 0.820 (sharpness "
        "0.95, likeness 0.95).")
    assert json.loads((tmp_path / "adaptation.json").read_text())["won"] is True


def test_a_time_that_comparing_alone_would_take_is_told_early(studio: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(AdaptError, match=r"Comparing alone takes \d+ s here"):
        run(studio, tmp_path, seconds=0.5)
    assert not (tmp_path / "work" / "generator.mp4").exists()
