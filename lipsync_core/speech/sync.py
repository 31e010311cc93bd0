"""How far a clip's picture runs ahead of its own sound, by what was said and how the mouth moved.

Real clips are off by -20 to 120 ms. Whoever compares a mouth with its sound, or learns one from the other, must know.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipsync_core.speech.articulation import articulate
from lipsync_core.speech.timeline import TimedSymbol

_REACH_MS, _STEP_MS = 240.0, 10.0
_SHORTEST_MS, _FEWEST = 2000.0, 25
#: A best correlation below this says nothing; neither does one at the end of the reach.
_LEAST = 0.3


def picture_lead_ms(phonemes: Sequence[TimedSymbol], times_ms: npt.ArrayLike, opening: npt.ArrayLike, *,
                    sound: npt.NDArray[np.floating] | None = None, sample_rate: int = 0) -> float | None:
    """Milliseconds by which the mouth is seen before it is heard (negative: after); ``None`` when it cannot be told.

    phonemes: of the clip's own sound, from ``align`` or ``listen``, times from the sound's start. times_ms, opening:
    [N], the measured lip opening (any scale) in frames in which the speaker is seen.
    """
    times, measured = np.asarray(times_ms, np.float64), np.asarray(opening, np.float64)
    if len(times) < _FEWEST or times[-1] - times[0] < _SHORTEST_MS or measured.std() < 1e-9:
        return None
    leads = np.arange(-_REACH_MS, _REACH_MS + 1, _STEP_MS)
    fits = []
    for lead in leads:
        wanted = articulate(phonemes, times + lead, sound=sound, sample_rate=sample_rate, align_to_sound=False).opening
        fits.append(float(np.corrcoef(wanted, measured)[0, 1]) if wanted.std() > 1e-9 else -1.0)
    best = int(np.argmax(fits))
    return float(leads[best]) if fits[best] >= _LEAST and 0 < best < len(leads) - 1 else None
