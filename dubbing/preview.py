"""A side-by-side preview for people: the original on the left, the dub on the right, the dub's sound."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dubbing.media.atomic import replacing

HEIGHT = 540

Report = Callable[[float, float, str], None]


def side_by_side(original: Path, dubbed: Path, out: Path, report: Report | None = None) -> Path:
    """Write an MP4 of both pictures at 540 lines each; a preview only: frame rate and colours are moviepy's."""
    from moviepy import VideoFileClip, clips_array

    # FFmpeg makes the pictures small as it decodes them, which is many times faster than to do it here.
    small = {"target_resolution": (None, HEIGHT)}
    with replacing(out) as temporary, VideoFileClip(str(original), audio=False, **small) as left, \
            VideoFileClip(str(dubbed), **small) as right:
        both = clips_array([[left, right]]).with_audio(right.audio)
        both = both.with_duration(min(left.duration, right.duration))
        both.write_videofile(str(temporary), fps=left.fps, codec="libx264", audio_codec="aac", preset="veryfast",
                             temp_audiofile_path=str(temporary.parent), logger=_logger(report))
    return Path(out).resolve()


def _logger(report: Report | None) -> Any:
    """What moviepy tells its progress; a ``report`` that raises stops the work."""
    if report is None:
        return None
    from proglog import ProgressBarLogger

    class Told(ProgressBarLogger):
        def bars_callback(self, bar: str, attr: str, value: float, old_value: float | None = None) -> None:
            if bar == "frame_index" and attr == "index":
                report(value, self.bars[bar].get("total") or value, "")

    return Told()
