"""A side-by-side preview for people: the original on the left, the dub on the right, the dub's sound."""

from __future__ import annotations

from pathlib import Path

from dubbing.media.atomic import replacing

HEIGHT = 540


def side_by_side(original: Path, dubbed: Path, out: Path) -> Path:
    """Write an MP4 of both pictures at 540 lines each; a preview only: frame rate and colours are moviepy's."""
    from moviepy import VideoFileClip, clips_array

    with replacing(out) as temporary, VideoFileClip(str(original), audio=False) as left, \
            VideoFileClip(str(dubbed)) as right:
        both = clips_array([[clip.resized(height=HEIGHT) for clip in (left, right)]]).with_audio(right.audio)
        both = both.with_duration(min(left.duration, right.duration))
        both.write_videofile(str(temporary), fps=left.fps, codec="libx264", audio_codec="aac", preset="veryfast",
                             temp_audiofile_path=str(temporary.parent), logger=None)
    return Path(out).resolve()
