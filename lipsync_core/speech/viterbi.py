"""Best paths through a chain of states in which some can be skipped, in little memory however long the sound is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_BLOCK = 512
_NEVER = np.float32(-1e30)
_STAY, _ADVANCE, _SKIP = 0, 1, 2

Float = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def chain_path(scores: Float, classes: Ints, can_stay: npt.NDArray[np.bool_], skips_to: Ints,
               window: tuple[Ints, Ints], may_start: Ints, may_end: Ints) -> Ints | None:
    """State of every frame, ``[T]``, on the best path through states 0 to S - 1; ``None`` when there is none.

    scores: [T, C] log scores; state s earns ``scores[t, classes[s]]``. A path goes from s to s + 1, stays where
    ``can_stay[s]``, or jumps into s from ``skips_to[s]`` (-1: no such jump). State s is allowed in the frames
    ``window[0][s]`` to ``window[1][s]`` (inclusive; both must not decrease). It begins in one of ``may_start`` and
    ends in one of ``may_end``. The forward pass keeps every 512th frame and is run again from there on the way back
    (Hirschberg's idea), so memory grows with T / 512 + 512 rows and not with T.
    """
    count, first, last = len(scores), *window
    stay = np.where(can_stay, np.float32(0), _NEVER)
    source = np.maximum(skips_to, 0)
    blocked = np.where(skips_to >= 0, np.float32(0), _NEVER)
    alpha = np.full(len(classes), _NEVER, np.float32)
    alpha[may_start] = scores[0, classes[may_start]]
    kept = {0: alpha}

    def forward(begin: int, stop: int, moves: npt.NDArray[np.int8] | None) -> Float:
        """Alpha of frame ``stop - 1``, from the kept one of ``begin``; row i of ``moves``: how frame begin + i came."""
        current = kept[begin].copy()
        for t in range(begin + 1, stop):
            low, high = int(np.searchsorted(last, t)), int(np.searchsorted(first, t, side="right"))
            inside = slice(low, high)
            staying = current[inside] + stay[inside]
            before = np.concatenate([current[low - 1: low] if low else [_NEVER], current[low: high - 1]]) \
                if high > low else staying
            jumping = current[source[inside]] + blocked[inside]
            best = np.maximum(np.maximum(staying, before), jumping)
            if moves is not None:
                moves[t - begin, inside] = np.where(staying >= best, _STAY, np.where(before >= best, _ADVANCE, _SKIP))
            current.fill(_NEVER)
            current[inside] = np.maximum(best + scores[t, classes[inside]], _NEVER)
        return current

    for begin in range(0, count, _BLOCK):
        if begin + _BLOCK < count:
            kept[begin + _BLOCK] = forward(begin, begin + _BLOCK + 1, None)
    final = forward(max(kept), count, None)
    state = int(may_end[np.argmax(final[may_end])])
    if final[state] <= _NEVER / 2:
        return None
    path = np.empty(count, np.int64)
    path[-1] = state
    for begin in sorted(kept, reverse=True):
        stop = min(begin + _BLOCK + 1, count)
        moves = np.zeros((stop - begin, len(classes)), np.int8)
        forward(begin, stop, moves)
        for t in range(stop - 1, begin, -1):
            move = moves[t - begin, state]
            state = state - 1 if move == _ADVANCE else int(skips_to[state]) if move == _SKIP else state
            path[t - 1] = state
    return path


def loop_path(scores: Float, transitions: Float, shortest: Ints) -> Ints:
    """Class of every frame, ``[T]``, when any class can follow any other.

    scores: [T, C]; transitions: [C, C], log score of going from row to column (the diagonal is unused); shortest: [C],
    how many frames a class lasts at least.
    """
    count, kinds = scores.shape
    starts = np.concatenate([[0], np.cumsum(shortest)])[:-1]
    ends = starts + shortest - 1
    owner = np.repeat(np.arange(kinds), shortest)
    between = transitions.copy()
    np.fill_diagonal(between, _NEVER)
    alpha = np.full(len(owner), _NEVER, np.float32)
    alpha[starts] = scores[0]
    came = np.zeros((count, kinds), np.int16)
    moved = np.zeros((count, len(owner)), bool)
    for t in range(1, count):
        shifted = np.concatenate([[_NEVER], alpha[:-1]])
        entering = alpha[ends][:, None] + between
        came[t] = entering.argmax(0)
        shifted[starts] = entering[came[t], np.arange(kinds)]
        staying = np.full(len(owner), _NEVER, np.float32)
        staying[ends] = alpha[ends]
        moved[t] = shifted > staying
        alpha = np.maximum(shifted, staying) + scores[t, owner]
    state = int(ends[np.argmax(alpha[ends])])
    path = np.empty(count, np.int64)
    for t in range(count - 1, -1, -1):
        path[t] = owner[state]
        if t and moved[t, state]:
            state = int(ends[came[t, owner[state]]]) if state in starts else state - 1
    return path
