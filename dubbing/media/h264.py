"""What must be known of an H.264 stream to cut it and to join it with other H.264.

Only "avcC" streams (MP4, MOV, Matroska) are read: parameter sets in the extradata, packets of length-prefixed
units. Syntax: ISO/IEC 14496-10 §7.3.2.1 (sequence parameter set) and annex E.1 (VUI), ISO/IEC 14496-15 §5.3.3
(decoder configuration record).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_IDR, _SPS, _PPS = 5, 7, 8
#: Profiles whose parameter sets spell out chroma format and bit depth.
_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_PROFILE_NAMES = {66: "baseline", 77: "main", 100: "high", 110: "high10", 122: "high422", 244: "high444"}
#: Profiles of one family, the poorer first: each decodes all of those before it.
_FAMILY = (66, 77, 100, 110, 122, 244)
#: x264 writes sequence parameter sets with these ids.
_IDS = range(32)


@dataclass(frozen=True, slots=True)
class Sps:
    """The part of a sequence parameter set that a joined stream must agree with.

    reorder_frames, dpb_frames: None where the stream does not say. chroma_location: 0 left … 5 bottom.
    """

    id: int
    profile: int
    level: int
    is_progressive: bool
    reorder_frames: int | None
    dpb_frames: int | None
    chroma_location: int

    @property
    def profile_name(self) -> str | None:
        """As x264 calls it; None for a profile that it does not write."""
        return _PROFILE_NAMES.get(self.profile)


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """The sets of one avcC record; ``tail`` is what follows them (chroma format and depth of the high profiles)."""

    head: bytes
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    tail: bytes

    @property
    def length_bytes(self) -> int:
        """How many bytes state the length of a unit in the packets."""
        return (self.head[4] & 3) + 1

    def free_id(self) -> int:
        """The largest id that neither a sequence nor a picture parameter set has.

        The largest: sets that the packets themselves repeat or add have small ones.
        """
        taken = {parse_sps(unit).id for unit in self.sps} | {_Bits(unit[1:]).ue() for unit in self.pps}
        return next(number for number in reversed(_IDS) if number not in taken)

    def joined(self, other: ParameterSets) -> bytes:
        """One avcC record with the sets of both streams; profile and level are the larger ones."""
        first, second = sorted((self, other), key=lambda sets: _rank(sets.head[1]), reverse=True)
        compatible = self.head[2] & other.head[2]
        head = bytes([1, first.head[1], compatible, max(self.head[3], other.head[3]), self.head[4]])
        sps, pps = self.sps + other.sps, self.pps + other.pps
        tail = first.tail if first.head[1] in _HIGH else b""
        return b"".join([head, bytes([0xE0 | len(sps)]), *map(_with_length, sps), bytes([len(pps)]),
                         *map(_with_length, pps), tail])


def parse_avcc(extradata: bytes) -> ParameterSets:
    """Take an avcC record apart. Raises ValueError when it is none."""
    if len(extradata) < 7 or extradata[0] != 1:
        raise ValueError("not an avcC record")
    at, found = 5, []
    try:
        for mask in (0x1F, 0xFF):
            count, at, units = extradata[at] & mask, at + 1, []
            for _ in range(count):
                size = int.from_bytes(extradata[at : at + 2], "big")
                units.append(extradata[at + 2 : at + 2 + size])
                at += 2 + size
            found.append(tuple(units))
    except IndexError as error:
        raise ValueError("a cut-off avcC record") from error
    if not all(found) or at > len(extradata):
        raise ValueError("an avcC record without parameter sets")
    return ParameterSets(extradata[:5], found[0], found[1], extradata[at:])


def parse_sps(unit: bytes, bits: _Bits | None = None) -> Sps:
    """Read a sequence parameter set, its unit header included. Raises ValueError when it is damaged."""
    if len(unit) < 4 or unit[0] & 31 != _SPS:
        raise ValueError("not a sequence parameter set")
    bits = bits or _Bits(unit[4:])
    profile, level, number = unit[1], unit[3], bits.ue()
    if profile in _HIGH:
        chroma_format = bits.ue()
        if chroma_format == 3:
            bits.take(1)
        bits.ue(), bits.ue(), bits.take(1)  # bit depths, lossless flag
        if bits.take(1):
            for index in range(8 if chroma_format != 3 else 12):
                if bits.take(1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.ue()  # log2_max_frame_num
    order_type = bits.ue()
    if order_type == 0:
        bits.ue()
    elif order_type == 1:
        bits.take(1), bits.ue(), bits.ue()
        for _ in range(bits.ue()):
            bits.ue()
    bits.ue(), bits.take(1), bits.ue(), bits.ue()  # references, gaps allowed, width, height
    is_progressive = bool(bits.take(1))
    if not is_progressive:
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        for _ in range(4):
            bits.ue()
    vui = _read_vui(bits) if bits.take(1) else (None, None, 0)
    return Sps(number, profile, level, is_progressive, *vui)


def with_buffer(unit: bytes, reorder_frames: int, dpb_frames: int) -> bytes:
    """The same sequence parameter set that announces a larger buffer, which any stream may.

    reorder_frames: how many pictures may be decoded before one that is shown earlier; dpb_frames: how many are held.
    Readers that count on them (Matroska stores no decoding times) then see no change where two streams join.
    A set without these numbers is returned as it is.
    """
    bits = _Bits(unit[4:])
    sps = parse_sps(unit, bits)
    if sps.reorder_frames is None or sps.dpb_frames is None:
        return unit
    keep = bits.size - bits.left_before_buffer
    reorder, dpb = max(reorder_frames, sps.reorder_frames), max(dpb_frames, reorder_frames, sps.dpb_frames)
    written = f"{bits.value >> bits.left_before_buffer:0{keep}b}{_coded(reorder)}{_coded(dpb)}1"
    written += "0" * (-len(written) % 8)
    payload = int(written, 2).to_bytes(len(written) // 8, "big")
    return unit[:4] + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", payload)


def _coded(number: int) -> str:
    """An unsigned Exp-Golomb code."""
    code = f"{number + 1:b}"
    return "0" * (len(code) - 1) + code


def starts_with_idr(packet: bytes | memoryview, length_bytes: int) -> bool:
    """Whether a packet is an instantaneous refresh: nothing after it refers to anything before it."""
    return any(kind == _IDR for kind in unit_types(packet, length_bytes))


def unit_types(packet: bytes | memoryview, length_bytes: int) -> Iterator[int]:
    """The types of a packet's units, up to the first that is a picture's."""
    at = 0
    while at + length_bytes < len(packet):
        kind = packet[at + length_bytes] & 31
        yield kind
        if 1 <= kind <= 5:
            return
        at += length_bytes + int.from_bytes(packet[at : at + length_bytes], "big")


def _read_vui(bits: _Bits) -> tuple[int | None, int | None, int]:
    """(reorder_frames, dpb_frames, chroma_location)"""
    if bits.take(1) and bits.take(8) == 255:
        bits.take(32)
    if bits.take(1):
        bits.take(1)
    if bits.take(1):
        bits.take(4)
        if bits.take(1):
            bits.take(24)
    chroma_location = 0
    if bits.take(1):
        chroma_location = bits.ue()
        bits.ue()
    if bits.take(1):
        bits.take(65)
    has_hrd = 0
    for _ in range(2):
        if bits.take(1):
            has_hrd = 1
            _skip_hrd(bits)
    if has_hrd:
        bits.take(1)
    bits.take(1)
    if not bits.take(1):
        return None, None, chroma_location
    bits.take(1)
    for _ in range(4):
        bits.ue()
    bits.left_before_buffer = bits.left
    return bits.ue(), bits.ue(), chroma_location


def _skip_hrd(bits: _Bits) -> None:
    count = bits.ue() + 1
    bits.take(8)
    for _ in range(count):
        bits.ue(), bits.ue(), bits.take(1)
    bits.take(20)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _with_length(unit: bytes) -> bytes:
    return len(unit).to_bytes(2, "big") + unit


def _rank(profile: int) -> int:
    return _FAMILY.index(profile) if profile in _FAMILY else len(_FAMILY)


class _Bits:
    """Reads bits and Exp-Golomb codes, emulation prevention removed."""

    def __init__(self, data: bytes) -> None:
        data = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self.value, self.size = int.from_bytes(data, "big"), 8 * len(data)
        self.left = self.left_before_buffer = self.size

    def take(self, count: int) -> int:
        if count > self.left:
            raise ValueError("a cut-off parameter set")
        self.left -= count
        return self.value >> self.left & ((1 << count) - 1)

    def ue(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)
