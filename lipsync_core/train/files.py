"""Small files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write beside ``path``, then move: a reader sees the old file or the new one. Text becomes UTF-8; folders above
    are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(beside, path)


def write_picture(path: Path, picture: npt.NDArray[np.uint8] | npt.NDArray[Any], kind: str = "") -> None:
    """[H, W, 3] BGR as ``kind`` (".png", ".jpg"), else by the path's suffix. Raises ValueError when it cannot be
    packed."""
    import cv2

    done, data = cv2.imencode(kind or path.suffix, picture)
    if not done:
        raise ValueError(f"{path.name} could not be packed")
    write_atomic(path, data.tobytes())
