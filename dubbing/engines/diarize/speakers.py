"""From voice prints of a sliding window to speakers: cluster the steady windows, then follow the voice in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dubbing.domain.speech import Diarization, SpeakerTurn

Prints = npt.NDArray[np.float32]

_FINE = 0.3
_SHORTEST_SPEAKER_S = 0.8
_SWITCH_COST = 0.9
_INNER = 2
_MOST_LINKED = 1000
_SAME_TURN_MS = 500
_SHORTEST_TURN_MS = 120


@dataclass(frozen=True, slots=True)
class Stretch:
    """Speech without a pause, in seconds, and the prints of the windows in it, ``[windows, 256]``."""

    start: float
    end: float
    prints: Prints


def find_speakers(stretches: list[Stretch], alike: float, hop_s: float, count: int | None) -> Prints:
    """One unit print a speaker, ``[speakers, 256]``.

    Windows are grouped finely first, then in turn: each stretch is followed through the groups, the groups'
    prints are taken anew from the inside of their turns (a window across a change holds two voices), and the two
    groups that sound most alike become one while their cosine is above ``alike``, or while there are more than
    ``count``. A group heard for less than a second is no speaker.
    """
    windows = [stretch.prints for stretch in stretches]
    if count == 1:
        return _unit(np.concatenate(windows).mean(axis=0))[None]
    speakers = _fine_groups(np.concatenate(windows), hop_s)
    while True:
        speakers, seconds = _refined(windows, speakers, hop_s)
        weakest = int(np.argmin(seconds))
        if len(speakers) == 1 or len(speakers) == count:
            return speakers
        if seconds[weakest] < _SHORTEST_SPEAKER_S:
            speakers = np.delete(speakers, weakest, axis=0)
            continue
        likeness = speakers @ speakers.T - 2 * np.eye(len(speakers), dtype=np.float32)
        first, second = np.unravel_index(int(np.argmax(likeness)), likeness.shape)
        if likeness[first, second] < alike and (count is None or len(speakers) < count):
            return speakers
        merged = _unit(speakers[first] * seconds[first] + speakers[second] * seconds[second])
        speakers = np.concatenate([np.delete(speakers, [first, second], axis=0), merged[None]])


def follow(stretch: Stretch, speakers: Prints, hop_s: float, window_s: float) -> list[tuple[int, float, float]]:
    """Who speaks when inside a stretch: (speaker, start, end) in seconds, by the cheapest path over the windows.

    A change of speaker costs as much as a clear difference of voice over a few windows, so that a single odd
    window does not make a turn.
    """
    gains = stretch.prints @ speakers.T
    path = _best_path(gains)
    centres = stretch.start + window_s / 2 + hop_s * np.arange(len(path))
    turns: list[tuple[int, float, float]] = []
    begin = stretch.start
    for index in range(1, len(path) + 1):
        if index < len(path) and path[index] == path[index - 1]:
            continue
        finish = stretch.end if index == len(path) else float(centres[index - 1] + centres[index]) / 2
        turns.append((int(path[index - 1]), begin, finish))
        begin = finish
    return turns


def named(turns: Sequence[tuple[int, float, float]], prints: np.ndarray, total_ms: int) -> Diarization:
    """Name speakers in order of appearance and join turns of one speaker that nobody interrupts."""
    names: dict[int, str] = {}
    joined: list[SpeakerTurn] = []
    for speaker, start, end in turns:
        start_ms, end_ms = max(0, round(start * 1000)), min(total_ms, round(end * 1000))
        if end_ms - start_ms < _SHORTEST_TURN_MS:
            continue
        name = names.setdefault(speaker, f"S{len(names) + 1}")
        if joined and joined[-1].speaker == name and start_ms - joined[-1].end_ms < _SAME_TURN_MS:
            joined[-1] = SpeakerTurn(name, joined[-1].start_ms, end_ms)
        else:
            joined.append(SpeakerTurn(name, start_ms, end_ms))
    return Diarization(tuple(joined), {name: tuple(float(value) for value in prints[speaker])
                                       for speaker, name in names.items()})


def _fine_groups(prints: Prints, hop_s: float) -> Prints:
    """Average-linkage groups that hold one voice each; of many prints a thousand are linked."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(prints) < 3:
        return _unit(prints.mean(axis=0))[None]
    sample = prints[np.unique(np.linspace(0, len(prints) - 1, min(len(prints), _MOST_LINKED)).astype(int))]
    labels = fcluster(linkage(sample, "average", "cosine"), _FINE, "distance") - 1
    sizes = np.bincount(labels) * hop_s * len(prints) / len(sample)
    keep = np.flatnonzero(sizes >= _SHORTEST_SPEAKER_S / 2)
    keep = keep if len(keep) else np.array([np.argmax(sizes)])
    return np.stack([_unit(sample[labels == label].mean(axis=0)) for label in keep])


def _refined(windows: list[Prints], speakers: Prints, hop_s: float) -> tuple[Prints, npt.NDArray[np.float64]]:
    """Speakers' prints taken anew from the inside of the turns they get, and how long each is heard in seconds."""
    inner: list[list[Prints]] = [[] for _ in speakers]
    outer: list[list[Prints]] = [[] for _ in speakers]
    for prints in windows:
        path = _best_path(prints @ speakers.T)
        edges = np.flatnonzero(np.diff(path)) + 1
        for left, right in zip([0, *edges], [*edges, len(path)], strict=True):
            begin = left + _INNER if left else left
            finish = right - _INNER if right < len(path) else right
            outer[path[left]].append(prints[left:right])
            if finish > begin:
                inner[path[left]].append(prints[begin:finish])
    renewed = [_unit(np.concatenate(best or others).mean(axis=0)) if others else speaker
               for best, others, speaker in zip(inner, outer, speakers, strict=True)]
    seconds = np.array([sum(len(part) for part in others) * hop_s for others in outer])
    return np.stack(renewed), seconds


def _best_path(gains: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Viterbi: the sequence of speakers with the largest sum of likeness minus the cost of changes."""
    best = gains[0].astype(np.float64)
    origin = np.zeros(gains.shape, np.intp)
    for index in range(1, len(gains)):
        change = int(np.argmax(best))
        stay = best >= best[change] - _SWITCH_COST
        origin[index] = np.where(stay, np.arange(gains.shape[1]), change)
        best = np.where(stay, best, best[change] - _SWITCH_COST) + gains[index]
    path = np.empty(len(gains), np.intp)
    path[-1] = int(np.argmax(best))
    for index in range(len(gains) - 1, 0, -1):
        path[index - 1] = origin[index, path[index]]
    return path


def _unit(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
