"""How long a room keeps on sounding, from speech in it: the slopes at which its bands die away, and a fit to them.

A dry voice falls silent within some tens of milliseconds in many different ways; in a room no band can fall faster
than the room lets it, so the slopes crowd together and become flat. The fit is a linear one of these statistics to
the logarithm of the reverberation time and to the clarity (energy within 50 ms over the rest), made by
``scripts/fit_room.py`` on synthesized speech in simulated rooms.

Source of the idea: Wen, Habets and Naylor, "Blind estimation of reverberation time based on the distribution of
signal decay rates" (ICASSP 2008).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound
from dubbing.pipeline.decay_weights import MEAN, SPREAD, WEIGHTS

RATE = 16_000
T60_LIMITS_S, CLARITY_LIMITS_DB = (0.1, 2.0), (-5.0, 35.0)
_HOP, _WINDOW = 64, 256
_BANDS_HZ = ((250, 500), (500, 1000), (1000, 2000), (2000, 3500))
#: Frames (of 4 ms) over which a slope is measured.
_SPANS = (12, 25)
_PERCENTILES = (2, 5, 10, 25, 50)
_DEPTH_DB, _ABOVE_FLOOR_DB = 50.0, 5.0
_LEAST_SLOPES = 20

Array = npt.NDArray[np.floating[Any]]


def reverberation(speech_16k: Sound) -> tuple[float, float]:
    """(T60 in seconds, clarity in dB) of the room in which mono 16 kHz speech is heard; 3 s of it at the least."""
    values = (decay_statistics(speech_16k) - np.array(MEAN)) / np.array(SPREAD)
    log_t60, clarity = np.array(WEIGHTS) @ np.append(values, 1.0)
    return float(np.clip(np.exp(log_t60), *T60_LIMITS_S)), float(np.clip(clarity, *CLARITY_LIMITS_DB))


def decay_statistics(speech_16k: Sound) -> Array:
    """The statistics that the fit is made on, means over four octaves: [15]."""
    sound = np.asarray(speech_16k, np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, (0, _WINDOW)), _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW))) ** 2
    hertz = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    rows = []
    for low, high in _BANDS_HZ:
        level = 10 * np.log10(power[:, (hertz >= low) & (hertz < high)].sum(1) + 1e-10)
        rows.append(_band_statistics(np.convolve(level, np.ones(3) / 3, "same")))
    mean = np.array(rows).mean(0)
    return np.concatenate([mean, np.square(mean[1:4])])


def _band_statistics(level_db: Array) -> list[float]:
    top = float(np.percentile(level_db, 98))
    floor = max(float(np.percentile(level_db, 3)) + _ABOVE_FLOOR_DB, top - _DEPTH_DB)
    row: list[float] = []
    for span in _SPANS:
        slopes = _falling_slopes(level_db, span, floor)
        if len(slopes) < _LEAST_SLOPES:
            slopes = np.array([-400.0, -300.0, -200.0])
        row += [float(np.log(max(1.0, -float(np.percentile(slopes, share))))) for share in _PERCENTILES]
        row.append(float(np.log(np.std(slopes) + 1)))
    return row


def _falling_slopes(level_db: Array, span: int, floor: float) -> Array:
    """Slopes (dB a second) of the stretches that fall and stay above the noise."""
    if len(level_db) <= span:
        return np.zeros(0)
    seconds = np.arange(span) * _HOP / RATE
    seconds = seconds - seconds.mean()
    windows = np.lib.stride_tricks.sliding_window_view(level_db, span)
    slopes = windows @ seconds / (seconds @ seconds)
    return np.asarray(slopes[(windows.min(1) > floor) & (slopes < 0) & (windows[:, 0] > windows[:, -1])])
