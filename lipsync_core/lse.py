"""LSE-D and LSE-C: what SyncNet v2 thinks of a video's lips and sound.

Chung and Zisserman 2016 for the network, Prajwal et al. 2020 for the two figures. The procedure is that of
syncnet_python: faces cropped to 224 x 224, 25 frames a second, the distance between every window of five frames and the
sound up to 15 frames away, averaged over the clip: LSE-D is the least of the 31 averages, LSE-C the median less the
least. Differences: the crop comes from our tracker and straight from the decoded picture, not through two more lossy
files, so compare only figures that this module made.

Read the figures with care. An offset of up to 600 ms costs nothing in LSE-D, so the offset and the distance at offset
0 stand beside it. Most generators were trained against such a network and beat real video by it. It was trained on
English television; clips under four seconds, profiles, music and silence give arbitrary figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lipsync_core.face.mesh import FACE_OVAL
from lipsync_core.face.types import FaceAnalysis, FaceTrack
from lipsync_core.face.video import Picture, VideoSource
from lipsync_core.models.mfcc import RATE, mfcc, windows

if TYPE_CHECKING:
    from lipsync_core.models.syncnet import SyncNet

FRAMES_PER_SECOND = 25
SEARCH_FRAMES = 15
#: The original takes no track that is shorter; ours are scored and said to be short.
ENOUGH_FRAMES = 100
_WINDOW, _FACE = 5, 224
_CROP_SCALE, _BORDER = 0.4, 110
_CHUNK = 20
_SAMPLES_PER_FRAME = RATE // FRAMES_PER_SECOND

Frame = npt.NDArray[np.uint8]
Curve = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LipSyncError:
    """What SyncNet says of one stretch of a face with its sound.

    distance: LSE-D, lower is better. confidence: LSE-C, higher is better. offset_frames: at 25 a second, where the
    distance is least, with the original's sign: above 0 the sound comes before its lips. distance_at_zero: the distance
    without any shift. curve: [31] mean distances of the lips to the sound 15 frames before to 15 frames after. windows:
    how many windows were averaged. is_short: fewer frames than the original demands.
    """

    distance: float
    confidence: float
    offset_frames: int
    distance_at_zero: float
    curve: Curve
    windows: int
    is_short: bool

    def to_json(self) -> dict[str, Any]:
        return {"lse_d": round(self.distance, 4), "lse_c": round(self.confidence, 4),
                "offset_frames": self.offset_frames, "distance_at_zero": round(self.distance_at_zero, 4),
                "windows": self.windows, "is_short": self.is_short}


def score_track(video: Path, analysis: FaceAnalysis, track: FaceTrack, sound: npt.NDArray[np.float32],
                network: SyncNet) -> LipSyncError | None:
    """Score the longest stretch in which ``track`` has a face; None when it is under half a second.

    sound: mono at 16 kHz, sample 0 at time 0 of the video (``lipsync_core.speech.sound.read_mono``).
    """
    ticks = _ticks(analysis, track)
    if len(ticks) <= 12:
        return None
    first = ticks[0][0]
    heard = sound[first * _SAMPLES_PER_FRAME:(ticks[-1][0] + 1) * _SAMPLES_PER_FRAME]
    return score_faces(_crops(video, track, [frame for _, frame in ticks]), len(ticks), heard, network)


def score_video(video: Path, analysis: FaceAnalysis, network: SyncNet,
                tracks: Sequence[FaceTrack] | None = None) -> list[tuple[int, LipSyncError]]:
    """(track id, score) of every face that is long enough; ``tracks`` chooses, all of them otherwise."""
    from lipsync_core.speech.sound import read_mono

    sound = read_mono(video)
    chosen = analysis.tracks if tracks is None else tracks
    scores = ((track.id, score_track(video, analysis, track, sound, network)) for track in chosen)
    return [(id_, score) for id_, score in scores if score is not None]


def score_faces(faces: Iterator[Frame], count: int, sound: npt.NDArray[np.float32],
                network: SyncNet) -> LipSyncError | None:
    """Score ``count`` face crops, uint8 BGR [224, 224, 3] at 25 a second, with their sound (mono, 16 kHz).

    None when picture or sound are too short for a single window.
    """
    import torch

    usable = min(count, len(sound) // _SAMPLES_PER_FRAME) - _WINDOW
    if usable < 1:
        return None
    device = next(network.parameters()).device
    with torch.inference_mode():
        lips = np.concatenate([network.lip_sequence(torch.from_numpy(chunk).to(device)).cpu().numpy()
                               for chunk in _chunks(faces)])[:usable]
        heard = torch.from_numpy(windows(mfcc(sound), usable)).to(device)
        voices = np.concatenate([network.audio(part).cpu().numpy() for part in heard.split(64)])
    return judged(lips, voices, count)


def judged(lips: npt.NDArray[np.float32], voices: npt.NDArray[np.float32], frames: int) -> LipSyncError:
    """The figures from window embeddings [n, 1024] of lips and sound.

    Beyond the ends the sound's embedding counts as zero, as in the original; on short clips that bends the curve.
    """
    count = len(lips)
    padded = np.pad(voices.astype(np.float64), ((SEARCH_FRAMES, SEARCH_FRAMES), (0, 0)))
    curve = np.array([
        # PyTorch's pairwise distance adds 1e-6 to every difference.
        np.linalg.norm(lips - padded[shift:shift + count] + 1e-6, axis=1).mean()
        for shift in range(2 * SEARCH_FRAMES + 1)
    ])
    best = int(curve.argmin())
    return LipSyncError(float(curve[best]), float(np.median(curve) - curve[best]), SEARCH_FRAMES - best,
                        float(curve[SEARCH_FRAMES]), curve, count, frames < ENOUGH_FRAMES)


def face_boxes(track: FaceTrack) -> npt.NDArray[np.float64]:
    """[T, 3] centre x, y and half side of each face, smoothed by a median over 13 frames as in the original."""
    from scipy.ndimage import median_filter

    outline = track.points[:, list(FACE_OVAL), :2].astype(np.float64)
    low, high = outline.min(1), outline.max(1)
    raw = np.column_stack([(low + high) / 2, (high - low).max(1) / 2])
    return np.asarray(median_filter(raw, size=(13, 1), mode="nearest"), np.float64)


def crop(picture: Picture, x: float, y: float, half: float) -> Frame:
    """The original's view of a face, uint8 BGR [224, 224, 3]: wider than the box by 40 % and lower by 80 % of ``half``.

    Outside the picture everything is grey (110).
    """
    wide = half * (1 + _CROP_SCALE)
    top, left = y - half, x - wide
    scale = _FACE / (2 * wide)
    matrix = np.array([[scale, 0, -left * scale - 0.5], [0, scale, -top * scale - 0.5]])
    matrix[:, 2] += 0.5 * scale
    seen = picture.warp_rgb(matrix, _FACE, _FACE)[..., ::-1].copy()
    columns, rows = np.arange(_FACE) / scale + left, np.arange(_FACE) / scale + top
    seen[(rows < -0.5) | (rows > picture.height - 0.5)] = _BORDER
    seen[:, (columns < -0.5) | (columns > picture.width - 0.5)] = _BORDER
    return seen


def _ticks(analysis: FaceAnalysis, track: FaceTrack) -> list[tuple[int, int]]:
    """(tick of 40 ms, frame shown then) over the longest stretch in which the track misses no frame."""
    runs = np.split(track.frames, np.flatnonzero(np.diff(track.frames) != 1) + 1)
    run = max(runs, key=len)
    times = analysis.times_ms[run]
    first, last = int(np.ceil(times[0] / 40 - 0.5)), int(np.floor(times[-1] / 40 + 0.5))
    nearest = np.abs(times[None] - 40.0 * np.arange(max(first, 0), last + 1)[:, None]).argmin(1)
    return [(tick, int(run[i])) for tick, i in zip(range(max(first, 0), last + 1), nearest, strict=True)]


def _crops(video: Path, track: FaceTrack, frames: list[int]) -> Iterator[Frame]:
    """The crop of each of ``frames`` (increasing; a frame may come several times)."""
    boxes = face_boxes(track)
    waiting = iter(frames)
    wanted = next(waiting, None)
    for picture in VideoSource(video).frames(frames[0], frames[-1] + 1):
        if wanted is None or picture.number != wanted:
            continue
        seen = crop(picture, *boxes[int(np.searchsorted(track.frames, wanted))])
        while wanted == picture.number:
            yield seen
            wanted = next(waiting, None)


def _chunks(faces: Iterator[Frame]) -> Iterator[npt.NDArray[np.float32]]:
    """float32 [3, T, 224, 224] stretches that overlap by four frames, so that every window of five is in one."""
    held: list[Frame] = []
    for face in faces:
        held.append(face)
        if len(held) == _CHUNK:
            yield np.stack(held).transpose(3, 0, 1, 2).astype(np.float32)
            held = held[1 - _WINDOW:]
    if len(held) >= _WINDOW:
        yield np.stack(held).transpose(3, 0, 1, 2).astype(np.float32)
