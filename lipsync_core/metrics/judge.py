"""From files to a judgement: track the finished file afresh, find who speaks, say what was wanted, measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas.shape import EYES
from lipsync_core.face.active import active_tracks
from lipsync_core.face.analyse import analyse_video
from lipsync_core.face.models import FaceModels
from lipsync_core.face.types import FaceAnalysis, FaceTrack
from lipsync_core.metrics.album import Album
from lipsync_core.metrics.judgement import Judgement
from lipsync_core.metrics.lines import Task
from lipsync_core.metrics.score import Report, measure, task_of
from lipsync_core.metrics.speech import Wanted, wanted_from, wanted_of
from lipsync_core.patch import Patch
from lipsync_core.speech.articulation import Articulation
from lipsync_core.speech.network import WeightsError
from lipsync_core.speech.sound import RATE, read_mono
from lipsync_core.speech.timeline import TimedSymbol

if TYPE_CHECKING:
    from lipsync_core.engine import Line

#: ``listen(sound, rate)``: what a sound says, as symbols with times or as an articulation, in ms of the sound.
Listen = Callable[[npt.NDArray[np.float32], int], "Iterable[TimedSymbol] | Articulation"]


def by_network(sound: npt.NDArray[np.float32], rate: int) -> Iterable[TimedSymbol]:
    """The phone network that comes with this library."""
    from lipsync_core.speech.listen import listen

    return listen(sound, rate)


_NEED_SPEECH = {"closure_hits", "opening_r", "opening_lag_ms", "silence_leak"}


class JudgeError(ValueError):
    """The files cannot be judged together."""


def judge(dubbed: Path, models: FaceModels | Path, *, reference: Path | None = None, audio: Path | None = None,
          lines: Sequence[Line] = (), listen: Listen | None = by_network, source: FaceAnalysis | None = None,
          every_picture: bool = True, patches: Iterable[Patch] | None = None, album: Album | None = None,
          report: Report | None = None) -> Judgement:
    """Judge a finished file on its own or against the original.

    models: the face networks or the folder that holds them. reference: the original video; without it everything
    that needs one is left out and named in ``Judgement.omitted``. audio: the speech, if not the file's own sound.
    lines: the takes with their phonemes (times in ms of the video); without them ``listen`` says what the sound asks
    of the mouth, and with None for it the figures that need it are left out. source: the reference's face tracks, if
    they are known. every_picture, patches, album: see ``measure``. Raises JudgeError when the files do not belong
    together, VideoError when one cannot be read, ModelError when networks are missing.
    """
    networks = models if isinstance(models, FaceModels) else FaceModels(Path(models))
    parts = _Parts(report, 3 if reference is not None and source is None else 2)
    if reference is not None and source is None:
        source = analyse_video(reference, networks, parts.next())
    fresh = analyse_video(dubbed, networks, parts.next())
    if source is not None:
        _check(fresh, source)
    sound = read_mono(dubbed if audio is None else audio)
    base, original_sound = (fresh, sound) if source is None else (source, _sound_of(reference))
    deaf = ""
    if lines:
        tasks = [task_of(line, _tracks(base, original_sound, line.speaker, line.start_ms, line.cover_end_ms))
                 for line in lines]
    else:
        wanted = None
        if listen is not None and len(sound):
            try:
                wanted = _heard(listen, sound)
            except WeightsError as error:
                deaf = str(error).split(":")[0]
        tasks = _whole(base, original_sound, wanted)
    found = measure(dubbed, fresh, tasks, reference, source, every_picture=every_picture, patches=patches,
                    sound_16k=sound if len(sound) else None, album=album, report=parts.next())
    if deaf:
        found.omitted.update(dict.fromkeys(found.omitted.keys() & _NEED_SPEECH, deaf))
    return found


def _check(fresh: FaceAnalysis, source: FaceAnalysis) -> None:
    if (fresh.height, fresh.width) != (source.height, source.width):
        raise JudgeError(f"the pictures differ in size: {fresh.width}x{fresh.height} and "
                         f"{source.width}x{source.height}")
    if abs(fresh.frame_count - source.frame_count) > 2:
        raise JudgeError(f"the videos differ in length: {fresh.frame_count} and {source.frame_count} pictures")


def _sound_of(video: Path | None) -> npt.NDArray[np.float32]:
    return np.zeros(0, np.float32) if video is None else read_mono(video)


def _heard(listen: Listen, sound: npt.NDArray[np.float32]) -> Wanted | None:
    found = listen(sound, RATE)
    if isinstance(found, Articulation):
        return wanted_from(found)
    # Not copied into a list: heard speech carries its lips along.
    symbols = found if isinstance(found, Sequence) else list(found)
    # The times were read off this very sound: there is no offset to look for.
    return wanted_of(symbols, sound, RATE, align_to_sound=False) if symbols else None


def _whole(analysis: FaceAnalysis, sound: npt.NDArray[np.float32], wanted: Wanted | None) -> list[Task]:
    """A file without lines: every stretch in which one face is seen speaking; the largest faces where none is."""
    times = analysis.times_ms
    end_ms = float(times[-1]) + 1.0 if len(times) else 0.0
    active = active_tracks(analysis, [("", 0.0, end_ms)], sound)[""] if len(sound) and len(times) else []
    if not active:
        return [Task("", 0.0, end_ms, 0.0, wanted, _tracks(analysis, np.zeros(0, np.float32), "", 0.0, end_ms))]
    return [Task(f"face {span.track_id}", float(times[span.start_frame]), float(times[span.end_frame - 1]) + 1.0, 0.0,
                 wanted, frozenset([span.track_id])) for span in active]


def _tracks(analysis: FaceAnalysis, sound: npt.NDArray[np.float32], speaker: str, start_ms: float,
            end_ms: float) -> frozenset[int]:
    """The faces that speak in a span; where none is seen to (a frozen mouth must be judged, too), the largest of
    each shot."""
    if len(sound):
        active = active_tracks(analysis, [(speaker, start_ms, end_ms)], sound)[speaker]
        if active:
            return frozenset(f.track_id for f in active)
    largest: dict[int, tuple[float, int]] = {}
    for track in analysis.tracks:
        weight = _weight(track, analysis.times_ms, start_ms, end_ms)
        if weight > largest.get(track.shot, (0.0, 0))[0]:
            largest[track.shot] = (weight, track.id)
    return frozenset(track_id for _, track_id in largest.values())


def _weight(track: FaceTrack, times_ms: npt.NDArray[np.float64], start_ms: float, end_ms: float) -> float:
    inside = (times_ms[track.frames] >= start_ms) & (times_ms[track.frames] < end_ms)
    eyes = track.points[inside][:, EYES, :2]
    return float(np.linalg.norm(eyes[:, 1] - eyes[:, 0], axis=1).sum())


class _Parts:
    """One progress out of several equal steps."""

    def __init__(self, report: Report | None, count: int) -> None:
        self._report, self._count, self._done = report, count, -1

    def next(self) -> Report | None:
        self._done += 1
        report, count, done = self._report, self._count, self._done
        if report is None:
            return None
        return lambda part, total, message: report(done + (part / total if total else 0.0), count, message)
