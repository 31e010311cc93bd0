"""The dubbed sound track: the original where nothing is dubbed, M&E with the takes where something is.

Everything streams: ``measure_lines`` reads the video's sound once and learns how loud and where in the picture each
line was spoken, ``mix_blocks`` reads it again and mixes. Memory does not grow with the video's length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound

FADE_MS = 30.0
CEILING = 10 ** (-1.0 / 20)
GAIN_LIMIT_DB = 12.0
_FRAME_S = 0.05
_GATE = 10 ** (-20 / 10)
_SILENCE = 1e-4
_EVEN_DB = 1.5
_CENTRE = 2


@dataclass(frozen=True, slots=True)
class LineLevel:
    """How a line was spoken: ``rms`` of its loud parts over all channels, ``balance`` each channel's rms over that."""

    rms: float
    balance: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PlacedTake:
    """A take in the video's clock. ``load`` gives its mono sound at the video's rate when its time has come."""

    start_samples: int
    length_samples: int
    load: Callable[[], Sound]
    gain: float = 1.0
    balance: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class MixBlock:
    """``[channels, samples]`` each; ``speech + background`` is ``mix``."""

    mix: Sound
    speech: Sound
    background: Sound


def loudness(sound: Sound, sample_rate: int) -> float:
    """RMS of the loud parts of ``sound`` (mono): frames of 50 ms within 20 dB of the loudest."""
    return float(np.sqrt(_gated_power(_frame_powers(np.atleast_2d(sound), max(1, int(_FRAME_S * sample_rate))))[0]))


def take_gain(sound: Sound, sample_rate: int, level: LineLevel | None) -> float:
    """Factor that makes a take as loud as the line it replaces, within 12 dB; 1.0 when either is silent."""
    own = loudness(sound, sample_rate)
    if level is None or own < _SILENCE or level.rms < _SILENCE:
        return 1.0
    limit = 10 ** (GAIN_LIMIT_DB / 20)
    return float(np.clip(level.rms / own, 1 / limit, limit))


def measure_lines(original: Iterable[Sound], background: Iterable[Sound], spans: Sequence[tuple[int, int]],
                  sample_rate: int) -> list[LineLevel]:
    """Level and balance of the original speech (original less M&E) in each of ``spans`` (samples)."""
    step = max(1, int(_FRAME_S * sample_rate))
    powers: list[list[npt.NDArray[np.float64]]] = [[] for _ in spans]
    position, channels = 0, 1
    for whole, rest in _aligned(original, background):
        channels, count = whole.shape
        speech = whole - rest
        for index, (start, end) in enumerate(spans):
            first, stop = max(start - position, 0), min(end - position, count)
            if stop > first:
                powers[index].append(_frame_powers(speech[:, first:stop], step))
        position += count
    return [_level(np.concatenate(found, axis=1) if found else np.zeros((channels, 0))) for found in powers]


def _level(powers: npt.NDArray[np.float64]) -> LineLevel:
    by_channel = _gated_power(powers)
    total = float(by_channel.mean())
    if total < _SILENCE**2:
        return LineLevel(0.0, tuple([1.0] * len(by_channel)))
    balance = np.sqrt(by_channel / total)
    if balance.min() > 0 and 20 * np.log10(balance.max() / balance.min()) < _EVEN_DB:
        balance = np.ones_like(balance)
    return LineLevel(float(np.sqrt(total)), tuple(float(b) for b in balance))


def _frame_powers(sound: Sound, step: int) -> npt.NDArray[np.float64]:
    """``[channels, frames]`` mean squares; a last shorter frame counts as a frame."""
    starts = np.arange(0, sound.shape[1], step)
    if not len(starts):
        return np.zeros((len(sound), 0))
    sums = np.add.reduceat(np.square(sound, dtype=np.float64), starts, axis=1)
    return np.asarray(sums / np.diff(np.append(starts, sound.shape[1])))


def _gated_power(powers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean power by channel over the frames that are loud in all channels together."""
    if not powers.shape[1]:
        return np.zeros(len(powers))
    together = powers.sum(0)
    return np.asarray(powers[:, together >= together.max() * _GATE].mean(1))


def mix_blocks(original: Iterable[Sound], background: Iterable[Sound], takes: Sequence[PlacedTake],
               spans: Sequence[tuple[int, int]], sample_rate: int) -> Iterator[MixBlock]:
    """Stream the dubbed mix and its two stems.

    ``original`` and ``background`` (M&E) yield ``[channels, samples]`` blocks of any size, equally long in total.
    ``spans`` are the lines that are dubbed (samples): there, and where a take sounds, the original gives way to M&E
    with cross-fades of 30 ms just outside; everywhere else the mix is the original, sample for sample. A take that
    would drive the mix over -1 dBFS (true peak) is turned down for that moment; the rest of the mix is left alone.
    """
    fade = max(1, int(FADE_MS * sample_rate / 1000))
    replaced = _merged([*spans, *((t.start_samples, t.start_samples + t.length_samples) for t in takes)], fade)
    player = _Player(takes)
    limiter = _Limiter(sample_rate)
    position = 0
    for whole, rest in _aligned(original, background):
        channels, count = whole.shape
        weight = _weight(replaced, position, count, fade)
        base = whole if not weight.any() else (whole * (1 - weight) + rest * weight).astype(np.float32)
        dub = player.play(position, count, channels)
        position += count
        yield from limiter.push(base, rest, dub)
    yield from limiter.flush()


def _merged(spans: Sequence[tuple[int, int]], fade: int) -> list[tuple[int, int]]:
    """Spans in order, joined where a fade out would meet a fade in."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if merged and start - merged[-1][1] < 2 * fade:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _weight(spans: Sequence[tuple[int, int]], position: int, count: int, fade: int) -> npt.NDArray[np.float32]:
    """How much of the M&E is heard at each sample: 1 in a span, 0 a fade's length away from it, straight between."""
    weight = np.zeros(count, np.float32)
    for start, end in spans:
        if end + fade <= position or start - fade >= position + count:
            continue
        first, stop = max(0, start - fade - position), min(count, end + fade - position)
        at = np.arange(first, stop) + position
        ramp = np.minimum((at - (start - fade) + 1) / (fade + 1), (end + fade - at) / (fade + 1))
        weight[first:stop] = np.maximum(weight[first:stop], np.clip(ramp, 0, 1))
    return weight


class _Player:
    """Plays takes in order of time, each loaded when it begins and dropped when it has ended."""

    def __init__(self, takes: Sequence[PlacedTake]) -> None:
        self._waiting = sorted(takes, key=lambda take: take.start_samples, reverse=True)
        self._playing: list[tuple[PlacedTake, Sound]] = []

    def play(self, position: int, count: int, channels: int) -> Sound | None:
        """``[channels, count]`` of the takes from ``position`` on; None when none sounds."""
        while self._waiting and self._waiting[-1].start_samples < position + count:
            take = self._waiting.pop()
            sound = np.asarray(take.load(), np.float32)[: take.length_samples]
            self._playing.append((take, sound))
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


class _Limiter:
    """Turns the dub down where base and dub together would pass the ceiling between or at samples.

    The gain is the minimum over 5 ms either way, then smoothed over the same length: it is never above what a
    sample needs and has no corner. It looks ahead, so blocks come out late by that much; nothing is delayed.
    """

    def __init__(self, sample_rate: int) -> None:
        self._reach = max(8, int(0.005 * sample_rate))
        self._margin = 2 * self._reach + 32
        self._held: list[tuple[Sound, Sound, Sound | None]] = []
        self._past: tuple[Sound, Sound] | None = None

    def push(self, base: Sound, background: Sound, dub: Sound | None) -> Iterator[MixBlock]:
        self._held.append((base, background, dub))
        while len(self._held) > 1 and sum(b.shape[1] for b, _, _ in self._held[1:]) >= self._margin:
            yield self._emit()

    def flush(self) -> Iterator[MixBlock]:
        while self._held:
            yield self._emit()

    def _emit(self) -> MixBlock:
        base, background, dub = self._held[0]
        mix = base
        if dub is not None:
            mix = (base + dub * self._gain(base, dub)).astype(np.float32)
        past_base, past_dub = (base[:, :0], base[:, :0]) if self._past is None else self._past
        now = np.zeros_like(base) if dub is None else dub
        self._past = (np.concatenate([past_base, base], axis=1)[:, -self._margin:],
                      np.concatenate([past_dub, now], axis=1)[:, -self._margin:])
        self._held.pop(0)
        return MixBlock(mix, mix - background, background)

    def _gain(self, base: Sound, dub: Sound) -> Sound:
        count = base.shape[1]
        bases, dubs = [base], [dub]
        before = 0
        if self._past is not None:
            bases.insert(0, self._past[0])
            dubs.insert(0, self._past[1])
            before = self._past[0].shape[1]
        for later, _, sound in self._held[1:]:
            bases.append(later)
            dubs.append(np.zeros_like(later) if sound is None else sound)
        all_base, all_dub = np.concatenate(bases, axis=1), np.concatenate(dubs, axis=1)
        stop = before + count + self._margin
        needed = _needed_gain(all_base[:, :stop], all_dub[:, :stop])
        if needed.min() >= 1.0:
            return np.ones(count, np.float32)
        window = 2 * self._reach + 1
        padded = np.pad(needed, 2 * self._reach, constant_values=1.0)
        lowest = np.lib.stride_tricks.sliding_window_view(padded, window).min(1)
        smooth = np.hanning(window + 2)[1:-1]
        curve = np.convolve(lowest, smooth / smooth.sum(), mode="valid")
        return curve[before: before + count].astype(np.float32)


def _needed_gain(base: Sound, dub: Sound) -> npt.NDArray[np.float64]:
    """Largest gain in [0, 1] on ``dub`` that keeps every channel under the ceiling, by sample.

    Where the base alone is over it, no more than the base's own peak is allowed.
    """
    needed = np.ones(base.shape[1])
    if np.abs(base).max(initial=0.0) + np.abs(dub).max(initial=0.0) <= CEILING * 0.8:
        return needed
    for fixed, moving in zip(_oversampled(base), _oversampled(dub), strict=True):
        allowed = np.maximum(CEILING, np.abs(fixed))
        over = np.abs(fixed + moving) > allowed
        if over.any():
            room = np.where(moving > 0, allowed - fixed, allowed + fixed)
            gain = np.where(over, np.clip(room / np.maximum(np.abs(moving), 1e-9), 0.0, 1.0), 1.0)
            needed = np.minimum(needed, gain.min(axis=0))
    return needed


def _oversampled(sound: Sound) -> Iterator[npt.NDArray[np.float64]]:
    """For each channel: ``[4, samples]``, the sound at and between its samples (12-tap windowed sinc, as BS.1770)."""
    taps = np.arange(-6, 6)
    padded = np.pad(sound.astype(np.float64), ((0, 0), (6, 6)))
    for channel in padded:
        windows = np.lib.stride_tricks.sliding_window_view(channel, 12)[: sound.shape[1]]
        phases = []
        for phase in range(4):
            offset = taps - phase / 4
            kernel = np.sinc(offset) * np.cos(np.pi * np.clip(offset / 13, -0.5, 0.5))
            phases.append(windows @ (kernel / kernel.sum()))
        yield np.stack(phases)


def _aligned(first: Iterable[Sound], second: Iterable[Sound]) -> Iterator[tuple[Sound, Sound]]:
    """Pairs of equally long blocks from two streams; a second stream that ends early is continued with silence."""
    rest = iter(second)
    held: Sound | None = None
    for block in first:
        block = np.atleast_2d(np.asarray(block, np.float32))
        pieces = [] if held is None else [held]
        have = sum(piece.shape[1] for piece in pieces)
        while have < block.shape[1]:
            more = next(rest, None)
            more = np.zeros_like(block[:, have:]) if more is None else np.atleast_2d(np.asarray(more, np.float32))
            pieces.append(more)
            have += more.shape[1]
        joined = np.concatenate(pieces, axis=1)
        held = joined[:, block.shape[1]:]
        yield block, joined[:, : block.shape[1]]
