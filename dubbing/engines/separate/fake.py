"""A separator for tests: half of the middle is speech. Deterministic and instant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from dubbing.engines.base import Sound


class FakeSeparator:
    """Calls half of what all channels share speech, and the rest music and effects; the two sum to the input."""

    id: ClassVar[str] = "fake"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "Apache-2.0"
    is_fake: ClassVar[bool] = True

    def why_unavailable(self) -> str | None:
        return None

    def load(self) -> None:
        """Nothing to load."""

    def release(self) -> None:
        """Nothing to give back."""

    def separate(self, blocks: Iterator[Sound], sample_rate: int) -> Iterator[tuple[Sound, Sound]]:
        for block in blocks:
            block = np.atleast_2d(np.asarray(block, np.float32))
            speech = np.broadcast_to(block.mean(0) * np.float32(0.5), block.shape).copy()
            yield speech, block - speech
