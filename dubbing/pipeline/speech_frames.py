"""What one line sounds like in frames of 10 ms: level, pitch, whether a voice is there, how bright it is.

Sources: Hammarberg et al. 1980 and Sundberg & Nordenberg 2006 (energy above over below 1 kHz as a measure of vocal
effort); de Jong & Wempe 2009 (syllables as peaks of intensity with dips between them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound
from dubbing.pipeline.pitch import RATE, pitch_track

HOP_MS = 10.0
HIGHEST_PITCH_HZ = 500.0
#: A frame this far below the loudest ones is no speech.
GATE_DB = 25.0
SILENCE_DB = -70.0
_HOP = int(RATE * HOP_MS / 1000)
_WINDOW = 512
#: The share of a frame's energy that comes back one period later, in a voice.
_VOICED = 0.5
_LOUDEST_PERCENTILE = 95
_SYLLABLE_DIP_DB, _SYLLABLE_FLOOR_DB = 2.0, 12.0

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SpeechFrames:
    """Frames of 10 ms. level_db: re full scale; pitch_hz: 0 where there is no voice; is_loud: where somebody speaks."""

    level_db: Array
    pitch_hz: Array
    is_loud: Flags
    #: Energy from 1 to 5 kHz over that from 80 Hz to 1 kHz (dB), over the loud frames together.
    brightness_db: float
    #: Level (dB re full scale) of the loud frames together; -inf-like where nobody speaks.
    loudness_db: float

    @property
    def is_silent(self) -> bool:
        return not self.is_loud.any()

    @property
    def voiced_share(self) -> float:
        """Share of the loud frames in which there is a voice."""
        return float((self.pitch_hz[self.is_loud] > 0).mean()) if self.is_loud.any() else 0.0

    @property
    def semitones(self) -> Array:
        """Pitch of the voiced frames in semitones re 1 Hz, without what is an octave off the rest."""
        voiced = self.pitch_hz[(self.pitch_hz > 0) & self.is_loud]
        if not len(voiced):
            return np.zeros(0)
        tones = 12 * np.log2(voiced)
        return np.asarray(tones[np.abs(tones - np.median(tones)) < 11])

    @property
    def pitch_median(self) -> float:
        """Semitones re 1 Hz; 0 where there is no voice."""
        return float(np.median(self.semitones)) if len(self.semitones) else 0.0

    @property
    def pitch_range(self) -> float:
        """Semitones from the 10th to the 90th percentile."""
        tones = self.semitones
        return float(np.subtract(*np.percentile(tones, [90, 10]))) if len(tones) else 0.0

    @property
    def rate(self) -> float:
        """Syllables a second of speech, pauses left out; 0 where there are none."""
        seconds = float(self.is_loud.sum()) * HOP_MS / 1000
        return syllables(self.level_db, self.pitch_hz) / seconds if seconds > 0.15 else 0.0


def speech_frames(sound_16k: Sound) -> SpeechFrames:
    """Measure mono 16 kHz sound; of any length, also none."""
    frames = _framed(np.asarray(sound_16k, np.float64))
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), 2 * _WINDOW)) ** 2
    level = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)
    loudest = float(np.percentile(level, _LOUDEST_PERCENTILE)) if len(level) else -120.0
    loud = (level > max(loudest - GATE_DB, SILENCE_DB)) & (loudest > SILENCE_DB)
    track, periodicity = pitch_track(sound_16k, HOP_MS, highest_hz=HIGHEST_PITCH_HZ)
    count = len(level)
    pitch = np.where(loud & (periodicity[:count] > _VOICED), track[:count], 0.0)
    if not loud.any():
        return SpeechFrames(level, pitch, loud, 0.0, -120.0)
    # The gate of the mix: what is within 20 dB of the loudest.
    gated = level[level > level.max() - 20]
    loudness = 10 * np.log10(np.mean(10 ** (gated / 10)))
    mean = spectrum[loud].mean(0)
    hertz = np.fft.rfftfreq(2 * _WINDOW, 1 / RATE)
    high = mean[(hertz >= 1000) & (hertz < 5000)].sum()
    low = mean[(hertz >= 80) & (hertz < 1000)].sum()
    brightness = 10 * np.log10((high + 1e-12) / (low + 1e-12))
    return SpeechFrames(level, pitch, loud, float(brightness), float(loudness))


def syllables(level_db: Array, pitch_hz: Array) -> int:
    """Peaks of intensity in voiced frames that stand out by 2 dB from the dip before them."""
    if len(level_db) < 5:
        return 0
    smooth = np.convolve(np.pad(level_db, 3, mode="edge"), np.hanning(9)[1:-1] / np.hanning(9).sum(), "valid")
    floor = float(np.percentile(smooth, _LOUDEST_PERCENTILE)) - _SYLLABLE_FLOOR_DB
    count, low = 0, smooth[0]
    for i in range(1, len(smooth) - 1):
        low = min(low, smooth[i])
        is_peak = smooth[i] >= smooth[i - 1] and smooth[i] > smooth[i + 1]
        if is_peak and smooth[i] > floor and pitch_hz[i] > 0 and smooth[i] - low >= _SYLLABLE_DIP_DB:
            count, low = count + 1, smooth[i]
    return count


def _framed(sound: Array) -> Array:
    count = -(-len(sound) // _HOP)
    padded = np.pad(sound, (_WINDOW // 2, _WINDOW))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:count])
