"""A generator adapted to the speaker of one video, and whether that was worth it.

The pairs are the video's own: the speaker's frames, as the atlas has them, with the sound that was really heard. The
last part is held out. There the atlas (learnt from the same part), the generator as it came and the adapted one are
driven by the real sound and compared with the real frames (``adapt_compare``); the adapted one is kept only if it beats
both. All of it together takes no longer than the time that is given.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lipsync_core.engine import FACES, SPEAKERS, AtlasLipSync, Line, Span, plates_of
from lipsync_core.face.types import FaceAnalysis, FaceTrack
from lipsync_core.neural import own
from lipsync_core.neural.own import OwnLipSync, Weights
from lipsync_core.neural.wav2lip import own_tracks
from lipsync_core.patch import read_patches
from lipsync_core.speech.sound import RATE, read_mono
from lipsync_core.train.adapt_compare import RULE, Judge, Row, Tracker, beats_all, line
from lipsync_core.train.adapt_data import MOST_S, AdaptError, Parts, divide, learnt_part, write_material
from lipsync_core.train.adapt_fit import Fitted, Report, Say, TooSlow, fit
from lipsync_core.train.adapt_sheet import write_sheet
from lipsync_core.train.files import write_atomic

if TYPE_CHECKING:
    from lipsync_core.speech.network import PhoneNetwork
    from lipsync_core.speech.timeline import TimedSymbol
    from lipsync_core.train.losses import GeneratorLoss

__all__ = ["AdaptError", "Adapted", "adapt"]

GENERATOR, RECORD, SHEET = "generator.safetensors", "adaptation.json", "adaptation.png"
ATLAS, AS_IT_CAME, ADAPTED = "atlas", "generator", "adapted"
_NAMES = {ATLAS: "atlas", AS_IT_CAME: "generator as it came", ADAPTED: "adapted"}
#: Comparisons take as long as the one before them, at most so many times.
_SLACK = 1.3
_AROUND_MS = 500.0
_SHARDS, _LEARNT, _MODELS = "shards", "learnt", "models"

Sound = npt.NDArray[np.float32]
Listen = Callable[[Sound, int], "Sequence[TimedSymbol]"]


@dataclass(frozen=True, slots=True)
class Adapted:
    """What became of an adaptation.

    won: the adapted generator is to be used; its file is ``weights``. note: one or two sentences with the figures.
    figures: the same as JSON values, as they lie in the folder.
    """

    won: bool
    note: str
    figures: dict[str, Any]
    weights: Path | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """The time that is left of ``seconds`` since the clock was made."""

    seconds: float
    begun: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        return time.monotonic() - self.begun

    @property
    def left(self) -> float:
        return self.seconds - self.spent


def adapt(video: Path, tracks: Path, models: Path, speaker: str, folder: Path, *, models_folder: Path,
          generator: Path | None = None, spans: Sequence[Span] = (), sound: Sound | None = None,
          network: PhoneNetwork | None = None, seconds: float = 600.0, device: str = "auto",
          work: Path | None = None, report: Report = lambda _done, _total, _message: None,
          say: Say = lambda _sentence: None, losses: GeneratorLoss | None = None, listen: Listen | None = None,
          track: Tracker | None = None) -> Adapted:
    """Adapt a generator to ``speaker`` and compare it; the result lies in ``folder``.

    tracks, models: what ``AtlasLipSync.track`` and ``.model`` wrote. models_folder: files of the face networks.
    generator: weights to begin with, the library's own by default. spans: where the speaker is heard (ms); everywhere
    by default. sound: mono at 16 kHz, from the video's start; the video's own by default. network: the ear for the
    atlas. seconds: for everything together. work: where half-done work is kept; when a run was killed, the next call
    with the same folder goes on. losses, listen, track: stand-ins for tests. Raises AdaptError when the speaker is seen
    speaking too briefly, or nothing fits into the time, and CheckpointError when there is no generator.
    """
    clock = Clock(seconds)
    base = own.load(generator)
    stage = _Stage(video, Path(tracks), Path(models), speaker, spans, sound, Path(work or folder / "work"),
                   AtlasLipSync(models_folder), listen or _ear(network), report)
    judge = stage.judge(models_folder, track)
    begun = clock.spent
    rows = {ATLAS: stage.row(judge, ATLAS, stage.atlas, report)}
    if clock.left < 2 * _SLACK * (clock.spent - begun):
        raise AdaptError(f"Comparing alone takes {3 * (clock.spent - begun):.0f} s here, more than the time allows")
    begun = clock.spent
    rows[AS_IT_CAME] = stage.row(judge, AS_IT_CAME, _engine(models_folder, base, device), report)
    comparing_s = clock.spent - begun
    stage.cut(base.size)
    left = clock.left - _SLACK * comparing_s
    try:
        fitted = fit(base, stage.work / _SHARDS, stage.work, left, device=device, say=say, report=report, losses=losses)
    except TooSlow as error:
        raise AdaptError(str(error)) from error
    rows[ADAPTED] = stage.row(judge, ADAPTED, _engine(models_folder, own.load(fitted.weights), device), report)
    stage.sheet(judge, rows, Path(folder))
    return _decide(rows, stage, fitted, clock, Path(folder))


def _decide(rows: dict[str, Row], stage: _Stage, fitted: Fitted, clock: Clock, folder: Path) -> Adapted:
    lost_to = beats_all(rows[ADAPTED], {name: row for name, row in rows.items() if name != ADAPTED})
    figures: dict[str, Any] = {
        "rows": {name: row.as_dict() for name, row in rows.items()}, "rule": RULE, "won": not lost_to,
        "lost_to": lost_to, "learnt_frames": len(stage.parts.learnt), "held_out_frames": rows[ADAPTED].frames,
        "offset_ms": round(stage.offset_ms, 1), "steps": fitted.steps, "step_s": round(fitted.plan.step_s, 4),
        "training_s": round(fitted.seconds, 1), "total_s": round(clock.spent, 1)}
    note = _note(rows, lost_to, fitted)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / RECORD, json.dumps({**figures, "note": note}, indent=1, allow_nan=False))
    if lost_to:
        return Adapted(False, note, figures)
    beside = folder / (GENERATOR + ".part")
    shutil.copyfile(fitted.weights, beside)
    os.replace(beside, folder / GENERATOR)
    return Adapted(True, note, figures, folder / GENERATOR)


def _note(rows: dict[str, Row], lost_to: Sequence[str], fitted: Fitted) -> str:
    figures = "; ".join(line(_NAMES[name], row) for name, row in rows.items())
    kept = (f"the adapted generator is used ({fitted.steps} steps)" if not lost_to else
            "the atlas is used, since the adapted generator does not beat "
            + " and ".join(f"the {_NAMES[name]}" for name in lost_to))
    return (f"Adapting: {kept}. Lip distance / opening r / PSNR / SSIM on {rows[ADAPTED].frames} held-out frames: "
            f"{figures}.")


class _Stage:
    """One speaker of one video: what is learnt, what is held out, and the line that is repainted there."""

    def __init__(self, video: Path, tracks: Path, models: Path, speaker: str, spans: Sequence[Span],
                 sound: Sound | None, work: Path, atlas: AtlasLipSync, listen: Listen, report: Report) -> None:
        self.video, self.tracks, self.speaker, self.work, self.atlas = video, tracks, speaker, work, atlas
        self._analysis = FaceAnalysis.load(tracks / FACES)
        self._faces, note = own_tracks(self._analysis, models, speaker)
        if note:
            raise AdaptError(note.rstrip("."))
        self._sound = read_mono(video) if sound is None else sound
        if not len(self._sound):
            raise AdaptError("The video has no sound to learn from")
        own_spans = [s for s in spans if s.speaker == speaker]
        self._from_ms, to_ms = _reach(self._analysis, self._faces, own_spans)
        first, stop = (max(int(ms * RATE / 1000), 0) for ms in (self._from_ms, to_ms))
        self._from_ms = first * 1000 / RATE
        self._piece = self._sound[first:stop]
        report(0, 1, "Listening")
        self._heard = listen(self._piece, RATE)
        self.parts: Parts = divide(self._analysis, self._faces, own_spans, [_Moved(p, self._from_ms)
                                                                            for p in self._heard])
        self._learn()

    def _learn(self) -> None:
        """The atlas of the learnt part alone, and how late the picture is there."""
        learnt = learnt_part(self._analysis, self.parts)
        folder, models = self.work / _LEARNT, self.work / _MODELS
        for each in (folder, models):
            shutil.rmtree(each, ignore_errors=True)
            each.mkdir(parents=True)
        learnt.save(folder / FACES)
        ids = [t.id for t in learnt.tracks]
        whole = [Span(self.speaker, 0.0, float(learnt.times_ms[-1]) + 1)]
        self.atlas.model(self.video, folder, whole, models, assigned={self.speaker: ids})
        entry = json.loads((models / SPEAKERS).read_text())["speakers"][0]
        if not entry["tracks"]:
            raise AdaptError(entry.get("note", "nobody is seen speaking").rstrip("."))
        self._learnt: FaceAnalysis = learnt
        self._own = frozenset(entry["tracks"])
        self.offset_ms = self._offset_ms()

    def _offset_ms(self) -> float:
        from lipsync_core.metrics.reenact import own_offset_ms
        from lipsync_core.metrics.speech import Wanted, wanted_of

        wanted = wanted_of(self._heard, self._piece, RATE, align_to_sound=False)
        shifted = Wanted(lambda times: replace(wanted.at(times - self._from_ms), times_ms=times),
                         wanted.closures_ms + self._from_ms)
        return own_offset_ms(self._learnt, self._own, shifted)

    def cut(self, size: int) -> None:
        """The learnt frames as training clips; those of a run that was killed are taken as they are."""
        from lipsync_core.train.data.shards import INDEX

        if not (self.work / _SHARDS / INDEX).is_file():
            write_material(self.video, self._analysis, self.parts, self._sound, self.offset_ms, size,
                           self.work / _SHARDS)

    def line(self) -> Line:
        """What is really said in the held-out part, as new speech."""
        times = self._analysis.times_ms
        return Line(self.speaker, self._from_ms + self.offset_ms, self._heard, float(times[self.parts.held_start]),
                    float(times[self.parts.held_stop - 1]) + 1, self._piece, RATE)

    def judge(self, models_folder: Path, track: Tracker | None) -> Judge:
        wanted = self.line()
        faces = [t for t in self._faces if t.id in self._own]
        plates = plates_of(self._analysis, faces, wanted.cover_start_ms, wanted.cover_end_ms)
        if not len(plates.frames):
            raise AdaptError("The mouth is hidden in the part that is held out")
        judge = Judge(self.video, plates, self.parts.held, faces, self._learnt.tracks, models_folder, track)
        if not judge.is_enough:
            raise AdaptError(f"The mouth is seen in {len(judge.frames)} frames of the part that is held out")
        return judge

    def row(self, judge: Judge, name: str, engine: AtlasLipSync, report: Report) -> Row:
        """How an engine does on the held-out part."""
        folder = self.work / f"patches-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        report(0, 1, f"Comparing: {_NAMES[name]}")
        engine.render(self.video, self.tracks, self.work / _MODELS, self.line(), folder)
        return judge.compare(read_patches(folder), self.work / f"{name}.mp4")

    def sheet(self, judge: Judge, names: Iterable[str], folder: Path) -> None:
        """The compared mouths as a picture beside the figures."""
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f"part-{SHEET}"
        made = {_NAMES[name]: self.work / f"{name}.mp4" for name in names}
        write_sheet(beside, self.video, judge.plates, judge.frames, judge.start, made)
        os.replace(beside, folder / SHEET)


@dataclass(frozen=True, slots=True)
class _Moved:
    """A phone on the video's clock."""

    phone: TimedSymbol
    by_ms: float

    @property
    def symbol(self) -> str:
        return self.phone.symbol

    @property
    def start_ms(self) -> float:
        return self.phone.start_ms + self.by_ms

    @property
    def end_ms(self) -> float:
        return self.phone.end_ms + self.by_ms


def _reach(analysis: FaceAnalysis, tracks: Sequence[FaceTrack], spans: Sequence[Span]) -> tuple[float, float]:
    """From when to when (ms) to listen: from where the speaker is first seen on, twice the most that is used."""
    frames = np.unique(np.concatenate([t.frames for t in tracks]))
    times = analysis.times_ms[frames]
    if spans:
        times = times[np.any([(times >= s.start_ms) & (times < s.end_ms) for s in spans], axis=0)]
    if not len(times):
        raise AdaptError("The speaker is not seen while speaking")
    step_ms = float(np.median(np.diff(analysis.times_ms))) if analysis.frame_count > 1 else 40.0
    last = times[min(len(times), int(2 * MOST_S * 1000 / step_ms)) - 1]
    return float(times[0]) - _AROUND_MS, float(last) + _AROUND_MS


def _ear(network: PhoneNetwork | None) -> Listen:
    def listen(sound: Sound, rate: int) -> Sequence[TimedSymbol]:
        from lipsync_core.speech.listen import listen as hear

        return hear(sound, rate, network=network)

    return listen


def _engine(models_folder: Path, weights: Weights, device: str) -> OwnLipSync:
    from lipsync_core.train.place import find

    place = find(device)
    weights.network.to(place.device)
    engine = OwnLipSync.of(models_folder, weights, str(place.device))
    # The held-out frames are the truth: their own texture on a mouth that fits would be told, not made.
    engine.options = replace(engine.options, own_mouth=True)
    return engine
