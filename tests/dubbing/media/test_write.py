from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from dubbing.errors import MediaError, StorageError, UsageError
from dubbing.media import pictures
from dubbing.media.audio import blocks, write_wav
from dubbing.media.paste import Rectangle, paste, reduced_420, stored_planes
from dubbing.media.patches import PatchSet, PatchSets
from dubbing.media.probe import VideoInfo, probe
from dubbing.media.write import AudioTrack, ExportReport, export_video
from tests import media_factory as factory

HEIGHT, WIDTH, TOP, LEFT = 48, 64, 16, 32
DUB_CLICKS_S = (0.4, 1.1)


def patches(numbers: range, height: int = HEIGHT, width: int = WIDTH, top: int = TOP,
            left: int = LEFT) -> Iterator[Rectangle]:
    for number in numbers:
        noise = np.random.default_rng(number)
        y = noise.integers(40, 200, (height, width), np.uint8)
        u, v = noise.integers(60, 190, (2, height // 2, width // 2), np.uint8)
        yield Rectangle(number, left, top, y, u, v)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def dub(folder: Path) -> Path:
    sound = factory.clicks(90_000, 48_000, DUB_CLICKS_S)
    write_wav(folder / "dub.wav", [np.stack([sound, sound])], 48_000)
    return folder / "dub.wav"


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def times(frames: list[av.VideoFrame]) -> list[Fraction]:
    return [frame.pts * frame.time_base for frame in frames]


def upright_luma(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    plane = stored_planes(frame)[0]
    if plane.dtype != np.uint8:
        plane = (plane >> 2).astype(np.uint8)
    return np.rot90(plane, round(frame.rotation / 90) % 4)


def dub_error_ms(path: Path, dub: Path, stream: int = 0) -> float:
    """How much later than in the WAV file the dub is heard on the clock of the pictures."""
    heard = np.concatenate([b[0] for b in blocks(path, stream=stream)])
    wanted = np.concatenate([b[0] for b in blocks(dub)])
    size = 1 << 18
    cross = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size)))
    lag = int(np.argmax(cross))
    return (lag - size if lag > size // 2 else lag) / 48.0


def assert_same_picture_properties(before: VideoInfo, after: VideoInfo, *, is_copied: bool) -> None:
    for name in ("rotation", "sample_aspect_ratio", "bit_depth", "colour_primaries", "colour_transfer",
                 "colour_space", "colour_range", "frame_count", "is_variable_rate", "pixel_format"):
        # x265 spells out "limited", which is what an unspecified range means.
        unsaid = name == "colour_range" and (before.colour_range, after.colour_range) == ("unspecified", "limited")
        assert getattr(after, name) == getattr(before, name) or (unsaid and after.codec == "hevc"), name
    # With a variable rate the packets' durations are those of decoding order: the last frame's own is not known.
    if not before.is_variable_rate:
        assert after.duration_ms == pytest.approx(before.duration_ms, abs=1)
    if is_copied:
        assert (after.codec, after.height, after.width) == (before.codec, before.height, before.width)


def assert_same_times(before: list[av.VideoFrame], after: list[av.VideoFrame], shift: Fraction, suffix: str) -> None:
    # Matroska counts in milliseconds.
    slack = Fraction(1, 1000) if suffix == ".mkv" else Fraction(1, 90_000)
    for old, new in zip(times(before), times(after), strict=True):
        assert abs(old - shift - new) <= slack


#: (source, suffix of the result): every clip in its own container, and the ways across.
EXPORTS = [(name, Path(name).suffix if Path(name).suffix != ".ts" else ".mp4") for name in factory.CLIPS]
EXPORTS += [("plain.mp4", ".mkv"), ("plain.mkv", ".mp4"), ("variable_rate.mkv", ".mp4"), ("variable_rate.mp4", ".mov"),
            ("rotated_90.mp4", ".mkv"), ("rotated_90.mkv", ".mov"), ("hdr_pq.mkv", ".mp4"),
            ("late_picture.mp4", ".mkv"), ("late_picture.mkv", ".mp4"), ("pcm_sound.mkv", ".mp4"),
            ("wide_pixels.mp4", ".mkv"), ("full_range.mp4", ".mkv")]


@pytest.mark.parametrize(("name", "suffix"), EXPORTS)
def test_copied_pictures_keep_every_property(folder: Path, dub: Path, name: str, suffix: str) -> None:
    source = factory.make(folder, name)
    out = folder / f"copied-{name}{suffix}"
    report = export_video(source, out, [AudioTrack(dub, "es", "Español")], keep_original_audio=True)
    before, after = probe(source), probe(out, needs_audio=True)
    assert before.video is not None and after.video is not None
    assert report.is_video_copied and report.frame_count == before.video.frame_count and report.patched_frames == 0
    assert_same_picture_properties(before.video, after.video, is_copied=True)
    old, new = decoded(source), decoded(out)
    shift = Fraction(round(before.start_ms * 90), 90_000) if name.endswith(".ts") else Fraction(0)
    assert_same_times(old, new, shift, suffix)
    for a, b in zip(old, new, strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(stored_planes(a), stored_planes(b), strict=True))
    assert_tracks(source, out, dub, has_original=bool(before.audio))


@pytest.mark.parametrize(("name", "suffix"), EXPORTS)
def test_patched_pictures_keep_every_property(folder: Path, dub: Path, name: str, suffix: str) -> None:
    """At x264's lossless setting everything outside the patches is the source, bit for bit."""
    source = factory.make(folder, name)
    clip = factory.CLIPS[name]
    out = folder / f"patched-{name}{suffix}"
    wanted = {patch.frame: patch for patch in patches(range(0, clip.frames, 3))}
    report = export_video(source, out, [AudioTrack(dub, "es", "Español")], wanted.values(), keep_original_audio=True,
                          preset="ultrafast", crf=0)
    assert not report.is_video_copied
    assert (report.frame_count, report.patched_frames) == (clip.frames, len(wanted))
    before, after = probe(source), probe(out, needs_audio=True)
    assert before.video is not None and after.video is not None
    assert_same_picture_properties(before.video, after.video, is_copied=False)
    is_exact = before.video.bit_depth == 8  # of deeper formats, crf 0 is not lossless
    old, new = decoded(source), decoded(out)
    shift = Fraction(round(before.start_ms * 90), 90_000) if name.endswith(".ts") else Fraction(0)
    assert_same_times(old, new, shift, suffix)
    for number, (a, b) in enumerate(zip(old, new, strict=True)):
        turns = round(a.rotation / 90) % 4
        assert factory.read_number(upright_luma(b)[: upright_luma(a).shape[0]]) == number
        for index, (x, y) in enumerate(zip(stored_planes(a), stored_planes(b), strict=True)):
            x, y = np.rot90(x, turns), np.rot90(y, turns)
            y = y[: x.shape[0], : x.shape[1]]
            down = 1 if index == 0 or a.format.chroma_height(16) == 16 else 2
            across = 1 if index == 0 or a.format.chroma_width(16) == 16 else 2
            inside = np.zeros(x.shape, bool)
            if number in wanted:
                inside[TOP // down : (TOP + HEIGHT) // down, LEFT // across : (LEFT + WIDTH) // across] = True
            difference = np.abs(x.astype(int) - y)
            if is_exact:
                assert difference[~inside].max() == 0
            else:
                assert difference[~inside].mean() < 4 and difference[~inside].max() < 64
            if number in wanted and (index == 0 or (down, across) == (2, 2)):
                pixels = getattr(wanted[number], "yuv"[index])
                got = y[inside].reshape(pixels.shape).astype(int)
                if a.format.components[0].bits > 8:
                    assert np.abs((got >> 2) - pixels).mean() < 3
                else:
                    assert np.array_equal(got, pixels)
    assert_tracks(source, out, dub, has_original=bool(before.audio))


def assert_tracks(source: Path, out: Path, dub: Path, *, has_original: bool) -> None:
    audio = probe(out).audio
    assert (audio[0].language, audio[0].title, audio[0].is_default, audio[0].codec) == ("spa", "Español", True, "aac")
    assert len(audio) == 1 + has_original
    start = probe(out).start_ms - (0 if source.suffix == ".ts" else probe(source).start_ms)
    assert dub_error_ms(out, dub) == pytest.approx(-start, abs=1)
    if has_original:
        before = probe(source)
        assert (audio[1].language, audio[1].is_default) == ("eng", False)
        assert audio[1].channels == before.audio[0].channels
        old = np.concatenate([b[0] for b in blocks(source)])
        new = np.concatenate([b[0] for b in blocks(out, stream=1)])
        moved = round((before.start_ms - (0 if source.suffix != ".ts" else before.start_ms) - probe(out).start_ms)
                      * before.audio[0].sample_rate / 1000)
        if np.abs(old).max() > 0.3:
            assert abs(loudest(new) - loudest(old) - moved) <= before.audio[0].sample_rate // 1000


def loudest(sound: npt.NDArray[np.float32]) -> int:
    """Where the first click is: the first sample above a third of full scale."""
    return int(np.argmax(np.abs(sound) > 0.3))


def test_copied_packets_are_untouched(folder: Path, dub: Path) -> None:
    source = factory.make(folder, "plain.mp4")
    out = folder / "packets.mp4"
    export_video(source, out, [AudioTrack(dub, "fr")], keep_original_audio=True)

    def packets(path: Path, kind: str, index: int) -> list[bytes]:
        with av.open(str(path)) as container:
            stream = getattr(container.streams, kind)[index]
            return [bytes(p) for p in container.demux(stream) if p.size]

    assert packets(out, "video", 0) == packets(source, "video", 0)
    assert packets(out, "audio", 1) == packets(source, "audio", 0)


def test_same_inputs_give_the_same_bytes(folder: Path, dub: Path) -> None:
    for name in ("plain.mp4", "plain.mkv", "hdr_pq.mkv"):
        source = factory.make(folder, name)
        results = []
        for turn in range(2):
            out = folder / f"turn{turn}{source.suffix}"
            export_video(source, out, [AudioTrack(dub, "es", "Dub")], patches(range(10)), keep_original_audio=True)
            results.append(out.read_bytes())
        assert results[0] == results[1], name
        assert b"creation_time" not in results[0]


def test_index_comes_first(folder: Path, dub: Path) -> None:
    source = factory.make(folder, "plain.mkv")
    for out, given in ((folder / "fast1.mp4", None), (folder / "fast2.mov", patches(range(3)))):
        export_video(source, out, [AudioTrack(dub)], given)
        content = out.read_bytes()
        assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_default_quality_outside_the_patches(folder: Path, media: Path) -> None:
    """At the default preset real footage keeps at least 45 dB outside the patches."""
    for name in ("woman_podium_590_25fps.mp4", "woman_close_512_mpeg4_25fps.mp4"):
        out = folder / f"quality-{name}"
        export_video(media / name, out, [], patches(range(0, 25, 5)))
        ratios = []
        for number, (a, b) in enumerate(zip(decoded(media / name), decoded(out), strict=True)):
            if number % 10 == 0:
                x, y = stored_planes(a)[0][80:].astype(float), stored_planes(b)[0][80:].astype(float)
                ratios.append(10 * np.log10(255**2 / np.mean((x - y) ** 2)))
        assert np.mean(ratios) >= 45


def test_real_clips_survive(folder: Path, media: Path, dub: Path) -> None:
    for source in sorted(media.glob("*.mp4")):
        before = probe(source)
        out = folder / f"real-{source.name}"
        report = export_video(source, out, [AudioTrack(dub, "de")], keep_original_audio=True)
        after = probe(out)
        assert before.video is not None and after.video is not None
        assert report.is_video_copied
        assert_same_picture_properties(before.video, after.video, is_copied=True)
        assert dub_error_ms(out, dub) == pytest.approx(0, abs=1)


def test_real_clips_survive_patches(folder: Path, media: Path) -> None:
    for name in ("man_desk_844_25fps.mp4", "nonsquare_pixels_512x480_sar15-16_30fps_nospeech.mp4"):
        out = folder / f"real-patched-{name}"
        export_video(media / name, out, [], patches(range(20, 40)), preset="ultrafast", crf=20)
        before, after = probe(media / name).video, probe(out).video
        assert before is not None and after is not None
        assert_same_picture_properties(before, after, is_copied=False)
        assert times(decoded(out)) == times(decoded(media / name))


def test_odd_size_keeps_every_pixel_and_says_so(folder: Path) -> None:
    source = factory.make(folder, "odd_size.mkv")
    report = export_video(source, folder / "odd.mp4", [], patches(range(2)))
    assert any("193x145" in note and "194x146" in note for note in report.notes)
    video = probe(folder / "odd.mp4").video
    assert video is not None and (video.height, video.width) == (146, 194)


def test_codec_that_does_not_fit_is_encoded(folder: Path, dub: Path) -> None:
    source = factory.make(folder, "odd.webm", codec="libvpx-vp9", sound_codec="libopus",
                          options={"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "0"})
    report = export_video(source, folder / "vp9.mov", [AudioTrack(dub)], keep_original_audio=True)
    assert not report.is_video_copied and report.video_codec == "libx264" and report.frame_count == 50
    assert any("AAC" in note for note in report.notes)
    assert [a.codec for a in probe(folder / "vp9.mov").audio] == ["aac", "aac"]


def test_hdr_light_levels_survive(folder: Path) -> None:
    source = factory.make(folder, "hdr_pq.mkv")
    export_video(source, folder / "hdr.mkv", [], patches(range(5)))
    kinds = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")
    for kind in kinds:
        before, after = (
            {data.type.name: bytes(data) for data in (frame.side_data[i] for i in range(len(frame.side_data)))}
            for frame in (decoded(source)[0], decoded(folder / "hdr.mkv")[0]))
        assert kind in before
        assert after[kind] == before[kind]


def test_chapters_and_titles_survive(folder: Path, dub: Path) -> None:
    plain = factory.make(folder, "plain.mp4")
    source = folder / "chapters.mp4"
    with av.open(str(plain)) as given, av.open(str(source), "w") as target:
        target.metadata["title"] = "A day at sea"
        target.set_chapters([{"id": 0, "start": 0, "end": 1000, "time_base": Fraction(1, 1000),
                              "metadata": {"title": "Morning"}}])
        video = target.add_stream_from_template(given.streams.video[0], opaque=True)
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                target.mux(packet)
    export_video(source, folder / "chapters-out.mkv", [AudioTrack(dub)])
    with av.open(str(folder / "chapters-out.mkv")) as out:
        assert out.metadata["title"] == "A day at sea"
        assert [c["metadata"]["title"] for c in out.chapters()] == ["Morning"]


def test_several_dubbed_tracks(folder: Path, dub: Path) -> None:
    source = factory.make(folder, "plain.mp4")
    tracks = [AudioTrack(dub, "es", "Spanish"), AudioTrack(dub, "ja", "Japanese", is_default=False)]
    for suffix in ("mp4", "mov", "mkv"):
        report = export_video(source, folder / f"two.{suffix}", tracks, keep_original_audio=True)
        audio = probe(folder / f"two.{suffix}").audio
        assert report.audio_tracks == 3
        assert [a.language for a in audio] == ["spa", "jpn", "eng"]
        assert [a.is_default for a in audio] == [True, False, False]


def test_other_rates_and_surround_of_the_dub(folder: Path) -> None:
    source = factory.make(folder, "plain.mp4")
    for rate, channels, layout in ((24_000, 1, "mono"), (96_000, 2, "stereo"), (48_000, 6, "5.1")):
        sound = factory.clicks(round(1.8 * rate), rate, DUB_CLICKS_S)
        wav = folder / f"dub{rate}.wav"
        write_wav(wav, [np.tile(sound, (channels, 1))], rate)
        export_video(source, folder / "rates.mp4", [AudioTrack(wav)])
        audio = probe(folder / "rates.mp4").audio[0]
        assert (audio.sample_rate, audio.layout) == (48_000, layout)
        heard = np.concatenate([b[0] for b in blocks(folder / "rates.mp4")])
        assert abs(loudest(heard) / 48_000 - DUB_CLICKS_S[0]) < 0.002


def test_progress_reaches_the_end(folder: Path) -> None:
    seen: list[tuple[float, float]] = []
    export_video(factory.make(folder, "plain.mp4"), folder / "progress.mp4", [], patches(range(2)),
                 report=lambda done, total, _message: seen.append((done, total)))
    assert len(seen) == 50 and seen[-1] == (50, 50)


def test_usage_errors(folder: Path) -> None:
    source = factory.make(folder, "plain.mp4")
    with pytest.raises(UsageError, match="avi"):
        export_video(source, folder / "out.avi", [])
    with pytest.raises(UsageError, match="source itself"):
        export_video(source, source, [])
    with pytest.raises(MediaError, match="no video"):
        export_video(factory.make(folder, "only.m4a", has_video=False), folder / "out.mp4", [])


def test_nothing_is_left_behind_by_a_failure(folder: Path, tmp_path: Path) -> None:
    source = factory.make(folder, "plain.mp4")
    out = tmp_path / "out.mp4"
    out.write_bytes(b"what was there before")
    wrong = [
        list(patches(range(48, 52))),  # beyond the end
        [next(patches(range(5, 6))), next(patches(range(4, 5)))],  # out of order
        list(patches(range(1), left=180)),  # outside the picture
    ]
    for given in wrong:
        with pytest.raises(ValueError, match="patch"):
            export_video(source, out, [], given)
    with pytest.raises(MediaError):
        export_video(source, out, [AudioTrack(tmp_path / "missing.wav")])
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]
    assert out.read_bytes() == b"what was there before"


def test_missing_folder_is_made(folder: Path, tmp_path: Path) -> None:
    report = export_video(factory.make(folder, "plain.mp4"), tmp_path / "a" / "b" / "out.mp4", [])
    assert isinstance(report, ExportReport) and report.path.stat().st_size == report.size_bytes


def test_folder_that_may_not_be_written(folder: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    os.chmod(locked, 0o500)
    if os.access(locked, os.W_OK):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(StorageError):
            export_video(factory.make(folder, "plain.mp4"), tmp_path / "file" / "out.mp4", [])
        pytest.skip("this user may write everywhere; only a file in place of a folder was tried")
    with pytest.raises(StorageError, match="not allowed"):
        export_video(factory.make(folder, "plain.mp4"), locked / "out.mp4", [])


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from dubbing.errors import StorageError
from dubbing.media.write import export_video
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    export_video(Path(sys.argv[1]), Path(sys.argv[2]), [])
except StorageError as error:
    print(error)
"""


def test_full_disk_is_told_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    """A limit on file size stands in for a full disk: writing fails in the middle."""
    assert resource.RLIMIT_FSIZE is not None
    source = factory.make(folder, "big.mp4", options={"preset": "ultrafast", "crf": "0"})
    for suffix in ("mp4", "mkv"):
        done = subprocess.run([sys.executable, "-c", FULL_DISK, str(source), str(tmp_path / f"out.{suffix}")],
                              capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
        assert "no room left" in done.stdout, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv444p", "yuv422p", "yuv444p10le"])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_pasting_what_was_there_changes_no_bit(pixel_format: str, turns: int) -> None:
    noise = np.random.default_rng(3)
    frame = av.VideoFrame(64, 48, pixel_format)
    for plane in stored_planes(frame):
        plane[:] = noise.integers(0, 1 << frame.format.components[0].bits, plane.shape)
    before = [plane.copy() for plane in stored_planes(frame)]
    y, u, v = (np.rot90(plane, turns) for plane in stored_planes(reduced_420(frame)))
    pixels = [y[8:24, 10:30].copy(), u[4:12, 5:15].copy(), v[4:12, 5:15].copy()]
    paste(frame, Rectangle(0, 10, 8, *pixels), turns)
    assert all(np.array_equal(a, b) for a, b in zip(before, stored_planes(frame), strict=True))
    pixels[0][3, 4] ^= 64
    paste(frame, Rectangle(0, 10, 8, *pixels), turns)
    changed = np.argwhere(np.rot90(stored_planes(frame)[0] != before[0], turns))
    assert changed.tolist() in ([[11, 14]], [])  # [] when the change would leave the format's range
    assert all(np.array_equal(a, b) for a, b in zip(before[1:], stored_planes(frame)[1:], strict=True))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("is_patched", [False, True])
def test_pictures_hidden_by_an_edit_list_stay_hidden(folder: Path, dub: Path, suffix: str, is_patched: bool) -> None:
    source = factory.make(folder, "trimmed.mp4", start_s=Fraction(-1, 5))
    out = folder / f"trimmed-out{suffix}"
    report = export_video(source, out, [AudioTrack(dub)], patches(range(3)) if is_patched else None,
                          keep_original_audio=True)
    # Matroska has no edit lists: there the pictures are encoded anew from the first that is shown.
    assert report.is_video_copied == (not is_patched and suffix != ".mkv")
    old, new = decoded(source), decoded(out)
    assert [factory.read_number(upright_luma(f)) for f in new] == list(range(5, 50))
    assert times(new) == times(old) and times(new)[0] == 0
    assert dub_error_ms(out, dub) == pytest.approx(0, abs=1)


def test_old_containers(folder: Path, dub: Path) -> None:
    source = factory.make(folder, "old.avi", codec="mpeg4", options={}, sound_codec="libmp3lame")
    for given in (None, patches(range(3))):
        report = export_video(source, folder / "from-avi.mp4", [AudioTrack(dub)], given, keep_original_audio=True)
        assert report.frame_count == 50
        old, new = (times(decoded(path)) for path in (source, folder / "from-avi.mp4"))
        assert new == [t - old[0] for t in old]
        assert [a.codec for a in probe(folder / "from-avi.mp4").audio] == ["aac", "mp3float"]


@pytest.mark.parametrize("stamps", [[None] * 6, [0, 512, 512, 1024, 2048, 1536]])
def test_useless_time_stamps_are_mended_and_that_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch,
                                                         stamps: list[int | None]) -> None:
    """Pictures that turn out to have other times than their packets cannot be joined: all are encoded."""
    untouched = pictures._Run._decode

    def stamped(self: pictures._Run, packet: av.Packet | None) -> Iterator[av.VideoFrame]:
        for frame in untouched(self, packet):
            if (number := self.base + self.decoded) < len(stamps):
                frame.pts = stamps[number]
            yield frame

    monkeypatch.setattr(pictures._Run, "_decode", stamped)
    source, out = factory.make(folder, "plain.mp4"), folder / "mended.mp4"
    given = PatchSets([PatchSet("line", range(3), lambda: patches(range(3)))])
    report = export_video(source, out, [], given)
    shown = times(decoded(out))
    assert len(shown) == 50 and all(a < b for a, b in zip(shown, shown[1:], strict=False))
    assert any("time stamp" in note for note in report.notes)
    assert report.why_all_encoded and report.patched_frames == 3
    with pytest.raises(MediaError, match="piece by piece"):
        export_video(source, out, [], patches(range(3)))


def test_subtitles_are_kept_where_they_fit(folder: Path, dub: Path) -> None:
    plain = factory.make(folder, "plain.mkv")
    (folder / "lines.srt").write_text("1\n00:00:00,200 --> 00:00:01,000\nGood morning\n")
    source = folder / "subtitled.mkv"
    with av.open(str(plain)) as given, av.open(str(folder / "lines.srt")) as lines, av.open(str(source), "w") as target:
        video = target.add_stream_from_template(given.streams.video[0], opaque=True)
        text = target.add_stream_from_template(lines.streams.subtitles[0])
        text.metadata["language"] = "eng"
        for packet in lines.demux():
            if packet.dts is not None:
                packet.stream = text
                target.mux(packet)
        for packet in given.demux(given.streams.video[0]):
            if packet.size:
                packet.stream = video
                target.mux(packet)
    assert probe(source).subtitles[0].language == "eng"
    kept = export_video(source, folder / "subtitled-out.mkv", [AudioTrack(dub)])
    assert kept.notes == () and kept.audio_tracks == 1
    with av.open(str(folder / "subtitled-out.mkv")) as out:
        packets = [bytes(p) for p in out.demux(out.streams.subtitles[0]) if p.size]
    assert packets == [b"Good morning"]
    dropped = export_video(source, folder / "subtitled-out.mp4", [AudioTrack(dub)])
    assert any("subtitle" in note for note in dropped.notes)
    assert probe(folder / "subtitled-out.mp4").subtitles == ()


MEMORY = """
import re, sys
from pathlib import Path
import numpy as np
from dubbing.media.audio import write_wav
from dubbing.media.write import AudioTrack, export_video
source, frames = Path(sys.argv[1]), int(sys.argv[2])
wav = source.with_suffix(".wav")
write_wav(wav, (np.zeros((2, 48_000), np.float32) for _ in range(frames // 25)), 48_000)
class Patch:
    left = top = 0
    def __init__(self, frame):
        self.frame = frame
        self.y, self.u, self.v = (np.full((n, n), 99, np.uint8) for n in (64, 32, 32))
given = map(Patch, range(frames))
export_video(source, source.with_name("out.mp4"), [AudioTrack(wav)], given, keep_original_audio=True)
# Not getrusage: its peak includes that of the process which started this one.
print(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    peaks = []
    for frames in (100, 1000):
        source = factory.make(tmp_path, f"{frames}.mp4", frames=frames)
        done = subprocess.run([sys.executable, "-c", MEMORY, str(source), str(frames)], capture_output=True, text=True,
                              check=True, cwd=Path(__file__).parents[3])
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 12_000  # kB; 900 more pictures would be 37,000 and their sound 14,000
