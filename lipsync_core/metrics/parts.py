"""Parts of a clip as clips of their own: tracks of a part, tracks put back in place, planes written as a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.plan import Plates
from lipsync_core.face.types import FaceAnalysis
from lipsync_core.native_log import mute_ffmpeg

Floats = npt.NDArray[np.float64]


def first_part(analysis: FaceAnalysis, stop: int) -> FaceAnalysis:
    """The analysis of the first ``stop`` frames alone; track ids stay."""
    tracks = []
    for track in analysis.tracks:
        keep = track.frames < stop
        if keep.any():
            fields = ("frames", "points", "presence", "pose", "mouth_visibility", "sharpness")
            tracks.append(replace(track, **{f: getattr(track, f)[keep] for f in fields}))
    shots = analysis.shots[analysis.shots[:, 0] < stop].copy()
    shots[-1, 1] = min(int(shots[-1, 1]), stop)
    return FaceAnalysis(analysis.height, analysis.width, analysis.times_ms[:stop], shots, tuple(tracks))


def moved(analysis: FaceAnalysis, by: int) -> FaceAnalysis:
    """The analysis with its frames counted ``by`` higher."""
    tracks = tuple(replace(t, frames=t.frames + np.int32(by)) for t in analysis.tracks)
    times = np.concatenate([np.full(by, -1.0), analysis.times_ms])
    return replace(analysis, times_ms=times, tracks=tracks)


def points_near(fresh: FaceAnalysis, plates: Plates) -> dict[int, Floats]:
    """Frame -> points of the fresh face that is the plates' own."""
    best: dict[int, tuple[float, Floats]] = {}
    row = {int(f): i for i, f in enumerate(plates.frames)}
    for track in fresh.tracks:
        for i, frame in enumerate(track.frames):
            if int(frame) in row:
                plate, points = plates.points[row[int(frame)]], track.points[i, :, :2].astype(np.float64)
                gap = float(np.linalg.norm(points[shape.NOSE_BRIDGE] - plate[shape.NOSE_BRIDGE]))
                near = gap < 0.5 * float(np.linalg.norm(plate[shape.EYES[1]] - plate[shape.EYES[0]]))
                if near and gap < best.get(int(frame), (np.inf, points))[0]:
                    best[int(frame)] = (gap, points)
    return {frame: points for frame, (_, points) in best.items()}


def write_planes(path: Path, pictures: Iterable[tuple[npt.NDArray[np.uint8], ...]], rate: float) -> None:
    """4:2:0 planes as H.264, as finely as a final file would be."""
    import av

    mute_ffmpeg()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001),
                                      options={"preset": "superfast", "crf": "15"})
        stream.pix_fmt = "yuv420p"
        for number, planes in enumerate(pictures):
            height, width = (n // 2 * 2 for n in planes[0].shape)
            if number == 0:
                stream.height, stream.width = height, width
            parts = [planes[0][:height, :width], *(p[:height // 2, :width // 2] for p in planes[1:])]
            stacked = np.concatenate([np.ascontiguousarray(p).reshape(-1) for p in parts])
            frame = av.VideoFrame.from_ndarray(stacked.reshape(height * 3 // 2, width), format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
