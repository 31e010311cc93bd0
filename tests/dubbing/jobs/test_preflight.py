"""What a look at a video finds: container, sound, faces; on made-up files, on our samples, on real clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dubbing.api import Workspace
from dubbing.domain.project import JobStatus
from dubbing.domain.workspace import Finding
from dubbing.engines.base import GlimpsedFace
from dubbing.jobs import preflight
from dubbing.jobs.listening import Heard, tonal_share
from dubbing.media.excerpt import mono_between
from dubbing.media.probe import probe
from dubbing.worker import work
from tests.dubbing.team.desks import manager, send
from tests.media_factory import Clip, make, sound, truncated_index

FAKES = {"diarizer": "fake", "separator": "fake", "lipsync": "fake"}


def codes(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.code: finding for finding in findings}


def look(path: Path, workspace: Workspace, **options: object) -> dict[str, Finding]:
    return codes(preflight.look(path, probe(path), {**FAKES, **options}, workspace, lambda _step, _text: None))


@pytest.mark.parametrize(("name", "wanted"), [
    ("plain.mp4", set()), ("variable_rate.mp4", {"variable_frame_rate"}), ("variable_rate.mkv",
                                                                          {"variable_frame_rate", "codec"}),
    ("hdr_hlg.mp4", {"hdr", "codec"}), ("odd_size.mkv", {"odd_size", "codec"}), ("no_audio.mp4", {"no_sound"}),
    ("silence.mp4", {"silent"}), ("ten_bit.mp4", {"codec"}), ("rotated_90.mp4", set()),
])
def test_what_the_file_says(empty: Workspace, tmp_path: Path, name: str, wanted: set[str]) -> None:
    found = look(make(tmp_path, name), empty)
    # The clips hum, and the fake takes half of everything for music.
    found.pop("music", None)
    assert found.keys() == wanted
    assert {code for code, finding in found.items() if finding.is_blocking} == wanted & {"no_sound", "silent"}
    assert all(finding.message.endswith(".") and finding.hint.endswith(".") for finding in found.values())


def test_interlaced_pictures(empty: Workspace, tmp_path: Path) -> None:
    path = make(tmp_path, "field.mp4", options={"preset": "ultrafast", "x264-params": "tff=1"})
    assert "interlaced" in look(path, empty)


def test_long_videos_say_what_they_cost_once_that_is_known(empty: Workspace, tmp_path: Path) -> None:
    info = probe(make(tmp_path, "plain.mp4"))
    long = replace(info, duration_ms=45 * 60_000)
    path = tmp_path / "plain.mp4"
    found = codes(preflight.of_the_file(path, long, empty))["long"]
    assert found.values == {"minutes": 45}


def test_pieces_of_a_long_video_reach_from_start_to_end() -> None:
    assert preflight.spans(30_000) == [(0, 30_000)]
    pieces = preflight.spans(600_000)
    assert pieces[0][0] == 0 and pieces[-1][1] == 600_000 and len(pieces) == preflight.PIECES
    assert all(a[1] <= b[0] for a, b in zip(pieces, pieces[1:], strict=False))


def face(height: float = 300.0, yaw: float = 0.0, pitch: float = 0.0) -> list[GlimpsedFace]:
    return [GlimpsedFace(height / 1080, height, yaw, pitch)]


@pytest.mark.parametrize(("pictures", "wanted"), [
    ([[], [], []], {"no_face"}), ([face(), [], face()], set()), ([face(80.0)] * 4, {"small_faces"}),
    ([face(yaw=50.0), face(yaw=-60.0), face(), face()], {"turned_faces"}),
    ([face(yaw=50.0), face(), face(), face()], set()),
    ([face(60.0, pitch=40.0)] * 3, {"small_faces", "turned_faces"}),
])
def test_what_faces_say(pictures: list[list[GlimpsedFace]], wanted: set[str]) -> None:
    assert codes(preflight.of_the_faces(pictures)).keys() == wanted


def test_what_is_heard(tmp_path: Path) -> None:
    info = probe(make(tmp_path, "plain.mp4"))
    said = codes(preflight.of_the_sound(Heard(0.5, 9000, 3, -10.0, 0.6, True), info, {}))
    assert said.keys() == {"several_speakers", "music"} and said["several_speakers"].values == {"speakers": 3}
    assert codes(preflight.of_the_sound(Heard(0.5, 0, 0, 0.0, 0.0, False), info, {})).keys() == {"silent"}


def test_tones_that_stand_are_music_and_speech_is_none(samples: Path) -> None:
    chord = sound(Clip(frames=100, sound="music", sample_rate=16_000, layout="mono"))[0]
    speech = mono_between(samples / "es_solo.mp4", 0, 8000)
    noise = np.random.default_rng(1).normal(0, 0.1, 64_000).astype(np.float32)
    assert tonal_share(chord) > 0.9 and tonal_share(speech) < 0.25 and tonal_share(noise) < 0.05


def test_a_piece_of_sound_is_where_it_was(samples: Path) -> None:
    from dubbing.media.audio import read_mono_16k

    whole = read_mono_16k(samples / "es_solo.mp4")
    part = mono_between(samples / "es_solo.mp4", 5000, 7000)
    assert part.shape == (32_000,)
    best = max(range(-40, 41), key=lambda lag: float(part @ whole[80_000 + lag:112_000 + lag]))
    assert abs(best) <= 32  # two milliseconds: the resampler's own delay
    assert np.corrcoef(part, whole[80_000 + best:112_000 + best])[0, 1] > 0.99


def test_the_job_of_an_upload(empty: Workspace, tmp_path: Path) -> None:
    at = manager(empty)
    good, bad = send(at, make(tmp_path, "plain.mp4")), send(at, truncated_index(tmp_path))
    jobs = [at.jobs.preflight(upload, **FAKES) for upload in (good, bad)]
    work(empty, lane="quick", until_idle=True)
    fine, broken = (at.jobs.get(job.id) for job in jobs)
    assert fine.status is broken.status is JobStatus.DONE
    assert not any(finding["is_blocking"] for finding in fine.result["findings"])
    assert fine.result["media"]["video"]["height"] == 144
    assert len(fine.result["sha256"]) == 64 and fine.result["file"][0] > 1000
    assert [(f["code"], f["is_blocking"]) for f in broken.result["findings"]] == [("unreadable", True)]
    assert "moov" in broken.result["findings"][0]["message"]


def small(source: Path, out: Path, scale: int) -> Path:
    """``source`` at a fraction of its size, without sound."""
    with av.open(str(source)) as read, av.open(str(out), "w") as write:
        stream = read.streams.video[0]
        made = write.add_stream("libx264", rate=stream.average_rate or Fraction(25), options={"preset": "ultrafast"})
        made.height, made.width = stream.height // scale // 2 * 2, stream.width // scale // 2 * 2
        made.pix_fmt = "yuv420p"
        for number, frame in enumerate(read.decode(stream)):
            picture = frame.reformat(made.width, made.height, "yuv420p")
            picture.pict_type = 0
            write.mux(made.encode(picture))
            if number == 49:
                break
        write.mux(made.encode(None))
    return out


@pytest.fixture
def glance() -> Callable[[Path, list[float]], list[list[GlimpsedFace]]]:
    from dubbing import registry

    return registry.choose("lipsync", "atlas").glance


@pytest.mark.real
def test_faces_of_our_samples(samples: Path, tmp_path: Path, glance: Callable[..., list[list[GlimpsedFace]]]) -> None:
    seen = glance(samples / "es_solo.mp4", [2000.0, 6000.0, 10_000.0])
    assert all(len(faces) == 1 and 0.3 < faces[0].height_share < 0.5 for faces in seen)
    assert preflight.of_the_faces(seen) == []
    tiny = glance(small(samples / "es_solo.mp4", tmp_path / "tiny.mp4", 5), [500.0, 1500.0])
    assert codes(preflight.of_the_faces(tiny)).keys() == {"small_faces"}
    assert glance(make(tmp_path, "plain.mp4"), [500.0]) == [[]]


@pytest.mark.real
def test_cuts_of_our_hard_sample(samples: Path) -> None:
    from dubbing import registry

    lipsyncer = registry.choose("lipsync", "atlas")
    assert lipsyncer.count_cuts(samples / "en_hard.mp4", [(0.0, 15_000.0)]) == 2
    assert lipsyncer.count_cuts(samples / "es_solo.mp4", [(4000.0, 6000.0)]) == 0


@pytest.mark.real
def test_voices_and_music_of_our_dialogue(samples: Path) -> None:
    from dubbing import registry
    from dubbing.jobs.listening import listen

    pieces = [mono_between(samples / "es_dialogue.mp4", 0, 22_000)]
    heard = listen(pieces, registry.choose("diarize"), registry.choose("separate"), None)
    assert heard.speakers == 2 and heard.has_music
    alone = listen([mono_between(samples / "es_solo.mp4", 0, 5_000)], registry.choose("diarize"),
                   registry.choose("separate"), None)
    assert alone.speakers == 1 and not alone.has_music


@pytest.mark.real
def test_real_faces_near_and_afar(media: Path, glance: Callable[..., list[list[GlimpsedFace]]]) -> None:
    afar = glance(media / "outdoor_fullbody_1080x1920_hevc_25fps.mp4", [2000.0, 7000.0])
    assert all(faces and faces[0].height_share < 0.15 for faces in afar)
    near = glance(media / "woman_podium_590_25fps.mp4", [1000.0, 3000.0])
    assert all(faces and faces[0].height_share > 0.4 for faces in near) and preflight.of_the_faces(near) == []
