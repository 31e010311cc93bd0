"""The best path is the one that trying every path finds, over block borders too."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lipsync_core.speech import viterbi
from lipsync_core.speech.viterbi import chain_path, loop_path


def everything(count: int, states: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(states, np.int64), np.full(states, count - 1)


def brute_force(scores: np.ndarray, classes: np.ndarray, stay: np.ndarray, skips: np.ndarray, starts: list[int],
                ends: list[int]) -> float:
    best = -np.inf
    for path in itertools.product(range(len(classes)), repeat=len(scores)):
        moves = all(b == a + 1 or (b == a and stay[a]) or skips[b] == a for a, b in itertools.pairwise(path))
        if moves and path[0] in starts and path[-1] in ends:
            best = max(best, float(sum(scores[t, classes[s]] for t, s in enumerate(path))))
    return best


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("block", [2, 3, 512])
def test_a_chain_finds_the_best_of_all_paths(seed: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viterbi, "_BLOCK", block)
    scores = np.random.default_rng(seed).normal(size=(7, 3)).astype(np.float32)
    classes, stay = np.array([0, 1, 0, 2, 1]), np.array([True, False, True, True, True])
    skips = np.array([-1, -1, -1, 1, -1])
    path = chain_path(scores, classes, stay, skips, everything(7, 5), np.array([0, 1]), np.array([3, 4]))
    assert path is not None
    score = float(scores[np.arange(7), classes[path]].sum())
    assert score == pytest.approx(brute_force(scores, classes, stay, skips, [0, 1], [3, 4]), abs=1e-4)
    for a, b in itertools.pairwise(path):
        assert b == a + 1 or (b == a and stay[a]) or skips[b] == a


def test_a_window_keeps_a_state_in_its_frames() -> None:
    scores = np.zeros((10, 2), np.float32)
    scores[:, 1] = 1.0
    first, last = np.array([0, 6]), np.array([9, 9])
    path = chain_path(scores, np.array([0, 1]), np.array([True, True]), np.array([-1, -1]), (first, last),
                      np.array([0]), np.array([1]))
    assert path is not None and list(path) == [0] * 6 + [1] * 4


def test_more_states_than_frames_have_no_path() -> None:
    none = chain_path(np.zeros((3, 1), np.float32), np.zeros(5, np.int64), np.ones(5, bool), np.full(5, -1),
                      everything(3, 5), np.array([0]), np.array([4]))
    assert none is None


def test_a_long_chain_needs_little_memory() -> None:
    import tracemalloc

    random = np.random.default_rng(0)
    frames, states = 2500, 700
    scores = random.normal(size=(frames, 20)).astype(np.float32)
    classes = random.integers(0, 20, states)
    tracemalloc.start()
    path = chain_path(scores, classes, np.ones(states, bool), np.full(states, -1), everything(frames, states),
                      np.array([0]), np.array([states - 1]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path is not None and path[0] == 0 and path[-1] == states - 1
    assert peak < 1.2e6 < frames * states


def test_a_loop_pays_for_changes_and_keeps_least_durations() -> None:
    scores = np.full((30, 3), -3.0, np.float32)
    scores[:10, 0] = scores[10:12, 2] = scores[12:20, 1] = scores[20:, 0] = 0
    cheap = loop_path(scores, np.full((3, 3), -0.5, np.float32), np.array([1, 1, 1]))
    assert list(cheap) == [0] * 10 + [2] * 2 + [1] * 8 + [0] * 10
    slow = loop_path(scores, np.full((3, 3), -0.5, np.float32), np.array([1, 1, 5]))
    assert 2 not in slow[:5] and not 0 < (slow == 2).sum() < 5
    dear = loop_path(scores, np.full((3, 3), -100.0, np.float32), np.array([1, 1, 1]))
    assert len(set(dear)) == 1
