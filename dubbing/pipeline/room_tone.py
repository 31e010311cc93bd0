"""Room tone: what a place sounds like while nobody speaks, put under dubbed lines where M&E is digitally silent.

A delivered M&E, or a hard separator, may hold nothing at all where somebody spoke; the dub would then fall into a hole
of silence with every line. The tone is taken from the quiet stretches of the original between its lines.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound

#: A stretch so far from any line holds no more of its tail.
_CLEAR_MS = 300.0
_LEAST_STRETCH_MS = 150.0
_FRAME_MS = 20.0
_CROSSFADE_MS = 60.0
_LOOP_MS, _MOST_MS = 4000.0, 12_000.0
_LEAST_MS = 250.0
_LEAST_HOLE = 5
#: Below this sound is digital silence; tone louder than the other is no tone.
_SILENT = 10 ** (-85 / 20)
_LOUDEST_TONE = 10 ** (-30 / 20)
#: Frames this much louder than the quiet ones are something that happens, no tone.
_EVENT = 10 ** (4 / 20)
_QUIET_PERCENTILE = 30
_SEED = 77

Powers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RoomTone:
    """A seamless loop, ``[channels, samples]``."""

    loop: Sound

    def at(self, position: int, count: int) -> Sound:
        """``count`` samples from ``position`` of a tone without end."""
        return np.take(self.loop, np.arange(position, position + count), axis=1, mode="wrap")


def toned(background: Callable[[], Iterable[Sound]], original: Callable[[], Iterable[Sound]],
          lines: Sequence[tuple[int, int]], sample_rate: int) -> Iterable[Sound]:
    """``background()`` (M&E, blocks) without holes of digital silence under ``lines`` (samples), filled with the tone
    of ``original()``; as it is where there are none, or where no tone can be had."""
    if not has_holes(background(), lines, sample_rate):
        return background()
    tone = learn_tone(original(), lines, sample_rate)
    return background() if tone is None else with_tone(background(), tone, lines, sample_rate)


def has_holes(background: Iterable[Sound], lines: Sequence[tuple[int, int]], sample_rate: int) -> bool:
    """Whether M&E is digitally silent for 100 ms on end in a line."""
    frame = max(1, int(_FRAME_MS * sample_rate / 1000))
    spans, run = _Spans(lines), 0
    for position, part in _framed(background, frame):
        is_empty = spans.meet(position, position + frame) and float(np.abs(part).max(initial=0.0)) <= _SILENT
        run = run + 1 if is_empty else 0
        if run >= _LEAST_HOLE:
            return True
    return False


def learn_tone(original: Iterable[Sound], lines: Sequence[tuple[int, int]], sample_rate: int) -> RoomTone | None:
    """The tone of ``original`` (``[channels, samples]`` blocks) away from ``lines`` (samples).

    None where it is digitally silent there, too, where nothing quiet is heard, or where there is too little of it.
    """
    frame = max(1, int(_FRAME_MS * sample_rate / 1000))
    clear = int(_CLEAR_MS * sample_rate / 1000)
    pieces = _free_frames(original, [(start - clear, end + clear) for start, end in lines], frame,
                          int(_MOST_MS * sample_rate / 1000))
    levels = np.array([float(np.sqrt(np.mean(np.square(piece)))) for _, piece in pieces])
    sounding = levels > _SILENT
    if not sounding.any():
        return None
    quiet = float(np.percentile(levels[sounding], _QUIET_PERCENTILE))
    if quiet > _LOUDEST_TONE:
        return None
    kept = sounding & (levels < quiet * _EVENT)
    least = max(1, int(_LEAST_STRETCH_MS / _FRAME_MS))
    stretches = [stretch for stretch in _stretches(pieces, kept) if len(stretch) >= least]
    sounds = [np.concatenate(stretch, axis=1) for stretch in stretches]
    if sum(sound.shape[1] for sound in sounds) < _LEAST_MS * sample_rate / 1000:
        return None
    return RoomTone(_looped(sounds, sample_rate))


def with_tone(background: Iterable[Sound], tone: RoomTone, lines: Sequence[tuple[int, int]],
              sample_rate: int) -> Iterator[Sound]:
    """``background`` (M&E, blocks) with the tone where it is digitally silent in ``lines`` (samples), eased in and out
    within 20 ms; all else as it is, sample for sample."""
    frame = max(1, int(_FRAME_MS * sample_rate / 1000))
    spans, before = _Spans(lines), 0.0
    held: tuple[int, Sound, bool] | None = None
    for position, part in _framed(background, frame):
        is_empty = float(np.abs(part).max(initial=0.0)) <= _SILENT and spans.meet(position, position + frame)
        if held is not None:
            # A frame is filled as a whole where its neighbours are empty, too; else it eases.
            after = 1.0 if held[2] and is_empty else 0.0
            yield _filled(held[0], held[1], tone, before, after)
            before = after
        held = (position, part, is_empty)
    if held is not None:
        yield _filled(held[0], held[1], tone, before, 1.0 if held[2] else 0.0)


def _filled(position: int, part: Sound, tone: RoomTone, before: float, after: float) -> Sound:
    if before == 0.0 and after == 0.0:
        return part
    ramp = np.linspace(before, after, part.shape[1], endpoint=False, dtype=np.float32)
    return np.asarray(part + ramp * tone.at(position, part.shape[1])[: part.shape[0]], np.float32)


def _framed(blocks: Iterable[Sound], frame: int) -> Iterator[tuple[int, Sound]]:
    """(position, ``[channels, frame]``) pieces of a stream; the last may be shorter."""
    position, rest = 0, None
    for block in blocks:
        block = np.atleast_2d(np.asarray(block, np.float32))
        joined = block if rest is None else np.concatenate([rest, block], axis=1)
        whole = joined.shape[1] // frame * frame
        for start in range(0, whole, frame):
            yield position + start, joined[:, start: start + frame]
        position, rest = position + whole, joined[:, whole:]
    if rest is not None and rest.shape[1]:
        yield position, rest


def _free_frames(blocks: Iterable[Sound], busy: Sequence[tuple[int, int]], frame: int,
                 most: int) -> list[tuple[int, Sound]]:
    """Frames outside ``busy``, the quietest ``most`` samples of them and no more than twice that at any time."""
    found: list[tuple[int, Sound]] = []
    spans = _Spans(busy)
    for position, part in _framed(blocks, frame):
        if part.shape[1] == frame and not spans.meet(position, position + frame):
            found.append((position, part.copy()))
            if len(found) * frame > 2 * most:
                found = _quietest(found, most // frame)
    return found


def _quietest(frames: list[tuple[int, Sound]], count: int) -> list[tuple[int, Sound]]:
    """``count`` of the frames: without the digitally silent ones and the loudest, in their order."""
    powers = [float(np.mean(np.square(part))) for _, part in frames]
    sounding = [i for i in range(len(frames)) if powers[i] > _SILENT**2]
    kept = sorted(sorted(sounding, key=lambda i: powers[i])[:count])
    return [frames[i] for i in kept]


class _Spans:
    """Stretches (samples), asked for in any order."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        merged: list[tuple[int, int]] = []
        for start, end in sorted(spans):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        self._starts, self._ends = [start for start, _ in merged], [end for _, end in merged]

    def meet(self, start: int, end: int) -> bool:
        """Whether any of them has a sample from ``start`` to ``end``."""
        first = bisect_right(self._ends, start)
        return first < len(self._starts) and self._starts[first] < end


def _stretches(frames: Sequence[tuple[int, Sound]], kept: npt.NDArray[np.bool_]) -> Iterator[list[Sound]]:
    """Runs of kept frames that follow each other without a gap."""
    run: list[Sound] = []
    expected = -1
    for (position, part), is_kept in zip(frames, kept, strict=True):
        if run and (not is_kept or position != expected):
            yield run
            run = []
        if is_kept:
            run.append(part)
        expected = position + part.shape[1]
    if run:
        yield run


def _looped(sounds: Sequence[Sound], sample_rate: int) -> Sound:
    """Pieces in random order, cross-faded, until there are four seconds; its end runs into its beginning."""
    rng = np.random.default_rng(_SEED)
    fade = int(_CROSSFADE_MS * sample_rate / 1000)
    wanted = int(_LOOP_MS * sample_rate / 1000)
    out = sounds[int(np.argmax([sound.shape[1] for sound in sounds]))]
    while out.shape[1] < wanted + fade:
        piece = sounds[int(rng.integers(len(sounds)))]
        # Another beginning each time, so that no repetition is heard.
        start = int(rng.integers(0, max(1, piece.shape[1] - 2 * fade)))
        out = _crossfaded(out, piece[:, start:], fade)
    head, body = out[:, :fade], out[:, fade:]
    return _crossfaded(body, head, fade)


def _crossfaded(first: Sound, second: Sound, fade: int) -> Sound:
    """Equal power, as the two do not belong together."""
    fade = min(fade, first.shape[1], second.shape[1])
    angle = np.linspace(0.0, np.pi / 2, fade, dtype=np.float32)
    middle = first[:, first.shape[1] - fade:] * np.cos(angle) + second[:, :fade] * np.sin(angle)
    return np.concatenate([first[:, : first.shape[1] - fade], middle, second[:, fade:]], axis=1).astype(np.float32)
