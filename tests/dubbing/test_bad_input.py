"""Bad and odd input: one sentence with a hint, a non-zero exit, nothing left behind; or a dub that keeps its oddity.

Every row is tried through the command line.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dubbing.media.probe import probe
from tests.media_factory import make, truncated_index, truncated_middle

FAKES = ["--from", "es", "--recognizer", "fake", "--diarizer", "fake", "--translator", "fake", "--synthesizer", "fake",
         "--separator", "fake", "--lipsync", "fake"]


@pytest.fixture
def dubbing(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    from dubbing.cli import main

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return call


def missing(folder: Path) -> Path:
    return folder / "nothing.mp4"


def empty(folder: Path) -> Path:
    (folder / "empty.mp4").touch()
    return folder / "empty.mp4"


def text_file(folder: Path) -> Path:
    (folder / "text.mp4").write_text("This is a letter, not a video.\n" * 100)
    return folder / "text.mp4"


def sound_only(folder: Path) -> Path:
    return make(folder, "sound.mp4", has_video=False)


REFUSED: list[tuple[str, Callable[[Path], Path], str]] = [
    ("no such file", missing, r"nothing\.mp4"),
    ("a directory", lambda folder: folder, r"folder|directory"),
    ("empty", empty, r"empty"),
    ("truncated in the middle", truncated_middle, r"cut off|truncated|incomplete|damaged|ends"),
    ("truncated index", truncated_index, r"cut off|truncated|incomplete|damaged|index|not a"),
    ("not media", text_file, r"not a|no media"),
    ("no video stream", sound_only, r"no video"),
    ("no audio stream", lambda folder: make(folder, "no_audio.mp4"), r"no (audio|sound)"),
    ("silence only", lambda folder: make(folder, "silence.mp4"), r"silent"),
]


@pytest.mark.parametrize(("make_file", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_in_one_sentence(make_file: Callable[[Path], Path], says: str, tmp_path: Path, dubbing: Any) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    code, out, err = dubbing("dub", make_file(tmp_path / "in"), "--to", "en", "--out", tmp_path / "out", *FAKES)
    one_sentence(code, err, says)
    assert out == "" and list((tmp_path / "out").iterdir()) == []


def one_sentence(code: int, err: str, says: str) -> None:
    assert code not in (0, None), err
    assert "Traceback" not in err, err
    told = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert len(told) == 1 and re.search(says, told[0], re.IGNORECASE), err
    assert [line for line in err.splitlines() if line.startswith("Hint: ")], err


ODD: list[tuple[str, str, dict[str, Any], Callable[[Any], Any]]] = [
    ("rotated", "rotated_90.mp4", {}, lambda info: info.video.rotation),
    ("10-bit HDR", "hdr_hlg.mp4", {}, lambda info: (info.video.bit_depth, info.video.colour_transfer,
                                                   info.video.colour_primaries)),
    ("non-square pixels", "wide_pixels.mp4", {}, lambda info: info.video.sample_aspect_ratio),
    ("variable frame rate", "variable_rate.mp4", {"time_base": Fraction(1, 90000)},
     lambda info: info.video.is_variable_rate),
    ("23.976 frames a second", "film_rate.mp4", {}, lambda info: info.video.frame_rate),
    ("5.1 sound", "surround.mp4", {}, lambda info: info.audio[0].layout),
    ("44.1 kHz mono", "mono_44k.mp4", {}, lambda info: (info.audio[0].sample_rate, info.audio[0].channels)),
]


@pytest.mark.parametrize(("name", "changes", "property_of"), [row[1:] for row in ODD], ids=[row[0] for row in ODD])
def test_oddities_survive_the_dub(name: str, changes: dict[str, Any], property_of: Callable[[Any], Any], tmp_path: Path,
                                  dubbing: Any) -> None:
    clip = make(tmp_path, name, sound="bursts", **changes)
    out = tmp_path / f"dubbed{clip.suffix}"
    code, _, err = dubbing("dub", clip, "--to", "en", "--out", out, *FAKES)
    assert code == 0, err
    assert property_of(probe(out)) == property_of(probe(clip))
    assert probe(out).video.frame_count == probe(clip).video.frame_count  # type: ignore[union-attr]


def test_odd_dimensions_gain_one_row_and_column_and_it_is_said(tmp_path: Path, dubbing: Any) -> None:
    """4:2:0 pictures of H.264 have even sizes; nothing is cut off or scaled."""
    clip = make(tmp_path, "odd_size.mkv", sound="bursts")
    code, _, err = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mkv", *FAKES)
    assert code == 0, err
    video = probe(tmp_path / "out.mkv").video
    assert video is not None and (video.height, video.width) == (146, 194)
    assert any(line.startswith("Note: ") and "odd sizes" in line for line in err.splitlines()), err


def test_two_frames(tmp_path: Path, dubbing: Any) -> None:
    clip = make(tmp_path, "two_frames.mp4", sound="bursts")
    code, _, err = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", *FAKES)
    assert code == 0 or ("Error: " in err and "Hint: " in err and "Traceback" not in err), err


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make(tmp_path, "clip.mp4", sound="bursts")


def test_unknown_language(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    code, _, err = dubbing("dub", clip, "--to", "qq", "--out", tmp_path / "out.mp4", *FAKES)
    one_sentence(code, err, "qq")


def test_unsupported_pair(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    """Nothing that runs here translates Japanese into Italian; it is said before anything long begins."""
    code, _, err = dubbing("dub", clip, "--from", "ja", "--to", "it", "--out", tmp_path / "out.mp4", *FAKES[2:6],
                           "--translator", "whisper", *FAKES[8:])
    one_sentence(code, err, "ja|it")


def test_a_language_that_no_voice_speaks(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    code, _, err = dubbing("dub", clip, "--to", "zu", "--out", tmp_path / "out.mp4")
    one_sentence(code, err, "zu")


def test_unknown_engine_and_option(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    one_sentence(*dubbing("dub", clip, "--to", "en", "--recognizer", "nobody")[::2], "nobody")
    one_sentence(*dubbing("dub", clip, "--to", "en", "--nonsense")[::2], "nonsense")


def test_read_only_output_folder(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    """Root may write anywhere but into the kernel's own tree."""
    locked = Path("/sys") if os.geteuid() == 0 else tmp_path / "locked"
    locked.mkdir(mode=0o500, exist_ok=True)
    code, _, err = dubbing("dub", clip, "--to", "en", "--out", locked / "out.mp4", *FAKES)
    one_sentence(code, err, "not allowed|cannot be written")


def test_output_below_a_file(clip: Path, tmp_path: Path, dubbing: Any) -> None:
    (tmp_path / "file").touch()
    code, _, err = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "file" / "out.mp4", *FAKES)
    one_sentence(code, err, "could not be written|file|folder")


def test_full_disk(clip: Path, tmp_path: Path, dubbing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system call that writes the WAV files says that there is no room."""
    import soundfile

    def no_room(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(soundfile, "write", no_room)
    code, _, err = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", *FAKES)
    one_sentence(code, err, "full|room")
    assert not (tmp_path / "out.mp4").exists()
    monkeypatch.undo()
    assert dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", *FAKES)[0] == 0


def test_weights_missing_and_no_network(clip: Path, tmp_path: Path, dubbing: Any,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBING_CACHE", str(tmp_path / "empty cache"))
    monkeypatch.setenv("DUBBING_OFFLINE", "1")
    code, _, err = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", *FAKES[4:])
    one_sentence(code, err, "whisper|offline|weights")


def test_a_database_from_a_newer_version(clip: Path, tmp_path: Path, dubbing: Any, own_home: Path) -> None:
    assert dubbing("project", "list")[0] == 0
    with sqlite3.connect(own_home / "dubbing.db") as database:
        database.execute("update alembic_version set version_num = 'ffffffffffff'")
    code, _, err = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", *FAKES)
    one_sentence(code, err, "newer")


def test_a_database_locked_by_another_process(clip: Path, tmp_path: Path, dubbing: Any, own_home: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    import dubbing.storage.repository as repository

    assert dubbing("project", "list")[0] == 0
    opened = repository.open_repository
    monkeypatch.setattr("dubbing.storage.repository.open_repository", lambda url: opened(url, busy_ms=200))
    with sqlite3.connect(own_home / "dubbing.db", isolation_level=None) as other:
        other.execute("begin exclusive")
        code, _, err = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", *FAKES)
        other.execute("rollback")
    one_sentence(code, err, "locked|another process|busy")


def test_something_else_where_the_database_should_be(clip: Path, dubbing: Any, own_home: Path) -> None:
    (own_home / "dubbing.db").write_bytes(b"this is no database" * 1000)
    one_sentence(*dubbing("project", "list")[::2], "database")


@pytest.mark.real
def test_music_only_is_not_dubbed(tmp_path: Path, dubbing: Any) -> None:
    """The real recognizer invents no words in music."""
    clip = make(tmp_path, "music.mp4", frames=250)
    code, _, err = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", *FAKES[4:])
    one_sentence(code, err, "no speech")
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.real
def test_a_video_without_a_face_is_dubbed_without_lip_sync_and_it_is_said(clip: Path, tmp_path: Path,
                                                                         dubbing: Any) -> None:
    """The real face tracker; the pictures are copied as they are."""
    code, out, err = dubbing("dub", clip, "--to", "en", "--out", tmp_path / "out.mp4", *FAKES[:-1], "atlas", "--json")
    assert code == 0, err
    result = json.loads(out)
    assert result["utterances"] and not any(line["on_camera"] for line in result["utterances"])
    assert any("face" in note for note in result["notes"])
    assert probe(tmp_path / "out.mp4").video == probe(clip).video


@pytest.mark.real
def test_corrupted_weights_are_noticed_and_fetched_again(tmp_path: Path, dubbing: Any,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBING_CACHE", str(tmp_path / "cache"))
    assert dubbing("models", "pull", "resemblyzer")[0] == 0
    (weights,) = (tmp_path / "cache").rglob("pretrained.pt")
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    stamp = weights.stat()
    weights.write_bytes(content)
    os.utime(weights, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    code, out, _ = dubbing("models", "verify", "resemblyzer")
    assert code == 1 and "damaged" in out
    assert dubbing("models", "pull", "resemblyzer")[0] == 0
    assert dubbing("models", "verify", "resemblyzer")[0] == 0
