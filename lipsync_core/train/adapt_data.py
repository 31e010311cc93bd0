"""What one video gives to adapt a generator to its speaker: frames with their own sound, and a part that is kept apart.

The frames are those that the atlas may learn from: the speaker's own tracks, mouth in view, while the speaker is heard.
The last of them are held out. Neither pictures nor sound of that part are trained on, and what is learnt ends some
frames before it, so that no window reaches over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.model import usable
from lipsync_core.engine import Span
from lipsync_core.face.mesh import lip_opening
from lipsync_core.face.types import FaceAnalysis, FaceTrack
from lipsync_core.face.video import VideoSource
from lipsync_core.metrics.parts import first_part
from lipsync_core.neural.box import face_boxes
from lipsync_core.neural.composite import colour_face, see
from lipsync_core.speech.timeline import TimedSymbol
from lipsync_core.speech.visemes import is_pause
from lipsync_core.train.data.extract import lips_in_crop
from lipsync_core.train.data.shards import pack, write_index, write_shard
from lipsync_core.train.types import FPS, RATE, SAMPLES_PER_FRAME, Clip, ClipInfo

#: Seconds of the speaker's speech on camera: the least that is worth a try, and the most that is looked at.
LEAST_S, MOST_S = 4.0, 75.0
#: Of these the last are held out: a share, at most so many seconds.
HELD_OUT, MOST_HELD_S = 0.36, 8.0
#: Between what is learnt and what is held out: longer than half a window of sound.
GAP_MS = 320.0
#: A mouth belongs to speech this long before and after its sounds.
_AROUND_MS = 240.0
#: Frames of a clip that are too few for a window and a reference.
_SHORTEST = 11
_HALF_A_TICK_MS = 500 / FPS

Floats = npt.NDArray[np.float64]


class AdaptError(ValueError):
    """A video cannot be adapted to; the message says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Parts:
    """How a video is divided. Frame numbers count the video's own frames.

    tracks: of the speaker. good: [N], frames whose mouth is in view while the speaker is heard, in order. learn_stop:
    what is learnt lies before it; held_start, held_stop: what is compared lies from the one up to the other.
    seconds: of ``good``.
    """

    tracks: tuple[FaceTrack, ...]
    good: npt.NDArray[np.int64]
    learn_stop: int
    held_start: int
    held_stop: int
    seconds: float

    @property
    def learnt(self) -> npt.NDArray[np.int64]:
        return self.good[self.good < self.learn_stop]

    @property
    def held(self) -> npt.NDArray[np.int64]:
        return self.good[(self.good >= self.held_start) & (self.good < self.held_stop)]


def divide(analysis: FaceAnalysis, tracks: Sequence[FaceTrack], spans: Sequence[Span],
           phones: Sequence[TimedSymbol]) -> Parts:
    """Which frames are learnt, and which are held out.

    tracks: of the speaker. spans: where the speaker is heard, in ms of the video; everywhere when there are none.
    phones: what is heard, in ms of the video; pauses are no speech. Raises AdaptError when there is too little.
    """
    step_ms = float(np.median(np.diff(analysis.times_ms))) if analysis.frame_count > 1 else 40.0
    spoken = _covered(analysis.times_ms, [(s.start_ms, s.end_ms) for s in spans]) if spans else np.ones(
        analysis.frame_count, bool)
    spoken &= _covered(analysis.times_ms, [(p.start_ms - _AROUND_MS, p.end_ms + _AROUND_MS) for p in phones
                                           if not is_pause(p.symbol)])
    seen = np.zeros(analysis.frame_count, bool)
    for track in tracks:
        seen[track.frames[usable(track) & _inside(track, analysis.height, analysis.width)]] = True
    good = np.flatnonzero(seen & spoken)
    seconds = len(good) * step_ms / 1000
    if seconds < LEAST_S:
        raise AdaptError(f"The speaker is seen speaking for {seconds:.1f} s, and adapting takes {LEAST_S:.0f} s")
    good = good[:int(MOST_S * 1000 / step_ms)]
    held = min(int(HELD_OUT * len(good)), int(MOST_HELD_S * 1000 / step_ms))
    held_start = int(good[-held])
    learn_stop = int(np.searchsorted(analysis.times_ms, analysis.times_ms[held_start] - GAP_MS))
    return Parts(tuple(tracks), good, learn_stop, held_start, int(good[-1]) + 1, seconds)


def learnt_part(analysis: FaceAnalysis, parts: Parts) -> FaceAnalysis:
    """The speaker's tracks alone, up to where learning stops."""
    return first_part(replace(analysis, tracks=parts.tracks), parts.learn_stop)


def write_material(video: Path, analysis: FaceAnalysis, parts: Parts, sound: npt.NDArray[np.float32], offset_ms: float,
                   size: int, folder: Path) -> int:
    """Cut the learnt frames as clips of 25 frames a second into ``folder``, as shards of ``size``; returns how many.

    sound: of the video, mono at 16 kHz. offset_ms: by how much the video's picture is late against it.
    Raises AdaptError when nothing is left.
    """
    clips = [clip for number, run in enumerate(_runs(analysis, parts))
             if (clip := _clip(video, analysis, run, sound, offset_ms, size, number)) is not None]
    if not clips:
        raise AdaptError("The speaker is never seen speaking for half a second on end")
    folder.mkdir(parents=True, exist_ok=True)
    frames = sum(clip.info.frames for clip in clips)
    write_shard(folder, "00000", [pack({size: clip}) for clip in clips])
    write_index(folder, [size], [{"name": "00000", "split": "train", "clips": len(clips), "frames": frames}])
    return frames


def _runs(analysis: FaceAnalysis, parts: Parts) -> list[tuple[FaceTrack, npt.NDArray[np.int64]]]:
    """(track, rows of it) of learnt frames that follow one another."""
    wanted = np.zeros(analysis.frame_count, bool)
    wanted[parts.learnt] = True
    runs = []
    for track in parts.tracks:
        rows = np.flatnonzero(wanted[track.frames] & usable(track))
        for run in np.split(rows, np.flatnonzero(np.diff(track.frames[rows]) != 1) + 1):
            if len(run):
                # A frame belongs to one face of the speaker alone.
                wanted[track.frames[run]] = False
                runs.append((track, run))
    return runs


def _clip(video: Path, analysis: FaceAnalysis, run: tuple[FaceTrack, npt.NDArray[np.int64]],
          sound: npt.NDArray[np.float32], offset_ms: float, size: int, number: int) -> Clip | None:
    """The pictures nearest to the ticks of a clock of 25 a second; None where they are too few."""
    from lipsync_core.models import mel

    track, rows = run
    times = analysis.times_ms[track.frames[rows]]
    ticks = np.arange(times[0], times[-1] + _HALF_A_TICK_MS, 1000 / FPS)
    if len(ticks) < _SHORTEST:
        return None
    nearest = rows[np.abs(times[None] - ticks[:, None]).argmin(1)]
    boxes = face_boxes(track)
    wanted = {int(track.frames[row]): int(row) for row in nearest}
    pictures: dict[int, npt.NDArray[np.uint8]] = {}
    for picture in VideoSource(video).frames(min(wanted), max(wanted) + 1):
        row = wanted.get(picture.number)
        seen = None if row is None else see(picture, boxes.crop_matrix(row, size),
                                            track.points[row, :, :2].astype(np.float64), 1.0, size)
        if row is None or seen is None:
            continue
        pictures[row] = np.round(colour_face(seen).transpose(1, 2, 0) * 255).astype(np.uint8)
    if any(int(row) not in pictures for row in nearest):
        return None
    first = round((times[0] - offset_ms) * RATE / 1000)
    own = _piece(sound, first, len(ticks) * SAMPLES_PER_FRAME)
    points = track.points[nearest][..., :2].astype(np.float64)
    height_px = float(np.median(np.linalg.norm(boxes.corners[rows, 3] - boxes.corners[rows, 0], axis=1)))
    info = ClipInfo(f"{number:04d}", "speaker", Path(video).name, "train", len(ticks), 0, float("nan"), height_px)
    return Clip(info, np.stack([pictures[int(row)] for row in nearest]), own, mel.log_mel(own).numpy(),
                lips_in_crop(points, boxes.matrices[nearest]), lip_opening(points).astype(np.float32),
                track.pose[nearest].astype(np.float32), np.ones(len(ticks), bool))


def _piece(sound: npt.NDArray[np.float32], first: int, length: int) -> npt.NDArray[np.float32]:
    """``length`` samples from ``first``, which may be negative; silence beyond either end."""
    out = np.zeros(length, np.float32)
    low, high = max(first, 0), min(first + length, len(sound))
    if high > low:
        out[low - first:high - first] = sound[low:high]
    return out


def _covered(times_ms: Floats, spans: Sequence[tuple[float, float]]) -> npt.NDArray[np.bool_]:
    inside = np.zeros(len(times_ms), bool)
    for start, end in spans:
        low, high = np.searchsorted(times_ms, [start, end])
        inside[low:high] = True
    return inside


def _inside(track: FaceTrack, height: int, width: int) -> npt.NDArray[np.bool_]:
    lips = track.points[:, shape.OUTER_LIPS, :2]
    return (lips.min((1, 2)) > 1) & (lips[..., 0].max(1) < width - 2) & (lips[..., 1].max(1) < height - 2)
