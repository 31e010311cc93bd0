"""The atlas lip-sync from file to file: track faces, learn each speaker's mouths, repaint a line.

Three steps, each a function of files in folders, so a caller can cache and resume them:

* ``track``: video -> ``faces.npz``, independent of who speaks and of any language.
* ``model``: video and who speaks when -> one atlas a speaker, independent of the target language.
* ``render``: one line of new speech -> mouth patches (``lipsync_core.patch``).

The same inputs give the same bytes.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import model as atlas_model
from lipsync_core.atlas.foreground import sample
from lipsync_core.atlas.model import Atlas, AtlasError
from lipsync_core.atlas.paint import Painter
from lipsync_core.atlas.plan import PlannedFrame, Plates, ease, make_plan
from lipsync_core.face.active import active_tracks
from lipsync_core.face.census import Person, census
from lipsync_core.face.people import people
from lipsync_core.face.types import FaceAnalysis, FaceTrack
from lipsync_core.face.video import VideoSource
from lipsync_core.patch import INDEX, Patch, PatchWriter, read_patches
from lipsync_core.speech.articulation import Articulation, articulate
from lipsync_core.speech.sound import RATE, read_mono
from lipsync_core.speech.timeline import TimedSymbol

FACES, SPEAKERS = "faces.npz", "speakers.json"
#: Frames painted at the same time.
_PAINTERS = max(1, min(4, os.cpu_count() or 1))
Report = Callable[[float, float, str], None]


def _quiet(_done: float, _total: float, _message: str = "") -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Span:
    """``speaker`` is heard in the source from ``start_ms`` to ``end_ms``."""

    speaker: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class Line:
    """New speech of one speaker. Times in ms of the video; phoneme times from ``start_ms`` on.

    cover_start_ms, cover_end_ms: where the mouth is repainted; outside the speech it rests.
    """

    speaker: str
    start_ms: float
    phonemes: Sequence[TimedSymbol]
    cover_start_ms: float
    cover_end_ms: float
    sound: npt.NDArray[np.float32] | None = None
    sample_rate: int = 0


@dataclass(frozen=True, slots=True)
class Rendered:
    """``frames`` repainted; ``note`` says why there are not more, in words for a person."""

    frames: int
    note: str = ""
    quality: dict[str, Any] = field(default_factory=dict)


class AtlasLipSync:
    """Own-mouth lip-sync; ``models_folder`` holds the face model files (see ``lipsync_core.face.models``)."""

    def __init__(self, models_folder: Path) -> None:
        self.models_folder = Path(models_folder)

    def track(self, video: Path, folder: Path, report: Report = _quiet) -> FaceAnalysis:
        """Find every face of ``video``; writes ``folder/faces.npz``."""
        from lipsync_core.face.analyse import analyse_video
        from lipsync_core.face.models import FaceModels

        analysis = analyse_video(video, FaceModels(self.models_folder), report)
        temporary = Path(folder) / (FACES + ".part")
        analysis.save(temporary)
        os.replace(temporary, Path(folder) / FACES)
        return analysis

    def model(self, video: Path, tracks: Path, spans: Sequence[Span], folder: Path,
              report: Report = _quiet, *, or_largest: bool = False,
              assigned: Mapping[str, Sequence[int]] | None = None) -> dict[str, list[tuple[int, int]]]:
        """Learn each speaker's mouths into ``folder``; returns where each is on camera, in ms.

        A speaker who is never seen, or too briefly to learn from, gets an empty list. or_largest: a speaker whom
        nobody is seen to be (a voice-over, a silent video) is taken for the largest face of each shot. assigned: ids
        of tracks that are known to show a speaker ("": nobody who speaks), whatever they look like.
        """
        analysis = FaceAnalysis.load(Path(tracks) / FACES)
        by_speaker = _with_assigned(speaking_tracks(video, analysis, spans), analysis, assigned or {})
        if or_largest:
            unseen = [s for s in spans if not by_speaker.get(s.speaker)]
            by_speaker |= _largest_faces(analysis, unseen)
        entries: list[dict[str, Any]] = []
        jobs: list[tuple[Path, atlas_model.Candidates]] = []
        for number, speaker in enumerate(sorted({s.speaker for s in spans})):
            entry: dict[str, Any] = {"speaker": speaker, "people": [], "intervals": []}
            entries.append(entry)
            kept: list[FaceTrack] = []
            # A voice may be heard over several faces; no face ever gets another's mouth.
            for rank, seen in enumerate(people(by_speaker.get(speaker, []))):
                try:
                    candidates = atlas_model.gather(seen, analysis.height, analysis.width)
                except AtlasError as error:
                    entry.setdefault("note", str(error))
                    continue
                name = f"{number:03d}" if not rank else f"{number:03d}-{rank}"
                entry["people"].append({"folder": name, "tracks": [t.id for t in seen]})
                kept += seen
                (Path(folder) / name).mkdir(parents=True, exist_ok=True)
                jobs.append((Path(folder) / name, candidates))
            entry["intervals"] = _intervals(analysis, kept)
            # Generators that need one face alone take the person who is seen longest.
            entry |= entry["people"][0] if entry["people"] else {"folder": f"{number:03d}", "tracks": []}
        _cut_crops(video, analysis, jobs, report)
        _write_json(Path(folder) / SPEAKERS, {"speakers": entries})
        return {e["speaker"]: [(int(a), int(b)) for a, b in e["intervals"]] for e in entries}

    def render(self, video: Path, tracks: Path, models: Path, line: Line, folder: Path,
               report: Report = _quiet) -> Rendered:
        """Write the repainted mouth of one line into ``folder`` as patches."""
        analysis = FaceAnalysis.load(Path(tracks) / FACES)
        entry = _entry(Path(models), line.speaker)
        if entry is None or not entry["people"]:
            return _nothing(Path(folder), (entry or {}).get("note") or "The speaker is not seen in this video.")
        ids = {i for person in entry["people"] for i in person["tracks"]}
        own = [t for t in analysis.tracks if t.id in ids]
        plates = plates_of(analysis, own, line.cover_start_ms, line.cover_end_ms)
        if not len(plates.frames):
            return _nothing(Path(folder), "The speaker's mouth cannot be seen during this line.")
        articulation = articulate(line.phonemes, analysis.times_ms[plates.frames] - line.start_ms,
                                  sound=line.sound, sample_rate=line.sample_rate)
        casts = [_cast(Path(models) / person["folder"], plates, articulation, mine) for person in entry["people"]
                 if (mine := np.isin(plates.tracks, person["tracks"])).any()]
        plan = sorted(((p.frame, painter, p) for painter, planned in casts for p in planned), key=lambda item: item[0])
        boxes = [painter.rectangle(p, analysis.height, analysis.width) for _, painter, p in plan]
        with PatchWriter(Path(folder), max(b[2] for b in boxes), max(b[3] for b in boxes)) as writer:
            for patch in _painted(VideoSource(video), plan):
                writer.write(patch)
                report(len(writer), len(plan), "Repainting the mouth")
        covered = _frames_between(analysis, line.cover_start_ms, line.cover_end_ms)
        hidden = covered - len(plan)
        notes = [f"The mouth is hidden in {hidden} of {covered} frames."] if hidden > 0.1 * covered else []
        painters = [painter for painter, _ in casts]
        if kept := sum(painter.frames_with_foreground for painter in painters):
            notes.append(f"Something in front of the mouth was kept in {kept} frames.")
        if any(painter.atlas.is_never_shut for painter in painters):
            notes.append("The lips are never seen closed, so p, b and m may show teeth.")
        if any(painter.atlas.is_shut for painter in painters):
            notes.append("The mouth is never seen open, so its inside is drawn.")
        return Rendered(len(plan), " ".join(notes))

    def score(self, video: Path, tracks: Path, dubbed: Path,
              takes: Sequence[tuple[str, float, Sequence[TimedSymbol]]], report: Report = _quiet) -> dict[str, Any]:
        """Lip-sync quality of ``dubbed`` (see ``lipsync_core.metrics.score``) by a face track run afresh on it.

        takes: (speaker, start in ms of the video, phonemes) of every repainted line. What is heard is read from
        ``dubbed`` itself.
        """
        from lipsync_core.face.analyse import analyse_video
        from lipsync_core.face.models import FaceModels
        from lipsync_core.metrics.score import score

        analysis = FaceAnalysis.load(Path(tracks) / FACES)
        fresh = analyse_video(dubbed, FaceModels(self.models_folder), report)
        sound = read_mono(dubbed)
        lines = []
        spoken = [(speaker, start_ms, start_ms + max(p.end_ms for p in phonemes), phonemes)
                  for speaker, start_ms, phonemes in takes if phonemes]
        seen_speaking = speaking_tracks(video, analysis, [Span(*take[:3]) for take in spoken])
        for speaker, start_ms, end_ms, phonemes in spoken:
            first, stop = (max(int(ms * RATE / 1000), 0) for ms in (start_ms, end_ms))
            heard = sound[first:stop] if stop <= len(sound) + RATE else None
            line = Line(speaker, start_ms, phonemes, start_ms, end_ms, heard, RATE)
            lines.append((line, [t.id for t in seen_speaking.get(speaker, [])]))
        return score(video, dubbed, analysis, fresh, lines)


def _cast(folder: Path, plates: Plates, articulation: Articulation,
          mine: npt.NDArray[np.bool_]) -> tuple[Painter, list[PlannedFrame]]:
    """The painter of one person's atlas, and the plan for the plates that are ``mine``."""
    atlas = Atlas.load(folder)
    plan = make_plan(atlas, plates.only(mine), articulation.only(mine))
    crops = _load_crops(folder, {i for frame in plan for i, _ in frame.mouths} | sample(len(atlas.frames)))
    return Painter(atlas, crops), plan


def _painted(video: VideoSource, plan: Sequence[tuple[int, Painter, PlannedFrame]]) -> Iterator[Patch]:
    """The patches of a plan in frame order; a few frames are painted at once, the rest waits in the decoder."""
    wanted = {frame: (painter, planned) for frame, painter, planned in plan}
    with ThreadPoolExecutor(_PAINTERS) as pool:
        under_way: deque[Future[Patch]] = deque()
        for picture in video.frames(plan[0][0], plan[-1][0] + 1):
            if picture.number not in wanted:
                continue
            painter, planned = wanted[picture.number]
            under_way.append(pool.submit(painter.paint, picture, planned, painter.in_front(picture, planned)))
            if len(under_way) > 2 * _PAINTERS:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def speaking_tracks(video: Path, analysis: FaceAnalysis, spans: Sequence[Span]) -> dict[str, list[FaceTrack]]:
    """The tracks on which each speaker is seen speaking, judged by the mouth's motion against the video's sound.

    Without sound nothing can be judged: then the largest face of each shot is taken for the speaker.
    """
    sound = read_mono(video)
    if not len(sound):
        return _largest_faces(analysis, spans)
    active = active_tracks(analysis, [(s.speaker, s.start_ms, s.end_ms) for s in spans], sound)
    by_id = {t.id: t for t in analysis.tracks}
    return {speaker: [by_id[i] for i in sorted({f.track_id for f in found})] for speaker, found in active.items()}


def _with_assigned(by_speaker: dict[str, list[FaceTrack]], analysis: FaceAnalysis,
                   assigned: Mapping[str, Sequence[int]]) -> dict[str, list[FaceTrack]]:
    """What was seen, but for the tracks that are known to be somebody's."""
    known = {i: speaker for speaker, ids in assigned.items() for i in ids}
    found = {speaker: [t for t in tracks if t.id not in known] for speaker, tracks in by_speaker.items()}
    for track in analysis.tracks:
        if speaker := known.get(track.id):
            found.setdefault(speaker, []).append(track)
    return found


def people_of(tracks: Path, models: Path) -> list[tuple[Person, str]]:
    """Everybody who is seen, with the speaker each was taken for, "" for nobody."""
    entries = json.loads((Path(models) / SPEAKERS).read_text())["speakers"]
    learned = [(entry["speaker"], person["tracks"]) for entry in entries for person in entry["people"]]
    speaker_of = {i: speaker for speaker, ids in learned for i in ids}
    found = census(FaceAnalysis.load(Path(tracks) / FACES), [ids for _, ids in learned])
    return [(person, next((speaker_of[i] for i in person.tracks if i in speaker_of), "")) for person in found]


def _largest_faces(analysis: FaceAnalysis, spans: Sequence[Span]) -> dict[str, list[FaceTrack]]:
    found: dict[str, dict[int, FaceTrack]] = {}
    for span in spans:
        best: dict[int, tuple[float, FaceTrack]] = {}
        first, stop = np.searchsorted(analysis.times_ms, [span.start_ms, span.end_ms])
        for track in analysis.tracks:
            inside = (track.frames >= first) & (track.frames < stop)
            eyes = track.points[inside][:, [33, 263], :2]
            area = float(np.linalg.norm(eyes[:, 1] - eyes[:, 0], axis=1).sum())
            if area > best.get(track.shot, (0.0,))[0]:
                best[track.shot] = (area, track)
        for _, track in best.values():
            found.setdefault(span.speaker, {})[track.id] = track
    return {speaker: [tracks[i] for i in sorted(tracks)] for speaker, tracks in found.items()}


def plates_of(analysis: FaceAnalysis, tracks: Iterable[FaceTrack], start_ms: float, end_ms: float) -> Plates:
    """The frames of a span whose mouth can be repainted, with easing at the edges and around occlusions."""
    first, stop = (int(i) for i in np.searchsorted(analysis.times_ms, [start_ms, end_ms]))
    track_of = np.full(analysis.frame_count, -1, np.int32)
    points = {}
    for track in tracks:
        free = (track.mouth_visibility >= 0.5) & (track.presence >= 0.5)
        inside = (track.frames >= first) & (track.frames < stop) & free
        for i in np.flatnonzero(inside):
            frame = int(track.frames[i])
            if track_of[frame] < 0:
                track_of[frame] = track.id
                points[frame] = track.points[i, :, :2].astype(np.float64)
    starts = np.zeros(analysis.frame_count, bool)
    starts[analysis.shots[:, 0]] = True
    alpha = ease(track_of >= 0, starts)
    frames = np.flatnonzero(alpha > 0).astype(np.int32)
    stacked = np.stack([points[int(f)] for f in frames]) if len(frames) else np.zeros((0, 468, 2))
    return Plates(frames, track_of[frames], stacked, alpha[frames])


def _intervals(analysis: FaceAnalysis, tracks: Iterable[FaceTrack]) -> list[tuple[int, int]]:
    """Where the speaker's mouth can be repainted, in ms; gaps of up to 5 frames are closed."""
    seen = np.zeros(analysis.frame_count, bool)
    for track in tracks:
        seen[track.frames[(track.mouth_visibility >= 0.5) & (track.presence >= 0.5)]] = True
    frames = np.flatnonzero(seen)
    if not len(frames):
        return []
    step = float(np.median(np.diff(analysis.times_ms))) if analysis.frame_count > 1 else 40.0
    pieces = np.split(frames, np.flatnonzero(np.diff(frames) > 6) + 1)
    return [(int(analysis.times_ms[p[0]]), int(round(analysis.times_ms[p[-1]] + step))) for p in pieces]


def _frames_between(analysis: FaceAnalysis, start_ms: float, end_ms: float) -> int:
    first, stop = np.searchsorted(analysis.times_ms, [start_ms, end_ms])
    return int(stop - first)


def _cut_crops(video: Path, analysis: FaceAnalysis, jobs: list[tuple[Path, atlas_model.Candidates]],
               report: Report) -> None:
    """One pass over the video writes every speaker's crops; the atlas is saved last, so it is never half there."""
    if not jobs:
        return
    writers, wanted = [], []
    for target, candidates in jobs:
        boxes = [atlas_model.crop_box(p, analysis.height, analysis.width) for p in candidates.points]
        writers.append(PatchWriter(target, max(b[2] for b in boxes), max(b[3] for b in boxes)))
        wanted.append({int(f): i for i, f in enumerate(candidates.frames)})
    seen: list[list[atlas_model.Look]] = [[] for _ in jobs]
    stop = max(int(c.frames[-1]) for _, c in jobs) + 1
    for writer in writers:
        writer.__enter__()
    try:
        for picture in VideoSource(video).frames(0, stop):
            for j, (_, candidates) in enumerate(jobs):
                index = wanted[j].get(picture.number)
                if index is None:
                    continue
                patch = atlas_model.cut(picture, candidates.points[index])
                writers[j].write(patch)
                seen[j].append(atlas_model.look_at(patch, candidates.points[index], candidates.face))
            report(picture.number + 1, stop, "Collecting mouths")
    except BaseException as error:
        for writer in writers:
            writer.__exit__(type(error), error, None)
        raise
    for writer in writers:
        writer.__exit__(None, None, None)
    for (target, candidates), looks in zip(jobs, seen, strict=True):
        candidates.finish(looks).save(target)


def _load_crops(folder: Path, wanted: set[int]) -> Mapping[int, Patch]:
    """The crops that a plan uses, by their index in the atlas; one streaming pass."""
    return {i: patch for i, patch in enumerate(read_patches(folder)) if i in wanted}


def _entry(models: Path, speaker: str) -> dict[str, Any] | None:
    entries = json.loads((models / SPEAKERS).read_text())["speakers"]
    return next((e for e in entries if e["speaker"] == speaker), None)


def _nothing(folder: Path, note: str) -> Rendered:
    """An empty patch folder, so that readers need no special case."""
    _write_json(folder / INDEX, {"height": 2, "width": 2, "patches": []})
    return Rendered(0, note)


def _write_json(path: Path, value: Any) -> None:
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(value))
    os.replace(temporary, path)

