"""Curves and pictures for TensorBoard, where it is installed (the extra ``train``); silence where it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


class Board:
    """Event files in ``folder``; without TensorBoard every call does nothing, and ``say`` is told once how to get it.

    Entries beyond ``step`` of an earlier, killed process are hidden by TensorBoard itself.
    """

    def __init__(self, folder: Path, step: int = 0, say: Callable[[str], None] = print) -> None:
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            say("No curves are drawn: TensorBoard is not installed (pip install tensorboard)")
            return
        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def scalars(self, step: int, group: str, values: Mapping[str, float]) -> None:
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f"{group}/{name}", value, step)

    def pictures(self, step: int, pictures: Mapping[str, npt.NDArray[np.uint8]]) -> None:
        """pictures: by name, uint8 [height, width, 3], BGR."""
        if self._writer is not None:
            for name, picture in pictures.items():
                self._writer.add_image(name, np.ascontiguousarray(picture[..., ::-1]), step, dataformats="HWC")

    def text(self, name: str, text: str) -> None:
        if self._writer is not None:
            self._writer.add_text(name, text)

    def flush(self) -> None:
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
