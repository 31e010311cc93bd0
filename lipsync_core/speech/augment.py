"""Clean synthesized speech made to sound like recordings: rooms, noise, music, microphones, other pitches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipsync_core.speech.features import BANDS, Float, mel_db, normalised
from lipsync_core.speech.sound import RATE

_RATIOS = ((4, 5), (5, 6), (7, 8), (9, 10), (1, 1), (10, 9), (8, 7), (6, 5), (5, 4))
Random = np.random.Generator


def backgrounds(random: Random, voices: Sequence[Float], count: int = 36) -> list[Float]:
    """Ten seconds each of coloured noise, several voices at once, and music."""
    kinds = (_coloured, _music, lambda length, random: _babble(length, random, voices))
    return [kinds[i % 3](10 * RATE, random) for i in range(count)]


def disturbed(sound: Float, random: Random, noises: Sequence[Float]) -> tuple[Float, float, float]:
    """``sound`` after a random recording among ``noises`` (see ``backgrounds``), and how times move:
    ``new_ms = old_ms * scale + shift_ms``."""
    from scipy.signal import resample_poly

    up, down = _RATIOS[random.integers(len(_RATIOS))]
    changed = np.asarray(resample_poly(sound, up, down), np.float32) if up != down else sound
    before, after = (int(RATE * random.uniform(0, 0.7) * (random.random() < 0.7)) for _ in range(2))
    changed = np.pad(changed, (before, after))
    loud = float(np.sqrt(np.mean(sound**2)) + 1e-6)
    if random.random() < 0.45:
        changed = _in_a_room(changed, random)
    if random.random() < 0.25:
        drive = random.uniform(1, 6)
        changed = np.tanh(changed / loud * 0.25 * drive) * loud * 4 / drive
    if random.random() < 0.65:
        noise = noises[random.integers(len(noises))]
        background = np.resize(np.roll(noise, int(random.integers(len(noise)))), len(changed))
        gain = loud * 10 ** (-random.uniform(5, 40) / 20) / (np.sqrt(np.mean(background**2)) + 1e-9)
        changed = changed + background * np.float32(gain)
    changed = changed + random.normal(0, loud * 10 ** (-random.uniform(45, 75) / 20), len(changed)).astype(np.float32)
    return changed.astype(np.float32), up / down, before * 1000 / RATE


def recorded(sound: Float, random: Random) -> Float:
    """Features of ``sound`` through a random microphone and line: a coloured spectrum, a cut-off, a missing band."""
    db = mel_db(sound)
    db += _equalizer(random)
    if random.random() < 0.35:
        cut = int(random.integers(38, BANDS))
        db[:, cut:] -= np.linspace(15, 60, BANDS - cut, dtype=np.float32)
    features = normalised(db)
    if random.random() < 0.3:
        width, at = int(random.integers(2, 9)), int(random.integers(0, BANDS - 9))
        features[:, at: at + width] = features[:, at: at + width].mean()
    return features


def _in_a_room(sound: Float, random: Random) -> Float:
    """Exponentially decaying noise as a room's answer; the direct sound keeps its time."""
    from scipy.signal import fftconvolve

    decay_s, ratio_db = random.uniform(0.08, 0.6), random.uniform(0, 18)
    t = np.arange(int(decay_s * RATE)) / RATE
    tail = random.standard_normal(len(t)) * np.exp(-6.9 * t / decay_s)
    tail *= 10 ** (-ratio_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return fftconvolve(sound, tail)[: len(sound)].astype(np.float32)


def _babble(length: int, random: Random, voices: Sequence[Float]) -> Float:
    """Several people at once, backwards: speech-like and not words."""
    mix = np.zeros(length, np.float32)
    for _ in range(int(random.integers(2, 5))):
        mix += np.resize(voices[random.integers(len(voices))][::-1], length)
    return mix


def _coloured(length: int, random: Random) -> Float:
    spectrum = np.fft.rfft(random.standard_normal(length))
    spectrum *= (np.arange(len(spectrum)) + 20.0) ** random.uniform(-1.2, 0.2)
    return np.fft.irfft(spectrum, length).astype(np.float32)


def _music(length: int, random: Random) -> Float:
    """Chords of decaying harmonic notes on a beat."""
    out = np.zeros(length, np.float32)
    beat = int(RATE * random.uniform(0.25, 0.7))
    for begin in range(0, length, beat):
        t = np.arange(min(2 * beat, length - begin)) / RATE
        for _ in range(3):
            pitch = 110 * 2 ** (random.integers(0, 30) / 12)
            partials = np.arange(1, 7)
            strength = random.uniform(0.2, 1, 6) / partials
            note = (np.sin(2 * np.pi * pitch * partials[:, None] * t) * strength[:, None]).sum(0)
            out[begin: begin + len(t)] += note * np.exp(-t * random.uniform(1, 6)) * np.minimum(t * 50, 1)
    return out


def _equalizer(random: Random) -> Float:
    """A smooth curve of up to about 9 dB over the bands, in dB."""
    knots = random.normal(0, 4.5, 6)
    return np.interp(np.linspace(0, 5, BANDS), np.arange(6), knots).astype(np.float32)
