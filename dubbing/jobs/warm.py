"""Engines that stay loaded between the jobs of one worker, so that a line does not wait for a model."""

from __future__ import annotations

from dubbing.engines.base import Engine
from dubbing.pipeline.runner import EngineRoom


class WarmRoom(EngineRoom):
    """Keeps every engine that was let in, until ``cool``."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Engine] = []

    def admit(self, engine: Engine | None) -> None:
        if engine is None:
            return
        # An engine is the process's own, and another room may have released it since.
        engine.load()
        if engine not in self._kept:
            self._kept.append(engine)

    def clear(self) -> None:
        """Nothing: the next line is at hand."""

    def cool(self) -> None:
        """Release everything, before work that needs the memory."""
        for engine in self._kept:
            engine.release()
        self._kept.clear()


ROOM = WarmRoom()
