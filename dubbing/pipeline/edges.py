"""Where the speech of a line really begins and ends, by the sound itself.

A recognizer's times come from attention or from alignment with letters: they miss a soft first syllable or the end of
the last one. Two bands of energy, each against the line's own loudness and the local floor, tell better.

Source: energy against an adaptive threshold in bands, after Rabiner & Sambur, "An algorithm for determining the
endpoints of isolated utterances" (1975), with two bands in the place of zero crossings to hear fricatives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dubbing.domain.speech import SpokenLine
from dubbing.engines.base import Sound

RATE = 16_000
FRAME_MS = 10
#: How far an edge of a line may move.
OUTWARD_MS, INWARD_MS = 350, 140
#: How far the original gives way beyond a line in the mix.
REACH_MS = 300
_HOP = RATE * FRAME_MS // 1000
_WINDOW = 2 * _HOP
#: Voice, and the hiss of fricatives.
_BANDS_HZ = ((100.0, 2000.0), (2000.0, 7600.0))
#: The floor is looked for so far around a line.
_AROUND_MS = 1500
#: Where a band of the line is less than this above the floor it tells nothing.
_CLEAR_DB = 15.0
_FLOOR_SHARE = 0.35
#: Hiss this far below the voice is no speech.
_HISS_BELOW_DB = 40.0
#: Speech lies within so many decibels of the line's loud parts: where a line is to begin or end, what nobody trims,
#: and what is heard of the original.
_SPEECH_DB, _FAINT_DB, _HEARD_DB = 22.0, 34.0, 34.0
#: Speech goes on over a closure; shorter sounds are clicks.
_CLOSURE_MS, _CLICK_MS = 130, 30
#: Behind its last peak a line has ended where it is this much softer within this time: what goes on is the room.
_DECAY_DB, _DECAY_MS = 15.0, 150
#: Another syllable rises this much.
_SYLLABLE_DB = 6.0
#: Speech that is this much softer at the end of the reach than beside the line fades out; else it goes on.
_FADING_DB = 12.0
_SHORTEST_MS = 40
_LEAST_MS = 20
#: Speech is there this long before it is loud.
_LEAD_MS = 20

Levels = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Span:
    """A line's time in ms; ``is_dubbed`` is False where the original of the line stays."""

    start_ms: int
    end_ms: int
    is_dubbed: bool = True


def band_levels(blocks: Iterable[Sound]) -> Levels:
    """Energy by band (dB re full scale, ``[bands, frames]``) of mono 16 kHz sound in blocks of any size."""
    hertz = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    bands = np.stack([(hertz >= low) & (hertz < high) for low, high in _BANDS_HZ]).astype(np.float64)
    window = np.hanning(_WINDOW + 1)[:-1]
    scale = 2 / (window.sum() ** 2)
    found: list[Levels] = []
    held = np.zeros((_WINDOW - _HOP) // 2)
    for block in blocks:
        held = np.concatenate([held, np.asarray(block, np.float64)])
        count = (len(held) - _WINDOW) // _HOP + 1
        if count < 1:
            continue
        frames = np.lib.stride_tricks.sliding_window_view(held, _WINDOW)[::_HOP][:count]
        power = np.abs(np.fft.rfft(frames * window)) ** 2 * scale
        found.append(10 * np.log10(bands @ power.T + 1e-10))
        held = held[count * _HOP:]
    return np.concatenate(found, axis=1) if found else np.zeros((len(_BANDS_HZ), 0))


def retimed(line: SpokenLine, start_ms: int, end_ms: int) -> SpokenLine:
    """A line with its first and last word from ``start_ms`` to ``end_ms``; a word that would not be left stays."""
    words = list(line.words)
    if words:
        start_ms = min(start_ms, max(line.start_ms, words[0].end_ms - _SHORTEST_MS))
        end_ms = max(end_ms, min(line.end_ms, words[-1].start_ms + _SHORTEST_MS))
        words[0] = replace(words[0], start_ms=start_ms)
        words[-1] = replace(words[-1], end_ms=max(end_ms, words[-1].start_ms))
    return replace(line, start_ms=start_ms, end_ms=end_ms, words=tuple(words))


def edges(spans: Sequence[Span], levels: Levels) -> list[tuple[int, int]]:
    """Where the speech of each line begins and ends (ms): at most 350 ms outside of it and 140 ms within.

    Never in or next to another line's speech; unchanged where the sound is not clear or speech goes on beyond.
    """
    found = []
    for span, (before, after) in zip(spans, _bounds(spans, levels.shape[1]), strict=True):
        start, end = _frames(span)
        heard, faint = (_active(levels, start, end, depth) for depth in (_SPEECH_DB, _FAINT_DB))
        start_ms, end_ms = span.start_ms, span.end_ms
        if heard is not None and faint is not None and end - start > INWARD_MS // FRAME_MS:
            first = _outward(heard, start, before, OUTWARD_MS)
            if first == start:
                first = _inward(faint, start, end)
                first -= (first > start) * (_LEAD_MS // FRAME_MS)
            loud = levels.max(axis=0)
            last = len(heard) - _outward(heard[::-1], len(heard) - end, len(heard) - after, OUTWARD_MS)
            last = _ended(loud, end, last)
            if last == end:
                last = len(faint) - _inward(faint[::-1], len(faint) - end, len(faint) - start)
            start_ms, end_ms = _moved(span.start_ms, first), _moved(span.end_ms, last)
        found.append((start_ms, end_ms) if end_ms - start_ms >= _SHORTEST_MS else (span.start_ms, span.end_ms))
    return found


def reaches(spans: Sequence[Span], levels: Levels) -> list[tuple[int, int]]:
    """From when to when (ms) the original is to give way to each line: over the line and up to 300 ms of its speech
    on either side, its fading in the room included; not into speech that no line covers, nor into another line."""
    found = []
    kept = [other for other in spans if not other.is_dubbed]
    starts, stops = {other.start_ms // FRAME_MS for other in kept}, {_stop(other) for other in kept}
    loud = levels.max(axis=0)
    for span, (before, after) in zip(spans, _bounds(spans, levels.shape[1]), strict=True):
        start, end = _frames(span)
        heard = _active(levels, start, end, _HEARD_DB)
        if heard is None or not span.is_dubbed:
            found.append((span.start_ms, span.end_ms))
            continue
        count = len(heard)
        first = _outward(heard, start, before, REACH_MS, is_shared=before not in stops)
        last = count - _outward(heard[::-1], count - end, count - after, REACH_MS, loud[::-1],
                                is_shared=after not in starts)
        found.append((min(span.start_ms, first * FRAME_MS), max(span.end_ms, last * FRAME_MS)))
    return found


def _moved(now_ms: int, frame: int) -> int:
    """Where an edge comes to lie; a frame more or less is not worth a change."""
    return frame * FRAME_MS if abs(frame * FRAME_MS - now_ms) >= _LEAST_MS else now_ms


def _frames(span: Span) -> tuple[int, int]:
    return round(span.start_ms / FRAME_MS), round(span.end_ms / FRAME_MS)


def _stop(span: Span) -> int:
    """The first frame that a line leaves alone."""
    return -(-span.end_ms // FRAME_MS)


def _bounds(spans: Sequence[Span], count: int) -> list[tuple[int, int]]:
    """For each line, in frames: where the last of the lines before it ends, and where the next one begins; 0 and the
    number of frames where there is none."""
    order = sorted(range(len(spans)), key=lambda index: (spans[index].start_ms, spans[index].end_ms))
    found = [(0, count)] * len(spans)
    latest = 0
    for place, index in enumerate(order):
        stop = _stop(spans[index])
        after = spans[order[place + 1]].start_ms // FRAME_MS if place + 1 < len(order) else count
        # A line that goes on after this one has ended leaves no room behind it, either.
        found[index] = (latest, stop if latest > stop else after)
        latest = max(latest, stop)
    return found


def _active(levels: Levels, start: int, end: int, depth_db: float) -> Flags | None:
    """Frames as loud as a line is, less ``depth_db``, in any band that is clear; None where none is."""
    own = levels[:, max(0, start):max(0, end)]
    if own.shape[1] < 2:
        return None
    first, stop = max(0, start - _AROUND_MS // FRAME_MS), end + _AROUND_MS // FRAME_MS
    loud = np.percentile(own, 90, axis=1)
    floor = np.percentile(levels[:, first:stop], 5, axis=1)
    clear = loud - floor >= _CLEAR_DB
    clear[1:] &= loud[1:] > loud[0] - _HISS_BELOW_DB
    if not clear.any():
        return None
    gate = np.maximum(loud - depth_db, floor + _FLOOR_SHARE * (loud - floor))
    gate[1:] = np.maximum(gate[1:], loud[0] - _HISS_BELOW_DB)
    return _without_clicks((levels > gate[:, None])[clear].any(axis=0))


def _without_clicks(flags: Flags) -> Flags:
    kept = flags.copy()
    for first, stop in _runs(flags):
        if (stop - first) * FRAME_MS < _CLICK_MS:
            kept[first:stop] = False
    return kept


def _outward(active: Flags, edge: int, bound: int, reach_ms: int, loud: Levels | None = None,
             is_shared: bool = False) -> int:
    """The first frame of the speech that goes on into ``edge`` from before it, over closures.

    bound: another line ends there; speech that touches it is that line's, unless ``is_shared``: what of it may be
    taken by either. Speech that goes on beyond the reach leaves the edge where it is; but with ``loud``, the levels, it
    is followed as far as the reach goes where it fades.
    """
    limit = max(edge - reach_ms // FRAME_MS, bound)
    if limit >= edge:
        return edge
    place = edge
    for first, stop in reversed(_runs(active[limit:edge])):
        first, stop = first + limit, stop + limit
        if (place - stop) * FRAME_MS > _CLOSURE_MS:
            break
        is_neighbours = bound > 0 and first - bound < place - stop
        if first > limit and (is_shared or not is_neighbours):
            place = first
        elif first == limit and _goes_to(limit, bound, edge, loud, is_shared):
            place = limit
        else:
            break
    return place


def _goes_to(limit: int, bound: int, edge: int, loud: Levels | None, is_shared: bool) -> bool:
    """Whether speech that is still heard at the limit is to be followed there: it fades, or it lies between two lines
    of which both give way."""
    if limit == bound:
        return is_shared or bound == 0
    if loud is None:
        return False
    beside = loud[edge:edge + _DECAY_MS // FRAME_MS]
    return bool(len(beside)) and float(loud[limit]) < float(beside.max()) - _FADING_DB


def _inward(active: Flags, edge: int, other: int) -> int:
    """The first frame at or after ``edge`` in which anything is heard, where it comes soon enough."""
    stop = min(edge + INWARD_MS // FRAME_MS, other) + 1
    loud = np.flatnonzero(active[max(0, edge):stop])
    return edge + int(loud[0]) if len(loud) else edge


def _ended(loud: Levels, end: int, last: int) -> int:
    """Where, from ``end`` to ``last``, speech has given way to the room."""
    width = _DECAY_MS // FRAME_MS
    for frame in range(end, last):
        rest = loud[frame:last]
        rises = (rest - np.minimum.accumulate(rest)).max() > _SYLLABLE_DB
        if not rises and loud[frame] < loud[max(0, frame - width):frame + 1].max() - _DECAY_DB:
            return frame
    return last


def _runs(flags: Flags) -> list[tuple[int, int]]:
    """(first, stop) of every stretch of True."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(changes[::2], changes[1::2], strict=True)]
