"""FFmpeg's log stays out of Python, whatever another library did to it."""

from __future__ import annotations

from pathlib import Path

import av.logging

from dubbing.media.probe import probe
from lipsync_core.face.video import VideoSource
from tests.media_factory import make


def test_opening_a_file_takes_the_log_back(tmp_path: Path) -> None:
    clip = make(tmp_path, "plain.mp4", frames=5)
    for opened in (probe, lambda path: list(VideoSource(path).frames())):
        av.logging.set_level(av.logging.ERROR)
        opened(clip)
        assert av.logging.get_level() is None
