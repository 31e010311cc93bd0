"""The next batches while the network is at work on this one."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol


class Batches(Protocol):
    """Whoever makes batch number ``step``, the same whenever asked: ``SyncWindows``, ``FaceWindows``."""

    def batch(self, step: int) -> Any:
        ...


class Ahead:
    """The same batches as ``source``, of which ``depth`` are made beforehand in a thread of their own.

    Decoding leaves Python's lock, so a GPU does not wait. Steps may be asked for in any order; in their own they are
    ready. ``source`` must not be used beside it. Use as a context manager, or ``close`` it.
    """

    def __init__(self, source: Batches, depth: int = 2) -> None:
        self._source, self._depth = source, max(depth, 1)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._made: dict[int, Future[Any]] = {}

    def batch(self, step: int) -> Any:
        """Raises what making the batch raises."""
        wanted = range(step, step + self._depth + 1)
        for stale in [s for s in self._made if s not in wanted]:
            self._made.pop(stale).cancel()
        for later in wanted:
            if later not in self._made:
                self._made[later] = self._pool.submit(self._source.batch, later)
        return self._made.pop(step).result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
