"""Timing on a card: replays of CUDA graphs, so that launch gaps do not count, and the card's own ceilings."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch

_WARM_UPS = 3
_REPLAYS = 15
_LEAST_MS = 1.0
_MOST_CALLS = 50


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What the card reached in this run: bytes per second copying (read plus written) and fp16 operations per
    second of a large matrix product."""

    bytes_per_s: float
    flops_per_s: float


def graph_ms(call: Callable[[], object], limit_ms: float = float("inf")) -> float:
    """Median milliseconds of ``call`` inside a replayed CUDA graph; it must not wait for the device.

    The call is repeated within the graph until a replay is long enough to time. Inputs may stay in the L2 cache
    between repeats, as they do between a network's layers. A call that takes longer than ``limit_ms`` is timed roughly.
    """
    once = replay_ms(call)
    if once > limit_ms:
        return once
    count = min(_MOST_CALLS, max(1, round(_LEAST_MS / max(once, 1e-4))))
    return once if count == 1 else replay_ms(call, count) / count


def event_ms(call: Callable[[], object], repeats: int = _REPLAYS) -> float:
    """Median milliseconds of ``call`` between device events, launches included: for what cannot be captured."""
    for _ in range(_WARM_UPS):
        call()
    return _median_ms(call, repeats)


def ceilings() -> Ceilings:
    """Measure copy bandwidth over 1 GiB and the rate of an 8192-cubed fp16 product on random data."""
    return Ceilings(_copy_rate(), _product_rate())


def _copy_rate() -> float:
    source = torch.empty(1 << 28, device="cuda").normal_()
    target = torch.empty_like(source)
    return 2 * source.numel() * source.element_size() / event_ms(lambda: target.copy_(source)) * 1e3


def _product_rate() -> float:
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.float16) for _ in range(2))
    return 2 * 8192**3 / event_ms(lambda: a @ b) * 1e3


def replay_ms(call: Callable[[], object], count: int = 1) -> float:
    """Median milliseconds of one replay of a graph that holds ``count`` calls."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side), torch.no_grad():
        for _ in range(_WARM_UPS):
            call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.no_grad(), torch.cuda.graph(graph):
        for _ in range(count):
            call()
    graph.replay()
    return _median_ms(graph.replay, _REPLAYS)


def _median_ms(call: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        stop.record()
        stop.synchronize()
        times.append(start.elapsed_time(stop))
    return statistics.median(times)
