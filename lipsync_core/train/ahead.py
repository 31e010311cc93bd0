"""The next batch is read while a device computes on this one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

B = TypeVar("B")


class Ahead(Generic[B]):
    """Batches by step, on ``device``; on CUDA the step after the last one asked for is read meanwhile.

    batch: a pure function of the step whose result has ``to(device)``; called in one thread at a time. On a CPU
    nothing is read ahead: the computation needs the cores itself.
    """

    def __init__(self, batch: Callable[[int], B], device: Any) -> None:
        self._batch, self._device = batch, device
        self._reader = ThreadPoolExecutor(1, "batches") if device.type == "cuda" else None
        self._next: tuple[int, Future[B]] | None = None

    def __call__(self, step: int) -> B:
        if self._reader is None:
            return self._moved(self._batch(step))
        if self._next is None or self._next[0] != step:
            self._next = (step, self._reader.submit(self._batch, step))
        found = self._next[1].result()
        self._next = (step + 1, self._reader.submit(self._batch, step + 1))
        return self._moved(found)

    def _moved(self, batch: Any) -> B:
        return batch.to(self._device)
