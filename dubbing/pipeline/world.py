"""Speech taken apart by the WORLD vocoder and put together again: pitch, spectral envelope, noise share.

Source: Morise et al., "WORLD: a vocoder-based high-quality speech synthesis system" (IEICE 2016).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound
from dubbing.media.audio import resample
from dubbing.pipeline.pitch import RATE, pitch_track

FRAME_MS = 5.0
#: Frames over which a whisper's spectrum is smoothed.
_SMOOTH = 5
Array = npt.NDArray[np.float64]


def pyworld() -> Any:
    """The library; its use of pkg_resources is deprecated, which is nothing to tell a user about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyworld
    return pyworld


@dataclass(frozen=True, slots=True)
class Vocoded:
    """Frames of 5 ms: ``pitch_hz`` [frames] (0: unvoiced), ``envelope`` (power) and ``roughness`` (share of noise in
    [0, 1]) [frames, bins]; ``count_samples`` at ``sample_rate`` is how long the sound was."""

    pitch_hz: Array
    envelope: Array
    roughness: Array
    sample_rate: int
    count_samples: int

    @classmethod
    def of(cls, sound: Sound, sample_rate: int) -> Vocoded:
        """Take mono ``sound`` (50 ms at the least) apart."""
        world = pyworld()
        speech = np.ascontiguousarray(sound, np.float64)
        times = np.arange(int(len(speech) * 1000 / sample_rate / FRAME_MS) + 1) * FRAME_MS / 1000
        # Our own track: the vocoder's falls an octave short on high voices, and what it then says is another person.
        track, _ = pitch_track(resample(sound, sample_rate, RATE), FRAME_MS)
        pitch = np.zeros(len(times))
        pitch[: len(track)] = track[: len(pitch)]
        refined = world.stonemask(speech, pitch, times, sample_rate)
        is_near = np.abs(np.log2(np.maximum(refined, 1.0) / np.maximum(pitch, 1.0))) < 0.1
        pitch = np.where(is_near, refined, pitch)
        envelope = world.cheaptrick(speech, pitch, times, sample_rate)
        roughness = world.d4c(speech, pitch, times, sample_rate)
        return cls(pitch, envelope, roughness, sample_rate, len(sound))

    def formants_moved(self, ratio: float) -> Vocoded:
        """With the envelope read at frequencies divided by ``ratio``: above 1 the vocal tract is shorter."""
        if ratio == 1.0:
            return self
        envelope = np.exp(_warped(np.log(self.envelope), ratio))
        return replace(self, envelope=envelope, roughness=np.clip(_warped(self.roughness, ratio), 0.0, 1.0))

    def with_pitch(self, pitch_hz: npt.NDArray[Any]) -> Vocoded:
        return replace(self, pitch_hz=np.asarray(pitch_hz, np.float64))

    def whispered(self) -> Vocoded:
        """Without a voice: noise alone, through a tract whose low resonances a whisper does not feed."""
        frequencies = np.linspace(0.0, self.sample_rate / 2, self.envelope.shape[1])
        # The glottal source that falls by some 6 dB an octave is gone up to about 1 kHz, what is left is flat.
        tilt = np.minimum(1.0, np.maximum(frequencies, 60.0) / 1000.0) ** 2
        # Frames are shorter than a low voice's period: unsmoothed, the period would still be heard as a flutter.
        log = np.pad(np.log(self.envelope), ((_SMOOTH // 2, _SMOOTH // 2), (0, 0)), mode="edge")
        smooth = np.lib.stride_tricks.sliding_window_view(log, _SMOOTH, axis=0).mean(-1)
        return replace(self, pitch_hz=np.zeros_like(self.pitch_hz), envelope=np.exp(smooth) * tilt,
                       roughness=np.ones_like(self.roughness))

    def sound(self) -> Sound:
        """Put together: mono, as long as the sound that was taken apart, to the sample."""
        out = pyworld().synthesize(np.ascontiguousarray(self.pitch_hz), np.ascontiguousarray(self.envelope),
                                   np.ascontiguousarray(self.roughness), self.sample_rate, FRAME_MS)
        out = np.asarray(out, np.float32)[: self.count_samples]
        return np.pad(out, (0, self.count_samples - len(out)))


def _warped(frames: Array, ratio: float) -> Array:
    """``frames[:, f / ratio]`` by linear interpolation; the top is held."""
    bins = np.arange(frames.shape[1])
    source = np.minimum(bins / ratio, bins[-1])
    low = np.floor(source).astype(int)
    high = np.minimum(low + 1, bins[-1])
    part = source - low
    return np.asarray(frames[:, low] * (1 - part) + frames[:, high] * part)
