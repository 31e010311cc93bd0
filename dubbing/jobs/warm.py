"""Engines that stay loaded between the jobs of one worker, so that a line does not wait for a model."""

from __future__ import annotations

from dubbing.memory import budget_mb
from dubbing.pipeline.engine_room import EngineRoom


class WarmRoom(EngineRoom):
    """Keeps the engines that were let in, as far as the memory budget goes, until ``cool``."""

    def clear(self) -> None:
        """Nothing: the next line is at hand."""

    def cool(self) -> None:
        """Release everything, before work that needs the memory."""
        super().clear()


ROOM = WarmRoom(budget_mb)
