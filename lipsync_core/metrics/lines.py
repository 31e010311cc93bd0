"""One line under judgement: who, when, what is wanted, and what the face track shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.face.types import FaceAnalysis
from lipsync_core.metrics import picture as pictures
from lipsync_core.metrics import speech
from lipsync_core.metrics.follow import Seen, Speaker, follow, relative_opening, speaker_of
from lipsync_core.metrics.speech import Wanted

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Task:
    """One line to judge: who speaks, where the mouth is covered (ms of the video), when its time zero is
    (``origin_ms``), what is wanted, and the ids of the speaker's face tracks."""

    speaker: str
    start_ms: float
    end_ms: float
    origin_ms: float
    wanted: Wanted | None
    tracks: frozenset[int]


@dataclass(slots=True)
class JudgedLine:
    """One line while it is being judged; [T] arrays over ``seen.frames``."""

    task: Task
    who: Speaker
    seen: Seen
    times_ms: Floats
    normalised: Floats
    opening: Floats
    original: Floats
    sharpness: Floats
    seam: Floats
    identity: Floats
    trembling: Floats
    aim: Floats
    paused: npt.NDArray[np.bool_]
    leaking: npt.NDArray[np.bool_]
    closures: list[speech.Closure]


def judge_lines(fresh: FaceAnalysis, source: FaceAnalysis | None, tasks: Sequence[Task]) -> list[JudgedLine]:
    """Follow the speaker of every line and measure what the tracks alone tell; lines never in view are left out."""
    base = fresh if source is None else source
    speakers: dict[frozenset[int], Speaker] = {}
    found = []
    for task in tasks:
        own = [t for t in base.tracks if t.id in task.tracks]
        seen = follow(fresh, source, own, task.start_ms, task.end_ms)
        if seen is None:
            continue
        if task.tracks not in speakers:
            speakers[task.tracks] = speaker_of(own)
        found.append(_judge_line(task, speakers[task.tracks], seen, base.times_ms[seen.frames]))
    return found


def _judge_line(task: Task, who: Speaker, seen: Seen, times_ms: Floats) -> JudgedLine:
    normalised = who.model.normalise(seen.after)[0]
    opening = who.opening(normalised)
    nothing = np.full(len(opening), np.nan)
    original, sharpness, trembling = nothing, nothing, nothing
    if seen.before is not None:
        before = who.model.normalise(seen.before)[0]
        original = who.opening(before)
        usual = pictures.jitter(before, seen.frames)
        if usual > 0:
            trembling = pictures.second_differences(normalised, seen.frames) / usual
        own_opening = relative_opening(who.features[:, shape.OPENING], who.range)
        sharpness = seen.sharpness / pictures.expected_sharpness(opening, own_opening, who.sharpness)
    aim, paused, leaking = nothing, np.zeros(len(opening), bool), np.zeros(len(opening), bool)
    closures: list[speech.Closure] = []
    if task.wanted is not None:
        local = times_ms - task.origin_ms
        wanted = task.wanted.at(local)
        leaking, paused = speech.leaking(wanted, opening)
        aim = wanted.opening
        closures = speech.closures(task.wanted.closures_ms, local, opening)
    return JudgedLine(task, who, seen, times_ms, normalised, opening, original, sharpness, nothing.copy(),
                   nothing.copy(), trembling, aim, paused, leaking, closures)
