"""How fast an export is on this machine, its parts apart.

    python -m dubbing.media.measure VIDEO [--heights 720 1080 2160] [--frames 150]

VIDEO is scaled to each height in turn. For each: decoding, pasting a mouth into every frame and encoding alone; then
the whole export with every frame patched, with one line of ten changed since, and with nothing changed. Both the time
that passed and the processor's own time are given, because other programs may be running.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from dubbing.media.encoder import choose_encoder, settings_for
from dubbing.media.paste import Rectangle, paste
from dubbing.media.patches import PatchSet, PatchSets
from dubbing.media.pictures import piece_frames
from dubbing.media.probe import find_video, open_media
from dubbing.media.segments import SegmentCache, SegmentEncoder
from dubbing.media.write import DEFAULT_CRF, DEFAULT_PRESET, export_video

LINES = 10


def mouths(frames: range, height: int, salt: int = 0) -> Iterator[Rectangle]:
    """A patch for every frame, a quarter of the picture high and in its middle."""
    side = height // 4 // 4 * 4
    values = np.random.default_rng(salt).integers(90, 160, (side + 8, side + 8), np.uint8)
    for number in frames:
        y = values[number % 8 :][:side, :side]
        yield Rectangle(number, side, side, y, y[: side // 2, : side // 2], y[: side // 2, : side // 2])


def scaled(video: Path, out: Path, height: int, frames: int) -> int:
    """Write the first ``frames`` pictures at another height, key frames 10 s apart; returns how many there were."""
    with open_media(video) as source, av.open(str(out), "w") as target:
        stream = find_video(source)
        assert stream is not None
        width = round(stream.width * height / stream.height / 2) * 2
        made = target.add_stream("libx264", rate=stream.average_rate or Fraction(25),
                                 options={"preset": "veryfast", "crf": "18", "g": "250"})
        made.height, made.width, made.pix_fmt = height, width, "yuv420p"
        count = 0
        for frame in source.decode(stream):
            picture = frame.reformat(width, height, "yuv420p", interpolation="BICUBIC")
            picture.pict_type = 0
            target.mux(made.encode(picture))
            count += 1
            if count == frames:
                break
        target.mux(made.encode(None))
    return count


def timed(action: Callable[[], object], frames: int) -> str:
    """Frames a second as they passed, and the processor's milliseconds a frame."""
    wall, cpu = time.perf_counter(), _cpu_s()
    action()
    wall, cpu = time.perf_counter() - wall, _cpu_s() - cpu
    return f"{frames / wall:7.1f} frames/s {1000 * cpu / frames:7.2f} CPU ms"


def measure(video: Path, height: int, frames: int, folder: Path) -> Iterator[tuple[str, str]]:
    """(what, how fast) of every part at one height."""
    clip, out = folder / f"{height}.mp4", folder / f"{height}.out.mp4"
    count = scaled(video, clip, height, frames)
    kept: list[av.VideoFrame] = []
    yield "decode", timed(lambda: _decode(clip, kept, 40), count)
    writable = [frame.reformat(format="yuv420p") for frame in kept]
    yield "paste", timed(lambda: [paste(f, p, 0) for f, p in zip(writable, mouths(range(len(kept)), height),
                                                                  strict=True)], len(kept))
    yield "encode", timed(lambda: _encode(clip, kept), len(kept))
    cache, salts = partial(SegmentCache, folder / "segments", "all", str(height)), [0] * LINES
    yield "export, every frame patched", timed(
        lambda: export_video(clip, out, [], _lines(count, height, salts), cache=cache()), count)
    salts[LINES // 2] = 1
    yield f"export, 1 line of {LINES} changed", timed(
        lambda: export_video(clip, out, [], _lines(count, height, salts), cache=cache()), count)
    yield "export, nothing changed", timed(
        lambda: export_video(clip, out, [], _lines(count, height, salts), cache=cache()), count)
    yield "export, one line in the middle", timed(
        lambda: export_video(clip, out, [], mouths(range(count // 2, count // 2 + count // LINES), height)), count)


def _lines(count: int, height: int, salts: list[int]) -> PatchSets:
    bounds = [round(i * count / LINES) for i in range(LINES + 1)]
    return PatchSets([PatchSet(f"{start} {salt}", range(start, stop), partial(mouths, range(start, stop), height, salt))
                      for start, stop, salt in zip(bounds, bounds[1:], salts, strict=False)])


def _decode(clip: Path, kept: list[av.VideoFrame], most: int) -> None:
    with open_media(clip) as container:
        stream = find_video(container)
        assert stream is not None
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            if len(kept) < most:
                kept.append(frame)


def _encode(clip: Path, frames: list[av.VideoFrame]) -> None:
    with open_media(clip) as container:
        stream = find_video(container)
        assert stream is not None
        chosen = choose_encoder(stream, frames[0], DEFAULT_PRESET, DEFAULT_CRF)
        settings = settings_for(chosen, stream, piece_frames(stream.average_rate or Fraction(25)))
    encoder = SegmentEncoder(settings)
    for frame in frames:
        frame.pict_type = 0
        encoder.encode(frame)
    encoder.finish()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--heights", type=int, nargs="+", default=[720, 1080, 2160])
    parser.add_argument("--frames", type=int, default=150)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for height in given.heights:
            for what, speed in measure(given.video, height, given.frames, Path(folder)):
                print(f"{height:5}p  {what:32} {speed}", flush=True)


if __name__ == "__main__":
    main()
