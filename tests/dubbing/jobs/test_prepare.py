"""What pages show beside the lines: poster, peaks, copies for browsers, samples of speakers, pictures of faces."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest

from dubbing.api import DubOptions, Workspace
from dubbing.derived import Derived
from dubbing.domain.project import Project
from dubbing.jobs.prepare import refresh
from dubbing.media.formats import why_not_played
from dubbing.media.peaks import peaks
from dubbing.media.probe import probe
from dubbing.media.proxy import write_proxy
from tests.dubbing.team.desks import clip
from tests.media_factory import CLICKS_S, make, read_number

FAKES = {name: "fake" for name in ("recognizer", "diarizer", "translator", "synthesizer", "separator", "lipsync")}


def test_everything_is_there_after_a_dub_and_made_once(dubbed: tuple[Workspace, Project]) -> None:
    workspace, made = dubbed
    derived = Derived(workspace.settings.home, made.id)
    assert derived.poster.is_file() and derived.face("f0000").is_file() and derived.speaker("S1").is_file()
    assert not derived.source.exists() and not derived.dub("es").exists()
    for file in (derived.source_peaks, derived.dub_peaks("es")):
        assert file.stat().st_size == pytest.approx(640, abs=3)
    assert refresh(workspace, made) == []
    derived.poster.unlink()
    assert refresh(workspace, made) == ["poster.jpg"]


def test_dub_peaks_follow_the_dub(dubbed: tuple[Workspace, Project]) -> None:
    workspace, made = dubbed
    derived = Derived(workspace.settings.home, made.id)
    standing = derived.standing("es")
    assert standing is not None and derived.stamp("dub-es.peaks") == standing.mix
    loud = np.frombuffer(derived.dub_peaks("es").read_bytes(), np.uint8)
    line = workspace.storage.utterances.all(made.id)[0]
    inside = loud[line.start_ms // 10 + 5:line.end_ms // 10 - 5]
    assert inside.mean() > 40


def test_peaks_are_where_the_sound_is() -> None:
    rate = 22_050
    sound = np.zeros((2, rate * 2), np.float32)
    sound[1, round(0.505 * rate)] = -0.25
    sound[0, -1] = 1.0
    whole = np.frombuffer(peaks([sound], rate), np.uint8)
    assert len(whole) == 200 and np.flatnonzero(whole).tolist() == [50, 199]
    assert whole[50] == 128 and whole[199] == 255
    for size in (7, 100, 221, 5000):
        parts = [sound[:, at:at + size] for at in range(0, sound.shape[1], size)]
        assert peaks(parts, rate) == whole.tobytes()
    assert peaks([], rate) == b""


@pytest.mark.parametrize(("name", "reason"), [
    ("plain.mp4", ""), ("plain.mov", ""), ("plain.mkv", "container"), ("hdr_hlg.mp4", "codec"),
    ("ten_bit.mp4", "pixel format"), ("mpeg4_part2.mp4", "codec"),
])
def test_what_browsers_play(tmp_path: Path, name: str, reason: str) -> None:
    assert why_not_played(probe(make(tmp_path, name)).to_json()) == reason


@pytest.mark.parametrize("name", ["hdr_hlg.mp4", "odd_size.mkv", "rotated_90.mkv", "variable_rate.mkv",
                                  "wide_pixels.mp4", "late_picture.mkv", "late_sound.mkv", "surround.mp4"])
def test_a_copy_keeps_pictures_times_and_sound(tmp_path: Path, name: str) -> None:
    source, out = make(tmp_path, name), tmp_path / "out" / "copy.mp4"
    write_proxy(source, out, lambda *_: None)
    before, after = probe(source), probe(out)
    assert why_not_played(after.to_json()) == ""
    assert before.video is not None and after.video is not None and after.video.rotation == 0
    shape = before.video.upright_width * float(before.video.sample_aspect_ratio) / before.video.upright_height
    assert after.video.width / after.video.height == pytest.approx(shape, abs=0.02)
    original, copied = shown(source), shown(out)
    assert [number for _, number in copied] == [number for _, number in original]
    assert max(abs(a - b) for (a, _), (b, _) in zip(original, copied, strict=True)) < 0.002
    for second in CLICKS_S[:2]:
        assert loudest_near(out, second) == pytest.approx(loudest_near(source, second), abs=0.02)


def shown(path: Path) -> list[tuple[float, int]]:
    """(seconds, coded number) of every picture."""
    info = probe(path)
    with av.open(str(path)) as container:
        found = []
        for frame in container.decode(video=0):
            rotation = round(frame.rotation / 90) % 4
            luma = np.rot90(frame.to_ndarray(format="gray"), rotation)
            if info.video is not None and info.video.sample_aspect_ratio != 1:
                wide = round(luma.shape[1] * info.video.sample_aspect_ratio)
                luma = luma[:, (np.arange(wide) * luma.shape[1] // wide)]
            found.append((float(frame.pts * frame.time_base) - info.start_ms / 1000, read_number(_as_made(luma))))
        return found


def _as_made(luma: np.ndarray) -> np.ndarray:
    """Squares of 16 pixels, whatever a ratio made of the width."""
    if luma.shape[1] in (192, 193, 144, 194):
        return luma
    return luma[:, np.arange(192) * luma.shape[1] // 192]


def loudest_near(path: Path, second: float) -> float:
    from dubbing.media.audio import read_mono_16k

    sound = np.abs(read_mono_16k(path))
    first = int((second - 0.1) * 16_000)
    part = sound[first:first + 6400]
    return (first + int(np.flatnonzero(part > 0.3 * part.max())[0])) / 16_000


def test_a_source_that_browsers_do_not_play_gets_a_copy(empty: Workspace, tmp_path: Path) -> None:
    video = make(tmp_path, "plain.mkv", frames=25)
    made = empty.create(video, DubOptions(targets=("es",), source="en", **FAKES))
    assert sorted(refresh(empty, made)) == ["poster.jpg", "source.mp4", "source.peaks"]
    assert probe(Derived(empty.settings.home, made.id).source).video is not None


def test_names_that_people_type_never_become_paths(empty: Workspace) -> None:
    derived = Derived(empty.settings.home, "p")
    for name in ("../../etc/passwd", "Ana / María", "", "." * 300):
        inside = os.path.relpath(derived.speaker(name), derived.folder)
        assert not inside.startswith("..") and inside.count(os.sep) == 1


def test_the_poster_is_a_small_jpeg(empty: Workspace, tmp_path: Path) -> None:
    from PIL import Image

    video = clip(tmp_path / "wide.mp4", height=720, width=1280, frames=20)
    made = empty.create(video, DubOptions(targets=("es",), source="en", **FAKES))
    refresh(empty, made)
    with Image.open(Derived(empty.settings.home, made.id).poster) as picture:
        assert picture.format == "JPEG" and picture.size == (640, 360)
