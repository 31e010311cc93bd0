"""Parameter sets as x264 and others write them, and what is changed in them."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
from av.codec.context import Flags

from dubbing.media import h264
from dubbing.media.h264 import ParameterSets, Sps


def parameter_sets(pixel_format: str = "yuv420p", **options: str) -> ParameterSets:
    """An avcC record from x264."""
    context = av.CodecContext.create("libx264", "w")
    context.height, context.width, context.pix_fmt = 144, 176, pixel_format  # type: ignore[attr-defined]
    context.time_base = Fraction(1, 25)
    context.flags |= Flags.global_header
    params = options.pop("params", "")
    context.options = {**options, "x264-params": f"annexb=0:{params}"}
    context.open()
    return h264.parse_avcc(bytes(context.extradata or b""))


def test_what_x264_was_told_is_read_back() -> None:
    sets = parameter_sets(preset="medium", profile="main", level="3.1", params="sps-id=7:chromaloc=2")
    assert h264.parse_sps(sets.sps[0]) == Sps(7, 77, 31, True, 2, 4, 2)
    assert (sets.free_id(), sets.length_bytes) == (31, 4)
    plain = parameter_sets(preset="ultrafast", profile="baseline")
    assert h264.parse_sps(plain.sps[0]).profile_name == "baseline"
    assert h264.parse_sps(plain.sps[0]).reorder_frames == 0 and plain.free_id() == 31


@pytest.mark.parametrize(("pixel_format", "options", "profile"), [
    ("yuv420p", {"preset": "medium"}, "high"), ("yuv420p10le", {"preset": "medium"}, "high10"),
    ("yuv422p", {"preset": "medium"}, "high422"), ("yuv444p", {"preset": "medium"}, "high444"),
    ("yuv420p", {"preset": "medium", "params": "cqm=jvt"}, "high")])
def test_every_profile_is_understood(pixel_format: str, options: dict[str, str], profile: str) -> None:
    sps = h264.parse_sps(parameter_sets(pixel_format, **options).sps[0])
    assert (sps.profile_name, sps.is_progressive, sps.reorder_frames, sps.dpb_frames) == (profile, True, 2, 4)


def test_interlaced_is_seen() -> None:
    assert not h264.parse_sps(parameter_sets(params="interlaced=1").sps[0]).is_progressive


@pytest.mark.parametrize("preset", ["ultrafast", "medium", "veryslow"])
def test_a_larger_buffer_changes_nothing_else(preset: str) -> None:
    # Rate control with a buffer adds what stands in front of the numbers that change.
    unit = parameter_sets(preset=preset, params="nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500").sps[0]
    before = h264.parse_sps(unit)
    assert before.reorder_frames is not None and before.dpb_frames is not None
    assert h264.with_buffer(unit, 0, 0) == unit
    for reorder, dpb in ((3, 5), (4, 4), (2, 16), (16, 16)):
        after = h264.parse_sps(h264.with_buffer(unit, reorder, dpb))
        assert after.reorder_frames == max(reorder, before.reorder_frames)
        assert after.dpb_frames == max(dpb, reorder, before.dpb_frames)
        assert (after.id, after.profile, after.level, after.chroma_location) == (
            before.id, before.profile, before.level, before.chroma_location)


def test_two_records_become_one() -> None:
    first = parameter_sets(preset="medium", level="3.1")
    second = parameter_sets(preset="ultrafast", profile="main", level="4", params="sps-id=31")
    for one, other in ((first, second), (second, first)):
        joined = h264.parse_avcc(one.joined(other))
        assert joined.sps == one.sps + other.sps and joined.pps == one.pps + other.pps
        assert (joined.head[1], joined.head[3]) == (100, 40)  # the richer profile and the higher level
        assert joined.tail == first.tail and joined.free_id() == 30


@pytest.mark.parametrize("record", [b"", b"\x00\x00\x00\x01\x67", b"\x01\x64\x00\x1f\xff\xe1\x00",
                                    b"\x01\x64\x00\x1f\xff\xe0\x00", b"\x01\x64\x00\x1f\xff\xe1\x00\x40\x67\x01"])
def test_broken_records_are_refused(record: bytes) -> None:
    with pytest.raises(ValueError, match="avcC"):
        h264.parse_avcc(record)


def test_broken_sets_are_refused() -> None:
    unit = parameter_sets().sps[0]
    for broken in (b"", unit[:6], b"\x68" + unit[1:]):
        with pytest.raises(ValueError, match="parameter set"):
            h264.parse_sps(broken)


def test_only_a_refresh_begins_a_group() -> None:
    def packet(*kinds: int) -> bytes:
        return b"".join(b"\x00\x00\x00\x03" + bytes([0x60 | kind]) + b"\x00\x00" for kind in kinds)

    assert h264.starts_with_idr(packet(7, 8, 6, 5), 4)
    assert not h264.starts_with_idr(packet(6, 1), 4)
    assert not h264.starts_with_idr(packet(1, 5), 4)
    assert not h264.starts_with_idr(b"", 4) and list(h264.unit_types(packet(6, 5, 5), 4)) == [6, 5]
