"""Phones of speech whose text nobody knows: what the lips can be made to follow when only a sound is given.

The phone network's posteriors are decoded by the best path (Viterbi) through a loop of all classes, with a least
duration for each and the odds of one sound following another in the corpus it was trained on. Which of two similar
vowels is found matters little to the lips; that a /p/, /b/ or /m/ is there does.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipsync_core.speech.features import HOP_MS
from lipsync_core.speech.network import Heard, PhoneNetwork, shipped
from lipsync_core.speech.phones import CLASSES
from lipsync_core.speech.timeline import TimedPhone
from lipsync_core.speech.viterbi import loop_path

_SHORTEST = np.array([6] + [3] * (len(CLASSES) - 1))
_PRIOR_SHARE = 0.3
_CHANGE = -1.5


def listen(sound: npt.NDArray[np.floating], sample_rate: int, *,
           network: PhoneNetwork | None = None) -> list[TimedPhone]:
    """The likeliest phones of mono ``sound``, pauses as " ", covering it without gaps; for ``articulate``."""
    network = network or shipped()
    return decode(network.hear(sound, sample_rate), network)


def decode(heard: Heard, network: PhoneNetwork) -> list[TimedPhone]:
    """As ``listen``, of a sound already heard."""
    if not len(heard.logp):
        return []
    scores = heard.logp - np.float32(_PRIOR_SHARE) * network.log_prior
    transitions = np.full((len(CLASSES), len(CLASSES)), _CHANGE, np.float32)
    path = loop_path(scores.astype(np.float32), transitions, _SHORTEST)
    edges = np.flatnonzero(np.diff(path, prepend=-1, append=-1))
    return [TimedPhone(CLASSES[path[a]], a * HOP_MS, b * HOP_MS) for a, b in zip(edges[:-1], edges[1:], strict=True)]
