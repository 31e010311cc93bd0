"""Clips made of other clips, and the face networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from lipsync_core.face.models import FaceModels
from lipsync_core.face.video import VideoSource

Write = Callable[[str, Iterable[np.ndarray]], Path]


@pytest.fixture(scope="session")
def models() -> FaceModels:
    from dubbing.errors import DubbingError
    from dubbing.weights.store import Store

    try:
        return FaceModels(Store().fetch("mediapipe-face"))
    except DubbingError as error:
        pytest.skip(f"the face networks are not here: {error}")


@pytest.fixture
def write_video(tmp_path: Path) -> Write:
    """Write RGB pictures (all of one even size) as an H.264 file at 25 frames/s."""

    def write(name: str, pictures: Iterable[np.ndarray]) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "18"})
            stream.pix_fmt = "yuv420p"
            for number, picture in enumerate(pictures):
                if number == 0:
                    stream.height, stream.width = picture.shape[:2]
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
            container.mux(stream.encode(None))
        return path

    return write


def pictures(path: Path, count: int, side: int = 384, start: int = 0) -> list[np.ndarray]:
    """The first ``count`` pictures of a clip, squeezed to a square of ``side``."""
    return [cv2.resize(p.rgb(), (side, side), interpolation=cv2.INTER_AREA)
            for p in VideoSource(path).frames(start, start + count)]
