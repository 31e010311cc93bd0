from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from dubbing.errors import MediaError
from dubbing.media.languages import iso639_2
from dubbing.media.probe import MediaInfo, probe
from tests import media_factory as factory


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


PRIMARIES = {1: "bt709", 2: "unspecified", 6: "smpte170m", 9: "bt2020"}
TRANSFERS = {1: "bt709", 2: "unspecified", 6: "smpte170m", 16: "pq", 18: "hlg"}
SPACES = {1: "bt709", 2: "unspecified", 6: "smpte170m", 9: "bt2020nc"}
CODECS = {"libx264": "h264", "libx265": "hevc", "libvpx-vp9": "vp9", "mpeg4": "mpeg4"}


@pytest.mark.parametrize("name", factory.CLIPS)
def test_every_property_is_found(folder: Path, name: str) -> None:
    clip = factory.CLIPS[name]
    info = probe(factory.make(folder, name))
    video = info.video
    assert video is not None
    assert (video.height, video.width, video.codec) == (clip.height, clip.width, CODECS[clip.codec])
    assert video.rotation == clip.rotation
    assert video.sample_aspect_ratio == clip.sample_aspect_ratio
    assert video.pixel_format == clip.pixel_format
    assert video.bit_depth == (10 if "10" in clip.pixel_format else 8)
    assert video.colour_primaries == PRIMARIES[clip.primaries]
    assert video.colour_transfer == TRANSFERS[clip.transfer]
    assert video.colour_space == SPACES[clip.matrix]
    if clip.colour_range:
        assert video.colour_range == {1: "limited", 2: "full"}[clip.colour_range]
    assert video.is_hdr == (clip.transfer in (16, 18))
    assert video.frame_count == clip.frames
    assert video.is_variable_rate == (clip.times is not None)
    if clip.times is None:
        assert video.frame_rate == clip.rate
        assert video.duration_ms == pytest.approx(clip.duration_s * 1000, abs=2)
    if clip.sound:
        audio = info.audio[0]
        assert (audio.codec, audio.sample_rate, audio.layout, audio.channels) == (
            clip.sound_codec, clip.sample_rate, clip.layout, {"mono": 1, "stereo": 2, "5.1": 6}[clip.layout])
        assert audio.language == clip.sound_language
        if not name.endswith(".ts"):
            offset = float(clip.sound_start_s - clip.start_s) * 1000
            # A late AAC stream starts with its encoder's priming, up to 1024 samples early.
            assert audio.start_offset_ms == pytest.approx(offset, abs=24)
    else:
        assert info.audio == ()


def test_upright_size(folder: Path) -> None:
    video = probe(factory.make(folder, "rotated_90.mp4")).video
    assert video is not None
    assert (video.upright_height, video.upright_width) == (192, 144)


def test_json_round_trip(folder: Path) -> None:
    info = probe(factory.make(folder, "film_rate.mp4"))
    assert info.video is not None and info.video.frame_rate == Fraction(24000, 1001)
    assert MediaInfo.from_json(json.loads(json.dumps(info.to_json()))) == info


def test_sound_alone(folder: Path) -> None:
    path = factory.make(folder, "sound.m4a", has_video=False)
    info = probe(path, needs_video=False)
    assert info.video is None and info.audio[0].codec == "aac"
    assert MediaInfo.from_json(info.to_json()) == info
    with pytest.raises(MediaError, match="no video stream"):
        probe(path)


def broken_files(folder: Path) -> dict[str, tuple[Path, str]]:
    text = folder / "text.mp4"
    text.write_text("This is no video.\n" * 50)
    empty = folder / "empty.mp4"
    empty.touch()
    noise = folder / "noise.mkv"
    noise.write_bytes(bytes(range(256)) * 40)
    matroska = factory.make(folder, "plain.mkv")
    cut = folder / "cut.mkv"
    cut.write_bytes(matroska.read_bytes()[: matroska.stat().st_size // 2])
    return {
        "missing": (folder / "nowhere.mp4", "There is no file"),
        "folder": (folder, "is a folder"),
        "empty": (empty, "is empty"),
        "text": (text, "not a media file"),
        "noise": (noise, "not a media file"),
        "no index": (factory.truncated_index(folder), "moov atom"),
        "cut in the middle": (factory.truncated_middle(folder), "cut off: it should last 2.0 s"),
        "cut matroska": (cut, "cut off"),
        "one picture": (factory.make(folder, "one.mp4", frames=1, sound=None, times=(0,)), "single picture"),
        "no sound": (factory.make(folder, "no_audio.mp4"), "no audio stream"),
    }


def test_every_broken_file_is_told_in_one_sentence_with_a_hint(folder: Path) -> None:
    for case, (path, words) in broken_files(folder).items():
        with pytest.raises(MediaError) as caught:
            probe(path, needs_audio=case == "no sound")
        assert words in caught.value.message, case
        assert caught.value.hint, case
        assert "Traceback" not in str(caught.value) and "\n" not in str(caught.value), case


def test_no_sound_is_fine_unless_it_is_needed(folder: Path) -> None:
    assert probe(factory.make(folder, "no_audio.mp4")).audio == ()


def test_unreadable(folder: Path) -> None:
    path = shutil.copy(factory.make(folder, "plain.mp4"), folder / "secret.mp4")
    os.chmod(path, 0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(MediaError, match="permission denied"):
        probe(Path(path))


def test_undecodable_pictures(folder: Path) -> None:
    whole = factory.make(folder, "plain.mp4", sound=None)
    content = bytearray(whole.read_bytes())
    start = content.index(b"mdat") + 4
    content[start:] = b"\x00" * (len(content) - start)
    path = folder / "zeros.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match="cannot be decoded|holds no picture"):
        probe(path)


def test_cover_picture_is_no_video(folder: Path) -> None:
    import av
    from av.stream import Disposition

    plain = factory.make(folder, "plain.mp4")
    path = folder / "cover.mp4"
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        picture = target.add_stream("mjpeg", rate=25)
        picture.height, picture.width, picture.pix_fmt = 64, 64, "yuvj420p"
        picture.disposition = Disposition.attached_pic
        video = target.add_stream_from_template(source.streams.video[0], opaque=True)
        frame = av.VideoFrame(64, 64, "yuvj420p")
        frame.pts = 0
        target.mux(picture.encode(frame))
        target.mux(picture.encode(None))
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                target.mux(packet)
    info = probe(path)
    assert info.video is not None and (info.video.codec, info.video.width) == ("h264", 192)


def test_long_file_is_probed_from_its_index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole index means that no packet is read: a scan would call the function that is taken away here."""
    import dubbing.media.probe as module

    path = factory.make(folder, "variable_rate.mp4")
    monkeypatch.setattr(module, "_scan_packets", None)
    info = module.probe(path)
    assert info.video is not None and info.video.is_variable_rate and info.video.frame_count == 50


def test_large_file_without_index_is_read_at_both_ends(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dubbing.media.probe as module

    path = factory.make(folder, "plain.mkv")
    exact = module.probe(path)
    monkeypatch.setattr(module, "SCANNED_BYTES", 0)
    monkeypatch.setattr(module, "SCANNED_PACKETS", 10)
    estimated = module.probe(path)
    assert exact.video is not None and estimated.video is not None
    assert estimated.video.frame_count == pytest.approx(exact.video.frame_count, abs=1)
    assert replace(estimated.video, frame_count=50, duration_ms=0) == replace(exact.video, duration_ms=0)


@pytest.mark.parametrize(("tag", "code"), [("es", "spa"), ("pt-BR", "por"), ("zh_Hant", "zho"), ("yue", "yue"),
                                           ("ENG", "eng"), ("", "und"), ("xx", "und")])
def test_language_codes(tag: str, code: str) -> None:
    assert iso639_2(tag) == code


def test_playlists_are_not_followed(folder: Path) -> None:
    """An uploaded playlist must not make the server read other files."""
    factory.make(folder, "stream.ts")
    playlist = folder / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nstream.ts\n#EXT-X-ENDLIST\n")
    disguised = folder / "list.mp4"
    disguised.write_text(playlist.read_text())
    concat = folder / "list.ffconcat"
    concat.write_text("ffconcat version 1.0\nfile stream.ts\n")
    for path in (playlist, disguised, concat):
        with pytest.raises(MediaError, match="not a media file|cannot be opened"):
            probe(path)


def test_names_that_look_like_protocols(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = factory.make(folder, "plain.mp4")
    monkeypatch.chdir(folder)
    name = Path("part 1: sea 50% \u6d77.mp4")
    shutil.copy(plain, name)
    shutil.copy(plain, "concat:x.mp4")
    assert probe(name).video == probe(Path("concat:x.mp4")).video == probe(plain).video
