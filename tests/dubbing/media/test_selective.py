"""Only what patches touch is encoded: the rest is the source, bit for bit, and every seek finds its frame."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from dubbing.errors import MediaError
from dubbing.media import pictures, write
from dubbing.media.gops import index_gops
from dubbing.media.paste import Rectangle, stored_planes
from dubbing.media.patches import PatchSet, PatchSets
from dubbing.media.probe import find_video, open_media, probe
from dubbing.media.segments import SegmentCache
from dubbing.media.write import ExportReport, export_video
from tests import media_factory as factory

#: Groups of 25 frames with B-frames, no scene cuts: five of them, the last one short.
FRAMES = 112
CLIP = factory.Clip(frames=FRAMES, options={"preset": "veryfast", "crf": "12", "sc_threshold": "0"})
BASELINE = {"preset": "ultrafast", "crf": "12", "profile": "baseline"}


def squares(numbers: Sequence[int], side: int = 32, salt: int = 0) -> Iterator[Rectangle]:
    for number in numbers:
        y = np.full((side, side), 60 + (7 * number + salt) % 120, np.uint8)
        chroma = np.full((side // 2, side // 2), 100, np.uint8)
        yield Rectangle(number, 64, 32, y, chroma, chroma)


def sets(*lines: Sequence[int], salts: Sequence[int] | None = None) -> PatchSets:
    salts = salts or [0] * len(lines)
    return PatchSets([PatchSet(f"line {i} {salt}", tuple(line), lambda line=line, salt=salt: squares(line, salt=salt))
                      for i, (line, salt) in enumerate(zip(lines, salts, strict=True))])


def decoded(path: Path) -> list[av.VideoFrame]:
    frames: list[av.VideoFrame] = []
    with av.open(str(path)) as container:
        for packet in container.demux(find_video(container)):
            with contextlib.suppress(av.error.InvalidDataError):  # what is damaged gives no frame
                frames += packet.decode()
    return frames


def planes(frame: av.VideoFrame) -> list[npt.NDArray[np.uint8]]:
    return [np.array(plane) for plane in stored_planes(frame)]


def digest(frame: av.VideoFrame) -> str:
    return hashlib.sha256(b"".join(plane.tobytes() for plane in planes(frame))).hexdigest()


def outside_db(before: av.VideoFrame, after: av.VideoFrame, box: tuple[slice, slice] | None) -> float:
    a, b = stored_planes(before)[0].astype(float), stored_planes(after)[0].astype(float)
    keep = np.ones(a.shape, bool)
    if box is not None:
        keep[box] = False
    error, peak = np.mean((a - b)[keep] ** 2), (1 << before.format.components[0].bits) - 1
    return 99.0 if error == 0 else 10 * np.log10(peak**2 / error)


def times(frames: Sequence[av.VideoFrame]) -> list[Fraction]:
    return [frame.pts * frame.time_base for frame in frames]


def assert_seeks_find_their_frames(path: Path, frames: list[av.VideoFrame]) -> None:
    """Seek here and there, on both sides of each join too; what is decoded is what decoding from the start gave."""
    wanted = {frame.pts: digest(frame) for frame in frames}
    chosen = [n for n in range(len(frames)) if n % 5 == 2 or n % 25 in (24, 0)]
    order = np.random.default_rng(1).permutation(chosen)
    # FFmpeg seeks by decoding time; where frames last differently long it may land a key frame late.
    back = 0 if "variable" not in path.name else max(frame.duration or 0 for frame in frames)
    with av.open(str(path)) as container:
        stream = find_video(container)
        assert stream is not None
        for number in order:
            pts = frames[number].pts
            container.seek(max(pts - back, 0), stream=stream)
            found = next(frame for frame in container.decode(stream) if frame.pts is not None and frame.pts >= pts)
            assert (found.pts, digest(found)) == (pts, wanted[pts])


def assert_exact(source: Path, out: Path, report: ExportReport, encoded: set[int], patched: set[int],
                 box: tuple[slice, slice] | None = np.s_[32:64, 64:96]) -> None:
    """Frames in ``encoded`` are close to the source outside their patches, all others equal to it."""
    before, after = decoded(source), decoded(out)
    assert times(after) == times(before)
    for number, (a, b) in enumerate(zip(before, after, strict=True)):
        if number in encoded:
            assert outside_db(a, b, box if number in patched else None) >= 45, number
        else:
            assert digest(a) == digest(b), number
    assert report.frame_count == len(before) and report.patched_frames == len(patched)
    assert report.pictures is not None
    assert report.pictures.frames_encoded + report.pictures.frames_reused == len(encoded)
    assert report.pictures.frames_copied == len(before) - len(encoded)
    assert_seeks_find_their_frames(out, after)
    with av.open(str(out)) as container:
        dts = [p.dts for p in container.demux(find_video(container)) if p.size]
    if out.suffix == ".mkv":  # none are stored: the reader leaves out the first ones
        dts = [t for t in dts if t is not None]
    assert dts == sorted(set(dts))


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """One second: these clips are short."""
    monkeypatch.setattr(pictures, "PIECE_S", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("selective")


def clip(folder: Path, name: str, **changes: object) -> Path:
    path = folder / name
    if not path.exists():
        factory.write_clip(path, replace(CLIP, **changes))  # type: ignore[arg-type]
    return path


VARIABLE = tuple(np.cumsum([0] + [(3000, 3000, 6000, 1500, 4500)[i % 5] for i in range(FRAMES - 1)]).tolist())
#: Every kind of H.264 that can be joined.
SOURCES: dict[str, dict[str, object]] = {
    "plain.mp4": {},
    "plain.mov": {},
    "plain.mkv": {},
    "film.mp4": {"rate": Fraction(24000, 1001)},
    "film.mkv": {"rate": Fraction(24000, 1001)},
    "variable.mp4": {"times": VARIABLE, "time_base": Fraction(1, 90000)},
    "variable.mkv": {"times": tuple(t // 90 for t in VARIABLE), "time_base": Fraction(1, 1000)},
    "turned.mp4": {"rotation": 180},
    "narrow.mp4": {"sample_aspect_ratio": Fraction(15, 16)},
    "late.mp4": {"start_s": Fraction(1, 2)},
    "baseline.mp4": {"options": BASELINE},
    "main.mp4": {"options": {"preset": "veryfast", "crf": "12", "profile": "main"}},
    "full_range.mp4": {"pixel_format": "yuvj420p", "colour_range": 2, "primaries": 1, "transfer": 1, "matrix": 1},
    "tagged.mp4": {"colour_range": 1, "primaries": 6, "transfer": 6, "matrix": 6},
    "fine.mp4": {"pixel_format": "yuv422p"},
    "ten_bit.mp4": {"pixel_format": "yuv420p10le"},
    "pyramid.mp4": {"options": {"preset": "fast", "crf": "12", "bf": "5", "b-pyramid": "normal", "sc_threshold": "0"}},
}


@pytest.mark.parametrize("name", SOURCES)
def test_groups_without_patches_are_the_source(folder: Path, name: str) -> None:
    source = clip(folder, name, **SOURCES[name])
    patched = range(30, 38)  # in the second group, five frames after its beginning
    out = folder / f"one-{name}"
    report = export_video(source, out, [], squares(patched), keep_original_audio=True)
    assert report.why_all_encoded == "" and report.notes == ()
    assert report.pictures is not None and (report.pictures.gops, report.pictures.gops_copied) == (5, 4)
    box = np.s_[32:64, 64:96] if "turned" not in name else np.s_[80:112, 96:128]
    assert_exact(source, out, report, set(range(25, 50)), set(patched), box)
    before, after = probe(source).video, probe(out).video
    assert before is not None and after is not None
    # What a copied Matroska stream says of its rate is what the H.264 says, and that of these clips says nothing.
    rate = before.frame_rate if out.suffix == ".mkv" else after.frame_rate
    assert replace(after, time_base=before.time_base, frame_rate=rate) == before


PLACES = {
    "first": (range(0, 3), set(range(25))),
    "last": (range(110, 112), set(range(100, 112))),
    "both ends": ([0, 111], {*range(25), *range(100, 112)}),
    "across a border": (range(48, 53), {*range(25, 75)}),
    "all": (range(0, 112, 10), set(range(112))),
}


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("place", PLACES)
def test_patches_anywhere(folder: Path, place: str, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "FEWEST_COPIED", FRAMES)  # no group is cut: see the test of cuts
    patched, encoded = PLACES[place]
    source, out = clip(folder, f"plain.{suffix}"), folder / f"place.{suffix}"
    report = export_video(source, out, [], squares(list(patched)))
    assert_exact(source, out, report, encoded, set(patched))


@pytest.mark.parametrize("name", ["long.mp4", "long.mkv", "long_variable.mp4", "long_pyramid.mp4"])
def test_a_long_group_is_copied_up_to_its_first_patch(folder: Path, name: str) -> None:
    """One group for the whole file, as short clips from the web are: what precedes the patch is copied."""
    options = {"preset": "veryfast", "crf": "12", "sc_threshold": "0", "g": "500"}
    changes: dict[str, object] = {"options": options | ({"bf": "5"} if "pyramid" in name else {})}
    if "variable" in name:
        changes |= {"times": VARIABLE, "time_base": Fraction(1, 90000)}
    source, out = clip(folder, name, **changes), folder / f"cut-{name}"
    index = index_gops(source, 0)
    assert len(index.gops) == 1
    cut = index.cut_before(index.gops[0], 60)
    assert 48 < cut <= 60
    report = export_video(source, out, [], squares(range(60, 65)))
    assert_exact(source, out, report, set(range(cut, FRAMES)), set(range(60, 65)))


def test_no_patch_is_a_copy(folder: Path) -> None:
    source, out = clip(folder, "plain.mp4"), folder / "none.mp4"
    report = export_video(source, out, [], sets())
    assert report.is_video_copied and report.pictures is None
    assert [digest(f) for f in decoded(out)] == [digest(f) for f in decoded(source)]


def test_hidden_pictures_stay_hidden(folder: Path) -> None:
    """The edit list hides the first five pictures: numbers count from the first one shown."""
    for patched, encoded in ((range(0, 2), range(20)), (range(25, 30), range(20, 45))):
        source = clip(folder, "hidden.mp4", start_s=Fraction(-1, 5))
        out = folder / "hidden-out.mp4"
        report = export_video(source, out, [], squares(patched))
        assert_exact(source, out, report, set(encoded), set(patched))


ALL_ENCODED: dict[str, tuple[dict[str, object], str]] = {
    "hevc.mp4": ({"codec": "libx265", "options": {"preset": "ultrafast", "crf": "12", "x265-params": "log-level=none"}},
                 "HEVC"),
    "part2.mp4": ({"codec": "mpeg4", "options": {"qscale": "2"}}, "MPEG-4"),
    "vp9.mkv": ({"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "0"}},
                "VP9"),
    "stream.ts": ({}, "parameter sets"),
    "interlaced.mp4": ({"options": {"preset": "ultrafast", "crf": "12", "x264-params": "interlaced=1"}}, "interlaced"),
    "odd.mp4": ({"height": 145, "width": 193, "pixel_format": "yuv444p"}, ""),
}


@pytest.mark.parametrize("name", ALL_ENCODED)
def test_what_cannot_be_joined_is_encoded_whole(folder: Path, name: str) -> None:
    changes, why = ALL_ENCODED[name]
    source, out = clip(folder, name, **changes), folder / f"whole-{name}.mp4"
    report = export_video(source, out, [], squares(range(3)))
    assert why in report.why_all_encoded and bool(why) == bool(report.why_all_encoded)
    before, after = decoded(source), decoded(out)
    assert len(after) == len(before) == FRAMES
    for number, (a, b) in enumerate(zip(before, after, strict=True)):
        assert outside_db(a, b, np.s_[32:64, 64:96] if number < 3 else None) >= 45
    assert_seeks_find_their_frames(out, after)


def test_open_groups_are_no_borders(folder: Path) -> None:
    """A recovery point is a key frame, but pictures after it refer to pictures before it."""
    options = {"preset": "veryfast", "crf": "12", "sc_threshold": "0", "x264-params": "open-gop=1"}
    source, out = clip(folder, "open.mp4", options=options), folder / "open-out.mp4"
    index = index_gops(source, 0)
    with open_media(source) as container:
        keys = sum(packet.is_keyframe for packet in container.demux(video=0) if packet.size)
    assert keys > len(index.gops) == 1
    report = export_video(source, out, [], squares(range(60, 65)))
    assert report.pictures is not None and report.pictures.frames_copied > 40
    assert_exact(source, out, report, set(range(report.pictures.frames_copied, FRAMES)), set(range(60, 65)))


def test_a_cut_off_end_costs_only_the_end(folder: Path) -> None:
    """The last packet is incomplete: numbers before it do not move, and the file is still made."""
    whole = clip(folder, "tail.mp4", sound=None)
    content = whole.read_bytes()
    with open_media(whole) as container:
        last = [p for p in container.demux(video=0) if p.size][-1]
        end = last.pos + last.size
    assert end == len(content)
    source = folder / "cut_tail.mp4"
    source.write_bytes(content[: end - last.size // 2])
    for patched, encoded in ((range(30, 33), range(25, 50)), (range(101, 104), range(100, 111))):
        out = folder / "cut_tail_out.mp4"
        report = export_video(source, out, [], squares(patched))
        before, after = decoded(source), decoded(out)
        assert report.frame_count == len(after) == len(before) == FRAMES - 1
        assert [digest(f) for f in after[:25]] == [digest(f) for f in before[:25]]
        for number in encoded:
            assert outside_db(before[number], after[number], np.s_[32:64, 64:96] if number in patched else None) >= 45


@pytest.mark.parametrize("patched", [range(27, 29), range(34, 38)])
def test_a_damaged_picture_costs_itself_only(folder: Path, tmp_path: Path, patched: range) -> None:
    """A picture of the second group cannot be decoded: numbers count what can be, and nothing of it is kept."""
    whole = clip(folder, "sound.mp4", sound=None, options=BASELINE)
    content = bytearray(whole.read_bytes())
    with open_media(whole) as container:
        packet = [p for p in container.demux(video=0) if p.size][31]
        content[packet.pos + 4 : packet.pos + packet.size] = bytes(packet.size - 4)
    source, out, kept = tmp_path / "damaged.mp4", tmp_path / "out.mp4", tmp_path / "segments"
    source.write_bytes(content)
    before = decoded(source)
    report = export_video(source, out, [], sets(patched), cache=cache_of(kept))
    after = decoded(out)
    assert len(before) == len(after) == FRAMES - 1 == report.frame_count and pictures.DAMAGED in report.notes
    assert times(after) == times(before)
    for number, (a, b) in enumerate(zip(before, after, strict=True)):
        if not 25 <= number < 49:
            assert digest(a) == digest(b), number
        else:
            assert (outside_db(a, b, None) < 40) == (number in patched), number
    assert stored(kept) == set()


def test_a_faulty_result_is_encoded_anew_as_a_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is read back; what cannot be decoded there is not handed out."""
    source, out = clip(folder, "plain.mp4"), folder / "faulty.mp4"

    def wrong(stream: av.VideoStream, extradata: bytes) -> bytes:
        return bytes(stream.codec_context.extradata)  # the parameter sets of the new pieces are missing

    monkeypatch.setattr(write, "joined_parameters", wrong)
    report = export_video(source, out, [], sets(range(30, 38)))
    assert "cannot be decoded" in report.why_all_encoded
    before, after = decoded(source), decoded(out)
    assert min(outside_db(a, b, np.s_[32:64, 64:96]) for a, b in zip(before, after, strict=True)) >= 45
    out.unlink()
    with pytest.raises(MediaError, match="piece by piece"):
        export_video(source, out, [], squares(range(30, 38)))
    assert not out.exists()


def cache_of(folder: Path, owner: str = "es") -> SegmentCache:
    return SegmentCache(folder, owner, "0" * 64)


def stored(folder: Path) -> set[str]:
    return {path.stem for path in folder.rglob("*.segment")}


@pytest.mark.parametrize("name", ["plain.mp4", "plain.mkv", "hevc.mp4", "part2.mp4"])
def test_an_edit_encodes_only_what_it_changed(folder: Path, tmp_path: Path, name: str) -> None:
    changes = SOURCES.get(name) or ALL_ENCODED.get(name, ({}, ""))[0]
    source, out, kept = clip(folder, name, **changes), tmp_path / f"out.{name[-3:]}", tmp_path / "segments"
    lines = (range(5, 15), range(30, 70), range(80, 84))
    first = export_video(source, out, [], sets(*lines), cache=cache_of(kept)).pictures
    content = out.read_bytes()
    assert first is not None and first.segments_reused == 0 and first.segments_encoded == len(stored(kept))
    again = export_video(source, out, [], sets(*lines), cache=cache_of(kept)).pictures
    assert again is not None and (again.segments_encoded, again.frames_decoded) == (0, 0)
    assert again.frames_reused == first.frames_encoded and again.patched_frames == first.patched_frames
    assert out.read_bytes() == content
    edited = export_video(source, out, [], sets(*lines, salts=(0, 0, 9)), cache=cache_of(kept))
    content = out.read_bytes()
    assert edited.pictures is not None and edited.patched_frames == 54
    assert edited.pictures.segments_encoded == 1 and edited.pictures.segments_reused == first.segments_encoded - 1
    assert len(stored(kept)) == first.segments_encoded  # what only the older export needed is gone
    fresh = export_video(source, out, [], sets(*lines, salts=(0, 0, 9)))
    assert fresh.pictures is not None and fresh.pictures.segments_reused == 0
    assert out.read_bytes() == content  # with a cache or without one


def test_each_language_keeps_its_pieces(folder: Path, tmp_path: Path) -> None:
    source, out, kept = clip(folder, "plain.mp4"), tmp_path / "out.mp4", tmp_path / "segments"
    for owner, salt in (("es", 1), ("fr", 2), ("es", 3)):
        export_video(source, out, [], sets(range(5), range(30, 33), salts=(0, salt)), cache=cache_of(kept, owner))
    # What both share, the French piece and the newer Spanish one.
    assert len(stored(kept)) == 3
    done = export_video(source, out, [], sets(range(5), range(30, 33), salts=(0, 2)), cache=cache_of(kept, "fr"))
    assert done.pictures is not None and done.pictures.segments_encoded == 0


def test_a_damaged_piece_is_made_again(folder: Path, tmp_path: Path) -> None:
    source, out, kept = clip(folder, "plain.mp4"), tmp_path / "out.mp4", tmp_path / "segments"
    export_video(source, out, [], sets(range(5)), cache=cache_of(kept))
    content, piece = out.read_bytes(), next(kept.rglob("*.segment"))
    for damage in (piece.read_bytes()[:-9], b"", piece.read_bytes().replace(b"\x00", b"\x01", 5)):
        piece.write_bytes(damage)
        done = export_video(source, out, [], sets(range(5)), cache=cache_of(kept))
        assert done.pictures is not None and done.pictures.segments_encoded == 1
        assert out.read_bytes() == content


def test_a_killed_export_leaves_whole_pieces_and_goes_on(folder: Path, tmp_path: Path) -> None:
    source, out, kept = clip(folder, "plain.mp4"), tmp_path / "out.mp4", tmp_path / "segments"
    lines = (range(5), range(30, 33), range(101, 104))
    given = sets(*lines)

    def stopped(done: float, total: float, message: str) -> None:
        if done > 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_video(source, out, [], given, cache=cache_of(kept), report=stopped)
    assert not out.exists() and len(stored(kept)) == 2
    done = export_video(source, out, [], given.fresh(), cache=cache_of(kept))
    assert done.pictures is not None
    assert (done.pictures.segments_reused, done.pictures.segments_encoded) == (2, 1)
    content = out.read_bytes()
    export_video(source, out, [], given.fresh())
    assert out.read_bytes() == content


def test_other_settings_or_sources_share_nothing(folder: Path, tmp_path: Path) -> None:
    source, out, kept = clip(folder, "plain.mp4"), tmp_path / "out.mp4", tmp_path / "segments"
    export_video(source, out, [], sets(range(5)), cache=cache_of(kept))
    for changes in ({"crf": 20}, {"preset": "veryfast"}):
        done = export_video(source, out, [], sets(range(5)), cache=cache_of(kept), **changes)  # type: ignore[arg-type]
        assert done.pictures is not None and done.pictures.segments_reused == 0
    done = export_video(source, out, [], sets(range(5)), cache=SegmentCache(kept, "es", "1" * 64))
    assert done.pictures is not None and done.pictures.segments_reused == 0


def test_real_clips_are_exact(folder: Path, media: Path) -> None:
    for name in ("man_desk_844_25fps.mp4", "hand_near_face_512_25fps_nospeech.mp4"):
        out, patched = folder / f"real-{name}", range(90, 100)
        report = export_video(media / name, out, [], squares(patched))
        assert report.pictures is not None and report.pictures.frames_copied > 80
        before, after = decoded(media / name), decoded(out)
        assert times(after) == times(before)
        ratios = [outside_db(a, b, np.s_[32:64, 64:96] if 90 <= n < 100 else None)
                  for n, (a, b) in enumerate(zip(before, after, strict=True))]
        assert ratios.count(99.0) >= report.pictures.frames_copied
        assert np.mean([r for r in ratios if r < 99]) >= 45
        assert_seeks_find_their_frames(out, after[85:105:2])
