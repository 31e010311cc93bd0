"""Wav2Lip as an engine of the product: when it can run, how its results are keyed, and a dub from end to end."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from dubbing import registry
from dubbing.config import load_settings
from dubbing.engines.base import Engine
from dubbing.engines.lipsync.wav2lip import Wav2LipSyncer
from dubbing.errors import DubbingError, UnavailableError, UsageError
from dubbing.options import DubOptions
from dubbing.pipeline.stages.faces import track_step

FAKES = ["--from", "es", "--recognizer", "fake", "--diarizer", "fake", "--translator", "fake", "--synthesizer", "fake",
         "--separator", "fake"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training checkpoint with random weights."""
    from lipsync_core.models.wav2lip import Wav2Lip

    torch.manual_seed(11)
    path = tmp_path_factory.mktemp("weights") / "wav2lip.pth"
    state = {"module." + key: value for key, value in Wav2Lip().state_dict().items()}
    torch.save({"state_dict": state, "optimizer": None, "global_step": 1, "global_epoch": 1}, path)
    return path


@pytest.fixture
def faces() -> None:
    """Skips where the face networks are not to be had: without them no lip-sync engine runs."""
    if (reason := registry.create("lipsync", "atlas").why_unavailable()) is not None:
        pytest.skip(reason)


@pytest.fixture(autouse=True)
def no_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DUBBING_WAV2LIP_CHECKPOINT", "DUBBING_MODEL_WAV2LIP", "DUBBING_COMMERCIAL_ONLY"):
        monkeypatch.delenv(name, raising=False)
    load_settings.cache_clear()


def test_it_is_an_engine_and_says_in_one_line_how_to_get_it(faces: None) -> None:
    engine = registry.create("lipsync", "wav2lip")
    assert isinstance(engine, Engine) and not engine.is_fake and engine.id == "wav2lip"
    reason = engine.why_unavailable()
    assert reason and "--checkpoint" in reason and "non-commercial" in reason and "\n" not in reason


def test_a_checkpoint_is_found_by_option_setting_or_store(faces: None, checkpoint: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    assert Wav2LipSyncer(str(checkpoint)).why_unavailable() is None
    for name in ("DUBBING_WAV2LIP_CHECKPOINT", "DUBBING_MODEL_WAV2LIP"):
        monkeypatch.setenv(name, str(checkpoint))
        load_settings.cache_clear()
        assert Wav2LipSyncer().why_unavailable() is None
        monkeypatch.delenv(name)
    load_settings.cache_clear()
    assert "There is no checkpoint" in (Wav2LipSyncer("/nowhere/wav2lip.pth").why_unavailable() or "")


def test_a_damaged_file_is_refused_before_anything_is_computed(faces: None, checkpoint: Path, tmp_path: Path) -> None:
    cut = tmp_path / "wav2lip_gan.pth"
    cut.write_bytes(checkpoint.read_bytes()[:46_000])
    with pytest.raises(UnavailableError, match="cut off.*435,801,865"):
        registry.choose("lipsync", "wav2lip", checkpoint=str(cut))


def test_weights_that_forbid_commercial_use_are_refused_where_that_is_set(faces: None, checkpoint: Path,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBING_COMMERCIAL_ONLY", "1")
    load_settings.cache_clear()
    with pytest.raises(UnavailableError, match="forbids commercial use"):
        registry.choose("lipsync", "wav2lip", checkpoint=str(checkpoint))


def test_auto_never_takes_it(faces: None, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBING_WAV2LIP_CHECKPOINT", str(checkpoint))
    load_settings.cache_clear()
    assert registry.choose("lipsync").id == "atlas"
    monkeypatch.setattr(type(registry.create("lipsync", "atlas")), "why_unavailable", lambda _self: "broken")
    with pytest.raises(UnavailableError, match="No lipsync engine"):
        registry.choose("lipsync")


def test_a_checkpoint_belongs_to_wav2lip() -> None:
    with pytest.raises(UsageError, match="not the engine that it is for"):
        DubOptions(targets=("en",), checkpoint="/w.pth").checked()
    with pytest.raises(UsageError, match="takes no checkpoint"):
        registry.choose("lipsync", "atlas", checkpoint="/w.pth")
    options = DubOptions(targets=("en",), lipsync="wav2lip", checkpoint="/w.pth").checked()
    assert DubOptions.from_json(json.loads(json.dumps(options.to_json()))) == options


def test_results_are_keyed_by_the_weights_and_tracks_are_shared(checkpoint: Path, tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.pth"
    other.write_bytes(checkpoint.read_bytes()[:-1] + b"x")
    one, same, two = (Wav2LipSyncer(str(p)) for p in (checkpoint, checkpoint, other))
    assert one.version == same.version != two.version and one.version.startswith("1-")
    plain = one.version
    monkeypatch.setenv("DUBBING_WAV2LIP_DETAIL", "1")
    load_settings.cache_clear()
    assert one.version != plain
    keys = {track_step(e, tmp_path / "v.mp4", "sha").key for e in (one, two, registry.create("lipsync", "atlas"))}
    assert len(keys) == 1, "faces do not depend on how mouths are painted"


def talking_clip(source: Path, out: Path, seconds: float) -> Path:
    """The start of a clip of ours at half its size, with its sound."""
    with av.open(str(source)) as reader, av.open(str(out), "w") as writer:
        video = writer.add_stream("libx264", rate=Fraction(25), options={"preset": "ultrafast", "crf": "14"})
        video.height, video.width, video.pix_fmt = 360, 640, "yuv420p"
        sound = writer.add_stream("aac", rate=48_000)
        for frame in reader.decode(video=0):
            if frame.time >= seconds:
                break
            writer.mux(video.encode(frame.reformat(640, 360)))
        reader.seek(0)
        resampler = av.AudioResampler("fltp", "stereo", 48_000)
        for frame in reader.decode(audio=0):
            if frame.time >= seconds:
                break
            for part in resampler.resample(frame):
                writer.mux(sound.encode(part))
        for stream in (video, sound):
            writer.mux(stream.encode())
    return out


@pytest.mark.real
def test_a_dub_from_end_to_end(faces: None, checkpoint: Path, samples: Path, tmp_path: Path,
                               capsys: pytest.CaptureFixture[str]) -> None:
    """A second and a half of a made-up face: the mouth is the random network's, everything else is the source's."""
    from dubbing.cli import main
    from lipsync_core.face.video import VideoSource

    clip = talking_clip(samples / "es_solo.mp4", tmp_path / "clip.mp4", 1.6)
    out = tmp_path / "out.mp4"
    with pytest.raises(SystemExit) as stopped:
        main(["dub", str(clip), "--to", "en", "--out", str(out), "--json", *FAKES, "--lipsync", "wav2lip",
              "--checkpoint", str(checkpoint)])
    printed, said = capsys.readouterr()
    assert not stopped.value.code, said
    result = json.loads(printed)
    painted = next(stage for stage in result["stages"] if stage["name"] == "lipsync")
    assert painted["engine"].startswith("wav2lip@1-")
    assert next(stage for stage in result["stages"] if stage["name"] == "faces")["engine"].startswith("atlas@")
    change = np.zeros((360, 640))
    for before, after in zip(VideoSource(clip).frames(), VideoSource(out).frames(), strict=False):
        change = np.maximum(change, np.abs(before.y.astype(float) - after.y))
    rows, columns = np.nonzero(change > 40)
    assert len(rows) > 200, "the network's mouth is seen"
    assert np.ptp(rows) < 150 and np.ptp(columns) < 150, "and nothing but the mouth"


def test_a_wrong_file_is_told_on_the_command_line(faces: None, tmp_path: Path, samples: Path,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    from dubbing.cli import main

    page = tmp_path / "wav2lip.pth"
    page.write_text("<html>Google Drive - Virus scan warning</html>")
    with pytest.raises(SystemExit) as stopped:
        main(["dub", str(samples / "es_solo.mp4"), "--to", "en", *FAKES, "--lipsync", "wav2lip", "--checkpoint",
              str(page)])
    said = capsys.readouterr().err
    assert stopped.value.code and "web page" in said and "Traceback" not in said


def test_it_says_so_when_the_weights_vanish(faces: None, tmp_path: Path) -> None:
    engine = Wav2LipSyncer(tmp_path / "gone.pth")
    assert engine.version == "1"
    with pytest.raises(DubbingError, match="no checkpoint .*gone.pth"):
        engine.load()
