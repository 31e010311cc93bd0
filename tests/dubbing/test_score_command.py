"""``dubbing score``: what is refused, what is printed, and whether the judge can be fooled about a real lip-sync."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from dubbing import registry
from dubbing.media.audio import read_mono_16k
from tests.conftest import REPOSITORY
from tests.dubbing.engines.lipsync.test_wav2lip import talking_clip
from tests.media_factory import make


@pytest.fixture
def dubbing(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    """Call the command in this process; (exit code, its JSON or text, standard error)."""
    from dubbing.cli import main

    def call(*arguments: Any) -> tuple[int, Any, str]:
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), json.loads(out) if "--json" in arguments else out, err

    return call


def one_sentence(code: int, err: str, says: str) -> None:
    assert code != 0, err
    assert "Traceback" not in err and "should not have" not in err, err
    told = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert len(told) == 1 and re.search(says, told[0], re.IGNORECASE), err
    assert [line for line in err.splitlines() if line.startswith("Hint: ")], err


# Arguments made in a folder that holds clip.mp4, and what the sentence says. None of them gets as far as a model.
Arguments = Callable[[Path], list[Any]]


def wrote(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def of(folder: Path, *more: Any) -> list[Any]:
    return [folder / "clip.mp4", *more]


REFUSED: dict[str, tuple[Arguments, str]] = {
    "no such video": (lambda f: [f / "nothing.mp4"], r"no file .*nothing\.mp4"),
    "a text as video": (lambda f: [wrote(f / "t.mp4", "letter " * 99)], "not a media file"),
    "sound alone": (lambda f: [make(f, "s.mp4", has_video=False)], "no video"),
    "no such sound": (lambda f: of(f, "--audio", f / "nothing.wav"), r"no file .*nothing\.wav"),
    "a sound without sound": (lambda f: of(f, "--audio", make(f, "no_audio.mp4")), "no_audio.mp4 has no sound"),
    "no such original": (lambda f: of(f, "--reference", f / "nothing.mp4"), r"no file .*nothing\.mp4"),
    "a text as original": (lambda f: of(f, "--reference", wrote(f / "t.mp4", "letter " * 99)), "not a media file"),
    "no such transcript": (lambda f: of(f, "--transcript", f / "no.txt"), r"no\.txt cannot be read"),
    "an empty transcript": (lambda f: of(f, "--transcript", wrote(f / "e.txt", "")), "holds no words"),
    "no language code": (lambda f: of(f, "--language", "Spanish"), "no language code"),
    "a transcript of a silent film": (lambda f: [make(f, "no_audio.mp4"), "--transcript",
                                                 wrote(f / "t.txt", "Hola, me llamo Pablo."), "--language", "es"],
                                      "no sound to lay"),
    "a report of another kind": (lambda f: of(f, "--report", f / "page.pdf"), r"does not end in \.html or \.png"),
    "a report in no folder": (lambda f: of(f, "--report", f / "no" / "page.html"), "no folder"),
    "a report over a folder": (lambda f: of(f, "--report", (f / "d.html").mkdir() or f / "d.html"), "is a folder"),
    "an unknown option": (lambda f: of(f, "--nonsense"), "nonsense"),
    "no video named": (lambda f: [], "VIDEO"),
}


@pytest.mark.parametrize(("arguments", "says"), REFUSED.values(), ids=REFUSED)
def test_refused_in_one_sentence(arguments: Arguments, says: str, tmp_path: Path, dubbing: Any) -> None:
    make(tmp_path, "clip.mp4", frames=10)
    given = arguments(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = dubbing("score", *given)
    one_sentence(code, err, says)
    assert out == "" and sorted(tmp_path.rglob("*")) == before


def test_a_report_where_nothing_may_be_written(tmp_path: Path, dubbing: Any) -> None:
    """Root may write anywhere but into the kernel's own tree."""
    locked = Path("/sys") if os.geteuid() == 0 else tmp_path / "locked"
    locked.mkdir(mode=0o500, exist_ok=True)
    clip = make(tmp_path, "clip.mp4", frames=10)
    one_sentence(*dubbing("score", clip, "--report", locked / "page.html")[::2], "not allowed|could not be written")


def test_without_json_a_table_holds_each_figure_its_bar_and_the_verdict(tmp_path: Path, dubbing: Any,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is given here; how it is printed is the command's."""
    found = {"summary": {"frames": 75, "closure_hits": 0.9375, "opening_lag_ms": 5.0, "opening_r": 0.71},
             "bars": {"closure_hits": [0.95, None], "opening_lag_ms": [-20.0, 20.0], "opening_r": [0.9, None]},
             "passed": {"closure_hits": False, "opening_lag_ms": True, "opening_r": False},
             "omitted": {"outside_psnr_db": "needs the original"}, "lines": [],
             "worst": [{"time_ms": 61_200, "what": "lips stay apart"}],
             "lse": {"faces": [{"track": 3, "lse_d": 7.1, "lse_c": 6.2, "offset_frames": 0}]}}
    monkeypatch.setattr("dubbing.engines.lipsync.judge.judge", lambda *_args, **_options: found)
    code, out, err = dubbing("score", make(tmp_path, "clip.mp4", frames=10))
    assert code == 0, err
    rows = {re.split(r"\s{2,}", line.strip())[0]: line for line in out.splitlines() if line.strip()}
    assert re.search(r"0\.938 +at least 0\.95 +no$", rows["closure_hits"].rstrip())
    assert re.search(r"5\.000 +-20\.0 to 20\.0 +yes$", rows["opening_lag_ms"].rstrip())
    assert rows["frames"].split() == ["frames", "75"]
    assert re.search(r"face 3\) +7\.100 / 6\.200 +offset 0 frames", rows["LSE-D / LSE-C (face 3)"])
    assert "Left out: outside_psnr_db (needs the original)" in err and "1:01.200: lips stay apart" in err


def test_help_names_every_option(dubbing: Any) -> None:
    code, out, _ = dubbing("score", "--help")
    assert code == 0
    for option in ("VIDEO", "--audio", "--reference", "--syncnet", "--transcript", "--language", "--report", "--json"):
        assert option in out, out


@pytest.fixture
def faces() -> None:
    """Skips where the face networks are not to be had."""
    if (reason := registry.create("lipsync", "atlas").why_unavailable()) is not None:
        pytest.skip(reason)


def spoken(samples: Path, folder: Path, turn: int, most_ms: float) -> tuple[Path, Path]:
    """A turn's sound from the sample, up to the last word that ends within ``most_ms``, and its words."""
    said = json.loads((samples / "es_solo.json").read_text())["turns"][turn]
    words = [w for w in said["words"] if w["end_ms"] <= said["start_ms"] + most_ms]
    first, stop = round((said["start_ms"] - 200) * 16), round((words[-1]["end_ms"] + 200) * 16)
    soundfile.write(folder / f"{turn}.wav", read_mono_16k(samples / "es_solo.mp4")[max(first, 0) : stop], 16_000)
    return folder / f"{turn}.wav", wrote(folder / f"{turn}.txt", " ".join(w["text"] for w in words))


BARS: dict[str, Callable[[float], bool]] = {
    "closure_hits": lambda v: v >= 0.95, "opening_lag_ms": lambda v: abs(v) <= 20,
    "outside_psnr_db": lambda v: v >= 45,
}


@pytest.mark.real
def test_lip_sync_from_end_to_end_is_right_and_the_judge_is_not_fooled(faces: None, samples: Path, tmp_path: Path,
                                                                       dubbing: Any) -> None:
    """Three seconds of our sample say what it says later: by its words, and by ear alone. Then other words are held
    against the same pictures."""
    clip = talking_clip(samples / "es_solo.mp4", tmp_path / "clip.mp4", 3.0)
    speech, words = spoken(samples, tmp_path, 1, 2000)
    page, by_words = tmp_path / "page.html", ["--transcript", words]
    for name, more in (("text", by_words), ("ear", [])):
        code, done, err = dubbing("lipsync", clip, speech, "--out", tmp_path / f"{name}.mp4", "--json", *more)
        assert code == 0, err
        assert (done["backend"], done["frame_count"]) == ("atlas", 75) and "the mouth rests" in "".join(done["notes"])
        assert done["words_from"] == ("transcript" if more else "sound") and done["repainted"] >= 70
    # Both are judged by the words, so that the ear's mistakes count, too.
    found: dict[str, dict[str, float]] = {}
    for name, least in (("text", 0.9), ("ear", 0.8)):
        code, judged, err = dubbing("score", tmp_path / f"{name}.mp4", "--reference", clip, "--json", *by_words,
                                    "--report", page)
        assert code == 0, err
        assert judged["words_from"] == "transcript" and not judged["omitted"]
        found[name] = judged["summary"]
        missed = {key: found[name][key] for key, holds in BARS.items() if not holds(found[name][key])}
        assert not missed and found[name]["opening_r"] >= least, (name, missed, found[name]["opening_r"])
        assert found[name]["frames"] == 75 and "silence_leak" in found[name], "the pause at the end is judged, too"
    assert found["text"]["silence_leak"] <= 0.05
    assert page.read_text().startswith("<!doctype html>") and not list(tmp_path.glob(".page*"))
    other, _ = spoken(samples, tmp_path, 0, 3000)
    code, fooled, err = dubbing("score", tmp_path / "text.mp4", "--reference", clip, "--audio", other, "--json")
    assert code == 0, err
    assert fooled["summary"]["opening_r"] < 0.5 and not fooled["passed"]["opening_r"]
    assert fooled["summary"]["closure_hits"] < 0.9 and fooled["worst"]
    assert fooled["words_from"] == "sound"
    assert fooled["summary"]["outside_psnr_db"] == found["text"]["outside_psnr_db"], "pictures are as good"


@pytest.mark.real
def test_a_transcript_that_is_not_what_is_said_is_refused(faces: None, samples: Path, tmp_path: Path,
                                                          dubbing: Any) -> None:
    """Other words, another language, far too many words, and right words spelled by another language's rules that
    turn them into something else: nothing is tracked, nothing is written."""
    clip = make(tmp_path, "clip.mp4", frames=75)
    speech, words = spoken(samples, tmp_path, 1, 2700)
    cases = {"other words": ("Hola, me llamo Pablo y vivo en un pueblo.", ()),
             "German": ("Der Hund läuft schnell durch den Wald und sucht seinen Ball.", ()),
             "too many": (words.read_text() * 12, ()),
             "Japanese rules": (words.read_text(), ("--language", "ja"))}
    for name, (text, more) in cases.items():
        path, out = wrote(tmp_path / "t.txt", text), tmp_path / "out.mp4"
        code, _, err = dubbing("lipsync", clip, speech, "--out", out, "--backend", "atlas", "--transcript", path, *more)
        one_sentence(code, err, "transcript does not fit the sound")
        assert code == 3 and not out.exists() and "Tracking" not in err, name
    code, _, err = dubbing("score", clip, "--audio", speech, "--transcript", path, "--language", "ja")
    one_sentence(code, err, "transcript does not fit the sound")


@pytest.mark.real
def test_without_a_face_and_beside_another_film_nothing_is_judged(faces: None, tmp_path: Path, dubbing: Any) -> None:
    clip, page = make(tmp_path, "clip.mp4", frames=30, sound="bursts"), tmp_path / "page.html"
    one_sentence(*dubbing("score", clip, "--report", page)[::2], "no face was found in clip.mp4")
    assert not page.exists() and not list(tmp_path.glob(".page*"))
    one_sentence(*dubbing("lipsync", clip, clip, "--out", tmp_path / "out.mp4")[::2], "no face can be lip-synced")
    assert not list(tmp_path.glob("*out*"))
    larger = make(tmp_path, "larger.mp4", frames=30, height=160, width=240)
    one_sentence(*dubbing("score", clip, "--reference", larger)[::2], "differ in size: 192x144 and 240x160")
    shorter = make(tmp_path, "shorter.mp4", frames=20)
    one_sentence(*dubbing("score", clip, "--reference", shorter)[::2], "differ in length: 30 and 20")
    code, said, _ = dubbing("score", clip, "--json")
    assert code == 3 and set(said) == {"error", "hint"}


@pytest.mark.real
def test_syncnet_adds_its_figures_and_says_what_is_wrong_with_its_weights(faces: None, samples: Path, tmp_path: Path,
                                                                          dubbing: Any) -> None:
    """Random weights: the figures mean nothing, but they are there, finite, and alone on standard output."""
    import torch

    from lipsync_core.models.syncnet import SyncNet

    clip = talking_clip(samples / "es_solo.mp4", tmp_path / "clip.mp4", 0.7)
    for path, says in ((tmp_path / "no.model", "no such file"), (wrote(tmp_path / "g.pth", b"garbage" * 999), "g.pth")):
        code, _, err = dubbing("score", clip, "--syncnet", path)
        one_sentence(code, err, says)
        assert code == 4 and "Checking" not in err
    torch.manual_seed(5)
    weights = tmp_path / "syncnet_v2.model"
    torch.save(SyncNet().state_dict(), weights)
    done = subprocess.run([sys.executable, "-m", "dubbing", "score", str(clip), "--syncnet", str(weights), "--json"],
                          cwd=REPOSITORY, capture_output=True, text=True, check=True)
    lse = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))["lse"]
    assert 0 < lse["lse_d"] < 1e4 and 0 <= lse["lse_c"] < 1e4 and -15 <= lse["offset_frames"] <= 15
    assert lse["faces"][0]["lse_d"] == lse["lse_d"] and lse["is_short"]


@pytest.mark.real
def test_a_face_too_short_for_syncnet_leaves_the_other_figures(faces: None, samples: Path, tmp_path: Path,
                                                               dubbing: Any) -> None:
    import torch

    from lipsync_core.models.syncnet import SyncNet

    clip = talking_clip(samples / "es_solo.mp4", tmp_path / "clip.mp4", 0.4)
    weights = tmp_path / "syncnet_v2.model"
    torch.save(SyncNet().state_dict(), weights)
    code, found, err = dubbing("score", clip, "--syncnet", weights, "--json")
    assert code == 0, err
    assert "lse" not in found and "long enough" in found["omitted"]["lse"] and found["summary"]["frames"] == 10
