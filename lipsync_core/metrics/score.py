"""Does the mouth say what is heard? Measured on the finished file by a face track run afresh on it.

No downloaded judge takes part. What is wanted comes from the take's phonemes (or from the sound alone), what is there
from the mesh; both are compared over the frames in which the speaker's mouth is in view. Pictures are read once from
each file, in step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.face.types import FaceAnalysis
from lipsync_core.face.video import Picture, VideoSource
from lipsync_core.metrics import picture as pictures
from lipsync_core.metrics import speech
from lipsync_core.metrics.album import Album
from lipsync_core.metrics.identity import Likeness
from lipsync_core.metrics.judgement import TEETH, Curves, Judgement, LineJudgement
from lipsync_core.metrics.lines import JudgedLine, Task, judge_lines
from lipsync_core.patch import Patch

if TYPE_CHECKING:
    from lipsync_core.engine import Line

Floats = npt.NDArray[np.float64]
Report = Callable[[float, float, str], None]

_NO_REFERENCE = "there is no original to compare with"


def score(original: Path, dubbed: Path, source: FaceAnalysis, fresh: FaceAnalysis,
          lines: Sequence[tuple[Line, Iterable[int]]]) -> dict[str, float | int]:
    """Lip-sync quality of ``dubbed`` against ``original`` as flat figures.

    source, fresh: face tracks of the original and, run anew, of the dubbed file (same frame count). lines: each
    line with the ids of its speaker's tracks in ``source``. Keys that cannot be measured (no closure in the text,
    no pause) are left out: closure_hits, closure_teeth, opening_r, opening_lag_ms, silence_leak, sharpness_ratio,
    jitter_ratio, seam_ratio, identity_ratio, outside_psnr_db, frames, closures. Of a long video a sample of pictures
    is compared.
    """
    return measure(dubbed, fresh, [task_of(line, ids) for line, ids in lines], original, source).summary()


def task_of(line: Line, tracks: Iterable[int]) -> Task:
    """A line whose phonemes are known."""
    return Task(line.speaker, line.cover_start_ms, line.cover_end_ms, line.start_ms,
                speech.wanted_of(line.phonemes, line.sound, line.sample_rate), frozenset(tracks))


def measure(dubbed: Path, fresh: FaceAnalysis, tasks: Sequence[Task], original: Path | None = None,
            source: FaceAnalysis | None = None, *, every_picture: bool = False,
            patches: Iterable[Patch] | None = None, sound_16k: npt.NDArray[np.float32] | None = None,
            album: Album | None = None, report: Report | None = None) -> Judgement:
    """Judge ``dubbed`` by its tracks ``fresh``.

    original, source: the original file and its tracks (both or neither); track ids in ``tasks`` are those of
    ``source``, without it those of ``fresh``. every_picture: look at all pictures; otherwise at every other, of a long
    video at a sample of 150. patches: what was handed to the encoder, in frame order; checked for stray pixels.
    sound_16k: the dubbed file's sound, for the measure that needs no text. album: filled with pictures of every
    judged frame that is read.
    Raises ValueError when only one of original and source is given.
    """
    if (original is None) != (source is None):
        raise ValueError("an original file and its face tracks come together")
    judged = judge_lines(fresh, source, tasks)
    omitted: dict[str, str] = {}
    values = _speech_values(judged, omitted) | _motion_values(judged, source is not None, omitted)
    if sound_16k is not None:
        values |= _sound_values(judged, sound_16k)
    if original is None or source is None:
        omitted |= dict.fromkeys(("outside_psnr_db", "seam_ratio", "identity_ratio"), _NO_REFERENCE)
        if album is not None:
            _fill(album, judged, dubbed)
    else:
        spans = [(0, source.frame_count)] if every_picture else pictures.sampled_spans(source.frame_count)
        stride = 1 if every_picture or source.frame_count <= 150 else 2
        values |= _picture_values(judged, original, dubbed, source, spans, stride, omitted, album, report)
        if patches is not None:
            values["changed_outside"] = _stray_pixels(original, source, patches)
    values |= _teeth_values([c for j in judged for c in j.closures])
    return Judgement(values, sum(len(j.seen.frames) for j in judged), sum(len(j.closures) for j in judged),
                     tuple(_line(j) for j in judged), _curves(judged), omitted)


def _speech_values(judged: Sequence[JudgedLine], omitted: dict[str, str]) -> dict[str, float]:
    values: dict[str, float] = {}
    heard = [j for j in judged if j.task.wanted is not None]
    why = "the speaker's mouth is never in view" if not judged else "nothing says what the mouth should do"
    if not heard:
        omitted |= dict.fromkeys(("closure_hits", "opening_r", "opening_lag_ms", "silence_leak"), why)
        return values
    hits = [c.is_hit for j in heard for c in j.closures]
    if hits:
        values["closure_hits"] = float(np.mean(hits))
    else:
        omitted["closure_hits"] = "no p, b or m is said in view"
    r, lag = speech.correlation_and_lag(
        [(j.task.wanted, j.times_ms - j.task.origin_ms, j.opening) for j in heard if j.task.wanted is not None])
    if np.isfinite(r):
        values |= {"opening_r": r, "opening_lag_ms": lag}
    else:
        omitted |= dict.fromkeys(("opening_r", "opening_lag_ms"), "the mouth or its target does not move")
    looked = sum(int(j.paused.sum()) for j in heard)
    if looked:
        values["silence_leak"] = sum(int(j.leaking.sum()) for j in heard) / looked
    else:
        omitted["silence_leak"] = "no pause over 200 ms is in view"
    return values


def _motion_values(judged: Sequence[JudgedLine], has_original: bool, omitted: dict[str, str]) -> dict[str, float]:
    keys = ("sharpness_ratio", "jitter_ratio")
    if not has_original:
        omitted |= dict.fromkeys(keys, _NO_REFERENCE)
        return {}
    if not judged:
        omitted |= dict.fromkeys(keys, "the speaker's mouth is never in view")
        return {}
    values = {"sharpness_ratio": float(np.nanmedian(np.concatenate([j.sharpness for j in judged])))}
    shake = [_jitters(j) for j in judged]
    after, before = (float(np.nanmean([s[i] for s in shake])) if any(np.isfinite(s[i]) for s in shake) else 0.0
                     for i in (0, 1))
    if before > 0:
        values["jitter_ratio"] = after / before
    else:
        omitted["jitter_ratio"] = "the original's mouth does not move"
    return values


def _jitters(judged: JudgedLine) -> tuple[float, float]:
    assert judged.seen.before is not None
    before = judged.who.model.normalise(judged.seen.before)[0]
    return (pictures.jitter(judged.normalised, judged.seen.frames), pictures.jitter(before, judged.seen.frames))


def _sound_values(judged: Sequence[JudgedLine], sound_16k: npt.NDArray[np.float32]) -> dict[str, float]:
    if not judged:
        return {}
    longest = max(judged, key=lambda j: len(j.opening))
    speed = speech.mouth_speed(longest.normalised, longest.seen.frames)
    r, lag = speech.sound_correlation(longest.times_ms, speed, sound_16k)
    return {"motion_r": r, "motion_lag_ms": lag} if np.isfinite(r) else {}


def _picture_values(judged: Sequence[JudgedLine], original: Path, dubbed: Path, source: FaceAnalysis,
                    spans: Sequence[tuple[int, int]], stride: int, omitted: dict[str, str], album: Album | None,
                    report: Report | None) -> dict[str, float]:
    """One pass over both files in step: outside, and (every ``stride`` frames) seam and likeness."""
    places = _places(judged)
    faces = _faces_of(source)
    likeness = {id(j.who): Likeness(j.who) for j in judged}
    outside = pictures.Outside()
    first, second = VideoSource(original), VideoSource(dubbed)
    done, total = 0, sum(stop - start for start, stop in spans)
    for start, stop in spans:
        for a, b in zip(first.frames(start, stop), second.frames(start, stop), strict=False):
            done += 1
            if report is not None and done % 25 == 0:
                report(done, total, "Comparing the pictures")
            if a.number not in faces or a.y.shape != b.y.shape:
                continue
            outside.add(a.y, b.y, faces[a.number])
            for j, i in places.get(a.number, ()):
                _look_at_teeth(j, i, b)
                if a.number % stride:
                    continue
                assert j.seen.before is not None
                before, after = j.seen.before[i], j.seen.after[i]
                matrix = pictures.crop_matrix(before)
                lips = [p[shape.OUTER_LIPS] @ matrix[:, :2].T + matrix[:, 2] for p in (before, after)]
                j.seam[i] = pictures.seam_ratio(*(pictures.aligned(p.y, matrix) for p in (a, b)), lips)
                likeness[id(j.who)].add(a, b, before, after)
                if album is not None:
                    album.add(a, b, before)
    values: dict[str, float] = {}
    if np.isfinite(outside.psnr_db):
        values["outside_psnr_db"] = outside.psnr_db
    else:
        omitted["outside_psnr_db"] = "no face is on camera"
    seams = np.concatenate([j.seam for j in judged]) if judged else np.zeros(0)
    if np.isfinite(seams).any():
        values["seam_ratio"] = float(np.nanmedian(seams))
    else:
        omitted["seam_ratio"] = "nothing was repainted in view"
    return values | _identity(judged, likeness, omitted)


def _places(judged: Sequence[JudgedLine]) -> dict[int, list[tuple[JudgedLine, int]]]:
    """Frame number -> the lines that have a mouth in it, and which of their rows it is."""
    places: dict[int, list[tuple[JudgedLine, int]]] = {}
    for j in judged:
        for i, frame in enumerate(j.seen.frames):
            places.setdefault(int(frame), []).append((j, i))
    return places


def _fill(album: Album, judged: Sequence[JudgedLine], dubbed: Path) -> None:
    places = _places(judged)
    if not places:
        return
    for picture in VideoSource(dubbed).frames(min(places), max(places) + 1):
        for j, i in places.get(picture.number, ()):
            _look_at_teeth(j, i, picture)
            album.add(None, picture, j.seen.after[i])


def _look_at_teeth(j: JudgedLine, row: int, picture: Picture) -> None:
    """Where this row is a closure that the mesh calls shut."""
    for k, closure in enumerate(j.closures):
        if closure.row == row and closure.is_hit:
            j.closures[k] = replace(closure, teeth=pictures.teeth_showing(picture.y, j.seen.after[row]))


def _faces_of(source: FaceAnalysis) -> dict[int, list[npt.NDArray[np.float32]]]:
    faces: dict[int, list[npt.NDArray[np.float32]]] = {}
    for track in source.tracks:
        for i, frame in enumerate(track.frames):
            faces.setdefault(int(frame), []).append(track.points[i, :, :2])
    return faces


def _identity(judged: Sequence[JudgedLine], likeness: dict[int, Likeness], omitted: dict[str, str]) -> dict[str, float]:
    found = []
    for who_id, kept in likeness.items():
        compared = kept.compare()
        if compared is None:
            continue
        found.append(compared)
        at = dict(zip(compared.frames.tolist(), compared.texture.tolist(), strict=True))
        for j in judged:
            if id(j.who) == who_id:
                j.identity[:] = [at.get(int(f), np.nan) for f in j.seen.frames]
    if not found:
        omitted["identity_ratio"] = "too few mouths of the original to compare with"
        return {}
    return {"identity_ratio": float(np.average([f.ratio for f in found], weights=[len(f.frames) for f in found]))}


def _stray_pixels(original: Path, source: FaceAnalysis, patches: Iterable[Patch]) -> int:
    """Pixels outside the lower faces that the patches change, before any encoder: exactly 0 is wanted."""
    faces = _faces_of(source)
    waiting = iter(patches)
    patch = next(waiting, None)
    count = 0
    if patch is None:
        return 0
    for picture in VideoSource(original).frames(patch.frame):
        while patch is not None and patch.frame == picture.number:
            count += pictures.changed_outside(picture, patch, faces.get(picture.number, ()))
            patch = next(waiting, None)
        if patch is None:
            break
    return count


def _teeth_values(closures: Sequence[speech.Closure]) -> dict[str, float]:
    """Share of the shut closures that were looked at in which teeth show all the same."""
    seen = [c.teeth > TEETH for c in closures if np.isfinite(c.teeth)]
    return {"closure_teeth": float(np.mean(seen))} if seen else {}


def _line(j: JudgedLine) -> LineJudgement:
    omitted: dict[str, str] = {}
    values = _speech_values([j], omitted)
    for key, curve in (("sharpness_ratio", j.sharpness), ("seam_ratio", j.seam), ("identity_ratio", j.identity)):
        if np.isfinite(curve).any():
            values[key] = float(np.nanmean(curve) if key == "identity_ratio" else np.nanmedian(curve))
    if j.seen.before is not None:
        after, before = _jitters(j)
        if np.isfinite(after) and before > 0:
            values["jitter_ratio"] = after / before
    values |= _teeth_values(j.closures)
    closures = tuple(replace(c, time_ms=c.time_ms + j.task.origin_ms) for c in j.closures)
    return LineJudgement(j.task.speaker, j.task.start_ms, j.task.end_ms, values, closures)


def _curves(judged: Sequence[JudgedLine]) -> Curves:
    names = ("times_ms", "aim", "opening", "original", "seam", "sharpness", "identity", "trembling", "paused",
             "leaking")
    frames = np.concatenate([j.seen.frames for j in judged]) if judged else np.zeros(0, np.int32)
    order = np.argsort(frames, kind="stable")
    columns = [np.concatenate([getattr(j, n) for j in judged])[order] if judged else np.zeros(0) for n in names]
    return Curves(frames[order].astype(np.int32), *columns[:-2], *(c.astype(bool) for c in columns[-2:]))
