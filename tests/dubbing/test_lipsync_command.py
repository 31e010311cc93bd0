"""``dubbing lipsync``: one file, one sound, no project. Fast with the fake engine; once with the real one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from PIL import Image

from dubbing import registry
from dubbing.domain.speech import Phoneme
from dubbing.engines.lipsync.fake import COLOUR, FakeLipSyncer
from dubbing.media.probe import probe
from dubbing.media.write import DEFAULT_CRF
from tests.conftest import REPOSITORY
from tests.media_factory import make, read_number
from tests.test_imports import HEAVY

FAKE = ("--backend", "fake")
SPANISH = "Hola, me llamo Pablo y vivo en un pueblo pequeño cerca del mar."
Luma = npt.NDArray[np.uint8]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of its own for the command, to see what it leaves there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def dubbing(capsys: pytest.CaptureFixture[str], scratch: Path) -> Callable[..., tuple[int, Any, str]]:
    """Call ``dubbing lipsync`` in this process; (exit code, its JSON or text, standard error). Its own temporary
    files are gone, whatever happened."""
    from dubbing.cli import main

    def call(*arguments: str | Path) -> tuple[int, Any, str]:
        with pytest.raises(SystemExit) as stopped:
            main(["lipsync", *(str(a) for a in arguments)])
        out, err = capsys.readouterr()
        assert not list(scratch.glob("dubbing-*"))
        return int(stopped.value.code or 0), json.loads(out) if "--json" in arguments else out, err

    return call


def tone(path: Path, seconds: float = 3.0, rate: int = 48_000, channels: int = 2) -> Path:
    """Speech-loud sound, another pitch in each channel."""
    time = np.arange(round(seconds * rate)) / rate
    soundfile.write(path, 0.2 * np.sin(2 * np.pi * np.outer(time, 200 + 50 * np.arange(channels))), rate)
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Three seconds in groups of one second."""
    return make(tmp_path, "clip.mp4", frames=75, sound="bursts")


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    return tone(tmp_path / "speech.wav")


def luma(video: Path) -> list[Luma]:
    with av.open(str(video)) as container:
        return [frame.to_ndarray(format="yuv420p")[: frame.height] for frame in container.decode(video=0)]


def heard(video: Path) -> npt.NDArray[np.float32]:
    """float32 [channels, samples]"""
    with av.open(str(video)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def pitch(wave: npt.NDArray[np.float32], rate: int) -> float:
    return float(np.abs(np.fft.rfft(wave[: rate])).argmax() * rate / min(rate, len(wave)))


def test_json_is_one_object_with_the_promised_fields(clip: Path, speech: Path, tmp_path: Path, dubbing: Any) -> None:
    out = tmp_path / "new folder" / "out.mp4"
    code, result, err = dubbing(clip, speech, "--out", out, "--json", *FAKE)
    assert code == 0, err
    stages = result.pop("stages")
    assert result == {"out": str(out), "backend": "fake", "duration_s": 3.0, "frame_count": 75, "repainted": 75,
                      "words_from": "sound", "notes": []}
    assert [s["name"] for s in stages] == ["weights", "hear", "faces", "mouths", "lipsync", "export"]
    assert all(s["seconds"] >= 0 for s in stages)
    assert "Encoding" in err, "progress is on standard error"


def test_without_json_a_sentence_names_the_file(clip: Path, speech: Path, tmp_path: Path, dubbing: Any) -> None:
    code, out, _ = dubbing(clip, speech, "--out", tmp_path / "out.mp4", *FAKE)
    assert code == 0 and out == f"Lip-synced video: {tmp_path / 'out.mp4'} (75 of 75 frames repainted)\n"


def test_the_result_has_every_frame_the_new_sound_and_its_language(clip: Path, speech: Path, tmp_path: Path,
                                                                   dubbing: Any) -> None:
    out = tmp_path / "out.mp4"
    assert dubbing(clip, speech, "--out", out, "--language", "pt-BR", *FAKE)[0] == 0
    info, before = probe(out), probe(clip)
    assert info.video is not None and before.video is not None
    assert info.video.frame_count == 75 and abs(info.duration_ms - before.duration_ms) <= 25
    assert [(a.language, a.channels, a.sample_rate) for a in info.audio] == [("por", 2, 48_000)]
    pictures = luma(out)
    assert [read_number(p) for p in pictures] == list(range(75))
    assert all(abs(int(p[72, 96]) - COLOUR[0]) <= 3 for p in pictures)
    sound = heard(out)
    assert abs(pitch(sound[0], 48_000) - 200) <= 1 and abs(pitch(sound[1], 48_000) - 250) <= 1


@pytest.mark.parametrize(("rate", "channels", "becomes"), [(16_000, 1, (48_000, 1)), (44_100, 2, (44_100, 2)),
                                                           (96_000, 6, (48_000, 6)), (22_050, 7, (48_000, 2)),
                                                           (48_000, 8, (48_000, 2)), (8_000, 3, (48_000, 3))])
def test_rate_and_channels_of_the_sound_are_kept_where_players_know_them(
        rate: int, channels: int, becomes: tuple[int, int], clip: Path, tmp_path: Path, dubbing: Any) -> None:
    sound = tone(tmp_path / "s.wav", 3.0, rate, channels)
    code, result, err = dubbing(clip, sound, "--out", tmp_path / "out.mp4", "--json", *FAKE)
    assert code == 0, err
    (track,) = probe(tmp_path / "out.mp4").audio
    assert (track.sample_rate, track.channels) == becomes
    assert result["notes"] == ([f"The sound's {channels} channels were mixed to stereo."] if channels > 6 else [])


@pytest.mark.parametrize(("seconds", "note"), [(4.5, "1.5 s longer"), (3.04, ""), (2.8, ""), (1.0, "2.0 s before")])
def test_sound_of_another_length_never_changes_the_pictures(seconds: float, note: str, clip: Path, tmp_path: Path,
                                                            dubbing: Any) -> None:
    sound = tone(tmp_path / "s.wav", seconds)
    code, result, err = dubbing(clip, sound, "--out", tmp_path / "out.mp4", "--json", *FAKE)
    assert code == 0, err
    assert result["frame_count"] == 75 and len(luma(tmp_path / "out.mp4")) == 75
    assert [note in n for n in result["notes"]] == [True] * bool(note)
    kept = heard(tmp_path / "out.mp4").shape[1] / 48_000
    assert min(seconds, 3.0) - 0.01 <= kept <= min(seconds, 3.0) + 0.05


def test_the_pictures_decide_the_length_not_the_sound_that_they_came_with(tmp_path: Path, speech: Path,
                                                                          dubbing: Any) -> None:
    """A file whose own sound goes on for half a second after the last picture."""
    clip = make(tmp_path, "late_sound.mp4", sound_start_s=1)
    assert probe(clip).duration_ms > 2900
    _, result, _ = dubbing(clip, speech, "--out", tmp_path / "out.mp4", "--json", *FAKE)
    assert result["duration_s"] == 2.0 and "1.0 s longer" in result["notes"][0]
    assert probe(tmp_path / "out.mp4").duration_ms <= 2060


def test_a_video_without_sound_gets_one_and_a_video_may_be_the_sound(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    silent = make(tmp_path, "no_audio.mp4", frames=75)
    code, _, err = dubbing(silent, clip, "--out", tmp_path / "out.mkv", *FAKE)
    assert code == 0, err
    info = probe(tmp_path / "out.mkv")
    assert info.video is not None and info.video.frame_count == 75 and len(info.audio) == 1
    assert abs(pitch(heard(tmp_path / "out.mkv")[0], 48_000) - 130) <= 1


@pytest.mark.parametrize("name", ["variable_rate.mp4", "film_rate.mkv", "late_picture.mp4", "rotated_90.mp4",
                                  "hdr_hlg.mp4", "stream.ts"])
def test_odd_files_keep_their_frames_and_their_times(name: str, speech: Path, tmp_path: Path, dubbing: Any) -> None:
    clip = make(tmp_path, name)
    out = tmp_path / f"out{clip.suffix if clip.suffix != '.ts' else '.mp4'}"
    code, result, err = dubbing(clip, speech, "--out", out, "--json", *FAKE)
    assert code == 0, err
    before, after = probe(clip).video, probe(out).video
    assert before is not None and after is not None
    assert after.frame_count == before.frame_count == result["repainted"] == 50
    assert after.rotation == before.rotation and after.is_variable_rate == before.is_variable_rate


def test_what_is_not_repainted_is_copied_bit_by_bit(clip: Path, speech: Path, tmp_path: Path, dubbing: Any,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """A mouth that is repainted in the middle second only: of three groups one is encoded, and only in its patch."""
    whole = FakeLipSyncer.render

    def middle(self: FakeLipSyncer, video: Path, tracks: Path, models: Path, line: Any, folder: Path,
               *rest: Any) -> Any:
        from dataclasses import replace

        return whole(self, video, tracks, models, replace(line, cover_start_ms=1000, cover_end_ms=2000), folder, *rest)

    monkeypatch.setattr(FakeLipSyncer, "render", middle)
    code, result, err = dubbing(clip, speech, "--out", tmp_path / "out.mp4", "--json", *FAKE)
    assert code == 0 and result["repainted"] == 25, err
    before, after = luma(clip), luma(tmp_path / "out.mp4")
    same = [bool((a == b).all()) for a, b in zip(before, after, strict=True)]
    assert same == [True] * 25 + [False] * 25 + [True] * 25
    outside = np.ones((144, 192), bool)
    outside[56:88, 76:116] = False
    worst = min(10 * np.log10(255**2 / max(((a - b.astype(float))[outside] ** 2).mean(), 1e-9))
                for a, b in zip(before[25:50], after[25:50], strict=True))
    assert worst > 38, f"{worst:.1f} dB at CRF {DEFAULT_CRF}"


def test_a_transcript_reaches_the_engine_in_its_own_language(clip: Path, speech: Path, tmp_path: Path, dubbing: Any,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words.txt").write_text(SPANISH)
    seen: list[str] = []
    whole = FakeLipSyncer.hear

    def hear(self: FakeLipSyncer, sound: Any, rate: int, words: Any = None, anchors: Any = ()) -> list[Phoneme]:
        seen.append("".join(symbol for word in words for symbol in word))
        return whole(self, sound, rate, words, anchors)

    monkeypatch.setattr(FakeLipSyncer, "hear", hear)
    out, words = tmp_path / "out.mp4", tmp_path / "words.txt"
    _, result, _ = dubbing(clip, speech, "--out", out, "--transcript", words, "--json", *FAKE)
    assert result["words_from"] == "transcript"
    assert seen[0].startswith("olameʎamo"), "spelled as Spanish, as its words tell"
    assert probe(out).audio[0].language == "spa", "and tagged so"


@pytest.mark.parametrize("name", ["face.png", "face.JPG"])
def test_a_still_picture_becomes_a_video_of_the_sounds_length(name: str, tmp_path: Path, dubbing: Any) -> None:
    Image.linear_gradient("L").convert("RGB").save(tmp_path / name)
    sound = tone(tmp_path / "s.wav", 1.51)
    code, result, err = dubbing(tmp_path / name, sound, "--out", tmp_path / "out.mp4", "--json", *FAKE)
    assert code == 0, err
    assert result["frame_count"] == result["repainted"] == 38 and result["duration_s"] == 1.52
    assert result["notes"] == [] and result["stages"][0]["name"] == "still"
    info = probe(tmp_path / "out.mp4")
    assert info.video is not None and (info.video.height, info.video.width) == (256, 256)
    assert abs(heard(tmp_path / "out.mp4").shape[1] / 48_000 - 1.51) < 0.03, "no sound is cut off"


# Bad input: (what, arguments made in a folder that holds clip.mp4 and speech.wav, what the sentence says).
Arguments = Callable[[Path], list[Any]]


def wrote(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def usual(folder: Path, *more: Any) -> list[Any]:
    return [folder / "clip.mp4", folder / "speech.wav", "--out", folder / "out" / "out.mp4", *more]


def transcript(folder: Path, content: str | bytes, name: str = "words.txt") -> list[Any]:
    return usual(folder, "--transcript", wrote(folder / name, content), *FAKE)


def instead(folder: Path, **changes: Any) -> list[Any]:
    out = changes.get("out", folder / "out" / "out.mp4")
    return [changes.get("video", folder / "clip.mp4"), changes.get("sound", folder / "speech.wav"), "--out", out, *FAKE]


REFUSED: dict[str, tuple[Arguments, str]] = {
    "no such video": (lambda f: instead(f, video=f / "nothing.mp4"), r"no file .*nothing\.mp4"),
    "no such sound": (lambda f: instead(f, sound=f / "nothing.wav"), r"no file .*nothing\.wav"),
    "no such picture": (lambda f: instead(f, video=f / "nothing.png"), r"no file .*nothing\.png"),
    "a sound without sound": (lambda f: instead(f, sound=make(f, "no_audio.mp4")), "no_audio.mp4 has no sound"),
    "a sound of no length": (lambda f: instead(f, sound=tone(f / "t.wav", 0.05)), "no sound to speak of"),
    "a text as sound": (lambda f: instead(f, sound=wrote(f / "t.wav", "letter " * 99)), "not a media file"),
    "a folder as sound": (lambda f: instead(f, sound=f), "is a folder"),
    "a text as video": (lambda f: instead(f, video=wrote(f / "t.mp4", "letter " * 99)), "not a media file"),
    "a text as picture": (lambda f: instead(f, video=wrote(f / "t.png", "letter " * 99)), "cannot be read as a pict"),
    "sound alone as video": (lambda f: instead(f, video=make(f, "s.mp4", has_video=False)), "no video"),
    "an empty video": (lambda f: instead(f, video=wrote(f / "e.mp4", b"")), "is empty"),
    "another suffix": (lambda f: instead(f, out=f / "out" / "out.avi"), r"out\.avi does not end in \.mp4"),
    "no suffix": (lambda f: instead(f, out=f / "out" / "out"), r"does not end in \.mp4"),
    "the video itself": (lambda f: instead(f, out=f / "clip.mp4"), "clip.mp4, which is read"),
    "the sound itself": (lambda f: instead(f, sound=make(f, "talk.mp4"), out=f / "talk.mp4"), "talk.mp4, which is"),
    "a folder as result": (lambda f: instead(f, out=(f / "d.mp4").mkdir() or f / "d.mp4"), "is a folder"),
    "a folder below a file": (lambda f: instead(f, out=f / "speech.wav" / "out.mp4"), "could not be written"),
    "weights without their engine": (lambda f: usual(f, "--checkpoint", f / "w.pth", "--backend", "atlas"), "backend"),
    "an unknown engine": (lambda f: usual(f, "--backend", "nobody"), "nobody"),
    "no result named": (lambda f: usual(f)[:2], "--out"),
    "no sound named": (lambda f: usual(f)[:1], "AUDIO"),
    "no such transcript": (lambda f: usual(f, "--transcript", f / "no.txt", *FAKE), r"no\.txt cannot be read"),
    "an empty transcript": (lambda f: transcript(f, ""), "holds no words"),
    "a transcript of signs": (lambda f: transcript(f, "... ! 1\n".replace("1", "")), "holds no words"),
    "a film as transcript": (lambda f: usual(f, "--transcript", f / "clip.mp4", *FAKE), "is not a transcript"),
    "subtitles without any": (lambda f: transcript(f, "words, no times", "a.srt"), "subtitle|transcript|words"),
    "a language nobody knows": (lambda f: transcript(f, "Xyzzy qwfp"), "language cannot be told"),
    "no language code": (lambda f: usual(f, "--language", "Spanish", *FAKE), "Spanish is no language code"),
    "a code for nothing in a file": (lambda f: transcript(f, '{"language": "qq", "text": "Hola"}', "a.json"), "qq"),
}


@pytest.mark.parametrize(("arguments", "says"), REFUSED.values(), ids=REFUSED)
def test_refused_in_one_sentence(arguments: Arguments, says: str, clip: Path, speech: Path, tmp_path: Path,
                                 dubbing: Any) -> None:
    (tmp_path / "out").mkdir()
    before = {p: p.read_bytes() for p in (clip, speech)}
    given = arguments(tmp_path)
    listed = sorted(p for p in tmp_path.rglob("*") if "scratch" not in p.parts)
    code, out, err = dubbing(*given)
    one_sentence(code, err, says)
    assert out == "" and "Encoding" not in err and "Repainting" not in err, "refused before anything long begins"
    assert sorted(p for p in tmp_path.rglob("*") if "scratch" not in p.parts) == listed
    assert all(p.read_bytes() == content for p, content in before.items())


def one_sentence(code: int, err: str, says: str) -> None:
    assert code != 0, err
    assert "Traceback" not in err and "should not have" not in err, err
    told = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert len(told) == 1 and re.search(says, told[0], re.IGNORECASE), err
    assert [line for line in err.splitlines() if line.startswith("Hint: ")], err


def test_a_checkpoint_that_cannot_be_used_is_told_before_anything_is_computed(clip: Path, speech: Path, tmp_path: Path,
                                                                              dubbing: Any) -> None:
    if (reason := registry.create("lipsync", "atlas").why_unavailable()) is not None:
        pytest.skip(reason)
    page = wrote(tmp_path / "wav2lip.pth", "<html>Google Drive - Virus scan warning</html>")
    for path, more, says in ((tmp_path / "no.pth", (), r"no checkpoint .*no\.pth"), (page, (), "web page"),
                             (tmp_path, ("--backend", "wav2lip"), "no checkpoint")):
        code, _, err = dubbing(clip, speech, "--out", tmp_path / "out.mp4", "--checkpoint", path, *more)
        one_sentence(code, err, says)
        assert code == 4 and "Finding" not in err and not (tmp_path / "out.mp4").exists()


def test_json_says_what_is_wrong_too(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    code, said, _ = dubbing(clip, tmp_path / "no.wav", "--out", tmp_path / "out.mp4", "--json", *FAKE)
    assert code == 3 and set(said) == {"error", "hint"} and "no.wav" in said["error"]


def test_a_folder_that_may_not_be_written(clip: Path, speech: Path, tmp_path: Path, dubbing: Any) -> None:
    """Root may write anywhere but into the kernel's own tree."""
    locked = Path("/sys") if os.geteuid() == 0 else tmp_path / "locked"
    locked.mkdir(mode=0o500, exist_ok=True)
    code, _, err = dubbing(clip, speech, "--out", locked / "out.mp4", *FAKE)
    one_sentence(code, err, "not allowed|could not be written")
    assert "Tracking" not in err


def test_a_full_disk_while_it_works(clip: Path, speech: Path, tmp_path: Path, dubbing: Any,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FakeLipSyncer, "render", no_room)
    code, _, err = dubbing(clip, speech, "--out", tmp_path / "out.mp4", *FAKE)
    one_sentence(code, err, "no room left")
    assert not (tmp_path / "out.mp4").exists()


def test_a_failure_half_way_leaves_an_older_result_as_it_was(clip: Path, speech: Path, tmp_path: Path, dubbing: Any,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    out = wrote(tmp_path / "out.mp4", b"an older result")
    monkeypatch.setattr(FakeLipSyncer, "patches", lambda *_: iter([object()]))
    code, _, err = dubbing(clip, speech, "--out", out, *FAKE)
    assert code != 0 and "Traceback" not in err
    assert out.read_bytes() == b"an older result" and not list(tmp_path.glob(".out*"))


def test_an_older_result_is_replaced(clip: Path, speech: Path, tmp_path: Path, dubbing: Any) -> None:
    out = wrote(tmp_path / "out.mp4", b"an older result")
    assert dubbing(clip, speech, "--out", out, *FAKE)[0] == 0
    assert probe(out).duration_ms > 2900


def test_the_commands_are_there_before_any_model_library() -> None:
    code = ("import sys, dubbing.cli, dubbing.cli_lipsync, dubbing.lipsync_file; "
            f"print(sorted(set(m.split('.')[0] for m in sys.modules) & {HEAVY | {'numpy'}!r}))")
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_names_every_option(dubbing: Any) -> None:
    code, out, _ = dubbing("--help")
    assert code == 0
    for option in ("VIDEO AUDIO", "--out", "--backend", "--checkpoint", "--transcript", "--language", "--json"):
        assert option in out, out
