"""The sound of a clip: its lines one after the other in a quiet room, with music when it has some."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve, resample_poly

from samples.clips import Clip
from samples.video import AUDIO_RATE
from samples.voices import RATE, Phone, SpokenWord, speak

LEAD_MS = 150.0
#: The synthesizer's phone times run behind its own sound by this much (stops, sibilants and lips agree on it).
TIMES_LATE_MS = 57.0


@dataclass(frozen=True)
class RecordedLine:
    """A line in the clip's clock."""

    speaker: str
    text: str
    translation: str
    start_ms: float
    end_ms: float
    words: tuple[SpokenWord, ...]
    phones: tuple[Phone, ...]


@dataclass(frozen=True)
class Soundtrack:
    """sound: float32 [2, samples] at 48 kHz; lines in order."""

    sound: npt.NDArray[np.float32]
    lines: tuple[RecordedLine, ...]

    @property
    def duration_ms(self) -> float:
        return self.sound.shape[1] * 1000 / AUDIO_RATE


def record(clip: Clip, voice_folder: Path) -> Soundtrack:
    """Speak every line of the clip and mix."""
    at = LEAD_MS
    lines, placed = [], []
    for line in clip.lines:
        actor = clip.actors[line.speaker]
        take = speak(line.text, clip.language, actor.voice, voice_folder, actor.speed)
        at += line.gap_ms
        phones = tuple(Phone(p.symbol, p.start_ms + at, p.end_ms + at) for p in take.phones)
        words = tuple(SpokenWord(w.text, w.start_ms + at, w.end_ms + at) for w in take.words)
        lines.append(RecordedLine(line.speaker, line.text, line.translation, words[0].start_ms, words[-1].end_ms,
                                  words, phones))
        position = (list(clip.actors).index(line.speaker) + 0.5) / len(clip.actors)
        placed.append((at + TIMES_LATE_MS, take.samples, position))
        at += take.duration_ms
    frames = int(np.ceil((at + clip.tail_ms) * 25 / 1000))
    total = frames * AUDIO_RATE // 25
    speech = np.zeros((2, total), np.float32)
    for start, samples, position in placed:
        mono = resample_poly(samples, AUDIO_RATE, RATE).astype(np.float32)
        mono = mono * (0.075 / (np.sqrt(np.mean(mono**2)) + 1e-9))
        first = round(start * AUDIO_RATE / 1000)
        mono = mono[: total - first]
        balance = 0.5 + 0.25 * (position - 0.5)
        speech[0, first : first + len(mono)] += mono * np.sqrt(2 * (1 - balance))
        speech[1, first : first + len(mono)] += mono * np.sqrt(2 * balance)
    rng = np.random.default_rng((clip.seed, 61))
    sound = speech + _room_echo(speech, rng) + 0.00035 * rng.standard_normal(speech.shape)
    if clip.music:
        sound = sound + music(clip.seed, total)
    return Soundtrack(np.clip(sound, -0.98, 0.98).astype(np.float32), tuple(lines))


def _room_echo(speech: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A short, quiet room: the voices stand in the same place as the people."""
    length = int(0.16 * AUDIO_RATE)
    tail = rng.standard_normal((2, length)) * np.exp(-np.arange(length) / (0.035 * AUDIO_RATE))
    tail[:, : int(0.006 * AUDIO_RATE)] = 0
    tail *= 0.20 / np.sqrt((tail**2).sum(1, keepdims=True))
    return np.stack([fftconvolve(speech[c], tail[c])[: speech.shape[1]] for c in range(2)])


CHORDS = ((57, 60, 64, 67), (53, 57, 60, 64), (48, 55, 60, 64), (55, 59, 62, 67))
"""Am7, F, C, G as MIDI notes."""


def music(seed: int, total: int, level: float = 0.016) -> npt.NDArray[np.float64]:
    """A calm piece for plucked strings, a pad and a bass: stereo [2, total] at 48 kHz, made from sines."""
    rng = np.random.default_rng((seed, 62))
    out = np.zeros((2, total + AUDIO_RATE * 4))
    beat = 60 / 88
    bars = int(total / AUDIO_RATE / (4 * beat)) + 1
    for bar in range(bars):
        chord = CHORDS[bar % 4]
        start = bar * 4 * beat
        for k, note in enumerate(chord):
            _add(out, start, _pad(note, 4 * beat + 0.6), 0.30, 0.25 + 0.5 * k / 3)
        _add(out, start, _pluck(chord[0] - 12, 2.2), 0.9, 0.5)
        _add(out, start + 2.5 * beat, _pluck(chord[0] - 12, 1.2), 0.6, 0.5)
        for step in range(8):
            if rng.random() < 0.82:
                note = chord[(step * 3 + bar) % 4] + 12 * int(rng.integers(0, 2))
                gain, pan = 0.55 * rng.uniform(0.6, 1.0), rng.uniform(0.2, 0.8)
                _add(out, start + step * beat / 2, _pluck(note, 1.4), gain, pan)
    out = out[:, :total]
    fade = np.minimum(1.0, np.minimum(np.arange(total), np.arange(total)[::-1]) / (0.8 * AUDIO_RATE))
    return out * fade * (level / np.sqrt(np.mean(out**2)))


def _add(out: npt.NDArray[np.float64], at_s: float, tone: npt.NDArray[np.float64], gain: float, pan: float) -> None:
    first = int(at_s * AUDIO_RATE)
    tone = tone[: max(0, out.shape[1] - first)]
    out[0, first : first + len(tone)] += tone * gain * np.cos(pan * np.pi / 2)
    out[1, first : first + len(tone)] += tone * gain * np.sin(pan * np.pi / 2)


def _pluck(note: int, seconds: float) -> npt.NDArray[np.float64]:
    t = np.arange(int(seconds * AUDIO_RATE)) / AUDIO_RATE
    f = 440 * 2 ** ((note - 69) / 12)
    wave = sum(np.sin(2 * np.pi * f * k * t * (1 + 0.0002 * k * k)) * np.exp(-t * (2.2 + 1.3 * k)) / k**1.3
               for k in range(1, 8))
    return wave * np.minimum(1.0, t / 0.004)


def _pad(note: int, seconds: float) -> npt.NDArray[np.float64]:
    t = np.arange(int(seconds * AUDIO_RATE)) / AUDIO_RATE
    f = 440 * 2 ** ((note - 69) / 12)
    envelope = np.minimum(1.0, t / 0.9) * np.minimum(1.0, (seconds - t) / 0.9)
    return envelope * sum(np.sin(2 * np.pi * f * (1 + d) * t) + 0.3 * np.sin(4 * np.pi * f * (1 - d) * t)
                          for d in (-0.0018, 0.0, 0.0021))
