"""Do mouth and sound of a clip belong together, and by how much is one late?

Two signs are added: the lips' opening against what the phone network hears (``lipsync_core.speech``), and the speed of
lips and jaw against the loudness. Both without what changes slower than a second, at every whole frame of offset within
reach. No network that is trained later takes part, so what it learns is not what let a clip in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from lipsync_core.face.active import loudness
from lipsync_core.face.mesh import eye_distance, lip_opening
from lipsync_core.speech.articulation import articulate
from lipsync_core.speech.listen import listen
from lipsync_core.speech.network import PhoneNetwork
from lipsync_core.train.types import FPS, RATE, SAMPLES_PER_FRAME

#: Lips move a little before they are heard; at this lead picture and sound are together.
_NATURAL_LEAD_MS = 20.0
#: What any offset, and each frame of it, has to gain in agreement: near zero is likelier than far from it.
_COST, _COST_FRAME = 0.05, 0.012
#: The measure itself is off by a frame now and then, so a single one is not moved.
_LEAST_MOVED = 2
#: Least agreement after that cost, and what a clip of one frame would need more (it falls with the root of the length).
#: Measured on five real and two rendered clips in windows of 4 s, which need 0.30: all 25 pass with their own sound
#: (0.39 to 0.76), 8 of 327 with another's; with a bed of music under the voice none does.
_LEAST, _SHORT = 0.15, 1.5
_RESTING, _SILENT_DBFS = 0.006, -55.0
_STEP_MS, _FRAME_MS = 10.0, 1000 / FPS

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """offset_frames: how many frames too late the sound comes. value: mean of the two correlations there, NaN where
    there is nothing to compare; at_zero: the same as recorded. reason: why the clip is not to be used, "" when it is.
    """

    offset_frames: int
    value: float
    at_zero: float
    reason: str


@dataclass(frozen=True, slots=True)
class Mouth:
    """opening and speed, both [T], of neighbouring frames at 25 a second; see ``mouth_of``."""

    opening: Floats
    speed: Floats


def mouth_of(points: npt.NDArray[np.floating]) -> Mouth:
    """Of mesh points [T, 468, 3]: gap of the lips in eye distances, and how fast lips, corners and chin move."""
    points = points.astype(np.float64)
    eyes = np.maximum(eye_distance(points), 1e-6)
    opening = lip_opening(points).astype(np.float64)
    width, jaw = (np.linalg.norm(points[:, a] - points[:, b], axis=-1) / eyes for a, b in ((61, 291), (152, 168)))
    changes = [np.abs(np.diff(v, prepend=v[:1])) for v in (opening, width, jaw)]
    return Mouth(opening, gaussian_filter1d(np.sum(changes, axis=0), 1.5))


class Speech:
    """What a sound (mono, 16 kHz) asks of a mouth, computed once for all clips that are cut from it."""

    def __init__(self, sound: npt.NDArray[np.float32], network: PhoneNetwork | None = None) -> None:
        self.sound = sound
        self._times = np.arange(0, max(len(sound) * 1000 / RATE, _STEP_MS), _STEP_MS)
        heard = listen(sound, RATE, network=network)
        wanted = articulate(heard, self._times, sound=sound, sample_rate=RATE, align_to_sound=False)
        level = loudness(sound)
        self._opening = gaussian_filter1d(wanted.opening, 2.0)
        self._loud = gaussian_filter1d(np.interp(self._times, (np.arange(len(level)) + 0.5) * _STEP_MS, level), 3.0)

    def agreement(self, mouth: Mouth, first: int, reach: int = 10, fixed: int | None = None) -> Agreement:
        """Of a mouth whose first frame is shown at frame ``first`` of the sound's clock, with offsets up to ``reach``
        frames either way, or with the offset ``fixed`` alone."""
        count = len(mouth.opening)
        unknown = float("nan")
        if _level_dbfs(self.sound[max(first, 0) * SAMPLES_PER_FRAME:][: count * SAMPLES_PER_FRAME]) < _SILENT_DBFS:
            return Agreement(0, unknown, unknown, "silent")
        if np.std(mouth.opening - gaussian_filter1d(mouth.opening, 12.0)) < _RESTING:
            return Agreement(0, unknown, unknown, "the mouth rests")
        opening, speed = _levelled(mouth.opening, 12.0), _levelled(mouth.speed, 25.0)
        times = (np.arange(count) + first) * _FRAME_MS + _NATURAL_LEAD_MS

        def at(offset: int) -> float:
            when = times + offset * _FRAME_MS
            wanted, loud = (np.interp(when, self._times, v) for v in (self._opening, self._loud))
            return (_correlation(opening, _levelled(wanted, 12.0)) + _correlation(speed, _levelled(loud, 25.0))) / 2

        zero = at(0)
        offsets = range(-reach, reach + 1) if fixed is None else (fixed,)
        values = {o: at(o) for o in offsets if o == 0 or abs(o) >= _LEAST_MOVED or fixed is not None}
        best = max(values, key=lambda o: values[o] - _cost(o))
        value = values[best]
        at_end = fixed is None and abs(best) == reach > 0
        wrong = at_end or value - (_cost(best) if fixed is None else 0.0) < least(count)
        return Agreement(best, value, zero, "sound and picture disagree" if wrong else "")


def least(frames: int) -> float:
    """The agreement that a clip of so many frames must reach."""
    return _LEAST + _SHORT / float(np.sqrt(max(frames, 1)))


def _cost(offset: int) -> float:
    return _COST + _COST_FRAME * abs(offset) if offset else 0.0


def moved(sound: npt.NDArray[np.float32], first: int, frames: int, offset_frames: int) -> npt.NDArray[np.float32]:
    """The sound of ``frames`` frames from ``first``, taken ``offset_frames`` later, zeros where there is none."""
    begin = (first + offset_frames) * SAMPLES_PER_FRAME
    stop = begin + frames * SAMPLES_PER_FRAME
    part = sound[max(begin, 0): max(stop, 0)]
    before = min(max(-begin, 0), stop - begin)
    return np.pad(part, (before, stop - begin - before - len(part))).astype(np.float32)


def _levelled(values: Floats, frames: float) -> Floats:
    return values - gaussian_filter1d(values, frames)


def _correlation(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 8 and a.std() > 1e-9 and b.std() > 1e-9 else 0.0


def _level_dbfs(sound: npt.NDArray[np.float32]) -> float:
    return 10 * float(np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12)) if len(sound) else -120.0
