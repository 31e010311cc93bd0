"""How far apart people are by their voice prints: ``python -m scripts.series_bench --media FOLDER``.

Every recording of FOLDER in which one person speaks is cut into halves, as if they were two videos; the second half is
also heard through a telephone, a dull microphone and noise. What is told is the cosines of one person's halves and of
different people's, and how many of them the thresholds of :mod:`dubbing.domain.series` get right.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt

from dubbing.domain.series import SAME_PERSON, SURELY_SAME
from dubbing.engines.base import Sound
from dubbing.errors import DubbingError
from dubbing.media import audio
from dubbing.pipeline.similarity import RATE, Ear, Print, similarity, voice_print

_SHORTEST_S = 3
_LONGEST_S = 30


def _band(sound: Sound, order: int, edges: float | list[float], kind: str) -> Sound:
    return np.asarray(sosfilt(butter(order, edges, kind, fs=RATE, output="sos"), sound), np.float32)


def _noisy(sound: Sound) -> Sound:
    power = float(np.mean(np.square(sound))) * 10 ** (-15 / 10)
    return np.asarray(sound + np.random.default_rng(0).normal(0, np.sqrt(power), len(sound)), np.float32)


#: What may lie between a voice and its second recording.
CHANNELS: dict[str, Callable[[Sound], Sound]] = {
    "as it is": lambda sound: sound,
    "telephone": lambda sound: _band(sound, 4, [300.0, 3400.0], "bandpass"),
    "dull microphone": lambda sound: _band(sound, 2, 3000.0, "lowpass"),
    "noise at 15 dB": _noisy,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.series_bench", description=__doc__)
    parser.add_argument("--media", type=Path, required=True, help="a folder of recordings, one person each")
    parser.add_argument("--leave-out", nargs="*", default=(), help="recordings of a person who is in another one, too")
    options = parser.parse_args(arguments)
    ear = _ear()
    first: dict[str, Print] = {}
    second: dict[tuple[str, str], Print] = {}
    for path in sorted(options.media.iterdir()):
        sound = _read(path)
        if sound is None or any(word in path.name for word in options.leave_out):
            continue
        half = len(sound) // 2
        print_ = voice_print([sound[:half]], ear)
        if len(print_) == 1:
            continue
        first[path.name] = print_
        for channel, through in CHANNELS.items():
            second[path.name, channel] = voice_print([through(sound[half:])], ear)
    for channel in CHANNELS:
        same = [similarity(first[name], second[name, channel]) for name in first]
        other = [similarity(first[a], second[b, channel]) for a, b in itertools.permutations(first, 2)]
        print(f"{channel:16} one person {min(same):.2f} / {np.median(same):.2f} / {max(same):.2f}  "
              f"two people {np.median(other):.2f}, at most {max(other):.2f}  found at {SAME_PERSON}: "
              f"{np.mean(np.array(same) >= SAME_PERSON):.0%}, at {SURELY_SAME}: "
              f"{np.mean(np.array(same) >= SURELY_SAME):.0%}  wrong at {SAME_PERSON}: "
              f"{np.mean(np.array(other) >= SAME_PERSON):.1%}")


def _read(path: Path) -> Sound | None:
    """The first half minute at 16 kHz; None where nothing is heard, or too little."""
    try:
        sound = audio.read_mono_16k(path)[:_LONGEST_S * RATE]
    except (DubbingError, ValueError):
        return None
    return sound if len(sound) >= _SHORTEST_S * RATE else None


def _ear() -> Ear:
    from dubbing.engines.diarize.voiceprint import VoicePrint
    from dubbing.weights.store import Store

    return VoicePrint(Store().fetch("resemblyzer")).sliding


if __name__ == "__main__":
    main()
