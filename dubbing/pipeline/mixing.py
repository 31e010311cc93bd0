"""The dubbed sound track: the original where nothing is dubbed, M&E with the takes where something is.

Everything streams: :mod:`dubbing.pipeline.levels` reads the video's sound once and learns how loud and where in the
picture each line was spoken, ``mix_blocks`` reads it again and mixes. Memory does not grow with the video's length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound
from dubbing.pipeline.levels import aligned
from dubbing.pipeline.limiter import DubLimiter, MixBlock

FADE_MS = 30.0
#: M&E goes down before a dubbed line begins and comes back after it; between lines closer than this it stays down.
DUCK_ATTACK_MS, DUCK_RELEASE_MS, DUCK_HOLD_MS = 120.0, 500.0, 1200.0
#: A take cut off anywhere is silent within this.
EDGE_MS = 3.0
_CENTRE = 2


@dataclass(frozen=True, slots=True)
class PlacedTake:
    """A take in the video's clock. ``load`` gives its mono sound at the video's rate when its time has come.

    The sound may go on for ``tail_samples`` after ``length_samples``: reverberation, under which nothing has to go.
    """

    start_samples: int
    length_samples: int
    load: Callable[[], Sound]
    gain: float = 1.0
    balance: tuple[float, ...] | None = None
    tail_samples: int = 0


def mix_blocks(original: Iterable[Sound], background: Iterable[Sound], takes: Sequence[PlacedTake],
               spans: Sequence[tuple[int, int]], sample_rate: int, *, duck_db: float = 0.0) -> Iterator[MixBlock]:
    """Stream the dubbed mix and its two stems.

    ``original`` and ``background`` (M&E) yield ``[channels, samples]`` blocks of any size, equally long in total.
    ``spans`` are the lines that are dubbed (samples): there, and where a take sounds, the original gives way to M&E
    with cross-fades of 30 ms just outside; everywhere else the mix is the original, sample for sample. A take that
    would drive the mix over -1.5 dBFS (true peak) is turned down for that moment; the rest of the mix is left alone.
    duck_db: how far M&E goes down while a take sounds; 0.0 leaves it as it is.
    """
    fade = max(1, int(FADE_MS * sample_rate / 1000))
    sounding = [(take.start_samples, take.start_samples + take.length_samples) for take in takes]
    replaced = _merged([*spans, *sounding], 2 * fade)
    duck = _Duck(sounding, duck_db, sample_rate)
    player = _Player(takes, max(1, int(EDGE_MS * sample_rate / 1000)))
    limiter = DubLimiter(sample_rate)
    position = 0
    for whole, rest in aligned(original, background):
        channels, count = whole.shape
        weight = _weight(replaced, position, count, fade, fade)
        base = whole if not weight.any() else (whole * (1 - weight) + rest * weight).astype(np.float32)
        lowered = duck.gain(position, count)
        if lowered is not None:
            base, rest = (base - rest * (1 - lowered)).astype(np.float32), rest * lowered
        dub = player.play(position, count, channels)
        position += count
        yield from limiter.push(base, rest, dub)
    yield from limiter.flush()


def _merged(spans: Sequence[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    """Spans in order, joined where less than ``gap`` lies between them."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if merged and start - merged[-1][1] < gap:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _weight(spans: Sequence[tuple[int, int]], position: int, count: int, before: int,
            after: int) -> npt.NDArray[np.float32]:
    """1 in a span, 0 from ``before`` samples ahead of it and from ``after`` samples behind it, straight between."""
    weight = np.zeros(count, np.float32)
    for start, end in spans:
        if end + after <= position or start - before >= position + count:
            continue
        first, stop = max(0, start - before - position), min(count, end + after - position)
        at = np.arange(first, stop) + position
        ramp = np.minimum((at - (start - before) + 1) / (before + 1), (end + after - at) / (after + 1))
        weight[first:stop] = np.maximum(weight[first:stop], np.clip(ramp, 0, 1))
    return weight


class _Duck:
    """The gain of M&E around takes: straight lines in decibels, down before a take, up behind it."""

    def __init__(self, sounding: Sequence[tuple[int, int]], duck_db: float, sample_rate: int) -> None:
        self._depth_db = abs(duck_db)
        self._before = max(1, int(DUCK_ATTACK_MS * sample_rate / 1000))
        self._after = max(1, int(DUCK_RELEASE_MS * sample_rate / 1000))
        self._spans = _merged(sounding, int(DUCK_HOLD_MS * sample_rate / 1000)) if duck_db else []

    def gain(self, position: int, count: int) -> npt.NDArray[np.float32] | None:
        """``[count]`` factors from ``position`` on; None where M&E stays as it is."""
        if not self._spans:
            return None
        depth = _weight(self._spans, position, count, self._before, self._after)
        return np.asarray(10 ** (-self._depth_db / 20 * depth), np.float32) if depth.any() else None


class _Player:
    """Plays takes in order of time, each loaded when it begins and dropped when it has ended."""

    def __init__(self, takes: Sequence[PlacedTake], edge: int) -> None:
        self._waiting = sorted(takes, key=lambda take: take.start_samples, reverse=True)
        self._playing: list[tuple[PlacedTake, Sound]] = []
        self._edge = edge

    def play(self, position: int, count: int, channels: int) -> Sound | None:
        """``[channels, count]`` of the takes from ``position`` on; None when none sounds."""
        while self._waiting and self._waiting[-1].start_samples < position + count:
            take = self._waiting.pop()
            sound = np.asarray(take.load(), np.float32)[: take.length_samples + take.tail_samples]
            self._playing.append((take, self._faded(sound)))
        out: Sound | None = None
        for take, sound in self._playing:
            first = max(position, take.start_samples)
            stop = min(position + count, take.start_samples + len(sound))
            if stop <= first:
                continue
            if out is None:
                out = np.zeros((channels, count), np.float32)
            piece = sound[first - take.start_samples: stop - take.start_samples] * np.float32(take.gain)
            out[:, first - position: stop - position] += _gains(take.balance, channels)[:, None] * piece
        self._playing = [(t, s) for t, s in self._playing if t.start_samples + len(s) > position + count]
        return out

    def _faded(self, sound: Sound) -> Sound:
        """Without a step at either end, whoever cut it there."""
        edge = min(self._edge, len(sound) // 2)
        if not edge or not np.abs(sound[[0, -1]]).any():
            return sound
        ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / edge)).astype(np.float32)
        out = sound.copy()
        out[:edge] *= ramp
        out[-edge:] *= ramp[::-1]
        return out


def _gains(balance: tuple[float, ...] | None, channels: int) -> npt.NDArray[np.float32]:
    """Gain of a mono take in each channel: the centre of a surround mix, else as the original was balanced."""
    if channels >= 5:
        gains = np.zeros(channels, np.float32)
        # All of the line's energy goes to one channel.
        gains[_CENTRE] = np.sqrt(channels) if balance is not None else 1.0
        return gains
    if balance is None or len(balance) != channels:
        return np.ones(channels, np.float32)
    return np.asarray(balance, np.float32)
