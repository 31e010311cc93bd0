"""The CPU part: what the default lip-sync costs a frame, stage by stage, at 720p, 1080p and 2160p.

The clip is scaled to each height first, untimed. Decoding and encoding are timed alone as well, so that what is left,
the part without a codec and without a network, can be compared with its bar. "whole" is what a user waits for once a
clip's faces and mouths are known from an earlier language: decode, repaint, encode; "first" adds tracking and learning.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from lipsync_core.bench.report import Row
from lipsync_core.engine import AtlasLipSync, Line, Span
from lipsync_core.face.models import default_folder
from lipsync_core.face.video import VideoSource
from lipsync_core.native_log import mute_ffmpeg
from lipsync_core.patch import Patch, read_patches
from lipsync_core.speech.timeline import TimedPhone

HEIGHTS = (720, 1080, 2160)
SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "es_solo.mp4"
_FRAMES = 150
_SPEAKER = "speaker"


def run(options: argparse.Namespace) -> list[Row]:
    """Rows of milliseconds and frames a second for each clip and height; none where there is nothing to measure."""
    models = options.models or default_folder()
    clips = options.clip or ([SAMPLE] if SAMPLE.exists() else [])
    if models is None or not clips:
        print("No CPU figure: give the face networks' folder with --models and a clip with --clip.")
        return []
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="lipsync-bench-") as folder:
        for clip in clips:
            for height in HEIGHTS:
                work = Path(folder) / f"{clip.stem}-{height}"
                work.mkdir()
                rows += _measured(clip, height, models, work)
                shutil.rmtree(work)
    return rows


def _measured(clip: Path, height: int, models: Path, work: Path) -> list[Row]:
    scaled = work / "clip.mp4"
    count = _scale(clip, scaled, height)
    core = AtlasLipSync(models)
    folders = {name: work / name for name in ("tracks", "mouths", "patches")}
    for made in folders.values():
        made.mkdir()
    end_ms = max(picture.time_ms for picture in VideoSource(scaled).frames()) + 40.0
    line = Line(_SPEAKER, 0.0, _syllables(end_ms), 0.0, end_ms)
    seconds: dict[str, float] = {}

    def stage(name: str, call: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        done = call()
        seconds[name] = time.perf_counter() - started
        return done

    stage("decode", lambda: sum(1 for _ in VideoSource(scaled).frames()))
    stage("track", lambda: core.track(scaled, folders["tracks"]))
    stage("learn", lambda: core.model(scaled, folders["tracks"], [Span(_SPEAKER, 0, end_ms)], folders["mouths"],
                                      or_largest=True))
    # Compiled kernels and loaded networks are not what a long video waits for.
    warm = Line(_SPEAKER, 0.0, _syllables(400.0), 0.0, 400.0)
    core.render(scaled, folders["tracks"], folders["mouths"], warm, folders["patches"])
    rendered = stage("repaint", lambda: core.render(scaled, folders["tracks"], folders["mouths"], line,
                                                    folders["patches"]))
    stage("decode+encode", lambda: _encode(scaled, work / "out.mp4", {}))
    patches = {patch.frame: patch for patch in read_patches(folders["patches"])}
    stage("decode+paste+encode", lambda: _encode(scaled, work / "out.mp4", patches))
    seconds["whole"] = seconds["repaint"] + seconds["decode+paste+encode"]
    seconds["first"] = seconds["whole"] + seconds["track"] + seconds["learn"]
    seconds["repaint without decoding"] = max(seconds["repaint"] - seconds["decode"], 0.0)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    group = f"{clip.stem} at {height}p, {rendered.frames} of {count} frames repainted, peak {peak_mb} MB so far"
    return [{"group": group, "name": name, "ms_per_frame": 1000 * value / count, "frames_per_s": count / value}
            for name, value in seconds.items() if value > 0]


def _syllables(end_ms: float) -> list[TimedPhone]:
    """A timeline that opens and closes the mouth six times a second."""
    starts = np.arange(0.0, end_ms - 160.0, 160.0)
    return [TimedPhone(symbol, float(start + 80.0 * i), float(start + 80.0 * (i + 1)))
            for n, start in enumerate(starts) for i, symbol in enumerate(("mpbsd"[n % 5], "aeiou"[n % 5]))]


def _scale(clip: Path, out: Path, height: int) -> int:
    """The first seconds of ``clip`` at another height, encoded as a camera would (no B-frames); returns the frames."""
    import av

    mute_ffmpeg()
    count = 0
    with av.open(str(clip)) as source, av.open(str(out), "w") as target:
        video = source.streams.video[0]
        sound = source.streams.audio[0] if source.streams.audio else None
        width = round(video.width * height / video.height / 2) * 2
        stream = target.add_stream("libx264", rate=video.average_rate or Fraction(25))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "20", "bf": "0"}
        copied = target.add_stream_from_template(sound) if sound is not None else None
        for packet in source.demux([s for s in (video, sound) if s is not None]):
            if packet.stream is sound and packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
                continue
            for frame in packet.decode() if packet.stream is video else ():
                if count < _FRAMES:
                    scaled = frame.reformat(width, height, "yuv420p")
                    scaled.pts, scaled.time_base = frame.pts, frame.time_base
                    target.mux(stream.encode(scaled))
                    count += 1
        target.mux(stream.encode(None))
    return count


def _encode(clip: Path, out: Path, patches: dict[int, Patch]) -> None:
    """Decode, paste and encode every frame, in the planes that the codec gives."""
    import av

    with av.open(str(clip)) as source, av.open(str(out), "w") as target:
        video = source.streams.video[0]
        video.thread_type = "AUTO"
        stream = target.add_stream("libx264", rate=video.average_rate)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        stream.options = {"preset": "superfast", "crf": "15"}
        for number, frame in enumerate(source.decode(video)):
            if number in patches:
                frame.make_writable()
                _paste(frame, patches[number])
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def _paste(frame: Any, patch: Patch) -> None:
    for plane, part, half in zip(frame.planes, (patch.y, patch.u, patch.v), (1, 2, 2), strict=True):
        whole = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        top, left = patch.top // half, patch.left // half
        whole[top:top + part.shape[0], left:left + part.shape[1]] = part
