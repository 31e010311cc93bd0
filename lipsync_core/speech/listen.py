"""What the lips can follow when only a sound is given, in any language.

The phone network says two things about every moment: which sound is made, and how the lips stand. The first is decoded
by the best path (Viterbi) through a loop of all classes with a least duration for each: it gives the closures and the
rests. The second is a mean over all that may be said there. Together they fit the measured lips of real speakers better
than either alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from lipsync_core.speech.features import HOP_MS
from lipsync_core.speech.network import Heard, PhoneNetwork, shipped
from lipsync_core.speech.phones import CLASSES, CLOSURES
from lipsync_core.speech.timeline import HeardSpeech, TimedPhone
from lipsync_core.speech.viterbi import loop_path

_SHORTEST = np.array([6] + [3] * (len(CLASSES) - 1))
_PRIOR_SHARE = 0.3
_CHANGE = -1.5
#: A closure that is missed shows more than one too many.
_CLOSURE_BIAS = 0.4
#: A mean over possibilities moves less than the truth: by this much, around the lips of a neutral mouth.
_GAIN, _REST = 1.2, np.array([0.25, 0.0])
_SMOOTH_FRAMES = 1.5


def listen(sound: npt.NDArray[np.floating], sample_rate: int, *, network: PhoneNetwork | None = None) -> HeardSpeech:
    """The likeliest phones of mono ``sound``, pauses as " ", covering it without gaps, and its lips: what
    ``articulate`` takes in place of a timeline. ``network``: the shipped log-mel one unless another is given."""
    network = network or shipped()
    return decode(network.hear(sound, sample_rate), network)


def decode(heard: Heard, network: PhoneNetwork) -> HeardSpeech:
    """As ``listen``, of a sound already heard."""
    lips = heard.lips.astype(np.float64)
    if len(lips):
        lips = gaussian_filter1d(_REST + _GAIN * (lips - _REST), _SMOOTH_FRAMES, axis=0)
    return HeardSpeech(_phones(heard, network), heard.times_ms, lips)


def _phones(heard: Heard, network: PhoneNetwork) -> tuple[TimedPhone, ...]:
    if not len(heard.logp):
        return ()
    scores = heard.logp - np.float32(_PRIOR_SHARE) * network.log_prior
    # The lips close for /p/, /b/ and /m/ alike: what is divided among the three is as sure as their sum.
    closed = heard.logp[:, CLOSURES]
    gain = np.logaddexp.reduce(closed, axis=1) - closed.max(1) + np.float32(_CLOSURE_BIAS)
    scores[:, CLOSURES] += gain[:, None]
    transitions = np.full((len(CLASSES), len(CLASSES)), _CHANGE, np.float32)
    path = loop_path(scores.astype(np.float32), transitions, _SHORTEST)
    edges = np.flatnonzero(np.diff(path, prepend=-1, append=-1))
    return tuple(TimedPhone(CLASSES[path[a]], float(a * HOP_MS), float(b * HOP_MS))
                 for a, b in zip(edges[:-1], edges[1:], strict=True))
