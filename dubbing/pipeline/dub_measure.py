"""What can be measured of a line in a finished dub: when it begins, where it is silent, whether it is clipped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound

RATE = 16_000
_FRAME_MS = 10
_FRAME = RATE * _FRAME_MS // 1000
#: Frames this far below a line's loud parts are not speech; in a stem, what leaks is about 30 dB down.
_GATE_DB = 25.0
_SILENT_DB = 35.0
_FLOOR_DB = -65.0
#: Speech is so many loud frames among so many.
_LOUD_FRAMES, _OF_FRAMES = 6, 8
#: Shorter pauses are part of speaking.
_PAUSE_MS = 200
_FULL_SCALE, _RUN_SAMPLES = 0.999, 3

Levels = npt.NDArray[np.float64]


def onset_ms(sound_16k: Sound, from_ms: int, end_ms: int) -> float | None:
    """When somebody begins to speak between ``from_ms`` and ``end_ms`` (ms of the sound's clock); None where nobody
    does."""
    first_ms = max(from_ms, 0)
    levels = frame_levels(sound_16k, first_ms, end_ms)
    loud = _is_loud(levels, _GATE_DB)
    for index in np.flatnonzero(loud):
        if loud[index:index + _OF_FRAMES].sum() >= min(_LOUD_FRAMES, len(loud) - index):
            return float(first_ms + index * _FRAME_MS)
    return None


def silent_ms(original_16k: Sound, dubbed_16k: Sound, start_ms: int, end_ms: int) -> int:
    """How long the original speaks during the longest silence of the dub within a line."""
    original, dubbed = (frame_levels(sound, start_ms, end_ms) for sound in (original_16k, dubbed_16k))
    count = min(len(original), len(dubbed))
    speaks = _is_loud(original, _GATE_DB)[:count]
    silent = ~_is_loud(dubbed, _SILENT_DB)[:count]
    longest = 0
    for first, stop in _runs(silent):
        if (stop - first) * _FRAME_MS >= _PAUSE_MS:
            longest = max(longest, int(speaks[first:stop].sum()) * _FRAME_MS)
    return longest


def left_over_ms(original_16k: Sound, start_ms: int, end_ms: int, spans: Sequence[tuple[int, int]]) -> int:
    """How long the original speaks, as loudly as in its line from ``start_ms`` to ``end_ms``, within ``spans`` (ms) in
    which it was not replaced."""
    own = frame_levels(original_16k, start_ms, end_ms)
    if not len(own):
        return 0
    gate = max(float(np.percentile(own, 90)) - _GATE_DB, _FLOOR_DB)
    return sum(int((frame_levels(original_16k, first, stop) > gate).sum()) * _FRAME_MS for first, stop in spans)


def frame_levels(sound_16k: Sound, start_ms: int, end_ms: int) -> Levels:
    """RMS in dB re full scale of frames of 10 ms."""
    piece = np.asarray(sound_16k[max(0, start_ms) * RATE // 1000: max(0, end_ms) * RATE // 1000], np.float64)
    count = len(piece) // _FRAME
    power = np.square(piece[:count * _FRAME]).reshape(count, _FRAME).mean(axis=1) if count else np.zeros(0)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)))


def clipped_samples(blocks: Iterable[Sound], spans: Sequence[tuple[int, int]]) -> list[int]:
    """Samples at full scale in each of ``spans`` (samples), in runs of three or more, over all channels."""
    counts = [0] * len(spans)
    position = 0
    for block in blocks:
        # A run that is cut by the border of two blocks is found on the longer side, or was hardly one.
        for channel in np.atleast_2d(block):
            for first, stop in _runs(np.abs(channel) >= _FULL_SCALE):
                if stop - first < _RUN_SAMPLES:
                    continue
                for index, (start, end) in enumerate(spans):
                    counts[index] += max(0, min(stop + position, end) - max(first + position, start))
        position += np.atleast_2d(block).shape[1]
    return counts


def _is_loud(levels: Levels, below_db: float) -> npt.NDArray[np.bool_]:
    """Frames within ``below_db`` of the loud ones."""
    if not len(levels):
        return np.zeros(0, bool)
    loud = float(np.percentile(levels, 90))
    return np.asarray(levels > max(loud - below_db, _FLOOR_DB))


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, stop) of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
