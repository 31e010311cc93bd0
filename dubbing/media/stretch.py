"""Faster or slower speech at the same pitch."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from dubbing.engines.base import Sound
from dubbing.errors import UsageError

SLOWEST, FASTEST = 0.5, 2.0


def stretch(sound: Sound, sample_rate: int, tempo: float) -> Sound:
    """``sound`` (mono) ``tempo`` times as fast, at the same pitch: ``round(len(sound) / tempo)`` samples.

    Any time in the result is the time in ``sound`` divided by ``tempo``, give or take 10 ms. Tempo 1.0 returns
    ``sound`` itself. Uses FFmpeg's ``atempo`` (a waveform-similarity overlap-add). Raises UsageError outside
    0.5 to 2.0.
    """
    if tempo == 1.0 or not len(sound):
        return sound
    if not SLOWEST <= tempo <= FASTEST:
        raise UsageError(f"Speech cannot be played {tempo:g} times as fast.",
                         f"Stay between {SLOWEST:g} and {FASTEST:g}.")
    wanted = round(len(sound) / tempo)
    padding = sample_rate // 5  # atempo swallows its last window
    out = _atempo(np.pad(np.asarray(sound, np.float32), (0, padding)), sample_rate, tempo)
    out = out[:wanted] if len(out) >= wanted else np.pad(out, (0, wanted - len(out)))
    fade = min(wanted, sample_rate // 500)
    out[wanted - fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return out


def _atempo(sound: Sound, sample_rate: int, tempo: float) -> Sound:
    import av
    from av.filter import Graph

    graph = Graph()
    source = graph.add_abuffer(sample_rate=sample_rate, format="flt", layout="mono", time_base=Fraction(1, sample_rate))
    filter_ = graph.add("atempo", f"{tempo:.6f}")
    sink = graph.add("abuffersink")
    source.link_to(filter_)
    filter_.link_to(sink)
    graph.configure()
    pieces: list[Sound] = []

    def drain() -> None:
        while True:
            try:
                pieces.append(graph.pull().to_ndarray().ravel())
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    for start in range(0, len(sound), 8192):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[None, start: start + 8192]), "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
        graph.push(frame)
        drain()
    graph.push(None)
    drain()
    return np.concatenate(pieces).astype(np.float32) if pieces else np.zeros(0, np.float32)
