"""What a run shares with the process that it runs in: random numbers and signals."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


def seed_all(seed: int, step: int, rank: int) -> None:
    """Set every global generator from (seed, step, rank)."""
    import torch

    words = np.random.SeedSequence([seed, step, rank]).generate_state(3)
    torch.manual_seed(int(words[0]))
    np.random.seed(int(words[1]))
    random.seed(int(words[2]))


@contextmanager
def random_kept() -> Iterator[None]:
    """Whoever trains in the middle of something else finds its random numbers where they were."""
    import torch

    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])


@contextmanager
def signals() -> Iterator[list[int]]:
    """The signals that asked to stop so far; a second one ends the process as usual. In other threads than the main
    one signals stay whose they are."""
    told: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _: object) -> None:
        told.append(number)
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, note)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
