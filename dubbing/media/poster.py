"""Pictures for people as JPEG: a video's poster, a face."""

from __future__ import annotations

from pathlib import Path

from dubbing.media.atomic import replacing
from dubbing.media.frames import Rgb, frame_at

QUALITY = 85


def write_jpeg(video: Path, out: Path, time_ms: float, longest_side: int) -> None:
    """Write the picture that is shown at ``time_ms``. Raises MediaError, StorageError."""
    save_jpeg(frame_at(video, time_ms, longest_side), out)


def save_jpeg(picture: Rgb, out: Path) -> None:
    """Write uint8 [height, width, 3] to the file ``out``, whole or not at all."""
    from PIL import Image

    with replacing(out) as temporary:
        Image.fromarray(picture).save(temporary, "JPEG", quality=QUALITY)
