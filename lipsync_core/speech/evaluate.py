"""How well a phone network hears and aligns the takes of a corpus that it was not trained on.

``python -m lipsync_core.speech.evaluate CORPUS [CORPUS ...] [--whisper FOLDER]`` prints one line of JSON for the
weights that come with the library; the figures of ``weights/README.md`` are made by it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lipsync_core.speech.align import aligned
from lipsync_core.speech.corpus import Take, labels, lip_targets, read_corpus
from lipsync_core.speech.listen import decode
from lipsync_core.speech.network import PhoneNetwork, shipped
from lipsync_core.speech.sound import RATE
from lipsync_core.speech.timeline import TimedPhone

_NEAR_MS, _WORD_PHONES = 40.0, 4
_BILABIALS = ("p", "b", "m")


def evaluate(network: PhoneNetwork, takes: Sequence[Take]) -> dict[str, float]:
    """Frames whose class is right (all, and spoken alone), the lips' correlation with the truth, errors of alignment
    (median in ms, shares within 20 and 40 ms, closures within 40 ms), and recall and precision of closures heard."""
    right, spoken, wanted, guessed = [], [], [], []
    starts, centres, recalled, precise = [], [], [], []
    for take in takes:
        heard = network.hear(take.sound, RATE)
        truth = labels(take.phones, len(heard.logp))
        right.append(heard.logp.argmax(1) == truth)
        spoken.append(truth > 0)
        wanted.append(lip_targets(take.phones, len(truth), 1.0, 0.0)[:, 0])
        guessed.append(heard.lips[:, 0])
        found = [p for p in aligned(heard, _words(take.phones), network=network).phones if p.symbol != " "]
        sounds = [p for p in take.phones if p.symbol != " "]
        starts += [abs(a.start_ms - b.start_ms) for a, b in zip(sounds, found, strict=True)]
        centres += [abs(_centre(a) - _centre(b)) for a, b in zip(sounds, found, strict=True)
                    if a.symbol[0] in _BILABIALS]
        own = np.array([_centre(p) for p in sounds if p.symbol[0] in _BILABIALS])
        heard_ms = np.array([_centre(p) for p in decode(heard, network) if p.symbol in _BILABIALS])
        recalled += [bool(len(heard_ms)) and bool(np.abs(heard_ms - at).min() <= _NEAR_MS) for at in own]
        precise += [bool(len(own)) and bool(np.abs(own - at).min() <= _NEAR_MS) for at in heard_ms]
    hit, voiced, errors = np.concatenate(right), np.concatenate(spoken), np.array(starts)
    figures = {
        "frames_right": hit.mean(), "spoken_right": hit[voiced].mean(),
        "opening_r": np.corrcoef(np.concatenate(wanted), np.concatenate(guessed))[0, 1],
        "start_error_ms": np.median(errors), "within_20_ms": np.mean(errors <= 20),
        "within_40_ms": np.mean(errors <= 40),
        "closures_within_40_ms": np.mean(np.array(centres) <= _NEAR_MS), "closures_recall": np.mean(recalled),
        "closures_precision": np.mean(precise)}
    return {name: round(float(value), 4) for name, value in figures.items()}


def _centre(phone: TimedPhone) -> float:
    return (phone.start_ms + phone.end_ms) / 2


def _words(phones: Sequence[TimedPhone]) -> list[list[str]]:
    """The phones between pauses in words of four: a corpus does not say where its words end."""
    words: list[list[str]] = [[]]
    for phone in phones:
        if phone.symbol == " " or len(words[-1]) == _WORD_PHONES:
            words.append([])
        if phone.symbol != " ":
            words[-1].append(phone.symbol)
    return [word for word in words if word]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lipsync_core.speech.evaluate", description=__doc__)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--whisper", type=Path, help="folder of Whisper base in CTranslate2's form")
    options = parser.parse_args(arguments)
    if options.whisper:
        from lipsync_core.speech.whisper_ears import whisper_network

        network = whisper_network(options.whisper)
    else:
        network = shipped()
    takes = [take for folder in options.corpus for take in read_corpus(folder) if take.split == "test"]
    if not takes:
        print("no take of the split test", file=sys.stderr)
        return 2
    print(json.dumps(evaluate(network, takes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
