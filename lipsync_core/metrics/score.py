"""Does the mouth say what is heard? Measured on the finished file by a face track run afresh on it.

No downloaded judge takes part. What is wanted comes from the take's phonemes, what is there from the mesh;
both are compared over the frames in which the speaker's mouth is in view.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.model import Range, measure_range
from lipsync_core.face.types import FaceAnalysis, FaceTrack
from lipsync_core.face.video import VideoSource
from lipsync_core.speech.articulation import Articulation, articulate, closure_centres_ms

if TYPE_CHECKING:
    from lipsync_core.engine import Line

TOUCHING = 0.15
_CLOSURE_REACH_MS = 40.0
_PAUSE_MS = 200.0
_MOVING = 0.08
_LAGS_MS = np.arange(-160.0, 161.0, 5.0)

Floats = npt.NDArray[np.float64]


def score(original: Path, dubbed: Path, source: FaceAnalysis, fresh: FaceAnalysis,
          lines: Sequence[tuple[Line, Iterable[int]]]) -> dict[str, float | int]:
    """Lip-sync quality of ``dubbed`` against ``original``.

    source, fresh: face tracks of the original and, run anew, of the dubbed file (same frame count). lines: each
    line with the ids of its speaker's tracks in ``source``. Keys that cannot be measured (no closure in the text,
    no pause) are left out: closure_hits, opening_r, opening_lag_ms, silence_leak, sharpness_ratio, jitter_ratio,
    outside_psnr_db, frames.
    """
    hits: list[bool] = []
    wanted, leaks, sharp, shake = [], [], [], []
    source_shake: list[float] = []
    frames = 0
    for line, ids in lines:
        own = [t for t in source.tracks if t.id in set(ids)]
        seen = _follow(source, fresh, own, line)
        if seen is None:
            continue
        numbers, before, after, sharpness = seen
        model = shape.fit_shape(np.concatenate([t.points[:, :, :2] for t in own]).astype(np.float64))
        shapes = [model.normalise(t.points[:, :, :2].astype(np.float64))[0] for t in own]
        everything = np.concatenate([shape.features(s) for s in shapes])
        range_ = measure_range(everything)
        times = source.times_ms[numbers] - line.start_ms
        aim = articulate(line.phonemes, times, sound=line.sound, sample_rate=line.sample_rate)
        normalised = model.normalise(after)[0]
        opening = relative_opening(shape.features(normalised)[:, shape.OPENING], range_)
        hits += closure_hits(closure_centres_ms(line.phonemes, line.sound, line.sample_rate), times, opening)
        wanted.append((line, times, opening))
        leaks.append(silence_leak(aim, opening))
        sharp.append(sharpness / expected_sharpness(opening, relative_opening(everything[:, shape.OPENING], range_),
                                                    np.concatenate([t.sharpness for t in own])))
        shake.append(jitter(normalised, numbers))
        source_shake.append(jitter(model.normalise(before)[0], numbers))
        frames += len(numbers)
    out: dict[str, float | int] = {"frames": frames}
    if hits:
        out["closure_hits"] = float(np.mean(hits))
        out["closures"] = len(hits)
    if wanted:
        r, lag = correlation_and_lag(wanted)
        if np.isfinite(r):
            out |= {"opening_r": r, "opening_lag_ms": lag}
        out["sharpness_ratio"] = float(np.median(np.concatenate(sharp)))
        if np.nanmean(source_shake) > 0:
            out["jitter_ratio"] = float(np.nanmean(shake) / np.nanmean(source_shake))
    paused = [leak for leak in leaks if leak[1]]
    if paused:
        out["silence_leak"] = float(sum(m for m, _ in paused) / sum(n for _, n in paused))
    psnr = outside_psnr(original, dubbed, source)
    if psnr is not None:
        out["outside_psnr_db"] = psnr
    return out


def relative_opening(opening: Floats, range_: Range) -> Floats:
    """Lip distance as a share of the speaker's range: 0 closed, 1 wide."""
    return (opening - range_.closed) / (range_.wide - range_.closed)


def closure_hits(centres_ms: Floats, times_ms: Floats, opening: Floats) -> list[bool]:
    """For each closure that falls on seen frames: do the lips touch within 40 ms of it?"""
    hits = []
    for centre in centres_ms:
        near = np.abs(times_ms - centre) <= _CLOSURE_REACH_MS
        if near.any():
            hits.append(bool(opening[near].min() < TOUCHING))
    return hits


def silence_leak(aim: Articulation, opening: Floats) -> tuple[int, int]:
    """(frames in which the mouth moves or is open, frames) over pauses longer than 200 ms."""
    moved = total = 0
    silent = np.flatnonzero(aim.speech < 0.02)
    for run in np.split(silent, np.flatnonzero(np.diff(silent) > 1) + 1):
        if len(run) < 2 or aim.times_ms[run[-1]] - aim.times_ms[run[0]] < _PAUSE_MS:
            continue
        steps = np.abs(np.diff(opening[run])) > _MOVING
        moved += int((steps | (opening[run][1:] > 0.25)).sum())
        total += len(run) - 1
    return moved, total


def correlation_and_lag(lines: Sequence[tuple[Line, Floats, Floats]]) -> tuple[float, float]:
    """Best correlation of wanted and measured opening over lags of up to 160 ms, and that lag (ms, > 0: late)."""
    scores = []
    for lag in _LAGS_MS:
        aims, seen = [], []
        for line, times, opening in lines:
            aim = articulate(line.phonemes, times - lag, sound=line.sound, sample_rate=line.sample_rate)
            aims.append(aim.opening)
            seen.append(opening)
        a, b = np.concatenate(aims), np.concatenate(seen)
        scores.append(np.corrcoef(a, b)[0, 1] if len(a) > 8 and a.std() > 0 and b.std() > 0 else np.nan)
    if not np.isfinite(scores).any():
        return float("nan"), 0.0
    best = int(np.nanargmax(scores))
    return float(scores[best]), float(_LAGS_MS[best])


def expected_sharpness(opening: Floats, source_opening: Floats, source_sharpness: npt.NDArray[np.floating]) -> Floats:
    """The source's own sharpness at each opening (median of the 9 frames nearest to it): teeth are sharp, lips are
    not, so mouths are compared with the speaker's equally open ones."""
    nearest = np.argsort(np.abs(opening[:, None] - source_opening[None]), axis=1, kind="stable")[:, :9]
    return np.maximum(np.median(source_sharpness[nearest], axis=1), 1e-6)


def jitter(normalised: Floats, frames: npt.NDArray[np.int32]) -> float:
    """RMS second difference of the lips' points [T, 468, 2] over consecutive frames; NaN when there are none."""
    steady = np.flatnonzero((np.diff(frames, 2) == 0) & (np.diff(frames)[1:] == 1))
    if not len(steady):
        return float("nan")
    lips = normalised[:, shape.LIPS]
    second = lips[steady] - 2 * lips[steady + 1] + lips[steady + 2]
    return float(np.sqrt((second**2).mean()))


def outside_psnr(original: Path, dubbed: Path, source: FaceAnalysis) -> float | None:
    """Luma PSNR (dB) outside every face of the frames with a face; None without faces.

    Of a long video a sample is compared."""
    boxes: dict[int, list[tuple[int, int, int, int]]] = {}
    for track in source.tracks:
        for frame, points in zip(track.frames, track.points[:, :, :2], strict=True):
            low, high = points.min(0), points.max(0)
            margin = 0.25 * (high - low)
            left, top = np.maximum(low - margin, 0).astype(int)
            right, bottom = (high + margin).astype(int)
            boxes.setdefault(int(frame), []).append((int(top), int(bottom), int(left), int(right)))
    error = pixels = 0.0
    before, after = VideoSource(original), VideoSource(dubbed)
    for start, stop in sampled_spans(source.frame_count):
        for a, b in zip(before.frames(start, stop), after.frames(start, stop), strict=False):
            if a.number not in boxes or a.y.shape != b.y.shape:
                continue
            keep = np.ones(a.y.shape, np.uint8)
            for top, bottom, left, right in boxes[a.number]:
                keep[top:bottom, left:right] = 0
            error += cv2.norm(np.ascontiguousarray(a.y), np.ascontiguousarray(b.y), cv2.NORM_L2SQR, keep)
            pixels += int(keep.sum())
    if not pixels:
        return None
    return float(min(10 * np.log10(255.0**2 / max(error / pixels, 1e-10)), 100.0))


def sampled_spans(frames: int, spans: int = 6, length: int = 25) -> list[tuple[int, int]]:
    """All frames of a short video, else a few stretches spread over it: decoding is what costs."""
    if frames <= 2 * spans * length:
        return [(0, frames)]
    starts = np.linspace(0, frames - length, spans).astype(int)
    return [(int(start), int(start) + length) for start in starts]


def _follow(source: FaceAnalysis, fresh: FaceAnalysis, tracks: Sequence[FaceTrack],
            line: Line) -> tuple[npt.NDArray[np.int32], Floats, Floats, Floats] | None:
    """Frames of the line in which the speaker is seen in both files: numbers, points before and after [T, 468, 2],
    and the dubbed mouth's sharpness [T]."""
    rows: list[tuple[int, np.ndarray, np.ndarray, float]] = []
    for track in tracks:
        usable = (track.mouth_visibility >= 0.5) & (track.presence >= 0.5)
        for i in np.flatnonzero(usable):
            frame = int(track.frames[i])
            if not line.cover_start_ms <= source.times_ms[frame] < line.cover_end_ms:
                continue
            found = _nearest(fresh, frame, track.points[i, :, :2])
            if found is not None:
                points, sharpness = found
                rows.append((frame, track.points[i, :, :2], points, sharpness))
    if not rows:
        return None
    rows.sort(key=lambda row: row[0])
    numbers, before, after, sharpness = zip(*rows, strict=True)
    return (np.array(numbers, np.int32), np.array(before, np.float64), np.array(after, np.float64),
            np.array(sharpness, np.float64))


def _nearest(fresh: FaceAnalysis, frame: int, points: np.ndarray) -> tuple[np.ndarray, float] | None:
    """The fresh face whose nose is nearest to the original's, if it is the same face at all."""
    scale = float(np.linalg.norm(points[shape.EYES[1]] - points[shape.EYES[0]]))
    best: tuple[float, np.ndarray, float] | None = None
    for track in fresh.tracks:
        i = int(np.searchsorted(track.frames, frame))
        if i >= len(track.frames) or track.frames[i] != frame:
            continue
        distance = float(np.linalg.norm(track.points[i, shape.NOSE_BRIDGE, :2] - points[shape.NOSE_BRIDGE]))
        if distance < 0.5 * scale and (best is None or distance < best[0]):
            best = (distance, track.points[i, :, :2], float(track.sharpness[i]))
    return None if best is None else best[1:]
