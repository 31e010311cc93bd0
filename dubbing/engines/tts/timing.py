"""When each phone of a synthesized sound is heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Sound
from dubbing.engines.tts.alphabet import MODIFIERS, STRESS, to_ipa
from dubbing.engines.tts.text import MARKS

#: The token that a model puts before and after a text.
EDGE = "^"
_SILENT = frozenset(MARKS + EDGE + ' "“”()')
_FRAME_MS = 5.0
_SHORTEST_PAUSE_MS = 60.0
_SHORTEST_PHONE_MS = 40.0
_FIRST_OF_DIPHTHONG = 0.6


def timeline(tokens: Sequence[str], durations_ms: Sequence[float], sound: Sound, sample_rate: int,
             lead_ms: float = 0.0) -> list[Phoneme]:
    """Phonemes of ``sound`` from the model's own durations, one a token.

    ``lead_ms`` is how much earlier a token is heard than its durations say, a constant of the model.

    Stress marks and length marks join their phone; a diphthong becomes two phones. Word boundaries and
    punctuation become a pause (``" "``) only where the sound is really quiet for 60 ms or more;
    what is left of such a token is shared by the phones around it. The result covers the sound without gaps.
    """
    edges = np.concatenate([[0.0], np.cumsum(np.asarray(durations_ms, np.float64))])
    edges[1:-1] = np.clip(edges[1:-1] - lead_ms, 0.0, edges[-1])
    quiet = _quiet_frames(sound, sample_rate)
    phones: list[tuple[str, float, float]] = []
    pending: float | None = None
    index = 0
    while index < len(tokens):
        token, start, end = tokens[index], float(edges[index]), float(edges[index + 1])
        index += 1
        if token in _SILENT:
            phrase_ends = token != " "
            while index < len(tokens) and tokens[index] in _SILENT:
                phrase_ends |= tokens[index] != " "
                end = float(edges[index + 1])
                index += 1
            begin = start if pending is None else pending
            pending = _add_gap(phones, quiet, begin, end, phrase_ends, last=index == len(tokens))
        elif token in STRESS:
            pending = start if pending is None else pending
        elif token in MODIFIERS and phones and phones[-1][0] != " ":
            symbol, began, _ = phones[-1]
            phones[-1] = (symbol + token, began, end)
        else:
            phones.append((token, start if pending is None else pending, end))
            pending = None
    return [phoneme for phone in phones for phoneme in _as_ipa(*phone)]


def _add_gap(phones: list[tuple[str, float, float]], quiet: np.ndarray, start: float, end: float, phrase_ends: bool,
             last: bool) -> float:
    """Put a pause into ``phones`` where ``quiet`` allows; returns where the next phone begins.

    At a phrase's end the model gives the pause to the last phone as often as to the punctuation, so the quiet may
    begin inside that phone.
    """
    earliest = start
    if phones and phrase_ends and phones[-1][0] != " ":
        earliest = min(start, phones[-1][1] + _SHORTEST_PHONE_MS)
    first, stop = int(np.ceil(earliest / _FRAME_MS)), int(end / _FRAME_MS)
    run_start, run_stop = _longest_run(quiet[first:stop])
    pause_start, pause_end = (first + run_start) * _FRAME_MS, (first + run_stop) * _FRAME_MS
    if not phones:
        pause_start = start
    if last:
        pause_start, pause_end = (pause_start if run_stop > run_start else end), end
    elif phones and pause_end - pause_start < _SHORTEST_PAUSE_MS:
        pause_start = pause_end = (start + end) / 2
    if phones:
        symbol, began, _ = phones[-1]
        phones[-1] = (symbol, began, pause_start)
    if pause_end > pause_start:
        phones.append((" ", pause_start, pause_end))
    return pause_end


def _quiet_frames(sound: Sound, sample_rate: int) -> np.ndarray:
    """For each 5 ms of sound: is it 40 dB or more below the loud parts?"""
    step = int(sample_rate * _FRAME_MS / 1000)
    power = np.square(sound[: len(sound) // step * step].reshape(-1, step), dtype=np.float64).mean(1)
    if not len(power):
        return np.zeros(0, bool)
    return power < np.percentile(power, 95) * 1e-4


def _longest_run(flags: np.ndarray) -> tuple[int, int]:
    """First and one-past-last index of the longest run of true values; (0, 0) when there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    if not len(edges):
        return 0, 0
    starts, stops = edges[::2], edges[1::2]
    best = int(np.argmax(stops - starts))
    return int(starts[best]), int(stops[best])


def _as_ipa(symbol: str, start: float, end: float) -> list[Phoneme]:
    parts = to_ipa(symbol[0])
    if len(parts) == 1:
        return [Phoneme(parts[0] + symbol[1:], start, end)]
    middle = start + (end - start) * _FIRST_OF_DIPHTHONG
    return [Phoneme(parts[0], start, middle), Phoneme(parts[1] + symbol[1:], middle, end)]


def trim(sound: Sound, phonemes: Sequence[Phoneme], sample_rate: int, lead_ms: float = 20.0,
         tail_ms: float = 60.0) -> tuple[Sound, list[Phoneme]]:
    """Cut silence before and after speech to at most ``lead_ms`` and ``tail_ms``; times move along."""
    spoken = [p for p in phonemes if p.symbol != " "]
    if not spoken:
        return sound[:0], []
    first = max(0, int((spoken[0].start_ms - lead_ms) * sample_rate / 1000))
    stop = min(len(sound), int((spoken[-1].end_ms + tail_ms) * sample_rate / 1000))
    shift, length_ms = first * 1000 / sample_rate, (stop - first) * 1000 / sample_rate
    kept = [Phoneme(p.symbol, max(0.0, p.start_ms - shift), min(length_ms, p.end_ms - shift)) for p in phonemes]
    cut = sound[first:stop].copy()
    ramp = np.linspace(0, 1, min(len(cut), int(0.005 * sample_rate)), dtype=np.float32)
    cut[: len(ramp)] *= ramp
    cut[len(cut) - len(ramp):] *= ramp[::-1]
    return cut, [p for p in kept if p.end_ms > p.start_ms]


def join(parts: Sequence[tuple[Sound, Sequence[Phoneme], float]],
         sample_rate: int) -> tuple[Sound, tuple[Phoneme, ...]]:
    """Put sounds after one another; each is followed by its own pause (ms, not after the last)."""
    sounds: list[Sound] = []
    phonemes: list[Phoneme] = []
    done = 0
    for index, (sound, own, pause_ms) in enumerate(parts):
        shift = done * 1000 / sample_rate
        phonemes += [Phoneme(p.symbol, p.start_ms + shift, p.end_ms + shift) for p in own]
        sounds.append(sound)
        done += len(sound)
        if index + 1 < len(parts):
            gap = np.zeros(int(pause_ms * sample_rate / 1000), np.float32)
            phonemes.append(Phoneme(" ", done * 1000 / sample_rate, (done + len(gap)) * 1000 / sample_rate))
            sounds.append(gap)
            done += len(gap)
    return np.concatenate(sounds), tuple(phonemes)
