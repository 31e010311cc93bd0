"""What a few pieces of a sound tell: whether anybody speaks, how many voices there are, whether music plays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dubbing.engines.base import Sound

RATE = 16_000
#: Voices heard for less are noises, or echoes of another.
_LEAST_VOICE_MS, _LEAST_VOICE_SHARE = 1500, 0.1
#: Music: louder than this alone and beside the speech (dB), with tones that stand for 0.2 s in so much of the time.
_LEAST_MUSIC_DB, _MUSIC_UNDER_SPEECH_DB, _TONAL_SHARE = -50.0, -26.0, 0.3
_WINDOW, _HOP, _STANDS = 1024, 512, 6
_TONE_DB, _TONES = 9.0, 3


@dataclass(frozen=True, slots=True)
class Heard:
    """speech_ms: how long anybody spoke. speakers: how many voices. music_db: loudness of what is not speech over that
    of the speech; tonal_share: how much of the time it holds tones."""

    peak: float
    speech_ms: int
    speakers: int
    music_db: float
    tonal_share: float
    has_music: bool


def listen(pieces: Sequence[Sound], diarizer: Any, separator: Any, speakers: int | None) -> Heard:
    """Listen to mono pieces of 16 kHz; the engines are loaded and released here."""
    sound = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    peak = float(np.abs(sound).max(initial=0.0))
    if peak < 1e-3:
        return Heard(peak, 0, 0, 0.0, 0.0, False)
    diarizer.load()
    try:
        turns = diarizer.diarize(sound, speakers=speakers, report=lambda *_: None).turns
    finally:
        diarizer.release()
    spoken: dict[str, int] = {}
    for turn in turns:
        spoken[turn.speaker] = spoken.get(turn.speaker, 0) + turn.end_ms - turn.start_ms
    total = sum(spoken.values())
    voices = sum(ms >= max(_LEAST_VOICE_MS, _LEAST_VOICE_SHARE * total) for ms in spoken.values())
    speech, rest = _apart(pieces, separator)
    music_db, tonal = _decibel(rest) - _decibel(speech), tonal_share(rest)
    has_music = _decibel(rest) > _LEAST_MUSIC_DB and music_db > _MUSIC_UNDER_SPEECH_DB and tonal > _TONAL_SHARE
    return Heard(peak, total, max(voices, 1 if total else 0), music_db, tonal, has_music)


def tonal_share(sound: Sound) -> float:
    """Share of the sound's moments in which several tones stand still, as in music and never long in speech."""
    count = (len(sound) - _WINDOW) // _HOP + 1
    if count < _STANDS:
        return 0.0
    frames = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_HOP] * np.hanning(_WINDOW)
    level = 10 * np.log10(np.abs(np.fft.rfft(frames, axis=1)) ** 2 + 1e-9)[:, 8:320]
    from scipy.ndimage import median_filter

    is_tone = (level - median_filter(level, size=(1, 25)) > _TONE_DB) & (level > level.max() - 50)
    stands = np.lib.stride_tricks.sliding_window_view(is_tone, _STANDS, axis=0).all(axis=2)
    return float((stands.sum(axis=1) >= _TONES).mean())


def _apart(pieces: Sequence[Sound], separator: Any) -> tuple[Sound, Sound]:
    separator.load()
    try:
        stems = list(separator.separate(_blocks(pieces), RATE))
    finally:
        separator.release()
    return (np.concatenate([part[0][0] for part in stems]), np.concatenate([part[1][0] for part in stems]))


def _blocks(pieces: Sequence[Sound]) -> Iterator[Sound]:
    for piece in pieces:
        yield piece[None]


def _decibel(sound: Sound) -> float:
    return 10 * float(np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12))
